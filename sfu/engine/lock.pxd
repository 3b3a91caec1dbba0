# The engine's one lock. The packet thread blocks on it; who holds the GIL only tries, and waits beside it.
from libc.stdint cimport uint32_t

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass

cdef struct lock_t:
    pthread_mutex_t mutex
    uint32_t turns              # how often it was given back
    uint32_t waiting            # threads that wait for it to be

cdef void lock_init(lock_t *l) noexcept nogil
cdef void lock_free(lock_t *l) noexcept nogil
cdef void lock_take(lock_t *l) noexcept nogil
# Returns whether somebody has been waiting in lock_wait, who is woken.
cdef bint lock_give(lock_t *l) noexcept nogil
# False: somebody has it. `turn` is then for lock_wait.
cdef bint lock_try(lock_t *l, uint32_t *turn) noexcept nogil
# Until it is given back (or has been since `turn`); at most a millisecond.
cdef void lock_wait(lock_t *l, uint32_t turn) noexcept nogil
