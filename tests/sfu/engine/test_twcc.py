"""Transport-wide feedback, read by a parser with the strictness of libwebrtc's."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.engine.rtcp import parse_compound
from sfu.engine.twcc import TwccReceiver

TICK_US = 250
START_US = 64_000 * 100


@dataclass
class Feedback:
    """One parsed feedback packet."""

    base: int
    count: int
    reference: int
    number: int
    chunks: int
    bytes: int
    arrivals: dict[int, int] = field(default_factory=dict)
    """16-bit sequence number -> arrival in ticks of 250 us, as far as the 24-bit reference tells."""

    @property
    def lost(self) -> list[int]:
        sequences = ((self.base + i) & 0xFFFF for i in range(self.count))
        return [sequence for sequence in sequences if sequence not in self.arrivals]


def symbols_of(body: bytes, count: int) -> tuple[list[int], int]:
    """draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1.1 to 3.1.4: symbols and bytes read."""
    symbols: list[int] = []
    at = 0
    while len(symbols) < count:
        chunk = int.from_bytes(body[at : at + 2])
        assert at + 2 <= len(body), "chunks run out of the packet"
        at += 2
        if chunk >> 15 == 0:
            assert chunk & 0x1FFF, "an empty run"
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
            assert len(symbols) <= count, "a run past the packet count"
        elif chunk >> 14 == 2:
            symbols += [chunk >> (13 - i) & 1 for i in range(14)]
        else:
            symbols += [chunk >> (12 - 2 * i) & 3 for i in range(7)]
    assert not any(symbols[count:]), "a symbol past the packet count"
    assert 3 not in symbols
    return symbols[:count], at


def parse(data: bytes) -> Feedback:
    """Raises AssertionError for whatever libwebrtc's TransportFeedback::Parse refuses."""
    packets, complete = parse_compound(data)
    assert complete
    (packet,) = packets
    assert (packet["type"], packet["count"]) == (205, 15)
    body = packet["body"]
    base, count = int.from_bytes(body[0:2]), int.from_bytes(body[2:4])
    reference = int.from_bytes(body[4:7])
    assert count > 0
    symbols, used = symbols_of(body[8:], count)
    feedback = Feedback(base, count, reference, body[7], used // 2, len(data))
    at, tick = 8 + used, reference * 256
    for i, symbol in enumerate(symbols):
        if symbol:
            assert at + symbol <= len(body), "deltas run out of the packet"
            tick += int.from_bytes(body[at : at + symbol], signed=symbol == 2)
            at += symbol
            feedback.arrivals[(base + i) & 0xFFFF] = tick
    assert at == len(body), "bytes left over"
    assert feedback.arrivals, "a report of nothing but holes"
    return feedback


def reports(receiver: TwccReceiver, now_us: int, room: int = 1200) -> list[Feedback]:
    found = []
    while data := receiver.report(now_us, room=room, ssrc=1, media_ssrc=2):
        assert len(data) <= room
        assert len(data) % 4 == 0
        found.append(parse(data))
    return found


def only(receiver: TwccReceiver, now_us: int) -> Feedback:
    (feedback,) = reports(receiver, now_us)
    return feedback


# --- bytes by hand -------------------------------------------------------------------------------------


def test_bytes_of_a_small_report() -> None:
    receiver = TwccReceiver()
    for sequence, milliseconds in ((1, 1), (2, 2), (4, 100)):
        receiver.received(sequence, START_US + 1000 * milliseconds)
    data = receiver.report(START_US + 200_000, ssrc=0x01020304, media_ssrc=0x05060708)
    # symbols 1 1 0 2 -> 11 01 01 00 10 00 00 00; deltas of 4, 4 and 392 ticks; two bytes of padding
    assert data.hex() == (
        "afcd0006"
        + "01020304"
        + "05060708"
        + "00010004"
        + "00006400"
        + "d480"
        + "04"
        + "04"
        + "0188"
        + "0002"
    )


def test_run_length_for_equal_symbols() -> None:
    receiver = TwccReceiver()
    for sequence in range(100):
        receiver.received(sequence, START_US)
    data = receiver.report(START_US + 100_000)
    assert data[20:22].hex() == "2064"
    assert parse(data).chunks == 1


def test_one_bit_vector_for_a_pattern_without_large_deltas() -> None:
    receiver = TwccReceiver()
    for sequence in range(0, 14, 2):
        receiver.received(sequence, START_US)
    receiver.received(13, START_US)
    data = receiver.report(START_US + 100_000)
    assert data[20:22].hex() == f"{0b10_10101010101011:04x}"


# --- when ----------------------------------------------------------------------------------------------


def test_nothing_to_report() -> None:
    receiver = TwccReceiver()
    assert receiver.deadline() == -1
    assert receiver.report(10**9) == b""


def test_a_report_every_hundred_milliseconds() -> None:
    receiver = TwccReceiver()
    receiver.received(7, START_US)
    assert receiver.deadline() == START_US + 100_000
    assert receiver.report(START_US + 99_999) == b""
    assert only(receiver, START_US + 100_000).arrivals.keys() == {7}
    assert receiver.deadline() == -1
    receiver.received(8, START_US + 130_000)
    assert receiver.deadline() == START_US + 200_000


def test_a_picture_is_reported_sooner_than_a_voice() -> None:
    receiver = TwccReceiver()
    for i in range(3):
        receiver.received(i, START_US)
    assert receiver.deadline() == START_US + 100_000
    receiver.received(3, START_US)
    assert receiver.deadline() == START_US + 50_000


def test_many_packets_are_reported_before_the_window_is_full() -> None:
    receiver = TwccReceiver()
    for sequence in range(512):
        receiver.received(sequence, START_US + sequence)
    assert receiver.deadline() <= START_US + 512
    assert sum(report.count for report in reports(receiver, START_US + 512)) == 512


def test_reports_are_numbered() -> None:
    receiver = TwccReceiver()
    numbers = []
    for i in range(300):
        receiver.received(i, START_US + 100_000 * i)
        numbers += [report.number for report in reports(receiver, START_US + 100_000 * (i + 1))]
    assert numbers == [i & 0xFF for i in range(300)]


# --- what ----------------------------------------------------------------------------------------------


def test_holes_between_reports_are_reported_lost() -> None:
    receiver = TwccReceiver()
    receiver.received(10, START_US)
    reports(receiver, START_US + 100_000)
    receiver.received(14, START_US + 110_000)
    feedback = only(receiver, START_US + 200_000)
    assert (feedback.base, feedback.count, feedback.lost) == (11, 4, [11, 12, 13])


def test_sequence_numbers_go_round() -> None:
    receiver = TwccReceiver()
    for sequence in (65533, 65534, 65535, 1, 2):
        receiver.received(sequence, START_US)
    feedback = only(receiver, START_US + 100_000)
    assert (feedback.base, feedback.count, feedback.lost) == (65533, 6, [0])


def test_before_the_very_first() -> None:
    receiver = TwccReceiver()
    receiver.received(0, START_US)
    receiver.received(65535, START_US + 500)
    feedback = only(receiver, START_US + 100_000)
    assert feedback.base == 65535
    assert feedback.arrivals[65535] - feedback.arrivals[0] == 2


def test_reordered_packets_have_negative_deltas() -> None:
    receiver = TwccReceiver()
    receiver.received(1, START_US + 1000)
    receiver.received(3, START_US + 2000)
    receiver.received(2, START_US + 9000)
    arrivals = only(receiver, START_US + 101_000).arrivals
    assert arrivals[2] - arrivals[1] == 32
    assert arrivals[3] - arrivals[2] == -28


def test_late_packet_is_reported_after_all() -> None:
    receiver = TwccReceiver()
    for sequence in (1, 2, 4, 5):
        receiver.received(sequence, START_US)
    assert only(receiver, START_US + 100_000).lost == [3]
    receiver.received(3, START_US + 120_000)
    feedback = only(receiver, START_US + 200_000)
    assert feedback.base == 3
    assert feedback.arrivals.keys() == {3, 4, 5}


def test_duplicate_keeps_the_first_arrival() -> None:
    receiver = TwccReceiver()
    receiver.received(1, START_US)
    receiver.received(1, START_US + 50_000)
    feedback = only(receiver, START_US + 100_000)
    assert feedback.arrivals == {1: START_US // TICK_US}
    receiver.received(1, START_US + 150_000)
    assert reports(receiver, START_US + 300_000) == []


def test_pause_longer_than_a_delta_can_say_splits_the_report() -> None:
    receiver = TwccReceiver()
    receiver.received(1, START_US)
    receiver.received(2, START_US + 9_000_000)
    first, second = reports(receiver, START_US + 9_100_000)
    assert (first.base, first.count) == (1, 1)
    assert (second.base, second.arrivals[2]) == (2, (START_US + 9_000_000) // TICK_US)


def test_reference_time_goes_round_after_24_bits() -> None:
    receiver = TwccReceiver()
    now_us = 64_000 * (2**24 + 5)
    receiver.received(1, now_us)
    assert only(receiver, now_us + 100_000).reference == 5


@pytest.mark.parametrize("jump", [600, 1023, 1024, 5000, 32767])
def test_big_jump_forgets_what_fell_out_of_the_window(jump: int) -> None:
    receiver = TwccReceiver()
    receiver.received(100, START_US)
    receiver.received(100 + jump, START_US + 1000)
    found = reports(receiver, START_US + 101_000)
    assert (100 + jump) & 0xFFFF in found[-1].arrivals
    assert sum(report.count for report in found) == min(jump + 1, 1024)


def test_backward_jump_out_of_the_window_is_ignored() -> None:
    receiver = TwccReceiver()
    receiver.received(5000, START_US)
    receiver.received(3000, START_US)
    feedback = only(receiver, START_US + 100_000)
    assert (feedback.base, feedback.count) == (5000, 1)


@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.95),
    spread_us=st.sampled_from([0, 300, 20_000, 90_000, 3_000_000]),
    room=st.sampled_from([32, 60, 300, 1200]),
)
@settings(max_examples=150, deadline=None)
def test_everything_received_is_reported_once_with_its_time(
    seed: int, loss: float, spread_us: int, room: int
) -> None:
    rng = random.Random(seed)
    receiver = TwccReceiver()
    first = rng.randrange(65536)
    truth: dict[int, int] = {}
    now_us = START_US
    for i in range(300):
        now_us += rng.randint(0, spread_us)
        if i and rng.random() < loss:
            continue
        receiver.received((first + i) & 0xFFFF, now_us)
        truth[(first + i) & 0xFFFF] = now_us // TICK_US
    found = reports(receiver, now_us + 100_000, room)
    told: dict[int, int] = {}
    expected_base = first
    for report in found:
        assert report.base == expected_base
        expected_base = (report.base + report.count) & 0xFFFF
        told.update({s: tick % 2**32 for s, tick in report.arrivals.items()})
    assert told == {s: tick % 2**32 for s, tick in truth.items()}
