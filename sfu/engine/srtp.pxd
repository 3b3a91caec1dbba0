# SRTP (RFC 3711, RFC 7714) by libsrtp: the copy inside pylibsrtp's wheel, called from C without the GIL.
from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    SRTP_OK = 0
    SRTP_AUTH_FAIL = 7
    SRTP_REPLAY_FAIL = 9
    SRTP_REPLAY_OLD = 10
    SRTP_TRAILER_BYTES = 16     # the longest tag of the profiles offered (AEAD)
    SRTCP_TRAILER_BYTES = 20    # tag and SRTCP index

ctypedef int (*srtp_fn)(void *session, void *packet, int *length) noexcept nogil
ctypedef int (*srtp_ssrc_fn)(void *session, unsigned int ssrc) noexcept nogil

# In place; the buffer has room for the trailer. Return libsrtp's status.
cdef int srtp_protect(void *session, uint8_t *packet, uint32_t *length) noexcept nogil
cdef int srtp_protect_rtcp(void *session, uint8_t *packet, uint32_t *length) noexcept nogil
cdef int srtp_unprotect(void *session, uint8_t *packet, uint32_t *length) noexcept nogil
cdef int srtp_unprotect_rtcp(void *session, uint8_t *packet, uint32_t *length) noexcept nogil
# Drops what is known of the stream received under this SSRC; nothing where there is none.
cdef void srtp_forget(void *session, uint32_t ssrc) noexcept nogil
# The srtp_t inside a pylibsrtp Session, which the caller must keep alive.
cdef void *session_pointer(object session) except NULL
