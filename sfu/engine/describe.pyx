"""What Python says of publications, subscriptions and slots, checked, into the engine's structs."""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from sfu.engine.lifecycle cimport stream_add, subscription_delete, subscription_new, subscription_ssrcs
from sfu.engine.model cimport TAG_BYTES, layer_t, tag_t
from sfu.engine.payload cimport CODEC_OPUS, CODEC_RED, codec_by_name, codec_t
from sfu.engine.slots cimport group_find, group_forget_if_empty, slot_open, slots_follow
from sfu.engine.speakers cimport MAX_LOUDEST


cdef int set_tag(tag_t *tag, str text, str what) except -1:
    cdef bytes raw = text.encode()
    if len(raw) > TAG_BYTES:
        raise ValueError(f"a {what} has at most {TAG_BYTES} bytes")
    tag.length = <uint8_t>len(raw)
    memcpy(tag.text, <const char *>raw, tag.length)
    return 0


cdef int checked(object value, int low, int high, str what) except? -2:
    if not low <= value <= high:
        raise ValueError(f"{what} {value} lies outside {low}..{high}")
    return value


cdef int describe_publication(publication_t *p, str mid, list formats, list layers, bint reduced) except -1:
    cdef uint32_t i
    cdef layer_t *layer
    p.reduced = reduced
    set_tag(&p.mid, mid, "MID")
    for i, (name, payload_type, rtx, nack) in enumerate(formats):
        p.formats[i].codec = codec_by_name(name)
        p.formats[i].payload_type = <uint8_t>checked(payload_type, 0, 127, "payload type")
        p.formats[i].rtx_payload_type = checked(rtx, -1, 127, "payload type")
        p.formats[i].nack = nack
    p.format_count = <uint32_t>len(formats)
    for i, (rid, ssrc, rtx_ssrc) in enumerate(layers):
        layer = &p.layers[i]
        set_tag(&layer.rid, rid, "RID")
        layer.rtx_ssrc = rtx_ssrc
        if ssrc and stream_add(p.transport, ssrc, layer, False) < 0:
            raise ValueError("this transport sends too many streams")
        if rtx_ssrc and stream_add(p.transport, rtx_ssrc, layer, True) < 0:
            raise ValueError("this transport sends too many streams")
    return 0


cdef int describe_subscription(subscription_t *s, str mid, uint32_t ssrc, uint32_t rtx_ssrc, list formats) except -1:
    cdef uint32_t i
    checked(len(formats), s.publication.format_count, s.publication.format_count, "number of formats")
    set_tag(&s.mid, mid, "MID")
    if subscription_ssrcs(s, ssrc, rtx_ssrc) < 0:
        raise ValueError("this transport sends under this SSRC already")
    for i, (payload_type, rtx, nack) in enumerate(formats):
        s.formats[i].payload_type = checked(payload_type, -1, 127, "payload type")
        s.formats[i].rtx_payload_type = checked(rtx if rtx_ssrc else -1, -1, 127, "payload type")
        s.formats[i].nack = nack
        s.keeps_history |= nack
    return 0


cdef mix_t *group_numbered(engine_t *e, int group, int loudest) except NULL:
    cdef mix_t *m
    checked(group, 1, 0x7FFFFFFF, "group")
    checked(loudest, 0, MAX_LOUDEST, "number of the loudest")
    m = group_find(e, <uint32_t>group, <uint32_t>loudest)
    if m == NULL:
        raise MemoryError
    return m


cdef int describe_slot(subscription_t *s, mix_t *m, int place, int party, str mid, uint32_t ssrc, list formats) except -1:
    cdef codec_t codec
    if slot_open(s, m, <uint32_t>place, <uint32_t>party) < 0:
        raise MemoryError
    if subscription_ssrcs(s, ssrc, 0) < 0:
        raise ValueError("this transport sends under this SSRC already")
    set_tag(&s.mid, mid, "MID")
    for name, payload_type, nack in formats:
        checked(payload_type, -1, 127, "payload type")
        codec = codec_by_name(name)
        if codec == CODEC_OPUS:
            s.slot.opus = payload_type
        elif codec == CODEC_RED:
            s.slot.red = payload_type
        else:
            raise ValueError(f"a slot carries opus and red, not {name}")
        s.keeps_history |= nack
    return 0


cdef subscription_t *slot_new(engine_t *e, transport_t *t, uint32_t id, int group, int place, str mid, uint32_t ssrc, list formats, int party, int loudest) except NULL:
    cdef mix_t *m
    cdef subscription_t *s
    checked(place, 0, MAX_LOUDEST - 1, "place")
    checked(party, 0, 0x7FFFFFFF, "party")
    m = group_numbered(e, group, loudest)
    s = subscription_new(e, t, <publication_t *>m.rest, id)
    if s == NULL:
        group_forget_if_empty(e, m)
        raise ValueError("this transport has too many subscriptions")
    try:
        describe_slot(s, m, place, party, mid, ssrc, formats)
    except Exception:
        m.slot_count += 1       # the group is not to go with its last slot
        subscription_delete(e, s)
        m.slot_count -= 1
        group_forget_if_empty(e, m)
        raise
    slots_follow(m, <uint32_t>place)
    return s
