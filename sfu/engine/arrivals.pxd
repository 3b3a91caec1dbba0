# Transport-wide feedback, read (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1): which packets came, and when.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

cdef enum:
    # Packets one feedback may speak of. Chromium reports ten times a second or more, so this is 40,000 packets/s; and it
    # bounds what a peer's lie can cost.
    MAX_ARRIVALS = 4096

cdef struct arrivals_t:
    # Fixed part
    uint16_t base               # first sequence number
    uint32_t count              # packets spoken of
    uint32_t reference          # 24 bits, of 64 ms
    # Where reading stands
    const uint8_t *chunks
    const uint8_t *deltas
    uint32_t done
    uint16_t chunk
    uint32_t chunk_left         # symbols of it still to come
    int32_t ticks               # 250 us since the reference, of the last received packet

cdef struct arrival_t:
    uint16_t sequence
    bint received
    int32_t ticks               # 250 us since the feedback's reference time; only when received

# body: what stands behind the two SSRCs. 0, or -1 when it is malformed; then nothing of it is to be believed.
cdef int arrivals_open(arrivals_t *a, const uint8_t *body, uint32_t length) noexcept nogil
# The next packet: True, or False at the end. Never fails after a good arrivals_open.
cdef bint arrivals_next(arrivals_t *a, arrival_t *packet) noexcept nogil
