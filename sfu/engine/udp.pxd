# UDP sockets in batches: recvmmsg in, sendmmsg with UDP_SEGMENT out.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.address cimport FIRST_STREAM_CHANNEL, address_t
from sfu.engine.linux cimport iovec, mmsghdr, sockaddr_in6
from sfu.engine.outbound cimport outbound_t

cdef enum:
    RECEIVE_BATCH = 64
    RECEIVE_BYTES = 2048        # the longest datagram taken
    PATIENCE_US = 2000          # for a full socket, per flush
    SEND_SLOTS = 1024           # sendmmsg takes no more (UIO_MAXIOV)
    SOCKET_BUFFER_BYTES = 4194304   # 20 ms of 1.6 Gbit/s: outlasts a scheduler's pause

cdef struct segment_control_t:  # a control message with one UDP_SEGMENT in it
    uint64_t bytes[3]           # CMSG_SPACE(2), aligned

cdef struct slots_t:            # arguments of one sendmmsg
    mmsghdr *headers
    iovec *vectors
    sockaddr_in6 *names
    segment_control_t *controls
    uint16_t *counts            # datagrams in each slot; more than 1: UDP_SEGMENT
    uint32_t used

cdef struct udp_socket_t:
    int fd
    int family

cdef struct udp_t:
    udp_socket_t sockets[FIRST_STREAM_CHANNEL]
    uint32_t count
    # receiving: only the packet thread
    mmsghdr *in_headers
    iovec *in_vectors
    sockaddr_in6 *in_names
    uint8_t *in_bytes
    # sending: under the engine's lock
    slots_t slots
    slots_t apart               # a burst that UDP_SEGMENT was refused for, datagram by datagram
    int64_t patience_us         # how long this flush may still wait for a full socket; set by whoever begins one
    bint segments               # the kernel knows UDP_SEGMENT
    uint32_t refusals           # in a row
    int pretended_error         # for tests: as if the kernel refused UDP_SEGMENT with this errno; 0: not
    uint64_t *counters

cdef int udp_init(udp_t *u, uint64_t *counters) noexcept nogil      # -1: out of memory
cdef void udp_free(udp_t *u) noexcept nogil
# Takes the socket over; its channel is its place. -1: no more room.
cdef int udp_add(udp_t *u, int fd, int family) noexcept nogil
# One batch from a socket into the engine (takes the engine's lock). Returns how many datagrams there were.
cdef uint32_t udp_receive(udp_t *u, uint32_t channel, void *engine) noexcept nogil
cdef void name_to_address(const sockaddr_in6 *name, uint32_t channel, address_t *address) noexcept nogil
# Bursts first..end-1, all of one UDP channel.
cdef void udp_send(udp_t *u, outbound_t *out, uint32_t first, uint32_t end) noexcept nogil
