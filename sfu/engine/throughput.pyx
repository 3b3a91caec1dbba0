"""What arrives: a weighted mean of windows of 150 ms, of which each counts the less the further off it is.

A window in which little was sent says little of the link, so what lies below the mean moves it less than what lies above;
but once the link is full, both are the link's own rate.
"""

from libc.math cimport fabs

cdef enum:
    ACKED_FIRST_US = 500000
    ACKED_US = 150000

cdef double DOUBT = 10.0            # libwebrtc's weights of one sample against what is known
cdef double DOUBT_LULL = 20.0
cdef double DOUBT_FULL = 3.0
cdef double VARIANCE_FIRST = 50.0


cdef double window_sample(acked_t *a, int64_t arrival_us, uint32_t size) noexcept nogil:
    """Bits per second of the window that this packet ended; < 0: it goes on."""
    cdef int64_t length = ACKED_US if a.bps > 0 else ACKED_FIRST_US
    cdef int64_t passed = arrival_us - a.last_us
    cdef double sample = -1
    if a.last_us >= 0 and passed < 0:
        passed = 0                  # overtaken on the way
    elif a.last_us >= 0:
        a.window_us += passed
        if passed > length:         # silence: what was counted before says nothing about now
            a.bytes = 0
            a.window_us = passed % length
    a.last_us = max(a.last_us, arrival_us)
    if a.window_us >= length:
        sample = 8e6 * a.bytes / length
        a.window_us %= length
        a.bytes = 0
    a.bytes += size
    return sample


cdef void acked_packet(acked_t *a, int64_t arrival_us, uint32_t size, bint full) noexcept nogil:
    cdef double sample = window_sample(a, arrival_us, size) / 1000
    cdef double known = a.bps / 1000
    cdef double doubt, of_sample, of_known
    if sample < 0:
        return
    a.before_bps = a.sample_bps
    a.sample_bps = 1000 * sample
    if known <= 0:
        a.bps = sample * 1000
        a.variance = VARIANCE_FIRST
        return
    # the further off, the less it counts; below what is known even less: nothing may have been sent
    doubt = (DOUBT_FULL if full else DOUBT if sample >= known else DOUBT_LULL) * fabs(known - sample) / max(known, 1.0)
    of_sample = doubt * doubt
    of_known = a.variance + 5
    a.bps = 1000 * max((of_sample * known + of_known * sample) / (of_sample + of_known), 0.0)
    a.variance = of_sample * of_known / (of_sample + of_known)


cdef void acked_set(acked_t *a, double bps) noexcept nogil:
    a.bps = bps
    a.sample_bps = bps
    a.before_bps = bps
    a.variance = VARIANCE_FIRST
    a.window_us = 0
    a.bytes = 0


cdef double filling(const acked_t *a) noexcept nogil:
    return max(max(a.sample_bps, a.before_bps), a.bps / 3)
