"""TCP connections and local sockets.

Theory of operation. Each stream stands in a slot; its channel is the slot's number and how often the slot was used, so
that a channel leads to its stream in one step and an old channel to none. Whoever sends (under the engine's lock, from
any thread) may find a stream broken, but only marks it as doomed: the packet thread closes it at the end of its round,
because it may be reading it just then, and because the engine must not be told in the middle of its forwarding.

TCP carries frames of a 16-bit length and a datagram (RFC 4571). What the kernel does not take at once waits in a ring
of 256 KiB per connection; when that is full, new datagrams are dropped whole, so framing stays intact and what is
dropped is the same as on UDP. The kernel's own queue is kept short too, or seconds of media would pile up there.

A connection proves itself, or costs little: its first frame must look like STUN (RFC 7983), at once; and it must be
worth an answer within 10 s or so (answers go only to STUN that was authenticated). Connections still without an answer are
counted per address (/64 for IPv6) in buckets by a seeded hash; a collision refuses a stranger too early, never more.

A local socket keeps datagrams apart by itself. Its reader is a process of ours: when that does not keep up, datagrams are
dropped, as on UDP.
"""

from libc.errno cimport EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from sfu.engine.address cimport hash_address
from sfu.engine.core cimport core_address_gone, core_input, core_lock, core_unlock
from sfu.engine.drops cimport (
    RECEIVE_TRUNCATED,
    SEND_STREAM_FULL,
    SEND_STREAM_GONE,
    TCP_ACCEPTED,
    TCP_CLOSED_NOT_STUN,
    TCP_CLOSED_SILENT,
    TCP_REFUSED_ADDRESS,
    TCP_REFUSED_FILES,
    TCP_REFUSED_FULL,
)
from sfu.engine.linux cimport (
    EPOLL_CTL_ADD,
    EPOLL_CTL_MOD,
    EPOLLIN,
    EPOLLOUT,
    IPPROTO_TCP,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_TRUNC,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    TCP_NODELAY,
    TCP_NOTSENT_LOWAT,
    TCP_USER_TIMEOUT,
    accept4,
    close,
    epoll_ctl,
    epoll_event,
    iovec,
    monotonic_us,
    msghdr,
    recv,
    sendmsg,
    setsockopt,
    sockaddr,
    sockaddr_in6,
    socklen_t,
    write,
)
from sfu.engine.outbound cimport burst_t
from sfu.engine.udp cimport name_to_address
from sfu.engine.wire cimport get16, put16

cdef enum:
    SLOT_MASK = STREAM_SLOTS - 1
    USES_MASK = 0x7FFFF             # 19 bits
    FRAME_HEADER = 2
    PARTIAL_BYTES = FRAME_HEADER + RECEIVE_BYTES
    SEND_FRAMES = 64                # handed to the kernel at a time
    LOCAL_BATCH = 64                # datagrams read from one local socket in a round
    USER_TIMEOUT_MS = 30000         # as long as consent lasts (RFC 7675)

# --- slots and lists ---------------------------------------------------------------------------------------------


cdef int streams_init(
    streams_t *s, void *engine, int epoll_fd, int wake_fd, uint64_t seed, uint64_t *counters
) noexcept nogil:
    cdef int32_t i
    memset(s, 0, sizeof(streams_t))
    s.engine = engine
    s.epoll_fd = epoll_fd
    s.wake_fd = wake_fd
    s.seed = seed
    s.counters = counters
    s.unanswered_head = s.unanswered_tail = s.doomed_head = s.free_head = -1
    s.slots = <stream_t *>calloc(STREAM_SLOTS, sizeof(stream_t))
    s.unanswered = <uint16_t *>calloc(ADDRESS_BUCKETS, sizeof(uint16_t))
    s.scratch = <uint8_t *>malloc(PARTIAL_BYTES + READ_BYTES)
    if s.slots == NULL or s.unanswered == NULL or s.scratch == NULL:
        return -1
    for i in range(STREAM_SLOTS - 1, -1, -1):
        s.slots[i].next = s.free_head
        s.free_head = i
    return 0


cdef inline stream_t *find(streams_t *s, uint32_t channel) noexcept nogil:
    cdef stream_t *stream = &s.slots[channel & SLOT_MASK]
    return stream if stream.channel == channel else NULL


cdef inline int32_t slot_of(const streams_t *s, const stream_t *stream) noexcept nogil:
    return <int32_t>(stream - s.slots)


cdef stream_t *take_slot(streams_t *s, stream_kind_t kind, int fd) noexcept nogil:
    """A fresh stream. There is always a free slot: MAX_TCP + MAX_LOCAL < STREAM_SLOTS."""
    cdef stream_t *stream = &s.slots[s.free_head]
    cdef int32_t slot = s.free_head
    cdef uint32_t uses = (stream.uses + 1) & USES_MASK
    s.free_head = stream.next
    memset(stream, 0, sizeof(stream_t))
    stream.uses = uses if uses else 1           # never 0, so channels lie above those of UDP
    stream.kind = kind
    stream.fd = fd
    stream.channel = (stream.uses << STREAM_SLOT_BITS) | <uint32_t>slot
    stream.next = stream.previous = -1
    return stream


cdef void free_slot(streams_t *s, stream_t *stream) noexcept nogil:
    free(stream.backlog)
    free(stream.partial)
    stream.backlog = NULL
    stream.partial = NULL
    stream.kind = STREAM_FREE
    stream.channel = 0
    stream.next = s.free_head
    s.free_head = slot_of(s, stream)


cdef void join_unanswered(streams_t *s, stream_t *stream) noexcept nogil:
    cdef int32_t slot = slot_of(s, stream)
    s.unanswered[stream.bucket] += 1
    stream.next = -1
    stream.previous = s.unanswered_tail
    if s.unanswered_tail >= 0:
        s.slots[s.unanswered_tail].next = slot
    else:
        s.unanswered_head = slot
    s.unanswered_tail = slot


cdef void leave_unanswered(streams_t *s, stream_t *stream) noexcept nogil:
    s.unanswered[stream.bucket] -= 1
    if stream.previous >= 0:
        s.slots[stream.previous].next = stream.next
    else:
        s.unanswered_head = stream.next
    if stream.next >= 0:
        s.slots[stream.next].previous = stream.previous
    else:
        s.unanswered_tail = stream.previous
    stream.answered = True


cdef void doom(streams_t *s, stream_t *stream, bint silent) noexcept nogil:
    """Under the lock. The packet thread will close it."""
    cdef uint64_t one = 1
    if stream.doomed:
        return
    if not stream.answered:
        leave_unanswered(s, stream)
    stream.doomed = True
    stream.silent = silent
    stream.next = s.doomed_head
    s.doomed_head = slot_of(s, stream)
    write(s.wake_fd, &one, sizeof(one))


cdef void bury(streams_t *s) noexcept nogil:
    cdef stream_t *stream
    while s.doomed_head >= 0:
        stream = &s.slots[s.doomed_head]
        s.doomed_head = stream.next
        if stream.kind == STREAM_TCP:
            s.tcp_count -= 1
        else:
            s.local_count -= 1
        if not stream.silent:
            core_address_gone(s.engine, &stream.address)
        close(stream.fd)                        # which takes it out of epoll too
        free_slot(s, stream)


cdef int watch(streams_t *s, stream_t *stream, int operation) noexcept nogil:
    cdef epoll_event event
    event.events = EPOLLIN | (EPOLLOUT if stream.backlog_used else 0)
    event.data.u64 = s.epoll_tag | stream.channel
    return epoll_ctl(s.epoll_fd, operation, stream.fd, &event)


cdef void streams_free(streams_t *s) noexcept nogil:
    cdef int32_t i
    if s.slots != NULL:
        for i in range(STREAM_SLOTS):
            if s.slots[i].channel:
                doom(s, &s.slots[i], False)
        bury(s)
    for i in range(<int32_t>s.listener_count):
        close(s.listeners[i])
    s.listener_count = 0
    free(s.slots)
    free(s.unanswered)
    free(s.scratch)
    s.slots = NULL
    s.unanswered = NULL
    s.scratch = NULL


# --- accepting ---------------------------------------------------------------------------------------------------


cdef int watch_listener(streams_t *s, uint32_t listener, int operation, uint32_t events) noexcept nogil:
    cdef epoll_event event
    event.events = events
    event.data.u64 = s.listener_tag | listener
    return epoll_ctl(s.epoll_fd, operation, s.listeners[listener], &event)


cdef int streams_listen(streams_t *s, int fd) noexcept nogil:
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
    cdef int on = 1, unsent = TCP_UNSENT_BYTES, timeout = USER_TIMEOUT_MS
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
    stream = take_slot(s, STREAM_TCP, fd)
    stream.address = address
    stream.address.channel = stream.channel
    stream.bucket = bucket
    stream.accepted_us = monotonic_us()
    if watch(s, stream, EPOLL_CTL_ADD) < 0:
        s.counters[TCP_REFUSED_FILES] += 1
        free_slot(s, stream)
        return False
    join_unanswered(s, stream)
    s.tcp_count += 1
    s.counters[TCP_ACCEPTED] += 1
    return True


cdef void streams_accept(streams_t *s, uint32_t listener) noexcept nogil:
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


# --- reading -----------------------------------------------------------------------------------------------------


cdef void streams_ready(streams_t *s, uint32_t channel, uint32_t events) noexcept nogil:
    cdef stream_t *stream = find(s, channel)
    if stream == NULL or stream.doomed:
        return
    if events & EPOLLOUT:
        core_lock(s.engine)
        send_backlog(s, stream)
        core_unlock(s.engine)
    if events & ~EPOLLOUT:                      # also errors and hang-ups: reading tells which
        if stream.kind == STREAM_TCP:
            read_tcp(s, stream)
        else:
            read_local(s, stream)


cdef void lose(streams_t *s, stream_t *stream) noexcept nogil:
    core_lock(s.engine)
    doom(s, stream, False)
    core_unlock(s.engine)


cdef void read_local(streams_t *s, stream_t *stream) noexcept nogil:
    cdef int i
    cdef ssize_t length
    for i in range(LOCAL_BATCH):
        length = recv(stream.fd, s.scratch, RECEIVE_BYTES, MSG_DONTWAIT | MSG_TRUNC)
        if length < 0 and (errno == EAGAIN or errno == EINTR):
            return
        if length <= 0:
            lose(s, stream)
            return
        if length > RECEIVE_BYTES:
            s.counters[RECEIVE_TRUNCATED] += 1
            continue
        core_lock(s.engine)
        core_input(s.engine, &stream.address, s.scratch, <uint32_t>length, monotonic_us())
        core_unlock(s.engine)


cdef void read_tcp(streams_t *s, stream_t *stream) noexcept nogil:
    """What was left of the last round, and what there is now, up to 64 KiB: other streams want their turn."""
    cdef ssize_t length
    cdef uint32_t end
    if stream.partial_length:
        memcpy(s.scratch, stream.partial, stream.partial_length)
    length = recv(stream.fd, s.scratch + stream.partial_length, READ_BYTES, MSG_DONTWAIT)
    if length < 0 and (errno == EAGAIN or errno == EINTR):
        return
    if length <= 0:
        lose(s, stream)
        return
    end = stream.partial_length + <uint32_t>length
    core_lock(s.engine)
    read_frames(s, stream, s.scratch, end)
    core_unlock(s.engine)


cdef inline bint is_greeting(const uint8_t *frame, uint32_t available) noexcept nogil:
    """May this be the beginning of a STUN message (RFC 7983: first byte 0 to 3), as far as it is here?"""
    return get16(frame) <= RECEIVE_BYTES and (available <= FRAME_HEADER or frame[FRAME_HEADER] <= 3)


cdef void read_frames(streams_t *s, stream_t *stream, uint8_t *data, uint32_t end) noexcept nogil:
    cdef uint32_t at = 0, length
    cdef int64_t now_us = monotonic_us()
    stream.partial_length = 0
    while at < end and not stream.doomed:
        if stream.skip:
            length = min(stream.skip, end - at)
            stream.skip -= length
            at += length
            continue
        if end - at < FRAME_HEADER:
            break
        length = get16(data + at)
        if length and not stream.greeted and not is_greeting(data + at, end - at):
            s.counters[TCP_CLOSED_NOT_STUN] += 1
            doom(s, stream, False)
            return
        if length > RECEIVE_BYTES:
            s.counters[RECEIVE_TRUNCATED] += 1
            stream.skip = length
            at += FRAME_HEADER
            continue
        if end - at < FRAME_HEADER + length:
            break
        if length:                              # RFC 4571, 2: a null packet is legal, and nothing
            stream.greeted = True
            core_input(s.engine, &stream.address, data + at + FRAME_HEADER, length, now_us)
        at += FRAME_HEADER + length
    keep_partial(s, stream, data + at, end - at)


cdef void keep_partial(streams_t *s, stream_t *stream, const uint8_t *data, uint32_t length) noexcept nogil:
    if length == 0 or stream.doomed:
        return
    if stream.partial == NULL:
        stream.partial = <uint8_t *>malloc(PARTIAL_BYTES)
        if stream.partial == NULL:
            doom(s, stream, False)
            return
    memcpy(stream.partial, data, length)
    stream.partial_length = length


# --- time --------------------------------------------------------------------------------------------------------


cdef void streams_tick(streams_t *s, int64_t now_us) noexcept nogil:
    while s.unanswered_head >= 0 and now_us >= s.slots[s.unanswered_head].accepted_us + s.answer_us:
        s.counters[TCP_CLOSED_SILENT] += 1
        doom(s, &s.slots[s.unanswered_head], False)
    bury(s)
    if s.accept_again_us and now_us >= s.accept_again_us:
        resume_accepting(s)


cdef int64_t streams_deadline(const streams_t *s) noexcept nogil:
    cdef int64_t due = -1
    if s.unanswered_head >= 0:
        due = s.slots[s.unanswered_head].accepted_us + s.answer_us
    if s.accept_again_us and (due < 0 or s.accept_again_us < due):
        due = s.accept_again_us
    return due


# --- sending -----------------------------------------------------------------------------------------------------


cdef void drop(streams_t *s, outbound_t *out, uint32_t count, int reason) noexcept nogil:
    out.dropped += count
    s.counters[reason] += count


cdef bint send_failed(streams_t *s, stream_t *stream, ssize_t sent) noexcept nogil:
    """True: broken and doomed. Being full for the moment is no failure."""
    if sent >= 0 or errno == EAGAIN or errno == EINTR or errno == ENOBUFS:
        return False
    doom(s, stream, False)
    return True


cdef void put_backlog(stream_t *stream, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef uint32_t at = (stream.backlog_start + stream.backlog_used) % BACKLOG_BYTES
    cdef uint32_t first = min(length, BACKLOG_BYTES - at)
    memcpy(stream.backlog + at, data, first)
    memcpy(stream.backlog, data + first, length - first)
    stream.backlog_used += length


cdef bint backlog_room(stream_t *stream, uint32_t length) noexcept nogil:
    if stream.backlog == NULL:
        stream.backlog = <uint8_t *>malloc(BACKLOG_BYTES)
        if stream.backlog == NULL:
            return False
        stream.backlog_start = 0
    return stream.backlog_used + length <= BACKLOG_BYTES


cdef void send_backlog(streams_t *s, stream_t *stream) noexcept nogil:
    cdef iovec vectors[2]
    cdef msghdr message
    cdef ssize_t sent
    if stream.backlog_used == 0:
        return
    memset(&message, 0, sizeof(message))
    message.msg_iov = vectors
    message.msg_iovlen = 2
    vectors[0].iov_base = stream.backlog + stream.backlog_start
    vectors[0].iov_len = min(stream.backlog_used, BACKLOG_BYTES - stream.backlog_start)
    vectors[1].iov_base = stream.backlog
    vectors[1].iov_len = stream.backlog_used - vectors[0].iov_len
    sent = sendmsg(stream.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
    if send_failed(s, stream, sent) or sent <= 0:
        return
    stream.backlog_start = (stream.backlog_start + <uint32_t>sent) % BACKLOG_BYTES
    stream.backlog_used -= <uint32_t>sent
    if stream.backlog_used == 0:
        free(stream.backlog)
        stream.backlog = NULL
        watch(s, stream, EPOLL_CTL_MOD)


cdef void queue_frame(
    streams_t *s, stream_t *stream, outbound_t *out, const uint8_t *header, const uint8_t *data, uint32_t length, uint32_t sent
) noexcept nogil:
    """A frame of which the kernel has taken the first `sent` bytes; all of it, if it took none, may be dropped."""
    cdef uint32_t total = FRAME_HEADER + length
    if not backlog_room(stream, total - sent):
        drop(s, out, 1, SEND_STREAM_FULL)
        if sent:                                # out of memory in the middle of a frame: framing is lost
            doom(s, stream, False)
        return
    if sent < FRAME_HEADER:
        put_backlog(stream, header + sent, FRAME_HEADER - sent)
        sent = FRAME_HEADER
    put_backlog(stream, data + sent - FRAME_HEADER, total - sent)


cdef void send_frames(streams_t *s, stream_t *stream, outbound_t *out, const burst_t *bursts, uint32_t count) noexcept nogil:
    """At most SEND_FRAMES datagrams (a burst to a stream has one) with one call; what is left goes to the backlog."""
    cdef uint8_t headers[FRAME_HEADER * SEND_FRAMES]
    cdef iovec vectors[2 * SEND_FRAMES]
    cdef msghdr message
    cdef uint32_t i, total, left = 0
    cdef ssize_t sent
    for i in range(count):
        put16(headers + FRAME_HEADER * i, bursts[i].length)
        vectors[2 * i].iov_base = headers + FRAME_HEADER * i
        vectors[2 * i].iov_len = FRAME_HEADER
        vectors[2 * i + 1].iov_base = out.arena + bursts[i].offset
        vectors[2 * i + 1].iov_len = bursts[i].length
    if stream.backlog_used == 0:
        memset(&message, 0, sizeof(message))
        message.msg_iov = vectors
        message.msg_iovlen = 2 * count
        out.calls += 1
        sent = sendmsg(stream.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        if send_failed(s, stream, sent):
            drop(s, out, count, SEND_STREAM_GONE)
            return
        left = <uint32_t>sent if sent > 0 else 0
    for i in range(count):
        total = FRAME_HEADER + bursts[i].length
        if left >= total:
            left -= total
            out.bursts_sent += 1
        else:
            queue_frame(s, stream, out, headers + FRAME_HEADER * i, out.arena + bursts[i].offset, bursts[i].length, left)
            left = 0


cdef void send_tcp(streams_t *s, stream_t *stream, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil:
    cdef bint waited = stream.backlog_used > 0
    cdef uint32_t count
    while first < end and not stream.doomed:
        count = min(end - first, <uint32_t>SEND_FRAMES)
        send_frames(s, stream, out, &out.bursts[first], count)
        first += count
    drop(s, out, end - first, SEND_STREAM_GONE)
    if not waited and stream.backlog_used and not stream.doomed:
        watch(s, stream, EPOLL_CTL_MOD)


cdef void send_local(streams_t *s, stream_t *stream, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil:
    cdef iovec vector
    cdef msghdr message
    cdef ssize_t sent
    memset(&message, 0, sizeof(message))
    message.msg_iov = &vector
    message.msg_iovlen = 1
    while first < end:
        vector.iov_base = out.arena + out.bursts[first].offset
        vector.iov_len = out.bursts[first].length
        out.calls += 1
        sent = sendmsg(stream.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent >= 0:
            out.bursts_sent += 1
            first += 1
        elif send_failed(s, stream, sent):
            break
        else:
            drop(s, out, end - first, SEND_STREAM_FULL)
            return
    drop(s, out, end - first, SEND_STREAM_GONE)


cdef void streams_send(streams_t *s, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil:
    cdef stream_t *stream = find(s, out.bursts[first].to.channel)
    if stream == NULL or stream.doomed:
        drop(s, out, end - first, SEND_STREAM_GONE)
        return
    if not stream.answered:
        leave_unanswered(s, stream)
    if stream.kind == STREAM_TCP:
        send_tcp(s, stream, out, first, end)
    else:
        send_local(s, stream, out, first, end)


cdef void streams_close(streams_t *s, const address_t *address) noexcept nogil:
    cdef stream_t *stream = find(s, address.channel)
    if stream != NULL:
        doom(s, stream, True)


cdef int streams_add_local(streams_t *s, int fd, address_t *address) noexcept nogil:
    cdef stream_t *stream
    if s.local_count >= MAX_LOCAL:
        return -EMFILE
    stream = take_slot(s, STREAM_LOCAL, fd)
    stream.answered = True
    stream.address.channel = stream.channel
    if watch(s, stream, EPOLL_CTL_ADD) < 0:
        free_slot(s, stream)
        return -errno
    s.local_count += 1
    address[0] = stream.address
    return 0
