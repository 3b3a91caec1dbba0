"""A mutex, and a place to wait for it without standing in its queue.

Theory of operation. The packet thread runs with real-time priority where it may (priority.pyx), and Python's control calls do
not. If a control call is put off the processor while it has the lock, the packet thread must not wait until that call's turn
comes again: so the mutex inherits priority (PTHREAD_PRIO_INHERIT), and whoever keeps the packet thread waiting runs
meanwhile with its priority.

Such a mutex is handed to the first of its queue. A control call that slept in that queue would be given the lock while
it sleeps, and would hold it until it has been woken and has the GIL back: everybody's packets would wait for Python. So it
only tries, and waits for a turn beside the mutex: on a futex that changes each time the lock is given back.
"""

from libc.stdint cimport uint32_t

from sfu.engine.linux cimport syscall, timespec

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutexattr_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_trylock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)
    int pthread_mutexattr_init(pthread_mutexattr_t *attributes)
    int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attributes, int protocol)
    int pthread_mutexattr_destroy(pthread_mutexattr_t *attributes)
    int PTHREAD_PRIO_INHERIT

cdef extern from "<sys/syscall.h>" nogil:
    long SYS_futex

cdef extern from "<linux/futex.h>" nogil:
    int FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE

cdef extern from * nogil:
    """
    #define atomic_read(at) __atomic_load_n(at, __ATOMIC_SEQ_CST)
    #define atomic_add(at, by) __atomic_add_fetch(at, by, __ATOMIC_SEQ_CST)
    """
    uint32_t atomic_read(const uint32_t *at)
    uint32_t atomic_add(uint32_t *at, int by)

cdef enum:
    PATIENCE_NS = 1000000       # a wake-up cannot be missed; should one be all the same, this is what it costs
    EVERYBODY = 0x7FFFFFFF


cdef void lock_init(lock_t *l) noexcept nogil:
    cdef pthread_mutexattr_t attributes
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)
    if pthread_mutex_init(&l.mutex, &attributes) != 0:      # a kernel without priority inheritance
        pthread_mutex_init(&l.mutex, NULL)
    pthread_mutexattr_destroy(&attributes)
    l.turns = 0
    l.waiting = 0


cdef void lock_free(lock_t *l) noexcept nogil:
    pthread_mutex_destroy(&l.mutex)


cdef void lock_take(lock_t *l) noexcept nogil:
    pthread_mutex_lock(&l.mutex)


cdef bint lock_give(lock_t *l) noexcept nogil:
    pthread_mutex_unlock(&l.mutex)
    # In this order: who comes to wait now finds either the lock free or the turn over.
    atomic_add(&l.turns, 1)
    if atomic_read(&l.waiting) == 0:
        return False
    syscall(SYS_futex, &l.turns, FUTEX_WAKE_PRIVATE, EVERYBODY)
    return True


cdef bint lock_try(lock_t *l, uint32_t *turn) noexcept nogil:
    turn[0] = atomic_read(&l.turns)
    return pthread_mutex_trylock(&l.mutex) == 0


cdef void lock_wait(lock_t *l, uint32_t turn) noexcept nogil:
    cdef timespec patience = timespec(0, PATIENCE_NS)
    atomic_add(&l.waiting, 1)
    syscall(SYS_futex, &l.turns, FUTEX_WAIT_PRIVATE, turn, &patience)
    atomic_add(&l.waiting, -1)
