"""Two buffers that change places: the packet thread fills one while Python reads the other without the lock."""

from collections import namedtuple
from enum import IntEnum

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from posix.unistd cimport close, read, write

from sfu.engine.address cimport address_to_bytes


cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int initial, int flags)
    int EFD_NONBLOCK
    int EFD_CLOEXEC


class EventKind(IntEnum):
    STUN = EVENT_STUN
    DTLS = EVENT_DTLS
    ADDRESS_GONE = EVENT_ADDRESS_GONE
    PUBLICATION_STARTED = EVENT_PUBLICATION_STARTED
    OVERFLOW = EVENT_OVERFLOW
    BANDWIDTH = EVENT_BANDWIDTH
    SPEAKERS = EVENT_SPEAKERS
    PLACES = EVENT_PLACES
    MOVED = EVENT_MOVED


Event = namedtuple("Event", "kind transport publication detail address data")
KINDS = {int(kind): kind for kind in EventKind}


cdef int events_init(events_t *q) except -1:
    q.filling = <uint8_t *>malloc(EVENT_BYTES)
    q.draining = <uint8_t *>malloc(EVENT_BYTES)
    q.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    if q.filling == NULL or q.draining == NULL:
        raise MemoryError
    if q.fd < 0:
        raise OSError("no eventfd: too many open files")
    return 0


cdef void events_free(events_t *q) noexcept:
    free(q.filling)
    free(q.draining)
    q.filling = NULL
    q.draining = NULL
    if q.fd > 0:
        close(q.fd)
        q.fd = -1


cdef void wake(events_t *q) noexcept nogil:
    cdef uint64_t one = 1
    write(q.fd, &one, sizeof(one))


cdef int events_push(events_t *q, uint32_t kind, uint32_t transport, uint32_t publication, const address_t *address, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef event_header_t *header = <event_header_t *>(q.filling + q.used)
    cdef uint32_t size = (<uint32_t>sizeof(event_header_t) + length + 7) & ~<uint32_t>7
    if q.used == 0 and q.lost == 0:
        wake(q)
    if q.used + size > EVENT_BYTES:
        q.lost += 1
        return -1
    header.kind = kind
    header.transport = transport
    header.publication = publication
    header.length = length
    if address != NULL:
        header.address = address[0]
    else:
        memset(&header.address, 0, sizeof(address_t))
    if length:
        memcpy(q.filling + q.used + sizeof(event_header_t), data, length)
    q.used += size
    return 0


cdef uint32_t events_take(events_t *q, uint64_t *lost) noexcept nogil:
    cdef uint32_t used = q.used
    cdef uint64_t count
    q.filling, q.draining = q.draining, q.filling
    lost[0] = q.lost
    q.used = 0
    q.lost = 0
    read(q.fd, &count, sizeof(count))
    return used


cdef list events_list(events_t *q, uint32_t used, uint64_t lost):
    cdef event_header_t *header
    cdef uint32_t at = 0
    cdef list found = []
    while at < used:
        header = <event_header_t *>(q.draining + at)
        found.append(
            Event(
                KINDS[header.kind],
                header.transport,
                header.publication,
                (<int64_t *>(header + 1))[0] if header.kind == EVENT_BANDWIDTH else 0,
                address_to_bytes(&header.address),
                (<const char *>(q.draining + at + sizeof(event_header_t)))[:header.length],
            )
        )
        at += (<uint32_t>sizeof(event_header_t) + header.length + 7) & ~<uint32_t>7
    if lost:
        found.append(Event(EventKind.OVERFLOW, 0, 0, lost, b"\0" * sizeof(address_t), b""))
    return found
