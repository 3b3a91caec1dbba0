"""What an organizer sees of a day that was looked up for everybody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from classroom.model import LessonState
from classroom.network.dashboard import (
    Day,
    FailedJoins,
    LessonOfDay,
    QuotaUse,
    SchoolQuality,
    Standing,
    Stored,
    day_of,
    seen,
    standings,
    stored_within,
    worst_first,
)
from classroom.network.model import ROOT, Path
from classroom.network.supervision import LessonPlaces
from classroom.network.wall import LATE_MS, MISSED_MS

MUSEUM, EAST, EAST_1, WEST_1 = (
    Path(each) for each in ("/city/museum/", "/city/east/", "/city/east/1/", "/city/west/1/")
)
NOW = 1_000_000_000


def lesson(name: str, state: LessonState = LessonState.LIVE, **more: Any) -> LessonOfDay:
    values: dict[str, Any] = {"starts_ms": NOW, "ends_ms": 0, "started_ms": 0, "ended_ms": 0, "classes": 1}
    values |= {"places": LessonPlaces(MUSEUM, (EAST_1, WEST_1))}
    return LessonOfDay(name, name, state, **values | more)


def quality(school: Path, seconds: int, poor: int = 0, fair: int = 0) -> SchoolQuality:
    return SchoolQuality(school, 1, seconds, fair, poor, 0)


DAY = Day(
    lessons=(lesson("both"), lesson("west", places=LessonPlaces(None, (WEST_1,)))),
    joins=(FailedJoins("both", "lesson_full", 3, 2, NOW), FailedJoins("west", "broken", 1, 1, NOW)),
    quality=(quality(EAST_1, 60), quality(WEST_1, 120)),
)


def test_everything_is_for_who_reaches_everything() -> None:
    assert seen(DAY, (ROOT,)) == DAY


def test_a_lesson_is_for_who_gives_it_and_for_who_takes_it() -> None:
    assert [each.id for each in seen(DAY, (MUSEUM,)).lessons] == ["both"]
    assert [each.id for each in seen(DAY, (EAST,)).lessons] == ["both"]
    assert [each.lesson for each in seen(DAY, (EAST,)).joins] == ["both"]
    assert [each.id for each in seen(DAY, (EAST, WEST_1)).lessons] == ["both", "west"]
    assert seen(DAY, ()).lessons == ()


def test_how_a_school_was_reached_is_for_that_school() -> None:
    assert seen(DAY, (MUSEUM,)).quality == ()
    assert seen(DAY, (EAST,)).quality == (quality(EAST_1, 60),)


@pytest.mark.parametrize(("state", "after_ms", "standing"), [
    (LessonState.LIVE, MISSED_MS, Standing.LIVE), (LessonState.ENDED, 0, Standing.OVER),
    (LessonState.CANCELLED, 0, Standing.CANCELLED), (LessonState.SCHEDULED, LATE_MS, Standing.WAITING),
    (LessonState.OPEN, LATE_MS + 1, Standing.LATE), (LessonState.SCHEDULED, MISSED_MS, Standing.LATE),
    (LessonState.SCHEDULED, MISSED_MS + 1, Standing.MISSED),
])  # fmt: skip
def test_how_it_stands(state: LessonState, after_ms: int, standing: Standing) -> None:
    found = standings([lesson("l", state)], NOW + after_ms)
    assert {each for each, count in found.items() if count} == {standing}


def test_what_goes_on_past_its_time_is_seen() -> None:
    planned = lesson("l", ends_ms=NOW)
    assert planned.standing(NOW + LATE_MS) is Standing.LIVE
    assert planned.standing(NOW + LATE_MS + 1) is Standing.OVERRUN


def test_schools_whose_people_were_reached_worst_come_first() -> None:
    found = worst_first([quality(EAST_1, 200, poor=1), quality(WEST_1, 100, poor=20, fair=30)])
    assert [each.school for each in found] == [WEST_1, EAST_1]
    assert (found[0].good, found[0].poor, found[1].poor) == (0.5, 0.2, 0.005)
    (nothing,) = worst_first([quality(EAST_1, 0)])
    assert (nothing.good, nothing.poor) == (1.0, 0.0)


def test_most_bytes_first_and_only_ones_own() -> None:
    stored = (Stored(EAST_1, 1, 0, 5), Stored(WEST_1, 1, 1, 9), Stored(ROOT, 1, 0, 90))
    assert [each.bytes for each in stored_within(stored, (Path("/city/"),))] == [9, 5]
    assert [each.bytes for each in stored_within(stored, (ROOT,))] == [90, 9, 5]


def test_of_a_quota_of_nothing_nothing_is_used_until_something_is() -> None:
    assert [QuotaUse("t", "p", MUSEUM, 0, booked).used for booked in (0, 1)] == [0.0, 1.0]
    assert QuotaUse("t", "p", MUSEUM, 10, 9).used == 0.9


@pytest.mark.parametrize(("day", "zone", "hours"), [
    (date(2026, 3, 8), "America/New_York", 23), (date(2026, 11, 1), "America/New_York", 25),
    (date(2026, 3, 8), "Asia/Shanghai", 24),
])  # fmt: skip
def test_a_day_is_as_long_as_it_is_there(day: date, zone: str, hours: int) -> None:
    from_ms, until_ms = day_of(day, zone, 0)
    assert until_ms - from_ms == hours * 3_600_000


def test_today_is_by_the_clock_of_the_place() -> None:
    evening = 1_793_548_800_000  # 2026-11-01 16:00 UTC: the next day in Shanghai
    from_ms, until_ms = day_of(None, "Asia/Shanghai", evening)
    assert (from_ms, until_ms) == (evening, evening + 86_400_000)
    assert day_of(None, "UTC", evening)[0] < evening
