"""Floods from strangers: what they cost is waking up.

To look at a datagram of a stranger and drop it takes less than a microsecond, to wake up for it six; and a thread that has
a processor at once, as ours has, wakes up for each. So while many come, the thread leaves its UDP sockets alone for half a
millisecond after each look at them, and finds what came meanwhile together. That is all the delay that media has of it.
"""

cdef enum:
    WINDOW_US = 10000
    MANY = 50               # in a window: 5,000 a second cost 3 % of a core when each is woken up for
    REST_US = 500           # of 50,000 a second 25 come together; a socket's buffer takes thousands


cdef int64_t flood_rest(flood_t *f, uint64_t strangers, int64_t now_us) noexcept nogil:
    cdef int64_t passed_us = now_us - f.window_us
    if passed_us >= WINDOW_US:
        f.on = <int64_t>(strangers - f.strangers) * WINDOW_US >= MANY * passed_us
        f.window_us = now_us
        f.strangers = strangers
    return REST_US if f.on else 0


cdef class Flood:
    cdef flood_t f

    def rest_us(self, uint64_t strangers, int64_t now_us):
        return flood_rest(&self.f, strangers, now_us)
