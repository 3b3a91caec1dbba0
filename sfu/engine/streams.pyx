"""TCP connections and local sockets.

Theory of operation. Each stream stands in a slot; its channel is the slot's number and how often the slot was used, so
that a channel leads to its stream in one step and an old channel to none. Whoever sends (under the engine's lock, from
any thread) may find a stream broken, but only marks it as doomed: the packet thread closes it at the end of its round,
because it may be reading it just then, and because the engine must not be told in the middle of its forwarding.

TCP carries frames of a 16-bit length and a datagram (RFC 4571). What the kernel does not take at once waits in a
backlog per connection, sound before pictures; the engine asks it before it begins another picture, and leaves out whole
ones where it would come too late (backlog.pyx). When it is full all the same, datagrams are dropped whole, so framing
stays intact. The kernel's own queue is kept short too, or sound would wait there behind seconds of pictures.

The first frame of a connection must look like STUN (RFC 7983), at once; see accept.pyx for what else it has to prove.

A local socket keeps datagrams apart by itself. Its reader is a process of ours: when that does not keep up, datagrams are
dropped, as on UDP.
"""

from libc.errno cimport EAGAIN, EINTR, EMFILE, ENOBUFS, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from sfu.engine.backlog cimport (
    BACKLOG_PIECES,
    FRAME_HEADER,
    backlog_free,
    backlog_pieces,
    backlog_put,
    backlog_take,
    backlog_takes_frame,
    backlog_used,
)
from sfu.engine.core cimport core_address_gone, core_input, core_lock, core_unlock
from sfu.engine.drops cimport (
    RECEIVE_TRUNCATED,
    SEND_STREAM_FULL,
    SEND_STREAM_GONE,
    TCP_CLOSED_NOT_STUN,
)
from sfu.engine.linux cimport (
    EPOLL_CTL_ADD,
    EPOLL_CTL_MOD,
    EPOLLIN,
    EPOLLOUT,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_TRUNC,
    close,
    epoll_ctl,
    epoll_event,
    iovec,
    monotonic_us,
    msghdr,
    recv,
    sendmsg,
    write,
)
from sfu.engine.outbound cimport burst_t
from sfu.engine.wire cimport get16, put16

cdef enum:
    SLOT_MASK = STREAM_SLOTS - 1
    USES_MASK = 0x7FFFF             # 19 bits
    PARTIAL_BYTES = FRAME_HEADER + RECEIVE_BYTES
    SEND_FRAMES = 64                # handed to the kernel at a time
    LOCAL_BATCH = 64                # datagrams read from one local socket in a round

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


cdef int32_t streams_slot_number(const streams_t *s, const stream_t *stream) noexcept nogil:
    return <int32_t>(stream - s.slots)


cdef stream_t *streams_take_slot(streams_t *s, stream_kind_t kind, int fd) noexcept nogil:
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


cdef void streams_drop_slot(streams_t *s, stream_t *stream) noexcept nogil:
    backlog_free(&stream.backlog)
    free(stream.partial)
    stream.partial = NULL
    stream.kind = STREAM_FREE
    stream.channel = 0
    stream.next = s.free_head
    s.free_head = streams_slot_number(s, stream)


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


cdef void streams_doom(streams_t *s, stream_t *stream, bint silent) noexcept nogil:
    """Under the lock. The packet thread will close it."""
    cdef uint64_t one = 1
    if stream.doomed:
        return
    if not stream.answered:
        leave_unanswered(s, stream)
    stream.doomed = True
    stream.silent = silent
    stream.next = s.doomed_head
    s.doomed_head = streams_slot_number(s, stream)
    write(s.wake_fd, &one, sizeof(one))


cdef void streams_bury(streams_t *s) noexcept nogil:
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
        streams_drop_slot(s, stream)


cdef int streams_watch(streams_t *s, stream_t *stream, int operation) noexcept nogil:
    cdef epoll_event event
    event.events = EPOLLIN | (EPOLLOUT if backlog_used(&stream.backlog) else 0)
    event.data.u64 = s.epoll_tag | stream.channel
    return epoll_ctl(s.epoll_fd, operation, stream.fd, &event)


cdef void streams_free(streams_t *s) noexcept nogil:
    cdef int32_t i
    if s.slots != NULL:
        for i in range(STREAM_SLOTS):
            if s.slots[i].channel:
                streams_doom(s, &s.slots[i], False)
        streams_bury(s)
    for i in range(<int32_t>s.listener_count):
        close(s.listeners[i])
    s.listener_count = 0
    free(s.slots)
    free(s.unanswered)
    free(s.scratch)
    s.slots = NULL
    s.unanswered = NULL
    s.scratch = NULL


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
    streams_doom(s, stream, False)
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
            streams_doom(s, stream, False)
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
            streams_doom(s, stream, False)
            return
    memcpy(stream.partial, data, length)
    stream.partial_length = length


# --- sending -----------------------------------------------------------------------------------------------------


cdef void drop(streams_t *s, outbound_t *out, uint32_t count, int reason) noexcept nogil:
    out.dropped += count
    s.counters[reason] += count


cdef bint send_failed(streams_t *s, stream_t *stream, ssize_t sent) noexcept nogil:
    """True: broken and doomed. Being full for the moment is no failure."""
    if sent >= 0 or errno == EAGAIN or errno == EINTR or errno == ENOBUFS:
        return False
    streams_doom(s, stream, False)
    return True


cdef void send_backlog(streams_t *s, stream_t *stream) noexcept nogil:
    cdef iovec vectors[BACKLOG_PIECES]
    cdef msghdr message
    cdef ssize_t sent
    if backlog_used(&stream.backlog) == 0:
        return
    memset(&message, 0, sizeof(message))
    message.msg_iov = vectors
    message.msg_iovlen = BACKLOG_PIECES
    backlog_pieces(&stream.backlog, vectors)
    sent = sendmsg(stream.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
    if send_failed(s, stream, sent) or sent <= 0:
        return
    backlog_take(&stream.backlog, <uint32_t>sent, monotonic_us())
    if backlog_used(&stream.backlog) == 0:
        streams_watch(s, stream, EPOLL_CTL_MOD)


cdef void queue_frame(
    streams_t *s, stream_t *stream, outbound_t *out, const burst_t *burst, const uint8_t *header, uint32_t sent
) noexcept nogil:
    """A frame of which the kernel has taken the first `sent` bytes; all of it, if it took none, may be dropped."""
    cdef const uint8_t *data = out.arena + burst.offset
    if backlog_put(&stream.backlog, header, data, burst.length, sent, burst.video, monotonic_us()):
        return
    drop(s, out, 1, SEND_STREAM_FULL)
    if sent:                                    # out of memory in the middle of a frame: framing is lost
        streams_doom(s, stream, False)


cdef void send_frames(
    streams_t *s, stream_t *stream, outbound_t *out, const burst_t *bursts, uint32_t count
) noexcept nogil:
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
    if backlog_used(&stream.backlog) == 0:
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
            queue_frame(s, stream, out, &bursts[i], headers + FRAME_HEADER * i, left)
            left = 0


cdef void send_tcp(streams_t *s, stream_t *stream, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil:
    cdef bint waited = backlog_used(&stream.backlog) > 0
    cdef uint32_t count
    while first < end and not stream.doomed:
        count = min(end - first, <uint32_t>SEND_FRAMES)
        send_frames(s, stream, out, &out.bursts[first], count)
        first += count
    drop(s, out, end - first, SEND_STREAM_GONE)
    if not waited and backlog_used(&stream.backlog) and not stream.doomed:
        streams_watch(s, stream, EPOLL_CTL_MOD)


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


cdef bint streams_takes_frame(streams_t *s, const address_t *to, int64_t now_us) noexcept nogil:
    cdef stream_t *stream = find(s, to.channel)
    if stream == NULL or stream.doomed or stream.kind != STREAM_TCP:
        return True                             # dropped and counted where it is sent
    return backlog_takes_frame(&stream.backlog, now_us)


cdef void streams_close(streams_t *s, const address_t *address) noexcept nogil:
    cdef stream_t *stream = find(s, address.channel)
    if stream != NULL:
        streams_doom(s, stream, True)


cdef int streams_add_local(streams_t *s, int fd, address_t *address) noexcept nogil:
    cdef stream_t *stream
    if s.local_count >= MAX_LOCAL:
        return -EMFILE
    stream = streams_take_slot(s, STREAM_LOCAL, fd)
    stream.answered = True
    stream.address.channel = stream.channel
    if streams_watch(s, stream, EPOLL_CTL_ADD) < 0:
        streams_drop_slot(s, stream)
        return -errno
    s.local_count += 1
    address[0] = stream.address
    return 0
