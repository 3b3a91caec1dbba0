# Packets sent at a known rate, to see whether they arrive at it.
from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef struct probe_t:
    uint8_t cluster             # 1..255; 0: never probed
    bint sending
    bint waiting                # sent; the result is awaited
    double bps
    int64_t next_us             # not before; -1: nothing to probe for
    int64_t first_sent_us
    int64_t last_sent_us
    uint32_t sent_bytes
    uint32_t sent_packets
    uint32_t last_size
    uint32_t arrived_bytes
    uint32_t arrived_packets
    uint32_t first_arrived_size
    uint32_t last_arrived_sent_size
    int64_t first_arrival_us
    int64_t last_arrival_us
    int64_t first_arrived_sent_us
    int64_t last_arrived_sent_us

cdef void probe_begin(probe_t *p, double bps, int64_t now_us) noexcept nogil
# Bytes that each packet is to have, about.
cdef uint32_t probe_size(const probe_t *p) noexcept nogil
# A packet left while it was being sent; ends the sending when that was enough.
cdef void probe_sent(probe_t *p, uint32_t size, int64_t now_us) noexcept nogil
# A packet of this cluster arrived.
cdef void probe_arrival(probe_t *p, uint32_t size, int64_t sent_us, int64_t arrival_us) noexcept nogil
# Bits per second that the link surely carries; 0 while nothing is known.
cdef double probe_found(const probe_t *p) noexcept nogil
