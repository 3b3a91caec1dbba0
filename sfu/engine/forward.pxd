# From a stored packet to the subscribers' datagrams.
from libc.stdint cimport int64_t, uint16_t

from sfu.engine.model cimport engine_t, layer_t, publication_t, subscription_t

# A packet of this layer stands in the cache: forward it at the next settle, or within GATHER_US.
cdef void gather(engine_t *e, layer_t *layer, int64_t sequence, bint now) noexcept nogil
# Forwards what is ready (all of it when it is due), audio before video.
cdef void forward_ready(engine_t *e) noexcept nogil
# A subscriber asks for one sequence number again.
cdef void resend(engine_t *e, subscription_t *s, uint16_t sequence) noexcept nogil
