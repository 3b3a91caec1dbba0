"""One native thread that binds an engine to sockets.

Theory of operation. A round of the thread:

    sleep   until a socket is readable, the engine's next deadline, or a wake by eventfd
    read    up to 4 batches of 64 datagrams from each readable UDP socket, up to 64 KiB from each stream; each batch goes
            into the engine under its lock, so a control call waits for one batch at the most
    settle  the engine forwards and encrypts what is due, and calls `flush`, which sends; streams given up are closed.
            Pictures go in pieces of less than half a millisecond (forward.pyx): while there are more, the next round begins
            without a sleep, and what its sockets hold is read, and sound forwarded, before the next piece

Two ways of waiting in one. The UDP sockets are few and stand in a list for ppoll; everything else, of which there may be
thousands, is in an epoll set, and that set is one more entry of the list. For a socket in an epoll set has somebody waiting
for it all the time: the kernel, which frees each datagram that we send, would try to wake us each time because there is room
again, and find only there that nobody asked for that. With ppoll nobody waits while we send; it saves 3 % of the thread's time.

Both are level-triggered: a bound on what is read in a round then costs nothing, as what is left over is reported
again, and no socket can starve the others or the clock. Deadlines are in microseconds (a frame's packets are gathered
for less than a millisecond), as ppoll's are.

Between two pieces a control call that has been waiting for the lock gets it: the thread sleeps for GIVE_WAY_US then, or it
would have the lock back before the other is awake.

While many datagrams come it leaves the UDP sockets alone for half a millisecond after each look (moderation.pyx); while many
are connected and nobody sends, for a tenth of a second (calm.pyx).

The thread never touches a Python object. Control calls of any thread send by the same `flush`, under the engine's
lock; and when they have brought a deadline nearer than the thread sleeps for, they wake it.

Signals are blocked in the thread: they are for Python's main thread.
"""

cimport cython
from libc.errno cimport errno
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from sfu.engine.accept cimport accept_deadline, accept_listen, accept_ready, accept_tick
from sfu.engine.address cimport FIRST_STREAM_CHANNEL, address_t, address_to_bytes
from sfu.engine.calm cimport calm_rest
from sfu.engine.core cimport (
    core_bind,
    core_datagrams,
    core_deadline,
    core_lock,
    core_reports_due,
    core_routine,
    core_settle,
    core_tick,
    core_unlock,
)
from sfu.engine.engine cimport Engine
from sfu.engine.linux cimport (
    AF_UNIX,
    CLOCK_THREAD_CPUTIME_ID,
    EFD_CLOEXEC,
    EFD_NONBLOCK,
    EPOLL_CLOEXEC,
    EPOLL_CTL_ADD,
    EPOLLIN,
    POLLIN,
    SIG_SETMASK,
    SOCK_CLOEXEC,
    SOCK_SEQPACKET,
    clock_gettime,
    clockid_t,
    close,
    enlarge_buffers,
    epoll_create1,
    epoll_ctl,
    epoll_wait,
    eventfd,
    monotonic_us,
    pollfd,
    ppoll,
    pthread_create,
    pthread_getcpuclockid,
    pthread_join,
    pthread_setname_np,
    pthread_sigmask,
    read,
    sem_destroy,
    sem_init,
    sem_post,
    sem_wait,
    sigfillset,
    sigset_t,
    socketpair,
    timespec,
    write,
)
from sfu.engine.moderation cimport moderation_rest
from sfu.engine.outbound cimport outbound_t
from sfu.engine.priority cimport PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_REALTIME, priority_sharpen_timers, priority_take
from sfu.engine.streams cimport (
    streams_add_local,
    streams_bury,
    streams_close,
    streams_free,
    streams_init,
    streams_ready,
    streams_send,
    streams_takes_frame,
)
from sfu.engine.udp cimport (
    PATIENCE_US,
    RECEIVE_BATCH,
    SOCKET_BUFFER_BYTES,
    udp_add,
    udp_free,
    udp_init,
    udp_receive,
    udp_send,
)

import os

from sfu.engine.listen import open_sockets

cdef enum:
    RECEIVE_ROUNDS = 4              # 256 datagrams are 0.3 ms of work
    GIVE_WAY_US = 50                # as long as a control call needs to wake up and be done
    STUCK_US = 1000                 # a timer that is due again at once must not become a busy loop
    # What an epoll event is about: in the upper half of its data; the lower half is an index or a channel.
    TAG_WAKE = 0
    TAG_LISTENER = 1
    TAG_STREAM = 2

cdef int64_t AWAKE = 0              # no deadline lies before it

# --- the thread --------------------------------------------------------------------------------------------------


cdef bint wait_for_events(loop_t *loop) noexcept nogil:
    """Marks what can be read. False: nothing, or an interruption."""
    cdef timespec timeout
    cdef int64_t left_us = -1
    if loop.asleep_until_us != INT64_MAX:
        left_us = max(loop.asleep_until_us - monotonic_us(), <int64_t>(GIVE_WAY_US if loop.give_way else 0))
        timeout.tv_sec = left_us // 1000000
        timeout.tv_nsec = left_us % 1000000 * 1000
    return ppoll(loop.watched, loop.udp.count + 1, &timeout if left_us >= 0 else NULL, NULL) > 0


cdef void rest(loop_t *loop) noexcept nogil:
    """While many send, or nobody: leaves the UDP sockets alone for a moment, and nothing else."""
    cdef int64_t now_us = monotonic_us()
    cdef uint64_t datagrams = core_datagrams(loop.engine)
    cdef uint64_t routine = core_routine(loop.engine)
    cdef int64_t moderation_us = moderation_rest(&loop.moderation, datagrams, now_us)
    cdef int64_t calm_us = calm_rest(&loop.calm, routine, datagrams - routine, now_us)
    cdef int64_t left_us = max(moderation_us, min(calm_us, loop.asleep_until_us - now_us))
    cdef timespec timeout
    if left_us > 0 and loop.asleep_until_us != AWAKE:
        timeout.tv_sec = 0
        timeout.tv_nsec = left_us * 1000
        ppoll(loop.watched, 1, &timeout, NULL)


cdef void receive_datagrams(loop_t *loop, uint32_t channel) noexcept nogil:
    cdef int i
    for i in range(RECEIVE_ROUNDS):
        if udp_receive(&loop.udp, channel, loop.engine) < RECEIVE_BATCH:
            break


cdef void receive_rest(loop_t *loop) noexcept nogil:
    cdef int i
    for i in range(epoll_wait(loop.epoll_fd, loop.events, EVENTS, 0)):
        dispatch(loop, loop.events[i].data.u64, loop.events[i].events)


cdef void receive(loop_t *loop) noexcept nogil:
    cdef uint32_t i
    for i in range(loop.udp.count):
        if loop.watched[i + 1].revents:
            receive_datagrams(loop, i)
    if loop.watched[0].revents:
        receive_rest(loop)


cdef void dispatch(loop_t *loop, uint64_t data, uint32_t events) noexcept nogil:
    cdef uint32_t tag = <uint32_t>(data >> 32)
    cdef uint32_t which = <uint32_t>data
    cdef uint64_t wakes
    if tag == TAG_STREAM:
        streams_ready(&loop.streams, which, events)
    elif tag == TAG_LISTENER:
        accept_ready(&loop.streams, which)
    else:
        read(loop.wake_fd, &wakes, sizeof(wakes))


cdef bint settle(loop_t *loop) noexcept nogil:
    """Timers, forwarding, sending; then sets when to wake. False: time to end."""
    cdef int64_t now_us = monotonic_us()
    cdef int64_t due, streams_due
    cdef bint more, go_on
    core_lock(loop.engine)
    accept_tick(&loop.streams, now_us)
    streams_bury(&loop.streams)
    due = core_deadline(loop.engine)
    if 0 <= due <= now_us or core_reports_due(loop.engine, now_us):
        more = core_tick(loop.engine, now_us)
    else:
        more = core_settle(loop.engine, now_us)
    due = core_deadline(loop.engine)
    if 0 <= due <= now_us:
        due = now_us + STUCK_US
    streams_due = accept_deadline(&loop.streams)
    if due < 0 or 0 <= streams_due < due:
        due = streams_due
    loop.asleep_until_us = AWAKE if more else due if due >= 0 else INT64_MAX
    go_on = not loop.stopping
    loop.give_way = core_unlock(loop.engine) and more
    return go_on


cdef void *run(void *argument) noexcept nogil:
    cdef loop_t *loop = <loop_t *>argument
    cdef timespec cpu
    cdef bint readable
    loop.priority = priority_take(loop.priority)
    priority_sharpen_timers()
    sem_post(&loop.running)
    while settle(loop):
        rest(loop)
        readable = wait_for_events(loop)
        loop.asleep_until_us = AWAKE        # a control call that reads the old value wakes us once too often
        if readable:
            receive(loop)
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu)
    loop.cpu_seconds = <double>cpu.tv_sec + <double>cpu.tv_nsec / 1e9
    return NULL


# --- what the engine calls, under its lock -----------------------------------------------------------------------


cdef void wake(loop_t *loop) noexcept nogil:
    cdef uint64_t one = 1
    write(loop.wake_fd, &one, sizeof(one))


cdef void wake_when_sooner(loop_t *loop) noexcept nogil:
    cdef int64_t due
    if loop.asleep_until_us == AWAKE:
        return
    due = core_deadline(loop.engine)
    if 0 <= due < loop.asleep_until_us:
        loop.asleep_until_us = AWAKE
        wake(loop)


cdef void flush(void *context, outbound_t *out) noexcept nogil:
    cdef loop_t *loop = <loop_t *>context
    cdef uint32_t first = 0, end, channel
    loop.udp.patience_us = PATIENCE_US
    while first < out.burst_count:
        channel = out.bursts[first].to.channel
        end = first + 1
        while end < out.burst_count and out.bursts[end].to.channel == channel:
            end += 1
        if channel < FIRST_STREAM_CHANNEL:
            udp_send(&loop.udp, out, first, end)
        else:
            streams_send(&loop.streams, out, first, end)
        first = end
    wake_when_sooner(loop)


cdef bint takes_frame(void *context, const address_t *to, int64_t now_us) noexcept nogil:
    return streams_takes_frame(&(<loop_t *>context).streams, to, now_us)


cdef void close_stream(void *context, const address_t *address) noexcept nogil:
    cdef loop_t *loop = <loop_t *>context
    if address.channel >= FIRST_STREAM_CHANNEL:
        streams_close(&loop.streams, address)


# --- life --------------------------------------------------------------------------------------------------------


cdef int watch_wakes(loop_t *loop) noexcept nogil:
    cdef epoll_event event
    event.events = EPOLLIN
    event.data.u64 = <uint64_t>TAG_WAKE << 32
    return epoll_ctl(loop.epoll_fd, EPOLL_CTL_ADD, loop.wake_fd, &event)


cdef inline void watch(loop_t *loop, uint32_t entry, int fd) noexcept nogil:
    loop.watched[entry] = pollfd(fd, POLLIN, 0)


cdef void loop_shut(loop_t *loop) noexcept nogil:
    """Closes everything, when the thread is not running (any more); the counters stay."""
    loop.open = False
    core_lock(loop.engine)
    core_bind(loop.engine, NULL, NULL, NULL, NULL)
    streams_free(&loop.streams)
    core_unlock(loop.engine)
    udp_free(&loop.udp)
    close(loop.epoll_fd)
    close(loop.wake_fd)


cdef loop_t *loop_new(void *engine, uint64_t seed) noexcept nogil:
    cdef loop_t *loop = <loop_t *>calloc(1, sizeof(loop_t))
    if loop == NULL:
        return NULL
    loop.engine = engine
    loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC)
    loop.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    if (
        loop.epoll_fd < 0
        or loop.wake_fd < 0
        or watch_wakes(loop) < 0
        or udp_init(&loop.udp, loop.counters) < 0
        or streams_init(&loop.streams, engine, loop.epoll_fd, loop.wake_fd, seed, loop.counters) < 0
    ):
        loop_shut(loop)
        free(loop)
        return NULL
    watch(loop, 0, loop.epoll_fd)
    loop.streams.epoll_tag = <uint64_t>TAG_STREAM << 32
    loop.streams.listener_tag = <uint64_t>TAG_LISTENER << 32
    loop.open = True
    return loop


cdef int start_thread(loop_t *loop) noexcept nogil:
    """0, or the error of pthread_create."""
    cdef sigset_t every, before
    cdef int error
    core_lock(loop.engine)
    core_bind(loop.engine, flush, takes_frame, close_stream, loop)
    core_unlock(loop.engine)
    sem_init(&loop.running, 0, 0)
    sigfillset(&every)
    pthread_sigmask(SIG_SETMASK, &every, &before)
    error = pthread_create(&loop.thread, NULL, run, loop)
    pthread_sigmask(SIG_SETMASK, &before, NULL)
    if error == 0:
        pthread_setname_np(loop.thread, "packets")
        sem_wait(&loop.running)
    sem_destroy(&loop.running)
    return error


cdef void stop_thread(loop_t *loop) noexcept nogil:
    core_lock(loop.engine)
    loop.stopping = True
    core_unlock(loop.engine)
    wake(loop)
    pthread_join(loop.thread, NULL)


cdef int add_local(loop_t *loop, int fds[2], address_t *address) noexcept nogil:
    """0 or -errno; fds[0] is ours."""
    cdef int error
    if socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0:
        return -errno
    enlarge_buffers(fds[0], SOCKET_BUFFER_BYTES)
    core_lock(loop.engine)
    error = streams_add_local(&loop.streams, fds[0], address)
    core_unlock(loop.engine)
    if error < 0:
        close(fds[0])
        close(fds[1])
    return error


# --- the Python face ---------------------------------------------------------------------------------------------


cdef int raise_errno(int error) except -1:
    raise OSError(error, os.strerror(error))


# In the order of drops.pxd.
SOCKET_COUNTER_NAMES = (
    "receive_truncated",
    "send_blocked",
    "send_refused",
    "send_stream_full",
    "send_stream_gone",
    "gso_refused",
    "tcp_accepted",
    "tcp_refused_full",
    "tcp_refused_address",
    "tcp_refused_files",
    "tcp_closed_not_stun",
    "tcp_closed_silent",
)


PRIORITIES = {"normal": PRIORITY_NORMAL, "high": PRIORITY_HIGH, "realtime": PRIORITY_REALTIME}


@cython.no_gc_clear
cdef class Loop:
    def __cinit__(
        self, Engine engine not None, list hosts not None, int port, *, double answer_limit_s=10.0, str priority="normal"
    ):
        if not 0 < len(hosts) <= FIRST_STREAM_CHANNEL:
            raise ValueError(f"1 to {FIRST_STREAM_CHANNEL} hosts, not {len(hosts)}")
        if priority not in PRIORITIES:
            raise ValueError(f"{priority!r} is none of {', '.join(PRIORITIES)}")
        self.engine = engine
        self.state = loop_new(engine.state, int.from_bytes(os.urandom(8)))
        if self.state == NULL:
            raise MemoryError("no memory or no file descriptors for the packet thread")
        self.state.priority = PRIORITIES[priority]
        self.state.streams.answer_us = <int64_t>(answer_limit_s * 1000000)
        self.port, udp, tcp = open_sockets(hosts, port)
        self.take_over(udp, tcp)

    cdef int take_over(self, list udp, list tcp) except -1:
        cdef int error
        for i, bound in enumerate(udp):
            udp_add(&self.state.udp, bound.detach(), bound.family)
            watch(self.state, i + 1, self.state.udp.sockets[i].fd)
        for bound in tcp:
            error = accept_listen(&self.state.streams, bound.detach())
            if error < 0:
                raise_errno(-error)
        return 0

    def __dealloc__(self):
        if self.state != NULL:
            self.stop()
            free(self.state)

    def start(self):
        cdef loop_t *loop = self.state
        cdef int error
        if loop.begun or not loop.open:
            raise RuntimeError("a loop is started once")
        loop.begun = True
        with nogil:
            error = start_thread(loop)
        if error:
            loop.begun = False
            raise_errno(error)

    def stop(self):
        cdef loop_t *loop = self.state
        with nogil:
            if loop.open:
                if loop.begun:
                    stop_thread(loop)
                loop_shut(loop)

    def open_local(self):
        cdef int fds[2]
        cdef int error
        cdef address_t address
        cdef loop_t *loop = self.state
        if not loop.open:
            raise RuntimeError("the loop was stopped")
        with nogil:
            error = add_local(loop, fds, &address)
        if error < 0:
            raise_errno(-error)
        return fds[1], address_to_bytes(&address)

    def now_us(self):
        return monotonic_us()

    def priority(self):
        return next(name for name, value in PRIORITIES.items() if value == self.state.priority)

    def cpu_seconds(self):
        cdef clockid_t clock
        cdef timespec used
        cdef loop_t *loop = self.state
        if not loop.begun or not loop.open:
            return loop.cpu_seconds
        if pthread_getcpuclockid(loop.thread, &clock) != 0 or clock_gettime(clock, &used) != 0:
            raise_errno(errno)
        return <double>used.tv_sec + <double>used.tv_nsec / 1e9

    def sockets(self):
        cdef loop_t *loop = self.state
        return {
            "udp": loop.udp.count,
            "tcp_listening": loop.streams.listener_count,
            "tcp": loop.streams.tcp_count,
            "local": loop.streams.local_count,
        }

    def counters(self):
        return {name: self.state.counters[i] for i, name in enumerate(SOCKET_COUNTER_NAMES)}

    def pretend_gso_refused(self, int error):
        self.state.udp.pretended_error = error
