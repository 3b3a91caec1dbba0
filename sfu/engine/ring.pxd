# Bytes that wait, first in, first out, in a buffer that exists only while some do.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.linux cimport iovec

cdef struct ring_t:
    uint8_t *bytes              # NULL while empty
    uint32_t capacity
    uint32_t start
    uint32_t used

cdef void ring_free(ring_t *r) noexcept nogil
# Whether `length` more bytes can be put; gets a buffer of `capacity` where there is none yet.
cdef bint ring_room(ring_t *r, uint32_t length, uint32_t capacity) noexcept nogil
# After ring_room said yes.
cdef void ring_put(ring_t *r, const uint8_t *data, uint32_t length) noexcept nogil
# `length` bytes from the offset on, in order, as two pieces (the second, or both, may be empty).
cdef void ring_pieces(const ring_t *r, uint32_t offset, uint32_t length, iovec *pieces) noexcept nogil
# The byte at that offset, which must be in use.
cdef uint8_t ring_byte(const ring_t *r, uint32_t offset) noexcept nogil
# The first `length` bytes are gone.
cdef void ring_take(ring_t *r, uint32_t length) noexcept nogil
