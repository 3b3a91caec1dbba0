"""Accepting TCP connections, and getting rid of those that prove nothing.

Theory of operation. A connection proves itself, or costs little: it must be worth an answer within 10 s or so (answers go
only to STUN that was authenticated; that its first frame looks like STUN at all is seen in streams.pyx). Connections
still without an answer stand in a list, oldest first, and are counted per address (/64 for IPv6) in buckets by a
seeded hash; a collision refuses a stranger too early, never more.
"""

from libc.errno cimport ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int32_t, uint16_t
from libc.string cimport memcpy, memset

from sfu.engine.address cimport address_t, hash_address
from sfu.engine.core cimport core_lock, core_unlock
from sfu.engine.drops cimport (
    TCP_ACCEPTED,
    TCP_CLOSED_SILENT,
    TCP_REFUSED_ADDRESS,
    TCP_REFUSED_FILES,
    TCP_REFUSED_FULL,
)
from sfu.engine.linux cimport (
    EPOLL_CTL_ADD,
    EPOLL_CTL_MOD,
    EPOLLIN,
    IPPROTO_TCP,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_USER_TIMEOUT,
    accept4,
    close,
    epoll_ctl,
    epoll_event,
    monotonic_us,
    setsockopt,
    sockaddr,
    sockaddr_in6,
    socklen_t,
)
from sfu.engine.streams cimport (
    ADDRESS_BUCKETS,
    MAX_LISTENERS,
    MAX_TCP,
    STREAM_TCP,
    stream_t,
    streams_doom,
    streams_drop_slot,
    streams_slot_number,
    streams_take_slot,
    streams_watch,
)
from sfu.engine.udp cimport name_to_address
from sfu.engine.wire cimport get16

cdef enum:
    ACCEPT_BATCH = 16           # between two looks at the media
    ACCEPT_PAUSE_US = 100000    # when out of file descriptors
    MAX_UNANSWERED = 256        # of one address: a whole school behind one NAT may join at the same minute
    UNSENT_BYTES = 16384        # TCP_NOTSENT_LOWAT: what the kernel has cannot be overtaken by sound any more
    USER_TIMEOUT_MS = 30000     # TCP_USER_TIMEOUT: as long as consent lasts (RFC 7675)


cdef void join_unanswered(streams_t *s, stream_t *stream) noexcept nogil:
    cdef int32_t slot = streams_slot_number(s, stream)
    s.unanswered[stream.bucket] += 1
    stream.next = -1
    stream.previous = s.unanswered_tail
    if s.unanswered_tail >= 0:
        s.slots[s.unanswered_tail].next = slot
    else:
        s.unanswered_head = slot
    s.unanswered_tail = slot


cdef int watch_listener(streams_t *s, uint32_t listener, int operation, uint32_t events) noexcept nogil:
    cdef epoll_event event
    event.events = events
    event.data.u64 = s.listener_tag | listener
    return epoll_ctl(s.epoll_fd, operation, s.listeners[listener], &event)


cdef int accept_listen(streams_t *s, int fd) noexcept nogil:
    if s.listener_count == MAX_LISTENERS:
        return -EMFILE
    s.listeners[s.listener_count] = fd
    s.listener_count += 1
    if watch_listener(s, s.listener_count - 1, EPOLL_CTL_ADD, EPOLLIN) < 0:
        return -errno
    return 0


cdef void pause_accepting(streams_t *s) noexcept nogil:
    """Waiting connections keep the listener readable; without a pause that would be a busy loop."""
    cdef uint32_t i
    s.counters[TCP_REFUSED_FILES] += 1
    s.accept_again_us = monotonic_us() + ACCEPT_PAUSE_US
    for i in range(s.listener_count):
        watch_listener(s, i, EPOLL_CTL_MOD, 0)


cdef void resume_accepting(streams_t *s) noexcept nogil:
    cdef uint32_t i
    s.accept_again_us = 0
    for i in range(s.listener_count):
        watch_listener(s, i, EPOLL_CTL_MOD, EPOLLIN)


cdef uint16_t bucket_of(const streams_t *s, const address_t *address) noexcept nogil:
    cdef address_t key
    memset(&key, 0, sizeof(key))
    # IPv4 has its own host part; an IPv6 peer owns a whole /64
    memcpy(key.ip, address.ip, 16 if get16(address.ip + 10) == 0xFFFF and get16(address.ip) == 0 else 8)
    return <uint16_t>(hash_address(&key, s.seed) % ADDRESS_BUCKETS)


cdef void tune_tcp(int fd) noexcept nogil:
    cdef int on = 1, unsent = UNSENT_BYTES, timeout = USER_TIMEOUT_MS
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent))
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout))


cdef bint admit(streams_t *s, int fd, const sockaddr_in6 *name) noexcept nogil:
    """Under the lock. Makes a stream of an accepted connection, or says no."""
    cdef address_t address
    cdef stream_t *stream
    cdef uint16_t bucket
    name_to_address(name, 0, &address)
    bucket = bucket_of(s, &address)
    if s.tcp_count >= MAX_TCP:
        s.counters[TCP_REFUSED_FULL] += 1
        return False
    if s.unanswered[bucket] >= MAX_UNANSWERED:
        s.counters[TCP_REFUSED_ADDRESS] += 1
        return False
    stream = streams_take_slot(s, STREAM_TCP, fd)
    stream.address = address
    stream.address.channel = stream.channel
    stream.bucket = bucket
    stream.accepted_us = monotonic_us()
    if streams_watch(s, stream, EPOLL_CTL_ADD) < 0:
        s.counters[TCP_REFUSED_FILES] += 1
        streams_drop_slot(s, stream)
        return False
    join_unanswered(s, stream)
    s.tcp_count += 1
    s.counters[TCP_ACCEPTED] += 1
    return True


cdef void accept_ready(streams_t *s, uint32_t listener) noexcept nogil:
    cdef int i, fd
    cdef bint admitted
    cdef sockaddr_in6 name
    cdef socklen_t length
    for i in range(ACCEPT_BATCH):
        length = sizeof(name)
        fd = accept4(s.listeners[listener], <sockaddr *>&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd < 0:
            if errno == EMFILE or errno == ENFILE or errno == ENOBUFS or errno == ENOMEM:
                pause_accepting(s)
            if errno == ECONNABORTED or errno == EINTR:
                continue
            return
        tune_tcp(fd)
        core_lock(s.engine)
        admitted = admit(s, fd, &name)
        core_unlock(s.engine)
        if not admitted:
            close(fd)


cdef void accept_tick(streams_t *s, int64_t now_us) noexcept nogil:
    while s.unanswered_head >= 0 and now_us >= s.slots[s.unanswered_head].accepted_us + s.answer_us:
        s.counters[TCP_CLOSED_SILENT] += 1
        streams_doom(s, &s.slots[s.unanswered_head], False)
    if s.accept_again_us and now_us >= s.accept_again_us:
        resume_accepting(s)


cdef int64_t accept_deadline(const streams_t *s) noexcept nogil:
    cdef int64_t due = -1
    if s.unanswered_head >= 0:
        due = s.slots[s.unanswered_head].accepted_us + s.answer_us
    if s.accept_again_us and (due < 0 or s.accept_again_us < due):
        due = s.accept_again_us
    return due
