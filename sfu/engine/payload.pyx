"""What the forwarding must know of a payload: may a decoder start with the frame whose first packet this is?

Only the first bytes of each payload format are looked at, never the bitstream behind them, and nothing past the
length. A payload that is cut short or makes no sense starts no keyframe.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer

from sfu.engine.wire cimport get16

cdef enum:
    NAL_IDR = 5                     # ITU-T H.264, table 7-1
    NAL_SPS = 7
    NAL_STAP_A = 24                 # RFC 6184, table 1
    NAL_FU_A = 28
    OBU_SEQUENCE_HEADER = 1         # AV1 bitstream, 6.2.2
    AV1_MAX_OBUS = 64               # looked at in one packet; a sequence header stands at the front
    RED_MAX_BLOCKS = 16             # browsers send at most nine redundant ones

cdef dict CODECS = {
    "opus": CODEC_OPUS,
    "red": CODEC_RED,
    "h264": CODEC_H264,
    "vp8": CODEC_VP8,
    "vp9": CODEC_VP9,
    "av1": CODEC_AV1,
}


cdef codec_t codec_by_name(str name):
    return CODECS.get(name.lower(), CODEC_OTHER)


cdef inline bint h264_begins(uint8_t header) noexcept nogil:
    """An IDR slice, or the parameter set that encoders put before it."""
    return (header & 0x1F) == NAL_IDR or (header & 0x1F) == NAL_SPS


cdef bint h264_starts(const uint8_t *p, uint32_t length) noexcept nogil:
    """RFC 6184: single NAL unit, STAP-A (5.7.1), first fragment of an FU-A (5.8)."""
    cdef uint32_t at = 1, size
    if length < 1:
        return False
    if (p[0] & 0x1F) == NAL_FU_A:
        return length >= 2 and (p[1] & 0x80) != 0 and h264_begins(p[1])
    if (p[0] & 0x1F) != NAL_STAP_A:
        return h264_begins(p[0])
    while length - at >= 3:
        size = get16(p + at)
        if size == 0 or size > length - at - 2:
            return False
        if h264_begins(p[at + 2]):
            return True
        at += 2 + size
    return False


cdef bint vp8_starts(const uint8_t *p, uint32_t length) noexcept nogil:
    """RFC 7741, 4.2 (descriptor) and 4.3 (P bit of the payload header)."""
    cdef uint32_t at = 1
    cdef uint8_t extension
    if length < 1 or not (p[0] & 0x10) or (p[0] & 0x07):    # S bit, partition 0
        return False
    if p[0] & 0x80:                                         # X
        if length < 2:
            return False
        extension = p[1]
        at = 2
        if extension & 0x80:                                # I: picture id of one byte, or of two by its M bit
            if length <= at:
                return False
            at += 2 if p[at] & 0x80 else 1
        if extension & 0x40:                                # L: TL0PICIDX
            at += 1
        if extension & 0x30:                                # T or K
            at += 1
    return at < length and not (p[at] & 0x01)


cdef bint vp9_starts(const uint8_t *p, uint32_t length) noexcept nogil:
    """RFC 9628, 4.2: not inter-predicted, first packet of the frame, lowest spatial layer."""
    cdef uint32_t at = 1
    if length < 1 or (p[0] & 0x40) or not (p[0] & 0x08):    # P, B
        return False
    if p[0] & 0x80:                                         # I
        if length <= at:
            return False
        at += 2 if p[at] & 0x80 else 1
    if p[0] & 0x20:                                         # L: T(3) U S(3) D
        return at < length and not (p[at] & 0x0E)
    return at < length


cdef bint read_leb128(const uint8_t *p, uint32_t length, uint32_t *at, uint32_t *value) noexcept nogil:
    """AV1 bitstream, 4.10.5, for values below 2^28: no packet holds more."""
    cdef uint32_t shift = 0
    value[0] = 0
    while at[0] < length and shift < 28:
        value[0] |= <uint32_t>(p[at[0]] & 0x7F) << shift
        at[0] += 1
        if not (p[at[0] - 1] & 0x80):
            return True
        shift += 7
    return False


cdef bint av1_starts(const uint8_t *p, uint32_t length) noexcept nogil:
    """AV1 RTP payload, 4.4: the N bit, or a sequence header among the packet's OBU elements."""
    cdef uint32_t at = 1, size, elements, i
    if length < 2 or (p[0] & 0x80):                         # Z: goes on with an OBU begun before
        return False
    if p[0] & 0x08:                                         # N
        return True
    elements = (p[0] >> 4) & 0x03                           # W; 0: every element has its length
    for i in range(elements if elements else AV1_MAX_OBUS):
        size = length - at
        if elements == 0 or i + 1 < elements:
            if not read_leb128(p, length, &at, &size) or size > length - at:
                return False
        if size == 0:
            return False
        if ((p[at] >> 3) & 0x0F) == OBU_SEQUENCE_HEADER:
            return True
        at += size
        if at >= length:
            return False
    return False


cdef bint starts_keyframe(codec_t codec, const uint8_t *payload, uint32_t length) noexcept nogil:
    if codec == CODEC_H264:
        return h264_starts(payload, length)
    if codec == CODEC_VP8:
        return vp8_starts(payload, length)
    if codec == CODEC_VP9:
        return vp9_starts(payload, length)
    if codec == CODEC_AV1:
        return av1_starts(payload, length)
    return False


cdef uint32_t red_primary(const uint8_t *payload, uint32_t length, uint8_t *payload_type) noexcept nogil:
    """RFC 2198, 3: headers of four bytes (F, payload type, timestamp offset, length), the last one of a byte; then the blocks."""
    cdef uint32_t at = 0, before = 0
    cdef int i
    for i in range(RED_MAX_BLOCKS):
        if at >= length or (payload[at] ^ payload[0]) & 0x7F:
            return 0
        if not payload[at] & 0x80:
            payload_type[0] = payload[at]
            return at + 1 + before if before < length - at - 1 else 0
        if length - at < 4:
            return 0
        before += get16(payload + at + 2) & 0x3FF
        at += 4
    return 0


cdef void red_rename(uint8_t *payload, uint8_t payload_type) noexcept nogil:
    while payload[0] & 0x80:
        payload[0] = 0x80 | payload_type
        payload += 4
    payload[0] = payload_type


# --- the same, for Python --------------------------------------------------------------------------------------


def begins_keyframe(str codec, payload):
    cdef Py_buffer view
    PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    try:
        return bool(starts_keyframe(codec_by_name(codec), <const uint8_t *>view.buf, <uint32_t>view.len))
    finally:
        PyBuffer_Release(&view)


def find_primary(payload):
    cdef Py_buffer view
    cdef uint8_t payload_type = 0
    PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    try:
        at = red_primary(<const uint8_t *>view.buf, <uint32_t>view.len, &payload_type)
        return (at, payload_type) if at else None
    finally:
        PyBuffer_Release(&view)
