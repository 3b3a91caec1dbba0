# A hash table from 24-byte keys (addresses, or ufrags padded with zeros) to pointers.
from libc.stdint cimport uint32_t, uint64_t

from sfu.engine.address cimport address_t

cdef struct entry_t:
    address_t key
    void *value                 # NULL: empty

cdef struct table_t:
    entry_t *entries
    uint32_t capacity           # power of two
    uint32_t count
    uint64_t seed

cdef int table_init(table_t *t, uint64_t seed) except -1
cdef void table_free(table_t *t) noexcept
cdef void *table_get(const table_t *t, const address_t *key) noexcept nogil
cdef int table_put(table_t *t, const address_t *key, void *value) noexcept nogil    # -1: out of memory
cdef void table_remove(table_t *t, const address_t *key) noexcept nogil
