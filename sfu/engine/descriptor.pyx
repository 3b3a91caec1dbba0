"""Payload descriptors of VP8 (RFC 7741, 4.2) and VP9 (RFC 9628, 4.2), as far as layers and frame numbers go.

AV1 and H.264 say nothing of the kind in their payloads; for them the dependency descriptor (dependency.pyx) fills the
same structure.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memset

from sfu.engine.payload cimport CODEC_VP8, CODEC_VP9, codec_by_name
from sfu.engine.wire cimport get16

cdef enum:
    VP9_DIFFS = 3                   # RFC 9628, 4.2: at most three reference indices
    FIRST_CYCLE = 1 << 20           # so that a frame overtaken by the very first one is still positive


cdef inline bint read_picture(descriptor_t *d, const uint8_t *p, uint32_t length, uint32_t *at) noexcept nogil:
    """A picture id of 7 bits, or of 15 where its first bit is set."""
    if at[0] >= length:
        return False
    d.picture_wide = (p[at[0]] & 0x80) != 0
    if at[0] + 1 + <uint32_t>d.picture_wide > length:
        return False
    d.picture_at = <uint8_t>at[0]
    d.picture = get16(p + at[0]) & 0x7FFF if d.picture_wide else p[at[0]] & 0x7F
    d.picture_bits = 15 if d.picture_wide else 7
    at[0] += 2 if d.picture_wide else 1
    return True


cdef bint read_vp8(descriptor_t *d, const uint8_t *p, uint32_t length) noexcept nogil:
    cdef uint32_t at = 2
    cdef uint8_t extension
    if length < 2 or not p[0] & 0x80:       # X
        return length > 0
    extension = p[1]
    d.begins = (p[0] & 0x10) != 0 and not p[0] & 0x07
    if extension & 0x80 and not read_picture(d, p, length, &at):    # I
        return False
    if extension & 0x40:                    # L
        if at >= length:
            return False
        d.tl0_at = <uint8_t>at
        d.tl0 = p[at]
        at += 1
    if extension & 0x30:                    # T, K
        if at >= length:
            return False
        if extension & 0x10:
            d.key_at = <uint8_t>at
            d.key = p[at] & 0x1F
        if extension & 0x20:
            d.temporal = p[at] >> 6
            d.sync = (p[at] & 0x20) != 0
            d.layered = d.picture_bits != 0
    d.closes_up = d.layered
    return True


cdef bint read_vp9_references(descriptor_t *d, const uint8_t *p, uint32_t length, uint32_t at) noexcept nogil:
    while True:
        if at >= length or d.reference_count == VP9_DIFFS:
            return False
        d.references[d.reference_count] = p[at] >> 1
        d.reference_count += 1
        if not p[at] & 0x01:                # N
            return True
        at += 1


cdef bint read_vp9(descriptor_t *d, const uint8_t *p, uint32_t length) noexcept nogil:
    cdef uint32_t at = 1
    if length < 1:
        return False
    d.predicted = (p[0] & 0x40) != 0
    d.begins = (p[0] & 0x08) != 0
    d.ends = (p[0] & 0x04) != 0
    d.idle = (p[0] & 0x01) != 0
    if p[0] & 0x80 and not read_picture(d, p, length, &at):         # I
        return False
    if p[0] & 0x20:                         # L: TID (3), U, SID (3), D
        if at >= length:
            return False
        d.temporal = p[at] >> 5
        d.sync = (p[at] & 0x10) != 0
        d.opens = d.sync
        d.spatial = (p[at] >> 1) & 0x07
        d.layered = d.picture_bits != 0 and d.spatial < MAX_SPATIAL
        at += 1
        if not p[0] & 0x10:                 # not flexible: TL0PICIDX
            if at >= length:
                return False
            d.tl0_at = <uint8_t>at
            d.tl0 = p[at]
    if p[0] & 0x50 == 0x50:                 # P and F
        d.referring = True
        return read_vp9_references(d, p, length, at)
    return True


cdef void descriptor_read(descriptor_t *d, codec_t codec, const uint8_t *payload, uint32_t length) noexcept nogil:
    cdef bint whole = True
    memset(d, 0, sizeof(descriptor_t))
    if codec == CODEC_VP8:
        whole = read_vp8(d, payload, length)
    elif codec == CODEC_VP9:
        whole = read_vp9(d, payload, length)
    if not whole:
        memset(d, 0, sizeof(descriptor_t))


cdef int64_t descriptor_unwrap(const descriptor_t *d, int64_t highest) noexcept nogil:
    cdef int64_t cycle = <int64_t>1 << d.picture_bits
    cdef int64_t ahead
    if highest < 0:
        return FIRST_CYCLE + d.picture
    ahead = (d.picture - highest) & (cycle - 1)
    return highest + ahead if ahead < cycle // 2 else highest + ahead - cycle


# --- the same, for Python --------------------------------------------------------------------------------------


cdef dict descriptor_dict(const descriptor_t *d):
    return {
        "layered": bool(d.layered),
        "begins": bool(d.begins),
        "ends": bool(d.ends),
        "sync": bool(d.sync),
        "predicted": bool(d.predicted),
        "idle": bool(d.idle),
        "spatial": d.spatial,
        "temporal": d.temporal,
        "references": [d.references[i] for i in range(d.reference_count)] if d.referring else None,
        "picture": d.picture if d.picture_bits else None,
        "tl0": d.tl0 if d.tl0_at else None,
        "key": d.key if d.key_at else None,
    }


def read_descriptor(str codec, payload):
    cdef Py_buffer view
    cdef descriptor_t d
    PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    try:
        descriptor_read(&d, codec_by_name(codec), <const uint8_t *>view.buf, <uint32_t>view.len)
        return descriptor_dict(&d)
    finally:
        PyBuffer_Release(&view)
