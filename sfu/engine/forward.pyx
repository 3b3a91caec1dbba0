"""From a stored packet to the subscribers' datagrams.

Theory of operation. The packets of a frame arrive within a fraction of a millisecond of each other. They are gathered (at
most GATHER_US, ended by the RTP marker), and then written subscriber by subscriber, so that the packets for one
subscriber lie behind each other in the outbound arena and leave as one UDP_SEGMENT burst. The stored payload is never
touched: each subscriber gets a header of its own and a copy, encrypted in place.

Rewriting. Within one layer, out = in + offset: gaps of the publisher's stream stay gaps, so that what is repaired late
still finds its number. A subscriber changes layer, or starts again after a pause, only with the first packet of a
keyframe; there the offset is chosen so that the numbers go on without a gap, and packets of before are dropped.

Padding. A burst takes datagrams of one size, and browsers split a frame into packets that differ by a byte. So the smaller
ones get a few bytes of RTP padding (RFC 3550, 5.1): a byte more costs nothing, a burst less saves two microseconds.
"""

from libc.stdint cimport int8_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy, memset

from sfu.engine.bandwidth cimport bandwidth_sent
from sfu.engine.cache cimport cache_get, cache_payload, packet_t
from sfu.engine.counters cimport (
    DROP_FRAME_PACED,
    DROP_FRAME_SLOW_STREAM,
    DROP_NACK_RATE,
    DROP_NACK_UNKNOWN,
    DROP_NO_ADDRESS,
    DROP_PROTECT,
    NACK_SERVED,
    PADDING_OUT,
    RTP_OUT,
    RTX_OUT,
)
from sfu.engine.feedback cimport want_keyframe
from sfu.engine.lifecycle cimport list_paced, queue_publication, report_now, unqueue_publication
from sfu.engine.model cimport (
    GATHER_US,
    GATHERED,
    LAYER_SILENT_US,
    MAX_PADDING,
    RESEND_GAP_US,
    RESEND_TRIES,
    SENT_HISTORY,
    SHED_KEYFRAME_US,
    sent_t,
    transport_t,
)
from sfu.engine.outbound cimport (
    outbound_commit,
    outbound_commit_video,
    outbound_reserve,
    outbound_takes_frame,
)
from sfu.engine.pacer cimport PACER_PATIENCE_US, pacer_deadline, pacer_put
from sfu.engine.rtp cimport (
    EXT_ABS_SEND_TIME,
    EXT_AUDIO_LEVEL,
    EXT_MID,
    EXT_TRANSPORT_CC,
    EXT_VIDEO_ORIENTATION,
)
from sfu.engine.srtp cimport SRTP_OK, srtp_protect
from sfu.engine.wire cimport put16, put24, put32, unwrap16, unwrap32

cdef enum:
    ONE_BYTE_HEADER = 0xBEDE0000    # RFC 8285, 4.2, with a length of 0
    PADDING_BYTES = 224             # of a probe without payload; a multiple of SRTP's block


# --- gathering ------------------------------------------------------------------------------------------------------


cdef void gather(engine_t *e, layer_t *layer, int64_t sequence, bint now) noexcept nogil:
    cdef publication_t *p = layer.publication
    if p.subscription_count == 0:
        return
    if p.gathered_count == GATHERED:
        forward_gathered(e, p)
    if p.gathered_count == 0:
        p.gather_until_us = e.now_us + GATHER_US
    p.gathered[p.gathered_count].sequence = sequence
    p.gathered[p.gathered_count].layer = layer.index
    p.gathered_count += 1
    p.ready |= now
    queue_publication(e, p)


cdef void forward_ready(engine_t *e) noexcept nogil:
    forward_kind(e, False)
    forward_kind(e, True)


cdef void forward_kind(engine_t *e, bint video) noexcept nogil:
    cdef publication_t *p = e.queued
    cdef publication_t *following
    while p != NULL:
        following = p.queued_next
        if p.video == video and (p.ready or e.now_us >= p.gather_until_us):
            forward_gathered(e, p)
            unqueue_publication(e, p)
        p = following


cdef void forward_gathered(engine_t *e, publication_t *p) noexcept nogil:
    cdef const packet_t *packets[GATHERED]
    cdef layer_t *layers[GATHERED]
    cdef uint8_t padding[GATHERED]
    cdef uint32_t count = 0
    cdef uint32_t i
    for i in range(p.gathered_count):
        layers[count] = &p.layers[p.gathered[i].layer]
        packets[count] = cache_get(&layers[count].cache, p.gathered[i].sequence)
        if packets[count] != NULL:
            count += 1
    p.gathered_count = 0
    p.ready = False
    even_out(packets, count, padding)
    for i in range(p.subscription_count):
        forward_to(e, p.subscriptions[i], layers, packets, padding, count)


cdef void even_out(const packet_t **packets, uint32_t count, uint8_t *padding) noexcept nogil:
    """Bytes that bring each packet of a frame to the size of its largest, where that is near."""
    cdef uint32_t largest
    cdef uint32_t first = 0
    cdef uint32_t i
    cdef uint32_t k
    while first < count:
        largest = packets[first].length
        i = first
        while not packets[i].marker and i + 1 < count:
            i += 1
            largest = max(largest, <uint32_t>packets[i].length)
        for k in range(first, i + 1):
            padding[k] = <uint8_t>(largest - packets[k].length) if largest - packets[k].length <= MAX_PADDING else 0
        padding[i] = 0      # the last of a burst may be shorter
        first = i + 1


cdef void forward_to(
    engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count
) noexcept nogil:
    if s.paused or not s.transport.keyed:
        return
    if not s.transport.has_address:
        e.counters[<int>DROP_NO_ADDRESS] += count
        return
    if s.transport.pacer != NULL and s.publication.video:
        wait_turn(e, s, layers, packets, count)
    else:
        forward_now(e, s, layers, packets, padding, count)


cdef void wait_turn(engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, uint32_t count) noexcept nogil:
    """On a thin link pictures go as fast as it takes them (pacer.pyx); which of them is decided when their turn has come."""
    cdef uint8_t best = best_layer(e, s)
    cdef uint32_t i
    for i in range(count):
        if s.layer != <int8_t>layers[i].index and best != layers[i].index:
            continue
        if not pacer_put(s.transport.pacer, s, layers[i].index, packets[i].sequence, e.now_us):
            shed(e, s)
            break
    list_paced(e, s.transport, pacer_deadline(s.transport.pacer))


cdef void forward_now(
    engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count
) noexcept nogil:
    cdef uint32_t i
    for i in range(count):
        if s.layer != <int8_t>layers[i].index:
            if s.shed_us and not may_resume(e, s, layers[i], packets[i]):
                continue
            if not may_start(e, s, layers[i], packets[i]):
                continue
            start_layer(e, s, layers[i], packets[i])
        elif packets[i].sequence < s.first_in:
            continue
        elif s.publication.video and begins_picture(s, packets[i]) and not takes_picture(e, s):
            shed(e, s)
            continue
        send_packet(e, s, layers[i], packets[i], padding[i])


# --- layers ---------------------------------------------------------------------------------------------------------


cdef inline bint alive(const engine_t *e, const layer_t *layer) noexcept nogil:
    return layer.started and e.now_us - layer.last_us < LAYER_SILENT_US


cdef uint8_t best_layer(const engine_t *e, const subscription_t *s) noexcept nogil:
    """The wanted layer, or the nearest one below it that has packets, or the nearest above."""
    cdef const publication_t *p = s.publication
    cdef int i
    for i in range(s.wanted_layer, -1, -1):
        if alive(e, &p.layers[i]):
            return <uint8_t>i
    for i in range(s.wanted_layer + 1, <int>p.layer_count):
        if alive(e, &p.layers[i]):
            return <uint8_t>i
    return s.wanted_layer


cdef bint may_start(const engine_t *e, const subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    if not s.publication.video:
        return True
    return packet.keyframe and best_layer(e, s) == layer.index


cdef void start_layer(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    """The next number goes to this packet; time goes on by the clock where another layer's timestamps begin."""
    cdef uint64_t passed
    s.offset = s.highest_out + 1 - packet.sequence
    s.first_in = packet.sequence
    if s.started and s.last_layer != <int8_t>layer.index:
        passed = <uint64_t>(e.now_us - s.last_sent_us) * s.publication.clock_rate // 1000000
        s.timestamp_offset = s.last_timestamp + <uint32_t>(passed if passed else 1) - packet.timestamp
    s.frame_timestamp = packet.timestamp
    s.layer = <int8_t>layer.index
    s.last_layer = s.layer
    if not s.started:
        s.started = True
        report_now(e, s.transport)      # lip sync begins with the first sender report


# --- slow streams ---------------------------------------------------------------------------------------------------
# A TCP connection that is read too slowly gets whole pictures or none. What follows a picture that was left out refers to
# it, so nothing more goes until a keyframe; numbers go on without a gap there, and nobody asks for what was left out.


cdef inline bint begins_picture(subscription_t *s, const packet_t *packet) noexcept nogil:
    if <int32_t>(packet.timestamp - s.frame_timestamp) <= 0 and s.started:
        return False                            # repaired late, or of the same picture
    s.frame_timestamp = packet.timestamp
    return True


cdef inline bint takes_picture(engine_t *e, subscription_t *s) noexcept nogil:
    if s.transport.pacer != NULL and s.transport.pacer.waited_us > PACER_PATIENCE_US:
        return False
    return outbound_takes_frame(&e.out, &s.transport.address, e.now_us)


cdef inline void count_shed(engine_t *e, subscription_t *s) noexcept nogil:
    e.counters[<int>DROP_FRAME_PACED if s.transport.pacer != NULL else <int>DROP_FRAME_SLOW_STREAM] += 1
    s.frames_shed += 1


cdef void shed(engine_t *e, subscription_t *s) noexcept nogil:
    count_shed(e, s)
    s.layer = -1
    if s.shed_us == 0:
        s.shed_us = e.now_us


cdef bint may_resume(engine_t *e, subscription_t *s, layer_t *layer, const packet_t *packet) noexcept nogil:
    """Asked at each packet while pictures are left out: is there room again, at the beginning of a keyframe?"""
    if layer.index != best_layer(e, s) or not begins_picture(s, packet):
        return False
    if not takes_picture(e, s):
        shed(e, s)
        return False
    if packet.keyframe:
        s.shed_us = 0
        return True
    count_shed(e, s)
    if e.now_us - s.shed_us >= SHED_KEYFRAME_US:
        s.shed_us = e.now_us
        want_keyframe(e, layer)
    return False


# --- writing --------------------------------------------------------------------------------------------------------


cdef inline uint32_t write_extensions(const subscription_t *s, uint8_t *at, const packet_t *packet, const sent_t *sent) noexcept nogil:
    """Header extensions in the one-byte form (RFC 8285); returns their length with header, 0 for none."""
    cdef const transport_t *t = s.transport
    cdef uint32_t n = 4
    if sent.with_mid and t.send_ids[<int>EXT_MID] and s.mid.length:
        at[n] = <uint8_t>(t.send_ids[<int>EXT_MID] << 4 | (s.mid.length - 1))
        memcpy(at + n + 1, s.mid.text, s.mid.length)
        n += 1 + s.mid.length
    if t.send_ids[<int>EXT_ABS_SEND_TIME]:
        at[n] = <uint8_t>(t.send_ids[<int>EXT_ABS_SEND_TIME] << 4 | 2)
        put24(at + n + 1, sent.send_time)
        n += 4
    if t.send_ids[<int>EXT_TRANSPORT_CC]:
        at[n] = <uint8_t>(t.send_ids[<int>EXT_TRANSPORT_CC] << 4 | 1)
        put16(at + n + 1, sent.transport_sequence)
        n += 3
    if packet.has_level and t.send_ids[<int>EXT_AUDIO_LEVEL]:
        at[n] = <uint8_t>(t.send_ids[<int>EXT_AUDIO_LEVEL] << 4)
        at[n + 1] = packet.level
        n += 2
    if packet.has_orientation and t.send_ids[<int>EXT_VIDEO_ORIENTATION]:
        at[n] = <uint8_t>(t.send_ids[<int>EXT_VIDEO_ORIENTATION] << 4)
        at[n + 1] = packet.orientation
        n += 2
    if n == 4:
        return 0
    while n & 3:
        at[n] = 0
        n += 1
    put32(at, ONE_BYTE_HEADER | ((n - 4) >> 2))
    return n


cdef inline uint32_t write_header(const subscription_t *s, uint8_t *at, uint32_t payload_type, uint32_t sequence, uint32_t ssrc, const packet_t *packet, const sent_t *sent) noexcept nogil:
    cdef uint32_t n = write_extensions(s, at + 12, packet, sent)
    at[0] = (0x90 if n else 0x80) | (0x20 if sent.padding else 0)
    at[1] = <uint8_t>(packet.marker << 7 | payload_type)
    put16(at + 2, sequence)
    put32(at + 4, packet.timestamp + s.timestamp_offset)
    put32(at + 8, ssrc)
    return 12 + n


cdef bint protect_and_commit(engine_t *e, subscription_t *s, uint8_t *at, uint32_t length) noexcept nogil:
    cdef transport_t *t = s.transport
    if not t.plain and srtp_protect(t.srtp_out, at, &length) != SRTP_OK:
        e.counters[<int>DROP_PROTECT] += 1
        return False
    if s.publication.video:
        outbound_commit_video(&e.out, &t.address, length)
    else:
        outbound_commit(&e.out, &t.address, length)
    t.packets_out += 1
    t.bytes_out += length
    return True


cdef inline void stamp(engine_t *e, transport_t *t, sent_t *sent) noexcept nogil:
    sent.send_time = e.send_time
    sent.transport_sequence = t.transport_sequence
    if t.send_ids[<int>EXT_TRANSPORT_CC]:
        t.transport_sequence += 1


cdef inline void note_sent(const engine_t *e, transport_t *t, const sent_t *sent, uint32_t length) noexcept nogil:
    if t.bandwidth != NULL:
        bandwidth_sent(t.bandwidth, sent.transport_sequence, length, e.now_us)


cdef inline uint32_t write_payload(uint8_t *at, const layer_t *layer, const packet_t *packet, uint32_t padding) noexcept nogil:
    memcpy(at, cache_payload(&layer.cache, packet), packet.length)
    if padding:
        memset(at + packet.length, 0, padding)
        at[packet.length + padding - 1] = <uint8_t>padding
    return packet.length + padding


cdef void send_packet(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, uint8_t padding) noexcept nogil:
    cdef int payload_type = s.formats[packet.format].payload_type
    cdef int64_t sequence = packet.sequence + s.offset
    cdef sent_t sent
    cdef uint8_t *at
    cdef uint32_t n
    if payload_type < 0:
        return
    sent.with_mid = not s.heard
    sent.padding = 0 if s.transport.plain else padding
    stamp(e, s.transport, &sent)
    at = outbound_reserve(&e.out)
    n = write_header(s, at, <uint32_t>payload_type, <uint32_t>sequence, s.ssrc, packet, &sent)
    n += write_payload(at + n, layer, packet, sent.padding)
    if not protect_and_commit(e, s, at, n):
        return
    note_sent(e, s.transport, &sent, n)
    e.counters[<int>RTP_OUT] += 1
    s.packets += 1
    s.bytes += packet.length
    if sequence > s.highest_out:
        s.highest_out = sequence
        s.last_timestamp = packet.timestamp + s.timestamp_offset
        s.last_sent_us = e.now_us
    if s.keeps_history:
        remember(s, sequence, layer, packet, &sent)


# --- repeats --------------------------------------------------------------------------------------------------------


cdef inline void remember(subscription_t *s, int64_t sequence, const layer_t *layer, const packet_t *packet, sent_t *sent) noexcept nogil:
    if s.sent == NULL:
        s.sent = <sent_t *>calloc(SENT_HISTORY, sizeof(sent_t))
        if s.sent == NULL:
            return
    sent.sequence = <uint32_t>packet.sequence
    sent.resent_ms = 0
    sent.tries = 0
    sent.layer = layer.index
    sent.check = check_of(sequence)
    s.sent[sequence & (SENT_HISTORY - 1)] = sent[0]


cdef inline uint8_t check_of(int64_t sequence) noexcept nogil:
    return <uint8_t>((sequence // SENT_HISTORY) & 127) | 128     # never 0, which an unused entry has


cdef sent_t *find_sent(subscription_t *s, int64_t sequence) noexcept nogil:
    cdef sent_t *sent
    if s.sent == NULL or sequence > s.highest_out or s.highest_out - sequence >= SENT_HISTORY:
        return NULL
    sent = &s.sent[sequence & (SENT_HISTORY - 1)]
    # a packet of before a layer switch: its timestamps no longer fit, and its frame no longer matters
    if sent.check != check_of(sequence) or s.layer != <int8_t>sent.layer:
        return NULL
    return sent


cdef void resend(engine_t *e, subscription_t *s, uint16_t sequence) noexcept nogil:
    cdef int64_t wanted = unwrap16(s.highest_out, sequence)
    cdef sent_t *sent = find_sent(s, wanted)
    cdef const layer_t *layer
    cdef const packet_t *packet
    cdef uint32_t now_ms = <uint32_t>(e.now_us // 1000) | 1
    if sent == NULL or not s.transport.has_address or s.paused:
        e.counters[<int>DROP_NACK_UNKNOWN] += 1
        return
    layer = &s.publication.layers[sent.layer]
    packet = cache_get(&layer.cache, unwrap32(layer.reception.highest, sent.sequence))
    if packet == NULL:
        e.counters[<int>DROP_NACK_UNKNOWN] += 1
        return
    if sent.tries >= RESEND_TRIES or (sent.resent_ms and now_ms - sent.resent_ms < resend_gap_ms(s)):
        e.counters[<int>DROP_NACK_RATE] += 1
        return
    sent.tries += 1
    sent.resent_ms = now_ms
    if s.formats[packet.format].rtx_payload_type >= 0:
        if send_rtx(e, s, layer, packet, wanted):
            count_repeat(e, s)
    else:
        send_again(e, s, layer, packet, wanted, sent)


cdef inline uint32_t resend_gap_ms(const subscription_t *s) noexcept nogil:
    # A receiver repeats its request about once a round trip; two requests within half of one mean the same loss.
    return <uint32_t>((s.rtt_us // 2 if s.rtt_us > 2 * RESEND_GAP_US else RESEND_GAP_US) // 1000)


cdef bint send_rtx(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, int64_t sequence) noexcept nogil:
    """RFC 4588, 4: own SSRC and numbers, the original number before the payload."""
    cdef sent_t sent
    cdef uint8_t *at
    cdef uint32_t n
    sent.with_mid = not s.heard
    sent.padding = 0
    stamp(e, s.transport, &sent)
    at = outbound_reserve(&e.out)
    n = write_header(s, at, <uint32_t>s.formats[packet.format].rtx_payload_type, s.rtx_sequence, s.rtx_ssrc, packet, &sent)
    put16(at + n, <uint32_t>sequence)
    n += 2 + write_payload(at + n + 2, layer, packet, 0)
    if not protect_and_commit(e, s, at, n):
        return False
    note_sent(e, s.transport, &sent, n)
    s.rtx_sequence += 1
    return True


cdef void send_again(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, int64_t sequence, const sent_t *sent) noexcept nogil:
    """The packet as it was, to the bit: under AES-GCM the same number with other bytes would give the key away (RFC 7714, 9.1)."""
    cdef uint8_t *at = outbound_reserve(&e.out)
    cdef uint32_t n = write_header(s, at, <uint32_t>s.formats[packet.format].payload_type, <uint32_t>sequence, s.ssrc, packet, sent)
    n += write_payload(at + n, layer, packet, sent.padding)
    if protect_and_commit(e, s, at, n):
        count_repeat(e, s)


cdef inline void count_repeat(engine_t *e, subscription_t *s) noexcept nogil:
    e.counters[<int>RTX_OUT] += 1
    e.counters[<int>NACK_SERVED] += 1
    s.resent += 1


# --- probes ---------------------------------------------------------------------------------------------------------


cdef bint send_padding(engine_t *e, transport_t *t, uint32_t back) noexcept nogil:
    cdef subscription_t *s
    cdef subscription_t *chosen = NULL
    cdef const sent_t *sent
    cdef layer_t *layer
    cdef const packet_t *packet = NULL
    cdef uint32_t i
    for i in range(t.subscription_count):
        s = t.subscriptions[i]
        if s.rtx_ssrc and s.formats[0].rtx_payload_type >= 0 and (chosen == NULL or (s.layer >= 0 and not s.paused)):
            chosen = s
    if chosen == NULL:
        return False
    sent = find_sent(chosen, chosen.highest_out - back)
    if sent != NULL and not chosen.paused:
        layer = &chosen.publication.layers[sent.layer]
        packet = cache_get(&layer.cache, unwrap32(layer.reception.highest, sent.sequence))
    if packet != NULL and chosen.formats[packet.format].rtx_payload_type >= 0:
        if not send_rtx(e, chosen, layer, packet, chosen.highest_out - back):
            return False
    elif not send_empty(e, chosen):
        return False
    e.counters[<int>PADDING_OUT] += 1
    return True


cdef bint send_empty(engine_t *e, subscription_t *s) noexcept nogil:
    """An RTX packet of nothing but padding, which says its own length in a byte (RFC 3550, 5.1)."""
    cdef packet_t packet
    cdef sent_t sent
    cdef uint8_t *at
    cdef uint32_t n
    memset(&packet, 0, sizeof(packet))
    packet.timestamp = s.last_timestamp - s.timestamp_offset
    sent.with_mid = not s.heard
    sent.padding = PADDING_BYTES
    stamp(e, s.transport, &sent)
    at = outbound_reserve(&e.out)
    n = write_header(s, at, <uint32_t>s.formats[0].rtx_payload_type, s.rtx_sequence, s.rtx_ssrc, &packet, &sent)
    memset(at + n, 0, PADDING_BYTES)
    at[n + PADDING_BYTES - 1] = PADDING_BYTES
    n += PADDING_BYTES
    if not protect_and_commit(e, s, at, n):
        return False
    note_sent(e, s.transport, &sent, n)
    s.rtx_sequence += 1
    return True
