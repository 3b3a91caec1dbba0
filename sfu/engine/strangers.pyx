"""A bound on what libsrtp keeps for one peer.

Theory of operation. libsrtp makes itself a context for every SSRC that it has once found authentic: some 400 bytes, in a
list that is searched from its beginning for every packet. A peer that has keys could so fill the memory, and make each of
its packets cost milliseconds of the thread that serves everybody. So what is authentic but belongs to no publication
stands on a list of STRANGERS entries, and the oldest leaves libsrtp again. A context holds how often the sequence numbers
went round (RFC 3711, 3.3.1), which a camera that is switched off and on again goes on with; so streams that are let go
are strangers too, and forgotten only after so many others.
"""

from libc.stdint cimport uint8_t
from libc.stdlib cimport malloc

from sfu.engine.model cimport STRANGERS
from sfu.engine.srtp cimport srtp_forget


cdef bint is_stream(const transport_t *t, uint32_t ssrc) noexcept nogil:
    cdef uint32_t i
    for i in range(t.stream_count):
        if t.streams[i].ssrc == ssrc:
            return True
    return False


cdef void stranger_seen(transport_t *t, uint32_t ssrc) noexcept nogil:
    cdef uint32_t i, evicted
    if t.plain:
        return
    if t.strangers == NULL:
        t.strangers = <uint32_t *>malloc(STRANGERS * sizeof(uint32_t))
        if t.strangers == NULL:
            srtp_forget(t.srtp_in, ssrc)
            return
    for i in range(t.stranger_count):
        if t.strangers[i] == ssrc:
            return
    if t.stranger_count < STRANGERS:
        t.strangers[t.stranger_count] = ssrc
        t.stranger_count += 1
        return
    evicted = t.strangers[t.stranger_next]
    t.strangers[t.stranger_next] = ssrc
    t.stranger_next = <uint8_t>((t.stranger_next + 1) % STRANGERS)
    if not is_stream(t, evicted):
        srtp_forget(t.srtp_in, evicted)


cdef void reporter_seen(transport_t *t, uint32_t ssrc) noexcept nogil:
    if not is_stream(t, ssrc):
        stranger_seen(t, ssrc)
