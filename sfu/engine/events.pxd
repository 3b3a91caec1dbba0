# What the engine has to tell Python: a bounded buffer and an eventfd.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sfu.engine.address cimport address_t

cdef enum event_t:
    EVENT_STUN = 1
    EVENT_DTLS = 2
    EVENT_ADDRESS_GONE = 3
    EVENT_PUBLICATION_STARTED = 4
    EVENT_OVERFLOW = 5
    EVENT_BANDWIDTH = 6         # data: int64_t, bits per second
    EVENT_SPEAKERS = 7          # publication: number of the group; data: uint32_t ids of publications
    EVENT_PLACES = 8            # the same; the id in each place, 0 for nobody
    EVENT_MOVED = 9             # media goes to this address from now on

cdef enum:
    # A storm of 500 joins is about 500 x 6 datagrams of up to 1.3 kB within a second; Python drains many times in it.
    EVENT_BYTES = 524288

cdef struct event_header_t:
    uint32_t kind
    uint32_t transport
    uint32_t publication
    uint32_t length             # of the data behind this header; the next header is 8-byte aligned
    address_t address

cdef struct events_t:
    uint8_t *filling
    uint8_t *draining           # only touched by the one that drains
    uint32_t used
    uint64_t lost               # since the last drain
    int fd

cdef int events_init(events_t *q) except -1
cdef void events_free(events_t *q) noexcept
# 0, or -1 when there was no room (counted in lost).
cdef int events_push(events_t *q, uint32_t kind, uint32_t transport, uint32_t publication, const address_t *address, const uint8_t *data, uint32_t length) noexcept nogil
# Swaps the buffers; returns the bytes used of `draining`, and the events lost.
cdef uint32_t events_take(events_t *q, uint64_t *lost) noexcept nogil
# The drained buffer as a list of Event.
cdef list events_list(events_t *q, uint32_t used, uint64_t lost)
