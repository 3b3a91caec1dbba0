"""Open addressing with linear probing; removal shifts back, so that there are no tombstones and no slow decay."""

from libc.stdlib cimport calloc, free

from sfu.engine.address cimport hash_address, same_address


cdef int table_init(table_t *t, uint64_t seed) except -1:
    t.capacity = 64
    t.count = 0
    t.seed = seed
    t.entries = <entry_t *>calloc(t.capacity, sizeof(entry_t))
    if t.entries == NULL:
        raise MemoryError
    return 0


cdef void table_free(table_t *t) noexcept:
    free(t.entries)
    t.entries = NULL


cdef inline uint32_t home(const table_t *t, const address_t *key) noexcept nogil:
    return <uint32_t>hash_address(key, t.seed) & (t.capacity - 1)


cdef inline uint32_t place(const table_t *t, const address_t *key) noexcept nogil:
    """Index of the key, or of the empty entry where it would go."""
    cdef uint32_t i = home(t, key)
    while t.entries[i].value != NULL and not same_address(&t.entries[i].key, key):
        i = (i + 1) & (t.capacity - 1)
    return i


cdef void *table_get(const table_t *t, const address_t *key) noexcept nogil:
    return t.entries[place(t, key)].value


cdef int grow(table_t *t) noexcept nogil:
    cdef entry_t *old = t.entries
    cdef uint32_t old_capacity = t.capacity
    cdef entry_t *fresh = <entry_t *>calloc(2 * old_capacity, sizeof(entry_t))
    cdef uint32_t i
    if fresh == NULL:
        return -1
    t.entries = fresh
    t.capacity = 2 * old_capacity
    for i in range(old_capacity):
        if old[i].value != NULL:
            t.entries[place(t, &old[i].key)] = old[i]
    free(old)
    return 0


cdef int table_put(table_t *t, const address_t *key, void *value) noexcept nogil:
    cdef uint32_t i = place(t, key)
    if t.entries[i].value == NULL:
        if 2 * (t.count + 1) > t.capacity:
            if grow(t) < 0:
                return -1
            i = place(t, key)
        t.count += 1
        t.entries[i].key = key[0]
    t.entries[i].value = value
    return 0


cdef void table_remove(table_t *t, const address_t *key) noexcept nogil:
    cdef uint32_t mask = t.capacity - 1
    cdef uint32_t hole = place(t, key)
    cdef uint32_t i = hole
    cdef uint32_t wanted
    if t.entries[hole].value == NULL:
        return
    t.count -= 1
    while True:
        i = (i + 1) & mask
        if t.entries[i].value == NULL:
            break
        wanted = home(t, &t.entries[i].key)
        # may the entry at i move into the hole? only if its home does not lie cyclically behind the hole
        if ((i - wanted) & mask) >= ((i - hole) & mask):
            t.entries[hole] = t.entries[i]
            hole = i
    t.entries[hole].value = NULL
