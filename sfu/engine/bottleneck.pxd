# What one feedback tells of the narrowest place on the way: how long its queue is, and how fast it serves it.
from libc.stdint cimport int64_t, uint32_t

cdef struct bottleneck_t:
    # Shortest (arrival - sending) of the last 5 to 10 s: the way without a queue, but for the clocks' unknown offset.
    int64_t base_us
    int64_t fresh_base_us       # of the current 5 s
    int64_t base_since_us       # our clock; < 0: nothing is known
    # The latest packet, in the order of sending
    int64_t sent_us
    int64_t arrival_us
    int64_t queue_us            # how long it waited
    int64_t longest_us          # the longest wait since this was set to 0
    # The run: packets that each came in behind one that was still waiting
    uint32_t packets            # served after the first
    int64_t bytes               # of these
    int64_t served_us           # from the arrival of the first to that of the last
    int64_t widest_us           # the longest pause within, and what it served
    int64_t widest_bytes
    int64_t first_queue_us      # how long the first of the run waited

cdef void bottleneck_init(bottleneck_t *n) noexcept nogil
# One packet that arrived, in the order of sending. Times of both clocks only meet as differences.
cdef void bottleneck_packet(bottleneck_t *n, int64_t sent_us, int64_t arrival_us, uint32_t size) noexcept nogil
# Bits per second that it serves while packets wait; 0: this run is too short to tell.
cdef double bottleneck_bps(const bottleneck_t *n) noexcept nogil
# Whether its queue has grown within this run to a length that sound would notice.
cdef bint bottleneck_fills(const bottleneck_t *n) noexcept nogil
