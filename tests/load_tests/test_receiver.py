"""The receiving end of a viewer: gaps, repairs, pictures and feedback, on a clock of the test's own."""

from __future__ import annotations

import struct

import pytest

from load_tests import feedback
from load_tests.media import Camera
from load_tests.receiver import Receiver, begins_key_picture, seen
from load_tests.rtp import TRANSPORT_CC, KeyframeRequest, Nack, Stream, TransportSequence
from load_tests.rtp import feedback as read_feedback

KINDS = {102: "video", 111: "audio"}
CAMERA = Camera(bits_per_second=400_000)


def pictures(count: int, *, extensions: dict[str, int] | None = None) -> list[list[bytes]]:
    """Packets of so many pictures, a key picture first; numbers from just before the wrap."""
    stream = Stream(7, 102, "1", extensions or {}, TransportSequence(), sequence=65_530)
    found = []
    for index in range(count):
        payloads = CAMERA.frame(index, index, CAMERA.timestamp(index))
        last = len(payloads) - 1
        found.append(
            [stream.packet(each, index * 3000, number == last, 0.0) for number, each in enumerate(payloads)]
        )
    return found


@pytest.fixture
def receiver() -> Receiver:
    return Receiver(KINDS, {TRANSPORT_CC: 3}, rtt_s=0.1)


def test_pictures_are_seen_when_they_are_whole(receiver: Receiver) -> None:
    for index, packets in enumerate(pictures(10)):
        for packet in packets:
            receiver.packet(packet, index / 30)
    found = seen(receiver, "video", 0.0, 1 / 3)
    assert found.count == 10
    assert found.longest_gap_s == pytest.approx(1 / 30)
    assert list(receiver.streams) == [7]


def test_a_gap_is_asked_for_and_holds_back_what_follows(receiver: Receiver) -> None:
    first, second, third = pictures(3)
    for packet in first:
        receiver.packet(packet, 0.0)
    list(receiver.due(0.0))
    for packet in [*second[1:], *third]:
        receiver.packet(packet, 0.1)
    assert seen(receiver, "video", 0.0, 1.0).count == 1
    missing = int.from_bytes(second[0][2:4], "big")
    assert Nack(7, (missing,)) in [one for each in receiver.due(0.1) for one in read_feedback(each)]
    assert not [one for each in receiver.due(0.12) for one in read_feedback(each)]  # too soon to ask again
    receiver.packet(second[0], 0.2)
    assert seen(receiver, "video", 0.0, 1.0).count == 3
    assert (receiver.streams[7].repaired, receiver.streams[7].missing) == (1, 0)


def test_what_never_comes_is_given_up_for_a_key_picture(receiver: Receiver) -> None:
    first, second, third = pictures(3)
    for packet in [*first, *second[1:], *third]:
        receiver.packet(packet, 0.0)
    asked = [one for each in receiver.due(2.0) for one in read_feedback(each)]
    assert KeyframeRequest(7) in asked
    assert receiver.streams[7].missing == 1
    assert seen(receiver, "video", 0.0, 3.0).count == 1  # what follows was never whole


def test_a_whole_key_picture_is_seen_whatever_is_open_before_it(receiver: Receiver) -> None:
    stream = Stream(7, 102, "1", {}, TransportSequence())
    first, lost, key, after = (
        [stream.packet(each, 3000 * number, each is payloads[-1], 0.0) for each in payloads]
        for number, payloads in enumerate(
            CAMERA.frame(at, at % 2, CAMERA.timestamp(at)) for at in (0, 1, 2, 3)
        )
    )
    for packet in [*first, *lost[1:], *key[:-1]]:
        receiver.packet(packet, 0.0)
    assert seen(receiver, "video", 0.0, 1.0).count == 1
    for packet in [key[-1], *after]:
        receiver.packet(packet, 0.1)
    assert seen(receiver, "video", 0.0, 1.0).count == 3
    assert (receiver.streams[7].passed_over, receiver.streams[7].missing) == (1, 0)


def test_a_packet_that_comes_twice_counts_once(receiver: Receiver) -> None:
    packet = pictures(1)[0][0]
    receiver.packet(packet, 0.0)
    receiver.packet(packet, 0.0)
    receiver.packet(b"\x80", 0.0)
    assert receiver.streams[7].packets == 1


def test_transport_feedback_tells_arrivals_and_holes(receiver: Receiver) -> None:
    packets = [each for picture in pictures(3, extensions={TRANSPORT_CC: 3}) for each in picture]
    for number, packet in enumerate(packets):
        if number != 2:
            receiver.packet(packet, 10.0 + number / 1000)
    told = next(each for each in receiver.due(10.1) if each[0] & 31 == 15 and each[1] == 205)
    base, count = struct.unpack_from("!HH", told, 12)
    assert (base, count) == (0, len(packets))
    (chunk,) = struct.unpack_from("!H", told, 20)
    assert chunk >> 14 == 3
    assert [chunk >> 2 * (6 - place) & 3 == 0 for place in range(4)] == [False, False, True, False]


def test_nacks_share_a_mask_and_lengths_are_whole_words() -> None:
    (asked,) = read_feedback(feedback.nack(1, 7, [65_535, 0, 15, 16]))
    assert asked == Nack(7, (65_535, 0, 15, 16))
    report = feedback.transport_feedback(1, 7, 0, [(5, 1_000_000), (7, 1_000_250), (8, 900_000)])
    assert len(report) == 4 * (int.from_bytes(report[2:4], "big") + 1)
    assert len(feedback.receiver_report(1, [(7, 0, 3, 70_000, 0)])) == 32


@pytest.mark.parametrize(("payload", "key"), [(b"", False), (b"\x7c\x85", True), (b"\x7c\x81", False)])
def test_key_pictures(payload: bytes, key: bool) -> None:
    assert begins_key_picture(payload) is key
    assert begins_key_picture(CAMERA.frame(0, 0, 0)[0])
