# Bytes that wait, first in, first out, in a buffer that exists only while some do.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.linux cimport iovec

cdef struct ring_t:
    uint8_t *bytes              # NULL while empty
    uint32_t start
    uint32_t used

cdef enum:
    RING_BYTES = 262144         # of one connection: 1.4 s at 1.5 Mbit/s; what waits longer is of no use

cdef void ring_free(ring_t *r) noexcept nogil
# Whether `length` more bytes can be put; gets the buffer where there is none yet.
cdef bint ring_room(ring_t *r, uint32_t length) noexcept nogil
# After ring_room said yes.
cdef void ring_put(ring_t *r, const uint8_t *data, uint32_t length) noexcept nogil
# All that waits, in order, as two pieces (the second may be empty).
cdef void ring_pieces(const ring_t *r, iovec *pieces) noexcept nogil
# The first `length` bytes are gone.
cdef void ring_take(ring_t *r, uint32_t length) noexcept nogil
