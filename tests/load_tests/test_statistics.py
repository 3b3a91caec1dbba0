"""Figures from counts."""

from __future__ import annotations

import numpy as np
import pytest

from load_tests.sink import StreamFigures
from load_tests.statistics import Percentiles, delays_us, received


def figures(socket: int, packets: int, lowest: int, highest: int, ssrc: int = 1) -> StreamFigures:
    return StreamFigures(socket, ssrc, 102, packets, packets * 100, lowest, highest, 0, 0)


def test_percentiles_are_values_that_occurred() -> None:
    assert Percentiles.of([]) == Percentiles(0, 0.0, 0.0, 0.0, 0.0)
    assert Percentiles.of(range(1, 101)) == Percentiles(100, 50, 95, 99, 100)
    assert Percentiles.of([7]) == Percentiles(1, 7, 7, 7, 7)


def test_loss_in_a_window_is_counted_by_sequence_numbers() -> None:
    before = [figures(0, packets=10, lowest=100, highest=110), figures(1, 5, 0, 4)]
    after = [
        figures(0, packets=28, lowest=100, highest=130),  # 20 sent, 18 came
        figures(1, 5, 0, 4),  # silent
        figures(2, packets=3, lowest=65_534, highest=65_537),  # new; 4 sent, 3 came
    ]
    got = received(before, after)
    assert (got.packets, got.expected, got.lost, got.octets) == (21, 24, 3, 2100)
    assert got.loss == pytest.approx(0.125)
    assert received([], []).loss == 0.0


def test_a_late_repair_is_no_negative_loss() -> None:
    got = received([figures(0, 9, 0, 9)], [figures(0, 20, 0, 19)])
    assert (got.expected, got.packets, got.lost) == (10, 11, 0)


def test_delays_follow_timestamps_across_their_wrap() -> None:
    sent = {0xFFFFFFF0: 1_000, 0x00000010: 2_000}
    offset = 0x20
    rtp = np.array([0x00000010, 0x00000030, 0x99], np.uint32)  # the last was sent before anybody noted it
    arrival = np.array([1_500, 2_700, 9_999], np.int64)
    assert delays_us(rtp, arrival, offset, sent).tolist() == [500, 700]
