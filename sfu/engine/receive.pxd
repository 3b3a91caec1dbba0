# From a datagram to a stored packet.
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.address cimport address_t
from sfu.engine.model cimport engine_t

cdef void receive(engine_t *e, const address_t *source, uint8_t *data, uint32_t length) noexcept nogil
