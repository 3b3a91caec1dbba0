"""Snapshots of all counters, and what two of them tell of the time between."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine
from sfu.engine.snapshot import StatsSnapshot

VP8_START = b"\x10\x00\x9d\x01\x2a"
"""Payload descriptor with S=1, partition 0, and the beginning of a frame header: P=0 is a keyframe."""
VP8, OPUS = 96, 111
VIDEO_SSRC, AUDIO_SSRC = 10, 20
SENT = 5000


class Plane:
    """One publisher of video and audio and one subscriber of both, unencrypted."""

    def __init__(self) -> None:
        self.engine = Engine(seed=1)
        self.now_us = 1_000_000
        self.publisher, self.subscriber = self._transport(4001), self._transport(4002)
        self.video = self.engine.add_publication(
            self.publisher,
            kind="video",
            mid="0",
            clock_rate=90_000,
            formats=[("VP8", VP8, -1, True)],
            encodings=[("", VIDEO_SSRC, 0)],
        )
        self.audio = self.engine.add_publication(
            self.publisher,
            kind="audio",
            mid="1",
            clock_rate=48_000,
            formats=[("opus", OPUS, -1, False)],
            encodings=[("", AUDIO_SSRC, 0)],
        )
        self.subscription = self.engine.add_subscription(
            self.subscriber, self.video, mid="0", ssrc=SENT, rtx_ssrc=0, formats=[(VP8, -1, True)]
        )
        self.sound = self.engine.add_subscription(
            self.subscriber, self.audio, mid="1", ssrc=SENT + 1, rtx_ssrc=0, formats=[(OPUS, -1, False)]
        )

    def _transport(self, port: int) -> int:
        transport = self.engine.add_transport()
        self.engine.set_plain(transport)
        self.engine.set_address(transport, pack_address("127.0.0.1", port, 0))
        return transport

    def send(self, *, keyframe: bool = False, sequence: int, ssrc: int = VIDEO_SSRC, size: int = 100) -> None:
        payload_type = VP8 if ssrc == VIDEO_SSRC else OPUS
        header = struct.pack("!BBHII", 0x80, 0x80 | payload_type, sequence, sequence * 3000, ssrc)
        start = (b"\x10\x00" if keyframe else b"\x10\x01") + VP8_START[2:]
        self._input(header + start.ljust(size, b"\0"), 4001)

    def report(self, lost: int) -> None:
        """The subscriber's receiver report: `lost` of 256 packets of the video."""
        block = struct.pack("!IIIIII", SENT, lost << 24, 0, 9000, 0, 0)
        self._input(struct.pack("!BBHI", 0x81, 201, 7, 99) + block, 4002)

    def _input(self, datagram: bytes, port: int) -> None:
        self.now_us += 5_000
        self.engine.input(datagram, pack_address("127.0.0.1", port, 0), self.now_us)
        self.engine.tick(self.now_us + 2_000)
        self.engine.drain()

    def snapshot(self, now: float) -> StatsSnapshot:
        return StatsSnapshot(self.engine, now)

    def between(self, before: StatsSnapshot, after: StatsSnapshot) -> tuple[np.record, np.record]:
        """Of the publisher and of the subscriber."""
        up, down = after.since(before).view(np.recarray)
        assert (up.transport, down.transport) == (self.publisher, self.subscriber)
        return up, down


@pytest.fixture
def plane() -> Plane:
    return Plane()


def test_what_came_in_and_what_was_lost(plane: Plane) -> None:
    plane.send(keyframe=True, sequence=100)
    before = plane.snapshot(10.0)
    for sequence in (101, 102, 104, 105, 110):
        plane.send(sequence=sequence)
    up, down = plane.between(before, plane.snapshot(12.0))
    assert up.received == 5
    assert up.received_bps == pytest.approx(5 * 112 * 8 / 2)
    assert (up.lost_up, up.missing_up) == (0.5, 0.5)
    assert up.lost_down == down.lost_up == 0.0
    assert down.sent >= 5
    assert down.sent_bps > up.received_bps * 0.9
    assert (down.videos, down.stalled, down.layer, down.wanted) == (1, 0, 0, 0)


def test_what_the_subscriber_reports(plane: Plane) -> None:
    plane.send(keyframe=True, sequence=100)
    plane.report(lost=64)
    before = plane.snapshot(10.0)
    plane.send(sequence=101)
    assert plane.between(before, plane.snapshot(11.0))[1].lost_down == pytest.approx(0.25)
    # An old report says nothing of a time in which nothing was sent.
    before = plane.snapshot(12.0)
    assert plane.between(before, plane.snapshot(13.0))[1].lost_down == 0.0


def test_a_subscription_that_waits_for_a_keyframe_stalls(plane: Plane) -> None:
    before = plane.snapshot(10.0)
    plane.send(sequence=100)
    waiting = plane.snapshot(11.0)
    down = plane.between(before, waiting)[1]
    assert (down.videos, down.stalled, down.layer) == (1, 1, -1)
    plane.send(keyframe=True, sequence=101)
    moving = plane.snapshot(12.0)
    assert plane.between(waiting, moving)[1].stalled == 0
    assert [each.streams(plane.subscriber)[0].stalls for each in (before, waiting, moving)] == [0, 1, 1]


def test_what_is_paused_or_not_sent_does_not_stall(plane: Plane) -> None:
    before = plane.snapshot(10.0)
    assert plane.between(before, plane.snapshot(11.0))[1].stalled == 0
    plane.engine.set_paused(plane.subscription, True)
    before = plane.snapshot(12.0)
    plane.send(sequence=100)
    down = plane.between(before, plane.snapshot(13.0))[1]
    assert (down.videos, down.stalled) == (0, 0)


def test_only_transports_of_both_moments(plane: Plane) -> None:
    before = plane.snapshot(10.0)
    newcomer = plane.engine.add_transport()
    plane.engine.remove_transport(plane.publisher)
    after = plane.snapshot(11.0)
    assert list(after.since(before)["transport"]) == [plane.subscriber]
    assert list(after.since(before)["wanted"]) == [-1]
    assert len(after) == 2
    assert after.streams(plane.publisher) == after.streams(12345) == after.streams(newcomer) == []


def test_no_time_between_is_no_comparison(plane: Plane) -> None:
    before = plane.snapshot(10.0)
    assert plane.snapshot(10.0).since(before).size == 0


def test_a_publisher_that_begins_anew_counts_from_zero(plane: Plane) -> None:
    for sequence in range(100, 200):
        plane.send(keyframe=sequence == 100, sequence=sequence)
    before = plane.snapshot(10.0)
    plane.engine.remove_publication(plane.audio)
    for sequence in (201, 202):
        plane.send(sequence=sequence)
    up = plane.between(before, plane.snapshot(11.0))[0]
    assert (up.received, up.lost_up) == (2, pytest.approx(1 / 3))


def test_streams_of_a_transport(plane: Plane) -> None:
    plane.send(keyframe=True, sequence=100)
    plane.send(sequence=7, ssrc=AUDIO_SSRC)
    snapshot = plane.snapshot(1.0)
    video, audio = snapshot.streams(plane.publisher)
    assert (video.id, video.outgoing, video.video, video.keyframes) == (plane.video, False, True, 1)
    assert (audio.id, audio.packets, audio.expected) == (plane.audio, 1, 1)
    assert video.first_s == -1
    sent, heard = snapshot.streams(plane.subscriber)
    assert sent.first_s == pytest.approx(1.005)  # the clock of an engine that has seen nothing stands at zero
    assert (sent.id, sent.publication, sent.outgoing) == (plane.subscription, plane.video, True)
    assert (heard.video, heard.packets, heard.paused) == (False, 1, False)


def test_many_transports(plane: Plane) -> None:
    subscribers = [plane.engine.add_transport() for _ in range(300)]
    for at, transport in enumerate(subscribers):
        plane.engine.add_subscription(
            transport, plane.video, mid="0", ssrc=6000 + at, rtx_ssrc=0, formats=[(VP8, -1, True)]
        )
    before = plane.snapshot(1.0)
    plane.engine.remove_transport(subscribers[7])
    found = plane.snapshot(2.0).since(before)
    gone = subscribers.pop(7)
    assert list(found["transport"]) == [plane.publisher, plane.subscriber, *subscribers]
    assert before.streams(gone)[0].publication == plane.video
