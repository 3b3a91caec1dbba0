# The Python face of the engine; `state` is what core.pxd's functions take.
from sfu.engine.model cimport engine_t, publication_t, subscription_t, transport_t

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
    cdef int forget_publication(self, publication_t *p) except -1
