"""Delays packet by packet: the k-th packet of a frame is the k-th that was sent."""

from __future__ import annotations

import numpy as np

from load_tests.arrivals import _match, _Sent
from load_tests.bot import SendTimes

SENT = {3_000: [100, 110, 120], 6_000: [200], 9_000: [300, 310]}


def sent() -> _Sent:
    times = SendTimes()
    for stamp, packets in SENT.items():
        for at_us in packets:
            times.note(stamp, at_us)
    return _Sent.of(times)


def test_packets_are_matched_in_order() -> None:
    stamps = np.array([3_000, 3_000, 3_000, 6_000], np.int64)
    found = _match(sent(), stamps, np.array([150, 151, 152, 230], np.int64))
    assert found.sent_us.tolist() == [100, 110, 120, 200]
    assert found.delay_us.tolist() == [50, 41, 32, 30]
    assert found.incomplete == 0
    assert found.within(105, 150).delay_us.tolist() == [41, 32]


def test_frames_that_are_not_whole_or_not_known_are_left_out() -> None:
    stamps = np.array([3_000, 3_000, 6_000, 12_000], np.int64)
    found = _match(sent(), stamps, np.array([150, 151, 230, 400], np.int64))
    assert found.delay_us.tolist() == [30]
    assert found.incomplete == 1


def test_what_comes_shortly_after_a_moment() -> None:
    found = _match(
        sent(), np.array([3_000] * 3 + [6_000], np.int64), np.array([150, 151, 152, 230], np.int64)
    )
    assert found.shortly_after(np.array([105]), 20).sent_us.tolist() == [110, 120]
    assert found.shortly_after(np.array([], np.int64), 20).sent_us.tolist() == []
