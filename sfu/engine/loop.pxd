# The packet thread: an engine bound to sockets.
from libc.stdint cimport int64_t, uint64_t

from sfu.engine.address cimport FIRST_STREAM_CHANNEL
from sfu.engine.calm cimport calm_t
from sfu.engine.drops cimport SOCKET_COUNTER_COUNT
from sfu.engine.linux cimport epoll_event, pollfd, pthread_t, sem_t
from sfu.engine.moderation cimport moderation_t
from sfu.engine.streams cimport streams_t
from sfu.engine.udp cimport udp_t

cdef enum:
    EVENTS = 128                # of one round

cdef struct loop_t:
    void *engine
    udp_t udp
    streams_t streams
    int epoll_fd                # streams, listeners, wakes
    int wake_fd
    pollfd watched[1 + FIRST_STREAM_CHANNEL]    # the epoll set, and then each UDP socket
    epoll_event events[EVENTS]
    uint64_t counters[SOCKET_COUNTER_COUNT]
    moderation_t moderation
    calm_t calm
    pthread_t thread
    sem_t running               # posted once by the thread
    int priority                # wanted; once the thread runs, what it has (priority.pxd)
    bint open                   # has its sockets
    bint begun                  # has had its thread
    bint give_way               # a control call has been waiting for the lock
    # under the engine's lock
    bint stopping
    int64_t asleep_until_us     # AWAKE, or when the thread will look at the engine's timers by itself
    double cpu_seconds          # of a thread that has ended

cdef class Loop:
    cdef loop_t *state
    cdef object engine          # kept alive
    cdef readonly int port
    cdef int take_over(self, list udp, list tcp) except -1
