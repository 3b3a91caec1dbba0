# When the next packet of sound, or the next picture, is to be expected.
from libc.stdint cimport int32_t, int64_t

cdef struct rhythm_t:
    int64_t last_us             # arrival of the latest; 0: none yet
    int64_t period_us           # 0: not known yet
    int64_t due_us              # when the next one is expected
    int64_t off_us              # how far from that they come: mean deviation
    int32_t strange             # points for those that did not fit

# One came.
cdef void rhythm_came(rhythm_t *r, int64_t now_us) noexcept nogil
# Whether the next one is to be expected within so long.
cdef bint rhythm_expects(const rhythm_t *r, int64_t now_us, int64_t within_us) noexcept nogil

cdef class Rhythm:
    cdef rhythm_t r
