# Statistics of one received RTP stream, for receiver reports (RFC 3550, 6.4.1 and A.1, A.3, A.8).
from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from sfu.engine.rtcp cimport report_block_t, sender_info_t

cdef enum:
    RECEPTION_WINDOW = 1024     # packets back from the highest that are told from their duplicates

cdef struct reception_t:
    uint32_t ssrc
    uint32_t clock_rate
    int64_t first               # unwrapped sequence; -1 before the first packet
    int64_t highest
    uint64_t packets            # received, repaired ones included, duplicates not
    uint64_t bytes              # payload bytes
    uint64_t repaired           # of `packets`: came as retransmissions (reports leave them out, as RFC 4588 does)
    uint64_t duplicates         # or too old to tell
    uint64_t seen[16]           # a bit per sequence number modulo RECEPTION_WINDOW
    double jitter               # timestamp units
    int64_t transit             # last relative transit, timestamp units; INT64_MIN before the first
    int64_t expected_prior
    int64_t received_prior
    uint64_t sr_ntp             # last sender report: its clocks, and when it came
    uint32_t sr_rtp
    int64_t sr_arrival_us       # 0 for none yet

cdef void reception_init(reception_t *r, uint32_t ssrc, uint32_t clock_rate) noexcept nogil
# Returns the unwrapped sequence number (always positive: the first one is put into the second cycle). `timestamp` is the
# RTP timestamp; repaired packets do not count for jitter. A duplicate shows as a step of `duplicates`.
cdef int64_t reception_packet(reception_t *r, uint16_t sequence, uint32_t timestamp, uint32_t payload_bytes, bint repaired, int64_t now_us) noexcept nogil
cdef void reception_sender_report(reception_t *r, const sender_info_t *info, int64_t now_us) noexcept nogil
# Fills a report block and begins the next interval.
cdef void reception_report(reception_t *r, report_block_t *block, int64_t now_us) noexcept nogil
# Packets that have not come by now, repaired ones counted as come; negative never.
cdef int64_t reception_lost(const reception_t *r) noexcept nogil
