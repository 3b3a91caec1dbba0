# Making and unmaking the engine's objects, and the lists they stand in. Who frees whom: see model.pxd.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.address cimport address_t
from sfu.engine.model cimport engine_t, layer_t, publication_t, subscription_t, transport_t

cdef engine_t *engine_new(uint64_t seed) except NULL
cdef void engine_delete(engine_t *e) noexcept
cdef uint64_t engine_random(engine_t *e) noexcept nogil

# NULL when there is no memory or a limit of model.pxd is reached.
cdef transport_t *transport_new(engine_t *e, uint32_t id) noexcept nogil
cdef void transport_delete(engine_t *e, transport_t *t) noexcept nogil
# 0; -1 when the address table is out of memory.
cdef int transport_learn_address(engine_t *e, transport_t *t, const address_t *address) noexcept nogil
cdef void transport_forget_address(engine_t *e, transport_t *t, const address_t *address) noexcept nogil

cdef publication_t *publication_new(engine_t *e, transport_t *t, uint32_t id, bint video, uint32_t clock_rate, uint32_t layer_count) noexcept nogil
cdef void publication_delete(engine_t *e, publication_t *p) noexcept nogil
cdef int layer_open(engine_t *e, layer_t *layer, uint32_t ssrc) noexcept nogil
# 0; -1 when the transport sends too many streams already.
cdef int stream_add(transport_t *t, uint32_t ssrc, layer_t *layer, bint repair) noexcept nogil

# The group begins with its first member and ends with its last. -1: out of memory.
cdef int publication_join(engine_t *e, publication_t *p, uint32_t group, uint32_t party, bint always, uint32_t loudest) noexcept nogil
cdef void publication_leave(engine_t *e, publication_t *p) noexcept nogil

cdef subscription_t *subscription_new(engine_t *e, transport_t *t, publication_t *p, uint32_t id) noexcept nogil
# -1: this transport sends under one of them already, or they are the same.
cdef int subscription_ssrcs(subscription_t *s, uint32_t ssrc, uint32_t rtx_ssrc) noexcept nogil
cdef void subscription_delete(engine_t *e, subscription_t *s) noexcept nogil
# It carries another publication from now on, under the same numbers. False: out of memory, nothing changed.
cdef bint subscription_move(subscription_t *s, publication_t *to) noexcept nogil
# Trade their places in the list of their publication.
cdef void swap_subscriptions(publication_t *p, uint32_t one, uint32_t other) noexcept nogil

cdef void attend(engine_t *e, layer_t *layer) noexcept nogil
cdef void unattend(engine_t *e, layer_t *layer) noexcept nogil
cdef void queue_publication(engine_t *e, publication_t *p) noexcept nogil
cdef void unqueue_publication(engine_t *e, publication_t *p) noexcept nogil
cdef void list_feedback(engine_t *e, transport_t *t) noexcept nogil
cdef void unlist_feedback(engine_t *e, transport_t *t) noexcept nogil
# To be looked at by then (-1: no time of its own).
cdef void list_paced(engine_t *e, transport_t *t, int64_t due_us) noexcept nogil
cdef void unlist_paced(engine_t *e, transport_t *t) noexcept nogil
# Puts a transport at the end of the report list, a whole interval from now; or at its head, due at once.
cdef void report_later(engine_t *e, transport_t *t) noexcept nogil
cdef void report_now(engine_t *e, transport_t *t) noexcept nogil
