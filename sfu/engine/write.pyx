"""A packet as one subscriber gets it: header, header extensions, payload; the first time, and again.

What was sent is remembered, so that a repeat can be made from the stored packet: as a retransmission (RFC 4588), or where the
subscriber took none, as the same datagram to the bit.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy, memset

from sfu.engine.bandwidth cimport bandwidth_repairs, bandwidth_sent
from sfu.engine.cache cimport cache_dependency, cache_get, cache_payload, packet_t
from sfu.engine.counters cimport (
    DROP_LAYER,
    DROP_NACK_BANDWIDTH,
    DROP_NACK_RATE,
    DROP_NACK_UNKNOWN,
    DROP_PROTECT,
    FILLERS_OUT,
    NACK_SERVED,
    PADDING_OUT,
    RTP_OUT,
    RTX_OUT,
)
from sfu.engine.gcm cimport gcm_protect
from sfu.engine.layers cimport selector_dropped_after
from sfu.engine.model cimport (
    RESEND_GAP_US,
    RESEND_TRIES,
    SENT_HISTORY,
    out_format_t,
    sent_t,
    transport_t,
)
from sfu.engine.munger cimport drops_sent, drops_shift, numbers_send, numbers_write
from sfu.engine.outbound cimport outbound_commit, outbound_commit_video, outbound_reserve
from sfu.engine.payload cimport red_rename
from sfu.engine.rtp cimport (
    EXT_ABS_SEND_TIME,
    EXT_AUDIO_LEVEL,
    EXT_DEPENDENCY,
    EXT_KINDS,
    EXT_MID,
    EXT_TRANSPORT_CC,
    EXT_VIDEO_ORIENTATION,
)
from sfu.engine.srtp cimport SRTP_OK, srtp_protect
from sfu.engine.wire cimport put16, put24, put32, unwrap16, unwrap32

cdef enum:
    ONE_BYTE_HEADER = 0xBEDE0000    # RFC 8285, 4.2, with a length of 0
    TWO_BYTE_HEADER = 0x10000000    # RFC 8285, 4.3
    ONE_BYTE_MOST = 16              # bytes of a value that the one-byte form can carry
    FILLER_BYTES = 29               # about, as far as the estimate goes
    # Of a probe without payload: as much as one byte can say, and what is worth its header.
    PADDING_MOST = 224
    PADDING_LEAST = 64
    REPEAT_LEAST = 600              # what is to be smaller is padding: packets of pictures would be far too large

cdef struct out_t:                  # how one packet goes out to one subscriber
    const out_format_t *format
    uint32_t skip                   # bytes of the payload that are left out before it


cdef void set_send_ids(transport_t *t, const uint8_t *ids) noexcept nogil:
    cdef uint32_t i
    if memcmp(t.send_ids, ids, EXT_KINDS) == 0:
        return
    memcpy(t.send_ids, ids, EXT_KINDS)
    for i in range(t.subscription_count):
        t.subscriptions[i].repeatable_from = t.subscriptions[i].highest_out + 1


# --- writing --------------------------------------------------------------------------------------------------------


cdef inline uint32_t write_element(uint8_t *at, bint wide, uint8_t id, const uint8_t *value, uint32_t length) noexcept nogil:
    """One header extension in the one-byte or the two-byte form (RFC 8285, 4.2 and 4.3)."""
    cdef uint32_t n = 2 if wide else 1
    if wide:
        at[0] = id
        at[1] = <uint8_t>length
    else:
        at[0] = <uint8_t>(id << 4 | (length - 1))
    memcpy(at + n, value, length)
    return n + length


cdef inline uint32_t write_extensions(const subscription_t *s, uint8_t *at, const packet_t *packet, const uint8_t *dependency, const sent_t *sent, bint wide) noexcept nogil:
    """Header extensions; returns their length with header, 0 for none. dependency: the descriptor, or NULL. wide: in the
    two-byte form; given as a constant, so that the compiler makes two functions of this."""
    cdef const uint8_t *ids = s.transport.send_ids
    cdef uint8_t value[4]
    cdef uint32_t n = 4
    if sent.with_mid and ids[<int>EXT_MID] and s.mid.length:
        n += write_element(at + n, wide, ids[<int>EXT_MID], s.mid.text, s.mid.length)
    if ids[<int>EXT_ABS_SEND_TIME]:
        put24(value, sent.send_time)
        n += write_element(at + n, wide, ids[<int>EXT_ABS_SEND_TIME], value, 3)
    if ids[<int>EXT_TRANSPORT_CC]:
        put16(value, sent.transport_sequence)
        n += write_element(at + n, wide, ids[<int>EXT_TRANSPORT_CC], value, 2)
    if packet.has_level and ids[<int>EXT_AUDIO_LEVEL]:
        n += write_element(at + n, wide, ids[<int>EXT_AUDIO_LEVEL], &packet.level, 1)
    if packet.has_orientation and ids[<int>EXT_VIDEO_ORIENTATION]:
        n += write_element(at + n, wide, ids[<int>EXT_VIDEO_ORIENTATION], &packet.orientation, 1)
    if dependency != NULL:
        n += write_element(at + n, wide, ids[<int>EXT_DEPENDENCY], dependency, packet.dependency_length)
        put16(at + n - packet.dependency_length + 1, sent.picture)
    if n == 4:
        return 0
    while n & 3:
        at[n] = 0
        n += 1
    put32(at, (TWO_BYTE_HEADER if wide else ONE_BYTE_HEADER) | ((n - 4) >> 2))
    return n


cdef inline const uint8_t *dependency_of(const subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    """The dependency descriptor, where there is one that makes sense and this subscriber takes it."""
    if not packet.descriptor.targeted or not s.transport.send_ids[<int>EXT_DEPENDENCY]:
        return NULL
    return cache_dependency(&layer.cache, packet)


cdef inline uint32_t write_header(const subscription_t *s, uint8_t *at, uint32_t payload_type, uint32_t sequence, uint32_t ssrc, const packet_t *packet, const uint8_t *dependency, const sent_t *sent) noexcept nogil:
    cdef uint32_t n
    if dependency != NULL and packet.dependency_length > ONE_BYTE_MOST:
        n = write_extensions(s, at + 12, packet, dependency, sent, True)
    else:
        n = write_extensions(s, at + 12, packet, dependency, sent, False)
    at[0] = (0x90 if n else 0x80) | (0x20 if sent.padding else 0)
    at[1] = <uint8_t>(sent.marker << 7 | payload_type)
    put16(at + 2, sequence)
    put32(at + 4, packet.timestamp + s.timestamp_offset)
    put32(at + 8, ssrc)
    return 12 + n


cdef inline bint protect(const transport_t *t, uint8_t *at, uint32_t header, uint32_t *length, int64_t sequence) noexcept nogil:
    if t.gcm.context != NULL:
        return gcm_protect(&t.gcm, at, header, length, sequence)
    return t.plain or srtp_protect(t.srtp_out, at, length) == SRTP_OK


cdef bint protect_and_commit(engine_t *e, subscription_t *s, uint8_t *at, uint32_t header, uint32_t length, int64_t sequence) noexcept nogil:
    """header, length: bytes so far, without and with the payload; sequence: the number in it, unwrapped."""
    cdef transport_t *t = s.transport
    if not protect(t, at, header, &length, sequence):
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


cdef inline uint32_t write_payload(const subscription_t *s, uint8_t *at, const layer_t *layer, const packet_t *packet, const out_t *out, const sent_t *sent) noexcept nogil:
    """The payload with this subscriber's frame numbers in it, and padding."""
    cdef uint32_t length = packet.length - out.skip
    memcpy(at, cache_payload(&layer.cache, packet) + out.skip, length)
    if packet.descriptor.picture_bits:
        numbers_write(&s.numbers, &packet.descriptor, sent.picture, at)
    elif packet.primary_format >= 0 and out.skip == 0 and s.formats[packet.primary_format].payload_type >= 0:
        red_rename(at, <uint8_t>s.formats[packet.primary_format].payload_type)
    if sent.padding:
        memset(at + length, 0, sent.padding)
        at[length + sent.padding - 1] = sent.padding
    return length + sent.padding


cdef inline bint choose_format(const subscription_t *s, const packet_t *packet, out_t *out) noexcept nogil:
    """Under which format this packet goes out: RED as it is, or, where the subscriber did not take it, unpacked."""
    out.format = &s.formats[packet.format]
    out.skip = 0
    if out.format.payload_type < 0 and packet.primary_format >= 0:
        out.format = &s.formats[packet.primary_format]
        out.skip = packet.primary_at
    return out.format.payload_type >= 0


cdef inline int64_t number_of(const subscription_t *s, const packet_t *packet) noexcept nogil:
    """Its sequence number towards this subscriber; -1: it has none."""
    cdef int64_t shift = 0
    if s.drops != NULL:
        drops_sent(s.drops, packet.sequence)
        shift = drops_shift(s.drops, packet.sequence)
        if shift < 0:
            return -1
    return packet.sequence + s.offset + shift


cdef inline uint16_t picture_of(subscription_t *s, const packet_t *packet) noexcept nogil:
    cdef uint32_t later = 0
    if not packet.descriptor.picture_bits:
        return 0
    if packet.descriptor.closes_up and s.selector != NULL:
        later = selector_dropped_after(s.selector, packet.descriptor.frame)
    return numbers_send(&s.numbers, &packet.descriptor, later)


cdef void send_packet(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, sent_t *sent) noexcept nogil:
    """sent: marker and padding are chosen."""
    cdef int64_t sequence
    cdef out_t out
    cdef uint8_t *at
    cdef uint32_t header
    cdef uint32_t n
    if not choose_format(s, packet, &out):
        return
    sequence = number_of(s, packet)
    if sequence < 0:
        e.counters[<int>DROP_LAYER] += 1
        return
    sent.filler = False
    sent.with_mid = not s.heard
    sent.padding = 0 if s.transport.plain else sent.padding
    sent.picture = picture_of(s, packet)
    stamp(e, s.transport, sent)
    at = outbound_reserve(&e.out)
    header = write_header(
        s, at, <uint32_t>out.format.payload_type, <uint32_t>sequence, s.ssrc, packet, dependency_of(s, layer, packet), sent
    )
    n = header + write_payload(s, at + header, layer, packet, &out, sent)
    if not protect_and_commit(e, s, at, header, n, sequence):
        return
    note_sent(e, s.transport, sent, n)
    e.counters[<int>RTP_OUT] += 1
    s.packets += 1
    s.bytes += packet.length - out.skip
    if sequence > s.highest_out:
        s.highest_out = sequence
        s.last_timestamp = packet.timestamp + s.timestamp_offset
        s.last_sent_us = e.now_us
        s.between_pictures = sent.marker
    if s.keeps_history:
        remember(s, sequence, packet, sent)


cdef void send_filler(engine_t *e, subscription_t *s, const packet_t *packet, int64_t sequence) noexcept nogil:
    cdef sent_t sent
    cdef out_t out
    if not choose_format(s, packet, &out):
        return
    memset(&sent, 0, sizeof(sent_t))
    sent.with_mid = not s.heard
    sent.padding = 1
    sent.filler = True
    stamp(e, s.transport, &sent)
    if write_filler(e, s, packet, &out, sequence, &sent):
        note_sent(e, s.transport, &sent, FILLER_BYTES)
        e.counters[<int>FILLERS_OUT] += 1
        s.highest_out = max(s.highest_out, sequence)    # what comes next must not have its number
        if s.keeps_history:
            remember(s, sequence, packet, &sent)


cdef bint write_filler(engine_t *e, subscription_t *s, const packet_t *packet, const out_t *out, int64_t sequence, const sent_t *sent) noexcept nogil:
    """Nothing but padding: receivers take the number for come (RFC 3550, 5.1)."""
    cdef uint8_t *at = outbound_reserve(&e.out)
    cdef uint32_t n = write_header(s, at, <uint32_t>out.format.payload_type, <uint32_t>sequence, s.ssrc, packet, NULL, sent)
    memset(at + n, 0, sent.padding)
    at[n + sent.padding - 1] = sent.padding
    return protect_and_commit(e, s, at, n, n + sent.padding, sequence)


# --- repeats --------------------------------------------------------------------------------------------------------


cdef inline void remember(subscription_t *s, int64_t sequence, const packet_t *packet, sent_t *sent) noexcept nogil:
    if s.sent == NULL:
        s.sent = <sent_t *>calloc(SENT_HISTORY, sizeof(sent_t))
        if s.sent == NULL:
            return
    sent.sequence = <uint32_t>packet.sequence
    sent.resent_ms = 0
    sent.tries = 0
    sent.check = check_of(sequence)
    s.sent[sequence & (SENT_HISTORY - 1)] = sent[0]


cdef inline uint8_t check_of(int64_t sequence) noexcept nogil:
    return <uint8_t>((sequence // SENT_HISTORY) & 127) | 128     # never 0, which an unused entry has


cdef sent_t *find_sent(subscription_t *s, int64_t sequence) noexcept nogil:
    cdef sent_t *sent
    if s.sent == NULL or sequence > s.highest_out or s.highest_out - sequence >= SENT_HISTORY:
        return NULL
    sent = &s.sent[sequence & (SENT_HISTORY - 1)]
    # a packet of before a switch: its timestamps no longer fit, and its frame no longer matters
    if sent.check != check_of(sequence) or s.layer < 0 or sequence < s.first_out:
        return NULL
    return sent


cdef inline bint repeatable(const subscription_t *s, const out_t *out, int64_t sequence, const sent_t *sent) noexcept nogil:
    """A retransmission has a number of its own; everything else must still be the datagram that it was."""
    return sequence >= s.repeatable_from or (out.format.rtx_payload_type >= 0 and not sent.filler)


cdef void resend(engine_t *e, subscription_t *s, uint16_t sequence) noexcept nogil:
    cdef int64_t wanted = unwrap16(s.highest_out, sequence)
    cdef sent_t *sent = find_sent(s, wanted)
    cdef const layer_t *layer
    cdef const packet_t *packet
    cdef out_t out
    cdef uint32_t now_ms = <uint32_t>(e.now_us // 1000) | 1
    if sent == NULL or not s.transport.has_address or s.paused:
        e.counters[<int>DROP_NACK_UNKNOWN] += 1
        return
    layer = &s.publication.layers[s.layer]
    packet = cache_get(&layer.cache, unwrap32(layer.reception.highest, sent.sequence))
    if packet == NULL or not choose_format(s, packet, &out) or not repeatable(s, &out, wanted, sent):
        e.counters[<int>DROP_NACK_UNKNOWN] += 1
        return
    if sent.tries >= RESEND_TRIES or (sent.resent_ms and now_ms - sent.resent_ms < resend_gap_ms(s)):
        e.counters[<int>DROP_NACK_RATE] += 1
        return
    if s.transport.bandwidth != NULL and not bandwidth_repairs(s.transport.bandwidth, packet.length, e.now_us):
        e.counters[<int>DROP_NACK_BANDWIDTH] += 1
        return
    sent.tries += 1
    sent.resent_ms = now_ms
    if sent.filler:
        if write_filler(e, s, packet, &out, wanted, sent):
            count_repeat(e, s)
    elif out.format.rtx_payload_type >= 0:
        if send_rtx(e, s, layer, packet, &out, wanted, sent):
            count_repeat(e, s)
    else:
        send_again(e, s, layer, packet, &out, wanted, sent)


cdef inline uint32_t resend_gap_ms(const subscription_t *s) noexcept nogil:
    # A receiver repeats its request about once a round trip; two requests within half of one mean the same loss.
    return <uint32_t>((s.rtt_us // 2 if s.rtt_us > 2 * RESEND_GAP_US else RESEND_GAP_US) // 1000)


cdef bint send_rtx(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, const out_t *out, int64_t sequence, const sent_t *first) noexcept nogil:
    """RFC 4588, 4: own SSRC and numbers, the original number before the payload."""
    cdef sent_t sent = first[0]
    cdef uint8_t *at
    cdef uint32_t header
    cdef uint32_t n
    sent.with_mid = not s.heard
    sent.padding = 0
    stamp(e, s.transport, &sent)
    at = outbound_reserve(&e.out)
    header = write_header(
        s,
        at,
        <uint32_t>out.format.rtx_payload_type,
        <uint32_t>s.rtx_sequence,
        s.rtx_ssrc,
        packet,
        dependency_of(s, layer, packet),
        &sent,
    )
    put16(at + header, <uint32_t>sequence)
    n = header + 2 + write_payload(s, at + header + 2, layer, packet, out, &sent)
    if not protect_and_commit(e, s, at, header, n, s.rtx_sequence):
        return False
    note_sent(e, s.transport, &sent, n)
    s.rtx_sequence += 1
    return True


cdef void send_again(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, const out_t *out, int64_t sequence, const sent_t *sent) noexcept nogil:
    """The packet as it was, to the bit: under AES-GCM the same number with other bytes would give the key away (RFC 7714, 9.1)."""
    cdef uint8_t *at = outbound_reserve(&e.out)
    cdef uint32_t header = write_header(
        s, at, <uint32_t>out.format.payload_type, <uint32_t>sequence, s.ssrc, packet, dependency_of(s, layer, packet), sent
    )
    cdef uint32_t n = header + write_payload(s, at + header, layer, packet, out, sent)
    if protect_and_commit(e, s, at, header, n, sequence):
        count_repeat(e, s)


cdef inline void count_repeat(engine_t *e, subscription_t *s) noexcept nogil:
    e.counters[<int>RTX_OUT] += 1
    e.counters[<int>NACK_SERVED] += 1
    s.resent += 1


# --- probes ---------------------------------------------------------------------------------------------------------


cdef padding_t send_padding(engine_t *e, transport_t *t, uint32_t back, uint32_t size) noexcept nogil:
    cdef uint8_t padding = <uint8_t>min(max(size, <uint32_t>PADDING_LEAST), <uint32_t>PADDING_MOST)
    cdef subscription_t *s
    cdef subscription_t *chosen = NULL
    cdef const sent_t *sent
    cdef layer_t *layer
    cdef const packet_t *packet = NULL
    cdef out_t out
    cdef uint32_t i
    for i in range(t.subscription_count):
        s = t.subscriptions[i]
        if s.rtx_ssrc and s.formats[0].rtx_payload_type >= 0 and (chosen == NULL or (s.layer >= 0 and not s.paused)):
            chosen = s
    if chosen == NULL:
        return send_between(e, t, padding)
    sent = find_sent(chosen, chosen.highest_out - back)
    if sent != NULL and size >= REPEAT_LEAST and not sent.filler and not chosen.paused:
        layer = &chosen.publication.layers[chosen.layer]
        packet = cache_get(&layer.cache, unwrap32(layer.reception.highest, sent.sequence))
    if packet != NULL and choose_format(chosen, packet, &out) and out.format.rtx_payload_type >= 0:
        if not send_rtx(e, chosen, layer, packet, &out, chosen.highest_out - back, sent):
            return PADDING_NO_PLACE
    elif not send_empty(e, chosen, padding):
        return PADDING_NO_PLACE
    e.counters[<int>PADDING_OUT] += 1
    return PADDING_SENT


cdef bint send_empty(engine_t *e, subscription_t *s, uint8_t padding) noexcept nogil:
    """An RTX packet of nothing but padding, which says its own length in a byte (RFC 3550, 5.1)."""
    cdef packet_t packet
    cdef sent_t sent
    cdef uint8_t *at
    cdef uint32_t header
    cdef uint32_t n
    memset(&packet, 0, sizeof(packet))
    packet.timestamp = s.last_timestamp - s.timestamp_offset
    memset(&sent, 0, sizeof(sent))
    sent.with_mid = not s.heard
    sent.padding = padding
    stamp(e, s.transport, &sent)
    at = outbound_reserve(&e.out)
    header = write_header(
        s, at, <uint32_t>s.formats[0].rtx_payload_type, <uint32_t>s.rtx_sequence, s.rtx_ssrc, &packet, NULL, &sent
    )
    n = header + padding
    memset(at + header, 0, padding)
    at[n - 1] = padding
    if not protect_and_commit(e, s, at, header, n, s.rtx_sequence):
        return False
    note_sent(e, s.transport, &sent, n)
    s.rtx_sequence += 1
    return True


cdef padding_t send_between(engine_t *e, transport_t *t, uint8_t padding) noexcept nogil:
    """No retransmission stream: padding among the packets of a picture stream, behind the end of a picture, where
    receivers take it for nothing (RFC 3550, 5.1; libwebrtc does the same)."""
    cdef subscription_t *s
    cdef padding_t found = PADDING_NO_PLACE
    cdef uint32_t i
    for i in range(t.subscription_count):
        s = t.subscriptions[i]
        if not s.publication.video or s.layer < 0 or s.paused:
            continue
        if s.between_pictures and insert_padding(e, s, padding):
            e.counters[<int>PADDING_OUT] += 1
            return PADDING_SENT
        found = PADDING_LATER
    return found


cdef bint insert_padding(engine_t *e, subscription_t *s, uint8_t padding) noexcept nogil:
    """A packet under a number of its own: those of the media behind it move up by one. What would still come of before it
    has lost its number, so this is for moments in which nothing is missing."""
    cdef layer_t *layer = &s.publication.layers[s.layer]
    cdef int64_t last = s.drops.highest if s.drops != NULL else s.highest_out - s.offset
    cdef const packet_t *packet = cache_get(&layer.cache, last)
    cdef int64_t sequence = s.highest_out + 1
    cdef sent_t sent
    cdef out_t out
    if layer.nack.count > 0 or packet == NULL or not choose_format(s, packet, &out):
        return False
    memset(&sent, 0, sizeof(sent_t))
    sent.with_mid = not s.heard
    sent.padding = padding
    sent.filler = True
    stamp(e, s.transport, &sent)
    if not write_filler(e, s, packet, &out, sequence, &sent):
        return False
    note_sent(e, s.transport, &sent, padding + FILLER_BYTES)
    s.highest_out = sequence
    s.offset += 1
    s.first_in = last + 1
    if s.keeps_history:
        remember(s, sequence, packet, &sent)
    return True
