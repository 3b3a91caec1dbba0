"""What a peer says of its downlink: transport-wide feedback or REMB -> estimate, pacing, and now and then an event.

Python hears of an estimate when it is known, or is enough for all that is wished for, and then when it moved by a
twentieth, at most five times a second; nothing while it lies well above all that is to be sent.
"""

from libc.math cimport fabs
from libc.stdint cimport uint8_t

from sfu.engine.bandwidth cimport (
    bandwidth_bps,
    bandwidth_deadline,
    bandwidth_feedback,
    bandwidth_is_thin,
    bandwidth_new,
    bandwidth_remb,
    bandwidth_set_goal,
    bandwidth_t,
)
from sfu.engine.counters cimport DROP_FEEDBACK_MALFORMED
from sfu.engine.events cimport EVENT_BANDWIDTH, events_push
from sfu.engine.lifecycle cimport list_paced
from sfu.engine.pacer cimport pacer_deadline, pacer_new
from sfu.engine.rtp cimport EXT_TRANSPORT_CC

cdef enum:
    TELL_US = 200000

cdef double MATERIAL = 0.05
cdef double ENOUGH = 1.25
cdef double AMPLE = 2.0             # times all that is to be sent: how much more does not matter


cdef bint have_estimator(engine_t *e, transport_t *t) noexcept nogil:
    if t.bandwidth == NULL and not t.plain:
        t.bandwidth = bandwidth_new(e.now_us)
    return t.bandwidth != NULL


cdef void downlink_open(engine_t *e, transport_t *t) noexcept nogil:
    if t.send_ids[<int>EXT_TRANSPORT_CC]:
        have_estimator(e, t)


cdef void downlink_feedback(engine_t *e, transport_t *t, const rtcp_item_t *item) noexcept nogil:
    if t.bandwidth == NULL:
        return          # it gets nothing of us
    if bandwidth_feedback(t.bandwidth, item.body, item.body_length, e.now_us) < 0:
        e.counters[<int>DROP_FEEDBACK_MALFORMED] += 1
        return
    apply(e, t)
    tell(e, t)


cdef void downlink_remb(engine_t *e, transport_t *t, int64_t bps) noexcept nogil:
    t.remb_bps = bps
    if t.subscription_count == 0 or t.send_ids[<int>EXT_TRANSPORT_CC] or not have_estimator(e, t):
        return
    bandwidth_remb(t.bandwidth, bps, e.now_us)
    apply(e, t)
    tell(e, t)


cdef void downlink_goal(engine_t *e, transport_t *t, double bps) noexcept nogil:
    if t.bandwidth == NULL:
        return
    if bps > t.bandwidth.goal_bps:
        t.bandwidth.told_bps = 0        # what was ample may not be so any more
    bandwidth_set_goal(t.bandwidth, bps, e.now_us)
    apply(e, t)


cdef void apply(engine_t *e, transport_t *t) noexcept nogil:
    """Paces where the link is thin, probes where more is to be known."""
    cdef bandwidth_t *b = t.bandwidth
    cdef bint thin = bandwidth_is_thin(b)
    if t.pacer == NULL and thin:
        t.pacer = pacer_new(t.bytes_out, e.now_us)
    if t.pacer != NULL:
        t.pacer.bps = bandwidth_bps(b)
        t.pacer.hold_us = b.drained_us
        t.pacer.ending = not thin
        list_paced(e, t, pacer_deadline(t.pacer) if thin else e.now_us)
    if bandwidth_deadline(b) >= 0:
        list_paced(e, t, bandwidth_deadline(b))


cdef inline bint enough(const bandwidth_t *b) noexcept nogil:
    """It may be more, but all that is wished for fits."""
    return b.goal_bps > 0 and bandwidth_bps(b) > ENOUGH * b.goal_bps


cdef void tell(engine_t *e, transport_t *t) noexcept nogil:
    cdef bandwidth_t *b = t.bandwidth
    cdef double bps = bandwidth_bps(b)
    cdef double ample = AMPLE * b.goal_bps
    cdef int64_t told = <int64_t>bps
    if not (b.known or enough(b)) or (e.now_us - b.told_us < TELL_US and b.braked_us != e.now_us):
        return
    if b.told_bps > 0 and (fabs(bps - b.told_bps) < MATERIAL * b.told_bps or 0 < ample <= min(bps, b.told_bps)):
        return
    if events_push(&e.events, EVENT_BANDWIDTH, t.id, 0, NULL, <const uint8_t *>&told, sizeof(told)) == 0:
        b.told_bps = bps
        b.told_us = e.now_us
