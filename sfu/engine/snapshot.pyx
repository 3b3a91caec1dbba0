"""All transports with their streams at one moment, and what went on between two moments.

Theory of operation. Thousands of dicts a second would cost more than the packets they tell of. So a snapshot copies the
counters into two plain arrays: one row per transport in the order of their ids, one row per stream, those of a transport
side by side. Two snapshots are compared in one walk through both (ids are never used twice, so a merge finds the pairs),
and Python gets the result as one array, a row per transport (SAMPLE).

The engine's lock is held for the copying only: 0.15 ms for 1,000 transports with two streams each. Within a second the
processor's caches forget what there is to copy of each, some fourteen lines of memory behind three pointers; so those are asked
for while others are copied, as for writing (ahead.pxd).
"""

from typing import NamedTuple

from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from sfu.engine.ahead cimport fetch
from sfu.engine.bandwidth cimport bandwidth_bps
from sfu.engine.core cimport core_unlock
from sfu.engine.engine cimport Engine
from sfu.engine.model cimport LAYER_SILENT_US, engine_t, layer_t, publication_t, subscription_t, transport_t

import numpy as np


class StreamTotals(NamedTuple):
    id: int
    publication: int
    outgoing: bool
    video: bool
    paused: bool
    layer: int
    wanted: int
    packets: int
    bytes: int
    expected: int
    repaired: int
    nacks: int
    plis: int
    keyframes: int
    shed: int
    stalls: int
    first_s: float
    lost: float
    jitter_s: float
    round_trip_s: float


# As sample_t has them.
SAMPLE = np.dtype(
    [
        ("transport", np.uint32),
        ("videos", np.uint32),
        ("stalled", np.uint32),
        ("layer", np.int32),
        ("wanted", np.int32),
        ("received", np.uint64),
        ("sent", np.uint64),
        ("shed", np.uint64),
        ("received_bps", np.float64),
        ("sent_bps", np.float64),
        ("lost_up", np.float64),
        ("missing_up", np.float64),
        ("lost_down", np.float64),
        ("repaired_down", np.float64),
        ("round_trip_s", np.float64),
        ("jitter_up_s", np.float64),
        ("jitter_down_s", np.float64),
        ("estimate_bps", np.float64),
    ],
    align=True,
)
if SAMPLE.itemsize != sizeof(sample_t):
    raise ImportError("SAMPLE and sample_t differ")


# --- copying ----------------------------------------------------------------------------------------------------


cdef void copy_layer(stream_row_t *row, const engine_t *e, const layer_t *layer) noexcept:
    if not layer.started:
        return
    row.packets += layer.reception.packets
    row.bytes += layer.reception.bytes
    row.repaired += layer.reception.repaired
    row.nacks += layer.nacks
    row.plis += layer.plis
    row.keyframes += layer.keyframes
    if layer.reception.first >= 0:
        row.expected += <uint64_t>(layer.reception.highest - layer.reception.first + 1)
    if e.now_us - layer.last_us < LAYER_SILENT_US:
        row.layer = layer.index
        if layer.reception.clock_rate:
            row.jitter_s = max(row.jitter_s, layer.reception.jitter / layer.reception.clock_rate)


cdef void copy_publication(stream_row_t *row, const engine_t *e, const publication_t *p) noexcept:
    cdef uint32_t i
    memset(row, 0, sizeof(stream_row_t))
    row.id = p.id
    row.publication = p.id
    row.video = p.video
    row.layer = -1
    row.wanted = <uint8_t>(p.layer_count - 1) if p.layer_count else 0
    for i in range(p.layer_count):
        copy_layer(row, e, &p.layers[i])


cdef void copy_subscription(stream_row_t *row, const subscription_t *s) noexcept:
    cdef const publication_t *p = s.publication
    cdef uint32_t i
    memset(row, 0, sizeof(stream_row_t))
    row.id = s.id
    row.publication = p.id
    row.outgoing = True
    row.video = p.video
    row.paused = s.paused
    row.layer = s.layer
    row.wanted = s.wanted_layer
    if p.layer_count == 1 and s.selector != NULL:
        row.wanted = <uint8_t>min(<uint32_t>s.wanted_spatial, max(p.layers[0].spatial_count, 1) - 1)
        if s.layer >= 0:
            row.layer = <int8_t>s.selector.spatial
    row.packets = s.packets
    row.bytes = s.bytes
    row.repaired = s.resent
    row.nacks = s.nacks
    row.plis = s.plis
    row.shed = s.frames_shed
    row.first_us = s.first_frame_us
    row.lost = s.fraction_lost / 256.0
    row.rtt_us = s.rtt_us
    if p.clock_rate:
        row.jitter_s = <double>s.jitter / p.clock_rate
    for i in range(p.layer_count):
        if p.layers[i].started:
            row.expected += p.layers[i].reception.packets
            row.keyframes += p.layers[i].keyframes


cdef void copy_transport(link_row_t *row, const transport_t *t) noexcept:
    row.id = t.id
    row.packets_in = t.packets_in
    row.bytes_in = t.bytes_in
    row.packets_out = t.packets_out
    row.bytes_out = t.bytes_out
    row.rtt_us = t.rtt_us
    row.lost = -1
    row.estimate_bps = <double>t.remb_bps
    if t.bandwidth != NULL:
        if t.bandwidth.by_feedback:
            row.lost = t.bandwidth.loss
        if t.bandwidth.known:
            row.estimate_bps = bandwidth_bps(t.bandwidth)
        if row.rtt_us == 0:
            row.rtt_us = t.bandwidth.rtt_us


cdef enum:
    # Transports ahead; each step is some 100 ns.
    TRANSPORT_AHEAD = 6
    STREAMS_AHEAD = 4
    COUNTERS_AHEAD = 2


cdef void fetch_counters(const transport_t *t) noexcept nogil:
    cdef uint32_t i
    for i in range(t.subscription_count):
        fetch(t.subscriptions[i], sizeof(subscription_t))
    if t.bandwidth != NULL:
        fetch(t.bandwidth, 1)
        fetch(&t.bandwidth.loss, 1)
        fetch(&t.bandwidth.rtt_us, 1)


cdef void fetch_links(const transport_t *t) noexcept nogil:
    fetch(&t.bandwidth, 1)
    fetch(&t.packets_out, 1)
    fetch(&t.id, 1)
    fetch(&t.publication_count, 1)
    fetch(&t.remb_bps, 1)
    fetch(&t.packets_in, 1)


cdef void fetch_coming(const transport_t **transports, uint32_t count, uint32_t copied) noexcept nogil:
    """While the transport of that number is copied: a link further along the pointers the nearer the turn is."""
    if copied + TRANSPORT_AHEAD < count:
        fetch_links(transports[copied + TRANSPORT_AHEAD])
    if copied + STREAMS_AHEAD < count:
        fetch(transports[copied + STREAMS_AHEAD].subscriptions, 1)
    if copied + COUNTERS_AHEAD < count:
        fetch_counters(transports[copied + COUNTERS_AHEAD])


# --- comparing --------------------------------------------------------------------------------------------------


cdef inline uint64_t grown(uint64_t before, uint64_t after) noexcept:
    """A stream that began anew counts from zero."""
    return after - before if after >= before else after


cdef const stream_row_t *same_stream(const stream_row_t *rows, uint32_t count, uint32_t near, uint32_t id) noexcept:
    """Nearly always where it was."""
    cdef uint32_t i
    if near < count and rows[near].id == id:
        return &rows[near]
    for i in range(count):
        if rows[i].id == id:
            return &rows[i]
    return NULL


cdef struct sums_t:
    uint64_t expected
    uint64_t arrived            # of those, without repairs
    uint64_t repaired
    uint64_t sent
    uint64_t resent
    double reported             # packets that the peers' reports say were lost
    uint64_t largest            # bytes of the largest video


cdef void add_incoming(sample_t *s, sums_t *sums, const stream_row_t *b, const stream_row_t *a) noexcept:
    cdef uint64_t repaired = grown(b.repaired, a.repaired)
    cdef uint64_t packets = grown(b.packets, a.packets)
    sums.expected += grown(b.expected, a.expected)
    sums.arrived += packets - min(repaired, packets)
    sums.repaired += repaired
    s.jitter_up_s = max(s.jitter_up_s, a.jitter_s)


cdef void add_outgoing(sample_t *s, sums_t *sums, const stream_row_t *b, stream_row_t *a) noexcept:
    cdef uint64_t packets = grown(b.packets, a.packets)
    cdef uint64_t bytes_ = grown(b.bytes, a.bytes)
    sums.sent += packets
    sums.resent += grown(b.repaired, a.repaired)
    sums.reported += packets * a.lost
    s.shed += grown(b.shed, a.shed)
    if packets:
        s.jitter_down_s = max(s.jitter_down_s, a.jitter_s)
    a.stalls = b.stalls
    if not a.video or a.paused:
        return
    s.videos += 1
    if packets == 0 and not b.paused and grown(b.expected, a.expected) > 0:
        s.stalled += 1
        a.stalls += 1
    if s.videos == 1 or bytes_ > sums.largest:
        sums.largest = bytes_
        s.layer = a.layer
        s.wanted = a.wanted


cdef inline double share(double part, double whole) noexcept:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


cdef void compare(
    sample_t *s, const link_row_t *b, const stream_row_t *before, const link_row_t *a, stream_row_t *after, double passed
) noexcept:
    cdef sums_t sums
    cdef const stream_row_t *old
    cdef uint32_t i
    memset(&sums, 0, sizeof(sums))
    s.transport = a.id
    s.received = grown(b.packets_in, a.packets_in)
    s.sent = grown(b.packets_out, a.packets_out)
    s.received_bps = 8 * grown(b.bytes_in, a.bytes_in) / passed
    s.sent_bps = 8 * grown(b.bytes_out, a.bytes_out) / passed
    s.round_trip_s = a.rtt_us / 1e6
    s.estimate_bps = a.estimate_bps
    s.layer = s.wanted = -1
    for i in range(a.count):
        old = same_stream(before + b.first, b.count, i, after[a.first + i].id)
        if old == NULL:
            continue
        if after[a.first + i].outgoing:
            add_outgoing(s, &sums, old, &after[a.first + i])
        else:
            add_incoming(s, &sums, old, &after[a.first + i])
    s.lost_up = share(<double>sums.expected - <double>sums.arrived, sums.expected)
    s.missing_up = share(<double>sums.expected - <double>(sums.arrived + sums.repaired), sums.expected)
    s.repaired_down = share(sums.resent, sums.sent)
    if sums.sent:
        s.lost_down = a.lost if a.lost >= 0 else share(sums.reported, sums.sent)


cdef class StatsSnapshot:
    def __cinit__(self, Engine engine not None, double now):
        cdef engine_t *e = engine.lock()
        cdef const transport_t **transports = <const transport_t **>malloc((len(engine.transports) + 1) * sizeof(transport_t *))
        cdef uint32_t count = 0
        cdef uint32_t i
        cdef bint complete = transports != NULL
        self.now = now
        if complete:
            for address in engine.transports.values():
                transports[count] = <const transport_t *><size_t>address
                count += 1
        for i in range(count):
            fetch_coming(transports, count, i)
            complete = complete and self.add(e, transports[i])
        core_unlock(e)
        free(transports)
        if not complete:
            raise MemoryError

    def __dealloc__(self):
        free(self.links)
        free(self.streams_)

    def __len__(self):
        return self.link_count

    cdef bint add(self, const engine_t *e, const transport_t *t) noexcept:
        cdef uint32_t needed = self.stream_count + t.publication_count + t.subscription_count
        cdef void *larger
        cdef link_row_t *row
        cdef uint32_t i
        if self.link_count == self.link_capacity:
            larger = realloc(self.links, (self.link_capacity * 2 + 64) * sizeof(link_row_t))
            if larger == NULL:
                return False
            self.links = <link_row_t *>larger
            self.link_capacity = self.link_capacity * 2 + 64
        if needed > self.stream_capacity:
            larger = realloc(self.streams_, (needed * 2 + 64) * sizeof(stream_row_t))
            if larger == NULL:
                return False
            self.streams_ = <stream_row_t *>larger
            self.stream_capacity = needed * 2 + 64
        row = &self.links[self.link_count]
        copy_transport(row, t)
        row.first = self.stream_count
        row.count = t.publication_count + t.subscription_count
        for i in range(t.publication_count):
            copy_publication(&self.streams_[row.first + i], e, t.publications[i])
        for i in range(t.subscription_count):
            copy_subscription(&self.streams_[row.first + t.publication_count + i], t.subscriptions[i])
        self.link_count += 1
        self.stream_count = needed
        return True

    cdef const link_row_t *find(self, uint32_t transport) noexcept:
        cdef uint32_t low = 0
        cdef uint32_t high = self.link_count
        cdef uint32_t middle
        while low < high:
            middle = (low + high) // 2
            if self.links[middle].id < transport:
                low = middle + 1
            else:
                high = middle
        return &self.links[low] if low < self.link_count and self.links[low].id == transport else NULL

    def since(self, StatsSnapshot before not None):
        cdef double passed = self.now - before.now
        cdef uint32_t at = 0
        cdef uint32_t count = 0
        cdef uint32_t i
        cdef bytearray found = bytearray(self.link_count * sizeof(sample_t))
        cdef sample_t *samples = <sample_t *>PyByteArray_AS_STRING(found)
        for i in range(self.link_count if passed > 0 else 0):
            while at < before.link_count and before.links[at].id < self.links[i].id:
                at += 1
            if at == before.link_count:
                break
            if before.links[at].id == self.links[i].id:
                compare(&samples[count], &before.links[at], before.streams_, &self.links[i], self.streams_, passed)
                count += 1
        return np.frombuffer(found, SAMPLE, count) if count else np.empty(0, SAMPLE)

    def streams(self, uint32_t transport):
        cdef const link_row_t *link = self.find(transport)
        cdef const stream_row_t *s
        cdef list found = []
        cdef uint32_t i
        if link == NULL:
            return found
        for i in range(link.count):
            s = &self.streams_[link.first + i]
            found.append(
                StreamTotals(
                    s.id, s.publication, bool(s.outgoing), bool(s.video), bool(s.paused), s.layer, s.wanted,
                    s.packets, s.bytes, s.expected, s.repaired, s.nacks, s.plis, s.keyframes, s.shed, s.stalls,
                    s.first_us / 1e6 if s.outgoing and s.first_us >= 0 else -1.0,
                    s.lost, s.jitter_s, s.rtt_us / 1e6,
                )
            )
        return found
