# The latest packets of one received stream, kept once however many subscribers there are.
from libc.stdint cimport int64_t, int8_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.descriptor cimport descriptor_t

cdef struct packet_t:
    int64_t sequence            # unwrapped; -1 for an empty slot
    int64_t arrival_us
    uint64_t position           # of the payload, in bytes ever written to the arena
    uint32_t timestamp
    uint16_t length             # of the payload
    uint8_t format              # index into the publication's formats
    bint marker
    bint keyframe               # a keyframe begins with this packet
    uint8_t level               # RFC 6464 byte; valid with has_level
    bint has_level
    uint8_t orientation         # 3GPP TS 26.114 CVO byte; valid with has_orientation
    bint has_orientation
    int8_t primary_format       # RED: format of its primary block, the last of the payload; -1: no RED
    uint16_t primary_at         # where it begins
    uint8_t dependency_length   # bytes of dependency descriptor behind the payload; 0: none
    descriptor_t descriptor     # video only

cdef struct cache_t:
    uint8_t *arena
    packet_t *slots
    uint32_t arena_bytes        # power of two
    uint32_t slot_count         # power of two
    uint64_t written

cdef int cache_init(cache_t *c, uint32_t arena_bytes, uint32_t slot_count) noexcept nogil   # -1: out of memory
cdef void cache_free(cache_t *c) noexcept nogil
# Stores a payload and what is to stand behind it; the returned slot is to be completed by the caller. NULL when it was
# there already.
cdef packet_t *cache_put(cache_t *c, int64_t sequence, const uint8_t *payload, uint32_t length, const uint8_t *behind, uint8_t behind_length) noexcept nogil
# NULL when it is not, or no longer, there.
cdef const packet_t *cache_get(const cache_t *c, int64_t sequence) noexcept nogil
cdef inline const uint8_t *cache_payload(const cache_t *c, const packet_t *p) noexcept nogil:
    return c.arena + (p.position & (c.arena_bytes - 1))
cdef inline const uint8_t *cache_dependency(const cache_t *c, const packet_t *p) noexcept nogil:
    return cache_payload(c, p) + p.length
