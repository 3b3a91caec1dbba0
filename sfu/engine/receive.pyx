"""From a datagram to a stored packet.

Order of refusals: what costs least is checked first. A first byte outside RFC 7983, a STUN message without a ufrag of
ours, DTLS or media from an address that no authenticated check has named: each costs one counter and one table look-up.
Only media of a known peer reaches the cipher.
"""

from libc.stdint cimport int8_t, int64_t, uint16_t, uint64_t
from libc.stdlib cimport malloc
from libc.string cimport memset

from sfu.engine.cache cimport cache_put, packet_t
from sfu.engine.classify cimport CLASS_DTLS, CLASS_RTCP, CLASS_RTP, CLASS_STUN, classify
from sfu.engine.consent cimport consent_answer
from sfu.engine.counters cimport (
    BYTES_IN,
    DEPENDENCY_UNREADABLE,
    DATAGRAMS_IN,
    DROP_DTLS_UNKNOWN_ADDRESS,
    DROP_EMPTY,
    DROP_EVENT_QUEUE,
    DROP_MEDIA_BEFORE_KEYS,
    DROP_MEDIA_UNKNOWN_ADDRESS,
    DROP_RTP_DUPLICATE,
    DROP_RTP_MALFORMED,
    DROP_RTP_TOO_LARGE,
    DROP_RTP_UNKNOWN_PAYLOAD,
    DROP_RTP_UNKNOWN_STREAM,
    DROP_RTX_MALFORMED,
    DROP_SILENCED,
    DROP_SRTCP,
    DROP_SRTP_AUTHENTICATION,
    DROP_SRTP_OTHER,
    DROP_SRTP_REPLAY,
    DROP_STUN_MALFORMED,
    DROP_STUN_RATE,
    DROP_STUN_UNKNOWN_UFRAG,
    DROP_UNKNOWN_PROTOCOL,
    DTLS_IN,
    KEYFRAMES_IN,
    REPAIRED,
    RTCP_IN,
    RTP_IN,
    STUN_ANSWERED,
    STUN_IN,
    counter_t,
)
from sfu.engine.dependency cimport dependency_read, structure_t
from sfu.engine.descriptor cimport descriptor_read, descriptor_t, descriptor_unwrap
from sfu.engine.events cimport EVENT_DTLS, EVENT_PUBLICATION_STARTED, EVENT_STUN, events_push
from sfu.engine.feedback cimport receive_rtcp, seek_layer, want_keyframe
from sfu.engine.follow cimport heard_from
from sfu.engine.forward cimport begin_voice, forward_rest, gather
from sfu.engine.lifecycle cimport attend, layer_open, list_feedback, stream_add
from sfu.engine.model cimport (
    LAYER_SILENT_US,
    SIBLING_BACK_US,
    SIBLING_PICTURES,
    SIBLING_SILENT_US,
    MAX_PAYLOAD,
    RESTART_US,
    STUN_PER_SECOND,
    format_t,
    layer_t,
    publication_t,
    stream_t,
    tag_t,
    transport_t,
)
from sfu.engine.nack cimport nack_received
from sfu.engine.outbound cimport outbound_commit, outbound_reserve
from sfu.engine.payload cimport CODEC_AV1, CODEC_H264, CODEC_RED, red_primary, starts_keyframe
from sfu.engine.reception cimport reception_packet
from sfu.engine.rtp cimport (
    EXT_AUDIO_LEVEL,
    EXT_DEPENDENCY,
    EXT_MID,
    EXT_REPAIRED_RID,
    EXT_RID,
    EXT_TRANSPORT_CC,
    EXT_VIDEO_ORIENTATION,
    extension_t,
    rtp_parse,
    rtp_t,
)
from sfu.engine.speakers cimport voice_packet, voice_t
from sfu.engine.srtp cimport (
    SRTP_AUTH_FAIL,
    SRTP_OK,
    SRTP_REPLAY_FAIL,
    SRTP_REPLAY_OLD,
    srtp_unprotect,
    srtp_unprotect_rtcp,
)
from sfu.engine.strangers cimport reporter_seen, stranger_seen
from sfu.engine.stun cimport stun_local_ufrag
from sfu.engine.table cimport table_get
from sfu.engine.twcc cimport twcc_received
from sfu.engine.wire cimport get16, get32


cdef inline void count(engine_t *e, counter_t name) noexcept nogil:
    e.counters[<int>name] += 1


cdef void receive(engine_t *e, const address_t *source, uint8_t *data, uint32_t length) noexcept nogil:
    cdef transport_t *t
    cdef int kind
    count(e, DATAGRAMS_IN)
    e.counters[<int>BYTES_IN] += length
    if length == 0:
        count(e, DROP_EMPTY)
        return
    kind = classify(data, length)
    if kind == CLASS_RTP or kind == CLASS_RTCP:
        t = <transport_t *>table_get(&e.by_address, source)
        if t == NULL:
            count(e, DROP_MEDIA_UNKNOWN_ADDRESS)
        elif not t.keyed:
            count(e, DROP_MEDIA_BEFORE_KEYS)
        elif kind == CLASS_RTP:
            receive_rtp(e, t, source, data, length)
        else:
            unprotect_rtcp(e, t, source, data, length)
    elif kind == CLASS_STUN:
        receive_stun(e, source, data, length)
    elif kind == CLASS_DTLS:
        receive_dtls(e, source, data, length)
    else:
        count(e, DROP_UNKNOWN_PROTOCOL)


# --- for Python -----------------------------------------------------------------------------------------------------


cdef void receive_stun(engine_t *e, const address_t *source, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef address_t ufrag
    cdef transport_t *t
    count(e, STUN_IN)
    if not stun_local_ufrag(data, length, &ufrag):
        count(e, DROP_STUN_MALFORMED)
        return
    t = <transport_t *>table_get(&e.by_ufrag, &ufrag)
    if t == NULL:
        count(e, DROP_STUN_UNKNOWN_UFRAG)
        return
    if e.now_us - t.stun_window_us > 1000000:
        t.stun_window_us = e.now_us
        t.stun_count = 0
    t.stun_count += 1
    if t.stun_count > STUN_PER_SECOND:
        count(e, DROP_STUN_RATE)
        return
    if not answer(e, t, source, data, length):
        if events_push(&e.events, EVENT_STUN, t.id, 0, source, data, length) < 0:
            count(e, DROP_EVENT_QUEUE)


cdef bint answer(engine_t *e, transport_t *t, const address_t *source, const uint8_t *data, uint32_t length) noexcept nogil:
    """Whether a check could be answered here."""
    cdef uint32_t written
    if not t.has_address:
        return False
    written = consent_answer(&t.consent, &t.address, source, data, length, outbound_reserve(&e.out), e.now_us)
    if not written:
        return False
    outbound_commit(&e.out, source, written)
    heard_from(e, t, source)
    count(e, STUN_ANSWERED)
    return True


cdef void receive_dtls(engine_t *e, const address_t *source, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef transport_t *t = <transport_t *>table_get(&e.by_address, source)
    count(e, DTLS_IN)
    if t == NULL:
        count(e, DROP_DTLS_UNKNOWN_ADDRESS)
    elif events_push(&e.events, EVENT_DTLS, t.id, 0, source, data, length) < 0:
        count(e, DROP_EVENT_QUEUE)


# --- media ----------------------------------------------------------------------------------------------------------


cdef void unprotect_rtcp(engine_t *e, transport_t *t, const address_t *source, uint8_t *data, uint32_t length) noexcept nogil:
    if not t.plain and srtp_unprotect_rtcp(t.srtp_in, data, &length) != SRTP_OK:
        count(e, DROP_SRTCP)
        return
    count(e, RTCP_IN)
    heard_from(e, t, source)
    if length >= 8:
        reporter_seen(t, get32(data + 4))
    receive_rtcp(e, t, data, length)


cdef bint unprotect(engine_t *e, transport_t *t, uint8_t *data, uint32_t *length) noexcept nogil:
    cdef int status
    if t.plain:
        return True
    status = srtp_unprotect(t.srtp_in, data, length)
    if status == SRTP_OK:
        return True
    if status == SRTP_AUTH_FAIL:
        count(e, DROP_SRTP_AUTHENTICATION)
    elif status == SRTP_REPLAY_FAIL or status == SRTP_REPLAY_OLD:
        count(e, DROP_SRTP_REPLAY)
    else:
        count(e, DROP_SRTP_OTHER)
    return False


cdef void receive_rtp(engine_t *e, transport_t *t, const address_t *source, uint8_t *data, uint32_t length) noexcept nogil:
    cdef rtp_t p
    cdef const stream_t *stream
    if not unprotect(e, t, data, &length):
        return
    if rtp_parse(data, length, t.receive_kinds, &p) < 0:
        count(e, DROP_RTP_MALFORMED)
        return
    count(e, RTP_IN)
    heard_from(e, t, source)
    t.packets_in += 1
    t.bytes_in += length
    if t.transport_cc and p.extension_length[<int>EXT_TRANSPORT_CC] == 2:
        twcc_received(&t.twcc, get16(p.extension[<int>EXT_TRANSPORT_CC]), e.now_us)
        t.twcc_media_ssrc = p.ssrc
        list_feedback(e, t)
    stream = find_stream(e, t, &p)
    if stream == NULL:
        count(e, DROP_RTP_UNKNOWN_STREAM)
        stranger_seen(t, p.ssrc)
    elif stream.repair:
        receive_repair(e, stream.layer, &p)
    else:
        receive_media(e, stream.layer, &p)


cdef void receive_media(engine_t *e, layer_t *layer, const rtp_t *p) noexcept nogil:
    cdef publication_t *publication = layer.publication
    cdef uint32_t i
    for i in range(publication.format_count):
        if publication.formats[i].payload_type == p.payload_type:
            store(e, layer, p, p.sequence, p.payload, p.payload_length, i, False)
            return
    count(e, DROP_RTP_UNKNOWN_PAYLOAD)


cdef void receive_repair(engine_t *e, layer_t *layer, const rtp_t *p) noexcept nogil:
    """RFC 4588, 4: the original sequence number stands before the original payload."""
    cdef publication_t *publication = layer.publication
    cdef uint32_t i
    if p.payload_length == 0:
        return      # padding, to probe for bandwidth
    if p.payload_length < 2 or not layer.started:
        count(e, DROP_RTX_MALFORMED)
        return
    for i in range(publication.format_count):
        if publication.formats[i].rtx_payload_type == <int>p.payload_type:
            store(e, layer, p, get16(p.payload), p.payload + 2, p.payload_length - 2, i, True)
            return
    count(e, DROP_RTP_UNKNOWN_PAYLOAD)


cdef void store(engine_t *e, layer_t *layer, const rtp_t *p, uint32_t wire_sequence, const uint8_t *payload, uint32_t length, uint32_t format, bint repaired) noexcept nogil:
    cdef publication_t *publication = layer.publication
    cdef const format_t *f = &publication.formats[format]
    cdef packet_t *slot
    cdef int64_t sequence
    cdef uint64_t before
    cdef uint8_t behind = dependency_length(f, p)
    if length > MAX_PAYLOAD:
        count(e, DROP_RTP_TOO_LARGE)
        return
    before = layer.reception.duplicates
    sequence = reception_packet(&layer.reception, <uint16_t>wire_sequence, p.timestamp, length, repaired, e.now_us)
    slot = NULL
    if layer.reception.duplicates == before:
        slot = cache_put(&layer.cache, sequence, payload, length, p.extension[<int>EXT_DEPENDENCY], behind)
    if slot == NULL:
        count(e, DROP_RTP_DUPLICATE)
        return
    describe(e, slot, p, f, payload, format, publication.video)
    if publication.video:
        describe_frame(e, layer, slot, p, f, payload)
    else:
        describe_sound(publication, slot, f, payload)
    if slot.keyframe:
        slot.keyframe = keyframe_came(e, layer, slot, sequence)
    if publication.video:
        note_life(e, layer, slot)
    layer.last_us = e.now_us
    if f.nack:
        repaired |= note_sequence(e, layer, sequence)
    if not publication.announced:
        publication.announced = True
        events_push(&e.events, EVENT_PUBLICATION_STARTED, publication.transport.id, publication.id, NULL, NULL, 0)
    if publication.voice == NULL or listen(e, layer, slot, sequence):
        gather(e, layer, sequence, not publication.video or slot.marker or repaired)


cdef void describe(engine_t *e, packet_t *slot, const rtp_t *p, const format_t *f, const uint8_t *payload, uint32_t format, bint video) noexcept nogil:
    """What forwarding must know, found once on the way in."""
    slot.arrival_us = e.now_us
    slot.timestamp = p.timestamp
    slot.format = <uint8_t>format
    slot.primary_format = -1
    memset(&slot.descriptor, 0, sizeof(descriptor_t))
    slot.marker = p.marker
    slot.keyframe = video and starts_keyframe(f.codec, payload, slot.length)
    slot.has_level = p.extension_length[<int>EXT_AUDIO_LEVEL] == 1
    if slot.has_level:
        slot.level = p.extension[<int>EXT_AUDIO_LEVEL][0]
    slot.has_orientation = p.extension_length[<int>EXT_VIDEO_ORIENTATION] == 1
    if slot.has_orientation:
        slot.orientation = p.extension[<int>EXT_VIDEO_ORIENTATION][0]


cdef bint listen(engine_t *e, layer_t *layer, const packet_t *slot, int64_t sequence) noexcept nogil:
    """One of a group of microphones: whether anybody gets this packet. Decided here, once for all who hear it."""
    cdef voice_t *v = layer.publication.voice
    if slot.sequence == layer.reception.highest and voice_packet(v, slot.level if slot.has_level else -1, e.now_us):
        begin_voice(e, layer, sequence)
    if not v.heard:
        count(e, DROP_SILENCED)
    return layer.publication.subscription_count > 0


cdef inline uint8_t dependency_length(const format_t *f, const rtp_t *p) noexcept nogil:
    """How much of a dependency descriptor is kept and passed on: only where the payload itself says nothing of layers, since
    of VP8 and VP9 other numbers are rewritten."""
    return p.extension_length[<int>EXT_DEPENDENCY] if f.codec == CODEC_AV1 or f.codec == CODEC_H264 else 0


cdef void describe_frame(engine_t *e, layer_t *layer, packet_t *slot, const rtp_t *p, const format_t *f, const uint8_t *payload) noexcept nogil:
    """To which frame the packet belongs, and of which layer that is."""
    cdef descriptor_t *d = &slot.descriptor
    if slot.dependency_length:
        read_dependency(e, layer, d, p)
    else:
        descriptor_read(d, f.codec, payload, slot.length)
    if d.picture_bits:
        d.frame = descriptor_unwrap(d, layer.frame_highest)
        # the first packet that is newer in sequence says where the numbers are now, even if they jumped
        if d.frame > layer.frame_highest or slot.sequence == layer.reception.highest:
            layer.frame_highest = d.frame
    if d.layered:
        if slot.keyframe:
            layer.spatial_count = 0
        layer.spatial_count = max(layer.spatial_count, <uint8_t>(d.spatial + 1))
        layer.layer_bytes[d.spatial][d.temporal] += slot.length
    else:
        layer.layer_bytes[0][0] += slot.length


cdef void read_dependency(engine_t *e, layer_t *layer, descriptor_t *d, const rtp_t *p) noexcept nogil:
    cdef structure_t fresh
    cdef int status = dependency_read(
        d, layer.structure, &fresh, p.extension[<int>EXT_DEPENDENCY], p.extension_length[<int>EXT_DEPENDENCY]
    )
    if status < 0:
        count(e, DEPENDENCY_UNREADABLE)
    elif status > 0:
        forward_rest(e, layer.publication)      # who is still to get frames of before is to get them by the old structure
        if layer.structure == NULL:
            layer.structure = <structure_t *>malloc(sizeof(structure_t))
        if layer.structure == NULL:
            memset(d, 0, sizeof(descriptor_t))
        else:
            layer.structure[0] = fresh


cdef void describe_sound(const publication_t *publication, packet_t *slot, const format_t *f, const uint8_t *payload) noexcept nogil:
    cdef uint8_t payload_type = 0
    cdef uint32_t at
    cdef uint32_t i
    if f.codec != CODEC_RED:
        return
    at = red_primary(payload, slot.length, &payload_type)
    for i in range(publication.format_count):
        if at and publication.formats[i].payload_type == payload_type and publication.formats[i].codec != CODEC_RED:
            slot.primary_at = <uint16_t>at
            slot.primary_format = <int8_t>i


# --- which encodings are sent -----------------------------------------------------------------------------------------


cdef inline void note_life(engine_t *e, layer_t *layer, const packet_t *slot) noexcept nogil:
    """A packet of one encoding: is it back, and do others stand still?"""
    cdef bint slept = e.now_us - layer.last_us > LAYER_SILENT_US
    if slept or layer.silent:
        note_back(e, layer, slept, slot.keyframe)
    layer.behind = 0
    if slot.marker and layer.publication.layer_count > 1:
        note_siblings(e, layer)


cdef void note_siblings(engine_t *e, const layer_t *layer) noexcept nogil:
    cdef publication_t *publication = layer.publication
    cdef layer_t *other
    cdef uint32_t i
    for i in range(publication.layer_count):
        other = &publication.layers[i]
        if other == layer or not other.started:
            continue
        other.behind += 1
        if other.behind >= SIBLING_PICTURES and e.now_us - other.last_us >= SIBLING_SILENT_US:
            other.back_us = 0
            if not other.silent:
                other.silent = True
                leave_silent(e, other)


cdef void leave_silent(engine_t *e, const layer_t *layer) noexcept nogil:
    """Who was on it need not wait for the next look."""
    cdef publication_t *publication = layer.publication
    cdef uint32_t i
    for i in range(publication.subscription_count):
        if publication.subscriptions[i].layer == <int>layer.index and not publication.subscriptions[i].paused:
            seek_layer(e, publication.subscriptions[i])


cdef void note_back(engine_t *e, layer_t *layer, bint slept, bint keyframe) noexcept nogil:
    """One that was switched off begins with a keyframe. One that an uplink let stand still goes on anyhow, and is trusted when
    it has done so for a while: else who gets it would be led back and forth."""
    if not slept and not keyframe:
        if layer.back_us == 0:
            layer.back_us = e.now_us
        if e.now_us - layer.back_us < SIBLING_BACK_US:
            return
    layer.silent = False
    note_awake(e, layer, slept)


cdef void note_awake(engine_t *e, layer_t *layer, bint slept) noexcept nogil:
    """An encoding that was switched off and is back: who waits for it is not to wait for the next look."""
    cdef publication_t *publication = layer.publication
    cdef uint32_t i
    if layer.keyframe_us == e.now_us:
        return
    if slept:
        layer.asked_us = 0
    if layer.wanted_us:
        want_keyframe(e, layer)
    for i in range(publication.subscription_count):
        if not publication.subscriptions[i].paused:
            seek_layer(e, publication.subscriptions[i])


cdef bint keyframe_came(engine_t *e, layer_t *layer, const packet_t *slot, int64_t sequence) noexcept nogil:
    """Whether one begins here. An H.264 picture's parameter sets and each of its slices look like the beginning of one: who
    began behind the parameter sets could not decode it, who began at the second slice would see half of it."""
    if layer.keyframe_us and slot.timestamp == layer.keyframe_timestamp and sequence > layer.keyframe_sequence:
        return False
    layer.keyframe_us = e.now_us
    layer.keyframe_sequence = sequence
    layer.keyframe_timestamp = slot.timestamp
    layer.keyframes += 1
    layer.wanted_us = 0
    layer.hurried = False
    count(e, KEYFRAMES_IN)
    return True


cdef bint note_sequence(engine_t *e, layer_t *layer, int64_t sequence) noexcept nogil:
    """Whether this packet had been missing."""
    cdef int what = nack_received(&layer.nack, sequence, e.now_us)
    if layer.nack.count > 0:
        attend(e, layer)
    if what < 0 and layer.publication.video:
        want_keyframe(e, layer)
    elif what > 0:
        layer.repaired += 1
        count(e, REPAIRED)
    return what > 0


# --- whose packet is it ---------------------------------------------------------------------------------------------


cdef const stream_t *find_stream(engine_t *e, transport_t *t, const rtp_t *p) noexcept nogil:
    cdef uint32_t i
    for i in range(t.stream_count):
        if t.streams[i].ssrc == p.ssrc:
            if not t.streams[i].layer.started and not t.streams[i].repair:
                if layer_open(e, t.streams[i].layer, p.ssrc) < 0:
                    return NULL
            return &t.streams[i]
    return learn_stream(e, t, p)


cdef inline bint same_tag(const tag_t *tag, const rtp_t *p, extension_t kind) noexcept nogil:
    cdef uint32_t i
    if tag.length != p.extension_length[<int>kind]:
        return False
    for i in range(tag.length):
        if tag.text[i] != p.extension[<int>kind][i]:
            return False
    return True


cdef bint takes_payload(const publication_t *publication, uint32_t payload_type) noexcept nogil:
    cdef uint32_t i
    for i in range(publication.format_count):
        if publication.formats[i].payload_type == payload_type:
            return True
        if publication.formats[i].rtx_payload_type == <int>payload_type:
            return True
    return False


cdef publication_t *find_publication(transport_t *t, const rtp_t *p) noexcept nogil:
    """RFC 9143, 9.2: by MID; without one, by a payload type that only one m-line has."""
    cdef publication_t *found = NULL
    cdef uint32_t i
    for i in range(t.publication_count):
        if p.extension_length[<int>EXT_MID]:
            if same_tag(&t.publications[i].mid, p, EXT_MID):
                return t.publications[i]
        elif takes_payload(t.publications[i], p.payload_type):
            if found != NULL:
                return NULL
            found = t.publications[i]
    return found


cdef layer_t *find_layer(publication_t *publication, const rtp_t *p, bint repair) noexcept nogil:
    """By RID; without one, the only layer there is."""
    cdef extension_t kind = EXT_REPAIRED_RID if repair and p.extension_length[<int>EXT_REPAIRED_RID] else EXT_RID
    cdef uint32_t i
    if p.extension_length[<int>kind]:
        for i in range(publication.layer_count):
            if same_tag(&publication.layers[i].rid, p, kind):
                return &publication.layers[i]
        return NULL
    return &publication.layers[0] if publication.layer_count == 1 else NULL


cdef const stream_t *learn_stream(engine_t *e, transport_t *t, const rtp_t *p) noexcept nogil:
    """An SSRC seen for the first time: MID and RID tell whose it is (RFC 8852, RFC 9143)."""
    cdef publication_t *publication = find_publication(t, p)
    cdef layer_t *layer
    cdef bint repair = False
    cdef uint32_t i
    if publication == NULL:
        return NULL
    for i in range(publication.format_count):
        repair |= publication.formats[i].rtx_payload_type == <int>p.payload_type
    layer = find_layer(publication, p, repair)
    if layer == NULL:
        return NULL
    if not repair and layer.started and e.now_us - layer.opened_us < RESTART_US:
        return NULL
    if not repair:
        forward_rest(e, publication)    # while its packets are still there
    forget_stream(t, layer, repair)
    if not repair and layer_open(e, layer, p.ssrc) < 0:
        return NULL
    if repair:
        layer.rtx_ssrc = p.ssrc
    if stream_add(t, p.ssrc, layer, repair) < 0:
        return NULL
    return &t.streams[t.stream_count - 1]


cdef void forget_stream(transport_t *t, const layer_t *layer, bint repair) noexcept nogil:
    """A publisher that begins anew under another SSRC replaces what it sent before."""
    cdef uint32_t i = 0, gone
    while i < t.stream_count:
        if t.streams[i].layer == layer and t.streams[i].repair == repair:
            t.stream_count -= 1
            gone = t.streams[i].ssrc
            t.streams[i] = t.streams[t.stream_count]
            stranger_seen(t, gone)
        else:
            i += 1
