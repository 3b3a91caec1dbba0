"""A flood of STUN from unknown addresses must cost next to nothing: one walk over the attributes, one look-up."""

from libc.string cimport memcpy, memset

from sfu.engine.wire cimport get16, get32

cdef enum:
    BINDING_REQUEST = 0x0001
    MAGIC_COOKIE = 0x2112A442
    USERNAME = 0x0006


cdef int ufrag_key(const uint8_t *text, uint32_t length, address_t *key) noexcept nogil:
    if not 0 < length <= UFRAG_BYTES:
        return -1
    memset(key, 0, sizeof(address_t))
    memcpy(key, text, length)
    return 0


cdef bint stun_local_ufrag(const uint8_t *data, uint32_t length, address_t *ufrag) noexcept nogil:
    cdef uint32_t at = 20
    cdef uint32_t size
    cdef uint32_t colon
    if length < 20 or get16(data) != BINDING_REQUEST or get32(data + 4) != MAGIC_COOKIE:
        return False
    if get16(data + 2) != length - 20:
        return False
    while at + 4 <= length:
        size = get16(data + at + 2)
        if at + 4 + size > length:
            return False
        if get16(data + at) == USERNAME:
            for colon in range(size):
                if data[at + 4 + colon] == <uint8_t>b":":
                    return ufrag_key(data + at + 4, colon, ufrag) == 0
            return False
        at += 4 + ((size + 3) & ~<uint32_t>3)
    return False
