# RTCP packets (RFC 3550, 4585, 5104, 3611 not), read and written without allocation.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    RTCP_SR = 200
    RTCP_RR = 201
    RTCP_SDES = 202
    RTCP_BYE = 203
    RTCP_RTPFB = 205
    RTCP_PSFB = 206
    RTPFB_NACK = 1              # RFC 4585, 6.2.1
    RTPFB_TRANSPORT_CC = 15     # draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1
    PSFB_PLI = 1                # RFC 4585, 6.3.1
    PSFB_FIR = 4                # RFC 5104, 4.3.1
    PSFB_APP = 15               # REMB: draft-alvestrand-rmcat-remb-03

cdef struct rtcp_item_t:
    # One packet of a compound, checked to lie inside it.
    uint8_t type
    uint8_t count               # RC or FMT
    uint32_t ssrc               # sender; 0 where there is none
    uint32_t media_ssrc         # RTPFB and PSFB only
    const uint8_t *body         # after the header and the SSRC fields named above
    uint32_t body_length        # padding taken off

cdef struct report_block_t:     # RFC 3550, 6.4.1
    uint32_t ssrc
    uint8_t fraction_lost       # of 256
    int32_t cumulative_lost     # 24 bits, signed
    uint32_t highest_sequence
    uint32_t jitter             # timestamp units
    uint32_t last_sr            # middle 32 bits of NTP
    uint32_t delay_since_last_sr  # 1/65536 s

cdef struct sender_info_t:
    uint64_t ntp                # 32.32 fixed point, seconds since 1900
    uint32_t rtp_timestamp
    uint32_t packets
    uint32_t octets

# 1: item filled and *offset moved on; 0: end of the compound; -1: malformed (the rest is to be ignored).
cdef int rtcp_next(const uint8_t *data, uint32_t length, uint32_t *offset, rtcp_item_t *item) noexcept nogil
# Sender info of an SR item. 0, or -1 when too short.
cdef int rtcp_sender_info(const rtcp_item_t *item, sender_info_t *info) noexcept nogil
# The index-th report block of an SR or RR item. 1, or 0 when there is none.
cdef int rtcp_report_block(const rtcp_item_t *item, uint32_t index, report_block_t *block) noexcept nogil
# REMB: bits per second, or -1 when the item is not one.
cdef int64_t rtcp_remb(const rtcp_item_t *item) noexcept nogil

# Writers: append one packet at `buffer`, return its length in bytes. The caller sees to the room (given in brackets).
cdef uint32_t write_sr(uint8_t *buffer, uint32_t ssrc, const sender_info_t *info) noexcept nogil          # [28]
cdef uint32_t write_rr(uint8_t *buffer, uint32_t ssrc, const report_block_t *blocks, uint32_t count) noexcept nogil  # [8 + 24 n]
cdef uint32_t write_sdes_cname(uint8_t *buffer, uint32_t ssrc, const uint8_t *cname, uint32_t length) noexcept nogil  # [16 + length]
cdef uint32_t write_bye(uint8_t *buffer, uint32_t ssrc) noexcept nogil                                    # [8]
cdef uint32_t write_pli(uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc) noexcept nogil               # [12]
cdef uint32_t write_fir(uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc, uint8_t sequence) noexcept nogil  # [20]
# NACK for `count` ascending (mod 2^16) sequence numbers; packs PID+BLP pairs.                             [12 + 4 n]
cdef uint32_t write_nack(uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *lost, uint32_t count) noexcept nogil
cdef uint32_t write_remb(uint8_t *buffer, uint32_t ssrc, uint64_t bits_per_second, const uint32_t *ssrcs, uint32_t count) noexcept nogil  # [20 + 4 n]
