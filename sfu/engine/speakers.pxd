# Of many open microphones the loudest few, each in a place of its own.
from libc.stdint cimport int8_t, int16_t, int64_t, uint8_t, uint32_t

cdef enum:
    MAX_LOUDEST = 16            # of one group: beyond, nobody understands a word
    SPEAKERS_TOLD = 32          # in one event: those that are heard, and those that are always

cdef struct voice_t:            # one microphone of a group
    mix_t *mix
    voice_t *next
    uint32_t id                 # the publication's
    uint32_t party              # whose it is, a number of the caller's; 0: nobody's
    void *owner                 # the publication
    bint always                 # takes no place: heard by those who subscribe to it, whatever the others do
    bint heard                  # it has a place, or needs none
    int8_t place                # -1: none
    int8_t last_place
    bint speaking
    double loudness             # smoothed, dB above the lowest level there is (RFC 6464: -127 dBov)
    int64_t packet_us           # the last packet
    int64_t loud_us             # the last loud one
    int64_t began_us            # the first loud one after a pause
    int64_t chosen_us

cdef struct slot_t:             # one listener's share in one place (slots.pyx)
    mix_t *mix
    slot_t *next
    slot_t *previous
    void *subscription          # that carries whoever has the place
    uint32_t party              # who listens: does not get their own voice
    uint8_t place
    int16_t opus                # payload types on the listener's connection; -1: not taken
    int16_t red

cdef struct mix_t:              # a group of microphones of which only the loudest are heard
    uint32_t id
    uint32_t limit
    voice_t *voices
    voice_t *chosen[MAX_LOUDEST]    # by place; NULL: free
    slot_t *slots[MAX_LOUDEST]      # by place: who listens
    uint32_t slot_count
    void *rest                  # publication_t of nobody's: where slots stand while their place has no voice for them
    bint changed                # who speaks, since it was told
    bint moved                  # who has which place, since it was told
    int64_t told_us
    int64_t due_us              # next look; -1: none needed
    mix_t *next

cdef void mix_init(mix_t *m, uint32_t id, uint32_t limit) noexcept nogil
# At most `limit` from now on. Returns a place that has been vacated, or -1: call again until then.
cdef int mix_shrink(mix_t *m, uint32_t limit) noexcept nogil
cdef void mix_join(mix_t *m, voice_t *v) noexcept nogil
# Returns the place that it had, or -1.
cdef int mix_leave(voice_t *v) noexcept nogil
# A packet came. level: RFC 6464's byte, or -1 for none. True: v has just got a place.
cdef bint voice_packet(voice_t *v, int level, int64_t now_us) noexcept nogil
# What the clock brings: fills `speaking` with the ids to be told and returns their number, or -1 when there is nothing new.
cdef int mix_look(mix_t *m, int64_t now_us, uint32_t *speaking) noexcept nogil
# After it: fills `places` with the id in each place, 0 for nobody, and returns their number, or -1 when nothing moved.
cdef int mix_places(mix_t *m, uint32_t *places) noexcept nogil
