"""From a stored packet to the subscribers' datagrams.

Theory of operation. The packets of a frame arrive within a fraction of a millisecond of each other. They are gathered (at
most GATHER_US, ended by the RTP marker), and then written subscriber by subscriber, so that the packets for one
subscriber lie behind each other in the outbound arena and leave as one UDP_SEGMENT burst. The stored payload is never
touched: each subscriber gets a header of its own and a copy, encrypted in place.

Pieces. A key picture of 36 packets to 200 subscribers is 10 ms of work and more, and sound that arrives in the meantime must
not wait for it. So pictures go out in pieces of PIECE datagrams, and between two pieces the thread lets go of the lock and reads
its sockets (loop.pyx). Sound goes first, whole, to all of its subscribers. Publications take turns piece by piece. Of one
publication a lot of packets is in work at a time; `served` counts the subscriptions that have it, which stand before the others:
who leaves or comes meanwhile changes nothing of that order. A subscriber gets its packets of a lot in one go, and nobody
gets any of the next before everybody has this one, so that order and burst are what they would be without pieces.
What arrives in the meantime waits in the ring `gathered`; when that is full the packets in it go out at once: the machine
is too slow then, and its sockets' buffers are where to wait.

The order of the subscribers stays the same from picture to picture on purpose: who comes last is always equally late, which a
jitter buffer does not notice. Taking turns would make the same delay into jitter for everybody.

Rewriting. Within one encoding, out = in + offset: gaps of the publisher's stream stay gaps, so that what is repaired late
still finds its number. A subscriber changes encoding, or starts again after a pause, only with the first packet of a
keyframe; there the offset is chosen so that the numbers go on without a gap, and packets of before are dropped. Layers
inside an encoding are left out frame by frame: layers.pyx decides, munger.pyx closes the numbers up.

Time. Where both encodings have sent a report, the new one's timestamps are put on the old one's clock (RFC 3550, 6.4.1);
else time goes on as the arrivals did. It never stands still nor goes back.

Padding. A burst takes datagrams of one size, and browsers split a frame into packets that differ by a byte. So the smaller
ones get a few bytes of RTP padding (RFC 3550, 5.1): a byte more costs nothing, a burst less saves two microseconds.
"""

from libc.stdint cimport UINT32_MAX, int8_t, int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc

from sfu.engine.ahead cimport fetch_ahead
from sfu.engine.cache cimport cache_get, packet_t
from sfu.engine.coalesce cimport coalesce, coalesce_along, coalesce_began, coalesce_part
from sfu.engine.counters cimport DROP_FRAME_PACED, DROP_FRAME_SLOW_STREAM, DROP_LAYER, DROP_NO_ADDRESS
from sfu.engine.feedback cimport seek_layer, want_keyframe
from sfu.engine.layers cimport (
    VERDICT_DROP_LATE,
    VERDICT_SEND,
    VERDICT_SEND_LAST,
    choose_encoding,
    selector_begin,
    selector_decide,
    selector_t,
    verdict_t,
)
from sfu.engine.lifecycle cimport list_paced, queue_publication, report_now, unqueue_publication
from sfu.engine.model cimport (
    GATHER_US,
    LAYER_SILENT_US,
    LOT,
    MAX_PADDING,
    PRE_ROLL,
    PRE_ROLL_US,
    SHED_KEYFRAME_US,
    gathered_t,
    sent_t,
)
from sfu.engine.munger cimport (
    DROPPED_LATE,
    drops_add,
    drops_begin,
    drops_shift,
    drops_t,
    numbers_begin,
    numbers_drop,
)
from sfu.engine.outbound cimport outbound_takes_frame
from sfu.engine.pacer cimport PACER_PATIENCE_US, pacer_deadline, pacer_forget, pacer_held, pacer_put
from sfu.engine.slots cimport slots_follow
from sfu.engine.write cimport send_filler, send_packet


cdef enum:
    PIECE = 128                 # datagrams of pictures between two looks at the sockets: 0.3 to 0.5 ms of work


# --- gathering ------------------------------------------------------------------------------------------------------


cdef void gather(engine_t *e, layer_t *layer, int64_t sequence, bint now) noexcept nogil:
    cdef publication_t *p = layer.publication
    cdef gathered_t *entry
    if p.subscription_count == 0:
        return
    if p.gathered_count == p.gathered_room:
        forward_rest(e, p)
    p.held = False
    if p.gathered_count == p.in_work:
        p.gather_until_us = e.now_us + GATHER_US
        if p.video:
            coalesce_began(e, p)
    entry = nth_gathered(p, p.gathered_count)
    entry.sequence = sequence
    entry.layer = layer.index
    p.gathered_count += 1
    p.ready |= (now and not coalesce(e, p)) or p.gathered_count - p.in_work >= LOT
    queue_publication(e, p)


cdef inline gathered_t *nth_gathered(publication_t *p, uint32_t n) noexcept nogil:
    return &p.gathered[(p.gathered_first + n) & (p.gathered_room - 1)]


cdef inline bint is_due(const engine_t *e, const publication_t *p) noexcept nogil:
    return p.ready or e.now_us >= p.gather_until_us or (p.video and p.in_work and not p.held)


# --- whose turn it is -----------------------------------------------------------------------------------------------


cdef bint forward_ready(engine_t *e) noexcept nogil:
    forward_sound(e)
    forward_pictures(e, PIECE)
    return forward_waiting(e)


cdef void forward_sound(engine_t *e) noexcept nogil:
    cdef publication_t *p = e.queued
    cdef publication_t *following
    while p != NULL:
        following = p.queued_next
        if not p.video and is_due(e, p):
            forward_rest(e, p)
        p = following


cdef publication_t *next_picture(const engine_t *e) noexcept nogil:
    cdef publication_t *p = e.queued
    while p != NULL and not (p.video and is_due(e, p)):
        p = p.queued_next
    return p


cdef bint forward_waiting(const engine_t *e) noexcept nogil:
    return next_picture(e) != NULL


cdef void forward_pictures(engine_t *e, uint32_t work) noexcept nogil:
    """Until so much work is done, each publication in its turn."""
    cdef publication_t *p = next_picture(e)
    while p != NULL and work > 0:
        work = forward_lot(e, p, work)
        unqueue_publication(e, p)
        if p.gathered_count > 0:
            queue_publication(e, p)     # behind the others
        p = next_picture(e)


cdef void forward_rest(engine_t *e, publication_t *p) noexcept nogil:
    if p.carrier != NULL:
        coalesce_part(p)
    while p.gathered_count > 0:
        forward_lot(e, p, UINT32_MAX)
    unqueue_publication(e, p)


cdef uint32_t forward_lot(engine_t *e, publication_t *p, uint32_t work) noexcept nogil:
    """To as many more subscribers as the work allows: the lot in work, or else the next. Returns what is left of the work."""
    cdef const packet_t *packets[LOT]
    cdef layer_t *layers[LOT]
    cdef uint8_t padding[LOT]
    cdef subscription_t *s
    cdef uint32_t count
    cdef uint64_t enough = e.out.packets + work
    if p.in_work == 0:
        p.in_work = min(p.gathered_count, <uint32_t>LOT)
        p.ready = p.gathered_count > p.in_work
    count = find_lot(p, p.in_work, layers, packets)
    even_out(packets, count, padding, p.rider != NULL)
    while p.served < p.subscription_count and e.out.packets < enough:
        fetch_ahead(p, p.served)
        s = p.subscriptions[p.served]
        p.served += 1
        forward_to(e, s, layers, packets, padding, count)
        if p.rider != NULL:
            coalesce_along(e, p.rider, s.transport)
        enough -= 1                     # who gets nothing costs a little too
    if p.served >= p.subscription_count:
        p.gathered_first += p.in_work
        p.gathered_count -= p.in_work
        p.in_work = p.served = 0
        p.held = False
        p.ready &= p.gathered_count > 0
        end_ride(e, p)
    return <uint32_t>(enough - e.out.packets) if enough > e.out.packets else 0


cdef inline void end_ride(engine_t *e, publication_t *picture) noexcept nogil:
    cdef publication_t *sound = picture.rider
    if sound != NULL:
        coalesce_part(picture)
        forward_rest(e, sound)


cdef uint32_t find_lot(publication_t *p, uint32_t lot, layer_t **layers, const packet_t **packets) noexcept nogil:
    cdef const gathered_t *entry
    cdef uint32_t count = 0
    cdef uint32_t i
    for i in range(lot):
        entry = nth_gathered(p, i)
        layers[count] = &p.layers[entry.layer]
        packets[count] = cache_get(&layers[count].cache, entry.sequence)
        if packets[count] != NULL:
            count += 1
    return count


cdef void begin_voice(engine_t *e, layer_t *layer, int64_t sequence) noexcept nogil:
    # what others of its subscribers still wait for goes out first: no slot gets it a second time
    forward_rest(e, layer.publication)
    slots_follow(layer.publication.voice.mix, <uint32_t>layer.publication.voice.place)
    pre_roll(e, layer, sequence)


cdef void pre_roll(engine_t *e, layer_t *layer, int64_t sequence) noexcept nogil:
    """What came just before the packet of this number, to those who begin to hear the voice."""
    cdef publication_t *p = layer.publication
    cdef const packet_t *packets[PRE_ROLL]
    cdef layer_t *layers[PRE_ROLL]
    cdef uint8_t padding[PRE_ROLL]
    cdef uint32_t count = 0
    cdef int k
    cdef uint32_t i
    for k in range(PRE_ROLL):
        packets[count] = cache_get(&layer.cache, sequence - PRE_ROLL + k)
        if packets[count] != NULL and packets[count].arrival_us >= p.voice.began_us - PRE_ROLL_US:
            layers[count] = layer
            padding[count] = 0
            count += 1
    for i in range(p.subscription_count):
        if p.subscriptions[i].slot != NULL:
            forward_to(e, p.subscriptions[i], layers, packets, padding, count)


cdef void even_out(const packet_t **packets, uint32_t count, uint8_t *padding, bint last_too) noexcept nogil:
    cdef uint32_t largest
    cdef uint32_t first = 0
    cdef uint32_t i
    cdef uint32_t k
    while first < count:
        largest = packets[first].length
        i = first
        while not packets[i].marker and i + 1 < count:
            i += 1
            largest = max(largest, <uint32_t>packets[i].length)
        for k in range(first, i + 1):
            padding[k] = <uint8_t>(largest - packets[k].length) if largest - packets[k].length <= MAX_PADDING else 0
        if not last_too:
            padding[i] = 0      # the last of a burst may be shorter
        first = i + 1


cdef void forward_to(
    engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count
) noexcept nogil:
    if s.paused or not s.transport.keyed:
        return
    if not s.transport.has_address:
        e.counters[<int>DROP_NO_ADDRESS] += count
        return
    if s.transport.pacer != NULL and s.publication.video:
        wait_turn(e, s, layers, packets, count)
    else:
        forward_now(e, s, layers, packets, padding, count)


cdef void wait_turn(engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, uint32_t count) noexcept nogil:
    """On a thin link pictures go as fast as it takes them (pacer.pyx); which of them is decided when their turn has come."""
    cdef uint8_t best = best_layer(e, s)
    cdef bint held = pacer_held(s.transport.pacer, e.now_us)
    cdef uint32_t i
    if not held and s.shed_us and s.transport.pacer.hold_us > e.now_us:
        ask_to_resume(e, s, &s.publication.layers[best])
    for i in range(count):
        if s.layer != <int8_t>layers[i].index and best != layers[i].index:
            continue
        if not worth_waiting(e, s, layers[i], packets[i], held):
            continue
        if not pacer_put(s.transport.pacer, s, layers[i].index, packets[i].sequence, e.now_us):
            shed(e, s)
            break
    list_paced(e, s.transport, pacer_deadline(s.transport.pacer))


cdef bint worth_waiting(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, bint held) noexcept nogil:
    """While a queue on the way empties: only what will be the next to go, a keyframe and what follows it."""
    if packet.keyframe and s.layer != <int8_t>layer.index:
        if held:
            pacer_forget(s.transport.pacer, s)
        s.queued_anew = True
    if not held or s.queued_anew:
        return True
    pacer_forget(s.transport.pacer, s)      # what waits goes on with what is left out now
    s.layer = -1
    if packet.marker:
        shed(e, s)
    return False


cdef void forward_now(
    engine_t *e, subscription_t *s, layer_t **layers, const packet_t **packets, const uint8_t *padding, uint32_t count
) noexcept nogil:
    cdef uint32_t i
    cdef sent_t sent
    cdef bint resumed = False
    for i in range(count):
        if s.layer != <int8_t>layers[i].index:
            if s.shed_us and not may_resume(e, s, layers[i], packets[i]):
                continue
            if not may_start(e, s, layers[i], packets[i]):
                continue
            start_layer(e, s, layers[i], packets[i])
            resumed = not s.publication.video
        elif packets[i].sequence < s.first_in:
            continue
        elif s.publication.video and begins_picture(s, layers[i], packets[i]) and not takes_picture(e, s):
            shed(e, s)
            continue
        sent.marker = packets[i].marker or resumed      # RFC 3551, 4.1: sound begins anew with a marker
        resumed = False
        if packets[i].descriptor.layered and not admit(e, s, layers[i], packets[i], &sent):
            continue
        sent.padding = padding[i]
        send_packet(e, s, layers[i], packets[i], &sent)


# --- encodings ------------------------------------------------------------------------------------------------------


cdef inline bint alive(const engine_t *e, const layer_t *layer) noexcept nogil:
    return layer.started and not layer.silent and e.now_us - layer.last_us < LAYER_SILENT_US


cdef uint8_t best_layer(const engine_t *e, const subscription_t *s) noexcept nogil:
    cdef const publication_t *p = s.publication
    cdef uint32_t living = 0, i
    for i in range(p.layer_count):
        living |= <uint32_t>alive(e, &p.layers[i]) << i
    return choose_encoding(living, p.layer_count, s.wanted_layer)


cdef bint may_start(const engine_t *e, const subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    if not s.publication.video:
        return True
    return packet.keyframe and best_layer(e, s) == layer.index


cdef void start_layer(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    """The next number goes to this packet; time goes on where another encoding's timestamps begin."""
    s.queued_anew = False
    s.offset = s.highest_out + 1 - packet.sequence
    s.first_in = packet.sequence
    s.first_out = s.highest_out + 1
    if s.started and s.last_layer != <int8_t>layer.index:
        s.timestamp_offset = next_timestamp_offset(e, s, layer, packet)
    s.frame_timestamp = packet.timestamp
    s.frame_layer = layer.index
    s.layer = <int8_t>layer.index
    s.last_layer = s.layer
    if packet.descriptor.picture_bits:
        numbers_begin(&s.numbers, &packet.descriptor)
    if s.drops != NULL:
        drops_begin(s.drops, packet.sequence - 1)
    if s.selector != NULL:
        selector_begin(s.selector, &packet.descriptor, s.wanted_spatial, s.wanted_temporal)
    if not s.started:
        s.started = True
        s.first_frame_us = e.now_us - s.created_us
        report_now(e, s.transport)      # lip sync begins with the first sender report


cdef uint32_t next_timestamp_offset(const engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    cdef uint32_t rate = s.publication.clock_rate
    cdef uint64_t passed = <uint64_t>(e.now_us - s.last_sent_us) * rate // 1000000
    cdef uint32_t by_arrival = s.last_timestamp + <uint32_t>(passed if passed else 1) - packet.timestamp
    cdef uint32_t by_clock
    cdef int32_t ahead
    s.timestamp_offset -= s.timestamp_push
    s.timestamp_push = 0
    if s.last_layer < 0 or not clock_offset(s, &s.publication.layers[s.last_layer], layer, &by_clock):
        return by_arrival
    ahead = <int32_t>(by_clock - by_arrival)
    if ahead > <int32_t>rate or -ahead > <int32_t>rate:
        return by_arrival               # a second off: one of the reports lies
    ahead = <int32_t>(packet.timestamp + by_clock - s.last_timestamp)
    if ahead <= 0:
        s.timestamp_push = <uint32_t>(1 - ahead)
    return by_clock + s.timestamp_push


cdef bint clock_offset(const subscription_t *s, const layer_t *old, const layer_t *layer, uint32_t *offset) noexcept nogil:
    """What brings `layer` onto the clock that `old` has been sent on, by the sender reports of both."""
    cdef double apart
    if old.reception.sr_arrival_us == 0 or layer.reception.sr_arrival_us == 0:
        return False
    apart = <double><int64_t>(layer.reception.sr_ntp - old.reception.sr_ntp) / 4294967296.0 * s.publication.clock_rate
    offset[0] = s.timestamp_offset + old.reception.sr_rtp + <uint32_t><int64_t>apart - layer.reception.sr_rtp
    return True


# --- slow streams ---------------------------------------------------------------------------------------------------
# A TCP connection that is read too slowly gets whole pictures or none. What follows a picture that was left out refers to
# it, so nothing more goes until a keyframe; numbers go on without a gap there, and nobody asks for what was left out.


cdef inline bint begins_picture(subscription_t *s, const layer_t *layer, const packet_t *packet) noexcept nogil:
    """Timestamps of two encodings have nothing to do with each other (RFC 3550, 5.1)."""
    if s.started and s.frame_layer == layer.index and <int32_t>(packet.timestamp - s.frame_timestamp) <= 0:
        return False                            # repaired late, or of the same picture
    s.frame_timestamp = packet.timestamp
    s.frame_layer = layer.index
    return True


cdef inline bint takes_picture(engine_t *e, subscription_t *s) noexcept nogil:
    if s.transport.pacer != NULL and s.transport.pacer.waited_us > PACER_PATIENCE_US:
        return False
    return outbound_takes_frame(&e.out, &s.transport.address, e.now_us)


cdef inline void count_shed(engine_t *e, subscription_t *s) noexcept nogil:
    e.counters[<int>DROP_FRAME_PACED if s.transport.pacer != NULL else <int>DROP_FRAME_SLOW_STREAM] += 1
    s.frames_shed += 1


cdef void shed(engine_t *e, subscription_t *s) noexcept nogil:
    count_shed(e, s)
    s.layer = -1
    s.queued_anew = False
    if s.shed_us == 0:
        s.shed_us = e.now_us


cdef bint may_resume(engine_t *e, subscription_t *s, layer_t *layer, const packet_t *packet) noexcept nogil:
    """Asked at each packet while pictures are left out: is there room again, at the beginning of a keyframe?"""
    if layer.index != best_layer(e, s) or not begins_picture(s, layer, packet):
        return False
    if not takes_picture(e, s):
        shed(e, s)
        return False
    if packet.keyframe:
        s.shed_us = 0
        return True
    count_shed(e, s)
    ask_to_resume(e, s, layer)
    return False


cdef void ask_to_resume(engine_t *e, subscription_t *s, layer_t *layer) noexcept nogil:
    """There is room again, or will be when a keyframe has come."""
    if e.now_us - s.shed_asked_us >= SHED_KEYFRAME_US or s.shed_asked_us == 0:
        s.shed_asked_us = e.now_us
        want_keyframe(e, layer)


# --- layers inside an encoding --------------------------------------------------------------------------------------


cdef bint admit(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, sent_t *sent) noexcept nogil:
    """Whether this packet goes out; sets its marker where it now ends the picture."""
    cdef verdict_t verdict
    cdef int64_t highest = s.drops.highest if s.drops != NULL else s.highest_out - s.offset
    if s.selector == NULL:
        s.selector = <selector_t *>calloc(1, sizeof(selector_t))
        if s.selector == NULL:
            return True
        selector_begin(s.selector, &packet.descriptor, s.wanted_spatial, s.wanted_temporal)
    verdict = selector_decide(
        s.selector,
        &packet.descriptor,
        layer.structure,
        packet.keyframe,
        packet.sequence > highest,
        s.wanted_spatial,
        s.wanted_temporal,
    )
    if s.selector.waits and s.selector.fresh:
        seek_layer(e, s)
    if verdict == VERDICT_SEND or verdict == VERDICT_SEND_LAST:
        sent.marker |= verdict == VERDICT_SEND_LAST
        return True
    e.counters[<int>DROP_LAYER] += 1
    # a hole in the picture ids would stop the layers that a VP8 decoder still gets
    if verdict != VERDICT_DROP_LATE and s.selector.fresh and packet.descriptor.closes_up:
        numbers_drop(&s.numbers)
    leave_out(e, s, layer, packet, highest)
    return False


cdef void leave_out(engine_t *e, subscription_t *s, const layer_t *layer, const packet_t *packet, int64_t highest) noexcept nogil:
    cdef int64_t shift
    if s.drops == NULL:
        s.drops = <drops_t *>calloc(1, sizeof(drops_t))
        if s.drops == NULL:
            return
        drops_begin(s.drops, highest)
    if drops_add(s.drops, &s.offset, packet.sequence, packet.descriptor.frame) == DROPPED_LATE:
        shift = drops_shift(s.drops, packet.sequence)
        if shift >= 0:
            send_filler(e, s, packet, packet.sequence + s.offset + shift)
