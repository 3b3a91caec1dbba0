# Where a peer is when its packets come from elsewhere.
from sfu.engine.address cimport address_t
from sfu.engine.model cimport engine_t, transport_t

# Media goes to this address from now on.
cdef void go_to(engine_t *e, transport_t *t, const address_t *address) noexcept nogil
# Something authentic came from there, an address of this transport.
cdef void heard_from(engine_t *e, transport_t *t, const address_t *source) noexcept nogil
