"""Checks of a connection that stands (RFC 7675).

Theory of operation. A browser goes on checking the pair that media takes, every few seconds for as long as the connection
lasts: of a silent participant that is nearly all there is. Python decides about addresses, nominations and roles (ice.py); a
check that asks for no decision needs none of it. So Python tells, with the answer that it gave to a check of the selected
pair, by which password and priority the next ones are known, and whether the pair is nominated. What comes from the same
address under the same password, with the same priority, and nominates nothing that is not nominated yet, is answered here
in the same words. Everything else is Python's, as if this were not here: other addresses, a first nomination, another
priority, role conflicts, attributes that nobody knows, a wrong password.

Python asks for the times of what was answered here (peers.pyx) when it has to decide something by them.
"""

from libc.string cimport memset

from sfu.engine.address cimport same_address
from sfu.engine.stun cimport check_t, stun_authentic, stun_check, stun_response


cdef uint32_t consent_answer(
    consent_t *c, const address_t *selected, const address_t *source, const uint8_t *data, uint32_t length, uint8_t *at, int64_t now_us
) noexcept nogil:
    cdef check_t check
    cdef uint32_t written
    if c.password_length == 0 or not same_address(selected, source) or not stun_check(data, length, &check):
        return 0
    if check.priority != c.priority or (check.nominates and not c.nominated):
        return 0
    if not stun_authentic(data, &check, c.password, c.password_length):
        return 0
    written = stun_response(at, data, source, c.password, c.password_length)
    if written:
        c.checked_us = now_us
        if check.nominates:
            c.nominated_us = now_us
    return written


cdef void consent_forget(consent_t *c) noexcept nogil:
    c.password_length = 0
    c.nominated_us = 0
    memset(c.password, 0, PASSWORD_BYTES)
