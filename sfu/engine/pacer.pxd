# The pictures of one thin downlink, waiting for their turn.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    # A second of a link below FAT_BPS seldom has more; what is more is left out in whole pictures.
    PACER_PACKETS = 256
    # A picture that waited longer is left out: it would come too late to be of use, and those behind it later still.
    PACER_PATIENCE_US = 1000000
    # A keyframe that is asked for now comes about then: round trip to the publisher, and a picture's time.
    KEYFRAME_LEAD_US = 100000

cdef struct waiting_t:          # a packet in its publication's cache
    void *subscription          # subscription_t
    int64_t sequence
    int64_t queued_us
    uint8_t layer

cdef struct pacer_t:
    waiting_t waiting[PACER_PACKETS]
    uint32_t head
    uint32_t count
    bint ending                 # the link is no longer thin: free it when nothing waits
    double bps
    double free_us              # when the link will have carried what was sent
    int64_t hold_us             # nothing goes before: a queue on the way is to empty first
    uint64_t seen_bytes         # of the transport's bytes_out
    int64_t waited_us           # of the packet that is being sent now

cdef pacer_t *pacer_new(uint64_t seen_bytes, int64_t now_us) noexcept nogil       # NULL: out of memory; free() ends it
# False: full.
cdef bint pacer_put(pacer_t *p, void *subscription, uint8_t layer, int64_t sequence, int64_t now_us) noexcept nogil
# The packet whose turn it is: True. False: none, or not yet.
cdef bint pacer_take(pacer_t *p, waiting_t *packet, int64_t now_us) noexcept nogil
# Whatever was sent on the transport since the last call keeps its link busy.
cdef void pacer_charge(pacer_t *p, uint64_t bytes_out, int64_t now_us) noexcept nogil
# When pacer_take will have something; -1 for never.
cdef int64_t pacer_deadline(const pacer_t *p) noexcept nogil
# Whether pictures that come now would only wait for a queue on the way to empty.
cdef bint pacer_held(const pacer_t *p, int64_t now_us) noexcept nogil
# Drops what waits for this subscription.
cdef void pacer_forget(pacer_t *p, const void *subscription) noexcept nogil
