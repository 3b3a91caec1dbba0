"""A cluster of packets sent at a known rate; whether they arrive at it.

Theory of operation (as libwebrtc's ProbeBitrateEstimator). What arrives of a cluster, from its first packet to its last, is a
rate that the link surely carries. Where it arrives slower than it was sent, the link was full, and that is its rate. Where
it arrives far faster, a radio has let it through at once, and it says nothing. Packets of media that leave meanwhile are
part of it.
"""

from libc.string cimport memset

cdef enum:
    PROBE_PACKETS = 5
    PROBE_US = 15000

cdef double PROBE_ENOUGH = 0.8      # of a cluster must have arrived
cdef double PROBE_BURST = 2.0       # arrived faster than this times sent: a radio that let all through at once
cdef double PROBE_FULL = 0.9        # arrived slower than this: the link was full
cdef double PROBE_OF_FULL = 0.95


cdef void probe_begin(probe_t *p, double bps, int64_t now_us) noexcept nogil:
    cdef uint8_t cluster = <uint8_t>(p.cluster % 255 + 1)
    memset(p, 0, sizeof(probe_t))
    p.cluster = cluster
    p.sending = True
    p.bps = bps
    p.first_sent_us = now_us
    p.last_sent_us = now_us
    p.next_us = now_us


cdef uint32_t probe_size(const probe_t *p) noexcept nogil:
    return <uint32_t>(p.bps * PROBE_US / 8e6 / PROBE_PACKETS)


cdef void probe_sent(probe_t *p, uint32_t size, int64_t now_us) noexcept nogil:
    if p.sent_packets == 0:
        p.first_sent_us = now_us
    p.sent_packets += 1
    p.sent_bytes += size
    p.last_size = size
    p.last_sent_us = now_us
    if p.sent_packets >= PROBE_PACKETS and now_us - p.first_sent_us >= PROBE_US * 2 // 3 and 8e6 * p.sent_bytes >= p.bps * PROBE_US:
        p.sending = False
        p.waiting = True


cdef void probe_arrival(probe_t *p, uint32_t size, int64_t sent_us, int64_t arrival_us) noexcept nogil:
    if p.arrived_packets == 0 or arrival_us < p.first_arrival_us:
        p.first_arrival_us = arrival_us
        p.first_arrived_size = size
    if p.arrived_packets == 0 or sent_us < p.first_arrived_sent_us:
        p.first_arrived_sent_us = sent_us
    if p.arrived_packets == 0 or arrival_us > p.last_arrival_us:
        p.last_arrival_us = arrival_us
    if p.arrived_packets == 0 or sent_us >= p.last_arrived_sent_us:
        p.last_arrived_sent_us = sent_us
        p.last_arrived_sent_size = size
    p.arrived_packets += 1
    p.arrived_bytes += size


cdef double probe_found(const probe_t *p) noexcept nogil:
    cdef double sent_us, arrived_us, sent, arrived
    if not p.waiting or p.arrived_packets < PROBE_ENOUGH * p.sent_packets or p.arrived_bytes < PROBE_ENOUGH * p.sent_bytes:
        return 0
    sent_us = <double>(p.last_arrived_sent_us - p.first_arrived_sent_us)
    arrived_us = <double>(p.last_arrival_us - p.first_arrival_us)
    if sent_us <= 0 or arrived_us <= 0:
        return 0
    sent = 8e6 * (p.arrived_bytes - p.last_arrived_sent_size) / sent_us
    arrived = 8e6 * (p.arrived_bytes - p.first_arrived_size) / arrived_us
    if arrived > PROBE_BURST * sent:
        return 0
    if arrived < PROBE_FULL * sent:
        return PROBE_OF_FULL * arrived
    return min(sent, arrived)
