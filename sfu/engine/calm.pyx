"""Many who are connected, and nobody who sends: a class that waits for its teacher.

What comes then is routine: each browser's check of its connection every few seconds (RFC 7675), and reports. To answer a
check takes the thread a third of what it takes to wake up for it, with caches that have forgotten everything. So when
nothing else has come for a second, it leaves its UDP sockets alone after each look at them, for as long as brings a few
checks together. A browser waits for an answer for seconds, and counts the delay as its round trip.

The price: the first packet after such a silence, of somebody who begins to speak or to connect, is read up to LONGEST_US late.
From then on there is no rest.
"""

cdef enum:
    CALM_US = 1000000       # of silence; Opus that sends nothing but comfort noise has a packet every 400 ms
    WINDOW_US = 1000000
    TOGETHER = 5            # that a rest is to bring: twice as many save a tenth more
    WORTH_US = 50000        # a rest of LONGEST_US brings two
    LONGEST_US = 100000     # what receivers' buffers take in without a gap, and what callers do not notice once


cdef int64_t calm_rest(calm_t *c, uint64_t routine, uint64_t others, int64_t now_us) noexcept nogil:
    cdef int64_t passed_us = now_us - c.window_us
    if others != c.others:
        c.others = others
        c.disturbed_us = now_us
    if passed_us >= WINDOW_US:
        c.rest_us = rest_for(<int64_t>(routine - c.routine), passed_us)
        c.window_us = now_us
        c.routine = routine
    return c.rest_us if now_us - c.disturbed_us >= CALM_US else 0


cdef inline int64_t rest_for(int64_t came, int64_t passed_us) noexcept nogil:
    if came * WORTH_US < passed_us:
        return 0
    return min(TOGETHER * passed_us // came, <int64_t>LONGEST_US)


cdef class Calm:
    cdef calm_t c

    def rest_us(self, uint64_t routine, uint64_t others, int64_t now_us):
        return calm_rest(&self.c, routine, others, now_us)
