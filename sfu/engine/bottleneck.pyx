"""The narrowest place on the way to one peer, read from one feedback.

Theory of operation. A trend line (delay.pyx) needs a dozen groups of packets to be sure; when a link falls to a third of
what is sent, its queue grows by two seconds a second, and by then sound lies half a second behind. But a queue tells more
than that it grows. A packet that was sent before the one in front of it arrived (on a way without a queue: sending +
base) came in behind a packet that was still waiting, so between their two arrivals the bottleneck did nothing but serve
it: size / pause is its rate. A run of such packets, two or three of a picture, gives the rate of the link within the
first feedback after it fell, and together with what is still on the way the moment at which the queue will be empty.

What looks like it and is not:

- a radio that let nothing through for a while: the first packet behind the pause begins a run, those behind it come at
  once, and wait ever shorter; the queue does not grow within the run (bottleneck_fills);
- a pause in the middle of a run: the longest pause and what it served are left out (bottleneck_bps);
- a longer way than before (another route): waits are longer by as much, but do not grow;
- a keyframe sent at once: its packets wait for each other, and the rate found is that of the link, far above what is
  sent on the average. Whoever asks compares the two.
"""

from libc.string cimport memset

cdef enum:
    BASE_US = 5000000
    BEHIND_US = 1000            # in doubt (clock ticks of 250 us at both ends) a packet did not wait
    RUN_PACKETS = 2             # beside the one with the longest pause
    RUN_US = 20000
    FILLS_US = 40000            # two packets of sound: what browsers' jitter buffers hold at least
    GROWN_US = 30000
    RUN_LONGEST_US = 1000000    # a run this long begins anew: the link may have changed within it


cdef void bottleneck_init(bottleneck_t *n) noexcept nogil:
    memset(n, 0, sizeof(bottleneck_t))
    n.base_since_us = -1


cdef void note_base(bottleneck_t *n, int64_t sent_us, int64_t way_us) noexcept nogil:
    """Minimum over two windows in turn, so that a way that got longer is believed after 10 s at the latest."""
    if n.base_since_us < 0:
        n.base_since_us = sent_us
        n.base_us = way_us
        n.fresh_base_us = way_us
    elif sent_us - n.base_since_us > BASE_US:
        n.base_us = min(n.fresh_base_us, way_us)
        n.fresh_base_us = way_us
        n.base_since_us = sent_us
    else:
        n.fresh_base_us = min(n.fresh_base_us, way_us)
        n.base_us = min(n.base_us, way_us)


cdef void begin_run(bottleneck_t *n) noexcept nogil:
    n.packets = 0
    n.bytes = 0
    n.served_us = 0
    n.widest_us = 0
    n.widest_bytes = 0
    n.first_queue_us = n.queue_us


cdef void bottleneck_packet(bottleneck_t *n, int64_t sent_us, int64_t arrival_us, uint32_t size) noexcept nogil:
    cdef bint known = n.base_since_us >= 0
    cdef int64_t pause_us = arrival_us - n.arrival_us
    if known and (sent_us < n.sent_us or pause_us < 0):
        return                  # one overtook the other: nothing was served in between
    note_base(n, sent_us, arrival_us - sent_us)
    n.queue_us = arrival_us - sent_us - n.base_us
    n.longest_us = max(n.longest_us, n.queue_us)
    if not known or sent_us + n.base_us + BEHIND_US > n.arrival_us or n.served_us > RUN_LONGEST_US:
        begin_run(n)
    else:
        n.packets += 1
        n.bytes += size
        n.served_us += pause_us
        if pause_us > n.widest_us:
            n.widest_us = pause_us
            n.widest_bytes = size
    n.sent_us = sent_us
    n.arrival_us = arrival_us


cdef double bottleneck_bps(const bottleneck_t *n) noexcept nogil:
    cdef int64_t served_us = n.served_us - n.widest_us
    if n.packets <= RUN_PACKETS or served_us < RUN_US:
        return 0
    return 8e6 * (n.bytes - n.widest_bytes) / served_us


cdef bint bottleneck_fills(const bottleneck_t *n) noexcept nogil:
    return n.queue_us >= FILLS_US and n.queue_us - n.first_queue_us >= GROWN_US


# --- the same, for Python -------------------------------------------------------------------------------------------


cdef class Bottleneck:
    cdef bottleneck_t n

    def __cinit__(self):
        bottleneck_init(&self.n)

    def packet(self, int64_t sent_us, int64_t arrival_us, uint32_t size):
        bottleneck_packet(&self.n, sent_us, arrival_us, size)

    @property
    def bps(self):
        return bottleneck_bps(&self.n)

    @property
    def fills(self):
        return bool(bottleneck_fills(&self.n))

    @property
    def queue_us(self):
        return self.n.queue_us
