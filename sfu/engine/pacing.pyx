"""Thin links and probes: what the clock brings to the transports that are listed for it."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free

from sfu.engine.bandwidth cimport bandwidth_deadline, bandwidth_probe, bandwidth_probe_failed, bandwidth_probe_size
from sfu.engine.cache cimport cache_get, packet_t
from sfu.engine.forward cimport forward_now
from sfu.engine.lifecycle cimport unlist_paced
from sfu.engine.model cimport layer_t, subscription_t, transport_t
from sfu.engine.pacer cimport pacer_charge, pacer_deadline, pacer_t, pacer_take, waiting_t
from sfu.engine.write cimport PADDING_LATER, PADDING_NO_PLACE, padding_t, send_padding

cdef enum:
    LATER_US = 2000             # a packet of a picture at 5 Mbit/s


cdef inline bint reachable(const transport_t *t) noexcept nogil:
    return t.keyed and t.has_address


cdef inline int64_t sooner(int64_t a, int64_t b) noexcept nogil:
    if a < 0:
        return b
    return b if 0 <= b < a else a


cdef void pace(engine_t *e) noexcept nogil:
    cdef transport_t *t = e.paced
    cdef transport_t *following
    cdef int64_t due = -1
    cdef int64_t next
    while t != NULL:
        following = t.paced_next
        next = sooner(send_waiting(e, t), send_probe(e, t))
        if next < 0:
            unlist_paced(e, t)
        due = sooner(due, next)
        t = following
    e.pace_due_us = due


cdef void send_one(engine_t *e, transport_t *t, const waiting_t *waiting) noexcept nogil:
    cdef subscription_t *s = <subscription_t *>waiting.subscription
    cdef layer_t *layer = &s.publication.layers[waiting.layer]
    cdef const packet_t *packet = cache_get(&layer.cache, waiting.sequence)
    cdef uint8_t padding = 0
    if packet != NULL and not s.paused and reachable(t):
        forward_now(e, s, &layer, &packet, &padding, 1)


cdef int64_t send_waiting(engine_t *e, transport_t *t) noexcept nogil:
    cdef pacer_t *p = t.pacer
    cdef waiting_t waiting
    if p == NULL:
        return -1
    pacer_charge(p, t.bytes_out, e.now_us)
    while pacer_take(p, &waiting, e.now_us):
        send_one(e, t, &waiting)
        pacer_charge(p, t.bytes_out, e.now_us)
    if p.ending and p.count == 0:
        free(p)
        t.pacer = NULL
        return -1
    return pacer_deadline(p)


cdef int64_t send_probe(engine_t *e, transport_t *t) noexcept nogil:
    cdef padding_t done
    if t.bandwidth == NULL:
        return -1
    while bandwidth_probe(t.bandwidth, e.now_us):
        done = PADDING_NO_PLACE
        if reachable(t):
            done = send_padding(e, t, t.bandwidth.probe.sent_packets, bandwidth_probe_size(t.bandwidth))
        if done == PADDING_LATER:
            return e.now_us + LATER_US
        if done == PADDING_NO_PLACE:
            bandwidth_probe_failed(t.bandwidth, e.now_us)
    return bandwidth_deadline(t.bandwidth)
