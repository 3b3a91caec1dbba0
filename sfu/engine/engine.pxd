# The Python face of the engine; `state` is what core.pxd's functions take.
from libc.stdint cimport uint32_t

from sfu.engine.model cimport engine_t, publication_t, subscription_t, transport_t
from sfu.engine.speakers cimport mix_t

cdef class Engine:
    cdef void *state
    cdef object __weakref__
    cdef dict transports        # id -> address of the transport_t
    cdef dict publications
    cdef dict subscriptions
    cdef dict sessions          # transport id -> the SRTP sessions it uses, kept alive
    cdef int last_id

    cdef engine_t *lock(self) noexcept
    cdef int unlock(self) except -1
    cdef int new_id(self) noexcept
    cdef transport_t *transport(self, int id) except NULL
    cdef publication_t *publication(self, int id) except NULL
    cdef subscription_t *subscription(self, int id) except NULL
    cdef int learn_address(self, int transport, bytes address, bint selected) except -1
    cdef int open_media(self, transport_t *t) except -1
    cdef int describe_publication(self, publication_t *p, str mid, list formats, list layers) except -1
    cdef int forget_publication(self, publication_t *p) except -1
    cdef int describe_subscription(self, subscription_t *s, str mid, uint32_t ssrc, uint32_t rtx_ssrc, list formats) except -1
    cdef mix_t *group(self, engine_t *e, int group, int loudest) except NULL
    cdef int describe_slot(self, subscription_t *s, mix_t *m, int place, int party, str mid, uint32_t ssrc, list formats) except -1
