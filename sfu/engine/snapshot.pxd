# The counters of everything at one moment, compact, so that a look at all of it once a second costs next to nothing.
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from sfu.engine.model cimport engine_t, transport_t

cdef struct stream_row_t:       # a publication or a subscription; counters since it began
    uint32_t id
    uint32_t publication        # its own id for a publication
    bint outgoing               # a subscription
    bint video
    bint paused
    int8_t layer                # publication: the highest that is active; subscription: being sent, -1 while it waits
    uint8_t wanted              # publication: the highest there is; subscription: the highest that is wanted
    uint64_t packets
    uint64_t bytes
    uint64_t expected           # publication: by sequence numbers; subscription: packets of the publication that came in
    uint64_t repaired           # publication: of `packets`, came as repeats; subscription: sent again
    uint64_t nacks
    uint64_t plis
    uint64_t keyframes
    uint64_t shed               # pictures left out
    uint32_t stalls             # subscription: comparisons in a row of snapshots in which it stood still, kept by them
    int64_t first_us            # subscription: what its first packet took to leave; -1: there was none
    double lost                 # fraction that the peer reported last
    double jitter_s
    int64_t rtt_us

cdef struct link_row_t:         # a transport
    uint32_t id
    uint32_t first              # its streams: first..first+count-1
    uint32_t count
    uint64_t packets_in
    uint64_t bytes_in
    uint64_t packets_out
    uint64_t bytes_out
    int64_t rtt_us
    double lost                 # fraction of what we sent, by transport-wide feedback; negative: no such feedback
    double estimate_bps         # 0: not known

cdef struct sample_t:           # what a transport did between two moments; snapshot.pyi has what each means
    uint32_t transport
    uint32_t videos
    uint32_t stalled
    int32_t layer
    int32_t wanted
    uint64_t received
    uint64_t sent
    uint64_t shed
    double received_bps
    double sent_bps
    double lost_up
    double missing_up
    double lost_down
    double repaired_down
    double round_trip_s
    double jitter_up_s
    double jitter_down_s
    double estimate_bps

cdef class StatsSnapshot:
    cdef link_row_t *links
    cdef stream_row_t *streams_
    cdef uint32_t link_count
    cdef uint32_t link_capacity
    cdef uint32_t stream_count
    cdef uint32_t stream_capacity
    cdef readonly double now
    # One more transport, in the order of ids; with the engine's lock. False: out of memory.
    cdef bint add(self, const engine_t *e, const transport_t *t) noexcept
    cdef const link_row_t *find(self, uint32_t transport) noexcept
