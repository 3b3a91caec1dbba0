# What is missing of one received RTP stream, and when to ask for it again.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    NACK_LIST = 256             # missing packets remembered; beyond that only a keyframe helps
    NACK_TRIES = 10
    NACK_BATCH = 64             # sequence numbers asked for in one RTCP packet

cdef struct missing_t:
    int64_t sequence            # unwrapped
    int64_t asked_us            # last time asked, 0 for not yet
    int64_t seen_us             # when the gap was noticed
    uint8_t tries

cdef struct nack_t:
    missing_t *missing          # ascending by sequence; NACK_LIST of them
    uint32_t count
    int64_t highest             # unwrapped; -1 before the first packet
    uint32_t given_up           # packets no longer asked for, since the beginning
    int64_t measured_us         # smoothed time from asking once to getting; 0 before the first

cdef int nack_init(nack_t *n) noexcept nogil   # -1: out of memory
cdef void nack_free(nack_t *n) noexcept nogil
# A packet arrived. Notes the gap before it, or takes it off the list.
# 1: it was missing and has come; 0: in order, or already known; -1: the list overflowed and was emptied (ask for a keyframe).
cdef int nack_received(nack_t *n, int64_t sequence, int64_t now_us) noexcept nogil
# Sequence numbers due now, at most NACK_BATCH, into lost[]; marks them as asked. Call again until fewer come.
# rtt_us spaces the repeats; <= 0 where it is not known: then the time from asking to getting is measured here.
cdef uint32_t nack_due(nack_t *n, int64_t now_us, int64_t rtt_us, uint16_t *lost) noexcept nogil
# When something will be due; -1 for never.
cdef int64_t nack_deadline(const nack_t *n, int64_t rtt_us) noexcept nogil
# Everything before this sequence no longer matters (a keyframe began there).
cdef void nack_forget_before(nack_t *n, int64_t sequence) noexcept nogil
