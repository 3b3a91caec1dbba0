"""A lecture's bursts, sent by nothing but the kernel and the cipher: what is left of a server when everything else costs nothing.

Theory of operation. Each entry of the schedule is one picture or one packet of sound. When it is due, each receiver gets its
packets: copied, encrypted under a key of its own (AES-GCM, by the very function that the packet engine calls), and handed over as
one UDP_SEGMENT burst, with as many bursts in one sendmmsg as the engine puts into one. Nothing is received, looked up, kept, rewritten or
timed by the packet. The thread's processor time is what it costs; over loopback delivery is in it, as in a server's.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import os

from sfu.engine.gcm cimport GCM_TAG_BYTES, gcm_close, gcm_open, gcm_protect, gcm_t
from sfu.engine.linux cimport (
    AF_INET,
    CLOCK_MONOTONIC,
    CLOCK_THREAD_CPUTIME_ID,
    CMSG_DATA,
    CMSG_LEN,
    CMSG_SPACE,
    MSG_NOSIGNAL,
    SOL_UDP,
    UDP_SEGMENT,
    clock_gettime,
    cmsghdr,
    htons,
    iovec,
    mmsghdr,
    monotonic_us,
    sendmmsg,
    sockaddr_in,
    timespec,
)
from sfu.engine.wire cimport put32

cdef extern from "<time.h>" nogil:
    int clock_nanosleep(int clock, int flags, const timespec *wait, timespec *left)
    int TIMER_ABSTIME

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char *text, void *address)

cdef enum:
    MASTER_BYTES = 28           # key and salt of AEAD_AES_128_GCM (RFC 7714, 12)
    HEADER_BYTES = 20           # RTP with one word of extensions and their header (RFC 3550, 5.3.1; RFC 8285)
    DATAGRAM_BYTES = 1500
    LOT = 64                    # packets of one entry, as UDP_SEGMENT takes no more
    PIECE = 128                 # datagrams in one sendmmsg (sfu/engine/forward.pyx)

cdef struct receiver_t:
    gcm_t gcm
    sockaddr_in name
    int64_t sequence

cdef struct control_t:          # a control message with one UDP_SEGMENT in it
    uint8_t bytes[32]


cdef inline double thread_s() noexcept nogil:
    cdef timespec used
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used)
    return used.tv_sec + used.tv_nsec * 1e-9


cdef void sleep_until(int64_t at_us) noexcept nogil:
    cdef timespec at
    at.tv_sec = at_us // 1000000
    at.tv_nsec = at_us % 1000000 * 1000
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)


cdef class Bursts:
    """From this UDP socket to these IPv4 ports of one host. Raises ValueError, MemoryError."""

    cdef receiver_t *receivers
    cdef uint32_t count
    cdef int fd
    cdef uint8_t *arena
    cdef uint8_t payload[DATAGRAM_BYTES]
    cdef mmsghdr headers[PIECE]
    cdef iovec vectors[PIECE]
    cdef control_t controls[PIECE]

    def __cinit__(self, int fd, str host, list ports):
        cdef uint32_t i
        self.fd, self.count = fd, len(ports)
        self.receivers = <receiver_t *>calloc(max(1, self.count), sizeof(receiver_t))
        self.arena = <uint8_t *>calloc(PIECE + LOT, DATAGRAM_BYTES)
        if self.receivers == NULL or self.arena == NULL:
            raise MemoryError
        memset(self.payload, 0x55, DATAGRAM_BYTES)
        for i in range(self.count):
            self.receivers[i].name.sin_family = <uint16_t>AF_INET
            self.receivers[i].name.sin_port = htons(ports[i])
            if inet_pton(AF_INET, host.encode(), &self.receivers[i].name.sin_addr) != 1:
                raise ValueError(f"{host} is no IPv4 address")
            if not gcm_open(&self.receivers[i].gcm, os.urandom(MASTER_BYTES)):
                raise ValueError("this OpenSSL shows no AES-GCM")

    def __dealloc__(self):
        cdef uint32_t i
        if self.receivers != NULL:
            for i in range(self.count):
                gcm_close(&self.receivers[i].gcm)
        free(self.receivers)
        free(self.arena)

    def send(self, list schedule) -> float:
        """Entries are (due in µs from now, packets, bytes of each with header, without tag). Returns the thread's processor time, s.
        Raises ValueError for what does not fit, OSError."""
        cdef int64_t begin_us = monotonic_us()
        cdef int64_t due_us
        cdef uint32_t packets, length
        cdef double used_s = thread_s()
        cdef bint sent
        for due_us, packets, length in schedule:
            if not 1 <= packets <= LOT or not HEADER_BYTES <= length <= DATAGRAM_BYTES - GCM_TAG_BYTES:
                raise ValueError(f"{packets} packets of {length} bytes")
            with nogil:
                sleep_until(begin_us + due_us)
                sent = self.send_to_all(packets, length)
            if not sent:
                raise OSError("the kernel does not take the bursts")
        return thread_s() - used_s

    cdef bint send_to_all(self, uint32_t packets, uint32_t length) noexcept nogil:
        cdef uint32_t i, slots = 0
        cdef uint8_t *at = self.arena
        for i in range(self.count):
            if slots > 0 and (slots + 1) * packets > PIECE:
                if not self.hand_over(slots):
                    return False
                slots = 0
                at = self.arena
            at = self.put(&self.receivers[i], slots, at, packets, length)
            slots += 1
        return self.hand_over(slots)

    cdef uint8_t *put(self, receiver_t *receiver, uint32_t slot, uint8_t *at, uint32_t packets, uint32_t length) noexcept nogil:
        cdef uint32_t k, whole = length
        self.vectors[slot].iov_base = at
        for k in range(packets):
            whole = length
            memcpy(at, self.payload, length)
            put32(at, <uint32_t>0x90000000 | <uint32_t>(receiver.sequence & 0xFFFF))
            gcm_protect(&receiver.gcm, at, HEADER_BYTES, &whole, receiver.sequence)
            receiver.sequence += 1
            at += whole
        self.vectors[slot].iov_len = packets * whole
        self.address(receiver, slot)
        if packets > 1:
            self.cut(slot, <uint16_t>whole)
        return at

    cdef void address(self, receiver_t *receiver, uint32_t slot) noexcept nogil:
        memset(&self.headers[slot], 0, sizeof(mmsghdr))
        self.headers[slot].msg_hdr.msg_name = &receiver.name
        self.headers[slot].msg_hdr.msg_namelen = sizeof(sockaddr_in)
        self.headers[slot].msg_hdr.msg_iov = &self.vectors[slot]
        self.headers[slot].msg_hdr.msg_iovlen = 1

    cdef void cut(self, uint32_t slot, uint16_t size) noexcept nogil:
        cdef cmsghdr *message = <cmsghdr *>&self.controls[slot]
        message.cmsg_len = CMSG_LEN(sizeof(size))
        message.cmsg_level = SOL_UDP
        message.cmsg_type = UDP_SEGMENT
        memcpy(CMSG_DATA(message), &size, sizeof(size))
        self.headers[slot].msg_hdr.msg_control = message
        self.headers[slot].msg_hdr.msg_controllen = CMSG_SPACE(sizeof(size))

    cdef bint hand_over(self, uint32_t slots) noexcept nogil:
        cdef uint32_t at = 0
        cdef int sent
        while at < slots:
            sent = sendmmsg(self.fd, self.headers + at, slots - at, MSG_NOSIGNAL)
            if sent <= 0:
                return False
            at += <uint32_t>sent
        return True
