"""Looks of several periods meet."""

from __future__ import annotations

import pytest

from sfu.beat import beat


@pytest.mark.parametrize("now", [0.0, 0.3, 12.49, 12.5, 86_400.7, 1e6 + 1 / 3])
@pytest.mark.parametrize("every_s", [0.2, 1.0, 2.0])
def test_the_next_look_is_half_to_one_and_a_half_periods_away_and_on_a_multiple(
    now: float, every_s: float
) -> None:
    due = beat(now, every_s)
    assert 0.5 * every_s <= due - now + 1e-6 <= 1.5 * every_s + 2e-6
    assert due / every_s == pytest.approx(round(due / every_s))


def test_who_wakes_a_little_early_does_not_look_twice() -> None:
    assert beat(4.999_999_999, 1.0) == 6.0


def test_from_then_on_it_is_exactly_a_period() -> None:
    moments = [beat(17.3, 1.0)]
    for _ in range(5):
        moments.append(beat(moments[-1], 1.0))
    assert moments == [18.0, 19.0, 20.0, 21.0, 22.0, 23.0]
