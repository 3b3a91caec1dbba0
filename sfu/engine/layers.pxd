# Which frames of a stream one subscriber gets: decided here, done in forward.pyx.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from sfu.engine.dependency cimport structure_t
from sfu.engine.descriptor cimport descriptor_t

cdef enum:
    SELECTOR_FRAMES = 128       # frames whose fate is remembered: more than 1 s of three spatial layers at 30 frames/s
    ALL_LAYERS = 7              # wanted spatial or temporal layer: whatever there is

cdef enum verdict_t:
    VERDICT_DROP = 0
    VERDICT_SEND = 1
    VERDICT_SEND_LAST = 2       # the last packet of the picture for this subscriber: its marker is to be set
    VERDICT_DROP_LATE = 3       # not needed, but a number was left free for it

cdef struct selector_t:
    int64_t highest             # latest frame seen
    uint8_t spatial             # being sent
    uint8_t temporal
    int target                  # decode target being sent (dependency descriptor); -1: none chosen
    bint fresh                  # the last verdict was the first on its frame
    bint waits                  # a lower layer is wanted that cannot begin before a keyframe: what it needs was left out
    bint thinned                # VP9: lower spatial layers were left out since the last keyframe
    uint8_t top                 # VP9: the highest spatial layer that was sent since the last keyframe
    uint8_t topless             # VP9: how many pictures before this one came without it; at most TOPLESS
    bint topped                 # VP9: this one comes with it
    uint8_t kept[SELECTOR_FRAMES]   # spatial layers sent of each frame; UNDECIDED

# The encoding to be sent: the wanted one of those that are alive (a bit each), else the nearest below, else above.
cdef uint8_t choose_encoding(uint32_t alive, uint32_t count, uint8_t wanted) noexcept nogil

# A subscriber begins with the keyframe that `d` belongs to.
cdef void selector_begin(selector_t *s, const descriptor_t *d, uint8_t spatial, uint8_t temporal) noexcept nogil
# d.layered. keyframe: a keyframe begins with this packet. newest: none of a higher sequence number came before.
# structure: of the stream; needed where d.targeted. spatial, temporal: the highest that are wanted.
cdef verdict_t selector_decide(selector_t *s, const descriptor_t *d, const structure_t *structure, bint keyframe, bint newest, uint8_t spatial, uint8_t temporal) noexcept nogil
# How many of the frames after this one, as far as is remembered, were left out in time.
cdef uint32_t selector_dropped_after(const selector_t *s, int64_t frame) noexcept nogil
