"""The engine between its edges: what comes in, what the clock brings, what goes out.

One lock. The packet thread takes it for each batch it has read, and for each piece of a picture that it forwards. A control call takes it without waiting while it
holds the GIL (see engine.pyx), so the packet thread never waits for Python.
"""

from libc.stdint cimport uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

from sfu.engine.counters cimport DATAGRAMS_IN, RTCP_IN, STUN_ANSWERED
from sfu.engine.events cimport EVENT_ADDRESS_GONE, EVENT_PLACES, EVENT_SPEAKERS, events_push
from sfu.engine.feedback cimport feed_back, repair, report
from sfu.engine.forward cimport forward_ready, forward_waiting
from sfu.engine.lifecycle cimport transport_forget_address
from sfu.engine.lock cimport lock_give, lock_take
from sfu.engine.model cimport REPORT_PATIENCE_US, engine_t, publication_t, transport_t
from sfu.engine.outbound cimport burst_t, outbound_flush
from sfu.engine.pacing cimport pace
from sfu.engine.receive cimport receive
from sfu.engine.speakers cimport SPEAKERS_TOLD, mix_look, mix_places, mix_t
from sfu.engine.table cimport table_get
from sfu.engine.twcc cimport twcc_deadline

cdef enum:
    # Without a loop (tests) datagrams wait for drain(); beyond this they are dropped like by a full socket.
    DRAIN_BYTES = 268435456


cdef void core_lock(void *engine) noexcept nogil:
    lock_take(&(<engine_t *>engine).lock)


cdef bint core_unlock(void *engine) noexcept nogil:
    return lock_give(&(<engine_t *>engine).lock)


cdef inline void set_time(engine_t *e, int64_t now_us) noexcept nogil:
    if now_us > e.now_us:
        e.now_us = now_us
        e.send_time = <uint32_t>((<uint64_t>now_us % 64000000) * 262144 // 1000000) & 0xFFFFFF     # 6.18 seconds


cdef void core_input(void *engine, const address_t *source, uint8_t *data, uint32_t length, int64_t now_us) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    set_time(e, now_us)
    receive(e, source, data, length)


cdef uint64_t core_datagrams(const void *engine) noexcept nogil:
    return (<const engine_t *>engine).counters[<int>DATAGRAMS_IN]


cdef uint64_t core_routine(const void *engine) noexcept nogil:
    cdef const engine_t *e = <const engine_t *>engine
    return e.counters[<int>STUN_ANSWERED] + e.counters[<int>RTCP_IN]


cdef bint core_settle(void *engine, int64_t now_us) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    cdef bint more
    set_time(e, now_us)
    more = forward_ready(e)
    outbound_flush(&e.out)
    return more


cdef bint core_tick(void *engine, int64_t now_us) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    set_time(e, now_us)
    if 0 <= e.repair_due_us <= e.now_us:
        repair(e)
    if 0 <= e.pace_due_us <= e.now_us:
        pace(e)
    tell_speakers(e)
    feed_back(e)
    report(e)
    return core_settle(e, now_us)


cdef void tell_speakers(engine_t *e) noexcept nogil:
    cdef uint32_t speaking[SPEAKERS_TOLD]
    cdef mix_t *m = e.mixes
    cdef int count
    while m != NULL:
        if 0 <= m.due_us <= e.now_us:
            count = mix_look(m, e.now_us, speaking)
            if count >= 0:
                events_push(&e.events, EVENT_SPEAKERS, 0, m.id, NULL, <const uint8_t *>speaking, 4 * <uint32_t>count)
            count = mix_places(m, speaking)
            if count >= 0:
                events_push(&e.events, EVENT_PLACES, 0, m.id, NULL, <const uint8_t *>speaking, 4 * <uint32_t>count)
        m = m.next


cdef inline int64_t sooner(int64_t a, int64_t b) noexcept nogil:
    if a < 0:
        return b
    return b if 0 <= b < a else a


cdef bint core_reports_due(void *engine, int64_t now_us) noexcept nogil:
    cdef const transport_t *t = (<engine_t *>engine).reports
    return t != NULL and t.report_due_us <= now_us


cdef int64_t core_deadline(void *engine) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    cdef int64_t due = sooner(e.repair_due_us, e.pace_due_us)
    cdef publication_t *p = e.queued
    cdef transport_t *t = e.feedback
    cdef mix_t *m = e.mixes
    if forward_waiting(e):
        return e.now_us
    if e.reports != NULL:
        due = sooner(due, e.reports.report_due_us + REPORT_PATIENCE_US)
    while p != NULL:
        due = sooner(due, p.gather_until_us)
        p = p.queued_next
    while t != NULL:
        due = sooner(due, twcc_deadline(&t.twcc))
        t = t.feedback_next
    while m != NULL:
        due = sooner(due, m.due_us)
        m = m.next
    return due


cdef void core_address_gone(void *engine, const address_t *address) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    cdef transport_t *t = <transport_t *>table_get(&e.by_address, address)
    if t == NULL:
        return
    transport_forget_address(e, t, address)
    events_push(&e.events, EVENT_ADDRESS_GONE, t.id, 0, address, NULL, 0)


# --- without a loop -------------------------------------------------------------------------------------------------


cdef bint drain_room(engine_t *e, uint64_t size) noexcept nogil:
    cdef uint64_t capacity = e.drained_capacity if e.drained_capacity else 65536
    cdef uint8_t *larger
    while e.drained_bytes + size > capacity:
        capacity *= 2
    if capacity > DRAIN_BYTES:
        return False
    if capacity > e.drained_capacity:
        larger = <uint8_t *>realloc(e.drained, capacity)
        if larger == NULL:
            return False
        e.drained = larger
        e.drained_capacity = capacity
    return True


cdef void keep_for_drain(void *context, outbound_t *out) noexcept nogil:
    """Each datagram as address, length, bytes."""
    cdef engine_t *e = <engine_t *>context
    cdef const burst_t *burst
    cdef uint32_t at
    cdef uint32_t size
    cdef uint32_t i
    out.bursts_sent += out.burst_count
    for i in range(out.burst_count):
        burst = &out.bursts[i]
        at = 0
        while at < burst.length:
            size = min(<uint32_t>burst.segment, burst.length - at)
            if not drain_room(e, sizeof(address_t) + 4 + size):
                out.dropped += 1
            else:
                memcpy(e.drained + e.drained_bytes, &burst.to, sizeof(address_t))
                memcpy(e.drained + e.drained_bytes + sizeof(address_t), &size, 4)
                memcpy(e.drained + e.drained_bytes + sizeof(address_t) + 4, e.out.arena + burst.offset + at, size)
                e.drained_bytes += sizeof(address_t) + 4 + size
            at += size


cdef void core_bind(void *engine, flush_fn flush, takes_frame_fn takes_frame, close_fn close, void *context) noexcept nogil:
    cdef engine_t *e = <engine_t *>engine
    e.out.flush = flush if flush != NULL else keep_for_drain
    e.out.takes_frame = takes_frame
    e.out.context = context if flush != NULL else engine
    e.close = <void *>close
    e.close_context = context
