# Transport-wide congestion control, receiving side: arrival times of one transport's packets -> feedback
# (draft-holmer-rmcat-transport-wide-cc-extensions-01).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    TWCC_WINDOW = 1024          # packets between two reports at the most
    # As libwebrtc: often where feedback is a small part of what it is about, so that a publisher's congestion control hears of
    # a queue soon; a microphone alone is reported half as often.
    TWCC_INTERVAL_US = 100000
    TWCC_BUSY_US = 50000
    TWCC_BUSY_PACKETS = 4       # within TWCC_BUSY_US: more than a voice has

cdef struct twcc_t:
    int64_t *arrival_us         # by unwrapped sequence modulo TWCC_WINDOW; -1 for not received
    int64_t next                # first sequence not yet reported
    int64_t highest             # -1 before the first packet
    int64_t reported_us         # time of the last report
    uint8_t report_count

cdef int twcc_init(twcc_t *t) noexcept nogil   # -1: out of memory
cdef void twcc_free(twcc_t *t) noexcept nogil
cdef void twcc_received(twcc_t *t, uint16_t sequence, int64_t now_us) noexcept nogil
# One feedback packet of at most `room` bytes into buffer when one is due (else 0); call again until it returns 0.
cdef uint32_t twcc_report(twcc_t *t, uint8_t *buffer, uint32_t room, uint32_t ssrc, uint32_t media_ssrc, int64_t now_us) noexcept nogil
# When a report will be due; -1 while there is nothing to report.
cdef int64_t twcc_deadline(const twcc_t *t) noexcept nogil
