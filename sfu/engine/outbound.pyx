"""Bursts of datagrams on their way to the kernel.

Theory of operation. Encrypting a packet costs about 0.3 µs, a send slot of its own about 3 µs; the same packet as one
segment of a UDP_SEGMENT burst costs 0.6 to 1.2 µs. So the writers put the packets of one frame for one subscriber behind
each other, and `outbound_commit` joins neighbours that the kernel can cut apart again: same address, same size, the
last one alone may be shorter.
"""

from libc.stdlib cimport calloc, free, malloc


cdef int outbound_init(outbound_t *out) except -1:
    out.arena = <uint8_t *>malloc(OUT_BYTES)
    out.bursts = <burst_t *>calloc(OUT_BURSTS, sizeof(burst_t))
    if out.arena == NULL or out.bursts == NULL:
        raise MemoryError
    return 0


cdef void outbound_free(outbound_t *out) noexcept:
    free(out.arena)
    free(out.bursts)
    out.arena = NULL
    out.bursts = NULL


cdef uint8_t *outbound_reserve(outbound_t *out) noexcept nogil:
    if out.used + DATAGRAM_BYTES > OUT_BYTES or out.burst_count == OUT_BURSTS:
        outbound_flush(out)
    return out.arena + out.used


cdef bint joins(const outbound_t *out, const burst_t *last, const address_t *to, uint32_t length) noexcept nogil:
    return (
        last.open
        and length <= last.segment
        and last.count < BURST_SEGMENTS
        and last.length + length <= BURST_BYTES
        and same_address(&last.to, to)
    )


cdef void outbound_commit(outbound_t *out, const address_t *to, uint32_t length) noexcept nogil:
    cdef burst_t *last
    out.packets += 1
    out.bytes += length
    if out.burst_count > 0:
        last = &out.bursts[out.burst_count - 1]
        if joins(out, last, to, length):
            last.open = length == last.segment
            last.length += length
            last.count += 1
            out.used += length
            return
    last = &out.bursts[out.burst_count]
    out.burst_count += 1
    last.to = to[0]
    last.offset = out.used
    last.length = length
    last.segment = <uint16_t>length
    last.count = 1
    # A stream takes one datagram at a time; there is nothing to gain by joining them.
    last.open = to.channel < FIRST_STREAM_CHANNEL
    last.video = False
    out.used += length


cdef void outbound_commit_video(outbound_t *out, const address_t *to, uint32_t length) noexcept nogil:
    outbound_commit(out, to, length)
    out.bursts[out.burst_count - 1].video = True


cdef void outbound_flush(outbound_t *out) noexcept nogil:
    if out.flush != NULL:       # with nothing to send too: a control call may have brought a deadline nearer
        out.flush(out.context, out)
    out.burst_count = 0
    out.used = 0
