"""RTCP, read and written in place (RFC 3550 section 6, RFC 4585, RFC 5104 section 4.3.1, REMB).

Theory of operation. A compound is walked by `rtcp_next`, one packet at a time; each `rtcp_item_t` points into the
datagram and is known to lie inside it, so whoever reads an item needs to look only at `body_length`. Whatever does
not add up ends the walk with -1: what came before it has been handled, the rest is ignored (a compound has no
resynchronisation point). Nothing here allocates; writers append one packet at a place the caller has made room at.

The Python functions at the end are the same code as the packet path, for tests and tools.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.string cimport memcpy, memset

from sfu.engine.wire cimport get16, get24, get32, put16, put24, put32

cdef enum:
    HEADER_BYTES = 4
    SENDER_INFO_BYTES = 20
    REPORT_BLOCK_BYTES = 24
    REMB_NAME = 0x52454D42          # "REMB"
    SDES_CNAME = 1
    MAX_COUNT = 31                  # RC and FMT have 5 bits

# --- reading -------------------------------------------------------------------------------------------------


cdef inline uint32_t ssrc_fields(uint8_t type, uint8_t count) noexcept nogil:
    """How many SSRC words stand between the header and what `rtcp_item_t.body` is."""
    if type == RTCP_SR or type == RTCP_RR:
        return 1
    if type == RTCP_RTPFB or type == RTCP_PSFB:
        return 2
    if type == RTCP_BYE:
        return 1 if count > 0 else 0
    return 0                        # SDES lists its sources in chunks; other types are passed on as they are


cdef int rtcp_next(const uint8_t *data, uint32_t length, uint32_t *offset, rtcp_item_t *item) noexcept nogil:
    cdef const uint8_t *packet
    cdef uint32_t total, padding = 0, fields, end
    if offset[0] >= length:
        return 0
    if length - offset[0] < HEADER_BYTES:
        return -1
    packet = data + offset[0]
    total = (<uint32_t>get16(packet + 2) + 1) * 4
    if packet[0] >> 6 != 2 or total > length - offset[0]:
        return -1
    if packet[0] & 0x20:
        padding = packet[total - 1]
        if padding == 0 or padding > total - HEADER_BYTES:
            return -1
    item.type = packet[1]
    item.count = packet[0] & 0x1F
    fields = ssrc_fields(item.type, item.count)
    end = total - padding
    if end < HEADER_BYTES + 4 * fields:
        return -1
    item.ssrc = get32(packet + 4) if fields > 0 else 0
    item.media_ssrc = get32(packet + 8) if fields > 1 else 0
    item.body = packet + HEADER_BYTES + 4 * fields
    item.body_length = end - HEADER_BYTES - 4 * fields
    offset[0] += total
    return 1


cdef int rtcp_sender_info(const rtcp_item_t *item, sender_info_t *info) noexcept nogil:
    cdef const uint8_t *p = item.body
    if item.type != RTCP_SR or item.body_length < SENDER_INFO_BYTES:
        return -1
    info.ntp = (<uint64_t>get32(p) << 32) | get32(p + 4)
    info.rtp_timestamp = get32(p + 8)
    info.packets = get32(p + 12)
    info.octets = get32(p + 16)
    return 0


cdef int rtcp_report_block(const rtcp_item_t *item, uint32_t index, report_block_t *block) noexcept nogil:
    cdef uint32_t start = 0
    cdef const uint8_t *p
    if item.type == RTCP_SR:
        start = SENDER_INFO_BYTES
    elif item.type != RTCP_RR:
        return 0
    if index >= item.count or start + REPORT_BLOCK_BYTES * (index + 1) > item.body_length:
        return 0
    p = item.body + start + REPORT_BLOCK_BYTES * index
    block.ssrc = get32(p)
    block.fraction_lost = p[4]
    block.cumulative_lost = <int32_t>(get24(p + 5) << 8) >> 8       # sign extension of 24 bits
    block.highest_sequence = get32(p + 8)
    block.jitter = get32(p + 12)
    block.last_sr = get32(p + 16)
    block.delay_since_last_sr = get32(p + 20)
    return 1


cdef int64_t rtcp_remb(const rtcp_item_t *item) noexcept nogil:
    cdef const uint8_t *p = item.body
    cdef uint32_t exponent
    cdef uint64_t mantissa
    if item.type != RTCP_PSFB or item.count != PSFB_APP or item.body_length < 8 or get32(p) != REMB_NAME:
        return -1
    if 8 + 4 * <uint32_t>p[4] > item.body_length:
        return -1
    exponent = p[5] >> 2
    mantissa = get24(p + 5) & 0x3FFFF
    if mantissa >> (63 - exponent):                                 # more than 2^63 bits per second: nonsense
        return -1
    return <int64_t>(mantissa << exponent)


# --- writing -------------------------------------------------------------------------------------------------


cdef inline void write_header(uint8_t *buffer, uint32_t count, uint32_t type, uint32_t length) noexcept nogil:
    buffer[0] = <uint8_t>(0x80 | count)
    buffer[1] = <uint8_t>type
    put16(buffer + 2, length // 4 - 1)


cdef inline void write_feedback_header(
    uint8_t *buffer, uint32_t type, uint32_t format, uint32_t ssrc, uint32_t media_ssrc, uint32_t length
) noexcept nogil:
    write_header(buffer, format, type, length)
    put32(buffer + 4, ssrc)
    put32(buffer + 8, media_ssrc)


cdef uint32_t write_sr(uint8_t *buffer, uint32_t ssrc, const sender_info_t *info) noexcept nogil:
    write_header(buffer, 0, RTCP_SR, 28)
    put32(buffer + 4, ssrc)
    put32(buffer + 8, <uint32_t>(info.ntp >> 32))
    put32(buffer + 12, <uint32_t>info.ntp)
    put32(buffer + 16, info.rtp_timestamp)
    put32(buffer + 20, info.packets)
    put32(buffer + 24, info.octets)
    return 28


cdef uint32_t write_rr(uint8_t *buffer, uint32_t ssrc, const report_block_t *blocks, uint32_t count) noexcept nogil:
    cdef uint32_t i, length
    cdef uint8_t *p
    if count > MAX_COUNT:
        count = MAX_COUNT
    length = 8 + REPORT_BLOCK_BYTES * count
    write_header(buffer, count, RTCP_RR, length)
    put32(buffer + 4, ssrc)
    for i in range(count):
        p = buffer + 8 + REPORT_BLOCK_BYTES * i
        put32(p, blocks[i].ssrc)
        p[4] = blocks[i].fraction_lost
        put24(p + 5, <uint32_t>blocks[i].cumulative_lost)
        put32(p + 8, blocks[i].highest_sequence)
        put32(p + 12, blocks[i].jitter)
        put32(p + 16, blocks[i].last_sr)
        put32(p + 20, blocks[i].delay_since_last_sr)
    return length


cdef uint32_t write_sdes_cname(uint8_t *buffer, uint32_t ssrc, const uint8_t *cname, uint32_t length) noexcept nogil:
    cdef uint32_t total
    if length > 255:                # the item's length has 8 bits
        length = 255
    total = (10 + length + 4) & ~<uint32_t>3        # at least one zero ends the chunk
    write_header(buffer, 1, RTCP_SDES, total)
    put32(buffer + 4, ssrc)
    buffer[8] = SDES_CNAME
    buffer[9] = <uint8_t>length
    memcpy(buffer + 10, cname, length)
    memset(buffer + 10 + length, 0, total - 10 - length)
    return total


cdef uint32_t write_bye(uint8_t *buffer, uint32_t ssrc) noexcept nogil:
    write_header(buffer, 1, RTCP_BYE, 8)
    put32(buffer + 4, ssrc)
    return 8


cdef uint32_t write_pli(uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc) noexcept nogil:
    write_feedback_header(buffer, RTCP_PSFB, PSFB_PLI, ssrc, media_ssrc, 12)
    return 12


cdef uint32_t write_fir(uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc, uint8_t sequence) noexcept nogil:
    write_feedback_header(buffer, RTCP_PSFB, PSFB_FIR, ssrc, 0, 20)     # the target stands in the entry
    put32(buffer + 12, media_ssrc)
    put32(buffer + 16, <uint32_t>sequence << 24)
    return 20


cdef uint32_t write_nack(
    uint8_t *buffer, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *lost, uint32_t count
) noexcept nogil:
    cdef uint32_t i = 0, length = 12
    cdef uint16_t pid, blp, distance
    while i < count:
        pid = lost[i]
        blp = 0
        i += 1
        while i < count:
            distance = <uint16_t>(lost[i] - pid)
            if distance == 0 or distance > 16:
                break
            blp |= <uint16_t>(1 << (distance - 1))
            i += 1
        put16(buffer + length, pid)
        put16(buffer + length + 2, blp)
        length += 4
    write_feedback_header(buffer, RTCP_RTPFB, RTPFB_NACK, ssrc, media_ssrc, length)
    return length


cdef uint32_t write_remb(
    uint8_t *buffer, uint32_t ssrc, uint64_t bits_per_second, const uint32_t *ssrcs, uint32_t count
) noexcept nogil:
    cdef uint32_t i, exponent = 0
    if count > 255:                 # "Num SSRC" has 8 bits
        count = 255
    while bits_per_second > 0x3FFFF:
        bits_per_second >>= 1
        exponent += 1
    write_feedback_header(buffer, RTCP_PSFB, PSFB_APP, ssrc, 0, 20 + 4 * count)
    put32(buffer + 12, REMB_NAME)
    buffer[16] = <uint8_t>count
    put24(buffer + 17, (exponent << 18) | <uint32_t>bits_per_second)
    for i in range(count):
        put32(buffer + 20 + 4 * i, ssrcs[i])
    return 20 + 4 * count


# --- the same, for Python --------------------------------------------------------------------------------------

cdef enum:
    SCRATCH_BYTES = 2048            # above the longest packet written below: REMB with 255 SSRCs, 1,040 bytes


cdef dict item_to_dict(const rtcp_item_t *item):
    cdef sender_info_t info
    cdef report_block_t block
    cdef uint32_t i = 0
    cdef dict packet = {
        "type": item.type,
        "count": item.count,
        "ssrc": item.ssrc,
        "media_ssrc": item.media_ssrc,
        "body": (<const char *>item.body)[:item.body_length],
    }
    if rtcp_sender_info(item, &info) == 0:
        packet["sender_info"] = info
    packet["report_blocks"] = blocks = []
    while rtcp_report_block(item, i, &block):
        blocks.append(block)
        i += 1
    if rtcp_remb(item) >= 0:
        packet["remb"] = rtcp_remb(item)
    return packet


def parse_compound(data):
    cdef Py_buffer view
    cdef rtcp_item_t item
    cdef uint32_t offset = 0
    cdef int result
    packets = []
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        while True:
            result = rtcp_next(<const uint8_t *>view.buf, <uint32_t>view.len, &offset, &item)
            if result != 1:
                return packets, result == 0
            packets.append(item_to_dict(&item))
    finally:
        PyBuffer_Release(&view)


def build_sr(uint32_t ssrc, uint64_t ntp, uint32_t rtp_timestamp, uint32_t packets, uint32_t octets):
    cdef uint8_t buffer[SCRATCH_BYTES]
    cdef sender_info_t info = sender_info_t(ntp, rtp_timestamp, packets, octets)
    return (<char *>buffer)[:write_sr(buffer, ssrc, &info)]


def build_rr(uint32_t ssrc, blocks):
    cdef uint8_t buffer[SCRATCH_BYTES]
    cdef report_block_t c_blocks[MAX_COUNT]
    cdef uint32_t i
    if len(blocks) > MAX_COUNT:
        raise ValueError("a receiver report has at most 31 blocks")
    for i in range(len(blocks)):
        c_blocks[i] = blocks[i]
    return (<char *>buffer)[:write_rr(buffer, ssrc, c_blocks, <uint32_t>len(blocks))]


def build_sdes_cname(uint32_t ssrc, bytes cname):
    cdef uint8_t buffer[SCRATCH_BYTES]
    return (<char *>buffer)[:write_sdes_cname(buffer, ssrc, cname, <uint32_t>len(cname))]


def build_bye(uint32_t ssrc):
    cdef uint8_t buffer[SCRATCH_BYTES]
    return (<char *>buffer)[:write_bye(buffer, ssrc)]


def build_pli(uint32_t ssrc, uint32_t media_ssrc):
    cdef uint8_t buffer[SCRATCH_BYTES]
    return (<char *>buffer)[:write_pli(buffer, ssrc, media_ssrc)]


def build_fir(uint32_t ssrc, uint32_t media_ssrc, uint8_t sequence):
    cdef uint8_t buffer[SCRATCH_BYTES]
    return (<char *>buffer)[:write_fir(buffer, ssrc, media_ssrc, sequence)]


def build_nack(uint32_t ssrc, uint32_t media_ssrc, lost):
    cdef uint8_t buffer[SCRATCH_BYTES]
    cdef uint16_t c_lost[256]
    cdef uint32_t i
    if len(lost) > 256:
        raise ValueError("at most 256 sequence numbers in one packet")
    for i in range(len(lost)):
        c_lost[i] = lost[i]
    return (<char *>buffer)[:write_nack(buffer, ssrc, media_ssrc, c_lost, <uint32_t>len(lost))]


def build_remb(uint32_t ssrc, uint64_t bits_per_second, ssrcs):
    cdef uint8_t buffer[SCRATCH_BYTES]
    cdef uint32_t c_ssrcs[255]
    cdef uint32_t i
    if len(ssrcs) > 255:
        raise ValueError("at most 255 SSRCs in one packet")
    for i in range(len(ssrcs)):
        c_ssrcs[i] = ssrcs[i]
    return (<char *>buffer)[:write_remb(buffer, ssrc, bits_per_second, c_ssrcs, <uint32_t>len(ssrcs))]
