"""The compiled sink counts what real sockets bring."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from load_tests.sink import Sink

Pair = tuple[socket.socket, socket.socket]


def rtp(
    sequence: int, timestamp: int = 0, ssrc: int = 1, payload_type: int = 102, octets: int = 100
) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, sequence, timestamp, ssrc) + bytes(octets)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """(sender, receiver): two connected UDP sockets."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        sender.bind(("127.0.0.1", 0))
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        receiver.connect(sender.getsockname())
        yield sender, receiver


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(4, history=4)
    sink.start()
    yield sink
    sink.stop()


def total(sink: Sink) -> int:
    return sum(stream.packets for stream in sink.streams())


async def test_counts_by_stream_across_a_wrap_of_sequence_numbers(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    number = sink.add(receiver.fileno())
    for sequence in (65_534, 65_535, 1, 0, 3):  # reordered at the wrap, 2 is missing
        sender.send(rtp(sequence))
    sender.send(rtp(7, ssrc=2, payload_type=111, octets=10))
    await until(lambda: total(sink) == 6)

    video, audio = sink.streams()
    assert (video.socket, video.ssrc, video.payload_type, video.packets) == (number, 1, 102, 5)
    assert video.octets == 5 * 112
    assert video.highest_seq - video.lowest_seq + 1 == 6
    assert (audio.ssrc, audio.payload_type, audio.packets, audio.octets) == (2, 111, 1, 22)
    assert 0 < video.first_us <= video.last_us
    assert sink.receive_calls() >= 1


async def test_what_came_before_the_hand_over_is_counted(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    sender.send(rtp(1))
    sink.add(receiver.fileno())
    await until(lambda: total(sink) == 1)


async def test_tells_rtp_rtcp_stun_and_the_rest_apart(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    sink.add(receiver.fileno())
    for first, second in ((0x80, 200), (0x81, 201), (0x00, 1), (0x16, 254), (0xFF, 0)):
        sender.send(bytes([first, second]) + bytes(30))
    sender.send(b"")
    sender.send(b"\x80")
    await until(lambda: sum(sink.sockets()[0][1:]) == 7)
    assert sink.sockets()[0] == (0, 2, 1, 4, 0)
    assert sink.streams() == []


async def test_streams_beyond_the_eighth_are_counted_apart(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    sink.add(receiver.fileno())
    for ssrc in range(10):
        sender.send(rtp(0, ssrc=ssrc))
    await until(lambda: sink.sockets()[0].unplaced == 2)
    assert len(sink.streams()) == 8


async def test_keeps_the_first_packet_and_the_latest_frames(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    number = sink.add(receiver.fileno())
    first = rtp(0, timestamp=90_000)
    sender.send(first)
    for sequence in range(1, 12):  # two packets per timestamp, six timestamps; four are kept
        sender.send(rtp(sequence, timestamp=90_000 + sequence // 2 * 3_000))
    await until(lambda: total(sink) == 12)
    assert sink.sample(number, 1) == first
    stamps, arrivals = sink.arrivals(number, 1)
    assert stamps.tolist() == [96_000, 99_000, 102_000, 105_000]
    assert arrivals.tolist() == sorted(arrivals.tolist())
    assert arrivals[-1] == sink.streams()[0].last_us


async def test_a_removed_socket_is_left_alone(sink: Sink, pair: Pair, until: Any) -> None:
    sender, receiver = pair
    number = sink.add(receiver.fileno())
    sender.send(rtp(0))
    await until(lambda: total(sink) == 1)
    sink.remove(number)
    sink.remove(number)
    sender.send(rtp(1))
    receiver.settimeout(30)
    assert receiver.recv(2048) == rtp(1)
    assert total(sink) == 1


def test_limits_and_unknown_numbers(pair: Pair) -> None:
    sink = Sink(1)
    sink.add(pair[0].fileno())
    with pytest.raises(ValueError, match="1 sockets at most"):
        sink.add(pair[1].fileno())
    with pytest.raises(KeyError):
        sink.sample(0, 1)
    with pytest.raises(KeyError):
        sink.arrivals(5, 1)
    with pytest.raises(KeyError):
        sink.remove(1)
    with pytest.raises(OSError, match="is closed"):
        Sink(1).add(-1)
    with pytest.raises(ValueError, match="capacity"):
        Sink(0)


def test_stops_more_than_once_and_starts_again() -> None:
    sink = Sink(1)
    sink.stop()
    sink.start()
    with pytest.raises(RuntimeError, match="runs already"):
        sink.start()
    sink.stop()
    sink.stop()
    sink.start()
    sink.stop()


async def test_every_packet_by_the_kernels_clock(pair: Pair, until: Any) -> None:
    sink = Sink(1, history=8, streams=2, every_packet=True, kernel_times=True)
    sink.start()
    try:
        sender, receiver = pair
        number = sink.add(receiver.fileno())
        before_us = time.monotonic_ns() // 1000
        for sequence in range(3):
            sender.send(rtp(sequence, timestamp=3_000))
        for ssrc in (2, 3):
            sender.send(rtp(0, ssrc=ssrc))
        await until(lambda: sink.sockets()[0].unplaced == 1)
        stamps, arrivals = sink.arrivals(number, 1)
        assert stamps.tolist() == [3_000] * 3
        # The two clocks are read one after the other: some microseconds of each other, not less.
        assert all(arrival >= before_us - 1_000 for arrival in arrivals.tolist())
        assert arrivals.tolist() == sorted(arrivals.tolist())
    finally:
        sink.stop()
