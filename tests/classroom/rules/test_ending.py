"""When a live lesson that was left behind ends by itself."""

from __future__ import annotations

import pytest

from classroom.rules.ending import EndCause, EndLimits, LeftBehind, end_cause

HALF_HOUR, FOUR_HOURS = 30 * 60_000, 240 * 60_000
LIMITS = EndLimits(HALF_HOUR, FOUR_HOURS)
NOW = 10 * FOUR_HOURS


@pytest.mark.parametrize(
    ("lesson", "cause"),
    [
        (LeftBehind(0, None), None),
        (LeftBehind(0, NOW - HALF_HOUR + 1), None),
        (LeftBehind(0, NOW - HALF_HOUR), EndCause.EMPTY),
        (LeftBehind(NOW + 1, NOW - HALF_HOUR), EndCause.EMPTY),
        (LeftBehind(NOW - FOUR_HOURS + 1, None), None),
        (LeftBehind(NOW - FOUR_HOURS, None), EndCause.OVERRUN),
        (LeftBehind(NOW - FOUR_HOURS, NOW), EndCause.OVERRUN),
    ],
)
def test_two_limits_end_a_lesson(lesson: LeftBehind, cause: EndCause | None) -> None:
    assert end_cause(lesson, LIMITS, NOW) is cause


def test_limits_can_be_taken_away() -> None:
    assert end_cause(LeftBehind(1, 1), EndLimits(0, 0), NOW) is None
    assert end_cause(LeftBehind(1, 1), EndLimits(0, FOUR_HOURS), NOW) is EndCause.OVERRUN
