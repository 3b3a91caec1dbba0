"""The dependency descriptor (AV1 RTP payload format, appendix A): a few bits that tell of each frame to which decode
targets (that is: combinations of a spatial and a temporal layer) it belongs and on which frames it depends.

Theory of operation. A keyframe brings the structure: up to 64 templates, each a layer, an indication for every decode
target, and distances to the frames referred to. Every other packet names a template by its number, and may replace
parts of it. The bits are read one after the other with a reader that knows its end: past it everything is zero and
`failed` is set, and what failed leaves no trace. Every loop is bounded by the width of the field that counts it.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memset

from sfu.engine.descriptor cimport MAX_SPATIAL, MAX_TEMPORAL

from sfu.engine.wire cimport get16

cdef enum:
    MANDATORY_BYTES = 3         # A.8.2: mandatory_descriptor_fields
    SAME_LAYER = 0              # A.8.3: next_layer_idc
    NEXT_TEMPORAL = 1
    NEXT_SPATIAL = 2
    LAST_TEMPLATE = 3

cdef struct bits_t:
    const uint8_t *data
    uint32_t at                 # in bits
    uint32_t end
    bint failed


cdef uint32_t take(bits_t *b, uint32_t count) noexcept nogil:
    """f(count), the most significant bit first."""
    cdef uint32_t value = 0
    if b.failed or b.end - b.at < count:
        b.failed = True
        return 0
    while count:
        value = value << 1 | (b.data[b.at >> 3] >> (7 - (b.at & 7)) & 1)
        b.at += 1
        count -= 1
    return value


cdef uint32_t take_below(bits_t *b, uint32_t limit) noexcept nogil:
    """ns(limit): a number below it, in as few bits as that takes (A.8.1)."""
    cdef uint32_t width = 0, value, short
    cdef uint32_t rest = limit
    while rest:
        rest >>= 1
        width += 1
    short = (1 << width) - limit
    value = take(b, width - 1)
    return value if value < short else (value << 1) - short + take(b, 1)


cdef uint64_t take_targets(bits_t *b, uint32_t count) noexcept nogil:
    cdef uint64_t found = 0
    cdef uint32_t i
    for i in range(count):
        found |= <uint64_t>take(b, 2) << (2 * i)
    return found


# --- the structure ---------------------------------------------------------------------------------------------


cdef void read_layers(bits_t *b, structure_t *s) noexcept nogil:
    cdef uint8_t spatial = 0, temporal = 0
    cdef uint32_t following = SAME_LAYER
    while following != LAST_TEMPLATE and not b.failed:
        if s.template_count == MAX_TEMPLATES or spatial >= MAX_SPATIAL or temporal >= MAX_TEMPORAL:
            b.failed = True
            return
        s.templates[s.template_count].spatial = spatial
        s.templates[s.template_count].temporal = temporal
        s.template_count += 1
        following = take(b, 2)
        if following == NEXT_TEMPORAL:
            temporal += 1
        elif following == NEXT_SPATIAL:
            temporal = 0
            spatial += 1


cdef void read_references(bits_t *b, template_t *t) noexcept nogil:
    """A.8.3, template_fdiffs: distances of up to 16 frames, each announced by a bit."""
    t.reference_count = 0
    while take(b, 1) and not b.failed:
        if t.reference_count == MAX_REFERENCES:
            b.failed = True
            return
        t.references[t.reference_count] = <uint16_t>(take(b, 4) + 1)
        t.reference_count += 1


cdef void read_chains(bits_t *b, structure_t *s) noexcept nogil:
    """Passed over: whether a frame can be decoded is told by its references as well."""
    cdef uint32_t i
    s.chain_count = <uint8_t>take_below(b, s.target_count + 1)
    if s.chain_count == 0:
        return
    for i in range(s.target_count):
        take_below(b, s.chain_count)
    for i in range(<uint32_t>s.template_count * s.chain_count):
        take(b, 4)


cdef uint32_t read_resolutions(bits_t *b, const structure_t *s) noexcept nogil:
    cdef uint32_t i
    if not take(b, 1):
        return 0
    for i in range(s.templates[s.template_count - 1].spatial + 1):
        take(b, 32)
    return 1


cdef void find_target_layers(structure_t *s) noexcept nogil:
    cdef uint32_t i, k
    cdef const template_t *t
    for i in range(s.template_count):
        t = &s.templates[i]
        for k in range(s.target_count):
            if (t.targets >> (2 * k)) & 3 != TARGET_NOT_PRESENT:
                s.target_spatial[k] = max(s.target_spatial[k], t.spatial)
                s.target_temporal[k] = max(s.target_temporal[k], t.temporal)


cdef void read_structure(bits_t *b, structure_t *s) noexcept nogil:
    cdef uint32_t i
    memset(s, 0, sizeof(structure_t))
    s.offset = <uint8_t>take(b, 6)
    s.target_count = <uint8_t>(take(b, 5) + 1)
    read_layers(b, s)
    for i in range(s.template_count):
        s.templates[i].targets = take_targets(b, s.target_count)
    for i in range(s.template_count):
        read_references(b, &s.templates[i])
    if b.failed:
        return
    read_chains(b, s)
    read_resolutions(b, s)
    s.active = all_targets(s)
    find_target_layers(s)


cdef inline uint32_t all_targets(const structure_t *s) noexcept nogil:
    return <uint32_t>((<uint64_t>1 << s.target_count) - 1)


# --- one frame -------------------------------------------------------------------------------------------------


cdef bint apply_template(descriptor_t *d, const structure_t *s, uint32_t id) noexcept nogil:
    cdef uint32_t index = (id + MAX_TEMPLATES - s.offset) % MAX_TEMPLATES
    cdef const template_t *t
    cdef uint32_t i
    if index >= s.template_count:
        return False
    t = &s.templates[index]
    d.spatial = t.spatial
    d.temporal = t.temporal
    d.targets = t.targets
    d.reference_count = t.reference_count
    for i in range(t.reference_count):
        d.references[i] = t.references[i]
    return True


cdef void read_own_references(bits_t *b, descriptor_t *d) noexcept nogil:
    """A.8.4, frame_fdiffs: sizes of four, eight or twelve bits, until a size of none."""
    cdef uint32_t size = take(b, 2)
    d.reference_count = 0
    while size and not b.failed:
        if d.reference_count == MAX_REFERENCES:
            b.failed = True
            return
        d.references[d.reference_count] = <uint16_t>(take(b, 4 * size) + 1)
        d.reference_count += 1
        size = take(b, 2)


cdef int read_extended(descriptor_t *d, structure_t *known, structure_t *fresh, bits_t *b, uint32_t id) noexcept nogil:
    cdef bint has_structure = take(b, 1)
    cdef bint has_active = take(b, 1)
    cdef bint own_targets = take(b, 1)
    cdef bint own_references = take(b, 1)
    cdef uint32_t active
    cdef structure_t *s = fresh if has_structure else known
    take(b, 1)                  # custom chains stand behind everything that is read here
    if has_structure:
        read_structure(b, fresh)
    if s == NULL or b.failed:
        return -1
    active = take(b, s.target_count) if has_active else s.active
    if not apply_template(d, s, id):
        return -1
    if own_targets:
        d.targets = take_targets(b, s.target_count)
    if own_references:
        read_own_references(b, d)
    if b.failed:
        return -1
    s.active = active
    return 1 if has_structure else 0


cdef int dependency_read(descriptor_t *d, structure_t *known, structure_t *fresh, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef bits_t b
    cdef int status
    memset(d, 0, sizeof(descriptor_t))
    if length < MANDATORY_BYTES:
        return -1
    b.data = data
    b.at = 8 * MANDATORY_BYTES
    b.end = 8 * length
    b.failed = False
    if length > MANDATORY_BYTES:
        status = read_extended(d, known, fresh, &b, data[0] & 0x3F)
    else:
        status = 0 if known != NULL and apply_template(d, known, data[0] & 0x3F) else -1
    if status < 0:
        memset(d, 0, sizeof(descriptor_t))
        return -1
    d.layered = True
    d.referring = True
    d.targeted = True
    d.begins = (data[0] & 0x80) != 0
    d.ends = (data[0] & 0x40) != 0
    d.predicted = d.reference_count != 0
    d.picture = get16(data + 1)
    d.picture_bits = 16
    return status


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class DependencyReader:
    cdef structure_t structure
    cdef structure_t fresh
    cdef bint known

    def read(self, data):
        cdef Py_buffer view
        cdef descriptor_t d
        cdef int status
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            status = dependency_read(
                &d,
                &self.structure if self.known else NULL,
                &self.fresh,
                <const uint8_t *>view.buf,
                <uint32_t>view.len,
            )
        finally:
            PyBuffer_Release(&view)
        if status < 0:
            return None
        if status > 0:
            self.structure = self.fresh
            self.known = True
        return self.describe(&d)

    cdef dict describe(self, const descriptor_t *d):
        return {
            "begins": bool(d.begins),
            "ends": bool(d.ends),
            "frame": d.picture,
            "spatial": d.spatial,
            "temporal": d.temporal,
            "references": [d.references[i] for i in range(d.reference_count)],
            "targets": "".join("-DSR"[(d.targets >> (2 * i)) & 3] for i in range(self.structure.target_count)),
            "active": [bool(self.structure.active >> i & 1) for i in range(self.structure.target_count)],
        }

    @property
    def target_layers(self):
        return [
            (self.structure.target_spatial[i], self.structure.target_temporal[i])
            for i in range(self.structure.target_count)
        ]
