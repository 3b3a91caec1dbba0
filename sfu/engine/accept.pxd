# TCP listeners: who is let in, and for how long without having proved anything.
from libc.stdint cimport int64_t, uint32_t

from sfu.engine.streams cimport streams_t

# Takes a listening socket over. 0 or -errno.
cdef int accept_listen(streams_t *s, int fd) noexcept nogil
# From the packet thread, without the engine's lock: connections wait.
cdef void accept_ready(streams_t *s, uint32_t listener) noexcept nogil
# From the packet thread, with the lock: time limits.
cdef void accept_tick(streams_t *s, int64_t now_us) noexcept nogil
cdef int64_t accept_deadline(const streams_t *s) noexcept nogil
