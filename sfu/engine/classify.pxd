# RFC 7983: what a datagram is, by its first byte; RFC 5761: RTP or RTCP, by the second.
#
#            +----------------+
#            |  [0..3]       -+--> STUN
#   packet ->|  [20..63]     -+--> DTLS
#            |  [128..191]   -+--> RTP, or RTCP where the second byte is 192..223
#            +----------------+
from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    CLASS_OTHER = 0
    CLASS_STUN = 1
    CLASS_DTLS = 2
    CLASS_RTP = 3
    CLASS_RTCP = 4


cdef inline int classify(const uint8_t *data, uint32_t length) noexcept nogil:
    if length < 1:
        return CLASS_OTHER
    if 128 <= data[0] <= 191:
        if length >= 2 and 192 <= data[1] <= 223:
            return CLASS_RTCP
        return CLASS_RTP
    if data[0] <= 3:
        return CLASS_STUN
    if 20 <= data[0] <= 63:
        return CLASS_DTLS
    return CLASS_OTHER
