# How a subscriber's numbers follow from the publisher's when packets and frames are left out.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.descriptor cimport descriptor_t

cdef enum:
    DROP_RUNS = 64              # runs of dropped packets that late packets can be told from: 2 s of every second frame

cdef struct run_t:
    int64_t first
    int64_t last
    int64_t frame

cdef struct drops_t:
    run_t runs[DROP_RUNS]
    uint64_t count              # runs ever; the latest is runs[(count - 1) % DROP_RUNS]
    int64_t highest             # latest sequence number sent or dropped

cdef enum drop_t:
    DROPPED = 0                 # the numbers close up
    DROPPED_LATE = 1            # later ones have gone out: its number stays free

cdef struct numbers_t:          # picture id, TL0PICIDX and KEYIDX as sent: in + offset
    uint16_t picture_offset
    uint8_t tl0_offset
    uint8_t key_offset
    uint16_t picture            # of the latest frame sent
    uint8_t tl0
    uint8_t key
    int64_t frame               # the latest sent
    bint started

cdef void drops_begin(drops_t *d, int64_t highest) noexcept nogil
# The out number is sequence + offset + what this returns; -1 for what was dropped, or is too old to tell.
cdef int64_t drops_shift(const drops_t *d, int64_t sequence) noexcept nogil
cdef void drops_sent(drops_t *d, int64_t sequence) noexcept nogil
# A packet of that frame is left out; offset: of what comes behind it, is made smaller.
cdef drop_t drops_add(drops_t *d, int64_t *offset, int64_t sequence, int64_t frame) noexcept nogil

# The stream goes on with the frame of `d`: its numbers become those that follow.
cdef void numbers_begin(numbers_t *n, const descriptor_t *d) noexcept nogil
# A whole frame is left out, and those behind it close up (VP8 only: VP9 and AV1 refer to each other by distance).
cdef void numbers_drop(numbers_t *n) noexcept nogil
# The number of this frame as sent; later: how many frames after it have been left out.
cdef uint16_t numbers_send(numbers_t *n, const descriptor_t *d, uint32_t later) noexcept nogil
# Writes the numbers into the subscriber's copy of the payload.
cdef void numbers_write(const numbers_t *n, const descriptor_t *d, uint16_t picture, uint8_t *payload) noexcept nogil
