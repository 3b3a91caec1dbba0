"""Reads the sockets of hundreds of subscribers and counts what comes, in one thread without the GIL.

Theory of operation. Each bot hands over its connected UDP socket once its DTLS handshake is done; from then on only this
thread reads it. In each round every socket is emptied by recvmmsg until a call comes back short. Nothing is decrypted and nothing is answered: what is counted stands in the clear part of
an SRTP packet (RFC 3711, 3.1: version to CSRC and the header extension are authenticated, not encrypted).

Per stream (SSRC) of a socket: packets, bytes, the lowest and highest sequence number (RFC 3550, A.1), arrival of the
first and last packet, a copy of the first packet (so that Python can decrypt that one), and a ring of (RTP timestamp,
arrival of the last packet with it), which `evidence.py` turns into delays; or, with `every_packet`, one such pair for
each packet.

Between two rounds the thread sleeps for 2 ms. Woken for every packet, it would take the processor from the server in
the middle of its sending some thousand times a second (on a machine of two), and the server would be charged for the
waking; a network has neither. For the same reason no epoll set holds the sockets: the kernel would tell it of each datagram
in the middle of the server's send call (0.8 µs more for each of them, on one machine); asking 500 empty sockets in vain costs the
sink, not the server, a fifth of a millisecond a round. The price: delays are measured up to 2 ms too long, unless `kernel_times` is set: then
the kernel writes down when each datagram came (SO_TIMESTAMPNS), whenever it is read. That costs the server some 30 ns a
packet over loopback, so only what is about delays asks for it.

UDP_GRO is left off on purpose: it would let a server's UDP_SEGMENT bursts travel over loopback unsplit, which no network
does, and so flatter the server.
"""

from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import threading
from typing import NamedTuple

import numpy as np

from cpython.bytes cimport PyBytes_FromStringAndSize


cdef extern from "time.h" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec *now)
    int clock_nanosleep(int clock, int flags, const timespec *wait, timespec *left)
    int CLOCK_MONOTONIC
    int CLOCK_REALTIME

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *mutex, void *attributes)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)

cdef extern from "sys/socket.h" nogil:
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
    struct cmsghdr:
        int cmsg_level
        int cmsg_type
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    int recvmmsg(int fd, mmsghdr *messages, unsigned int count, int flags, timespec *timeout)
    int setsockopt(int fd, int level, int name, const void *value, unsigned int size)
    cmsghdr *CMSG_FIRSTHDR(msghdr *message)
    unsigned char *CMSG_DATA(cmsghdr *control)
    int MSG_DONTWAIT
    int SOL_SOCKET
    int SO_TIMESTAMPNS
    int SCM_TIMESTAMPNS

cdef enum:
    CONTROL_BYTES = 64          # one control message with a timespec
    DATAGRAM_BYTES = 2048       # more than any MTU a bot meets
    DATAGRAMS_PER_CALL = 64     # a keyframe of 40 kB is 35 packets
    PAUSE_US = 2000             # between two rounds: see the theory of operation


cdef struct Stream:
    uint32_t ssrc
    uint8_t payload_type
    uint64_t packets
    uint64_t octets
    int64_t lowest_seq
    int64_t highest_seq
    int64_t first_us
    int64_t last_us
    uint64_t stamps
    uint16_t sample_octets
    uint8_t *sample
    uint32_t *stamp_rtp
    int64_t *stamp_us


cdef struct Slot:
    int fd
    int streams
    uint64_t rtcp
    uint64_t stun
    uint64_t other
    uint64_t unplaced
    Stream *stream


class StreamFigures(NamedTuple):
    """One SSRC on one socket, since the socket was added. Times are CLOCK_MONOTONIC microseconds."""

    socket: int
    ssrc: int
    payload_type: int
    packets: int
    octets: int
    lowest_seq: int
    highest_seq: int
    first_us: int
    last_us: int


class SocketFigures(NamedTuple):
    """What is not RTP, per socket: SRTCP packets, STUN messages, the rest, and RTP of more SSRCs than there is room for."""

    socket: int
    rtcp: int
    stun: int
    other: int
    unplaced: int


cdef inline int64_t monotonic_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef inline int64_t monotonic_minus_real_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return monotonic_us() - (<int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000)


cdef inline int64_t kernel_us(msghdr *message, int64_t otherwise) noexcept nogil:
    """When the kernel got this datagram, CLOCK_REALTIME."""
    cdef cmsghdr *control = CMSG_FIRSTHDR(message)
    cdef timespec *came
    if control == NULL or control.cmsg_level != SOL_SOCKET or control.cmsg_type != SCM_TIMESTAMPNS:
        return otherwise  # it came before the option was set
    came = <timespec *>CMSG_DATA(control)
    return <int64_t>came.tv_sec * 1000000 + came.tv_nsec // 1000


cdef class Sink:
    """`capacity` sockets at most, each with `streams` SSRCs; `history`: how many RTP timestamps are kept per stream, the
    latest ones. `every_packet`: one arrival for each packet, not for each timestamp; `kernel_times`: when the kernel
    got it, not when the sink looked."""

    cdef Slot *slots
    cdef int capacity
    cdef int used
    cdef int history
    cdef int streams_per_socket
    cdef bint every_packet
    cdef bint kernel_times
    cdef bint stopping
    cdef pthread_mutex_t mutex
    cdef uint64_t calls
    cdef uint8_t *buffers
    cdef uint8_t *controls
    cdef mmsghdr *messages
    cdef iovec *vectors
    cdef object thread

    def __cinit__(
        self, int capacity, int history=0, int streams=8, bint every_packet=False, bint kernel_times=False
    ):
        # Eight streams: audio, video, their retransmissions, and as many again after a change of source.
        cdef int i
        if capacity < 1 or history < 0 or streams < 1:
            raise ValueError("capacity and streams must be at least 1, history at least 0")
        self.capacity, self.history, self.streams_per_socket = capacity, history, streams
        self.every_packet, self.kernel_times = every_packet, kernel_times
        pthread_mutex_init(&self.mutex, NULL)
        self.slots = <Slot *>calloc(capacity, sizeof(Slot))
        self.buffers = <uint8_t *>calloc(DATAGRAMS_PER_CALL, DATAGRAM_BYTES)
        self.controls = <uint8_t *>calloc(DATAGRAMS_PER_CALL, CONTROL_BYTES)
        self.messages = <mmsghdr *>calloc(DATAGRAMS_PER_CALL, sizeof(mmsghdr))
        self.vectors = <iovec *>calloc(DATAGRAMS_PER_CALL, sizeof(iovec))
        if not (self.slots and self.buffers and self.controls and self.messages and self.vectors):
            raise MemoryError
        for i in range(DATAGRAMS_PER_CALL):
            self.vectors[i].iov_base = self.buffers + i * DATAGRAM_BYTES
            self.vectors[i].iov_len = DATAGRAM_BYTES
            self.messages[i].msg_hdr.msg_iov = &self.vectors[i]
            self.messages[i].msg_hdr.msg_iovlen = 1

    def __dealloc__(self):
        cdef int i, j
        for i in range(self.used):
            for j in range(self.slots[i].streams):
                free(self.slots[i].stream[j].sample)
                free(self.slots[i].stream[j].stamp_rtp)
                free(self.slots[i].stream[j].stamp_us)
            free(self.slots[i].stream)
        free(self.slots)
        free(self.buffers)
        free(self.controls)
        free(self.messages)
        free(self.vectors)
        pthread_mutex_destroy(&self.mutex)

    # --- control ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the reading thread."""
        if self.thread is not None:
            raise RuntimeError("the sink runs already")
        self.stopping = False
        self.thread = threading.Thread(target=self._run, name="packet-sink", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Stops the thread; figures stay readable. Idempotent."""
        if self.thread is None:
            return
        self.stopping = True
        self.thread.join()
        self.thread = None

    def add(self, int fd) -> int:
        """Reads this socket from now on; what already waits in it is counted. Returns its number."""
        cdef int index = self.used, on = 1
        if fd < 0:
            raise OSError(f"file descriptor {fd} is closed")
        if index >= self.capacity:
            raise ValueError(f"the sink holds {self.capacity} sockets at most")
        if self.slots[index].stream == NULL:
            self.slots[index].stream = <Stream *>calloc(self.streams_per_socket, sizeof(Stream))
        if self.slots[index].stream == NULL:
            raise MemoryError
        if self.kernel_times and setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0:
            raise OSError(f"file descriptor {fd} takes no timestamps")
        self.slots[index].fd = fd
        self.used = index + 1
        return index

    def remove(self, int index) -> None:
        """No longer reads the socket (its owner closes it); its figures stay."""
        if not 0 <= index < self.used:
            raise KeyError(index)
        with nogil:
            pthread_mutex_lock(&self.mutex)
        self.slots[index].fd = -1
        pthread_mutex_unlock(&self.mutex)

    # --- figures ------------------------------------------------------------------------------------------------

    def streams(self) -> list:
        """A consistent StreamFigures of every stream of every socket."""
        cdef int i, j
        cdef Stream *s
        result = []
        with nogil:
            pthread_mutex_lock(&self.mutex)
        try:
            for i in range(self.used):
                for j in range(self.slots[i].streams):
                    s = &self.slots[i].stream[j]
                    result.append(
                        StreamFigures(i, s.ssrc, s.payload_type, s.packets, s.octets, s.lowest_seq, s.highest_seq,
                                      s.first_us, s.last_us)
                    )
        finally:
            pthread_mutex_unlock(&self.mutex)
        return result

    def sockets(self) -> list:
        """A consistent SocketFigures of every socket."""
        cdef int i
        result = []
        with nogil:
            pthread_mutex_lock(&self.mutex)
        try:
            for i in range(self.used):
                result.append(SocketFigures(i, self.slots[i].rtcp, self.slots[i].stun, self.slots[i].other,
                                            self.slots[i].unplaced))
        finally:
            pthread_mutex_unlock(&self.mutex)
        return result

    def receive_calls(self) -> int:
        """recvmmsg calls so far that brought something."""
        return self.calls

    def sample(self, int index, uint32_t ssrc) -> bytes:
        """The first packet of this stream as it came, still encrypted. KeyError when there is none."""
        cdef Stream *s
        with nogil:
            pthread_mutex_lock(&self.mutex)
        try:
            s = self._stream_of(index, ssrc)
            return PyBytes_FromStringAndSize(<char *>s.sample, s.sample_octets)
        finally:
            pthread_mutex_unlock(&self.mutex)

    def arrivals(self, int index, uint32_t ssrc):
        """(RTP timestamps uint32[n], arrivals int64[n] in µs) of the latest `history` timestamps, oldest first; the
        arrival is that of the last packet with the timestamp: of the whole frame. With `every_packet` a timestamp stands
        there once for each packet. KeyError when there is none."""
        cdef Stream *s
        cdef uint64_t i, first, count
        with nogil:
            pthread_mutex_lock(&self.mutex)
        try:
            s = self._stream_of(index, ssrc)
            count = min(s.stamps, <uint64_t>self.history)
            first = s.stamps - count
            rtp = np.empty(count, np.uint32)
            arrival = np.empty(count, np.int64)
            for i in range(count):
                rtp[i] = s.stamp_rtp[(first + i) % self.history]
                arrival[i] = s.stamp_us[(first + i) % self.history]
        finally:
            pthread_mutex_unlock(&self.mutex)
        return rtp, arrival

    cdef Stream *_stream_of(self, int index, uint32_t ssrc) except NULL:
        cdef int j
        if 0 <= index < self.used:
            for j in range(self.slots[index].streams):
                if self.slots[index].stream[j].ssrc == ssrc:
                    return &self.slots[index].stream[j]
        raise KeyError((index, ssrc))

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with nogil:
            self._loop()

    cdef void _loop(self) noexcept nogil:
        cdef int i
        cdef timespec pause
        pause.tv_sec = 0
        pause.tv_nsec = PAUSE_US * 1000
        while not self.stopping:
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL)
            pthread_mutex_lock(&self.mutex)
            for i in range(self.used):
                self._empty(&self.slots[i])
            pthread_mutex_unlock(&self.mutex)

    cdef void _empty(self, Slot *slot) noexcept nogil:
        """Reads until a call comes back short."""
        cdef int i, count = DATAGRAMS_PER_CALL
        cdef int64_t now_us, offset_us = 0
        if self.kernel_times:
            offset_us = monotonic_minus_real_us()
        while count == DATAGRAMS_PER_CALL and slot.fd >= 0:
            if self.kernel_times:
                self._take_controls()
            count = recvmmsg(slot.fd, self.messages, DATAGRAMS_PER_CALL, MSG_DONTWAIT, NULL)
            if count <= 0:
                return
            self.calls += 1
            now_us = monotonic_us()
            for i in range(count):
                if self.kernel_times:
                    now_us = kernel_us(&self.messages[i].msg_hdr, now_us - offset_us) + offset_us
                self._classify(slot, self.buffers + i * DATAGRAM_BYTES, self.messages[i].msg_len, now_us)

    cdef void _take_controls(self) noexcept nogil:
        """Room for the kernel's control messages, which each call uses up."""
        cdef int i
        for i in range(DATAGRAMS_PER_CALL):
            self.messages[i].msg_hdr.msg_control = self.controls + i * CONTROL_BYTES
            self.messages[i].msg_hdr.msg_controllen = CONTROL_BYTES

    cdef void _classify(self, Slot *slot, uint8_t *data, unsigned int octets, int64_t now_us) noexcept nogil:
        """RFC 7983 by the first byte, RFC 5761 for RTP against RTCP."""
        if octets >= 12 and 128 <= data[0] <= 191:
            if 192 <= data[1] <= 223:
                slot.rtcp += 1
            else:
                self._count(slot, data, octets, now_us)
        elif octets >= 20 and data[0] <= 3:
            slot.stun += 1
        else:
            slot.other += 1

    cdef void _count(self, Slot *slot, uint8_t *data, unsigned int octets, int64_t now_us) noexcept nogil:
        cdef uint16_t seq = <uint16_t>((data[2] << 8) | data[3])
        cdef uint32_t rtp = (<uint32_t>data[4] << 24) | (<uint32_t>data[5] << 16) | (<uint32_t>data[6] << 8) | data[7]
        cdef uint32_t ssrc = (<uint32_t>data[8] << 24) | (<uint32_t>data[9] << 16) | (<uint32_t>data[10] << 8) | data[11]
        cdef Stream *s = self._place(slot, ssrc)
        cdef int64_t number
        if s == NULL:
            slot.unplaced += 1
            return
        if s.packets == 0:
            s.payload_type = data[1] & 0x7F
            s.lowest_seq = s.highest_seq = seq
            s.first_us = now_us
            s.sample_octets = <uint16_t>octets
            memcpy(s.sample, data, octets)
        number = s.highest_seq + <int16_t>(seq - <uint16_t>s.highest_seq)
        s.highest_seq = max(s.highest_seq, number)
        s.lowest_seq = min(s.lowest_seq, number)
        s.packets += 1
        s.octets += octets
        s.last_us = now_us
        if self.history:
            self._stamp(s, rtp, now_us)

    cdef void _stamp(self, Stream *s, uint32_t rtp, int64_t now_us) noexcept nogil:
        cdef uint64_t last = (s.stamps - 1) % self.history if s.stamps else 0
        if s.stamps and not self.every_packet and s.stamp_rtp[last] == rtp:
            s.stamp_us[last] = now_us
            return
        s.stamp_rtp[s.stamps % self.history] = rtp
        s.stamp_us[s.stamps % self.history] = now_us
        s.stamps += 1

    cdef Stream *_place(self, Slot *slot, uint32_t ssrc) noexcept nogil:
        """The stream of this SSRC, made when it is new; NULL when there are too many or memory is short."""
        cdef int i
        cdef Stream *s
        for i in range(slot.streams):
            if slot.stream[i].ssrc == ssrc:
                return &slot.stream[i]
        if slot.streams == self.streams_per_socket:
            return NULL
        s = &slot.stream[slot.streams]
        s.ssrc = ssrc
        s.sample = <uint8_t *>calloc(1, DATAGRAM_BYTES)
        if self.history:
            s.stamp_rtp = <uint32_t *>calloc(self.history, sizeof(uint32_t))
            s.stamp_us = <int64_t *>calloc(self.history, sizeof(int64_t))
        if s.sample == NULL or (self.history and (s.stamp_rtp == NULL or s.stamp_us == NULL)):
            free(s.sample)
            free(s.stamp_rtp)
            free(s.stamp_us)
            s.sample, s.stamp_rtp, s.stamp_us = NULL, NULL, NULL
            return NULL
        slot.streams += 1
        return s
