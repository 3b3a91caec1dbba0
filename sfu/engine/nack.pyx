"""What is missing of one received RTP stream, and when to ask for it again (RFC 4585, 6.2.1).

Theory of operation. Each packet that comes after a gap puts the gap's numbers on the list; each that fills a gap takes
its number off. A number is asked for

- the first time when two later packets have come, or 10 ms have passed. Networks that reorder do it by a packet or two
  (parallel queues of a switch or of Wi-Fi), or by the length of one burst, which is over in well under 10 ms; and
  waiting 10 ms for the last packet of a frame costs a third of a frame's time. A wrong guess costs one packet.
- again when the answer had time enough to come: a round trip and a quarter (the quarter is jitter and the sender's own
  pacing), at least 20 ms, growing by a quarter with each try, so that a congested link is not asked ever the same.
- ten times at the most. At 20 ms that is 0.4 s, at a round trip of 100 ms 2.6 s: beyond what any jitter buffer waits.

An SFU that only receives cannot measure a round trip by reports, so the time from asking (once: an answer to a repeated
question could belong to either, as in Karn's rule) to getting is smoothed here and used where the caller knows no better.

The list is kept short. When it would overflow (that is a link that broke, not one that loses) it is emptied at once:
only a keyframe helps, and asking for hundreds of packets would make things worse.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memmove

cdef enum:
    REORDER_US = 10000
    MIN_REPEAT_US = 20000
    UNKNOWN_RTT_US = 100000         # before the first answer: libwebrtc starts with the same
    MAX_RTT_US = 1000000            # a peer's report must not silence us


cdef int nack_init(nack_t *n) noexcept nogil:
    n.missing = <missing_t *>malloc(NACK_LIST * sizeof(missing_t))
    if n.missing == NULL:
        return -1
    n.count = 0
    n.highest = -1
    n.given_up = 0
    n.measured_us = 0
    return 0


cdef void nack_free(nack_t *n) noexcept nogil:
    free(n.missing)
    n.missing = NULL
    n.count = 0


cdef uint32_t lower_bound(const nack_t *n, int64_t sequence) noexcept nogil:
    """Index of the first entry not before `sequence`."""
    cdef uint32_t low = 0, high = n.count, middle
    while low < high:
        middle = (low + high) // 2
        if n.missing[middle].sequence < sequence:
            low = middle + 1
        else:
            high = middle
    return low


cdef void remove_range(nack_t *n, uint32_t first, uint32_t end) noexcept nogil:
    memmove(n.missing + first, n.missing + end, (n.count - end) * sizeof(missing_t))
    n.count -= end - first


cdef void measure(nack_t *n, const missing_t *answered, int64_t now_us) noexcept nogil:
    cdef int64_t sample = now_us - answered.asked_us
    if answered.tries != 1:
        return
    n.measured_us = sample if n.measured_us == 0 else n.measured_us + (sample - n.measured_us) // 8


cdef int note_gap(nack_t *n, int64_t sequence, int64_t now_us) noexcept nogil:
    cdef int64_t gap = sequence - n.highest - 1, i
    cdef missing_t *entry
    if n.count + gap > NACK_LIST:
        n.given_up += n.count + <uint32_t>gap
        n.count = 0
        return -1
    for i in range(gap):
        entry = n.missing + n.count
        entry.sequence = n.highest + 1 + i
        entry.asked_us = 0
        entry.seen_us = now_us
        entry.tries = 0
        n.count += 1
    return 0


cdef int nack_received(nack_t *n, int64_t sequence, int64_t now_us) noexcept nogil:
    cdef uint32_t i
    cdef int result = 0
    if n.highest < 0:
        n.highest = sequence
        return 0
    if sequence > n.highest:
        if sequence > n.highest + 1:
            result = note_gap(n, sequence, now_us)
        n.highest = sequence
        return result
    if n.count == 0:
        return 0
    i = lower_bound(n, sequence)
    if i == n.count or n.missing[i].sequence != sequence:
        return 0
    measure(n, n.missing + i, now_us)
    remove_range(n, i, i + 1)
    return 1


cdef uint32_t overtaken(const nack_t *n) noexcept nogil:
    """How many entries, from the first, have been overtaken by two packets: all but the run just below the highest."""
    cdef uint32_t i = n.count
    while i > 0 and n.missing[i - 1].sequence == n.highest - 1 - <int64_t>(n.count - i):
        i -= 1
    return i


cdef int64_t repeat_base(const nack_t *n, int64_t rtt_us) noexcept nogil:
    if rtt_us <= 0:
        rtt_us = n.measured_us if n.measured_us > 0 else UNKNOWN_RTT_US
    rtt_us = min(rtt_us, <int64_t>MAX_RTT_US)
    return max(rtt_us + rtt_us // 4, <int64_t>MIN_REPEAT_US)


cdef int64_t due_at(const missing_t *entry, bint was_overtaken, int64_t base_us) noexcept nogil:
    """When to ask, or, after the last try, when to give up."""
    if entry.tries == 0:
        return entry.seen_us if was_overtaken else entry.seen_us + REORDER_US
    return entry.asked_us + base_us + base_us * (entry.tries - 1) // 4


cdef uint32_t nack_due(nack_t *n, int64_t now_us, int64_t rtt_us, uint16_t *lost) noexcept nogil:
    cdef int64_t base_us = repeat_base(n, rtt_us)
    cdef uint32_t settled = overtaken(n), i, kept = 0, asked = 0
    cdef missing_t *entry
    for i in range(n.count):
        entry = n.missing + i
        if asked < NACK_BATCH and now_us >= due_at(entry, i < settled, base_us):
            if entry.tries == NACK_TRIES:
                n.given_up += 1
                continue
            entry.tries += 1
            entry.asked_us = now_us
            lost[asked] = <uint16_t>entry.sequence
            asked += 1
        if kept != i:
            n.missing[kept] = entry[0]
        kept += 1
    n.count = kept
    return asked


cdef int64_t nack_deadline(const nack_t *n, int64_t rtt_us) noexcept nogil:
    cdef int64_t base_us, due, earliest = -1
    cdef uint32_t settled, i
    if n.count == 0:
        return -1
    base_us = repeat_base(n, rtt_us)
    settled = overtaken(n)
    for i in range(n.count):
        due = due_at(n.missing + i, i < settled, base_us)
        if earliest < 0 or due < earliest:
            earliest = due
    return earliest


cdef void nack_forget_before(nack_t *n, int64_t sequence) noexcept nogil:
    cdef uint32_t end = lower_bound(n, sequence)
    if end > 0:
        n.given_up += end
        remove_range(n, 0, end)


# --- the same, for Python --------------------------------------------------------------------------------------


cdef class NackList:
    cdef nack_t n

    def __cinit__(self):
        if nack_init(&self.n) < 0:
            raise MemoryError()

    def __dealloc__(self):
        nack_free(&self.n)

    def received(self, int64_t sequence, int64_t now_us):
        return nack_received(&self.n, sequence, now_us)

    def due(self, int64_t now_us, int64_t rtt_us):
        cdef uint16_t lost[NACK_BATCH]
        cdef uint32_t count = nack_due(&self.n, now_us, rtt_us, lost), i
        return [lost[i] for i in range(count)]

    def deadline(self, int64_t rtt_us):
        return nack_deadline(&self.n, rtt_us)

    def forget_before(self, int64_t sequence):
        nack_forget_before(&self.n, sequence)

    @property
    def missing(self):
        cdef uint32_t i
        return [self.n.missing[i].sequence for i in range(self.n.count)]

    @property
    def given_up(self):
        return self.n.given_up

    @property
    def measured_us(self):
        return self.n.measured_us
