"""No number is used for two different packets under one key: AES-GCM would give it away (RFC 7714, 9.1).

The bed compares every packet that leaves the engine with what left before under its SSRC and number; here
are the situations in which numbers are given back, filled, repeated, and begun anew.
"""

import random
import struct

import pytest

FRAME_US = 33_000
SSRC, OUT_SSRC, OUT_RTX = 500, 5, 6
TEMPORAL = (0, 2, 1, 2)
"""Temporal layer of each frame, over and over."""
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
BASES = (60_000, 1_000)
"""First sequence number of each encoding."""


def vp8(number, half, *, keyframe):
    """One of the two packets of a frame, with all of RFC 7741's descriptor."""
    temporal = 0 if keyframe else TEMPORAL[number % 4]
    sync = number % 4 in (1, 2)
    head = struct.pack(
        "!BBHBB",
        0x90 if half == 0 else 0x80,
        0xF0,
        0x8000 | number & 0x7FFF,
        number // 4 & 0xFF,
        temporal << 6 | sync << 5 | 3,
    )
    return head + bytes([not keyframe]) + bytes(60)


class Camera:
    """Two encodings of three temporal layers, two packets a frame; sends again what is asked for."""

    def __init__(self, bed, wire):
        self.wire = wire
        self.peer = bed.peer()
        self.publication = bed.engine.add_publication(
            self.peer.transport,
            kind="video",
            mid="v",
            clock_rate=90000,
            formats=[("VP8", 96, 97, True)],
            encodings=[("l", SSRC, 0), ("h", SSRC + 1, 0)],
        )
        self.sent = {}
        self.peer.on_rtcp = self.answer

    def packet(self, number, half, *, encoding=0, keyframe=False):
        sequence = BASES[encoding] + 2 * number + half & 0xFFFF
        made = self.wire.rtp(
            sequence,
            vp8(number, half, keyframe=keyframe),
            ssrc=SSRC + encoding,
            timestamp=3000 * number,
            marker=half == 1,
        )
        self.sent[SSRC + encoding, sequence] = made
        return made

    def frame(self, number, **described):
        for half in range(2):
            self.peer.send(self.packet(number, half, **described))

    def answer(self, kind, count, body):
        if (kind, count) == (205, 1):
            ssrc = struct.unpack_from("!I", body, 4)[0]
            for sequence in self.wire.lost_of(body):
                if (ssrc, sequence) in self.sent:
                    self.peer.send(self.sent[ssrc, sequence])


class Viewer:
    def __init__(self, bed, wire, publication, *, rtx):
        self.bed, self.wire = bed, wire
        self.peer = bed.peer()
        self.subscription = bed.engine.add_subscription(
            self.peer.transport,
            publication,
            mid="5",
            ssrc=OUT_SSRC,
            rtx_ssrc=OUT_RTX,
            formats=[(100, 101 if rtx else -1, True)],
        )

    @property
    def numbers(self):
        return [packet.sequence for packet in self.peer.packets if packet.ssrc == OUT_SSRC]

    def ask(self, numbers):
        self.peer.send_rtcp(self.wire.nack_of(OUT_SSRC, [number & 0xFFFF for number in numbers]))


@pytest.fixture
def camera(bed, wire_format):
    return Camera(bed, wire_format)


def test_a_filled_number_is_not_given_to_the_first_packet_of_a_switch(bed, camera, wire_format):
    viewer = Viewer(bed, wire_format, camera.publication, rtx=True)
    bed.engine.set_wanted_layer(viewer.subscription, 0, 0)
    camera.frame(0, keyframe=True)
    camera.frame(0, encoding=1)
    bed.advance(FRAME_US)
    late = camera.packet(1, 1)
    for packet in (camera.packet(1, 0), camera.packet(2, 0), late):  # all of layers that are left out
        camera.peer.send(packet)
        bed.advance(5_000)
    assert bed.engine.counters()["fillers_out"] == 1
    bed.engine.set_wanted_layer(viewer.subscription, 1, 7)
    camera.frame(3, encoding=1, keyframe=True)
    bed.advance(FRAME_US)
    first = viewer.numbers[0]
    assert viewer.numbers == [first + n & 0xFFFF for n in range(5)]


def test_no_plain_repeat_once_other_header_extensions_are_sent(bed, camera, wire_format):
    viewer = Viewer(bed, wire_format, camera.publication, rtx=False)
    for number in range(3):
        if number == 2:
            bed.engine.set_send_extensions(viewer.peer.transport, {MID: 1, ABS_SEND_TIME: 2})
        camera.frame(number, encoding=1, keyframe=number == 0)
        bed.advance(FRAME_US)
    sent = len(viewer.peer.datagrams)
    viewer.ask(viewer.numbers)
    bed.advance(FRAME_US)
    again = [
        wire_format.parse(each).sequence
        for each in viewer.peer.datagrams[sent:]
        if each[1] < 192 or each[1] > 223
    ]
    assert again == viewer.numbers[4:]
    assert bed.engine.counters()["drop_nack_unknown"] == 4


def test_retransmissions_go_on_when_other_header_extensions_are_sent(bed, camera, wire_format):
    viewer = Viewer(bed, wire_format, camera.publication, rtx=True)
    camera.frame(0, encoding=1, keyframe=True)
    bed.advance(FRAME_US)
    bed.engine.set_send_extensions(viewer.peer.transport, {MID: 1, ABS_SEND_TIME: 2})
    viewer.ask(viewer.numbers)
    bed.advance(FRAME_US)
    assert [packet.ssrc for packet in viewer.peer.packets] == [OUT_SSRC] * 2 + [OUT_RTX] * 2


@pytest.mark.parametrize(
    ("ssrc", "rtx_ssrc"), [(OUT_SSRC, 9), (OUT_RTX, 9), (9, OUT_SSRC), (9, OUT_RTX), (9, 9)]
)
def test_no_two_subscriptions_under_one_ssrc(bed, camera, wire_format, ssrc, rtx_ssrc):
    viewer = Viewer(bed, wire_format, camera.publication, rtx=True)
    before = bed.engine.census()
    with pytest.raises(ValueError, match="SSRC"):
        bed.engine.add_subscription(
            viewer.peer.transport,
            camera.publication,
            mid="6",
            ssrc=ssrc,
            rtx_ssrc=rtx_ssrc,
            formats=[(100, 101, True)],
        )
    assert bed.engine.census() == before


@pytest.mark.parametrize("rtx", [True, False], ids=["rtx", "plain"])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens(bed, camera, wire_format, rtx, seed):
    """Loss, disorder, requests for anything, layers and header extensions that change, pauses."""
    chance = bed.random = random.Random(seed)
    viewers = [Viewer(bed, wire_format, camera.publication, rtx=rtx) for _ in range(2)]
    extensions = [{}, {MID: 1}, {MID: 1, ABS_SEND_TIME: 2}, {MID: 1, ABS_SEND_TIME: 2, TRANSPORT_CC: 3}]
    bed.loss, bed.reorder, bed.delay_us = 0.08, 0.15, 10_000
    for number in range(300):
        for encoding in range(2):
            camera.frame(number, encoding=encoding, keyframe=chance.random() < 0.1)
        bed.advance(FRAME_US)
        for viewer in viewers:
            if viewer.numbers:
                latest = viewer.numbers[-1]
                viewer.ask(latest - chance.randrange(60) for _ in range(8))
            if chance.random() < 0.1:
                bed.engine.set_wanted_layer(
                    viewer.subscription, chance.randrange(2), chance.choice((0, 1, 7))
                )
            if chance.random() < 0.05:
                bed.engine.set_send_extensions(viewer.peer.transport, chance.choice(extensions))
            if chance.random() < 0.1:
                bed.engine.set_paused(viewer.subscription, chance.random() < 0.2)
    counters = bed.engine.counters()
    assert counters["fillers_out"] > 0 and counters["nack_served"] > 50
    assert sum(len(viewer.numbers) for viewer in viewers) > 150
