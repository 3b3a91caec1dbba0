"""What waits to be written to one TCP connection.

Theory of operation. A peer that reads more slowly than it is sent to must cost itself, and in the right order:
its pictures first, its sound last. So two rings wait: `urgent` (sound, RTCP, STUN, DTLS) and `bulk` (video). Urgent
frames overtake bulk ones, but never cut into a frame that the kernel has taken the beginning of:

    written:  rest of the frame that was begun | urgent | bulk

Pictures are given up by the picture, before their first byte, so that what arrives can be decoded: `takes_frame` is asked
at each one's beginning. It says no when what waits already would take longer than MAX_WAIT_US to be read at the rate at
which the peer has been reading. That rate is measured only while something waits, when the peer alone sets it; it is
forgotten after a while, as networks change. A picture that was begun may use the whole ring; if even that does not do,
it is torn, and `takes_frame` tells so once: what follows refers to it and cannot be decoded either.
"""

from sfu.engine.ring cimport ring_byte, ring_free, ring_pieces, ring_put, ring_room, ring_take

cdef enum:
    URGENT_BYTES = 65536        # 10 s of one voice, 2.5 s of four with their reports
    BULK_BYTES = 262144
    FEW_BYTES = 16384           # so much may always wait: a kernel writes in gulps
    FULL_BYTES = 131072         # beyond, the keyframe that comes next might not fit
    MAX_WAIT_US = 500000        # later pictures are of no use to anybody who talks with those in them
    MEASURE_US = 250000         # shorter, and a single gulp of the kernel is all there is to measure
    RATE_LASTS_US = 5000000


cdef void backlog_free(backlog_t *b) noexcept nogil:
    ring_free(&b.urgent)
    ring_free(&b.bulk)


cdef bint backlog_put(
    backlog_t *b, const uint8_t *header, const uint8_t *data, uint32_t length, uint32_t sent, bint video, int64_t now_us
) noexcept nogil:
    cdef uint32_t left = FRAME_HEADER + length - sent
    cdef ring_t *ring = &b.bulk if video else &b.urgent
    if not ring_room(ring, left, BULK_BYTES if video else URGENT_BYTES):
        b.torn = b.torn or video
        return False
    if b.measured_since_us == 0:
        b.measured_since_us = now_us
        b.measured_bytes = 0
    if sent and video:
        b.bulk_begun = left
    elif sent:
        b.urgent_begun = left
    if sent < FRAME_HEADER:
        ring_put(ring, header + sent, FRAME_HEADER - sent)
        sent = FRAME_HEADER
    ring_put(ring, data + sent - FRAME_HEADER, FRAME_HEADER + length - sent)
    return True


cdef void backlog_pieces(const backlog_t *b, iovec *pieces) noexcept nogil:
    ring_pieces(&b.bulk, 0, b.bulk_begun, pieces)
    ring_pieces(&b.urgent, 0, b.urgent.used, pieces + 2)
    ring_pieces(&b.bulk, b.bulk_begun, b.bulk.used - b.bulk_begun, pieces + 4)


cdef uint32_t begun_after(const ring_t *r, uint32_t begun, uint32_t taken) noexcept nogil:
    """Bytes still to come of the frame in which the first `taken` bytes of the ring end."""
    cdef uint32_t at = begun
    if taken < begun:
        return begun - taken
    while at < taken:
        at += FRAME_HEADER + (<uint32_t>ring_byte(r, at) << 8 | ring_byte(r, at + 1))
    return at - taken


cdef void take(ring_t *r, uint32_t *begun, uint32_t length) noexcept nogil:
    begun[0] = begun_after(r, begun[0], length)
    ring_take(r, length)


cdef void backlog_take(backlog_t *b, uint32_t length, int64_t now_us) noexcept nogil:
    cdef uint32_t part
    measure(b, length, now_us)
    part = min(length, b.bulk_begun)
    take(&b.bulk, &b.bulk_begun, part)
    length -= part
    part = min(length, b.urgent.used)
    take(&b.urgent, &b.urgent_begun, part)
    take(&b.bulk, &b.bulk_begun, length - part)
    if backlog_used(b) == 0:
        b.measured_since_us = 0


cdef void measure(backlog_t *b, uint32_t length, int64_t now_us) noexcept nogil:
    cdef int64_t passed_us = now_us - b.measured_since_us
    b.measured_bytes += length
    if passed_us < MEASURE_US:
        return
    b.bytes_per_second = b.measured_bytes * 1000000 // <uint64_t>passed_us + 1
    b.known_us = b.measured_since_us = now_us
    b.measured_bytes = 0


cdef bint backlog_takes_frame(backlog_t *b, int64_t now_us) noexcept nogil:
    cdef uint64_t waiting = backlog_used(b)
    if b.torn:
        b.torn = False
        return False
    if waiting <= FEW_BYTES:
        return True
    if waiting > FULL_BYTES:
        return False
    if b.bytes_per_second == 0 or now_us - b.known_us > RATE_LASTS_US:
        return True
    return waiting * 1000000 <= b.bytes_per_second * MAX_WAIT_US
