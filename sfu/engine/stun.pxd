# Just enough of STUN (RFC 8489) to find out for whom a binding request is; the rest is Python's.
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.address cimport address_t

cdef enum:
    UFRAG_BYTES = 23            # longest local ufrag: a table key without its last byte

# Whether this is a binding request with USERNAME `local:remote`; ufrag is the local part as a table key.
cdef bint stun_local_ufrag(const uint8_t *data, uint32_t length, address_t *ufrag) noexcept nogil
# -1 when it is empty or too long.
cdef int ufrag_key(const uint8_t *text, uint32_t length, address_t *key) noexcept nogil
