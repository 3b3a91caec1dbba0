# SSRCs that a peer sends under its keys and that belong to no publication of it.
from libc.stdint cimport uint32_t

from sfu.engine.model cimport transport_t

# A packet with this SSRC was authentic, and nobody's; or a stream of this SSRC was let go.
cdef void stranger_seen(transport_t *t, uint32_t ssrc) noexcept nogil
# The sender of an authentic RTCP compound.
cdef void reporter_seen(transport_t *t, uint32_t ssrc) noexcept nogil
