"""Reads transport-wide feedback; the layout is drawn in twcc.pyx, which writes it.

Theory of operation. The deltas stand behind chunks whose number is nowhere written, so everything is walked twice:
`arrivals_open` walks the chunks, checks that they and the deltas lie inside the packet and finds where the deltas begin;
`arrivals_next` then hands out packet by packet without a check. A feedback is believed as a whole or not at all.
"""

from libc.stdint cimport int16_t

from sfu.engine.wire cimport get16, get24

cdef enum:
    FIXED_BYTES = 8
    NOT_RECEIVED = 0
    SMALL_DELTA = 1
    LARGE_DELTA = 2


cdef inline uint32_t symbols_in(uint16_t chunk) noexcept nogil:
    if chunk & 0x8000:
        return 7 if chunk & 0x4000 else 14
    return chunk & 0x1FFF


cdef inline uint32_t symbol_at(uint16_t chunk, uint32_t index) noexcept nogil:
    if not chunk & 0x8000:
        return chunk >> 13 & 3
    if chunk & 0x4000:
        return chunk >> (12 - 2 * index) & 3
    return chunk >> (13 - index) & 1


cdef int delta_bytes(uint16_t chunk, uint32_t used) noexcept nogil:
    """Of the first `used` symbols; -1 where one of them is reserved."""
    cdef int total = 0
    cdef uint32_t symbol, i
    if not chunk & 0x8000:
        symbol = symbol_at(chunk, 0)
        return -1 if symbol > LARGE_DELTA else <int>(symbol * used)
    for i in range(used):
        symbol = symbol_at(chunk, i)
        if symbol > LARGE_DELTA:
            return -1
        total += <int>symbol
    return total


cdef int arrivals_open(arrivals_t *a, const uint8_t *body, uint32_t length) noexcept nogil:
    cdef uint32_t at = FIXED_BYTES, covered = 0, used, deltas = 0
    cdef uint16_t chunk
    cdef int bytes_of_chunk
    if length < FIXED_BYTES:
        return -1
    a.base = get16(body)
    a.count = get16(body + 2)
    a.reference = get24(body + 4)
    if a.count == 0 or a.count > MAX_ARRIVALS:
        return -1
    while covered < a.count:
        if at + 2 > length:
            return -1
        chunk = get16(body + at)
        used = min(symbols_in(chunk), a.count - covered)
        bytes_of_chunk = delta_bytes(chunk, used)
        if used == 0 or bytes_of_chunk < 0:
            return -1
        deltas += <uint32_t>bytes_of_chunk
        covered += used
        at += 2
    if at + deltas > length:
        return -1
    a.chunks = body + FIXED_BYTES
    a.deltas = body + at
    a.done = 0
    a.chunk_left = 0
    a.ticks = 0
    return 0


cdef bint arrivals_next(arrivals_t *a, arrival_t *packet) noexcept nogil:
    cdef uint32_t symbol
    if a.done == a.count:
        return False
    if a.chunk_left == 0:
        a.chunk = get16(a.chunks)
        a.chunks += 2
        a.chunk_left = symbols_in(a.chunk)
    symbol = symbol_at(a.chunk, symbols_in(a.chunk) - a.chunk_left)
    a.chunk_left -= 1
    packet.sequence = <uint16_t>(a.base + a.done)
    packet.received = symbol != NOT_RECEIVED
    a.done += 1
    if symbol == SMALL_DELTA:
        a.ticks += a.deltas[0]
        a.deltas += 1
    elif symbol == LARGE_DELTA:
        a.ticks += <int16_t>get16(a.deltas)     # 4,096 of them stay inside 32 bits
        a.deltas += 2
    packet.ticks = a.ticks
    return True


def parse_feedback(body):
    """[(sequence, microseconds since the feedback's reference time or None)], or None when malformed; for tests."""
    cdef bytes data = bytes(body)
    cdef arrivals_t a
    cdef arrival_t packet
    if arrivals_open(&a, <const uint8_t *><const char *>data, <uint32_t>len(data)) < 0:
        return None
    found = []
    while arrivals_next(&a, &packet):
        found.append((packet.sequence, packet.ticks * 250 if packet.received else None))
    return found
