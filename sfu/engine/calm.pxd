# Whether nothing but checks of connections and reports comes.
from libc.stdint cimport int64_t, uint64_t

cdef struct calm_t:
    int64_t window_us           # when the present look began
    uint64_t routine            # how many datagrams of routine there had been by then
    int64_t rest_us             # what the last look found
    uint64_t others             # how many other datagrams there have been
    int64_t disturbed_us        # when the last of those came

# `routine`: how many answered checks and RTCP packets there have been in all; `others`: how many other datagrams. For how long
# the UDP sockets are left alone; 0 while anything else comes, or too little of this.
cdef int64_t calm_rest(calm_t *c, uint64_t routine, uint64_t others, int64_t now_us) noexcept nogil
