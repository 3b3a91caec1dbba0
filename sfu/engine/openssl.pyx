"""The one place that looks into the OpenSSL inside pylibsrtp's wheel.

libsrtp's functions are found through cffi (srtp.pyx), which knows the names it was built with. The library under them is
linked into the same file and exports its own names, so the dynamic linker tells where they are; in a pylibsrtp that was
built against the system's OpenSSL it finds them there.
"""

import ctypes

from pylibsrtp import _binding

cdef object library = ctypes.CDLL(_binding.__file__)


cdef void *openssl_function(str name) except? NULL:
    cdef size_t where
    try:
        found = getattr(library, name)
    except AttributeError:
        return NULL
    where = int(ctypes.cast(found, ctypes.c_void_p).value)
    return <void *>where
