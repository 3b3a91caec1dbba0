"""Sequence numbers and picture numbers as a subscriber sees them.

Theory of operation. Within one run of a layer, out = in + offset. A packet that is left out makes the offset smaller by
one for all behind it, so that no gap is seen. A packet that comes late, after others behind it were left out, belongs to
an earlier offset: the runs of packets left out are remembered, and those behind it are given back. Gaps of the
publisher's own stay gaps, for what is lost may still come; except between two packets of one frame that is left out.

A packet that turns out to be needless only when later ones have gone out has a number that nobody will ever fill: forward.pyx
sends an empty packet under it, so that the receiver does not ask for it in vain.
"""

from libc.string cimport memset

from sfu.engine.wire cimport put16


cdef void drops_begin(drops_t *d, int64_t highest) noexcept nogil:
    d.count = 0
    d.highest = highest


cdef inline run_t *latest(const drops_t *d, uint64_t back) noexcept nogil:
    return <run_t *>&d.runs[(d.count - 1 - back) & (DROP_RUNS - 1)]


cdef int64_t drops_shift(const drops_t *d, int64_t sequence) noexcept nogil:
    cdef int64_t shift = 0
    cdef uint64_t back = 0
    cdef const run_t *run
    while back < d.count:
        if back == DROP_RUNS:
            return -1
        run = latest(d, back)
        if sequence > run.last:
            return shift
        if sequence >= run.first:
            return -1
        shift += run.last - run.first + 1
        back += 1
    return shift


cdef void drops_sent(drops_t *d, int64_t sequence) noexcept nogil:
    if sequence > d.highest:
        d.highest = sequence


cdef drop_t drops_add(drops_t *d, int64_t *offset, int64_t sequence, int64_t frame) noexcept nogil:
    cdef run_t *run = latest(d, 0) if d.count else NULL
    if sequence <= d.highest:
        return DROPPED_LATE
    if run != NULL and run.last == d.highest and (run.frame == frame or sequence == run.last + 1):
        offset[0] -= sequence - run.last
    else:
        d.count += 1
        run = latest(d, 0)
        run.first = sequence
        offset[0] -= 1
    run.last = sequence
    run.frame = frame
    d.highest = sequence
    return DROPPED


# --- picture id, TL0PICIDX, KEYIDX ------------------------------------------------------------------------------


cdef inline uint16_t mask(const descriptor_t *d) noexcept nogil:
    return <uint16_t>((1 << d.picture_bits) - 1)


cdef void numbers_begin(numbers_t *n, const descriptor_t *d) noexcept nogil:
    if n.started:
        n.picture_offset = <uint16_t>(n.picture + 1 - d.picture)
        n.tl0_offset = <uint8_t>(n.tl0 + 1 - d.tl0)
        n.key_offset = <uint8_t>(n.key + 1 - d.key)
    n.frame = d.frame - 1
    n.started = True


cdef void numbers_drop(numbers_t *n) noexcept nogil:
    n.picture_offset -= 1


cdef uint16_t numbers_send(numbers_t *n, const descriptor_t *d, uint32_t later) noexcept nogil:
    cdef uint16_t picture = <uint16_t>(d.picture + n.picture_offset + later) & mask(d)
    if d.frame > n.frame:
        n.frame = d.frame
        n.picture = picture
        n.tl0 = <uint8_t>(d.tl0 + n.tl0_offset)
        n.key = <uint8_t>(d.key + n.key_offset)
    return picture


cdef void numbers_write(const numbers_t *n, const descriptor_t *d, uint16_t picture, uint8_t *payload) noexcept nogil:
    if d.picture_at:
        if d.picture_wide:
            put16(payload + d.picture_at, 0x8000 | (picture & 0x7FFF))
        else:
            payload[d.picture_at] = <uint8_t>(picture & 0x7F)
    if d.tl0_at:
        payload[d.tl0_at] = <uint8_t>(d.tl0 + n.tl0_offset)
    if d.key_at:
        payload[d.key_at] = (payload[d.key_at] & 0xE0) | (<uint8_t>(d.key + n.key_offset) & 0x1F)


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class SequenceMap:
    """One run of a layer: numbers in -> numbers out."""

    cdef drops_t d
    cdef int64_t offset

    def __init__(self, int64_t first, int64_t out):
        memset(&self.d, 0, sizeof(drops_t))
        self.offset = out - first
        drops_begin(&self.d, first - 1)

    def send(self, int64_t sequence):
        cdef int64_t shift = drops_shift(&self.d, sequence)
        drops_sent(&self.d, sequence)
        return None if shift < 0 else sequence + self.offset + shift

    def drop(self, int64_t sequence, int64_t frame):
        return drops_add(&self.d, &self.offset, sequence, frame) == DROPPED
