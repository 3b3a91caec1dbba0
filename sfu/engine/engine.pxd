# The Python face of the engine; `state` is what core.pxd's functions take.
cdef class Engine:
    cdef void *state
    cdef object __weakref__
    cdef dict sessions          # transport id -> SRTP sessions kept alive
