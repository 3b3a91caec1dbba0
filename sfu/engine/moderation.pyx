"""Many datagrams, from many: what they cost is waking up.

A thread that has a processor at once, as ours has, wakes up for nearly each: teachers' packets, which browsers space by
milliseconds, reports of hundreds of viewers, a flood from strangers. To read a datagram takes it a microsecond or two, to
sleep and wake up for it 25. So, as network cards moderate their interrupts: while many come, it leaves its UDP
sockets alone for half a millisecond after each look at them, and finds what came meanwhile together. What its own timers
have for it waits as long; that is all the delay that media has of it.
"""

cdef enum:
    WINDOW_US = 100000      # a key picture alone is not many
    MANY = 200              # in a window: at 2,000 a second a rest brings two
    REST_US = 500           # twice as long saves a fiftieth more; a socket's buffer takes thousands


cdef int64_t moderation_rest(moderation_t *m, uint64_t datagrams, int64_t now_us) noexcept nogil:
    cdef int64_t passed_us = now_us - m.window_us
    if passed_us >= WINDOW_US:
        m.on = <int64_t>(datagrams - m.datagrams) * WINDOW_US >= MANY * passed_us
        m.window_us = now_us
        m.datagrams = datagrams
    return REST_US if m.on else 0


cdef class Moderation:
    cdef moderation_t m

    def rest_us(self, uint64_t datagrams, int64_t now_us):
        return moderation_rest(&self.m, datagrams, now_us)
