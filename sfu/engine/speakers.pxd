# Of many open microphones the loudest few.
from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    MAX_LOUDEST = 16            # of one group: beyond, nobody understands a word
    SPEAKERS_TOLD = 32          # in one event: those that are heard, and those that are always

cdef struct voice_t:            # one microphone of a group
    mix_t *mix
    voice_t *next
    uint32_t id                 # the publication's
    void *owner
    bint always                 # heard whatever the others do
    bint heard                  # forwarded
    bint speaking
    double loudness             # smoothed, dB above the lowest level there is (RFC 6464: -127 dBov)
    int64_t packet_us           # the last packet
    int64_t loud_us             # the last loud one
    int64_t began_us            # the first loud one after a pause
    int64_t chosen_us

cdef struct mix_t:              # a group of microphones of which only the loudest are forwarded
    uint32_t id
    uint32_t limit
    voice_t *voices
    voice_t *chosen[MAX_LOUDEST]
    uint32_t chosen_count
    bint changed                # who speaks, since it was told
    int64_t told_us
    int64_t due_us              # next look; -1: none needed
    mix_t *next

cdef void mix_init(mix_t *m, uint32_t id, uint32_t limit) noexcept nogil
# At most `limit` from now on; returns one that is no longer heard, or NULL: call again until then.
cdef voice_t *mix_shrink(mix_t *m, uint32_t limit) noexcept nogil
cdef void mix_join(mix_t *m, voice_t *v) noexcept nogil
cdef void mix_leave(voice_t *v) noexcept nogil
# A packet came. level: RFC 6464's byte, or -1 for none. Sets v.heard; returns who had to make room, or NULL.
cdef voice_t *voice_packet(voice_t *v, int level, int64_t now_us) noexcept nogil
# What the clock brings: fills `speaking` with the ids to be told and returns their number, or -1 when there is nothing new.
cdef int mix_look(mix_t *m, int64_t now_us, uint32_t *speaking) noexcept nogil
