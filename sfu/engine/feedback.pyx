"""What goes back: NACK, PLI and transport-wide feedback to publishers; NACK, PLI, FIR, REMB and reports from subscribers.

Every RTCP packet of ours begins with a report (RFC 3550, 6.1), an empty one where there is nothing to report: peers that did
not agree to reduced-size RTCP (RFC 5506) need it, and it costs eight bytes. Where they did, for one m-line, NACK and PLI of that
stand alone: FFmpeg's WHIP muxer looks at the first packet only, and sends nothing again for a NACK behind a report.
"""

from libc.stdint cimport int8_t, int64_t, uint16_t, uint64_t

from sfu.engine.counters cimport (
    DROP_NO_ADDRESS,
    DROP_PROTECT,
    DROP_RTCP_MALFORMED,
    KEYFRAME_ASKED,
    KEYFRAME_WANTED,
    NACK_IN,
    NACK_OUT,
    RTCP_OUT,
)
from sfu.engine.downlink cimport downlink_feedback, downlink_remb
from sfu.engine.forward cimport best_layer
from sfu.engine.lifecycle cimport attend, report_later, unattend, unlist_feedback
from sfu.engine.model cimport (
    HURRIES,
    HURRY_GAP_US,
    HURRY_US,
    KEYFRAME_PATIENCE_US,
    KEYFRAME_REPEAT_US,
    LAYER_SILENT_US,
    REPAIR_US,
    publication_t,
    subscription_t,
)
from sfu.engine.nack cimport NACK_BATCH, nack_due
from sfu.engine.outbound cimport outbound_commit, outbound_reserve
from sfu.engine.reception cimport reception_report, reception_sender_report, reception_t
from sfu.engine.rtcp cimport (
    PSFB_APP,
    PSFB_FIR,
    PSFB_PLI,
    RTCP_PSFB,
    RTCP_RR,
    RTCP_RTPFB,
    RTCP_SR,
    RTPFB_NACK,
    RTPFB_TRANSPORT_CC,
    report_block_t,
    rtcp_item_t,
    rtcp_next,
    rtcp_remb,
    rtcp_report_block,
    rtcp_sender_info,
    sender_info_t,
    write_nack,
    write_pli,
    write_rr,
    write_sdes_cname,
    write_sr,
)
from sfu.engine.srtp cimport SRTP_OK, srtp_protect_rtcp
from sfu.engine.twcc cimport twcc_deadline, twcc_report
from sfu.engine.wire cimport get16, get32
from sfu.engine.write cimport resend

cdef enum:
    REPORT_BLOCKS = 31          # RFC 3550, 6.4.1: RC has five bits
    COMPOUND_BYTES = 1100       # a compound is sent before it grows beyond
    FEEDBACK_BYTES = 1000
    # A peer's NACK can name 17 packets with 4 bytes; one RTCP packet is not answered with more than this many.
    NACKS_PER_PACKET = 256


cdef void send_rtcp(engine_t *e, transport_t *t, uint8_t *at, uint32_t length) noexcept nogil:
    """`at` is what outbound_reserve gave."""
    if not t.plain and srtp_protect_rtcp(t.srtp_out, at, &length) != SRTP_OK:
        e.counters[<int>DROP_PROTECT] += 1
        return
    outbound_commit(&e.out, &t.address, length)
    e.counters[<int>RTCP_OUT] += 1


cdef inline uint32_t write_preface(uint8_t *at, const publication_t *p) noexcept nogil:
    """What stands before feedback to its sender; returns the length."""
    return 0 if p.reduced else write_rr(at, p.transport.ssrc, NULL, 0)


cdef inline bint reachable(engine_t *e, const transport_t *t) noexcept nogil:
    return t.keyed and t.has_address


# --- from the peer --------------------------------------------------------------------------------------------------


cdef void receive_rtcp(engine_t *e, transport_t *t, const uint8_t *data, uint32_t length) noexcept nogil:
    cdef rtcp_item_t item
    cdef uint32_t offset = 0
    cdef int more = rtcp_next(data, length, &offset, &item)
    while more > 0:
        if item.type == RTCP_SR or item.type == RTCP_RR:
            receive_report(e, t, &item)
        elif item.type == RTCP_RTPFB and item.count == RTPFB_NACK:
            receive_nack(e, t, &item)
        elif item.type == RTCP_RTPFB and item.count == RTPFB_TRANSPORT_CC:
            downlink_feedback(e, t, &item)
        elif item.type == RTCP_PSFB:
            receive_psfb(e, t, &item)
        more = rtcp_next(data, length, &offset, &item)
    if more < 0:
        e.counters[<int>DROP_RTCP_MALFORMED] += 1


cdef subscription_t *find_subscription(transport_t *t, uint32_t ssrc) noexcept nogil:
    cdef uint32_t i
    for i in range(t.subscription_count):
        if t.subscriptions[i].ssrc == ssrc:
            return t.subscriptions[i]
    return NULL


cdef void receive_report(engine_t *e, transport_t *t, const rtcp_item_t *item) noexcept nogil:
    cdef sender_info_t info
    cdef report_block_t block
    cdef subscription_t *s
    cdef uint32_t i
    if item.type == RTCP_SR and rtcp_sender_info(item, &info) == 0:
        for i in range(t.stream_count):
            if t.streams[i].ssrc == item.ssrc and not t.streams[i].repair:
                reception_sender_report(&t.streams[i].layer.reception, &info, e.now_us)
    i = 0
    while rtcp_report_block(item, i, &block):
        i += 1
        s = find_subscription(t, block.ssrc)
        if s != NULL:
            receive_block(e, t, s, &block)


cdef void receive_block(engine_t *e, transport_t *t, subscription_t *s, const report_block_t *block) noexcept nogil:
    cdef int64_t round_trip
    s.heard = True
    s.fraction_lost = block.fraction_lost
    s.cumulative_lost = block.cumulative_lost
    s.jitter = block.jitter
    if block.last_sr != 0 and block.last_sr == s.report_ntp_mid:
        # RFC 3550, 6.4.1: A - LSR - DLSR, with our own clock as A since the NTP times are the publisher's
        round_trip = e.now_us - s.report_us - <int64_t>block.delay_since_last_sr * 1000000 // 65536
        s.rtt_us = round_trip if round_trip > 0 else 1
        t.rtt_us = s.rtt_us


cdef void receive_nack(engine_t *e, transport_t *t, const rtcp_item_t *item) noexcept nogil:
    cdef subscription_t *s = find_subscription(t, item.media_ssrc)
    cdef uint32_t at = 0
    cdef uint32_t served = 0
    cdef uint32_t bits
    cdef uint16_t sequence
    if s == NULL:
        return
    while at + 4 <= item.body_length:
        sequence = get16(item.body + at)
        bits = <uint32_t>get16(item.body + at + 2) << 1 | 1
        at += 4
        while bits and served < NACKS_PER_PACKET:
            if bits & 1:
                served += 1
                s.nacks += 1
                e.counters[<int>NACK_IN] += 1
                resend(e, s, sequence)
            sequence += 1
            bits >>= 1


cdef void receive_psfb(engine_t *e, transport_t *t, const rtcp_item_t *item) noexcept nogil:
    cdef uint32_t at = 0
    cdef int64_t bps
    if item.count == PSFB_PLI:
        keyframe_for(e, find_subscription(t, item.media_ssrc))
    elif item.count == PSFB_FIR:
        while at + 8 <= item.body_length:   # RFC 5104, 4.3.1.1: the media SSRC stands in the entries
            keyframe_for(e, find_subscription(t, get32(item.body + at)))
            at += 8
    elif item.count == PSFB_APP:
        bps = rtcp_remb(item)
        if bps >= 0:
            downlink_remb(e, t, bps)


cdef void keyframe_for(engine_t *e, subscription_t *s) noexcept nogil:
    if s == NULL or not s.publication.video:
        return
    s.plis += 1
    want_keyframe(e, &s.publication.layers[s.layer if s.layer >= 0 else best_layer(e, s)])


# --- keyframes and missing packets, towards publishers --------------------------------------------------------------


cdef void want_keyframe(engine_t *e, layer_t *layer) noexcept nogil:
    e.counters[<int>KEYFRAME_WANTED] += 1
    if layer.wanted_us == 0:
        layer.wanted_us = e.now_us
    attend(e, layer)
    ask_keyframe(e, layer)


cdef void want_keyframe_now(engine_t *e, subscription_t *s) noexcept nogil:
    cdef layer_t *layer = &s.publication.layers[best_layer(e, s)]
    if not layer.hurried and missed_the_last(e, layer) and layer.hurry_us <= e.now_us + (HURRIES - 1) * HURRY_US:
        layer.hurry_us = max(layer.hurry_us, e.now_us) + HURRY_US
        layer.hurried = True
    want_keyframe(e, layer)


cdef inline bint missed_the_last(const engine_t *e, const layer_t *layer) noexcept nogil:
    """What was asked for has come already, and it is too soon for the next."""
    return layer.keyframe_us >= layer.asked_us and e.now_us - layer.asked_us < KEYFRAME_REPEAT_US


cdef inline int64_t keyframe_gap(const engine_t *e, const layer_t *layer) noexcept nogil:
    """Who comes next after the first gets one at once; of many who come one after the other, as many as possible get the same."""
    if not layer.hurried:
        return KEYFRAME_REPEAT_US
    return 0 if layer.hurry_us <= e.now_us + HURRY_US else HURRY_GAP_US


cdef void ask_keyframe(engine_t *e, layer_t *layer) noexcept nogil:
    cdef transport_t *t = layer.publication.transport
    cdef uint8_t *at
    cdef uint32_t n
    if layer.asked_us and e.now_us - layer.asked_us < keyframe_gap(e, layer):
        return
    if not layer.started or not reachable(e, t):
        return
    layer.asked_us = e.now_us
    layer.hurried = False
    at = outbound_reserve(&e.out)
    n = write_preface(at, layer.publication)
    n += write_pli(at + n, t.ssrc, layer.ssrc)
    send_rtcp(e, t, at, n)
    layer.plis += 1
    e.counters[<int>KEYFRAME_ASKED] += 1


cdef void ask_missing(engine_t *e, layer_t *layer) noexcept nogil:
    cdef transport_t *t = layer.publication.transport
    cdef uint16_t lost[NACK_BATCH]
    cdef uint32_t count = NACK_BATCH
    cdef uint8_t *at
    cdef uint32_t n
    if not layer.started:
        return
    while count == NACK_BATCH:
        # 0: our reports to publishers bring no round trip back; the list measures its own
        count = nack_due(&layer.nack, e.now_us, 0, lost)
        if count == 0 or not reachable(e, t):
            return
        at = outbound_reserve(&e.out)
        n = write_preface(at, layer.publication)
        n += write_nack(at + n, t.ssrc, layer.ssrc, lost, count)
        send_rtcp(e, t, at, n)
        layer.nacks += count
        e.counters[<int>NACK_OUT] += count


cdef void repair(engine_t *e) noexcept nogil:
    cdef layer_t *layer = e.attended
    cdef layer_t *following
    while layer != NULL:
        following = layer.attended_next
        ask_missing(e, layer)
        if layer.wanted_us:
            if e.now_us - layer.wanted_us > KEYFRAME_PATIENCE_US:
                layer.wanted_us = 0
            else:
                ask_keyframe(e, layer)
        if layer.wanted_us == 0 and (not layer.started or layer.nack.count == 0):
            unattend(e, layer)
        layer = following
    e.repair_due_us = e.now_us + REPAIR_US if e.attended != NULL else -1


cdef void feed_back(engine_t *e) noexcept nogil:
    """Transport-wide feedback that is due."""
    cdef transport_t *t = e.feedback
    cdef transport_t *following
    cdef uint8_t *at
    cdef uint32_t n
    cdef uint32_t size = 1
    while t != NULL:
        following = t.feedback_next
        size = 1
        while size and reachable(e, t):
            at = outbound_reserve(&e.out)
            n = write_rr(at, t.ssrc, NULL, 0)
            size = twcc_report(&t.twcc, at + n, FEEDBACK_BYTES, t.ssrc, t.twcc_media_ssrc, e.now_us)
            if size:
                send_rtcp(e, t, at, n + size)
        if twcc_deadline(&t.twcc) < 0:
            unlist_feedback(e, t)
        t = following


# --- reports --------------------------------------------------------------------------------------------------------


cdef void report(engine_t *e) noexcept nogil:
    """Reports of the transports whose turn it is; their list is in the order of their turns."""
    cdef transport_t *t = e.reports
    while t != NULL and t.report_due_us <= e.now_us:
        if reachable(e, t):
            watch_layers(e, t)
            report_senders(e, t)
            report_receptions(e, t)
        report_later(e, t)
        t = e.reports


cdef void watch_layers(engine_t *e, transport_t *t) noexcept nogil:
    """A subscriber whose layer went silent, or that waits for a better one, needs a keyframe of that one."""
    cdef uint32_t i
    for i in range(t.subscription_count):
        if not t.subscriptions[i].paused and not t.subscriptions[i].shed_us:
            seek_layer(e, t.subscriptions[i])


cdef void seek_layer(engine_t *e, subscription_t *s) noexcept nogil:
    cdef const publication_t *p = s.publication
    cdef uint8_t best
    cdef layer_t *layer
    if not p.video:
        return
    best = best_layer(e, s)
    layer = &p.layers[best]
    if not layer.started or e.now_us - layer.last_us > LAYER_SILENT_US or not may_ask_again(e, layer):
        return
    if s.layer != <int8_t>best:
        want_keyframe(e, layer)
    elif s.selector != NULL and layer.spatial_count and s.selector.spatial < min(s.wanted_spatial, layer.spatial_count - 1):
        want_keyframe(e, layer)     # a spatial layer begins at a keyframe
    elif s.selector != NULL and s.selector.waits:
        want_keyframe(e, layer)


cdef bint may_ask_again(const engine_t *e, const layer_t *layer) noexcept nogil:
    """Not for a publisher that has just let us wait in vain."""
    if layer.wanted_us:
        return False
    return layer.keyframe_us >= layer.asked_us or e.now_us - layer.asked_us > 2 * KEYFRAME_PATIENCE_US


cdef bint sender_info(engine_t *e, subscription_t *s, sender_info_t *info) noexcept nogil:
    """The publisher's own pair of clocks, carried on to now: so all that one person sends stays in sync (RFC 3550, 6.4.1)."""
    cdef const reception_t *r
    cdef uint64_t passed
    if s.layer < 0 or s.packets == s.reported_packets:
        return False
    r = &s.publication.layers[s.layer].reception
    if r.sr_arrival_us == 0:
        return False
    passed = <uint64_t>(e.now_us - r.sr_arrival_us)
    info.ntp = r.sr_ntp + ((passed // 1000000) << 32) + ((passed % 1000000) << 32) // 1000000
    info.rtp_timestamp = r.sr_rtp + s.timestamp_offset + <uint32_t>(passed * s.publication.clock_rate // 1000000)
    info.packets = <uint32_t>s.packets
    info.octets = <uint32_t>s.bytes
    return True


cdef uint32_t write_cname(uint8_t *at, uint32_t ssrc) noexcept nogil:
    # One name for all that this server sends: receivers pair sound and picture by msid (RFC 8830), not by CNAME.
    return write_sdes_cname(at, ssrc, <const uint8_t *>b"tongke", 6)


cdef void report_senders(engine_t *e, transport_t *t) noexcept nogil:
    cdef subscription_t *s
    cdef sender_info_t info
    cdef uint8_t *at = outbound_reserve(&e.out)
    cdef uint32_t n = 0
    cdef uint32_t first = 0
    cdef uint32_t i
    for i in range(t.subscription_count):
        s = t.subscriptions[i]
        if not sender_info(e, s, &info):
            continue
        first = first if n else s.ssrc
        n += write_sr(at + n, s.ssrc, &info)
        s.reported_packets = s.packets
        s.report_ntp_mid = <uint32_t>(info.ntp >> 16)
        s.report_us = e.now_us
        if n > COMPOUND_BYTES:
            send_rtcp(e, t, at, n + write_cname(at + n, first))
            at = outbound_reserve(&e.out)
            n = 0
    if n:
        send_rtcp(e, t, at, n + write_cname(at + n, first))


cdef void report_receptions(engine_t *e, transport_t *t) noexcept nogil:
    cdef report_block_t blocks[REPORT_BLOCKS]
    cdef layer_t *layer
    cdef uint8_t *at
    cdef uint32_t n
    cdef uint32_t count = 0
    cdef uint32_t i
    for i in range(t.stream_count):
        layer = t.streams[i].layer
        if t.streams[i].repair or not layer.started or e.now_us - layer.last_us > 2 * LAYER_SILENT_US:
            continue
        if count < REPORT_BLOCKS:
            reception_report(&layer.reception, &blocks[count], e.now_us)
            count += 1
    if count:
        at = outbound_reserve(&e.out)
        n = write_rr(at, t.ssrc, blocks, count)
        send_rtcp(e, t, at, n + write_cname(at + n, t.ssrc))
