"""Just enough of STUN to tell for whom a binding request is, and to answer the plain ones; the rest is Python's.

A flood from unknown addresses must cost next to nothing: one walk over the attributes, one look-up. Only what names a
transport of ours, from where that transport is, comes to `stun_check` and the hash behind it.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stddef cimport size_t
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, memset

from sfu.engine.address cimport address_from_bytes
from sfu.engine.openssl cimport openssl_function
from sfu.engine.wire cimport get16, get32, put16, put32

cdef enum:
    HEADER = 20
    BINDING_REQUEST = 0x0001
    BINDING_SUCCESS = 0x0101
    MAGIC_COOKIE = 0x2112A442
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    OPTIONAL = 0x8000           # RFC 8489, 14: from here on an attribute need not be understood
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A
    FINGERPRINT_XOR = 0x5354554E
    INTEGRITY_BYTES = 24        # with the attribute's header
    FINGERPRINT_BYTES = 8
    SHA1_BYTES = 20
    SHA1_BLOCK = 64
    SHA1_CONTEXT_WORDS = 32     # OpenSSL's SHA_CTX is 96 bytes
    # What was seen of a check.
    SAW_USERNAME = 1
    SAW_PRIORITY = 2
    SAW_USE_CANDIDATE = 4
    SAW_CONTROLLING = 8

# OpenSSL's HMAC() looks its algorithm up by name and allocates in every call: 2.5 µs with everything in the cache, and ten
# times that where checks come as seldom as they do. The functions below are the algorithm alone.
ctypedef int (*sha1_init_fn)(void *context) noexcept nogil
ctypedef int (*sha1_update_fn)(void *context, const void *data, size_t length) noexcept nogil
ctypedef int (*sha1_final_fn)(uint8_t *digest, void *context) noexcept nogil

cdef sha1_init_fn sha1_init_at = <sha1_init_fn>openssl_function("SHA1_Init")
cdef sha1_update_fn sha1_update_at = <sha1_update_fn>openssl_function("SHA1_Update")
cdef sha1_final_fn sha1_final_at = <sha1_final_fn>openssl_function("SHA1_Final")
cdef bint can_hash = sha1_init_at != NULL and sha1_update_at != NULL and sha1_final_at != NULL
cdef uint32_t crc_table[256]


cdef int fill_crc_table() noexcept nogil:
    """ITU V.42, reflected: one step per byte."""
    cdef uint32_t i, k, c
    for i in range(256):
        c = i
        for k in range(8):
            c = (c >> 1) ^ (<uint32_t>0xEDB88320 if c & 1 else 0)
        crc_table[i] = c
    return 0


fill_crc_table()


cdef uint32_t crc32(uint32_t crc, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef uint32_t i
    crc = ~crc
    for i in range(length):
        crc = crc_table[(crc ^ data[i]) & 0xFF] ^ (crc >> 8)
    return ~crc


cdef int ufrag_key(const uint8_t *text, uint32_t length, address_t *key) noexcept nogil:
    if not 0 < length <= UFRAG_BYTES:
        return -1
    memset(key, 0, sizeof(address_t))
    memcpy(key, text, length)
    return 0


cdef bint stun_local_ufrag(const uint8_t *data, uint32_t length, address_t *ufrag) noexcept nogil:
    cdef uint32_t at = HEADER
    cdef uint32_t size
    cdef uint32_t colon
    if length < HEADER or get16(data) != BINDING_REQUEST or get32(data + 4) != MAGIC_COOKIE:
        return False
    if get16(data + 2) != length - HEADER:
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


cdef inline uint32_t what(uint32_t kind, uint32_t size) noexcept nogil:
    """SAW_...; 0 for one that cannot be passed over, or whose size is wrong."""
    if kind == USERNAME:
        return SAW_USERNAME
    if kind == PRIORITY and size == 4:
        return SAW_PRIORITY
    if kind == USE_CANDIDATE and size == 0:
        return SAW_USE_CANDIDATE
    if kind == ICE_CONTROLLING and size == 8:
        return SAW_CONTROLLING
    return 0


cdef bint fingerprinted(const uint8_t *data, uint32_t at, uint32_t length) noexcept nogil:
    """Whether a right FINGERPRINT stands there, and ends the message."""
    if at + FINGERPRINT_BYTES != length or get16(data + at) != FINGERPRINT or get16(data + at + 2) != 4:
        return False
    return get32(data + at + 4) == crc32(0, data, at) ^ FINGERPRINT_XOR


cdef bint stun_check(const uint8_t *data, uint32_t length, check_t *check) noexcept nogil:
    cdef uint32_t at = HEADER
    cdef uint32_t seen = 0
    cdef uint32_t kind, size, saw
    if not HEADER <= length <= CHECK_BYTES or length & 3:
        return False
    check.priority = 0
    check.nominates = False
    while at + 4 <= length:
        kind = get16(data + at)
        size = get16(data + at + 2)
        if at + 4 + size > length:
            return False
        if kind == MESSAGE_INTEGRITY:
            check.integrity_at = at
            return seen & SAW_USERNAME and size + 4 == INTEGRITY_BYTES and fingerprinted(data, at + INTEGRITY_BYTES, length)
        saw = what(kind, size)
        if saw & seen or (saw == 0 and (kind < OPTIONAL or kind == ICE_CONTROLLED or kind == ICE_CONTROLLING)):
            return False
        seen |= saw
        if saw == SAW_PRIORITY:
            check.priority = get32(data + at + 4)
        elif saw == SAW_USE_CANDIDATE:
            check.nominates = True
        at += 4 + ((size + 3) & ~<uint32_t>3)
    return False


cdef void keyed_sha1(const uint8_t *key, uint32_t key_length, uint8_t pad, const uint8_t *data, uint32_t length, uint8_t *digest) noexcept nogil:
    cdef uint64_t context[SHA1_CONTEXT_WORDS]
    cdef uint8_t block[SHA1_BLOCK]
    memset(block, pad, SHA1_BLOCK)
    cdef uint32_t i
    for i in range(key_length):
        block[i] ^= key[i]
    sha1_init_at(context)
    sha1_update_at(context, block, SHA1_BLOCK)
    sha1_update_at(context, data, length)
    sha1_final_at(digest, context)


cdef bint hmac_sha1(const uint8_t *data, uint32_t length, const uint8_t *key, uint32_t key_length, uint8_t *mac) noexcept nogil:
    """RFC 2104; keys of at most a block."""
    cdef uint8_t inner[SHA1_BYTES]
    if not can_hash or key_length > SHA1_BLOCK:
        return False
    keyed_sha1(key, key_length, 0x36, data, length, inner)
    keyed_sha1(key, key_length, 0x5C, inner, SHA1_BYTES, mac)
    return True


cdef bint stun_authentic(const uint8_t *data, const check_t *check, const uint8_t *password, uint32_t password_length) noexcept nogil:
    cdef uint8_t text[CHECK_BYTES]
    cdef uint8_t mac[SHA1_BYTES]
    cdef uint8_t differs = 0
    cdef uint32_t i
    # RFC 8489, 14.5: over all before the attribute, with a length as if it were the last
    memcpy(text, data, check.integrity_at)
    put16(text + 2, check.integrity_at + INTEGRITY_BYTES - HEADER)
    if not hmac_sha1(text, check.integrity_at, password, password_length, mac):
        return False
    for i in range(20):         # SHA1_BYTES, in constant time
        differs |= mac[i] ^ data[check.integrity_at + 4 + i]
    return differs == 0


cdef uint32_t write_mapped_address(uint8_t *at, const uint8_t *transaction, const address_t *source) noexcept nogil:
    """RFC 8489, 14.2; an IPv4-mapped address is an IPv4 address."""
    cdef bint v4 = memcmp(source.ip, b"\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0
    cdef uint32_t size = 4 if v4 else 16
    cdef const uint8_t *ip = source.ip + 16 - size
    cdef uint8_t pad[16]
    cdef uint32_t i
    put32(pad, MAGIC_COOKIE)
    memcpy(pad + 4, transaction, 12)
    put16(at, XOR_MAPPED_ADDRESS)
    put16(at + 2, 4 + size)
    put16(at + 4, 1 if v4 else 2)
    put16(at + 6, source.port ^ (MAGIC_COOKIE >> 16))
    for i in range(size):
        at[8 + i] = ip[i] ^ pad[i]
    return 8 + size


cdef uint32_t stun_response(uint8_t *at, const uint8_t *request, const address_t *source, const uint8_t *password, uint32_t password_length) noexcept nogil:
    cdef uint32_t n = HEADER
    put16(at, BINDING_SUCCESS)
    memcpy(at + 4, request + 4, 16)
    n += write_mapped_address(at + n, request + 8, source)
    put16(at + 2, n + INTEGRITY_BYTES - HEADER)
    put16(at + n, MESSAGE_INTEGRITY)
    put16(at + n + 2, 20)
    if not hmac_sha1(at, n, password, password_length, at + n + 4):
        return 0
    n += INTEGRITY_BYTES
    put16(at + 2, n + FINGERPRINT_BYTES - HEADER)
    put16(at + n, FINGERPRINT)
    put16(at + n + 2, 4)
    put32(at + n + 4, crc32(0, at, n) ^ FINGERPRINT_XOR)
    return n + FINGERPRINT_BYTES


def plain_check(bytes datagram not None, bytes address not None, str ufrag not None, str password not None):
    cdef const uint8_t *data = datagram
    cdef uint32_t length = <uint32_t>len(datagram)
    cdef bytes ours = ufrag.encode()
    cdef bytes key = password.encode()
    cdef uint8_t response[RESPONSE_BYTES]
    cdef address_t named, wanted, source
    cdef check_t check
    cdef uint32_t written
    address_from_bytes(address, &source)
    if ufrag_key(<const uint8_t *>ours, <uint32_t>len(ours), &wanted) < 0 or not stun_local_ufrag(data, length, &named):
        return None
    if memcmp(&named, &wanted, sizeof(address_t)) != 0 or not stun_check(data, length, &check):
        return None
    if not stun_authentic(data, &check, <const uint8_t *>key, <uint32_t>len(key)):
        return None
    written = stun_response(response, data, &source, <const uint8_t *>key, <uint32_t>len(key))
    return ((<const char *>response)[:written], check.priority, bool(check.nominates)) if written else None


def answer_check(datagram, bytes address, bytes password):
    cdef Py_buffer view
    cdef uint8_t response[RESPONSE_BYTES]
    cdef address_t ufrag, source
    cdef check_t check
    cdef uint32_t written = 0
    address_from_bytes(address, &source)
    PyObject_GetBuffer(datagram, &view, PyBUF_SIMPLE)
    try:
        if stun_local_ufrag(<const uint8_t *>view.buf, <uint32_t>view.len, &ufrag) and stun_check(
            <const uint8_t *>view.buf, <uint32_t>view.len, &check
        ):
            if stun_authentic(<const uint8_t *>view.buf, &check, password, <uint32_t>len(password)):
                written = stun_response(response, <const uint8_t *>view.buf, &source, password, <uint32_t>len(password))
    finally:
        PyBuffer_Release(&view)
    return (<const char *>response)[:written] if written else None
