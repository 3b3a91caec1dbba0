# Whether so many datagrams come that they are taken together.
from libc.stdint cimport int64_t, uint64_t

cdef struct moderation_t:
    int64_t window_us           # when the present look began
    uint64_t datagrams          # how many there had been by then
    bint on

# `datagrams`: how many have come in all. For how long the UDP sockets are left alone; 0 while few come.
cdef int64_t moderation_rest(moderation_t *m, uint64_t datagrams, int64_t now_us) noexcept nogil
