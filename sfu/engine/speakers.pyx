"""Of many open microphones the loudest few, by the level that each packet carries (RFC 6464).

Theory of operation. A voice that starts is forwarded from its first loud packet on: choosing looks at that packet, not at
an average, as long as there is a place. Places are kept: who has spoken stays until somebody else needs the place, so
pauses between sentences cost nothing, and silence is forwarded of at most as many as there are places. When all places are
taken, one that has been silent for a second gives way at once; else the newcomer must be louder than the quietest by a
margin, smoothed over a few packets, and that one must have had its place for a second. So two voices of the same loudness do
not take turns by the syllable.

Places are numbered, and a listener has one stream for each (slots.pyx), so it matters who sits where: nobody moves from one
place to another, and who comes back gets the place of last time if it is free.

Who speaks, for people to see, is told apart from that: from the smoothed level, so that a cough or a key is not seen, kept for
most of a second, so that a name does not flicker, and at most five times a second.

Everything here is per packet and group; the subscribers, however many, cost nothing.
"""

from libc.stdint cimport int8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

cdef enum:
    LOWEST_DBOV = 127
    LOUD = 72                   # -55 dBov: speech before a microphone with gain control is at -20 to -40, a quiet room below -60
    UNKNOWN = 74                # without a level: heard while there is a place, never before somebody who is known to be loud
    MARGIN = 6                  # dB: twice the amplitude
    ATTACK_US = 40000           # smoothing upwards: two packets
    DECAY_US = 400000           # and downwards: the pauses between words
    PAUSE_US = 100000           # silence for so long, and what comes is a beginning
    QUIET_US = 1000000
    HOLD_US = 1000000
    SHOWN_US = 800000
    TELL_US = 200000


cdef void mix_init(mix_t *m, uint32_t id, uint32_t limit) noexcept nogil:
    m.id = id
    m.limit = limit
    m.voices = NULL
    m.slot_count = 0
    m.rest = NULL
    memset(m.chosen, 0, sizeof(m.chosen))
    memset(m.slots, 0, sizeof(m.slots))
    m.changed = False
    m.moved = False
    m.told_us = 0
    m.due_us = -1
    m.next = NULL


cdef void look_soon(mix_t *m, int64_t now_us) noexcept nogil:
    if m.due_us < 0:
        m.due_us = now_us if now_us - m.told_us >= TELL_US else m.told_us + TELL_US


cdef int hush(voice_t *v) noexcept nogil:
    """Takes the voice its place; returns that, or -1."""
    cdef mix_t *m = v.mix
    cdef int place = v.place
    if place >= 0:
        m.chosen[place] = NULL
        m.moved = True
    v.place = -1
    v.heard = v.always
    m.changed |= v.speaking
    v.speaking = False
    if m.moved or m.changed:
        look_soon(m, v.packet_us)
    return place


cdef int mix_shrink(mix_t *m, uint32_t limit) noexcept nogil:
    cdef uint32_t place
    m.limit = limit
    for place in range(limit, <uint32_t>MAX_LOUDEST):
        if m.chosen[place] != NULL:
            return hush(m.chosen[place])
    return -1


cdef void mix_join(mix_t *m, voice_t *v) noexcept nogil:
    v.mix = m
    v.next = m.voices
    v.heard = v.always
    v.place = -1
    v.last_place = -1
    v.speaking = False
    v.loudness = 0
    v.packet_us = 0
    v.loud_us = 0
    m.voices = v


cdef int mix_leave(voice_t *v) noexcept nogil:
    cdef voice_t **link = &v.mix.voices
    cdef int place = hush(v)
    while link[0] != v:
        link = &link[0].next
    link[0] = v.next
    return place


# --- one packet ------------------------------------------------------------------------------------------------


cdef void smooth(voice_t *v, double loudness, int64_t now_us) noexcept nogil:
    cdef double window = ATTACK_US if loudness > v.loudness else DECAY_US
    cdef double share = <double>(now_us - v.packet_us) / window
    # a first packet, or one after a pause, counts as one of the usual 20 ms
    if v.packet_us == 0 or share > 0.5:
        share = 0.5
    v.loudness += (loudness - v.loudness) * share
    v.packet_us = now_us


cdef bint gives_way(const voice_t *v, const voice_t *to, int64_t now_us) noexcept nogil:
    if now_us - v.loud_us > QUIET_US:
        return True
    return now_us - v.chosen_us > HOLD_US and to.loudness > v.loudness + MARGIN


cdef int free_place(const mix_t *m, const voice_t *v) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t last = <uint32_t>v.last_place
    if last < m.limit and m.chosen[last] == NULL:
        return <int>last
    for i in range(m.limit):
        if m.chosen[i] == NULL:
            return <int>i
    return -1


cdef voice_t *quietest(const mix_t *m, int64_t now_us) noexcept nogil:
    """Where all places are taken."""
    cdef voice_t *found = m.chosen[0]
    cdef uint32_t i
    for i in range(1, m.limit):
        if now_us - found.loud_us > QUIET_US and m.chosen[i].loud_us >= found.loud_us:
            continue
        if m.chosen[i].loudness < found.loudness or now_us - m.chosen[i].loud_us > QUIET_US:
            found = m.chosen[i]
    return found


cdef bint choose(voice_t *v, int64_t now_us) noexcept nogil:
    cdef mix_t *m = v.mix
    cdef voice_t *other
    cdef int place = free_place(m, v)
    if place < 0:
        other = quietest(m, now_us)
        place = other.place
        if place < 0 or not gives_way(other, v, now_us):
            return False
        hush(other)
    m.chosen[place] = v
    m.moved = True
    v.place = v.last_place = <int8_t>place
    v.heard = True
    v.chosen_us = now_us
    return True


cdef bint voice_packet(voice_t *v, int level, int64_t now_us) noexcept nogil:
    cdef mix_t *m = v.mix
    cdef bint seated = False
    cdef double loudness = LOWEST_DBOV - (level & 0x7F) if level >= 0 else UNKNOWN
    smooth(v, loudness, now_us)
    if loudness >= LOUD:
        if now_us - v.loud_us > PAUSE_US:
            v.began_us = now_us
        v.loud_us = now_us
        if not v.heard and m.limit > 0:
            seated = choose(v, now_us)
    if not v.speaking and v.heard and level >= 0 and v.loudness >= LOUD:
        v.speaking = True
        m.changed = True
    if m.changed or m.moved or v.speaking:
        look_soon(m, now_us)
    return seated


# --- the clock -------------------------------------------------------------------------------------------------


cdef int mix_look(mix_t *m, int64_t now_us, uint32_t *speaking) noexcept nogil:
    cdef voice_t *v = m.voices
    cdef int found = 0
    while v != NULL:
        if v.speaking and now_us - v.loud_us > SHOWN_US:
            v.speaking = False
            m.changed = True
        if v.speaking and found < SPEAKERS_TOLD:
            speaking[found] = v.id
            found += 1
        v = v.next
    m.due_us = now_us + TELL_US if found else -1
    if not m.changed:
        return -1
    m.changed = False
    m.told_us = now_us
    return found


cdef int mix_places(mix_t *m, uint32_t *places) noexcept nogil:
    cdef uint32_t i
    if not m.moved:
        return -1
    m.moved = False
    for i in range(m.limit):
        places[i] = m.chosen[i].id if m.chosen[i] != NULL else 0
    return <int>m.limit


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class SpeakerGroup:
    cdef mix_t m
    cdef dict voices

    def __init__(self, uint32_t limit):
        mix_init(&self.m, 1, limit)
        self.voices = {}

    def __dealloc__(self):
        cdef voice_t *v = self.m.voices
        cdef voice_t *following
        while v != NULL:
            following = v.next
            free(v)
            v = following

    def join(self, uint32_t id, *, bint always=False):
        cdef voice_t *v = <voice_t *>calloc(1, sizeof(voice_t))
        if v == NULL:
            raise MemoryError
        v.id = id
        v.always = always
        mix_join(&self.m, v)
        self.voices[id] = <size_t>v

    def leave(self, uint32_t id):
        cdef voice_t *v = <voice_t *><size_t>self.voices.pop(id)
        mix_leave(v)
        free(v)

    def packet(self, uint32_t id, int level, int64_t now_us):
        cdef voice_t *v = <voice_t *><size_t>self.voices[id]
        voice_packet(v, level, now_us)
        return bool(v.heard)

    def look(self, int64_t now_us):
        cdef uint32_t speaking[SPEAKERS_TOLD]
        cdef int count = mix_look(&self.m, now_us, speaking)
        return None if count < 0 else sorted(speaking[i] for i in range(count))

    def places(self):
        cdef uint32_t ids[MAX_LOUDEST]
        cdef int count = mix_places(&self.m, ids)
        return None if count < 0 else [ids[i] for i in range(count)]

    @property
    def due_us(self):
        return self.m.due_us

    @property
    def heard(self):
        return sorted(id for id, at in self.voices.items() if (<voice_t *><size_t>at).heard)
