"""A ring of payloads with an index by sequence number.

The arena is written like a tape that overwrites its oldest end; `position` counts bytes since the beginning, so that
one comparison tells whether a payload is still whole. A payload never wraps around: the tail of the arena is skipped,
and the skipped bytes count as written.
"""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy


cdef int cache_init(cache_t *c, uint32_t arena_bytes, uint32_t slot_count) noexcept nogil:
    cdef uint32_t i
    c.arena = <uint8_t *>malloc(arena_bytes)
    c.slots = <packet_t *>calloc(slot_count, sizeof(packet_t))
    if c.arena == NULL or c.slots == NULL:
        cache_free(c)
        return -1
    for i in range(slot_count):
        c.slots[i].sequence = -1
    c.arena_bytes = arena_bytes
    c.slot_count = slot_count
    c.written = 0
    return 0


cdef void cache_free(cache_t *c) noexcept nogil:
    free(c.arena)
    free(c.slots)
    c.arena = NULL
    c.slots = NULL


cdef packet_t *cache_put(cache_t *c, int64_t sequence, const uint8_t *payload, uint32_t length, const uint8_t *behind, uint8_t behind_length) noexcept nogil:
    cdef packet_t *slot = &c.slots[sequence & (c.slot_count - 1)]
    cdef uint32_t room = c.arena_bytes - <uint32_t>(c.written & (c.arena_bytes - 1))
    if slot.sequence >= sequence:
        return NULL
    if room < length + behind_length:
        c.written += room
    memcpy(c.arena + (c.written & (c.arena_bytes - 1)), payload, length)
    if behind_length:
        memcpy(c.arena + (c.written & (c.arena_bytes - 1)) + length, behind, behind_length)
    slot.sequence = sequence
    slot.position = c.written
    slot.length = <uint16_t>length
    slot.dependency_length = behind_length
    c.written += length + behind_length
    return slot


cdef const packet_t *cache_get(const cache_t *c, int64_t sequence) noexcept nogil:
    cdef const packet_t *slot
    if c.slots == NULL:
        return NULL
    slot = &c.slots[sequence & (c.slot_count - 1)]
    if slot.sequence != sequence or slot.position + c.arena_bytes < c.written:
        return NULL
    return slot
