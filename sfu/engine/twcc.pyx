"""Transport-wide congestion control, receiving side (draft-holmer-rmcat-transport-wide-cc-extensions-01).

Theory of operation. Arrival times stand in a ring by unwrapped sequence number. A report covers everything from `next`
(the first number not reported) to the highest seen, holes included. A packet that comes after its number was reported
as missing pulls `next` back to itself, so the next report tells the sender of it; libwebrtc does the same.

A feedback packet is a header, one symbol per packet (not received, small delta, large delta) packed into 16-bit
chunks, and the deltas:

    fixed part    V=2 P FMT=15 | PT=205 | length | SSRC | media SSRC | base sequence | packet count |
                  reference time (24 bits, 64 ms) | feedback packet count
    run length    0 SS LLLLLLLLLLLLL       one symbol, up to 8191 times
    one bit       1 0 BBBBBBBBBBBBBB       14 symbols: not received or small delta
    two bits      1 1 SS SS SS SS SS SS SS 7 symbols
    deltas        small: 1 byte, 0..63.75 ms; large: 2 bytes, signed; in 250 us from the packet before

Times are cut to 250 us ticks before deltas are taken, so rounding never adds up. A delta that 16 bits cannot hold ends
the packet, and the next packet has a reference time of its own; so does one that would not fit the room.
"""

from libc.stdint cimport int16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from sfu.engine.rtcp cimport RTCP_RTPFB, RTPFB_TRANSPORT_CC
from sfu.engine.wire cimport put16, put24, put32, unwrap16

cdef enum:
    CYCLE = 65536
    TICK_US = 250
    TICKS_PER_REFERENCE = 256       # 64 ms
    FIXED_BYTES = 20
    SPACE_BYTES = 32                # least room that always takes one more received packet
    PENDING_LIMIT = 512             # report at half a window, so that nothing falls out of it unreported
    NOT_RECEIVED = 0
    SMALL_DELTA = 1
    LARGE_DELTA = 2
    ONE_BIT_SYMBOLS = 14
    TWO_BIT_SYMBOLS = 7
    MAX_RUN = 8191

cdef struct report_t:
    uint32_t count                          # symbols
    int64_t reference                       # of 64 ms
    uint8_t symbols[TWCC_WINDOW]
    uint32_t delta_bytes
    uint8_t deltas[2 * TWCC_WINDOW]


cdef int twcc_init(twcc_t *t) noexcept nogil:
    t.arrival_us = <int64_t *>malloc(TWCC_WINDOW * sizeof(int64_t))
    if t.arrival_us == NULL:
        return -1
    t.next = -1
    t.highest = -1
    t.reported_us = 0
    t.report_count = 0
    return 0


cdef void twcc_free(twcc_t *t) noexcept nogil:
    free(t.arrival_us)
    t.arrival_us = NULL


cdef inline int64_t *slot(const twcc_t *t, int64_t sequence) noexcept nogil:
    return t.arrival_us + sequence % TWCC_WINDOW


cdef inline void clear(twcc_t *t) noexcept nogil:
    memset(t.arrival_us, 0xFF, TWCC_WINDOW * sizeof(int64_t))


cdef void advance(twcc_t *t, int64_t sequence) noexcept nogil:
    cdef int64_t s
    if sequence - t.highest >= TWCC_WINDOW:
        clear(t)
    else:
        for s in range(t.highest + 1, sequence):
            slot(t, s)[0] = -1
    slot(t, sequence)[0] = -1
    t.highest = sequence
    t.next = max(t.next, sequence - TWCC_WINDOW + 1)


cdef void twcc_received(twcc_t *t, uint16_t sequence, int64_t now_us) noexcept nogil:
    cdef int64_t s
    if t.highest < 0:
        s = CYCLE + sequence            # so that a packet overtaken by the very first one is still positive
        clear(t)
        t.highest = s
        t.next = s
        t.reported_us = now_us          # the first interval begins here
    else:
        s = unwrap16(t.highest, sequence)
    if s > t.highest:
        advance(t, s)
    elif s <= t.highest - TWCC_WINDOW:
        return
    if slot(t, s)[0] < 0:
        slot(t, s)[0] = now_us
        t.next = min(t.next, s)


cdef int64_t twcc_deadline(const twcc_t *t) noexcept nogil:
    if t.next > t.highest or t.highest < 0:
        return -1
    if t.highest - t.next + 1 >= PENDING_LIMIT:
        return t.reported_us
    return t.reported_us + (TWCC_BUSY_US if t.highest - t.next + 1 >= TWCC_BUSY_PACKETS else TWCC_INTERVAL_US)


# --- one feedback packet -----------------------------------------------------------------------------------------


cdef uint32_t leading_missing(const twcc_t *t) noexcept nogil:
    cdef int64_t s = t.next
    while slot(t, s)[0] < 0:            # the highest has always been received
        s += 1
    return <uint32_t>(s - t.next)


cdef bint put_delta(report_t *r, int64_t delta) noexcept nogil:
    """Appends a delta and its symbol. False: it does not fit 16 bits."""
    if 0 <= delta <= 0xFF:
        r.symbols[r.count] = SMALL_DELTA
        r.deltas[r.delta_bytes] = <uint8_t>delta
        r.delta_bytes += 1
        return True
    if delta != <int16_t>delta:
        return False
    r.symbols[r.count] = LARGE_DELTA
    put16(r.deltas + r.delta_bytes, <uint32_t>delta)
    r.delta_bytes += 2
    return True


cdef void collect(const twcc_t *t, report_t *r, uint32_t room) noexcept nogil:
    """As many packets as surely fit: the leading hole takes one chunk, 7 symbols one each, no delta above 2 bytes."""
    cdef uint32_t lead = leading_missing(t), received_end = 0
    cdef int64_t s = t.next + lead, ticks, previous
    r.reference = slot(t, s)[0] // (TICK_US * TICKS_PER_REFERENCE)
    previous = r.reference * TICKS_PER_REFERENCE
    r.count = lead
    r.delta_bytes = 0
    memset(r.symbols, NOT_RECEIVED, lead)
    while s <= t.highest:
        if FIXED_BYTES + 2 * (2 + (r.count - lead) // TWO_BIT_SYMBOLS) + r.delta_bytes + 2 + 3 > room:
            break
        if slot(t, s)[0] < 0:
            r.symbols[r.count] = NOT_RECEIVED
        else:
            ticks = slot(t, s)[0] // TICK_US
            if not put_delta(r, ticks - previous):
                break
            previous = ticks
            received_end = r.count + 1
        r.count += 1
        s += 1
    r.count = received_end              # holes at the end go to the front of the next packet


cdef uint32_t run_length(const report_t *r, uint32_t start) noexcept nogil:
    cdef uint32_t end = start + 1
    while end < r.count and r.symbols[end] == r.symbols[start] and end - start < MAX_RUN:
        end += 1
    return end - start


cdef uint32_t vector_length(const report_t *r, uint32_t start) noexcept nogil:
    """14 while no large delta is among the next 14, else 7; the end of the packet cuts both short."""
    cdef uint32_t rest = r.count - start, i
    for i in range(min(rest, <uint32_t>ONE_BIT_SYMBOLS)):
        if r.symbols[start + i] == LARGE_DELTA:
            return min(rest, <uint32_t>TWO_BIT_SYMBOLS)
    return min(rest, <uint32_t>ONE_BIT_SYMBOLS)


cdef uint32_t vector_chunk(const report_t *r, uint32_t start, uint32_t length) noexcept nogil:
    cdef uint32_t chunk = 0x8000, i
    if length <= TWO_BIT_SYMBOLS:       # even without a large delta: one-bit chunks stand for 14, but at the end
        chunk = 0xC000
        for i in range(length):
            chunk |= <uint32_t>r.symbols[start + i] << (12 - 2 * i)
        return chunk
    for i in range(length):
        chunk |= <uint32_t>r.symbols[start + i] << (13 - i)
    return chunk


cdef uint32_t write_chunks(const report_t *r, uint8_t *buffer) noexcept nogil:
    """Takes, chunk by chunk, whichever of run and vector says more; returns bytes."""
    cdef uint32_t at = 0, written = 0, run, vector
    while at < r.count:
        run = run_length(r, at)
        vector = vector_length(r, at)
        if run >= vector:
            put16(buffer + written, (<uint32_t>r.symbols[at] << 13) | run)
            at += run
        else:
            put16(buffer + written, vector_chunk(r, at, vector))
            at += vector
        written += 2
    return written


cdef uint32_t write_feedback(
    twcc_t *t, const report_t *r, uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc
) noexcept nogil:
    cdef uint32_t length = FIXED_BYTES, i, padding
    length += write_chunks(r, buffer + FIXED_BYTES)
    for i in range(r.delta_bytes):
        buffer[length + i] = r.deltas[i]
    length += r.delta_bytes
    padding = -length & 3
    if padding:
        memset(buffer + length, 0, padding)
        length += padding
        buffer[length - 1] = <uint8_t>padding
    buffer[0] = <uint8_t>(0x80 | (0x20 if padding else 0) | RTPFB_TRANSPORT_CC)
    buffer[1] = RTCP_RTPFB
    put16(buffer + 2, length // 4 - 1)
    put32(buffer + 4, ssrc)
    put32(buffer + 8, media_ssrc)
    put16(buffer + 12, <uint32_t>t.next)
    put16(buffer + 14, r.count)
    put24(buffer + 16, <uint32_t>r.reference)
    buffer[19] = t.report_count
    return length


cdef uint32_t twcc_report(
    twcc_t *t, uint8_t *buffer, uint32_t room, uint32_t ssrc, uint32_t media_ssrc, int64_t now_us
) noexcept nogil:
    cdef report_t report
    cdef uint32_t length
    cdef int64_t deadline = twcc_deadline(t)
    if deadline < 0 or now_us < deadline or room < SPACE_BYTES:
        return 0
    collect(t, &report, room)
    length = write_feedback(t, &report, buffer, ssrc, media_ssrc)
    t.report_count += 1
    t.next += report.count
    if t.next > t.highest:
        t.reported_us = now_us          # only now: what did not fit is due at once
    return length


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class TwccReceiver:
    cdef twcc_t t

    def __cinit__(self):
        if twcc_init(&self.t) < 0:
            raise MemoryError()

    def __dealloc__(self):
        twcc_free(&self.t)

    def received(self, uint16_t sequence, int64_t now_us):
        twcc_received(&self.t, sequence, now_us)

    def deadline(self):
        return twcc_deadline(&self.t)

    def report(self, int64_t now_us, *, uint32_t room=1200, uint32_t ssrc=0, uint32_t media_ssrc=0):
        cdef uint8_t buffer[2048]
        if room > 2048:
            raise ValueError("room is at most 2048 bytes")
        return (<char *>buffer)[:twcc_report(&self.t, buffer, room, ssrc, media_ssrc, now_us)]
