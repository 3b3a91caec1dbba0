# How much of what is sent arrives.
from libc.stdint cimport int64_t, uint32_t

cdef struct acked_t:            # bits per second that arrive (Bayesian, as libwebrtc's BitrateEstimator)
    int64_t last_us             # arrival of the latest packet; < 0: none
    int64_t window_us
    int64_t bytes
    double bps                  # 0: not known yet
    double variance
    double sample_bps           # of the latest window
    double before_bps           # of the one before

# full: a queue is there, so the sample is what the link carries, not what happened to be sent.
cdef void acked_packet(acked_t *a, int64_t arrival_us, uint32_t size, bint full) noexcept nogil
# It is known from elsewhere: what was counted before does not matter any more.
cdef void acked_set(acked_t *a, double bps) noexcept nogil
# What arrives now that the link is full: the latest windows, unless they are so low that it may be a lull.
cdef double filling(const acked_t *a) noexcept nogil
