"""Send-side estimation of one peer's downlink.

Theory of operation (draft-ietf-rmcat-gcc-02, as libwebrtc builds it today). Every packet carries a transport-wide number;
the peer says ten times a second when each arrived. From that, and from nothing else, come

    acked     how much arrives: a weighted mean of windows of 150 ms
    delay     does a queue grow (delay.pyx) -> target_bps: up by 8 % a second, near the last known capacity by about a
              packet a round trip; down to 85 % of what arrives when it does
    loss      more than 10 % missing, beyond chance -> loss_bps: down by half of the share lost
    queue     how long the bottleneck's is and how fast it is served (bottleneck.pyx): when a link falls far below what is
              sent, target_bps falls to that at once, and pictures wait until the queue has emptied (brake)
    probes    a few packets at up to twice the estimate: what of that rate arrives is there for sure

and the estimate is the smaller of target_bps and loss_bps.

What an SFU sends is given by its publishers, so most of the time the link is not full and the estimate says no more than
"at least this". Target never rises above 1.5 times what arrives; beyond that only probes lead. They are sent while the
estimate is below what would be sent (`goal_bps`), or below PACE_BELOW times what is sent, because only that tells a fat
link from a thin one.

What we deliberately do differently: between 2 and 10 % of loss the draft holds the estimate (6). Losses on the air do not
depend on the rate, and NACK repairs them; so we only refrain from raising loss_bps by itself. And what arrives is a lower
bound: without a growing queue the estimate is never below it.
"""

from libc.math cimport fabs, pow, sqrt
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free

from sfu.engine.arrivals cimport arrival_t, arrivals_next, arrivals_open, arrivals_t
from sfu.engine.bottleneck cimport bottleneck_bps, bottleneck_fills, bottleneck_init, bottleneck_packet
from sfu.engine.delay cimport USAGE_NORMAL, USAGE_OVER, USAGE_UNDER, delay_init, delay_packet, usage_t
from sfu.engine.probe cimport probe_arrival, probe_begin, probe_found, probe_sent, probe_size
from sfu.engine.throughput cimport acked_packet, acked_set, filling

cdef enum:
    TICK_US = 250
    REFERENCE_US = 64000
    JUMP_US = 10000000          # a reference time that jumps by more against our clock: the peer's clock was set
    STEP_US = 1000000           # the longest time one step of increase stands for
    RESPONSE_US = 100000        # the peer's feedback interval, on top of the round trip
    FURTHER_MIN_US = 10000      # between two decreases: a round trip within these
    FURTHER_MAX_US = 200000
    RATE_US = 500000
    LOSS_PACKETS = 50           # enough to tell 5 % from 10 %
    LOSS_PACKETS_MIN = 20
    LOSS_US = 1000000
    LOSS_AGAIN_US = 300000      # after a decrease, plus a round trip: only what was sent at the new rate counts
    REMB_REST_US = 8000000      # after it was full a link is tried again
    QUEUE_US = 10000            # what is shorter is no queue: a moment of the radio, and two packets behind each other,
    QUEUE_BYTES = 2400          # which are 80 ms of a link of 250 kbit/s
    SENDING_US = 250000
    DRAIN_MOST_US = 1000000     # pictures wait no longer, whatever else may stand in the queue
    REPAIR_BURST_US = 250000    # of their share at a time: a whole picture lost on the air
    PROBE_AGAIN_US = 3000000    # after a probe that found nothing new; two of 500 kbit/s cost 1 kB in this time
    PROBE_SOON_US = 200000      # after one that did: feedback for it is there
    PROBE_NEXT_US = 20000       # the same at the beginning, when a picture waits for it
    PROBE_WAIT_US = 1000000
    PROBE_MISSES = 3
    PROBE_REST_US = 1500000     # after a decrease: the queue has to empty

cdef double INCREASE = 1.08         # a second (5.5: eta)
cdef double DECREASE = 0.85         # 5.5: beta
cdef double LEAD = 1.5              # 5.5: not above this multiple of what arrives
cdef double LEAD_BPS = 10000
cdef double LOSS_LIMIT = 0.10
cdef double LOSS_NONE = 0.02
cdef double LOSS_HEAVY = 0.25
cdef double LOSS_DRAIN = 0.95
# Packets allowed beyond the limit, and twice in a row: of 50 packets with 5 % of loss on the air, 8 are lost once in 300 times.
cdef double LOSS_CHANCE = 2.5
cdef double REMB_FREE = 1.1
cdef double REMB_LEAD = 2.5         # the next layer of a simulcast costs three times as much, with sound a little less
cdef double RELIEF = 1.1            # a link that serves so much more than is sent needs no help
cdef double FURTHER = 0.8           # of what was found before: it fell again
cdef double REPAIR_SHARE = 0.5          # of the downlink for repeats: more is lost than repair can cover
cdef double PROBE_FACTOR = 2.0
cdef double PROBE_FIRST = 3.0       # of a link that nothing is known of
cdef double GOAL_MARGIN = 1.25      # so that what is to be sent does not fill the link to the brim


cdef bandwidth_t *bandwidth_new(int64_t now_us) noexcept nogil:
    cdef bandwidth_t *b = <bandwidth_t *>calloc(1, sizeof(bandwidth_t))
    if b == NULL:
        return NULL
    delay_init(&b.delay)
    bottleneck_init(&b.bottleneck)
    b.acked.last_us = -1
    b.target_bps = START_BPS
    b.loss_bps = MAX_BPS
    b.changed_us = now_us
    b.loss_us = now_us
    b.rate_us = now_us
    b.decreased_us = now_us - PROBE_REST_US
    b.loss_decreased_us = now_us - LOSS_US
    b.probe.next_us = -1
    return b


cdef inline double bounded(double bps) noexcept nogil:
    return min(max(bps, <double>MIN_BPS), <double>MAX_BPS)


cdef double bandwidth_bps(const bandwidth_t *b) noexcept nogil:
    return bounded(min(b.target_bps, b.loss_bps))


# --- one feedback ---------------------------------------------------------------------------------------------------


cdef int64_t tie_clock(bandwidth_t *b, uint32_t reference, int64_t now_us) noexcept nogil:
    """The feedback's reference time on our clock, with an offset that stays the same."""
    cdef int32_t step = <int32_t>((reference - b.reference) << 8) >> 8      # 24 bits wrap
    cdef int64_t moved = <int64_t>step * REFERENCE_US
    cdef int64_t passed = now_us - b.feedback_us
    if not b.anchored or moved - passed > JUMP_US or passed - moved > JUMP_US:
        b.anchored = True
        b.reference_us = now_us
        delay_init(&b.delay)
        bottleneck_init(&b.bottleneck)
        b.acked.last_us = -1
    else:
        b.reference_us += moved
    b.reference = reference
    b.feedback_us = now_us
    return b.reference_us


cdef int bandwidth_feedback(bandwidth_t *b, const uint8_t *body, uint32_t length, int64_t now_us) noexcept nogil:
    cdef arrivals_t arrivals
    cdef arrival_t packet
    cdef flight_t *f
    cdef int64_t reference_us
    cdef int64_t newest_us = -1
    cdef int64_t sent_us
    if arrivals_open(&arrivals, body, length) < 0:
        return -1
    reference_us = tie_clock(b, arrivals.reference, now_us)
    b.bottleneck.longest_us = 0
    b.feedbacks += 1
    b.by_feedback = True
    while arrivals_next(&arrivals, &packet):
        f = &b.flight[packet.sequence & (FLIGHT - 1)]
        if f.sequence != packet.sequence or f.state == FLIGHT_EMPTY or f.state == FLIGHT_ARRIVED:
            continue            # never sent, too long ago, or known
        if not packet.received:
            if f.state == FLIGHT_SENT:
                f.state = FLIGHT_LOST
                b.lost += 1
            continue
        sent_us = now_us - <int64_t><uint32_t>(<uint32_t>now_us - f.sent_us)
        newest_us = max(newest_us, sent_us)
        take_arrival(b, f, sent_us, reference_us + <int64_t>packet.ticks * TICK_US, now_us)
    if newest_us >= 0:
        b.rtt_us = max(now_us - newest_us, <int64_t>1)
    measure_sending(b, now_us)
    look_at_losses(b, now_us)
    look_at_queue(b, now_us)
    control(b, now_us)
    consider_probe(b, now_us)
    return 0


cdef void take_arrival(bandwidth_t *b, flight_t *f, int64_t sent_us, int64_t arrival_us, int64_t now_us) noexcept nogil:
    if f.state == FLIGHT_LOST and b.lost > 0:
        b.lost -= 1             # late, not lost
    f.state = FLIGHT_ARRIVED
    b.arrived += 1
    acked_packet(&b.acked, arrival_us, f.size, b.delay.usage == USAGE_OVER or b.loss > LOSS_LIMIT)
    delay_packet(&b.delay, sent_us, arrival_us, now_us)
    bottleneck_packet(&b.bottleneck, sent_us, arrival_us, f.size)
    if f.cluster and f.cluster == b.probe.cluster and (b.probe.sending or b.probe.waiting):
        probe_arrival(&b.probe, f.size, sent_us, arrival_us)


cdef void measure_sending(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef int64_t passed = now_us - b.rate_us
    cdef double bps
    if passed < RATE_US:
        return
    bps = 8e6 * (b.sent_bytes - b.rate_bytes) / passed
    b.send_bps = (b.send_bps + bps) / 2 if b.send_bps > 0 else bps
    b.rate_bytes = b.sent_bytes
    b.rate_us = now_us


# --- losses ---------------------------------------------------------------------------------------------------------


cdef void look_at_losses(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef uint32_t expected = b.lost + b.arrived
    if expected < LOSS_PACKETS and (expected < LOSS_PACKETS_MIN or now_us - b.loss_us < LOSS_US):
        return
    b.loss = <double>b.lost / expected
    if b.lost > LOSS_LIMIT * expected + LOSS_CHANCE:
        if b.loss_seen or b.loss > LOSS_HEAVY:
            lower_for_loss(b, now_us)
        b.loss_seen = True
    else:
        b.loss_seen = False
    if b.loss < LOSS_NONE:
        b.loss_bps = max(b.loss_bps, b.acked.bps)
        raise_for_no_loss(b, now_us)
    b.lost = 0
    b.arrived = 0
    b.loss_us = now_us


cdef void lower_for_loss(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef double bps
    if now_us - b.loss_decreased_us < LOSS_AGAIN_US + b.rtt_us:
        return
    bps = bandwidth_bps(b) * (1 - b.loss / 2)
    if b.acked.bps > 0:         # the better measure; a little less where a queue is full to the brim
        bps = max(bps, DECREASE * b.acked.bps)
        bps = min(bps, b.acked.bps * (LOSS_DRAIN if b.loss > LOSS_HEAVY else 1))
    b.known = True
    b.loss_bps = bounded(bps)
    b.loss_decreased_us = now_us
    b.decreased_us = now_us


cdef void raise_for_no_loss(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef double seconds = min(now_us - b.loss_us, <int64_t>STEP_US) / 1e6
    b.loss_bps = bounded(b.loss_bps * pow(INCREASE, seconds) + 1000 * seconds)


# --- a link that fell -----------------------------------------------------------------------------------------------
# The trend line would say so, too, a third of a second of queue later. Until this queue has gone pictures wait, so that
# sound finds it ever shorter.


cdef void look_at_queue(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef double bps = bottleneck_bps(&b.bottleneck)
    cdef bint fresh = b.bottleneck.sent_us > b.braked_us        # sent after what was done about it
    if now_us < b.drained_us:
        set_drained(b, bps if bps > 0 else b.braked_bps)
    if bps <= 0 or bps > RELIEF * sending(b, now_us) or not bottleneck_fills(&b.bottleneck):
        return
    if fresh or bps < FURTHER * b.braked_bps:
        brake(b, bps, now_us)


cdef void brake(bandwidth_t *b, double bps, int64_t now_us) noexcept nogil:
    b.known = True
    b.target_bps = bounded(min(b.target_bps, DECREASE * bps))
    b.holding = True
    b.braked_us = now_us
    b.braked_bps = bps
    b.decreased_us = now_us
    b.loss_decreased_us = now_us
    note_capacity(&b.capacity, bps)
    acked_set(&b.acked, bps)
    set_drained(b, bps)
    if b.probe.sending or b.probe.waiting:
        end_probe(b, now_us + PROBE_AGAIN_US)


cdef void set_drained(bandwidth_t *b, double bps) noexcept nogil:
    """When the queue will be empty, for what is sent then: the latest packet that arrived has waited for queue_us, and
    behind it stands what was sent after it."""
    cdef const flight_t *f
    cdef int64_t behind = 0
    cdef uint32_t i
    for i in range(<uint32_t>FLIGHT):
        f = &b.flight[i]
        if f.state == FLIGHT_SENT and <int32_t>(f.sent_us - <uint32_t>b.bottleneck.sent_us) > 0:
            behind += f.size
    b.drained_us = b.bottleneck.sent_us + b.bottleneck.queue_us + <int64_t>(8e6 * behind / bps)
    b.drained_us = min(b.drained_us, b.braked_us + DRAIN_MOST_US)


cdef double sending(const bandwidth_t *b, int64_t now_us) noexcept nogil:
    """Bits per second of late: what the link would have to carry."""
    cdef int64_t passed = max(now_us - b.rate_us, <int64_t>SENDING_US)
    return max(b.send_bps, 8e6 * (b.sent_bytes - b.rate_bytes) / passed)


# --- rate control ---------------------------------------------------------------------------------------------------


cdef void control(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef usage_t usage = b.delay.usage
    cdef double found
    if usage == USAGE_OVER:
        if may_decrease(b, now_us):
            decrease(b, now_us)
    else:
        found = probe_found(&b.probe)
        if found > 0:
            believe_probe(b, found, now_us)
        elif usage == USAGE_UNDER:
            b.holding = True    # the queue is emptying: 5.5, state Hold
        else:
            increase(b, now_us)
    b.changed_us = now_us


cdef bint may_decrease(const bandwidth_t *b, int64_t now_us) noexcept nogil:
    if b.bottleneck.sent_us <= b.braked_us:     # of before that: no news
        return False
    if b.bottleneck.longest_us < QUEUE_US + 8e6 * QUEUE_BYTES / b.target_bps:
        return False
    cdef int64_t further = min(max(b.rtt_us, <int64_t>FURTHER_MIN_US), <int64_t>FURTHER_MAX_US)
    return now_us - b.decreased_us >= further or b.acked.bps < b.target_bps / 2


cdef double deviation(const capacity_t *c) noexcept nogil:
    return 1000 * sqrt(c.variance * c.bps / 1000)


cdef void note_capacity(capacity_t *c, double bps) noexcept nogil:
    """What arrives while the link is full: mean, and variance relative to it within sane limits."""
    cdef double error
    if c.bps > 0 and fabs(bps - c.bps) > 3 * deviation(c):
        c.bps = 0
    if c.bps <= 0:
        c.bps = bps
        c.variance = 0.4
        return
    c.bps += 0.05 * (bps - c.bps)
    error = (c.bps - bps) / 1000
    c.variance = 0.95 * c.variance + 0.05 * error * error / max(c.bps / 1000, 1.0)
    c.variance = min(max(c.variance, 0.4), 2.5)


cdef void decrease(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef double bps = b.target_bps / 2
    if b.acked.bps > 0:
        bps = DECREASE * filling(&b.acked)
        if bps > b.target_bps and b.capacity.bps > 0:
            bps = DECREASE * b.capacity.bps
        note_capacity(&b.capacity, filling(&b.acked))
        b.known = True
    b.target_bps = bounded(min(bps, b.target_bps))
    b.decreased_us = now_us
    b.holding = True
    if b.probe.sending or b.probe.waiting:      # whatever it says, it came too early
        end_probe(b, now_us + PROBE_AGAIN_US)


cdef void increase(bandwidth_t *b, int64_t now_us) noexcept nogil:
    cdef double acked = b.acked.bps
    cdef double seconds = min(now_us - b.changed_us, <int64_t>STEP_US) / 1e6
    cdef double bps
    if b.holding:               # one normal feedback after the queue has gone
        b.holding = False
        return
    if acked <= 0:
        return
    if b.capacity.bps > 0 and acked > b.capacity.bps + 3 * deviation(&b.capacity):
        b.capacity.bps = 0
    bps = b.target_bps + (packet_per_response(b) * seconds if b.capacity.bps > 0 else 0)
    if b.capacity.bps <= 0:
        bps = max(b.target_bps * pow(INCREASE, seconds), b.target_bps + 1000 * seconds)
    bps = min(bps, max(b.target_bps, LEAD * acked + LEAD_BPS))
    if b.loss < LOSS_LIMIT:
        bps = max(bps, acked)
    b.target_bps = bounded(bps)


cdef double packet_per_response(const bandwidth_t *b) noexcept nogil:
    """Bits per second to add each second near the limit: one packet of a frame in each response time (5.5)."""
    cdef double frame = b.target_bps / 30
    cdef double packets = max(frame / (1200 * 8), 1.0)
    return max(frame / packets * 1e6 / (b.rtt_us + RESPONSE_US), 4000.0)


cdef void bandwidth_remb(bandwidth_t *b, int64_t bps, int64_t now_us) noexcept nogil:
    """draft-alvestrand-rmcat-remb-03, from a peer without transport-wide feedback: it has estimated itself. Such an estimate
    grows to half again of what arrives and no further (5.5), so where it lies above what is sent nothing is in the way, and it
    says no more than that; below, it is what the link carries."""
    cdef bint free
    if b.by_feedback:
        return
    measure_sending(b, now_us)
    if b.send_bps <= 0:
        return
    free = bps > REMB_FREE * b.send_bps
    if not free:
        b.decreased_us = now_us
    b.known = True
    b.target_bps = bounded(<double>bps * (REMB_LEAD if free and now_us - b.decreased_us > REMB_REST_US else 1))
    b.changed_us = now_us
    consider_probe(b, now_us)


# --- repeats --------------------------------------------------------------------------------------------------------


cdef bint bandwidth_repairs(bandwidth_t *b, uint32_t size, int64_t now_us) noexcept nogil:
    cdef double share = REPAIR_SHARE * (bandwidth_bps(b) if b.known else max(b.send_bps, <double>START_BPS))
    if b.repair_free_us > now_us + REPAIR_BURST_US:
        return False
    b.repair_free_us = max(b.repair_free_us, <double>now_us) + 8e6 * size / share
    return True


# --- probing --------------------------------------------------------------------------------------------------------


cdef inline double wanted_bps(const bandwidth_t *b) noexcept nogil:
    """Up to where it is worth knowing: what is not sent now, for want of bandwidth, counts too."""
    cdef double most = max(b.goal_bps, b.send_bps)
    return max(min(PACE_BELOW * most, <double>FAT_BPS), GOAL_MARGIN * b.goal_bps)


cdef void bandwidth_set_goal(bandwidth_t *b, double bps, int64_t now_us) noexcept nogil:
    b.goal_bps = min(max(bps, 0.0), <double>MAX_BPS)
    consider_probe(b, now_us)


cdef bint bandwidth_is_thin(const bandwidth_t *b) noexcept nogil:
    return b.known and bandwidth_bps(b) < wanted_bps(b)


cdef void consider_probe(bandwidth_t *b, int64_t now_us) noexcept nogil:
    """Sets when the next one begins, or that there is no need."""
    if b.probe.sending:
        return
    if b.probe.waiting:
        if now_us - b.probe.last_sent_us > PROBE_WAIT_US:
            miss_probe(b, now_us)
        return
    if bandwidth_bps(b) >= wanted_bps(b):
        b.known |= b.by_feedback        # as much as matters
        b.probe.next_us = -1
    elif b.probe.next_us < 0:
        b.probe.next_us = max(now_us, b.decreased_us + PROBE_REST_US)


cdef void end_probe(bandwidth_t *b, int64_t next_us) noexcept nogil:
    b.probe.sending = False
    b.probe.waiting = False
    b.probe.next_us = next_us


cdef void miss_probe(bandwidth_t *b, int64_t now_us) noexcept nogil:
    """Nothing to be learnt of it: once more, soon; then it is so with this peer."""
    b.misses += 1
    if b.misses < PROBE_MISSES:
        end_probe(b, now_us + PROBE_SOON_US)
    else:
        b.known = True
        end_probe(b, now_us + PROBE_AGAIN_US)


cdef double probe_rate(const bandwidth_t *b) noexcept nogil:
    cdef double bps = bandwidth_bps(b)
    return max(min((PROBE_FACTOR if b.known else PROBE_FIRST) * bps, wanted_bps(b)), 1.2 * bps)


cdef int64_t bandwidth_deadline(const bandwidth_t *b) noexcept nogil:
    if b.probe.sending:
        # each packet when those before it have left at the probe's rate
        return b.probe.first_sent_us + <int64_t>(8e6 * b.probe.sent_bytes / b.probe.bps)
    if b.probe.waiting:
        return b.probe.last_sent_us + PROBE_WAIT_US
    return b.probe.next_us


cdef bint bandwidth_probe(bandwidth_t *b, int64_t now_us) noexcept nogil:
    if b.probe.waiting:
        if now_us - b.probe.last_sent_us >= PROBE_WAIT_US:
            miss_probe(b, now_us)
        return False
    if not b.probe.sending:
        if b.probe.next_us < 0 or now_us < b.probe.next_us:
            return False
        if not b.known and not b.by_feedback:       # nobody to tell us what came of it, yet
            b.probe.next_us = now_us + PROBE_SOON_US
            return False
        if b.delay.usage != USAGE_NORMAL or now_us - b.decreased_us < PROBE_REST_US:
            b.probe.next_us = now_us + PROBE_REST_US
            return False
        probe_begin(&b.probe, probe_rate(b), now_us)
    if now_us - b.probe.first_sent_us > PROBE_WAIT_US:      # a burst of media in it that takes too long
        miss_probe(b, now_us)
        return False
    return now_us >= bandwidth_deadline(b)


cdef uint32_t bandwidth_probe_size(const bandwidth_t *b) noexcept nogil:
    return probe_size(&b.probe)


cdef void bandwidth_probe_failed(bandwidth_t *b, int64_t now_us) noexcept nogil:
    end_probe(b, now_us + PROBE_AGAIN_US)


cdef void bandwidth_probe_sent(bandwidth_t *b, uint32_t size, int64_t now_us) noexcept nogil:
    probe_sent(&b.probe, size, now_us)


cdef void believe_probe(bandwidth_t *b, double found, int64_t now_us) noexcept nogil:
    cdef bint more = found > 1.1 * bandwidth_bps(b)
    end_probe(b, now_us + (PROBE_AGAIN_US if not more else PROBE_SOON_US if b.known else PROBE_NEXT_US))
    b.misses = 0
    if not more:
        b.known = True          # so this is all there is
        return
    b.target_bps = bounded(max(b.target_bps, found))
    b.loss_bps = bounded(max(b.loss_bps, found))
    if b.capacity.bps > 0 and found > b.capacity.bps + 3 * deviation(&b.capacity):
        b.capacity.bps = 0


# --- the same, for Python -------------------------------------------------------------------------------------------


cdef class BandwidthEstimator:
    cdef bandwidth_t *b

    def __cinit__(self, int64_t now_us=0):
        self.b = bandwidth_new(now_us)
        if self.b == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.b)

    def sent(self, uint16_t sequence, uint16_t size, int64_t now_us):
        bandwidth_sent(self.b, sequence, size, now_us)

    def feedback(self, bytes body, int64_t now_us):
        return bandwidth_feedback(self.b, <const uint8_t *><const char *>body, <uint32_t>len(body), now_us) == 0

    def remb(self, int64_t bps, int64_t now_us):
        bandwidth_remb(self.b, bps, now_us)

    def set_goal(self, double bps, int64_t now_us):
        bandwidth_set_goal(self.b, bps, now_us)

    def deadline(self):
        return bandwidth_deadline(self.b)

    def probe(self, int64_t now_us):
        return bool(bandwidth_probe(self.b, now_us))

    @property
    def bps(self):
        return bandwidth_bps(self.b)

    @property
    def state(self):
        return {
            "known": bool(self.b.known),
            "thin": bool(bandwidth_is_thin(self.b)),
            "target_bps": self.b.target_bps,
            "loss_bps": self.b.loss_bps,
            "acked_bps": self.b.acked.bps,
            "send_bps": self.b.send_bps,
            "loss": self.b.loss,
            "usage": <int>self.b.delay.usage,
            "threshold_ms": self.b.delay.threshold_ms,
            "trend": self.b.delay.trend,
            "capacity_bps": self.b.capacity.bps,
            "round_trip_us": self.b.rtt_us,
            "bytes": sizeof(bandwidth_t),
        }
