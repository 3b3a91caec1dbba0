"""Reads RTP headers. Every length is checked before it is used; nothing is copied."""

from libc.string cimport memset

from sfu.engine.wire cimport get16, get32

cdef enum:
    ONE_BYTE_PROFILE = 0xBEDE       # RFC 8285, 4.2
    TWO_BYTE_PROFILE = 0x1000       # RFC 8285, 4.3; low four bits are application bits


EXTENSION_KINDS = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": EXT_MID,
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": EXT_RID,
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": EXT_REPAIRED_RID,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": EXT_ABS_SEND_TIME,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": EXT_TRANSPORT_CC,
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": EXT_AUDIO_LEVEL,
    "urn:3gpp:video-orientation": EXT_VIDEO_ORIENTATION,
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": EXT_DEPENDENCY,
}


cdef inline void note(rtp_t *p, const uint8_t *kinds, uint8_t id, const uint8_t *value, uint32_t length) noexcept nogil:
    cdef uint8_t kind
    if id <= MAX_EXTENSION_ID and 0 < length <= 255:
        kind = kinds[id]
        if kind != EXT_NONE:
            p.extension[kind] = value
            p.extension_length[kind] = <uint8_t>length


cdef int one_byte(const uint8_t *data, uint32_t length, const uint8_t *kinds, rtp_t *p) noexcept nogil:
    cdef uint32_t at = 0
    cdef uint32_t size
    cdef uint8_t id
    while at < length:
        id = data[at] >> 4
        if data[at] == 0:           # padding
            at += 1
            continue
        if id == 15:                # reserved: stop reading, keep what was found
            return 0
        size = (data[at] & 15) + 1
        if at + 1 + size > length:
            return -1
        note(p, kinds, id, data + at + 1, size)
        at += 1 + size
    return 0


cdef int two_byte(const uint8_t *data, uint32_t length, const uint8_t *kinds, rtp_t *p) noexcept nogil:
    cdef uint32_t at = 0
    cdef uint32_t size
    while at < length:
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > length:
            return -1
        size = data[at + 1]
        if at + 2 + size > length:
            return -1
        note(p, kinds, data[at], data + at + 2, size)
        at += 2 + size
    return 0


cdef int rtp_parse(const uint8_t *data, uint32_t length, const uint8_t *kinds, rtp_t *p) noexcept nogil:
    cdef uint32_t at
    cdef uint32_t size
    cdef uint32_t profile
    if length < 12 or data[0] >> 6 != 2:
        return -1
    memset(p.extension_length, 0, sizeof(p.extension_length))
    p.marker = data[1] >> 7
    p.payload_type = data[1] & 127
    p.sequence = get16(data + 2)
    p.timestamp = get32(data + 4)
    p.ssrc = get32(data + 8)
    at = 12 + 4 * (data[0] & 15)
    if at > length:
        return -1
    if data[0] & 0x10:
        if at + 4 > length:
            return -1
        profile = get16(data + at)
        size = 4 * <uint32_t>get16(data + at + 2)
        at += 4
        if at + size > length:
            return -1
        if profile == ONE_BYTE_PROFILE:
            if one_byte(data + at, size, kinds, p) < 0:
                return -1
        elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
            if two_byte(data + at, size, kinds, p) < 0:
                return -1
        at += size
    if data[0] & 0x20:
        if length == at or data[length - 1] == 0 or data[length - 1] > length - at:
            return -1
        length -= data[length - 1]
    p.payload = data + at
    p.payload_length = length - at
    return 0


def parse_rtp(bytes data, dict kinds):
    """The test's view of `rtp_parse`: kinds maps id -> extension_t. None for what is no RTP."""
    cdef rtp_t p
    cdef uint8_t table[MAX_EXTENSION_ID + 1]
    cdef int kind
    memset(table, 0, sizeof(table))
    for id, kind in kinds.items():
        table[<int>id] = kind
    if rtp_parse(data, len(data), table, &p) < 0:
        return None
    return {
        "marker": bool(p.marker),
        "payload_type": p.payload_type,
        "sequence": p.sequence,
        "timestamp": p.timestamp,
        "ssrc": p.ssrc,
        "payload": (<const char *>p.payload)[:p.payload_length],
        "extensions": {
            kind: (<const char *>p.extension[kind])[:p.extension_length[kind]]
            for kind in range(1, <int>EXT_KINDS)
            if p.extension_length[kind]
        },
    }
