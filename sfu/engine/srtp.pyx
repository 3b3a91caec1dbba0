"""The one place that knows pylibsrtp from the inside: `_binding.ffi`, `_binding.lib` and `Session._srtp`.

pylibsrtp's own `protect` copies the packet twice, needs the GIL and refuses more than 1,356 bytes; the function behind
it, called through its address, costs a third of a microsecond.
"""

from pylibsrtp import Session, _binding

cdef extern from "<arpa/inet.h>" nogil:
    uint32_t htonl(uint32_t value)

cdef size_t function(str name) except 0:
    ffi = _binding.ffi
    return int(ffi.cast("uintptr_t", ffi.addressof(_binding.lib, name)))


cdef srtp_fn protect_rtp_at = <srtp_fn>function("srtp_protect")
cdef srtp_fn protect_rtcp_at = <srtp_fn>function("srtp_protect_rtcp")
cdef srtp_fn unprotect_rtp_at = <srtp_fn>function("srtp_unprotect")
cdef srtp_fn unprotect_rtcp_at = <srtp_fn>function("srtp_unprotect_rtcp")
cdef srtp_ssrc_fn remove_stream_at = <srtp_ssrc_fn>function("srtp_remove_stream")


cdef inline int call(srtp_fn f, void *session, uint8_t *packet, uint32_t *length) noexcept nogil:
    cdef int n = <int>length[0]
    cdef int status = f(session, packet, &n)
    length[0] = <uint32_t>n
    return status


cdef int srtp_protect(void *session, uint8_t *packet, uint32_t *length) noexcept nogil:
    return call(protect_rtp_at, session, packet, length)


cdef int srtp_protect_rtcp(void *session, uint8_t *packet, uint32_t *length) noexcept nogil:
    return call(protect_rtcp_at, session, packet, length)


cdef int srtp_unprotect(void *session, uint8_t *packet, uint32_t *length) noexcept nogil:
    return call(unprotect_rtp_at, session, packet, length)


cdef int srtp_unprotect_rtcp(void *session, uint8_t *packet, uint32_t *length) noexcept nogil:
    return call(unprotect_rtcp_at, session, packet, length)


cdef void srtp_forget(void *session, uint32_t ssrc) noexcept nogil:
    remove_stream_at(session, htonl(ssrc))


cdef void *session_pointer(object session) except NULL:
    if not isinstance(session, Session):
        raise TypeError("an SRTP session is a pylibsrtp.Session")
    cdef size_t where = int(_binding.ffi.cast("uintptr_t", session._srtp[0]))
    return <void *>where
