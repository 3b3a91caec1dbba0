"""What a run of packets tells of the link that they stood before."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from sfu.engine.bottleneck import Bottleneck

SECOND = 1_000_000
OFFSET_US = 77 * SECOND
"""The peer's clock is its own."""
WAY_US = 30_000
SIZE = 1_200


def serve(packets: Iterable[tuple[int, int]], bps: float, meter: Bottleneck, free_us: float = 0.0) -> float:
    """packets: (when sent, bytes). Sends them through a link of this rate; returns when it is free again."""
    for sent_us, size in packets:
        free_us = max(free_us, float(sent_us)) + 8e6 * size / bps
        meter.packet(sent_us, int(free_us) + WAY_US + OFFSET_US, size)
    return free_us


def pictures(begin_us: int, count: int, *, packets: int = 5) -> list[tuple[int, int]]:
    """30 a second, each sent at once."""
    return [(begin_us + at * 33_333, SIZE) for at in range(count) for _ in range(packets)]


@pytest.fixture
def meter() -> Bottleneck:
    found = Bottleneck()
    serve(pictures(0, 60), 20e6, found)
    return found


def test_a_link_that_carries_everything_says_nothing(meter: Bottleneck) -> None:
    assert meter.bps == 0
    assert not meter.fills
    assert meter.queue_us < 3_000


@pytest.mark.parametrize("bps", [250_000, 500_000, 1_000_000])
def test_the_first_pictures_after_a_fall_tell_the_rate(meter: Bottleneck, bps: int) -> None:
    serve(pictures(2 * SECOND, 2), bps, meter)
    assert meter.bps == pytest.approx(bps, rel=0.02)
    assert meter.fills


def test_the_clock_of_the_radio_does_not_blur_it(meter: Bottleneck) -> None:
    """Arrivals jitter by up to 3 ms."""
    jitter = random.Random(7)
    free = 0.0
    for sent, size in pictures(2 * SECOND, 3):
        free = max(free, float(sent)) + 8e6 * size / 500_000
        meter.packet(sent, int(free) + WAY_US + OFFSET_US + jitter.randrange(3_000), size)
    assert meter.bps == pytest.approx(500_000, rel=0.1)
    assert meter.fills


def test_a_radio_that_was_silent_for_a_while_is_no_fall(meter: Bottleneck) -> None:
    """All that was sent within 150 ms comes at once behind them."""
    released = 2 * SECOND + 150_000
    for at, (sent, size) in enumerate(pictures(2 * SECOND, 4)):
        meter.packet(sent, released + 300 * at + WAY_US + OFFSET_US, size)
    assert not meter.fills


def test_a_pause_within_a_run_does_not_count(meter: Bottleneck) -> None:
    """A keyframe on a link of 5 Mbit/s, in the middle of which the radio is silent for 60 ms."""
    free = 2.0 * SECOND
    for at in range(30):
        free += 8e6 * SIZE / 5e6 + (60_000 if at == 15 else 0)
        meter.packet(2 * SECOND, int(free) + WAY_US + OFFSET_US, SIZE)
    assert meter.bps == pytest.approx(5e6, rel=0.05)


def test_a_longer_way_is_no_queue_that_grows(meter: Bottleneck) -> None:
    for sent, size in pictures(2 * SECOND, 60):
        meter.packet(sent, sent + WAY_US + 100_000 + OFFSET_US, size)
    assert not meter.fills


def test_a_longer_way_is_the_way_after_ten_seconds(meter: Bottleneck) -> None:
    for sent, size in pictures(2 * SECOND, 330):
        meter.packet(sent, sent + WAY_US + 100_000 + OFFSET_US, size)
    assert meter.queue_us == 0


def test_packets_out_of_order_are_left_out(meter: Bottleneck) -> None:
    serve(pictures(2 * SECOND, 2), 500_000, meter)
    before = meter.bps
    meter.packet(SECOND, 2 * SECOND + OFFSET_US, SIZE)
    assert meter.bps == before
