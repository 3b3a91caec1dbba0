"""The delay gradient: whether a queue is growing between us and one peer.

Theory of operation (draft-ietf-rmcat-gcc-02, 5.2 to 5.4). Packets sent close together form a group. Between two groups,
(arrival difference) - (sending difference) is how much longer the second one took. Summed up and smoothed this is the
queueing delay but for a constant; the slope of a line through its latest 20 values is the trend. A trend above a threshold
for more than 10 ms is overuse. The threshold itself follows the trend, slowly up and quickly down, so that neither
competing TCP flows nor a jittery radio keep us down for ever (5.4 explains why).

Both clocks meet only as differences, so their offset does not matter and their drift is far below the threshold.
"""

from libc.math cimport fabs
from libc.string cimport memset

cdef enum:
    GROUP_US = 5000             # 5.2: burst_time
    BURST_US = 100000           # a burst on the way is never longer than this
    RESET_US = 3000000          # arrival jumps by this much against our own clock: the peer's clock was set
    REORDERED_LIMIT = 3
    POINTS_MIN = 8              # a slow link brings few groups a second; few count for little (detect)
    COUNTED_LIMIT = 60          # more values than this do not make a trend more certain

cdef double SMOOTHING = 0.9
cdef double GAIN = 4.0
cdef double THRESHOLD_MS = 12.5         # 5.4: del_var_th(0)
cdef double THRESHOLD_MIN_MS = 6.0
cdef double THRESHOLD_MAX_MS = 600.0
cdef double ADAPT_UP = 0.0087           # 5.4: K_u
cdef double ADAPT_DOWN = 0.039          # 5.4: K_d
cdef double ADAPT_OFFSET_MS = 15.0      # a spike further off than this is no reason to adapt
# At the beginning, before there is a line to speak of: a queue of this length says it too. A page that is being built stops
# reading for less.
cdef double FIRST_QUEUE_MS = 600.0
cdef double OVERUSE_MS = 10.0           # 5.4: overuse_time_th


cdef void delay_init(delay_t *d) noexcept nogil:
    memset(d, 0, sizeof(delay_t))
    d.threshold_ms = THRESHOLD_MS
    d.threshold_at_ms = -1
    d.over_ms = -1


cdef inline void begin_group(delay_t *d, int64_t sent_us, int64_t arrival_us) noexcept nogil:
    d.current.first_sent_us = sent_us
    d.current.sent_us = sent_us
    d.current.first_arrival_us = arrival_us


cdef bint belongs(const group_t *g, int64_t sent_us, int64_t arrival_us) noexcept nogil:
    """Sent with the group; or held up on the way and let through with it, faster than it was sent."""
    cdef int64_t sent = sent_us - g.sent_us
    cdef int64_t arrived = arrival_us - g.arrival_us
    if sent == 0 or sent_us - g.first_sent_us <= GROUP_US:
        return True
    return arrived < sent and arrived <= GROUP_US and arrival_us - g.first_arrival_us < BURST_US


cdef void delay_packet(delay_t *d, int64_t sent_us, int64_t arrival_us, int64_t now_us) noexcept nogil:
    if d.groups == 0:
        begin_group(d, sent_us, arrival_us)
        d.groups = 1
    elif sent_us < d.current.first_sent_us:
        return      # overtaken on the way: it says nothing about the queue
    elif belongs(&d.current, sent_us, arrival_us):
        d.current.sent_us = max(d.current.sent_us, sent_us)
    else:
        if d.groups == 2 and not compare_groups(d):
            return
        d.previous = d.current
        d.groups = 2
        begin_group(d, sent_us, arrival_us)
    d.current.arrival_us = arrival_us
    d.current.noted_us = now_us


cdef bint compare_groups(delay_t *d) noexcept nogil:
    """False: everything begins anew."""
    cdef int64_t sent = d.current.sent_us - d.previous.sent_us
    cdef int64_t arrived = d.current.arrival_us - d.previous.arrival_us
    cdef int64_t noted = d.current.noted_us - d.previous.noted_us
    if arrived - noted >= RESET_US:
        delay_init(d)
        return False
    if arrived < 0:
        d.reordered += 1
        if d.reordered >= REORDERED_LIMIT:
            delay_init(d)
            return False
        return True
    d.reordered = 0
    add_point(d, (arrived - sent) / 1000.0, sent / 1000.0)
    return True


cdef void add_point(delay_t *d, double gradient_ms, double sent_ms) noexcept nogil:
    cdef double trend = d.trend
    cdef double now_ms
    cdef uint32_t at
    if d.points == 0:
        d.origin_us = d.current.arrival_us
    now_ms = (d.current.arrival_us - d.origin_us) / 1000.0
    d.accumulated_ms += gradient_ms
    d.smoothed_ms = SMOOTHING * d.smoothed_ms + (1 - SMOOTHING) * d.accumulated_ms
    at = d.points % TREND_POINTS
    d.times_ms[at] = now_ms
    d.delays_ms[at] = d.smoothed_ms
    d.points += 1
    if d.points >= POINTS_MIN:
        trend = slope(d, min(d.points, <uint32_t>TREND_POINTS))
    detect(d, trend, sent_ms, now_ms)
    if d.points < TREND_POINTS and d.accumulated_ms > FIRST_QUEUE_MS:
        d.usage = USAGE_OVER


cdef double slope(const delay_t *d, uint32_t count) noexcept nogil:
    """Least squares over the ring; the trend of before when all came at one time."""
    cdef double time = 0, delay = 0, above = 0, below = 0
    cdef uint32_t i
    for i in range(count):
        time += d.times_ms[i]
        delay += d.delays_ms[i]
    time /= count
    delay /= count
    for i in range(count):
        above += (d.times_ms[i] - time) * (d.delays_ms[i] - delay)
        below += (d.times_ms[i] - time) * (d.times_ms[i] - time)
    return above / below if below > 0 else d.trend


cdef void detect(delay_t *d, double trend, double sent_ms, double now_ms) noexcept nogil:
    cdef double modified = min(d.points, <uint32_t>COUNTED_LIMIT) * trend * GAIN
    if modified > d.threshold_ms:
        d.over_ms = sent_ms / 2 if d.over_ms < 0 else d.over_ms + sent_ms
        d.over_count += 1
        if d.over_ms > OVERUSE_MS and d.over_count > 1 and trend >= d.trend:
            d.over_ms = 0
            d.over_count = 0
            d.usage = USAGE_OVER
    else:
        d.over_ms = -1
        d.over_count = 0
        d.usage = USAGE_UNDER if modified < -d.threshold_ms else USAGE_NORMAL
    d.trend = trend
    adapt(d, fabs(modified), now_ms)


cdef void adapt(delay_t *d, double modified, double now_ms) noexcept nogil:
    cdef double passed
    if d.threshold_at_ms < 0:
        d.threshold_at_ms = now_ms
    passed = min(max(now_ms - d.threshold_at_ms, 0.0), 100.0)
    d.threshold_at_ms = now_ms
    if modified > d.threshold_ms + ADAPT_OFFSET_MS:
        return
    d.threshold_ms += (ADAPT_DOWN if modified < d.threshold_ms else ADAPT_UP) * (modified - d.threshold_ms) * passed
    d.threshold_ms = min(max(d.threshold_ms, THRESHOLD_MIN_MS), THRESHOLD_MAX_MS)
