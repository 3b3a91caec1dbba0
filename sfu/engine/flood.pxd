# Whether strangers flood us.
from libc.stdint cimport int64_t, uint64_t

cdef struct flood_t:
    int64_t window_us           # when the present look began
    uint64_t strangers          # how many datagrams of strangers there had been by then
    bint on

# `strangers`: how many there have been in all. For how long the UDP sockets are left alone; 0 while there is no flood.
cdef int64_t flood_rest(flood_t *f, uint64_t strangers, int64_t now_us) noexcept nogil
