# What Python says of publications, subscriptions and slots, checked, into the engine's structs. All raise ValueError.
from libc.stdint cimport uint32_t

from sfu.engine.model cimport engine_t, publication_t, subscription_t, transport_t
from sfu.engine.speakers cimport mix_t

# The value, when it lies between both.
cdef int checked(object value, int low, int high, str what) except? -2
cdef int describe_publication(publication_t *p, str mid, list formats, list layers, bint reduced) except -1
cdef int describe_subscription(subscription_t *s, str mid, uint32_t ssrc, uint32_t rtx_ssrc, list formats) except -1
# The group of that number, made where there is none yet. MemoryError.
cdef mix_t *group_numbered(engine_t *e, int group, int loudest) except NULL
# A slot that listens. MemoryError.
cdef subscription_t *slot_new(engine_t *e, transport_t *t, uint32_t id, int group, int place, str mid, uint32_t ssrc, list formats, int party, int loudest) except NULL
