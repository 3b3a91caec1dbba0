# From a stored packet to the subscribers' datagrams.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sfu.engine.cache cimport packet_t
from sfu.engine.model cimport engine_t, layer_t, publication_t, subscription_t

# A packet of this layer stands in the cache: forward it at the next settle, or within GATHER_US.
cdef void gather(engine_t *e, layer_t *layer, int64_t sequence, bint now) noexcept nogil
# Sound that nobody heard so far is heard from this packet on: what came just before it goes out first.
cdef void begin_voice(engine_t *e, layer_t *layer, int64_t sequence) noexcept nogil
# Forwards what is ready or due: all sound, and a piece of the pictures. Whether more of these could go at once.
cdef bint forward_ready(engine_t *e) noexcept nogil
# Whether pictures are ready, or in work, so that forward_ready would go on with them.
cdef bint forward_waiting(const engine_t *e) noexcept nogil
# Everything that was gathered of this publication, now: what follows must not be mixed with it.
cdef void forward_rest(engine_t *e, publication_t *p) noexcept nogil
# The first so many of the packets gathered, as far as they are still there. Returns how many.
cdef uint32_t find_lot(publication_t *p, uint32_t lot, layer_t **layers, const packet_t **packets) noexcept nogil
# Bytes that bring each packet of a frame to the size of its largest, where that is near; of its last one only if asked to.
cdef void even_out(const packet_t **packets, uint32_t count, uint8_t *padding, bint last_too) noexcept nogil
# To one subscriber at its link's pace: what it is to get of these packets.
cdef void forward_to(engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count) noexcept nogil
# To one subscriber at once, however thin its link: what it is to get of these packets.
cdef void forward_now(engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count) noexcept nogil
# The encoding that this subscriber is to get: the wanted one, or the nearest that has packets.
cdef uint8_t best_layer(const engine_t *e, const subscription_t *s) noexcept nogil
