"""What one listener makes of the packets of sound that came."""

from __future__ import annotations

from typing import Any

from load_tests.bot import SendTimes
from load_tests.ear import Heard, Packet, heard, lost


class Talker:
    """Sends a frame each 20 ms from `origin` on."""

    def __init__(self, origin: int) -> None:
        self.sent = {"audio": SendTimes()}
        self.origin = origin
        for index in range(50):
            self.sent["audio"].note(origin + 960 * index, 20_000 * index)

    def packet(
        self, index: int, sequence: int, arrival_us: int, *, marker: bool = False, ssrc: int = 1
    ) -> Packet:
        return Packet(ssrc, sequence, marker, self.origin + 960 * index, arrival_us)


def test_the_packets_that_a_voice_begins_with_are_told_apart() -> None:
    one, other = Talker(0), Talker(1 << 20)
    packets = [
        one.packet(1, 1, 21_000),
        one.packet(2, 2, 41_000),
        # Two from memory, and the live one with them.
        other.packet(5, 3, 141_000, marker=True),
        other.packet(6, 4, 141_100),
        other.packet(7, 5, 141_200),
        other.packet(8, 6, 161_000),
    ]
    everybody: Any = [one, other]
    assert heard(packets, everybody, 0) == [
        Heard(1_000, False),
        Heard(1_000, False),
        Heard(41_000, True),
        Heard(21_100, True),
        Heard(1_200, False),
        Heard(1_000, False),
    ]
    assert len(heard(packets, everybody, 141_050)) == 3


def test_packets_of_nobody_known_are_passed_over() -> None:
    assert heard([Talker(0).packet(1, 1, 5)], [], 0) == []


def test_numbers_missing_are_lost_in_each_stream_by_itself() -> None:
    talker = Talker(0)
    packets = [talker.packet(1, 65_535, 1), talker.packet(2, 1, 2), talker.packet(1, 9, 1, ssrc=2)]
    assert lost(packets) == 1
    assert lost([]) == 0
