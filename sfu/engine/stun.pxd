# STUN (RFC 8489): for whom a binding request is, and what a connectivity check says.
from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.address cimport address_t

cdef enum:
    UFRAG_BYTES = 23            # longest local ufrag: a table key without its last byte
    # A check of a browser is 90 to 130 bytes, with a long remote ufrag (256) some 400.
    CHECK_BYTES = 548           # RFC 8489, 6.1: the largest message where the path MTU is not known
    RESPONSE_BYTES = 76         # header, XOR-MAPPED-ADDRESS of IPv6, MESSAGE-INTEGRITY, FINGERPRINT

cdef struct check_t:            # a plain connectivity check (RFC 8445, 7.2.5)
    uint32_t priority           # 0: the check does not say
    bint nominates              # USE-CANDIDATE
    uint32_t integrity_at       # of the MESSAGE-INTEGRITY attribute

# Whether this is a binding request with USERNAME `local:remote`; ufrag is the local part as a table key.
cdef bint stun_local_ufrag(const uint8_t *data, uint32_t length, address_t *ufrag) noexcept nogil
# -1 when it is empty or too long.
cdef int ufrag_key(const uint8_t *text, uint32_t length, address_t *key) noexcept nogil
# Whether a binding request is a check of a controlling agent with nothing special in it: each attribute once and of its
# size, none that must be understood and is not, MESSAGE-INTEGRITY and a right FINGERPRINT at its end.
cdef bint stun_check(const uint8_t *data, uint32_t length, check_t *check) noexcept nogil
# Whether its MESSAGE-INTEGRITY is right for this password. False without OpenSSL.
cdef bint stun_authentic(const uint8_t *data, const check_t *check, const uint8_t *password, uint32_t password_length) noexcept nogil
# The success response to it, as seen from `source`, with MESSAGE-INTEGRITY and FINGERPRINT; returns its length, 0 without
# OpenSSL. `at` has room for RESPONSE_BYTES.
cdef uint32_t stun_response(uint8_t *at, const uint8_t *request, const address_t *source, const uint8_t *password, uint32_t password_length) noexcept nogil
