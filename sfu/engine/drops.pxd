# What the sockets gave up on or refused, by name; `Loop.counters()` shows them. (Datagrams that could not be sent are
# also counted in outbound_t.dropped.)
from libc.stdint cimport uint64_t

cdef enum:
    RECEIVE_TRUNCATED           # a datagram or frame longer than any we take
    SEND_BLOCKED                # the UDP socket stayed full
    SEND_REFUSED                # the kernel refused this destination
    SEND_STREAM_FULL            # a stream's buffer was full
    SEND_STREAM_GONE            # to a connection that is no more
    GSO_REFUSED                 # bursts sent apart because the kernel refused UDP_SEGMENT for them
    TCP_ACCEPTED
    TCP_REFUSED_FULL            # too many connections
    TCP_REFUSED_ADDRESS         # too many from this address without an answer yet
    TCP_REFUSED_FILES           # out of file descriptors or memory: accepting pauses
    TCP_CLOSED_NOT_STUN         # the first frame was something else
    TCP_CLOSED_SILENT           # nothing worth an answer in time
    SOCKET_COUNTER_COUNT
