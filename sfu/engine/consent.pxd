# Who still wants what we send (RFC 7675): checks of a connection that stands, answered in the packet thread.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from sfu.engine.address cimport address_t

cdef enum:
    PASSWORD_BYTES = 32         # of our own ICE passwords, which have 24 (ice.py)

cdef struct consent_t:          # of a transport's selected pair, as Python has said
    uint8_t password[PASSWORD_BYTES]
    uint8_t password_length     # 0: all checks are Python's
    bint nominated              # the pair was: USE-CANDIDATE says nothing new
    uint32_t priority           # of the peer's candidate, as its checks say it
    int64_t nominated_us        # last USE-CANDIDATE that was answered here; 0: none
    int64_t checked_us          # last check that was answered here; 0: none

# Writes the response to a check that says nothing new: its length, 0 when it is for Python. `selected` is where the pair is,
# `at` has room for stun.RESPONSE_BYTES.
cdef uint32_t consent_answer(
    consent_t *c, const address_t *selected, const address_t *source, const uint8_t *data, uint32_t length, uint8_t *at, int64_t now_us
) noexcept nogil
# The pair or the password is another from now on: everything is Python's until it says so again.
cdef void consent_forget(consent_t *c) noexcept nogil
