# Is a queue growing on the way? One-way delay variation of one transport -> normal, overuse, underuse
# (draft-ietf-rmcat-gcc-02, 5.2 to 5.4; filter as in libwebrtc's trendline estimator).
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    TREND_POINTS = 20

cdef enum usage_t:
    USAGE_NORMAL = 0
    USAGE_OVER = 1
    USAGE_UNDER = 2

cdef struct group_t:            # packets sent within 5 ms, or that arrived as one burst
    int64_t first_sent_us
    int64_t sent_us
    int64_t first_arrival_us
    int64_t arrival_us
    int64_t noted_us            # our clock when its last packet was reported

cdef struct delay_t:
    group_t current
    group_t previous
    uint32_t groups             # 0: none; 1: current; 2: both
    uint32_t reordered          # groups in a row that arrived before their predecessor
    int64_t origin_us           # arrival of the first group measured
    double accumulated_ms
    double smoothed_ms
    double times_ms[TREND_POINTS]
    double delays_ms[TREND_POINTS]
    uint32_t points             # ever; the ring holds the latest
    double trend
    double threshold_ms
    double threshold_at_ms      # arrival time of its last change; < 0: none
    double over_ms              # how long the trend has been above the threshold; < 0: it is not
    uint32_t over_count
    usage_t usage

cdef void delay_init(delay_t *d) noexcept nogil
# One packet, in the order of sending. Times of both clocks only meet as differences.
cdef void delay_packet(delay_t *d, int64_t sent_us, int64_t arrival_us, int64_t now_us) noexcept nogil
