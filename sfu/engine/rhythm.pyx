"""The rhythm of a stream's arrivals.

Theory of operation. Sound comes every 20 ms and pictures every 33, each by its sender's clock. A loop that follows period
and phase (of second order, as those that follow a carrier) says when the next one is due: an eighth of what it was off by
goes into the phase, a sixty-fourth into the period. How far off the arrivals are on the average decides whether anybody may rely
on it: behind a restless network, or of a shared screen that sends a picture when something moves, nothing is expected.

What comes off by half a period or more has changed its rhythm, or packets of it are missing: begin anew, and be trusted again
after some twenty that were in time.
"""

from libc.stdint cimport int64_t

cdef enum:
    SHORTEST_US = 8000          # pictures of several encodings come together and count as one; sound is 10 ms at the least
    LONGEST_US = 200000         # what comes more seldom is not worth waiting for


cdef inline int64_t magnitude(int64_t value) noexcept nogil:
    return value if value >= 0 else -value


cdef void begin_anew(rhythm_t *r, int64_t now_us) noexcept nogil:
    cdef int64_t pause_us = now_us - r.last_us
    r.period_us = pause_us if r.last_us and pause_us <= LONGEST_US else 0
    r.due_us = now_us + r.period_us
    r.off_us = r.period_us // 4


cdef void rhythm_came(rhythm_t *r, int64_t now_us) noexcept nogil:
    cdef int64_t off_us = now_us - r.due_us
    if r.last_us and now_us - r.last_us < SHORTEST_US:
        return
    if r.period_us == 0 or 2 * magnitude(off_us) >= r.period_us:
        begin_anew(r, now_us)
    else:
        r.off_us += (magnitude(off_us) - r.off_us) // 16
        r.period_us += off_us // 64
        r.due_us += off_us // 8 + r.period_us
    r.last_us = now_us


cdef bint rhythm_expects(const rhythm_t *r, int64_t now_us, int64_t within_us) noexcept nogil:
    # one that is a little late is still expected, for as long as they are late on the average
    return r.period_us > 0 and 2 * r.off_us < within_us and -r.off_us <= r.due_us - now_us <= within_us


# --- the Python face ------------------------------------------------------------------------------------------------


cdef class Rhythm:
    def came(self, int64_t now_us):
        rhythm_came(&self.r, now_us)

    def expects(self, int64_t now_us, int64_t within_us):
        return rhythm_expects(&self.r, now_us, within_us)

    @property
    def due_us(self):
        return self.r.due_us if self.r.period_us else -1
