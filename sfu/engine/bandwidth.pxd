# What one peer's downlink carries: send-side estimation from this peer's own transport-wide feedback, or its REMB.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from sfu.engine.bottleneck cimport bottleneck_t
from sfu.engine.delay cimport delay_t
from sfu.engine.probe cimport probe_t
from sfu.engine.throughput cimport acked_t

cdef enum:
    # Packets on the way that are remembered, 12 bytes each. At feedback every 100 ms and 300 ms round trip this is 12 Mbit/s;
    # what falls out is neither counted as lost nor as arrived.
    FLIGHT = 512
    MIN_BPS = 50000             # one voice with its headers: less cannot be asked for, whatever a peer reports
    START_BPS = 300000          # until something was measured (libwebrtc's start)
    MAX_BPS = 50000000          # a wall of pictures; beyond that nothing here has to be decided
    # A link this fast takes a keyframe of 40 kB in 32 ms: nothing is paced, and nobody probes for more.
    FAT_BPS = 10000000
    # Below this multiple of what is sent, a keyframe is a burst that the link cannot take in time.
    PACE_BELOW = 3

cdef enum flight_state_t:
    FLIGHT_EMPTY = 0
    FLIGHT_SENT = 1
    FLIGHT_LOST = 2             # reported as not received; it may still come
    FLIGHT_ARRIVED = 3

cdef struct flight_t:
    uint32_t sent_us            # low bits of our clock
    uint16_t sequence
    uint16_t size
    uint8_t state
    uint8_t cluster             # of the probe it belongs to; 0: none

cdef struct capacity_t:         # what arrived when the link was last full (draft-ietf-rmcat-gcc-02, 5.5)
    double bps                  # 0: not known
    double variance             # of bps / 1000, relative to its mean

cdef struct bandwidth_t:
    # The estimate says what the link carries, not only what it has carried: it was full, or all that is wanted fits.
    bint known
    bint by_feedback            # transport-wide feedback came: REMB no longer counts
    delay_t delay
    bottleneck_t bottleneck
    acked_t acked
    capacity_t capacity
    probe_t probe
    uint32_t misses             # probes in a row without a result
    double target_bps           # the delay-based part
    double loss_bps             # the loss-based part
    bint holding                # after a decrease, until the queue is empty
    int64_t changed_us          # last step of the rate control
    int64_t decreased_us
    int64_t loss_decreased_us
    uint32_t lost               # since the last look at losses
    uint32_t arrived
    int64_t loss_us
    bint loss_seen              # the last look found too much
    double loss                 # of the last look, 0..1
    int64_t braked_us           # the link fell far below what was sent; 0: never
    double braked_bps           # to this
    int64_t drained_us          # pictures wait until then: its queue is to empty. In the past: they do not
    bint anchored               # the peer's clock is tied to ours
    uint32_t reference          # of the latest feedback
    int64_t reference_us        # the same on our clock, but for an unknown offset
    int64_t feedback_us
    uint64_t feedbacks
    int64_t rtt_us
    double repair_free_us       # when repeats will have used no more than their share
    uint64_t sent_bytes
    uint64_t rate_bytes         # sent_bytes when rate_us was
    int64_t rate_us
    double send_bps             # over about a second
    double goal_bps             # what would be sent if it fitted
    double told_bps             # last told to Python
    int64_t told_us
    flight_t flight[FLIGHT]

cdef bandwidth_t *bandwidth_new(int64_t now_us) noexcept nogil      # NULL: out of memory; free() ends it
cdef double bandwidth_bps(const bandwidth_t *b) noexcept nogil      # the estimate
# One transport-wide feedback, behind its SSRCs. 0, or -1 when it is malformed and was ignored.
cdef int bandwidth_feedback(bandwidth_t *b, const uint8_t *body, uint32_t length, int64_t now_us) noexcept nogil
cdef void bandwidth_remb(bandwidth_t *b, int64_t bps, int64_t now_us) noexcept nogil
cdef void bandwidth_set_goal(bandwidth_t *b, double bps, int64_t now_us) noexcept nogil
# Whether a repeat of this size may go now; counts it. Repeats of what a full link has lost would fill it further.
cdef bint bandwidth_repairs(bandwidth_t *b, uint32_t size, int64_t now_us) noexcept nogil
# Is a keyframe a burst for this link?
cdef bint bandwidth_is_thin(const bandwidth_t *b) noexcept nogil
# When bandwidth_probe wants to be called; -1 for never.
cdef int64_t bandwidth_deadline(const bandwidth_t *b) noexcept nogil
# Whether a padding packet is to be sent now; ask again after each (bandwidth_sent counts it).
cdef bint bandwidth_probe(bandwidth_t *b, int64_t now_us) noexcept nogil
# Of about how many bytes it is to be.
cdef uint32_t bandwidth_probe_size(const bandwidth_t *b) noexcept nogil
# There was nothing to send: later.
cdef void bandwidth_probe_failed(bandwidth_t *b, int64_t now_us) noexcept nogil
cdef void bandwidth_probe_sent(bandwidth_t *b, uint32_t size, int64_t now_us) noexcept nogil


cdef inline void bandwidth_sent(bandwidth_t *b, uint16_t sequence, uint32_t size, int64_t now_us) noexcept nogil:
    """A packet with a transport-wide sequence number left. On the path of every packet: one store."""
    cdef flight_t *f = &b.flight[sequence & (FLIGHT - 1)]
    f.sent_us = <uint32_t>now_us
    f.sequence = sequence
    f.size = <uint16_t>size
    f.state = FLIGHT_SENT
    f.cluster = 0
    b.sent_bytes += size
    if b.probe.sending:
        f.cluster = b.probe.cluster
        bandwidth_probe_sent(b, size, now_us)
