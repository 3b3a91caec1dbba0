"""Statistics of one received RTP stream (RFC 3550, 6.4.1 and appendices A.1, A.3, A.8).

Theory of operation. A sequence number is unwrapped to the 64-bit number nearest to the highest one so far. That is
the rule by which SRTP finds its index (RFC 3711, 3.3.1), so a packet that SRTP lets pass always lands where SRTP
thinks it is; the probation of A.1 has nothing left to guard against and is not done.

Two ways to count what is lost: receiver reports leave repairs out, because the stream of retransmissions is reported
by itself (RFC 4588, 4) and the sender must see what the network does; `reception_lost` counts repaired packets as
come, because that is what the picture sees.
"""

from libc.stdint cimport INT64_MIN, int32_t, uint8_t
from libc.string cimport memset

from sfu.engine.wire cimport unwrap16

cdef enum:
    CYCLE = 65536
    MAX_CUMULATIVE_LOST = 0x7FFFFF      # 24 bits, signed (RFC 3550, 6.4.1)


cdef void reception_init(reception_t *r, uint32_t ssrc, uint32_t clock_rate) noexcept nogil:
    memset(r, 0, sizeof(reception_t))
    r.ssrc = ssrc
    r.clock_rate = clock_rate
    r.first = -1
    r.highest = -1
    r.transit = INT64_MIN


cdef inline uint64_t *seen_word(reception_t *r, int64_t sequence) noexcept nogil:
    return &r.seen[(sequence % RECEPTION_WINDOW) >> 6]


cdef inline uint64_t seen_bit(int64_t sequence) noexcept nogil:
    return <uint64_t>1 << (sequence & 63)


cdef void advance(reception_t *r, int64_t sequence) noexcept nogil:
    """Makes `sequence` the highest and forgets the packets that its place in the window stood for."""
    cdef int64_t s
    if sequence - r.highest >= RECEPTION_WINDOW:
        memset(r.seen, 0, sizeof(r.seen))
    else:
        for s in range(r.highest + 1, sequence + 1):
            seen_word(r, s)[0] &= ~seen_bit(s)
    r.highest = sequence


cdef void update_jitter(reception_t *r, uint32_t timestamp, int64_t now_us) noexcept nogil:
    """A.8, in floating point: J += (|D| - J) / 16."""
    cdef int64_t arrival = now_us // 1000000 * r.clock_rate + now_us % 1000000 * r.clock_rate // 1000000
    cdef int64_t transit = arrival - timestamp
    cdef int32_t d
    if r.transit != INT64_MIN:
        d = <int32_t>(<uint32_t>transit - <uint32_t>r.transit)      # timestamps wrap, so their differences do
        r.jitter += ((-<double>d if d < 0 else <double>d) - r.jitter) / 16
    r.transit = transit


cdef int64_t reception_packet(
    reception_t *r, uint16_t sequence, uint32_t timestamp, uint32_t payload_bytes, bint repaired, int64_t now_us
) noexcept nogil:
    cdef int64_t s
    if r.first < 0:
        s = CYCLE + sequence            # so that a packet overtaken by the very first one is still positive
        r.first = s
        r.highest = s
    else:
        s = unwrap16(r.highest, sequence)
    if s > r.highest:
        advance(r, s)
    elif s <= r.highest - RECEPTION_WINDOW or seen_word(r, s)[0] & seen_bit(s):
        r.duplicates += 1
        return s
    if s < r.first:
        r.first = s
    seen_word(r, s)[0] |= seen_bit(s)
    r.packets += 1
    r.bytes += payload_bytes
    if repaired:
        r.repaired += 1
    else:
        update_jitter(r, timestamp, now_us)
    return s


cdef void reception_sender_report(reception_t *r, const sender_info_t *info, int64_t now_us) noexcept nogil:
    r.sr_ntp = info.ntp
    r.sr_rtp = info.rtp_timestamp
    r.sr_arrival_us = now_us


cdef inline int64_t expected_packets(const reception_t *r) noexcept nogil:
    return r.highest - r.first + 1 if r.first >= 0 else 0


cdef void reception_report(reception_t *r, report_block_t *block, int64_t now_us) noexcept nogil:
    cdef int64_t expected = expected_packets(r)
    cdef int64_t received = <int64_t>(r.packets - r.repaired)
    cdef int64_t expected_interval = expected - r.expected_prior
    cdef int64_t lost_interval = expected_interval - (received - r.received_prior)
    cdef int64_t lost = expected - received
    r.expected_prior = expected
    r.received_prior = received
    block.ssrc = r.ssrc
    block.fraction_lost = 0
    if expected_interval > 0 and lost_interval > 0:
        block.fraction_lost = <uint8_t>min(lost_interval * 256 // expected_interval, 255)
    block.cumulative_lost = <int32_t>max(min(lost, MAX_CUMULATIVE_LOST), -MAX_CUMULATIVE_LOST - 1)
    block.highest_sequence = <uint32_t>(r.highest - CYCLE) if r.first >= 0 else 0
    block.jitter = <uint32_t>r.jitter
    block.last_sr = <uint32_t>(r.sr_ntp >> 16) if r.sr_arrival_us else 0
    block.delay_since_last_sr = 0
    if r.sr_arrival_us and now_us > r.sr_arrival_us:
        block.delay_since_last_sr = <uint32_t>((now_us - r.sr_arrival_us) * 65536 // 1000000)


cdef int64_t reception_lost(const reception_t *r) noexcept nogil:
    return max(expected_packets(r) - <int64_t>r.packets, <int64_t>0)


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class Reception:
    cdef reception_t r

    def __cinit__(self, uint32_t ssrc, uint32_t clock_rate):
        reception_init(&self.r, ssrc, clock_rate)

    def packet(
        self, uint16_t sequence, uint32_t timestamp, uint32_t payload_bytes, int64_t now_us, *, bint repaired=False
    ):
        return reception_packet(&self.r, sequence, timestamp, payload_bytes, repaired, now_us)

    def sender_report(self, uint64_t ntp, uint32_t rtp_timestamp, int64_t now_us):
        cdef sender_info_t info = sender_info_t(ntp, rtp_timestamp, 0, 0)
        reception_sender_report(&self.r, &info, now_us)

    def report(self, int64_t now_us):
        cdef report_block_t block
        reception_report(&self.r, &block, now_us)
        return block

    @property
    def lost(self):
        return reception_lost(&self.r)

    @property
    def packets(self):
        return self.r.packets

    @property
    def bytes(self):
        return self.r.bytes

    @property
    def duplicates(self):
        return self.r.duplicates
