# What waits to be written to one TCP connection: frames of RFC 4571, sound before pictures.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sfu.engine.linux cimport iovec
from sfu.engine.ring cimport ring_t

cdef enum:
    FRAME_HEADER = 2            # RFC 4571: a 16-bit length
    BACKLOG_PIECES = 6

cdef struct backlog_t:
    ring_t urgent               # sound, RTCP, STUN, DTLS
    ring_t bulk                 # video
    uint32_t urgent_begun       # bytes still to come of the frame at the ring's head; 0: none was begun
    uint32_t bulk_begun         # at most one of the two is not 0
    bint torn                   # a part of the pictures had to be dropped since takes_frame was last asked
    # How fast the peer reads while something waits.
    int64_t measured_since_us   # 0: nothing waits
    uint64_t measured_bytes
    uint64_t bytes_per_second   # 0: not known
    int64_t known_us            # when it was measured

cdef void backlog_free(backlog_t *b) noexcept nogil
cdef inline uint32_t backlog_used(const backlog_t *b) noexcept nogil:
    return b.urgent.used + b.bulk.used
# A frame of which the kernel has taken the first `sent` bytes (that may be, when nothing waits yet).
# False: no room; nothing was put.
cdef bint backlog_put(backlog_t *b, const uint8_t *header, const uint8_t *data, uint32_t length, uint32_t sent, bint video, int64_t now_us) noexcept nogil
# All that waits, in the order in which it is to be written, as BACKLOG_PIECES pieces (some may be empty).
cdef void backlog_pieces(const backlog_t *b, iovec *pieces) noexcept nogil
# The first `length` bytes of that were written.
cdef void backlog_take(backlog_t *b, uint32_t length, int64_t now_us) noexcept nogil
# Whether another frame of pictures may be put, or would come too late.
cdef bint backlog_takes_frame(backlog_t *b, int64_t now_us) noexcept nogil
