"""Bytes that wait for one connection. A buffer is got at need and given back when empty: most connections never need one."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef void ring_free(ring_t *r) noexcept nogil:
    free(r.bytes)
    r.bytes = NULL
    r.start = 0
    r.used = 0


cdef bint ring_room(ring_t *r, uint32_t length, uint32_t capacity) noexcept nogil:
    if r.bytes == NULL:
        r.bytes = <uint8_t *>malloc(capacity)
        r.capacity = capacity
    return r.bytes != NULL and r.used + length <= r.capacity


cdef void ring_put(ring_t *r, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef uint32_t end = (r.start + r.used) % r.capacity
    cdef uint32_t first = min(length, r.capacity - end)
    memcpy(r.bytes + end, data, first)
    memcpy(r.bytes, data + first, length - first)
    r.used += length


cdef void ring_pieces(const ring_t *r, uint32_t offset, uint32_t length, iovec *pieces) noexcept nogil:
    cdef uint32_t at
    pieces[0].iov_base = pieces[1].iov_base = r.bytes
    pieces[0].iov_len = pieces[1].iov_len = 0
    if length == 0:
        return
    at = (r.start + offset) % r.capacity
    pieces[0].iov_base = r.bytes + at
    pieces[0].iov_len = min(length, r.capacity - at)
    pieces[1].iov_len = length - pieces[0].iov_len


cdef uint8_t ring_byte(const ring_t *r, uint32_t offset) noexcept nogil:
    return r.bytes[(r.start + offset) % r.capacity]


cdef void ring_take(ring_t *r, uint32_t length) noexcept nogil:
    if length == 0:
        return
    r.start = (r.start + length) % r.capacity
    r.used -= length
    if r.used == 0:
        ring_free(r)
