# Datagrams on their way out: one arena, and a list of bursts in it. Consecutive datagrams of equal size to one UDP
# address share a burst (the last may be shorter), so that the loop can send it with one UDP_SEGMENT slot.
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.address cimport FIRST_STREAM_CHANNEL, address_t, same_address

cdef enum:
    OUT_BYTES = 262144          # fits the L2 cache, so that protect, merge and send touch warm lines
    OUT_BURSTS = 512            # at most this many slots of one sendmmsg
    BURST_SEGMENTS = 44         # kernels take 64 segments; 44 x 1,472 stays below the 65,535 bytes of one IP packet
    BURST_BYTES = 65000
    DATAGRAM_BYTES = 2048       # the largest datagram the engine ever makes

cdef struct burst_t:
    address_t to
    uint32_t offset             # of the first datagram in the arena
    uint32_t length             # bytes of all datagrams
    uint16_t segment            # size of each datagram but the last
    uint16_t count              # datagrams in the burst
    bint open                   # another datagram may still join
    bint video                  # over a stream, everything else goes first

# Called when the arena is full and at the end of every input, tick and control call, under the engine's lock.
ctypedef void (*flush_fn)(void *context, outbound_t *out) noexcept nogil

# Whether a stream can take another frame of pictures now, or it would come too late (streams.pyx). Under the lock.
ctypedef bint (*takes_frame_fn)(void *context, const address_t *to, int64_t now_us) noexcept nogil

cdef struct outbound_t:
    uint8_t *arena
    burst_t *bursts
    uint32_t used               # bytes of the arena
    uint32_t burst_count
    flush_fn flush
    takes_frame_fn takes_frame  # NULL: always
    void *context
    uint64_t packets            # counted by the writer: datagrams since the engine began
    uint64_t bytes
    uint64_t bursts_sent        # counted by the flush: bursts handed to the kernel
    uint64_t calls              # send calls made
    uint64_t dropped            # datagrams the kernel or a stream's buffer refused
    uint64_t gso_off            # 1 once the kernel has refused UDP_SEGMENT

cdef int outbound_init(outbound_t *out) except -1
cdef void outbound_free(outbound_t *out) noexcept
# Room for one datagram of at most DATAGRAM_BYTES; flushes first when there is none.
cdef uint8_t *outbound_reserve(outbound_t *out) noexcept nogil
# The datagram written at the last reserve: length bytes, to that address.
cdef void outbound_commit(outbound_t *out, const address_t *to, uint32_t length) noexcept nogil
# The same for a packet of a picture.
cdef void outbound_commit_video(outbound_t *out, const address_t *to, uint32_t length) noexcept nogil
# Whether a new frame of pictures may begin towards that address. Always over UDP, which has no buffer to fill.
cdef inline bint outbound_takes_frame(outbound_t *out, const address_t *to, int64_t now_us) noexcept nogil:
    return to.channel < FIRST_STREAM_CHANNEL or out.takes_frame == NULL or out.takes_frame(out.context, to, now_us)
cdef void outbound_flush(outbound_t *out) noexcept nogil
