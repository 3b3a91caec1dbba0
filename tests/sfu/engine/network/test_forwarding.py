"""What a subscriber gets: its own SSRC, payload type, numbers and header extensions; from a keyframe on."""

import itertools
import struct

import pytest

SSRC = 1234


@pytest.fixture
def publisher(bed):
    peer = bed.peer()
    peer.publication = bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="v",
        clock_rate=90000,
        formats=[("VP8", 96, 97, True)],
        encodings=[],
        transport_cc=True,
    )
    return peer


def subscribe(bed, publication, *, ssrc=5, rtx_ssrc=6, payload_type=100):
    peer = bed.peer()
    peer.subscription = bed.engine.add_subscription(
        peer.transport,
        publication,
        mid="7",
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc,
        formats=[(payload_type, 101, True)],
    )
    return peer


def send(publisher, wire, number, *, keyframe=False, marker=True, ssrc=SSRC, sequence=None, rid=None):
    extensions = {1: b"v", 3: struct.pack("!H", number & 0xFFFF)}
    if rid:
        extensions[4] = rid
    publisher.send(
        wire.rtp(
            number if sequence is None else sequence,
            wire.vp8(number, keyframe=keyframe),
            ssrc=ssrc,
            timestamp=3000 * number,
            marker=marker,
            extensions=extensions,
        )
    )


def test_rewritten_for_each_subscriber(bed, publisher, wire_format):
    first = subscribe(bed, publisher.publication, ssrc=5, payload_type=100)
    second = subscribe(bed, publisher.publication, ssrc=9, payload_type=120)
    for number in range(4):
        send(publisher, wire_format, number, keyframe=number == 0)
        bed.advance(33_000)
    for peer, ssrc, payload_type in ((first, 5, 100), (second, 9, 120)):
        assert [(p.ssrc, p.payload_type) for p in peer.packets] == [(ssrc, payload_type)] * 4
        assert [wire_format.vp8_number(p.payload) for p in peer.packets] == [0, 1, 2, 3]
        assert {p.sequence - i for i, p in enumerate(peer.packets)} == {peer.packets[0].sequence}
        assert [p.timestamp for p in peer.packets] == [0, 3000, 6000, 9000]
        assert [p.extensions[1] for p in peer.packets] == [b"7"] * 4
        numbers = [struct.unpack("!H", p.extensions[3])[0] for p in peer.packets]
        assert numbers == list(range(numbers[0], numbers[0] + 4))
        times = [int.from_bytes(p.extensions[2], "big") for p in peer.packets]
        assert [round((b - a) / (1 << 18), 3) for a, b in itertools.pairwise(times)] == [0.033] * 3
    assert first.packets[0].sequence != second.packets[0].sequence


def test_mid_is_left_out_once_the_peer_has_reported(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    send(publisher, wire_format, 0, keyframe=True)
    bed.advance(10_000)
    block = struct.pack("!IIIIII", 5, 0, 0, 0, 0, 0)
    peer.send_rtcp(struct.pack("!BBHI", 0x81, 201, 7, 1) + block)
    bed.advance(1_000)
    send(publisher, wire_format, 1)
    bed.advance(10_000)
    assert [sorted(p.extensions) for p in peer.packets] == [[1, 2, 3], [2, 3]]


def test_video_begins_with_a_keyframe(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    for number, keyframe in enumerate([False, False, True, False]):
        send(publisher, wire_format, number, keyframe=keyframe)
        bed.advance(33_000)
    assert [wire_format.vp8_number(p.payload) for p in peer.packets] == [2, 3]


def test_a_keyframe_of_several_slices_begins_at_its_parameter_sets_only(bed, wire_format):
    peer = bed.peer()
    publication = bed.engine.add_publication(
        peer.transport,
        kind="video",
        mid="v",
        clock_rate=90000,
        formats=[("H264", 96, 97, True)],
        encodings=[("", SSRC, 0)],
    )

    def picture(number, payloads, *, late_comers=False):
        comers = []
        for at, payload in enumerate(payloads):
            packet = wire_format.rtp(
                3 * number + at, payload, ssrc=SSRC, timestamp=3000 * number, marker=at == len(payloads) - 1
            )
            peer.send(packet)
            bed.advance(2_000)
            if late_comers and at < len(payloads) - 1:
                comers.append(subscribe(bed, publication))
        return comers

    parameter_sets, slice_ = b"\x67\x42\xc0\x1f", b"\x65\x88" + bytes(40)
    within = picture(0, [parameter_sets, slice_, slice_], late_comers=True)
    assert all(not each.packets for each in within)
    picture(1, [b"\x41\x9a", b"\x41\x9a"])
    assert all(not each.packets for each in within)
    picture(2, [parameter_sets, slice_, slice_])
    assert [[p.payload for p in each.packets] for each in within] == [[parameter_sets, slice_, slice_]] * 2
    picture(3, [slice_, slice_])  # parameter sets are not sent each time
    assert bed.engine.publication_stats(publication)["layers"][0]["key_frames"] == 3


def test_a_frame_leaves_together(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    send(publisher, wire_format, 0, keyframe=True, marker=False)
    bed.advance(100)
    assert peer.packets == []  # gathered ...
    send(publisher, wire_format, 1, marker=True)
    bed.advance(100)
    assert len(peer.packets) == 2  # ... until the marker
    send(publisher, wire_format, 2, marker=False)
    bed.advance(1_000)
    assert len(peer.packets) == 3  # or for a millisecond


def test_packets_of_a_frame_are_brought_to_one_size(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    sizes = [300, 301, 299, 100, 301, 290]
    for number, size in enumerate(sizes):
        payload = wire_format.vp8(number, keyframe=number == 0, size=size)
        publisher.send(wire_format.rtp(number, payload, ssrc=SSRC, marker=number == 5, extensions={1: b"v"}))
    bed.advance(2_000)
    assert [len(p.payload) for p in peer.packets] == sizes
    datagrams = [len(d) for d in peer.datagrams if not 192 <= d[1] <= 223]
    assert (
        len(set(datagrams[:3] + datagrams[4:5])) == 1 and datagrams[5] < datagrams[4] and datagrams[3] < 200
    )
    peer.send_rtcp(wire_format.nack_of(5, [peer.packets[0].sequence]))
    bed.advance(1_000)
    assert peer.packets[-1].payload[2:] == peer.packets[0].payload  # behind the original sequence number


def test_pause_and_go_on_without_a_gap(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    wanted = {1, 2, 5, 6}
    for number in range(1, 7):
        if number == 3:
            bed.engine.set_paused(peer.subscription, True)
        if number == 5:
            bed.engine.set_paused(peer.subscription, False)
        send(publisher, wire_format, number, keyframe=number in {1, 5})
        bed.advance(33_000)
    assert {wire_format.vp8_number(p.payload) for p in peer.packets} == wanted
    first = peer.packets[0].sequence
    assert [p.sequence for p in peer.packets] == [first, first + 1, first + 2, first + 3]
    assert [p.timestamp for p in peer.packets] == [3000, 6000, 15000, 18000]


def test_simulcast_by_rid_switches_at_a_keyframe_only(bed, wire_format):
    publisher = bed.peer()
    publication = bed.engine.add_publication(
        publisher.transport,
        kind="video",
        mid="v",
        clock_rate=90000,
        formats=[("VP8", 96, 97, True)],
        encodings=[("l", 0, 0), ("h", 0, 0)],
    )
    peer = subscribe(bed, publication)
    bed.engine.set_wanted_layer(peer.subscription, 0)

    def both(number, *, keyframe_low=False, keyframe_high=False):
        send(publisher, wire_format, number, ssrc=50, rid=b"l", keyframe=keyframe_low)
        send(
            publisher,
            wire_format,
            number + 1000,
            ssrc=60,
            rid=b"h",
            keyframe=keyframe_high,
            sequence=40000 + number,
        )
        bed.advance(33_000)

    both(0, keyframe_low=True, keyframe_high=True)
    both(1)
    bed.engine.set_wanted_layer(peer.subscription, 1)
    both(2)
    both(3, keyframe_high=True)
    both(4)
    assert [wire_format.vp8_number(p.payload) for p in peer.packets] == [0, 1, 2, 3, 1003, 1004]
    sequences = [p.sequence for p in peer.packets]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    steps = [b.timestamp - a.timestamp for a, b in itertools.pairwise(peer.packets)]
    assert all(0 <= step < 6000 for step in steps)


def test_a_publisher_that_begins_anew_under_another_ssrc(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    for number in range(40):
        ssrc = SSRC if number < 35 else SSRC + 1
        send(
            publisher,
            wire_format,
            number,
            keyframe=number in {0, 35},
            ssrc=ssrc,
            sequence=9000 - number // 35 * 5000 + number,
        )
        bed.advance(33_000)
    assert [wire_format.vp8_number(p.payload) for p in peer.packets] == list(range(40))
    first = peer.packets[0].sequence
    assert [p.sequence for p in peer.packets] == list(range(first, first + 40))


def test_an_ssrc_for_each_packet_is_not_followed(bed, publisher, wire_format):
    for number in range(100):
        send(publisher, wire_format, number, ssrc=1000 + number)
        bed.advance(1_000)
    assert bed.engine.counters()["drop_rtp_unknown_stream"] == 99
    assert bed.engine.publication_stats(publisher.publication)["layers"][0]["ssrc"] == 1000


def test_sender_reports_carry_the_publishers_clock(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    send(publisher, wire_format, 10, keyframe=True)
    ntp = 0x1234567800000000
    publisher.send_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, ntp, 30000, 1, 1))
    bed.advance(5_000)
    send(publisher, wire_format, 11)
    bed.advance(1_100_000)
    body = next(body for kind, _, body in peer.reports if kind == 200)
    ssrc, got_ntp, timestamp, packets, _ = struct.unpack_from("!IQIII", body)
    assert (ssrc, packets) == (5, 1)
    assert (timestamp - 30000) % (1 << 32) == pytest.approx((got_ntp - ntp) / (1 << 32) * 90000, abs=2)


def test_receiver_reports_and_transport_wide_feedback_for_the_publisher(bed, publisher, wire_format):
    subscribe(bed, publisher.publication)
    for number in range(40):
        send(publisher, wire_format, number, keyframe=number == 0)
        bed.advance(33_000)
    kinds = {(kind, count) for kind, count, _ in publisher.reports}
    assert (201, 1) in kinds and (205, 15) in kinds and (202, 1) in kinds
    block = next(body for kind, count, body in publisher.reports if (kind, count) == (201, 1))
    assert struct.unpack_from("!I", block, 4)[0] == SSRC


def test_round_trip_from_a_subscribers_report(bed, publisher, wire_format):
    peer = subscribe(bed, publisher.publication)
    bed.delay_us = 30_000

    def answer(kind, _, body):
        if kind == 200:
            middle = struct.unpack_from("!Q", body, 4)[0] >> 16 & 0xFFFFFFFF
            peer.send_rtcp(
                struct.pack("!BBHI", 0x81, 201, 7, 1) + struct.pack("!IIIIII", 5, 0, 0, 0, middle, 0)
            )

    peer.on_rtcp = answer
    for number in range(90):
        send(publisher, wire_format, number, keyframe=number == 0)
        if number % 10 == 0:
            publisher.send_rtcp(
                struct.pack("!BBHIQIII", 0x80, 200, 6, SSRC, number << 32, 3000 * number, 1, 1)
            )
        bed.advance(33_000)
    assert bed.engine.subscription_stats(peer.subscription)["round_trip_us"] == pytest.approx(60_000, abs=200)


def test_removing_leaves_nothing(bed, publisher, wire_format):
    peers = [subscribe(bed, publisher.publication) for _ in range(10)]
    send(publisher, wire_format, 0, keyframe=True, marker=False)
    bed.engine.remove_publication(publisher.publication)
    bed.advance(2_000_000)
    assert all(not peer.packets for peer in peers)
    for peer in [*peers, publisher]:
        bed.engine.remove_transport(peer.transport)
    assert set(bed.engine.census().values()) == {0}
    assert bed.engine.next_deadline_us() == -1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda e: e.remove_transport(99), KeyError),
        (lambda e: e.remove_publication(99), KeyError),
        (lambda e: e.set_paused(99, True), KeyError),
        (lambda e: e.set_address(99, bytes(24)), KeyError),
        (lambda e: e.input(b"x", b"short", 1), ValueError),
        (lambda e: e.add_transport(ufrag="x" * 24), ValueError),
        (lambda e: e.add_transport(ufrag="peer1"), ValueError),
    ],
)
def test_mistakes_of_the_caller_are_named(bed, publisher, call, error):
    before = bed.engine.census()
    with pytest.raises(error):
        call(bed.engine)
    assert bed.engine.census() == before
