"""The backlog of one connection. A buffer is got at need and given back when empty: most connections never need one."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef void ring_free(ring_t *r) noexcept nogil:
    free(r.bytes)
    r.bytes = NULL
    r.start = 0
    r.used = 0


cdef bint ring_room(ring_t *r, uint32_t length) noexcept nogil:
    if r.bytes == NULL:
        r.bytes = <uint8_t *>malloc(RING_BYTES)
    return r.bytes != NULL and r.used + length <= RING_BYTES


cdef void ring_put(ring_t *r, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef uint32_t end = (r.start + r.used) % RING_BYTES
    cdef uint32_t first = min(length, RING_BYTES - end)
    memcpy(r.bytes + end, data, first)
    memcpy(r.bytes, data + first, length - first)
    r.used += length


cdef void ring_pieces(const ring_t *r, iovec *pieces) noexcept nogil:
    pieces[0].iov_base = r.bytes + r.start
    pieces[0].iov_len = min(r.used, RING_BYTES - r.start)
    pieces[1].iov_base = r.bytes
    pieces[1].iov_len = r.used - pieces[0].iov_len


cdef void ring_take(ring_t *r, uint32_t length) noexcept nogil:
    r.start = (r.start + length) % RING_BYTES
    r.used -= length
    if r.used == 0:
        ring_free(r)
