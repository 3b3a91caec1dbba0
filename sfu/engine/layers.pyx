"""Choice of layers: which frames of a stream one subscriber gets.

Theory of operation. The fate of a frame is decided once, by the first of its packets that comes, and remembered for the
others: a frame goes out whole or not at all, however its packets are reordered. A lower layer is taken from the next
frame on, which is always possible. A higher one only where the stream allows it:

- at a keyframe: everything;
- VP8, VP9: a temporal layer with a frame that needs only lower ones (Y, U), one step at a time, or, in VP9's flexible
  mode, with a frame of whose references none was left out; VP9: a spatial layer with a frame that is not predicted from
  earlier pictures;
- dependency descriptor: a decode target with a frame that is a switch for it and of whose references none was left out.

Lower spatial layers that a higher one does without (`L3T3_KEY` between keyframes) are left out: by the decode targets, or,
in VP9, where the payload says that no upper layer of the picture needs the frame (Z), as long as the highest layer comes
with every picture. Who then wants a lower layer cannot have it from the next frame on, since what it refers to was left
out: the higher one goes on, and a keyframe is asked for (`waits`).

A frame whose references were left out is left out, whatever else is said of it. A frame of which nothing came yet counts
as sent: it may be on its way, and its numbers are kept free.
"""

from libc.string cimport memset

from sfu.engine.dependency cimport TARGET_NOT_PRESENT, TARGET_SWITCH

cdef enum:
    UNDECIDED = 255
    DROPPED_LATE = 254          # left out when others behind it had gone out: its numbers stay free
    TOPLESS = 8                 # pictures without their highest layer: not lost and repaired late, but ceased


cdef uint8_t choose_encoding(uint32_t alive, uint32_t count, uint8_t wanted) noexcept nogil:
    cdef int i
    for i in range(wanted, -1, -1):
        if alive >> i & 1:
            return <uint8_t>i
    for i in range(wanted + 1, <int>count):
        if alive >> i & 1:
            return <uint8_t>i
    return wanted


# --- what was decided ------------------------------------------------------------------------------------------


cdef inline uint8_t *fate(selector_t *s, int64_t frame) noexcept nogil:
    return &s.kept[frame & (SELECTOR_FRAMES - 1)]


cdef void selector_begin(selector_t *s, const descriptor_t *d, uint8_t spatial, uint8_t temporal) noexcept nogil:
    memset(s.kept, UNDECIDED, SELECTOR_FRAMES)
    s.highest = d.frame - 1
    s.spatial = spatial
    s.temporal = temporal
    s.target = -1
    s.top = 0
    s.topless = TOPLESS
    s.waits = s.thinned = s.topped = False


cdef void advance(selector_t *s, int64_t frame) noexcept nogil:
    if frame - s.highest >= SELECTOR_FRAMES:
        memset(s.kept, UNDECIDED, SELECTOR_FRAMES)
        s.highest = frame
    while s.highest < frame:
        s.highest += 1
        fate(s, s.highest)[0] = UNDECIDED


cdef bint references_kept(selector_t *s, const descriptor_t *d) noexcept nogil:
    cdef uint32_t i
    cdef int64_t frame
    for i in range(d.reference_count):
        frame = d.frame - d.references[i]
        if frame > s.highest - SELECTOR_FRAMES and (fate(s, frame)[0] == 0 or fate(s, frame)[0] == DROPPED_LATE):
            return False
    return True


cdef uint32_t selector_dropped_after(const selector_t *s, int64_t frame) noexcept nogil:
    cdef uint32_t found = 0
    frame = max(frame, s.highest - SELECTOR_FRAMES)
    while frame < s.highest:
        frame += 1
        found += s.kept[frame & (SELECTOR_FRAMES - 1)] == 0
    return found


# --- VP8 and VP9: pictures of spatial and temporal layers ------------------------------------------------------


cdef void rise_and_fall(selector_t *s, const descriptor_t *d, bint keyframe, uint8_t spatial, uint8_t temporal) noexcept nogil:
    """What may change with a picture that is newer than all before."""
    if keyframe:
        s.spatial = spatial
        s.temporal = temporal
        s.top = 0
        s.thinned = False
    s.waits = s.thinned and s.top > spatial
    if not s.waits:
        s.spatial = min(s.spatial, spatial)
        s.top = min(s.top, s.spatial)
    s.temporal = min(s.temporal, temporal)
    if s.temporal < d.temporal <= temporal:
        if d.referring or (d.sync and d.temporal == s.temporal + 1):
            s.temporal = d.temporal
    elif d.opens and d.temporal <= s.temporal:
        s.temporal = temporal


cdef uint8_t decide_picture(selector_t *s, const descriptor_t *d) noexcept nogil:
    """How many spatial layers of this picture are sent."""
    if d.temporal > s.temporal or (d.referring and not references_kept(s, d)):
        return 0
    return s.spatial + 1


cdef bint needless(selector_t *s, const descriptor_t *d) noexcept nogil:
    """Whether this frame is of a lower spatial layer that those above it do without."""
    if not d.idle or not d.predicted or d.spatial >= s.top:
        return False
    if s.thinned and s.topless == TOPLESS:
        s.waits = True                  # the highest layer has ceased, and the one below lacks what it refers to
    s.thinned |= s.topless == 0
    return s.thinned


cdef verdict_t decide_numbered(selector_t *s, const descriptor_t *d, bint keyframe, uint8_t spatial, uint8_t temporal) noexcept nogil:
    cdef uint8_t *kept = fate(s, d.frame)
    cdef bint late = d.frame < s.highest
    if kept[0] == UNDECIDED:
        s.fresh = True
        if not late:
            rise_and_fall(s, d, keyframe, spatial, temporal)
        kept[0] = decide_picture(s, d)
        if kept[0] == 0 and late:
            kept[0] = DROPPED_LATE
        elif kept[0] and not late:
            s.topless = 0 if s.topped else min(s.topless + 1, <uint8_t>TOPLESS)
            s.topped = False
    if kept[0] == DROPPED_LATE:
        return VERDICT_DROP_LATE
    if not d.predicted and d.begins and d.spatial == kept[0] and 0 < d.spatial <= spatial and not late:
        s.spatial = d.spatial
        kept[0] = d.spatial + 1
    if d.spatial >= kept[0] or needless(s, d):
        return VERDICT_DROP
    if d.frame == s.highest:
        s.top = max(s.top, d.spatial)
        s.topped |= d.spatial == s.top
    return VERDICT_SEND_LAST if d.ends and d.spatial + 1 == kept[0] else VERDICT_SEND


# --- dependency descriptor: decode targets ---------------------------------------------------------------------


cdef inline bint higher(const structure_t *k, int one, int other) noexcept nogil:
    if k.target_spatial[one] != k.target_spatial[other]:
        return k.target_spatial[one] > k.target_spatial[other]
    return k.target_temporal[one] > k.target_temporal[other]


cdef inline bint within(const structure_t *k, int target, uint8_t spatial, uint8_t temporal) noexcept nogil:
    return (
        (k.active >> target & 1) != 0
        and k.target_spatial[target] <= spatial
        and k.target_temporal[target] <= temporal
    )


cdef inline uint32_t indication(const descriptor_t *d, int target) noexcept nogil:
    return <uint32_t>(d.targets >> (2 * target)) & 3


cdef int best_target(const structure_t *k, uint8_t spatial, uint8_t temporal) noexcept nogil:
    """The highest within what is wanted; where none is, the lowest there is."""
    cdef int best = -1, lowest = 0, i
    for i in range(k.target_count):
        if higher(k, lowest, i):
            lowest = i
        if within(k, i, spatial, temporal) and (best < 0 or higher(k, i, best)):
            best = i
    return best if best >= 0 else lowest


cdef void change_target(selector_t *s, const descriptor_t *d, const structure_t *k, bint keyframe, uint8_t spatial, uint8_t temporal) noexcept nogil:
    cdef int best = best_target(k, spatial, temporal), i
    if keyframe or s.target < 0 or s.target >= k.target_count:
        s.target = best
        s.waits = False
    elif k.target_spatial[best] <= k.target_spatial[s.target] and k.target_temporal[best] <= k.target_temporal[s.target]:
        if k.target_spatial[best] == k.target_spatial[s.target]:
            s.target = best
            s.waits = False
        elif indication(d, best) != TARGET_NOT_PRESENT:
            s.waits = not references_kept(s, d)
            if not s.waits:
                s.target = best
    elif references_kept(s, d):
        for i in range(k.target_count):
            if indication(d, i) == TARGET_SWITCH and within(k, i, spatial, temporal) and higher(k, i, s.target):
                s.target = i
    s.spatial = k.target_spatial[s.target]
    s.temporal = k.target_temporal[s.target]


cdef verdict_t decide_targeted(selector_t *s, const descriptor_t *d, const structure_t *k, bint keyframe, uint8_t spatial, uint8_t temporal) noexcept nogil:
    cdef uint8_t *kept = fate(s, d.frame)
    cdef bint late = d.frame < s.highest
    if kept[0] == UNDECIDED:
        s.fresh = True
        if not late or s.target < 0 or s.target >= k.target_count:
            change_target(s, d, k, keyframe, spatial, temporal)
        kept[0] = indication(d, s.target) != TARGET_NOT_PRESENT and references_kept(s, d)
        if kept[0] == 0 and late:
            kept[0] = DROPPED_LATE
    if kept[0] == DROPPED_LATE:
        return VERDICT_DROP_LATE
    if kept[0] == 0:
        return VERDICT_DROP
    return VERDICT_SEND_LAST if d.ends and d.spatial == s.spatial else VERDICT_SEND


cdef verdict_t selector_decide(selector_t *s, const descriptor_t *d, const structure_t *structure, bint keyframe, bint newest, uint8_t spatial, uint8_t temporal) noexcept nogil:
    s.fresh = False
    if d.frame <= s.highest - SELECTOR_FRAMES:
        if not newest:
            return VERDICT_DROP_LATE
        selector_begin(s, d, s.spatial, s.temporal)     # the sender's numbers jumped
    if d.frame > s.highest:
        advance(s, d.frame)
    if d.targeted and structure != NULL:
        return decide_targeted(s, d, structure, keyframe, spatial, temporal)
    return decide_numbered(s, d, keyframe, spatial, temporal)


# --- the same, for Python --------------------------------------------------------------------------------------

VERDICTS = {VERDICT_DROP: "drop", VERDICT_SEND: "send", VERDICT_SEND_LAST: "last", VERDICT_DROP_LATE: "drop late"}


def encoding_for(alive, int wanted):
    cdef uint32_t bits = 0
    for i, lives in enumerate(alive):
        bits |= <uint32_t>bool(lives) << <uint32_t>i
    return choose_encoding(bits, <uint32_t>len(alive), <uint8_t>wanted)


cdef class LayerSelector:
    cdef selector_t s
    cdef structure_t k
    cdef bint begun

    def __init__(self, targets=()):
        memset(&self.k, 0, sizeof(structure_t))
        for i, (spatial, temporal) in enumerate(targets):
            self.k.target_spatial[<int>i] = spatial
            self.k.target_temporal[<int>i] = temporal
        self.k.target_count = len(targets)
        self.k.active = <uint32_t>((1 << len(targets)) - 1)

    def decide(
        self,
        int64_t frame,
        *,
        uint8_t spatial=0,
        uint8_t temporal=0,
        bint begins=True,
        bint ends=True,
        bint sync=False,
        bint opens=False,
        bint predicted=True,
        bint idle=False,
        references=None,
        str targets="",
        bint keyframe=False,
        bint newest=True,
        wanted=(ALL_LAYERS, ALL_LAYERS),
    ):
        cdef descriptor_t d
        memset(&d, 0, sizeof(d))
        d.layered = True
        d.frame = frame
        d.spatial, d.temporal, d.begins, d.ends = spatial, temporal, begins, ends
        d.sync, d.opens, d.predicted, d.idle = sync, opens, predicted and not keyframe, idle
        d.referring = references is not None
        for distance in references or ():
            d.references[d.reference_count] = distance
            d.reference_count += 1
        d.targeted = targets != ""
        for i, letter in enumerate(targets):
            d.targets |= <uint64_t>"-DSR".index(letter) << <uint64_t>(2 * i)
        if not self.begun:
            selector_begin(&self.s, &d, wanted[0], wanted[1])
            self.begun = True
        return VERDICTS[selector_decide(&self.s, &d, &self.k, keyframe, newest, wanted[0], wanted[1])]

    @property
    def waits(self):
        return bool(self.s.waits)

    @property
    def sending(self):
        return self.s.spatial, self.s.temporal

    def dropped_after(self, int64_t frame):
        return selector_dropped_after(&self.s, frame)
