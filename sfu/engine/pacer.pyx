"""A leaky bucket for one thin downlink.

Theory of operation. A keyframe of 40 kB is 640 ms of a link of 500 kbit/s. Sent at once, it stands in the router's queue and
the sound behind it with it. So on a link that is thin for what it carries, packets of pictures wait here, as references
into their publication's cache, and leave as fast as the link takes them. Sound, repeats and control never wait: they are
sent, and charged afterwards by the transport's own count of bytes, so that pictures make room for them.

When the link has fallen, its own queue is full of what was sent before (bandwidth.pyx, brake). Until it has emptied nothing
goes from here, and pictures that come meanwhile are left out; a keyframe is asked for so that it comes when there is room.

The rate is the estimate: it lies below what the link carries (DECREASE in bandwidth.pyx), so the link's own queue empties,
and above what is sent on the whole (allocator.py), so this one does too.
"""

from libc.stdlib cimport calloc

cdef enum:
    SLACK_US = 5000             # what was not used is lost after this long: a burst of 300 bytes at 500 kbit/s
    EARLY_US = 1000             # a timer's grain: what is due within it goes now
    LATE_US = 300000            # pictures that wait longer go a little faster, into what the estimate leaves of the link
    DEBT_US = 500000            # sound and repeats alone may be more than the estimate: pictures still get a turn

cdef double CATCH_UP = 1.15


cdef pacer_t *pacer_new(uint64_t seen_bytes, int64_t now_us) noexcept nogil:
    cdef pacer_t *p = <pacer_t *>calloc(1, sizeof(pacer_t))
    if p != NULL:
        p.seen_bytes = seen_bytes
        p.free_us = <double>now_us
    return p


cdef bint pacer_put(pacer_t *p, void *subscription, uint8_t layer, int64_t sequence, int64_t now_us) noexcept nogil:
    cdef waiting_t *packet
    if p.count == PACER_PACKETS:
        return False
    packet = &p.waiting[(p.head + p.count) % PACER_PACKETS]
    packet.subscription = subscription
    packet.sequence = sequence
    packet.queued_us = now_us
    packet.layer = layer
    p.count += 1
    return True


cdef void pacer_charge(pacer_t *p, uint64_t bytes_out, int64_t now_us) noexcept nogil:
    cdef double spent = 8e6 * (bytes_out - p.seen_bytes) / (p.bps * (CATCH_UP if p.waited_us > LATE_US else 1))
    p.seen_bytes = bytes_out
    p.free_us = min(max(p.free_us, <double>(now_us - SLACK_US)) + spent, <double>(now_us + DEBT_US))


cdef bint pacer_take(pacer_t *p, waiting_t *packet, int64_t now_us) noexcept nogil:
    while p.count > 0 and pacer_deadline(p) <= now_us + EARLY_US:
        packet[0] = p.waiting[p.head]
        p.head = (p.head + 1) % PACER_PACKETS
        p.count -= 1
        if packet.subscription != NULL:         # else forgotten
            p.waited_us = now_us - packet.queued_us
            return True
    p.waited_us = 0
    return False


cdef int64_t pacer_deadline(const pacer_t *p) noexcept nogil:
    return max(<int64_t>p.free_us, p.hold_us) if p.count > 0 else -1


cdef bint pacer_held(const pacer_t *p, int64_t now_us) noexcept nogil:
    return p.hold_us - now_us > KEYFRAME_LEAD_US


cdef void pacer_forget(pacer_t *p, const void *subscription) noexcept nogil:
    cdef uint32_t i
    for i in range(p.count):
        if p.waiting[(p.head + i) % PACER_PACKETS].subscription == subscription:
            p.waiting[(p.head + i) % PACER_PACKETS].subscription = NULL
