# Sound and picture of one sender that leave in one burst.
from sfu.engine.model cimport engine_t, publication_t, transport_t

# A packet of sound was gathered, or what ends a picture. Whether it does not go at once by itself: it waits for the other,
# or goes along with it.
cdef bint coalesce(engine_t *e, publication_t *p) noexcept nogil
# The first packet of a picture was gathered.
cdef void coalesce_began(engine_t *e, publication_t *p) noexcept nogil
# The sound that goes along, to the one who has just got the picture.
cdef void coalesce_along(engine_t *e, publication_t *sound, const transport_t *t) noexcept nogil
# The two go on each by itself.
cdef void coalesce_part(publication_t *p) noexcept nogil
