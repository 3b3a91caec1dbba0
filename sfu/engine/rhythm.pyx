"""The rhythm of a stream's arrivals.

Theory of operation. Sound comes every 20 ms and pictures every 33, each by its sender's clock. A loop that follows period
and phase (of second order, as those that follow a carrier) says when the next one is due: an eighth of what it was off by
goes into the phase, a sixty-fourth into the period. How far off the arrivals are on the average decides whether anybody may rely
on it: behind a restless network, or of a shared screen that sends a picture when something moves, nothing is expected.

One that is missing, or late by more than half a period, changes little: it is compared with the beat nearest to it, and what
it is off by counts no more than an eighth of a period. When too many are strange (far from any beat, or beats left out), the
rhythm has changed: begin anew.
"""

from libc.stdint cimport int64_t

cdef enum:
    SHORTEST_US = 8000          # pictures of several encodings come together and count as one; sound is 10 ms at the least
    LONGEST_US = 200000         # what comes more seldom is not worth waiting for
    STRANGE = 2                 # points of one that is; one in time takes off a point
    TOO_STRANGE = 8


cdef inline int64_t magnitude(int64_t value) noexcept nogil:
    return value if value >= 0 else -value


cdef void begin_anew(rhythm_t *r, int64_t now_us) noexcept nogil:
    cdef int64_t pause_us = now_us - r.last_us
    r.period_us = pause_us if r.last_us and pause_us <= LONGEST_US else 0
    r.due_us = now_us + r.period_us
    r.off_us = r.period_us // 4
    r.strange = 0


cdef void compare(rhythm_t *r, int64_t now_us) noexcept nogil:
    """With the nearest beat."""
    cdef int64_t off_us = now_us - r.due_us
    cdef int64_t most_us = r.period_us // 8
    cdef bint strange = 2 * off_us >= r.period_us       # beats were left out
    while 2 * off_us >= r.period_us:                    # LONGEST_US // SHORTEST_US times at the most
        r.due_us += r.period_us
        off_us -= r.period_us
    while -2 * off_us > r.period_us:
        r.due_us -= r.period_us
        off_us += r.period_us
    strange |= magnitude(off_us) > most_us
    r.strange += STRANGE if strange else -1 if r.strange > 0 else 0
    r.off_us += (magnitude(off_us) - r.off_us) // 16
    off_us = max(min(off_us, most_us), -most_us)
    r.due_us += off_us // 8 + r.period_us
    r.period_us += off_us // 64


cdef void rhythm_came(rhythm_t *r, int64_t now_us) noexcept nogil:
    cdef int64_t pause_us = now_us - r.last_us
    if r.last_us and pause_us < SHORTEST_US:
        return
    if r.period_us == 0 or pause_us > LONGEST_US or r.strange >= TOO_STRANGE:
        begin_anew(r, now_us)
    else:
        compare(r, now_us)
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
