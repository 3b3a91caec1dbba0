# What the engine knows of its objects, as plain dicts.
from sfu.engine.model cimport engine_t, publication_t, subscription_t, transport_t

cdef dict stats_of_transport(const engine_t *e, const transport_t *t)
cdef dict stats_of_publication(const engine_t *e, const publication_t *p)
cdef dict stats_of_subscription(const subscription_t *s)
