"""The bursts of a lecture without a server: what is sent is what a lecture sends."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from load_tests.bare import bare
from load_tests.bursts import Bursts
from load_tests.media import Camera, Microphone
from load_tests.sink import Sink

TAG_OCTETS = 16


async def test_each_receiver_gets_each_packet_protected_and_in_order(until: Any) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        sink = Sink(2)
        for receiver in (one, other):
            receiver.bind(("127.0.0.1", 0))
            sink.add(receiver.fileno())
        bursts = Bursts(sender.fileno(), "127.0.0.1", [one.getsockname()[1], other.getsockname()[1]])
        used_s = bursts.send([(0, 5, 1000), (100, 1, 180), (200, 64, 500)])
        sink.start()
        await until(lambda: sum(stream.packets for stream in sink.streams()) == 2 * 70)
        sink.stop()

    assert used_s > 0
    for stream in sink.streams():
        assert (stream.lowest_seq, stream.highest_seq) == (0, 69)
        assert stream.octets == 5 * 1000 + 180 + 64 * 500 + 70 * TAG_OCTETS


@pytest.mark.parametrize("entry", [(0, 0, 500), (0, 65, 500), (0, 1, 19), (0, 1, 1485)])
def test_what_is_no_burst_is_refused(entry: tuple[int, int, int]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        pytest.raises(ValueError, match="packets of"),
    ):
        Bursts(sender.fileno(), "127.0.0.1", [9]).send([entry])


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="no IPv4 address"):
        Bursts(0, "localhost", [9])


async def test_a_second_of_a_lecture() -> None:
    found = await bare(2, 1.0, Camera(frames_per_second=10, key_interval_s=1), Microphone())
    pictures = [
        Camera(frames_per_second=10, key_interval_s=1).frame(index, index % 10, 0) for index in range(10)
    ]
    assert found.packets == 2 * (50 + sum(map(len, pictures)))
    assert found.datagrams_per_burst == found.packets / 2 / 60
