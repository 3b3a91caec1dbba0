# What the forwarding must know of a codec's payload: does a keyframe begin here, which temporal layer is it.
from libc.stdint cimport uint8_t, uint32_t

cdef enum codec_t:
    CODEC_OTHER = 0
    CODEC_OPUS = 1
    CODEC_RED = 2
    CODEC_H264 = 3              # RFC 6184
    CODEC_VP8 = 4               # RFC 7741
    CODEC_VP9 = 5               # RFC 9628
    CODEC_AV1 = 6               # AV1 RTP payload, 4

cdef codec_t codec_by_name(str name)
# RFC 2198: where the primary block, the last of a RED payload, begins, and of which payload type it is; 0: no such thing, or
# blocks of several types.
cdef uint32_t red_primary(const uint8_t *payload, uint32_t length, uint8_t *payload_type) noexcept nogil
# Gives all blocks of a payload that red_primary has accepted another payload type.
cdef void red_rename(uint8_t *payload, uint8_t payload_type) noexcept nogil
# 1 when a decoder can start with the frame whose first packet this is.
# H264: an IDR slice or an SPS (also inside STAP-A, or the first fragment of an FU-A). Never reads past length.
cdef bint starts_keyframe(codec_t codec, const uint8_t *payload, uint32_t length) noexcept nogil
