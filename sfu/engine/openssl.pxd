# OpenSSL's functions by name, without a header or a second copy of it.

# Its address in the copy of OpenSSL that pylibsrtp's wheel carries; NULL where that copy does not show the name, and who asks
# does without.
cdef void *openssl_function(str name) except? NULL
