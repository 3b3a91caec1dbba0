"""Making and unmaking the engine's objects."""

import os

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from sfu.engine.address cimport same_address
from sfu.engine.cache cimport cache_free, cache_init
from sfu.engine.coalesce cimport coalesce_part
from sfu.engine.consent cimport consent_forget
from sfu.engine.events cimport events_free, events_init
from sfu.engine.gcm cimport gcm_close
from sfu.engine.layers cimport ALL_LAYERS
from sfu.engine.lock cimport lock_free, lock_init
from sfu.engine.model cimport (
    AUDIO_ARENA,
    AUDIO_SLOTS,
    GATHERED,
    GATHERED_SOUND,
    MAX_ADDRESSES,
    MAX_LAYERS,
    MAX_PUBLICATIONS,
    MAX_STREAMS,
    MAX_SUBSCRIPTIONS,
    REPAIR_US,
    REPORT_GRAIN_US,
    REPORT_US,
    VIDEO_ARENA,
    VIDEO_SLOTS,
    gathered_t,
    stream_t,
)
from sfu.engine.nack cimport nack_free, nack_init
from sfu.engine.outbound cimport outbound_free, outbound_init
from sfu.engine.pacer cimport pacer_forget
from sfu.engine.reception cimport reception_init
from sfu.engine.slots cimport group_find, group_forget_if_empty, slot_free, slots_follow
from sfu.engine.speakers cimport mix_join, mix_leave, mix_shrink, mix_t, voice_t
from sfu.engine.srtp cimport srtp_forget
from sfu.engine.strangers cimport stranger_seen
from sfu.engine.table cimport table_free, table_get, table_init, table_put, table_remove
from sfu.engine.twcc cimport twcc_free

cdef extern from "<stdlib.h>" nogil:
    void *aligned_alloc(size_t alignment, size_t size)

cdef enum:
    CACHE_LINE = 64


# --- the engine -----------------------------------------------------------------------------------------------------


cdef engine_t *engine_new(uint64_t seed) except NULL:
    cdef engine_t *e = <engine_t *>calloc(1, sizeof(engine_t))
    if e == NULL:
        raise MemoryError
    e.random = seed or int.from_bytes(os.urandom(8), "little") | 1
    e.repair_due_us = -1
    e.pace_due_us = -1
    e.events.fd = -1
    lock_init(&e.lock)
    table_init(&e.by_address, engine_random(e))
    table_init(&e.by_ufrag, engine_random(e))
    outbound_init(&e.out)
    events_init(&e.events)
    return e


cdef void engine_delete(engine_t *e) noexcept:
    cdef uint32_t i
    if e == NULL:
        return
    for i in range(e.transport_count):
        e.reports.keyed = False         # the garbage collector may have freed the SRTP sessions already
        e.reports = e.reports.report_next
    while e.reports != NULL:
        transport_delete(e, e.reports)
    table_free(&e.by_address)
    table_free(&e.by_ufrag)
    outbound_free(&e.out)
    events_free(&e.events)
    free(e.drained)
    lock_free(&e.lock)
    free(e)


cdef uint64_t engine_random(engine_t *e) noexcept nogil:
    # splitmix64: for SSRCs and first sequence numbers, which need to be unlikely to collide, not secret (RFC 3550, 8.1)
    e.random += <uint64_t>0x9E3779B97F4A7C15u
    cdef uint64_t z = e.random
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9u
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EBu
    return z ^ (z >> 31)


cdef void *new_lines(size_t size) noexcept nogil:
    """Zeros that begin with a cache line: what each packet needs stands first."""
    cdef size_t whole = (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    cdef void *at = aligned_alloc(CACHE_LINE, whole)
    if at != NULL:
        memset(at, 0, whole)
    return at


# --- transports -----------------------------------------------------------------------------------------------------


cdef transport_t *transport_new(engine_t *e, uint32_t id) noexcept nogil:
    cdef transport_t *t = <transport_t *>new_lines(sizeof(transport_t))
    if t == NULL:
        return NULL
    t.id = id
    t.ssrc = <uint32_t>engine_random(e) | 1
    e.transport_count += 1
    report_later(e, t)
    return t


cdef void transport_delete(engine_t *e, transport_t *t) noexcept nogil:
    while t.subscription_count > 0:
        subscription_delete(e, t.subscriptions[t.subscription_count - 1])
    while t.publication_count > 0:
        publication_delete(e, t.publications[t.publication_count - 1])
    while t.address_count > 0:
        transport_forget_address(e, t, &t.addresses[t.address_count - 1])
    if t.ufrag.ip[0] != 0:
        table_remove(&e.by_ufrag, &t.ufrag)
    unlist_feedback(e, t)
    unlist_paced(e, t)
    unlist_report(e, t)
    twcc_free(&t.twcc)
    gcm_close(&t.gcm)
    free(t.bandwidth)
    free(t.pacer)
    free(t.subscriptions)
    free(t.streams)
    free(t.strangers)
    free(t)
    e.transport_count -= 1


cdef int transport_learn_address(engine_t *e, transport_t *t, const address_t *address) noexcept nogil:
    cdef uint32_t i
    for i in range(t.address_count):
        if same_address(&t.addresses[i], address):
            return table_put(&e.by_address, address, t)
    if t.address_count == MAX_ADDRESSES:
        # forget the oldest that is not in use
        i = 1 if t.has_address and same_address(&t.addresses[0], &t.address) else 0
        transport_forget_address(e, t, &t.addresses[i])
    if table_put(&e.by_address, address, t) < 0:
        return -1
    t.addresses[t.address_count] = address[0]
    t.address_count += 1
    return 0


cdef void transport_forget_address(engine_t *e, transport_t *t, const address_t *address) noexcept nogil:
    cdef address_t gone = address[0]
    cdef uint32_t i = 0
    cdef uint32_t k
    while i < t.address_count:
        if same_address(&t.addresses[i], &gone):
            for k in range(i, t.address_count - 1):
                t.addresses[k] = t.addresses[k + 1]
            t.address_count -= 1
        else:
            i += 1
    table_remove_if_owned(e, t, &gone)
    if t.has_address and same_address(&t.address, &gone):
        t.has_address = False
        consent_forget(&t.consent)


cdef void table_remove_if_owned(engine_t *e, transport_t *t, const address_t *address) noexcept nogil:
    # an address can have moved to another transport (a NAT that reuses a port): that one keeps it
    if table_get(&e.by_address, address) == <void *>t:
        table_remove(&e.by_address, address)


# --- publications ---------------------------------------------------------------------------------------------------


cdef publication_t *publication_new(engine_t *e, transport_t *t, uint32_t id, bint video, uint32_t clock_rate, uint32_t layer_count) noexcept nogil:
    cdef publication_t *p
    cdef uint32_t i
    if t.publication_count == MAX_PUBLICATIONS or not 0 < layer_count <= MAX_LAYERS:
        return NULL
    if t.streams == NULL:
        t.streams = <stream_t *>calloc(MAX_STREAMS, sizeof(stream_t))
    p = <publication_t *>calloc(1, sizeof(publication_t))
    if p != NULL:
        p.layers = <layer_t *>calloc(layer_count, sizeof(layer_t))
        p.gathered_room = GATHERED if video else GATHERED_SOUND
        p.gathered = <gathered_t *>calloc(p.gathered_room, sizeof(gathered_t))
    if t.streams == NULL or p == NULL or p.layers == NULL or p.gathered == NULL:
        if p != NULL:
            free(p.layers)
            free(p.gathered)
        free(p)
        return NULL
    p.id = id
    p.transport = t
    p.video = video
    p.clock_rate = clock_rate
    p.layer_count = layer_count
    for i in range(layer_count):
        p.layers[i].publication = p
        p.layers[i].index = <uint8_t>i
    t.publications[t.publication_count] = p
    t.publication_count += 1
    e.publication_count += 1
    return p


cdef void publication_delete(engine_t *e, publication_t *p) noexcept nogil:
    cdef transport_t *t = p.transport
    cdef uint32_t i
    cdef uint32_t kept = 0
    publication_leave(e, p)
    while p.subscription_count > 0:
        subscription_delete(e, p.subscriptions[p.subscription_count - 1])
    coalesce_part(p)
    unqueue_publication(e, p)
    for i in range(t.stream_count):
        if t.streams[i].layer.publication != p:
            t.streams[kept] = t.streams[i]
            kept += 1
        elif t.keyed:
            stranger_seen(t, t.streams[i].ssrc)
    t.stream_count = kept
    for i in range(p.layer_count):
        layer_close(e, &p.layers[i])
    for i in range(t.publication_count):
        if t.publications[i] == p:
            t.publication_count -= 1
            t.publications[i] = t.publications[t.publication_count]
            break
    free(p.layers)
    free(p.gathered)
    free(p.subscriptions)
    free(p)
    e.publication_count -= 1


cdef int layer_open(engine_t *e, layer_t *layer, uint32_t ssrc) noexcept nogil:
    """(Re)starts a layer with this SSRC: fresh statistics and an empty cache. -1: out of memory."""
    cdef publication_t *p = layer.publication
    cdef uint32_t i
    layer_close(e, layer)
    layer.ssrc = ssrc
    layer.opened_us = e.now_us
    layer.silent = False
    layer.frame_highest = -1
    layer.spatial_count = 0
    reception_init(&layer.reception, ssrc, p.clock_rate)
    if cache_init(&layer.cache, VIDEO_ARENA if p.video else AUDIO_ARENA, VIDEO_SLOTS if p.video else AUDIO_SLOTS) < 0:
        return -1
    if nack_init(&layer.nack) < 0:
        cache_free(&layer.cache)
        return -1
    e.cache_bytes += layer.cache.arena_bytes
    layer.started = True
    # who was on the old stream starts anew on this one
    for i in range(p.subscription_count):
        if p.subscriptions[i].layer == layer.index:
            p.subscriptions[i].layer = -1
            p.subscriptions[i].last_layer = -1
    return 0


cdef void layer_close(engine_t *e, layer_t *layer) noexcept nogil:
    unattend(e, layer)
    if not layer.started:
        return
    e.cache_bytes -= layer.cache.arena_bytes
    cache_free(&layer.cache)
    nack_free(&layer.nack)
    free(layer.structure)
    layer.structure = NULL
    layer.started = False


cdef int stream_add(transport_t *t, uint32_t ssrc, layer_t *layer, bint repair) noexcept nogil:
    if t.stream_count == MAX_STREAMS:
        return -1
    t.streams[t.stream_count].ssrc = ssrc
    t.streams[t.stream_count].layer = layer
    t.streams[t.stream_count].repair = repair
    t.stream_count += 1
    return 0


# --- groups of microphones ------------------------------------------------------------------------------------------


cdef int publication_join(engine_t *e, publication_t *p, uint32_t group, uint32_t party, bint always, uint32_t loudest) noexcept nogil:
    cdef mix_t *m = group_find(e, group, loudest)
    cdef voice_t *v
    cdef int place
    if m == NULL:
        return -1
    v = <voice_t *>calloc(1, sizeof(voice_t))
    if v == NULL:
        group_forget_if_empty(e, m)
        return -1
    v.id = p.id
    v.party = party
    v.owner = p
    v.always = always
    mix_join(m, v)
    p.voice = v
    place = mix_shrink(m, loudest)
    while place >= 0:
        slots_follow(m, <uint32_t>place)
        place = mix_shrink(m, loudest)
    return 0


cdef void publication_leave(engine_t *e, publication_t *p) noexcept nogil:
    cdef mix_t *m
    cdef int place
    if p.voice == NULL:
        return
    m = p.voice.mix
    place = mix_leave(p.voice)
    if place >= 0:
        slots_follow(m, <uint32_t>place)
    free(p.voice)
    p.voice = NULL
    group_forget_if_empty(e, m)


# --- subscriptions --------------------------------------------------------------------------------------------------


cdef bint make_room(subscription_t ***list, uint32_t count, uint32_t *capacity) noexcept nogil:
    """For one more."""
    cdef uint32_t wanted = 2 * count if count else 4
    cdef subscription_t **larger
    if count < capacity[0]:
        return True
    larger = <subscription_t **>realloc(list[0], wanted * sizeof(subscription_t *))
    if larger == NULL:
        return False
    list[0] = larger
    capacity[0] = wanted
    return True


cdef subscription_t *subscription_new(engine_t *e, transport_t *t, publication_t *p, uint32_t id) noexcept nogil:
    cdef subscription_t *s
    if t.subscription_count == MAX_SUBSCRIPTIONS:
        return NULL
    if not make_room(&t.subscriptions, t.subscription_count, &t.subscription_capacity):
        return NULL
    if not make_room(&p.subscriptions, p.subscription_count, &p.subscription_capacity):
        return NULL
    s = <subscription_t *>new_lines(sizeof(subscription_t))
    if s == NULL:
        return NULL
    s.id = id
    s.transport = t
    s.publication = p
    s.layer = -1
    s.last_layer = -1
    s.wanted_layer = <uint8_t>(p.layer_count - 1)
    s.wanted_spatial = ALL_LAYERS
    s.wanted_temporal = ALL_LAYERS
    s.created_us = e.now_us
    s.first_frame_us = -1
    s.rtx_sequence = <int64_t>(engine_random(e) & 0x7FFF)
    # The first sequence number lies in the lower half, so that both ends agree on SRTP's first rollover (RFC 3711, 3.3.1).
    s.highest_out = <int64_t>(engine_random(e) & 0x7FFF)
    s.transport_index = t.subscription_count
    t.subscriptions[t.subscription_count] = s
    t.subscription_count += 1
    s.publication_index = p.subscription_count
    p.subscriptions[p.subscription_count] = s
    p.subscription_count += 1
    e.subscription_count += 1
    return s


cdef inline bint sends_under(const subscription_t *s, uint32_t ssrc) noexcept nogil:
    return ssrc != 0 and (s.ssrc == ssrc or s.rtx_ssrc == ssrc)


cdef int subscription_ssrcs(subscription_t *s, uint32_t ssrc, uint32_t rtx_ssrc) noexcept nogil:
    cdef uint32_t i
    for i in range(s.transport.subscription_count):
        if sends_under(s.transport.subscriptions[i], ssrc) or sends_under(s.transport.subscriptions[i], rtx_ssrc):
            return -1
    s.ssrc = ssrc
    s.rtx_ssrc = rtx_ssrc
    return -1 if ssrc == rtx_ssrc else 0


cdef bint subscription_move(subscription_t *s, publication_t *to) noexcept nogil:
    if not make_room(&to.subscriptions, to.subscription_count, &to.subscription_capacity):
        return False
    take_out(s)
    s.publication = to
    s.publication_index = to.subscription_count
    to.subscriptions[to.subscription_count] = s
    to.subscription_count += 1
    s.layer = -1
    s.last_layer = -1
    return True


cdef void take_out(subscription_t *s) noexcept nogil:
    """Of its publication's list."""
    cdef publication_t *p = s.publication
    if s.publication_index < p.served:      # those who have the picture in work stay in front
        p.served -= 1
        swap_subscriptions(p, s.publication_index, p.served)
    swap_subscriptions(p, s.publication_index, p.subscription_count - 1)
    p.subscription_count -= 1


cdef void swap_subscriptions(publication_t *p, uint32_t one, uint32_t other) noexcept nogil:
    cdef subscription_t *s = p.subscriptions[one]
    p.subscriptions[one] = p.subscriptions[other]
    p.subscriptions[other] = s
    p.subscriptions[one].publication_index = one
    s.publication_index = other


cdef void subscription_delete(engine_t *e, subscription_t *s) noexcept nogil:
    cdef transport_t *t = s.transport
    t.subscription_count -= 1
    t.subscriptions[s.transport_index] = t.subscriptions[t.subscription_count]
    t.subscriptions[s.transport_index].transport_index = s.transport_index
    take_out(s)
    if s.slot != NULL:
        slot_free(e, s.slot)
    if t.pacer != NULL:
        pacer_forget(t.pacer, s)
    forget_ciphers(t, s)
    free(s.sent)
    free(s.selector)
    free(s.drops)
    free(s)
    e.subscription_count -= 1


cdef void forget_ciphers(transport_t *t, const subscription_t *s) noexcept nogil:
    """libsrtp searches its contexts one by one, for every packet: who hears a hundred people come and go has a few."""
    if not t.keyed or t.plain:
        return
    srtp_forget(t.srtp_out, s.ssrc)
    if s.rtx_ssrc:
        srtp_forget(t.srtp_out, s.rtx_ssrc)


# --- lists ----------------------------------------------------------------------------------------------------------


cdef void attend(engine_t *e, layer_t *layer) noexcept nogil:
    if layer.attended:
        return
    layer.attended = True
    layer.attended_previous = NULL
    layer.attended_next = e.attended
    if e.attended != NULL:
        e.attended.attended_previous = layer
    e.attended = layer
    if e.repair_due_us < 0:
        e.repair_due_us = e.now_us + REPAIR_US


cdef void unattend(engine_t *e, layer_t *layer) noexcept nogil:
    if not layer.attended:
        return
    layer.attended = False
    if layer.attended_previous != NULL:
        layer.attended_previous.attended_next = layer.attended_next
    else:
        e.attended = layer.attended_next
    if layer.attended_next != NULL:
        layer.attended_next.attended_previous = layer.attended_previous


cdef void queue_publication(engine_t *e, publication_t *p) noexcept nogil:
    if p.queued:
        return
    p.queued = True
    p.queued_next = NULL
    p.queued_previous = e.queued_last
    if e.queued_last != NULL:
        e.queued_last.queued_next = p
    else:
        e.queued = p
    e.queued_last = p


cdef void unqueue_publication(engine_t *e, publication_t *p) noexcept nogil:
    if not p.queued:
        return
    if p.queued_previous != NULL:
        p.queued_previous.queued_next = p.queued_next
    else:
        e.queued = p.queued_next
    if p.queued_next != NULL:
        p.queued_next.queued_previous = p.queued_previous
    else:
        e.queued_last = p.queued_previous
    p.queued = False


cdef void list_feedback(engine_t *e, transport_t *t) noexcept nogil:
    if t.feedback_listed:
        return
    t.feedback_listed = True
    t.feedback_next = e.feedback
    e.feedback = t


cdef void unlist_feedback(engine_t *e, transport_t *t) noexcept nogil:
    cdef transport_t **link = &e.feedback
    if not t.feedback_listed:
        return
    while link[0] != t:
        link = &link[0].feedback_next
    link[0] = t.feedback_next
    t.feedback_listed = False


cdef void list_paced(engine_t *e, transport_t *t, int64_t due_us) noexcept nogil:
    if due_us >= 0 and (e.pace_due_us < 0 or due_us < e.pace_due_us):
        e.pace_due_us = due_us
    if t.paced_listed:
        return
    t.paced_listed = True
    t.paced_next = e.paced
    e.paced = t


cdef void unlist_paced(engine_t *e, transport_t *t) noexcept nogil:
    cdef transport_t **link = &e.paced
    if not t.paced_listed:
        return
    while link[0] != t:
        link = &link[0].paced_next
    link[0] = t.paced_next
    t.paced_listed = False


cdef void unlist_report(engine_t *e, transport_t *t) noexcept nogil:
    if t.report_next == NULL:
        return
    if t.report_next == t:
        e.reports = NULL
    else:
        t.report_next.report_previous = t.report_previous
        t.report_previous.report_next = t.report_next
        if e.reports == t:
            e.reports = t.report_next
    t.report_next = NULL


cdef void insert_report(engine_t *e, transport_t *t) noexcept nogil:
    """At the end of the circle, which is just before its head."""
    if e.reports == NULL:
        t.report_next = t
        t.report_previous = t
        e.reports = t
        return
    t.report_next = e.reports
    t.report_previous = e.reports.report_previous
    t.report_previous.report_next = t
    e.reports.report_previous = t


cdef void report_later(engine_t *e, transport_t *t) noexcept nogil:
    unlist_report(e, t)
    # One that was late is on time again: those that waited together do not go on together.
    t.report_due_us += REPORT_US
    if t.report_due_us <= e.now_us:
        t.report_due_us = (e.now_us + REPORT_US) // REPORT_GRAIN_US * REPORT_GRAIN_US
    insert_report(e, t)


cdef void report_now(engine_t *e, transport_t *t) noexcept nogil:
    unlist_report(e, t)
    t.report_due_us = e.now_us // REPORT_GRAIN_US * REPORT_GRAIN_US
    insert_report(e, t)
    e.reports = t
