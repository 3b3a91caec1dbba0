"""UDP in batches.

Theory of operation. Receiving takes up to 64 datagrams with one call. Sending gives the kernel a list of slots with one
sendmmsg; a burst of equal datagrams is one slot, cut apart by the kernel (UDP_SEGMENT, udp(7)).

What the kernel may refuse, found out while running:
- UDP_SEGMENT altogether: a kernel before 4.18 does not know the option (asked once when the socket is added: it would
  send the whole burst as one datagram), a device without checksums or a route through IPsec gives EIO. Then
  `outbound_t.gso_off` is set, and all bursts are sent apart, one slot per datagram.
- UDP_SEGMENT for one destination: EINVAL where a segment exceeds the path's MTU. Only that burst is sent apart; but many
  such answers in a row mean the whole thing does not work here.
- One destination (unreachable, a firewall): its slot is skipped, the rest goes on.
- Everything, for the moment, because the socket's buffer is full: waits at most 2 ms per flush, as the packets behind
  it are late by then and the engine's lock is held, and drops the rest.
"""

from libc.errno cimport EAGAIN, EINTR, EINVAL, EIO, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP, errno
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from sfu.engine.core cimport core_input, core_lock, core_unlock
from sfu.engine.drops cimport GSO_REFUSED, RECEIVE_TRUNCATED, SEND_BLOCKED, SEND_REFUSED
from sfu.engine.linux cimport (
    AF_INET,
    AF_INET6,
    CMSG_DATA,
    CMSG_LEN,
    CMSG_SPACE,
    MSG_DONTWAIT,
    MSG_NOSIGNAL,
    MSG_TRUNC,
    POLLOUT,
    SOL_UDP,
    UDP_SEGMENT,
    close,
    cmsghdr,
    enlarge_buffers,
    htons,
    monotonic_us,
    ntohs,
    pollfd,
    ppoll,
    recvmmsg,
    sendmmsg,
    setsockopt,
    sockaddr_in,
    timespec,
)
from sfu.engine.outbound cimport BURST_SEGMENTS, burst_t

cdef enum:
    REFUSALS = 8                # in a row, of single destinations, before UDP_SEGMENT is given up

cdef uint8_t[12] V4_PREFIX
memset(V4_PREFIX, 0, 10)
memset(V4_PREFIX + 10, 0xFF, 2)

# --- life --------------------------------------------------------------------------------------------------------


cdef int slots_init(slots_t *s, uint32_t count) noexcept nogil:
    s.headers = <mmsghdr *>calloc(count, sizeof(mmsghdr))
    s.vectors = <iovec *>calloc(count, sizeof(iovec))
    s.names = <sockaddr_in6 *>calloc(count, sizeof(sockaddr_in6))
    s.controls = <segment_control_t *>calloc(count, sizeof(segment_control_t))
    s.counts = <uint16_t *>calloc(count, sizeof(uint16_t))
    s.used = 0
    if s.headers == NULL or s.vectors == NULL or s.names == NULL or s.controls == NULL or s.counts == NULL:
        return -1
    return 0


cdef void slots_free(slots_t *s) noexcept nogil:
    free(s.headers)
    free(s.vectors)
    free(s.names)
    free(s.controls)
    free(s.counts)


cdef int udp_init(udp_t *u, uint64_t *counters) noexcept nogil:
    cdef int i
    memset(u, 0, sizeof(udp_t))
    u.counters = counters
    u.in_headers = <mmsghdr *>calloc(RECEIVE_BATCH, sizeof(mmsghdr))
    u.in_vectors = <iovec *>calloc(RECEIVE_BATCH, sizeof(iovec))
    u.in_names = <sockaddr_in6 *>calloc(RECEIVE_BATCH, sizeof(sockaddr_in6))
    u.in_bytes = <uint8_t *>calloc(RECEIVE_BATCH, RECEIVE_BYTES)
    if slots_init(&u.slots, SEND_SLOTS) < 0 or slots_init(&u.apart, BURST_SEGMENTS) < 0:
        return -1
    if u.in_headers == NULL or u.in_vectors == NULL or u.in_names == NULL or u.in_bytes == NULL:
        return -1
    for i in range(RECEIVE_BATCH):
        u.in_vectors[i].iov_base = u.in_bytes + i * RECEIVE_BYTES
        u.in_vectors[i].iov_len = RECEIVE_BYTES
        u.in_headers[i].msg_hdr.msg_iov = &u.in_vectors[i]
        u.in_headers[i].msg_hdr.msg_iovlen = 1
        u.in_headers[i].msg_hdr.msg_name = &u.in_names[i]
    return 0


cdef void udp_free(udp_t *u) noexcept nogil:
    cdef uint32_t i
    for i in range(u.count):
        close(u.sockets[i].fd)
    u.count = 0
    slots_free(&u.slots)
    slots_free(&u.apart)
    free(u.in_headers)
    free(u.in_vectors)
    free(u.in_names)
    free(u.in_bytes)


cdef bint knows_segments(int fd) noexcept nogil:
    cdef int off = 0
    return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &off, sizeof(off)) == 0


cdef int udp_add(udp_t *u, int fd, int family) noexcept nogil:
    if u.count == FIRST_STREAM_CHANNEL:
        return -1
    enlarge_buffers(fd, SOCKET_BUFFER_BYTES)
    u.segments = u.segments or knows_segments(fd)
    u.sockets[u.count].fd = fd
    u.sockets[u.count].family = family
    u.count += 1
    return 0


# --- receiving ---------------------------------------------------------------------------------------------------


cdef void name_to_address(const sockaddr_in6 *name, uint32_t channel, address_t *address) noexcept nogil:
    cdef const sockaddr_in *v4 = <const sockaddr_in *>name
    memset(address, 0, sizeof(address_t))
    address.channel = channel
    if name.sin6_family == AF_INET6:
        memcpy(address.ip, &name.sin6_addr, 16)
        address.port = ntohs(name.sin6_port)
        return
    memcpy(address.ip, V4_PREFIX, sizeof(V4_PREFIX))
    memcpy(address.ip + 12, &v4.sin_addr, 4)
    address.port = ntohs(v4.sin_port)


cdef uint32_t udp_receive(udp_t *u, uint32_t channel, void *engine) noexcept nogil:
    cdef int received, i
    cdef int64_t now_us
    cdef address_t source
    for i in range(RECEIVE_BATCH):
        u.in_headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
    received = recvmmsg(u.sockets[channel].fd, u.in_headers, RECEIVE_BATCH, MSG_DONTWAIT, NULL)
    if received <= 0:
        return 0
    now_us = monotonic_us()
    core_lock(engine)
    for i in range(received):
        if u.in_headers[i].msg_hdr.msg_flags & MSG_TRUNC:
            u.counters[RECEIVE_TRUNCATED] += 1
            continue
        name_to_address(&u.in_names[i], channel, &source)
        core_input(engine, &source, u.in_bytes + i * RECEIVE_BYTES, u.in_headers[i].msg_len, now_us)
    core_unlock(engine)
    return <uint32_t>received


# --- sending -----------------------------------------------------------------------------------------------------


cdef uint32_t address_to_name(const address_t *address, int family, sockaddr_in6 *name) noexcept nogil:
    """Returns the length of the name, 0 where the family does not fit: the kernel then refuses the slot."""
    cdef sockaddr_in *v4 = <sockaddr_in *>name
    if family == AF_INET6:
        name.sin6_family = <uint16_t>AF_INET6
        name.sin6_port = htons(address.port)
        name.sin6_flowinfo = 0
        memcpy(&name.sin6_addr, address.ip, 16)
        return sizeof(sockaddr_in6)
    if memcmp(address.ip, V4_PREFIX, sizeof(V4_PREFIX)) != 0:
        return 0
    v4.sin_family = <uint16_t>AF_INET
    v4.sin_port = htons(address.port)
    memcpy(&v4.sin_addr, address.ip + 12, 4)
    return sizeof(sockaddr_in)


cdef void set_segment(mmsghdr *header, segment_control_t *control, uint32_t segment) noexcept nogil:
    cdef cmsghdr *message = <cmsghdr *>control
    cdef uint16_t size = <uint16_t>segment
    message.cmsg_len = CMSG_LEN(sizeof(size))
    message.cmsg_level = SOL_UDP
    message.cmsg_type = UDP_SEGMENT
    memcpy(CMSG_DATA(message), &size, sizeof(size))
    header.msg_hdr.msg_control = control
    header.msg_hdr.msg_controllen = CMSG_SPACE(sizeof(size))


cdef void put_slot(
    slots_t *s, int family, const address_t *to, uint8_t *data, uint32_t length, uint32_t segment, uint16_t count
) noexcept nogil:
    cdef mmsghdr *header = &s.headers[s.used]
    s.vectors[s.used].iov_base = data
    s.vectors[s.used].iov_len = length
    s.counts[s.used] = count
    header.msg_hdr.msg_name = &s.names[s.used]
    header.msg_hdr.msg_namelen = address_to_name(to, family, &s.names[s.used])
    header.msg_hdr.msg_iov = &s.vectors[s.used]
    header.msg_hdr.msg_iovlen = 1
    header.msg_hdr.msg_control = NULL
    header.msg_hdr.msg_controllen = 0
    if count > 1:
        set_segment(header, &s.controls[s.used], segment)
    s.used += 1


cdef bint wait_writable(udp_t *u, int fd) noexcept nogil:
    cdef pollfd poll = pollfd(fd, POLLOUT, 0)
    cdef timespec timeout
    cdef int64_t begin_us
    cdef int ready
    if u.patience_us <= 0:
        return False
    timeout.tv_sec = 0
    timeout.tv_nsec = u.patience_us * 1000
    begin_us = monotonic_us()
    ready = ppoll(&poll, 1, &timeout, NULL)
    u.patience_us -= monotonic_us() - begin_us
    return ready > 0


cdef int hand_over(udp_t *u, outbound_t *out, int fd, slots_t *s, uint32_t at) noexcept nogil:
    """One sendmmsg from slot `at` on. Returns slots sent, or -errno."""
    cdef uint32_t count = s.used - at
    cdef int sent
    if u.pretended_error:
        if s.counts[at] > 1:
            return -u.pretended_error
        count = 1
        while at + count < s.used and s.counts[at + count] == 1:
            count += 1
    out.calls += 1
    sent = sendmmsg(fd, s.headers + at, count, MSG_DONTWAIT | MSG_NOSIGNAL)
    return sent if sent >= 0 else -errno


cdef bint refuses_segments(udp_t *u, outbound_t *out, int error) noexcept nogil:
    """Whether this error is about UDP_SEGMENT; gives it up altogether where it is not about one destination."""
    if error == EINVAL or error == EMSGSIZE:
        u.refusals += 1
        if u.refusals >= REFUSALS:
            out.gso_off = 1
        return True
    if error == EIO or error == ENOPROTOOPT or error == EOPNOTSUPP:
        out.gso_off = 1
        return True
    return False


cdef void send_apart(udp_t *u, outbound_t *out, const udp_socket_t *socket, uint32_t at) noexcept nogil:
    """The burst in slot `at`, one slot per datagram."""
    cdef uint32_t i
    u.counters[GSO_REFUSED] += 1
    u.apart.used = 0
    cut_burst(&u.apart, &u.slots, at)
    for i in range(u.apart.used):
        u.apart.headers[i].msg_hdr.msg_name = u.slots.headers[at].msg_hdr.msg_name
        u.apart.headers[i].msg_hdr.msg_namelen = u.slots.headers[at].msg_hdr.msg_namelen
    transmit(u, out, socket, &u.apart)


cdef void cut_burst(slots_t *target, const slots_t *source, uint32_t at) noexcept nogil:
    cdef uint8_t *data = <uint8_t *>source.vectors[at].iov_base
    cdef size_t left = source.vectors[at].iov_len
    cdef uint16_t segment
    cdef mmsghdr *header
    memcpy(&segment, CMSG_DATA(<cmsghdr *>&source.controls[at]), sizeof(segment))
    while left > 0 and target.used < BURST_SEGMENTS:
        header = &target.headers[target.used]
        memset(header, 0, sizeof(mmsghdr))
        target.vectors[target.used].iov_base = data
        target.vectors[target.used].iov_len = min(<size_t>segment, left)
        target.counts[target.used] = 1
        header.msg_hdr.msg_iov = &target.vectors[target.used]
        header.msg_hdr.msg_iovlen = 1
        data += target.vectors[target.used].iov_len
        left -= target.vectors[target.used].iov_len
        target.used += 1


cdef void drop_slots(
    udp_t *u, outbound_t *out, const slots_t *s, uint32_t first, uint32_t end, int reason
) noexcept nogil:
    cdef uint32_t i
    for i in range(first, end):
        out.dropped += s.counts[i]
        u.counters[reason] += s.counts[i]


cdef void transmit(udp_t *u, outbound_t *out, const udp_socket_t *socket, slots_t *s) noexcept nogil:
    cdef uint32_t at = 0, i
    cdef int sent
    while at < s.used:
        sent = hand_over(u, out, socket.fd, s, at)
        if sent > 0:
            out.bursts_sent += <uint64_t>sent
            for i in range(at, at + <uint32_t>sent):
                if s.counts[i] > 1:
                    u.refusals = 0
            at += <uint32_t>sent
        elif sent == -EINTR:
            continue
        elif sent == -EAGAIN:
            if not wait_writable(u, socket.fd):
                drop_slots(u, out, s, at, s.used, SEND_BLOCKED)
                break
        elif s.counts[at] > 1 and refuses_segments(u, out, -sent):
            send_apart(u, out, socket, at)
            at += 1
        else:
            drop_slots(u, out, s, at, at + 1, SEND_REFUSED)
            at += 1
    s.used = 0


cdef void put_burst(udp_t *u, outbound_t *out, const udp_socket_t *socket, const burst_t *burst) noexcept nogil:
    cdef uint8_t *data = out.arena + burst.offset
    cdef uint32_t at = 0, size
    if burst.count == 1 or not out.gso_off:
        put_slot(&u.slots, socket.family, &burst.to, data, burst.length, burst.segment, burst.count)
        return
    while at < burst.length:
        size = min(<uint32_t>burst.segment, burst.length - at)
        put_slot(&u.slots, socket.family, &burst.to, data + at, size, size, 1)
        at += size


cdef void udp_send(udp_t *u, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil:
    cdef uint32_t i, channel = out.bursts[first].to.channel
    cdef const udp_socket_t *socket
    if channel >= u.count:
        for i in range(first, end):
            out.dropped += out.bursts[i].count
            u.counters[SEND_REFUSED] += out.bursts[i].count
        return
    socket = &u.sockets[channel]
    if not u.segments:
        out.gso_off = 1
    for i in range(first, end):
        if u.slots.used + BURST_SEGMENTS > SEND_SLOTS:
            transmit(u, out, socket, &u.slots)
        put_burst(u, out, socket, &out.bursts[i])
    transmit(u, out, socket, &u.slots)
