"""A peer whose packets come from another of its addresses: media follows, and Python hears of it."""

from __future__ import annotations

import struct

import pytest

from sfu.engine.address import pack_address
from sfu.engine.engine import EventKind

FRAME_US = 33_000
MOBILE = pack_address("198.51.100.7", 4000)
REPORT = struct.pack("!BBHI", 0x80, 201, 1, 99)
"""A receiver report without blocks."""


class Call:
    """A camera of one peer, and another who watches and reports with each picture."""

    def __init__(self, bed, wire):
        self.bed, self.wire = bed, wire
        self.camera, self.viewer = bed.peer(), bed.peer()
        self.wifi = self.viewer.address
        publication = bed.engine.add_publication(
            self.camera.transport,
            kind="video",
            mid="0",
            clock_rate=90000,
            formats=[("VP8", 96, 97, True)],
            encodings=[("", 11, 0)],
        )
        bed.engine.add_subscription(
            self.viewer.transport, publication, mid="0", ssrc=5, rtx_ssrc=0, formats=[(96, -1, True)]
        )
        self.number = 0

    def pictures(self, count):
        """How many of them the viewer got, wherever it is reached."""
        before = len(self.viewer.packets)
        for _ in range(count):
            picture = self.wire.vp8(self.number, keyframe=self.number == 0)
            packet = self.wire.rtp(self.number, picture, ssrc=11, timestamp=3000 * self.number, marker=True)
            self.camera.send(packet)
            self.viewer.send_rtcp(REPORT)
            self.bed.advance(FRAME_US)
            self.number += 1
        return len(self.viewer.packets) - before

    def move(self, address):
        """The viewer's socket is another from now on, and nothing reaches the one before."""
        del self.bed.peers[self.viewer.address]
        self.viewer.address = address
        self.bed.peers[address] = self.viewer

    def moved_to(self):
        return [event.address for event in self.bed.engine.events() if event.kind is EventKind.MOVED]


@pytest.fixture
def call(bed, wire_format):
    call = Call(bed, wire_format)
    assert call.pictures(20) == 20
    return call


def test_media_follows_the_peers_packets(call):
    call.bed.engine.add_address(call.viewer.transport, MOBILE)
    call.move(MOBILE)
    assert call.pictures(30) >= 30 - 9  # a quarter of a second
    assert call.moved_to() == [MOBILE]
    assert call.pictures(30) == 30
    assert call.moved_to() == []


def test_a_publisher_is_answered_where_it_sends_from(call):
    call.bed.engine.add_address(call.camera.transport, MOBILE)
    del call.bed.peers[call.camera.address]
    call.camera.address = MOBILE
    call.bed.peers[MOBILE] = call.camera
    assert call.pictures(30) == 30
    assert call.moved_to() == [MOBILE]


def test_what_was_late_on_the_old_way_turns_nobody_back(call):
    call.bed.engine.add_address(call.viewer.transport, MOBILE)
    late = call.viewer.protect_to.protect_rtcp(REPORT)
    call.move(MOBILE)
    call.pictures(10)
    call.bed.engine.input(late, call.wifi, call.bed.now_us)
    assert call.pictures(10) == 10
    assert call.moved_to() == [MOBILE]


def test_who_uses_two_addresses_at_once_stays(call):
    call.bed.engine.add_address(call.viewer.transport, MOBILE)
    for _ in range(30):
        call.bed.engine.input(call.viewer.protect_to.protect_rtcp(REPORT), MOBILE, call.bed.now_us)
        assert call.pictures(1) == 1
    assert call.moved_to() == []


@pytest.mark.parametrize(
    "spoilt", ["an address that no check has named", "a packet that is not theirs", "a replay"]
)
def test_nobody_else_moves_a_peer(call, spoilt):
    packet = call.viewer.protect_to.protect_rtcp(REPORT)
    if spoilt != "an address that no check has named":
        call.bed.engine.add_address(call.viewer.transport, MOBILE)
    if spoilt == "a packet that is not theirs":
        packet = packet[:-1] + bytes([packet[-1] ^ 1])
    if spoilt == "a replay":
        call.bed.engine.input(packet, call.wifi, call.bed.now_us)
    call.bed.advance(1_000_000)
    call.bed.engine.input(packet, MOBILE, call.bed.now_us)
    assert call.moved_to() == []
    assert call.pictures(10) == 10


def test_the_nomination_has_the_last_word(call):
    call.bed.engine.add_address(call.viewer.transport, MOBILE)
    call.move(MOBILE)
    call.pictures(20)
    call.move(call.wifi)
    call.bed.engine.set_address(call.viewer.transport, call.wifi)
    assert call.pictures(20) == 20
