"""Sound and picture of one sender that leave in one burst.

Theory of operation. A packet of sound by itself costs the kernel a send of its own, 3.5 µs; as the last segment of a picture's
burst, which may be shorter than the others, it costs a quarter of that. Of 80 bursts a second to each viewer 50 are sound. So,
as network cards moderate their interrupts, the one waits a little for the other where many listen:

    hold    sound comes, and a picture is expected within HOLD_SOUND_US (rhythm.pyx), or its first packets are here; or a
            picture is complete, and sound is expected within HOLD_PICTURE_US. It waits until the other is there, and no longer
            than that
    ride    the other is there, or sound comes while a picture goes out already: each subscriber gets the picture and, in the
            same burst, the sound, which is the picture's `rider`, the picture being its `carrier`. The picture's last packet
            is padded to the size of the others then, or the burst would end with it
    rest    when the picture has got everywhere, or RIDE_US after they set out, everybody else gets the sound at once

Who would not get both in one burst does not wait: who gets no picture, or not among the first RIDE_SUBSCRIBERS; whose link is
thin, so that pictures are paced; whose way is TCP. They are put in front in the list of the publication's subscriptions and
have it before the others, as `served` says (forward.pyx). By that the order of the sound's list becomes that of the picture's.

Never held: microphones that have to get a place in a group, as their listeners change by the packet; key pictures, and sound
between one and the next picture, which overtakes it as ever; pictures of more than RIDE_PACKETS, or whose packets are
unequal, for their burst would have ended before the sound. Whatever comes behind something that waits sends it on its way.

What it costs is jitter: two in five of each come up to so much later. Receivers' buffers begin
at 20 ms of sound and a picture's time of pictures.
"""

from libc.stdint cimport uint8_t, uint32_t

from sfu.engine.address cimport FIRST_STREAM_CHANNEL
from sfu.engine.ahead cimport fetch_subscription
from sfu.engine.cache cimport packet_t
from sfu.engine.forward cimport even_out, find_lot, forward_to
from sfu.engine.lifecycle cimport swap_subscriptions
from sfu.engine.model cimport LOT, MAX_PADDING, layer_t, subscription_t
from sfu.engine.rhythm cimport rhythm_came, rhythm_expects

cdef enum:
    COMPANY = 64                # subscribers of each: for fewer a burst less each is not worth the wait
    # Three pictures in a row come 6.7 ms apart within the 20 ms between two packets of sound. By these two each picture takes
    # sound along whatever the phase of the two rhythms: one that comes less than 1.3 ms before sound waits for it, and so
    # does the next; else 12 ms are enough for sound to meet the third. Then 50 bursts a second are left of 80. Sound has the more
    # to wait: what it comes later by is less than the least that receivers' buffers begin with. With 10 ms for
    # pictures their median delay could be 3 ms more.
    HOLD_SOUND_US = 12500       # and half a millisecond that arrivals are off by
    HOLD_PICTURE_US = 8000
    RIDE_US = 3000              # a picture of five packets gets to 250 subscribers in that
    RIDE_SUBSCRIBERS = 256
    RIDE_PACKETS = 8            # of an ordinary picture; key pictures have more
    OTHERS = 128                # datagrams of a picture to those who do not wait: a piece (forward.pyx)
    LOOKED_THROUGH = 16         # subscriptions of one transport, among which the other's is looked for
    HEADERS_DIFFER = 64         # bytes, by which the extensions of one subscriber's sound and pictures may
    FETCHED_AHEAD = 6           # subscriptions; see ahead.pxd


# --- who has company ------------------------------------------------------------------------------------------------


cdef subscription_t *of_transport(const transport_t *t, publication_t *p, uint32_t guess) noexcept nogil:
    """Its subscription to this publication, which probably stands at that place; NULL: it has none."""
    cdef uint32_t i
    if guess < p.subscription_count and p.subscriptions[guess].transport == t:
        return p.subscriptions[guess]
    for i in range(min(t.subscription_count, <uint32_t>LOOKED_THROUGH)):
        if t.subscriptions[i].publication == p and t.subscriptions[i].slot == NULL:
            return t.subscriptions[i]
    return NULL


cdef bint has_company(const subscription_t *s, publication_t *other) noexcept nogil:
    """Whether this subscriber is still to get the other publication, too, and in the same burst."""
    cdef const transport_t *t = s.transport
    cdef const subscription_t *twin
    if s.paused or not t.keyed or not t.has_address or t.pacer != NULL or t.address.channel >= FIRST_STREAM_CHANNEL:
        return False
    twin = of_transport(t, other, s.publication_index)
    if twin == NULL or twin.paused or twin.layer < 0 or twin.publication_index < other.served:
        return False
    return not other.video or twin.publication_index - other.served < RIDE_SUBSCRIBERS


cdef bint serve_others(engine_t *e, publication_t *p, publication_t *other, uint32_t most) noexcept nogil:
    """Who has no company gets it now. False: these would be more than so many."""
    cdef const packet_t *packets[LOT]
    cdef layer_t *layers[LOT]
    cdef uint8_t padding[LOT]
    cdef subscription_t *s
    cdef uint32_t count, i
    p.in_work = p.gathered_count
    count = find_lot(p, p.in_work, layers, packets)
    even_out(packets, count, padding, False)
    for i in range(p.served, p.subscription_count):
        if i + FETCHED_AHEAD < p.subscription_count:
            fetch_subscription(p.subscriptions[i + FETCHED_AHEAD])
        s = p.subscriptions[i]
        if has_company(s, other):
            continue
        if p.served >= most:
            return False
        swap_subscriptions(p, i, p.served)
        p.served += 1
        forward_to(e, s, layers, packets, padding, count)
    return True


# --- what goes together ---------------------------------------------------------------------------------------------


cdef inline bint of_keyframe(const layer_t *layer, const packet_t *packet) noexcept nogil:
    return packet.keyframe or (layer.keyframe_us != 0 and packet.timestamp == layer.keyframe_timestamp)


cdef uint32_t even_size(publication_t *picture) noexcept nogil:
    """Of the packets of the lot in work or to come, when they are few and padding makes them all the same size; else 0."""
    cdef const packet_t *packets[LOT]
    cdef layer_t *layers[LOT]
    cdef uint32_t lot = picture.in_work if picture.in_work else picture.gathered_count
    cdef uint32_t count, least, most, i
    if lot > RIDE_PACKETS:
        return 0
    count = find_lot(picture, lot, layers, packets)
    if count == 0 or not packets[count - 1].marker:
        return 0
    least = most = packets[0].length
    for i in range(count):
        if of_keyframe(layers[i], packets[i]):
            return 0
        least = min(least, <uint32_t>packets[i].length)
        most = max(most, <uint32_t>packets[i].length)
    return least if most - least <= MAX_PADDING else 0


cdef bint takes_along(uint32_t size, publication_t *sound) noexcept nogil:
    """Whether packets of pictures of that size are larger than the sound gathered."""
    cdef const packet_t *packet
    cdef layer_t *layer
    return find_lot(sound, 1, &layer, &packet) == 1 and <uint32_t>packet.length + HEADERS_DIFFER <= size


cdef inline bint steady(const publication_t *p) noexcept nogil:
    """Whether those who subscribe to it are those who get it: not so of a voice that has to get a place first."""
    return p.voice == NULL or p.voice.always


cdef inline bint fits(const publication_t *p, const publication_t *other) noexcept nogil:
    return other.video != p.video and steady(other) and other.subscription_count >= COMPANY


cdef void set_out(engine_t *e, publication_t *sound, publication_t *picture) noexcept nogil:
    sound.held = picture.held = False
    sound.carrier = picture
    sound.gather_until_us = e.now_us + RIDE_US
    picture.rider = sound
    picture.ready |= picture.in_work == 0


# --- sound ----------------------------------------------------------------------------------------------------------


cdef bint sound_goes_along(engine_t *e, publication_t *sound, publication_t *picture) noexcept nogil:
    """With a picture that waits for it, or goes out just now."""
    if picture.rider != NULL or not (picture.in_work or picture.ready) or not takes_along(even_size(picture), sound):
        return False
    serve_others(e, sound, picture, sound.subscription_count)
    set_out(e, sound, picture)
    return True


cdef bint sound_waits(engine_t *e, publication_t *sound, publication_t *picture) noexcept nogil:
    if picture.in_work or picture.ready or not takes_along(picture.even_size, sound):
        return False
    if picture.gathered_count == 0 and not rhythm_expects(&picture.rhythm, e.now_us, HOLD_SOUND_US):
        return False
    serve_others(e, sound, picture, sound.subscription_count)
    sound.held = True
    sound.gather_until_us = e.now_us + HOLD_SOUND_US
    return True


cdef bint coalesce_sound(engine_t *e, publication_t *sound) noexcept nogil:
    cdef transport_t *t = sound.transport
    cdef uint32_t i
    rhythm_came(&sound.rhythm, e.now_us)
    if sound.gathered_count != 1:       # the one before it has waited long enough
        return False
    for i in range(t.publication_count):
        if fits(sound, t.publications[i]) and sound_goes_along(e, sound, t.publications[i]):
            return True
    for i in range(t.publication_count):
        if fits(sound, t.publications[i]) and sound_waits(e, sound, t.publications[i]):
            return True
    return False


# --- pictures -------------------------------------------------------------------------------------------------------


cdef void coalesce_began(engine_t *e, publication_t *p) noexcept nogil:
    rhythm_came(&p.rhythm, e.now_us)


cdef bint picture_waits(engine_t *e, publication_t *picture, publication_t *sound) noexcept nogil:
    if sound.gathered_count > 0 or not rhythm_expects(&sound.rhythm, e.now_us, HOLD_PICTURE_US):
        return False
    picture.held = serve_others(e, picture, sound, OTHERS // picture.gathered_count)    # else it is in work now
    picture.gather_until_us = e.now_us + HOLD_PICTURE_US
    return True


cdef bint coalesce_picture(engine_t *e, publication_t *picture) noexcept nogil:
    cdef transport_t *t = picture.transport
    cdef publication_t *sound
    cdef uint32_t i
    picture.even_size = 0
    if picture.in_work:                 # the one before it still goes out, or the first packets of a key picture
        return False
    picture.even_size = even_size(picture)
    for i in range(t.publication_count):
        sound = t.publications[i]
        if not fits(picture, sound) or not sound.held:
            continue
        if takes_along(picture.even_size, sound):
            set_out(e, sound, picture)
            return True
        sound.held = False
        sound.ready = True
    for i in range(t.publication_count):
        sound = t.publications[i]
        if picture.even_size and fits(picture, sound) and picture_waits(e, picture, sound):
            return True
    return False


cdef bint coalesce(engine_t *e, publication_t *p) noexcept nogil:
    if p.subscription_count < COMPANY or not steady(p) or e.out.gso_off:
        return False
    return coalesce_picture(e, p) if p.video else coalesce_sound(e, p)


# --- on the way -----------------------------------------------------------------------------------------------------


cdef void coalesce_along(engine_t *e, publication_t *sound, const transport_t *t) noexcept nogil:
    cdef subscription_t *s = of_transport(t, sound, sound.served)
    cdef const packet_t *packet
    cdef layer_t *layer
    cdef uint8_t padding = 0
    if sound.served + FETCHED_AHEAD < sound.subscription_count:
        fetch_subscription(sound.subscriptions[sound.served + FETCHED_AHEAD])
    if s == NULL or s.publication_index < sound.served:
        return
    swap_subscriptions(sound, s.publication_index, sound.served)
    sound.served += 1
    if find_lot(sound, 1, &layer, &packet) == 1:
        forward_to(e, s, &layer, &packet, &padding, 1)


cdef void coalesce_part(publication_t *p) noexcept nogil:
    if p.carrier != NULL:
        p.carrier.rider = NULL
        p.carrier = NULL
    if p.rider != NULL:
        p.rider.ready = True
        p.rider.carrier = NULL
        p.rider = NULL
