"""Who listens to a group of microphones: one stream for each place, whoever has it.

Theory of operation. A discussion of 300 rooms has 300 microphones, of which four are heard (speakers.pyx). A stream for each
of them would be 300 m-lines for each listener. So a listener has as many streams as there are places: a *slot* is a
subscription whose publication changes. Its SSRC stays, its numbers and its time go on, and a marker tells where somebody
else begins (forward.pyx, as after a pause). While nobody has the place, or the listener's own voice, the slot stands with
the group's `rest`, a publication that never sends: so a subscription always has a publication.

What it costs. A packet costs nothing more than without slots. A change of speakers costs each listener one move from list
to list; there are a few changes a second, however many microphones there are.

Bounded: `rest` has room for all slots of the group from the time they are opened, so that going back there needs no memory.
Where a move to a voice finds none, the listener does not hear it until the place changes again.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free, realloc

from sfu.engine.lifecycle cimport subscription_move
from sfu.engine.model cimport layer_t, publication_t, subscription_t
from sfu.engine.payload cimport CODEC_OPUS, CODEC_RED, codec_t
from sfu.engine.speakers cimport mix_init, voice_t

cdef enum:
    OPUS_CLOCK_HZ = 48000


# --- groups -----------------------------------------------------------------------------------------------------


cdef publication_t *rest_new() noexcept nogil:
    cdef publication_t *p = <publication_t *>calloc(1, sizeof(publication_t))
    if p == NULL:
        return NULL
    p.layers = <layer_t *>calloc(1, sizeof(layer_t))
    if p.layers == NULL:
        free(p)
        return NULL
    p.layers[0].publication = p
    p.layer_count = 1
    p.clock_rate = OPUS_CLOCK_HZ
    return p


cdef mix_t *group_find(engine_t *e, uint32_t group, uint32_t loudest) noexcept nogil:
    cdef mix_t *m = e.mixes
    while m != NULL and m.id != group:
        m = m.next
    if m != NULL:
        return m
    m = <mix_t *>calloc(1, sizeof(mix_t))
    if m == NULL:
        return NULL
    mix_init(m, group, loudest)
    m.rest = rest_new()
    if m.rest == NULL:
        free(m)
        return NULL
    m.next = e.mixes
    e.mixes = m
    return m


cdef void group_forget_if_empty(engine_t *e, mix_t *m) noexcept nogil:
    cdef publication_t *rest = <publication_t *>m.rest
    cdef mix_t **link = &e.mixes
    if m.voices != NULL or m.slot_count:
        return
    while link[0] != m:
        link = &link[0].next
    link[0] = m.next
    free(rest.layers)
    free(rest.subscriptions)
    free(rest)
    free(m)


# --- slots ------------------------------------------------------------------------------------------------------


cdef bint reserve_rest(mix_t *m) noexcept nogil:
    """Room for one slot more than there are."""
    cdef publication_t *rest = <publication_t *>m.rest
    cdef void *larger
    if m.slot_count < rest.subscription_capacity:
        return True
    larger = realloc(rest.subscriptions, (2 * m.slot_count + 4) * sizeof(subscription_t *))
    if larger == NULL:
        return False
    rest.subscriptions = <subscription_t **>larger
    rest.subscription_capacity = 2 * m.slot_count + 4
    return True


cdef void enter(slot_t *slot, mix_t *m) noexcept nogil:
    slot.mix = m
    slot.previous = NULL
    slot.next = m.slots[slot.place]
    if slot.next != NULL:
        slot.next.previous = slot
    m.slots[slot.place] = slot
    m.slot_count += 1


cdef void leave(slot_t *slot) noexcept nogil:
    if slot.next != NULL:
        slot.next.previous = slot.previous
    if slot.previous != NULL:
        slot.previous.next = slot.next
    else:
        slot.mix.slots[slot.place] = slot.next
    slot.mix.slot_count -= 1


cdef int slot_open(subscription_t *s, mix_t *m, uint32_t place, uint32_t party) noexcept nogil:
    if not reserve_rest(m):
        return -1
    s.slot = <slot_t *>calloc(1, sizeof(slot_t))
    if s.slot == NULL:
        return -1
    s.slot.subscription = s
    s.slot.place = <uint8_t>place
    s.slot.party = party
    s.slot.opus = -1
    s.slot.red = -1
    enter(s.slot, m)
    return 0


cdef int slot_tune(engine_t *e, subscription_t *s, mix_t *m) noexcept nogil:
    cdef mix_t *before = s.slot.mix
    if m == before:
        return 0
    if not reserve_rest(m) or not subscription_move(s, <publication_t *>m.rest):
        return -1
    leave(s.slot)
    enter(s.slot, m)
    follow(s.slot)
    group_forget_if_empty(e, before)
    return 0


cdef void slot_free(engine_t *e, slot_t *slot) noexcept nogil:
    leave(slot)
    group_forget_if_empty(e, slot.mix)
    free(slot)


# --- who has the place ------------------------------------------------------------------------------------------


cdef void set_formats(subscription_t *s) noexcept nogil:
    """What the listener took, in the order of this publication's formats."""
    cdef const publication_t *p = s.publication
    cdef codec_t codec
    cdef uint32_t i
    for i in range(p.format_count):
        codec = p.formats[i].codec
        s.formats[i].payload_type = -1
        if codec == CODEC_OPUS:
            s.formats[i].payload_type = s.slot.opus
        elif codec == CODEC_RED:
            s.formats[i].payload_type = s.slot.red


cdef void follow(slot_t *slot) noexcept nogil:
    cdef subscription_t *s = <subscription_t *>slot.subscription
    cdef publication_t *to = <publication_t *>slot.mix.rest
    cdef const voice_t *v = slot.mix.chosen[slot.place]
    if v != NULL and (slot.party == 0 or v.party != slot.party):
        to = <publication_t *>v.owner
    if s.publication == to:
        return
    if not subscription_move(s, to):
        subscription_move(s, <publication_t *>slot.mix.rest)
    set_formats(s)


cdef void slots_follow(mix_t *m, uint32_t place) noexcept nogil:
    cdef slot_t *slot = m.slots[place]
    while slot != NULL:
        follow(slot)
        slot = slot.next
