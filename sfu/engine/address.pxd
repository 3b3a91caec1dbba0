# Where a datagram came from or goes to. 24 bytes, compared as three words.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    # Channels below this are UDP sockets of the loop; from here on each is one stream connection.
    FIRST_STREAM_CHANNEL = 16

cdef struct address_t:
    uint8_t ip[16]      # IPv4 as ::ffff:a.b.c.d
    uint16_t port       # host order; 0 for a local socket
    uint16_t zero       # so that the whole struct can be hashed and compared
    uint32_t channel    # UDP socket index, or number of the TCP connection or local socket


cdef inline uint64_t address_word(const address_t *a, uint32_t i) noexcept nogil:
    """By memcpy, one load all the same: the struct is aligned for 32 bits only."""
    cdef uint64_t word
    memcpy(&word, <const uint8_t *>a + 8 * i, sizeof(word))
    return word


cdef inline bint same_address(const address_t *a, const address_t *b) noexcept nogil:
    return (
        address_word(a, 0) == address_word(b, 0)
        and address_word(a, 1) == address_word(b, 1)
        and address_word(a, 2) == address_word(b, 2)
    )


cdef inline uint64_t hash_address(const address_t *a, uint64_t seed) noexcept nogil:
    # splitmix64 over the three words: addresses are the peer's choice, so the seed keeps chains unpredictable
    cdef uint64_t h = seed ^ address_word(a, 0)
    h ^= address_word(a, 1) * <uint64_t>0x9E3779B97F4A7C15u
    h ^= address_word(a, 2) * <uint64_t>0xC2B2AE3D27D4EB4Fu
    h = (h ^ (h >> 30)) * <uint64_t>0xBF58476D1CE4E5B9u
    h = (h ^ (h >> 27)) * <uint64_t>0x94D049BB133111EBu
    return h ^ (h >> 31)


cdef bytes address_to_bytes(const address_t *a)
cdef int address_from_bytes(object value, address_t *a) except -1
