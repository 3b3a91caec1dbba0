"""RTP protected under AEAD_AES_128_GCM and AEAD_AES_256_GCM (RFC 7714), as the sender of streams that it numbers itself.

Theory of operation. libsrtp has to find out what the engine knows already: which stream a packet is of (a list), how often
its number has gone round (a window of 1,024 numbers), how many packets the key has seen. That is nearly half of what it
costs. So packets on their way out are protected here: IV = salt xor (SSRC, ROC, SEQ), one pass of AES-GCM over header and payload,
the tag behind. What arrives, SRTCP, and AES-CM stay with libsrtp.

The cipher is OpenSSL's: the copy that pylibsrtp's wheel brings for libsrtp, whose functions its shared object exports.
Where it does not (another build of pylibsrtp), `available` is False and libsrtp protects as it does everything else.

What must never happen under one key: two packets of one SSRC, ROC and SEQ that differ in a byte (RFC 7714, 9.1). Here that
rests on who numbers: `write.pyx` gives each number once, and a repeat is the same to the bit; the engine refuses two
subscriptions of one transport under one SSRC. Nothing is counted here: the 2^48 packets that a key is good for
(RFC 7714, 4) are nine years at a million a second.
"""

from libc.string cimport memcpy, memset

from sfu.engine.openssl cimport openssl_function
from sfu.engine.wire cimport get32, put32

cdef extern from "<malloc.h>" nogil:
    size_t malloc_usable_size(void *at)

cdef enum:
    OCTET_STRING = 5            # OSSL_PARAM_OCTET_STRING of OpenSSL's core.h
    ALGCTX_WORD = 22
    LABEL_KEY = 0               # RFC 3711, 4.3.2
    LABEL_SALT = 2
    LABEL_AT = 7                # in the salt: before 48 bits of an index that is 0 here, which is left out (4.3.1)
    MOST_KEY_BYTES = 32
    COUNTER_BYTES = 16

cdef struct param_t:            # OSSL_PARAM of OpenSSL's core.h (since 3.0)
    const char *key
    unsigned int data_type
    void *data
    size_t size
    size_t returned

ctypedef void *(*context_new_fn)() noexcept nogil
ctypedef void (*context_free_fn)(void *context) noexcept nogil
ctypedef const void *(*cipher_fn)() noexcept nogil
ctypedef int (*init_fn)(void *context, const void *cipher, void *engine, const uint8_t *key, const uint8_t *iv) noexcept nogil
ctypedef int (*update_fn)(void *context, uint8_t *out, int *length, const uint8_t *data, int size) noexcept nogil
ctypedef int (*final_fn)(void *context, uint8_t *out, int *length) noexcept nogil
ctypedef int (*get_params_fn)(void *context, param_t *params) noexcept nogil

cdef context_new_fn context_new = <context_new_fn>openssl_function("EVP_CIPHER_CTX_new")
cdef context_free_fn context_free = <context_free_fn>openssl_function("EVP_CIPHER_CTX_free")
cdef cipher_fn aes_128_gcm = <cipher_fn>openssl_function("EVP_aes_128_gcm")
cdef cipher_fn aes_256_gcm = <cipher_fn>openssl_function("EVP_aes_256_gcm")
cdef cipher_fn aes_128_ctr = <cipher_fn>openssl_function("EVP_aes_128_ctr")
cdef cipher_fn aes_256_ctr = <cipher_fn>openssl_function("EVP_aes_256_ctr")
cdef init_fn encrypt_init = <init_fn>openssl_function("EVP_EncryptInit_ex")
cdef update_fn encrypt_update = <update_fn>openssl_function("EVP_EncryptUpdate")
cdef final_fn encrypt_final = <final_fn>openssl_function("EVP_EncryptFinal_ex")
cdef get_params_fn get_params = <get_params_fn>openssl_function("EVP_CIPHER_CTX_get_params")

available: bool = (
    context_new != NULL
    and context_free != NULL
    and aes_128_gcm != NULL
    and aes_256_gcm != NULL
    and aes_128_ctr != NULL
    and aes_256_ctr != NULL
    and encrypt_init != NULL
    and encrypt_update != NULL
    and encrypt_final != NULL
    and get_params != NULL
)
"""Whether OpenSSL shows all of these."""


# --- keys -----------------------------------------------------------------------------------------------------------


cdef bytes derive_bytes(bytes key, bytes salt, uint8_t label, int count):
    """The key derivation of RFC 3711, 4.3.3 (of RFC 6188, 3, for 256 bits): AES in counter mode over zeros."""
    cdef uint8_t counter[COUNTER_BYTES]
    cdef uint8_t derived[MOST_KEY_BYTES]
    cdef void *context = context_new()
    cdef int n = 0
    cdef bint done
    if context == NULL:
        raise MemoryError
    memset(counter, 0, COUNTER_BYTES)
    memset(derived, 0, MOST_KEY_BYTES)
    memcpy(counter, <const char *>salt, len(salt))
    counter[<int>LABEL_AT] ^= label
    done = (
        encrypt_init(context, aes_128_ctr() if len(key) == 16 else aes_256_ctr(), NULL, bytes_of(key), counter) == 1
        and encrypt_update(context, derived, &n, derived, count) == 1
        and n == count
    )
    context_free(context)
    if not done:
        raise MemoryError
    return (<const char *>derived)[:count]


cdef inline const uint8_t *bytes_of(bytes value) noexcept:
    return <const uint8_t *><const char *>value


def derive(bytes master_key, bytes master_salt):
    """(session key, session salt) for RTP, each as long as what it is made of."""
    if len(master_key) not in (16, 32) or len(master_salt) not in (12, 14):
        raise ValueError("a master key has 16 or 32 bytes, a master salt 12 or 14")
    return (
        derive_bytes(master_key, master_salt, LABEL_KEY, len(master_key)),
        derive_bytes(master_key, master_salt, LABEL_SALT, len(master_salt)),
    )


cdef const void *state_of(void *context) noexcept:
    """In an EVP_CIPHER_CTX of OpenSSL 3.x `algctx` is the word of this number. Where it is something else nothing is lost: the
    address is only for ahead.pxd."""
    if malloc_usable_size(context) < (ALGCTX_WORD + 1) * sizeof(void *):
        return NULL
    return (<const void **>context)[ALGCTX_WORD]


cdef int open_session(gcm_t *g, bytes key, bytes salt) except -1:
    cdef void *context = context_new()
    if context == NULL:
        raise MemoryError
    if encrypt_init(context, aes_128_gcm() if len(key) == 16 else aes_256_gcm(), NULL, bytes_of(key), NULL) != 1:
        context_free(context)
        raise MemoryError
    gcm_close(g)
    g.context = context
    g.state = state_of(context)
    g.salt_high = <uint64_t>get32(bytes_of(salt)) << 32 | get32(bytes_of(salt) + 4)
    g.salt_low = get32(bytes_of(salt) + 8)
    return 0


cdef bint gcm_open(gcm_t *g, bytes master) except -1:
    if not master:
        gcm_close(g)
        return False
    if len(master) not in (28, 44):
        raise ValueError("master key and salt of an AEAD profile have 28 or 44 bytes")
    if not available:
        return False
    key, salt = derive(master[:-GCM_SALT_BYTES], master[-GCM_SALT_BYTES:])
    open_session(g, key, salt)
    return True


cdef void gcm_close(gcm_t *g) noexcept nogil:
    if g.context != NULL:
        context_free(g.context)
    g.context = NULL


# --- packets --------------------------------------------------------------------------------------------------------


cdef inline void write_iv(const gcm_t *g, uint8_t *iv, uint32_t ssrc, uint64_t index) noexcept nogil:
    """RFC 7714, 8.1: salt xor (16 bits of zeros, SSRC, ROC, SEQ); the last two are 48 bits of index. Put together as numbers:
    what is written in small pieces and read in large ones has to wait for the store."""
    cdef uint64_t high = g.salt_high ^ (<uint64_t>ssrc << 16 | (index >> 32 & 0xFFFF))
    put32(iv, <uint32_t>(high >> 32))
    put32(iv + 4, <uint32_t>high)
    put32(iv + 8, g.salt_low ^ <uint32_t>index)


cdef bint gcm_protect(const gcm_t *g, uint8_t *packet, uint32_t header, uint32_t *length, int64_t index) noexcept nogil:
    cdef uint8_t iv[GCM_SALT_BYTES]
    cdef uint8_t *payload = packet + header
    cdef uint8_t *tag = packet + length[0]
    cdef param_t wanted[2]
    cdef int n
    write_iv(g, iv, get32(packet + 8), <uint64_t>index)
    length[0] += GCM_TAG_BYTES
    wanted[0] = param_t(key="tag", data_type=OCTET_STRING, data=tag, size=GCM_TAG_BYTES, returned=0)
    wanted[1].key = NULL        # the end of the list
    return (
        encrypt_init(g.context, NULL, NULL, NULL, iv) == 1
        and encrypt_update(g.context, NULL, &n, packet, <int>header) == 1
        and encrypt_update(g.context, payload, &n, payload, <int>(tag - payload)) == 1
        and encrypt_final(g.context, tag, &n) == 1
        and get_params(g.context, wanted) == 1
    )


# --- the same, for Python -------------------------------------------------------------------------------------------


cdef class GcmSender:
    """One direction under a session's key and salt."""

    cdef gcm_t g

    def __cinit__(self, bytes key, bytes salt):
        if len(key) not in (16, 32) or len(salt) != GCM_SALT_BYTES:
            raise ValueError("a session's key has 16 or 32 bytes, its salt 12")
        open_session(&self.g, key, salt)

    def __dealloc__(self):
        gcm_close(&self.g)

    def protect(self, bytes packet, int header, int64_t index):
        cdef uint32_t length = <uint32_t>len(packet)
        cdef bytearray buffer = bytearray(packet) + bytes(GCM_TAG_BYTES)
        if not 12 <= header <= len(packet):
            raise ValueError("an RTP header has at least 12 bytes")
        if not gcm_protect(&self.g, <uint8_t *><char *>buffer, <uint32_t>header, &length, index):
            raise RuntimeError("OpenSSL failed")
        return bytes(buffer)
