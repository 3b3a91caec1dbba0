# Protecting RTP under the AEAD profiles (RFC 7714): OpenSSL's AES-GCM, called without libsrtp between.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    GCM_SALT_BYTES = 12
    GCM_TAG_BYTES = 16

cdef struct gcm_t:              # one direction of one transport; all of its SSRCs share the key
    void *context               # EVP_CIPHER_CTX with the session's key in it; NULL: libsrtp protects
    const void *state           # what the context holds for this cipher, as far as can be told: only to be asked for early
    uint64_t salt_high          # its first eight bytes
    uint32_t salt_low           # and the other four

# With the master key and salt (28 or 44 bytes) of an AEAD profile. False: libsrtp is to protect, since there is no key (empty), or
# no AES-GCM to be had here. Raises ValueError, MemoryError.
cdef bint gcm_open(gcm_t *g, bytes master) except -1
cdef void gcm_close(gcm_t *g) noexcept nogil
# In place: encrypts what is behind the first `header` bytes (the RTP header with its extensions) and puts the tag behind it; the
# buffer has room for it. index: the sequence number, unwrapped (RFC 3711, 3.3.1). False: OpenSSL failed.
cdef bint gcm_protect(const gcm_t *g, uint8_t *packet, uint32_t header, uint32_t *length, int64_t index) noexcept nogil
