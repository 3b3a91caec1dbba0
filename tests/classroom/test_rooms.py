"""Which lesson a room's device opens."""

from __future__ import annotations

from typing import NamedTuple

from classroom.model import LessonState
from classroom.rooms import LATE_MS, lesson_next, lesson_now

NOW = 1_000_000_000


class Planned(NamedTuple):
    name: str
    state: LessonState
    starts_ms: int = 0
    started_ms: int = 0


FORGOTTEN = Planned("forgotten", LessonState.LIVE, NOW - 9 * LATE_MS, NOW - 9 * LATE_MS)
LIVE = Planned("live", LessonState.LIVE, NOW - 5, NOW - 1)
OPEN = Planned("open", LessonState.OPEN, NOW + 5)
OPEN_LATER = Planned("later", LessonState.OPEN, NOW + 500)
SOON = Planned("soon", LessonState.SCHEDULED, NOW + 50)
LATE = Planned("late", LessonState.SCHEDULED, NOW - 50)
MISSED = Planned("missed", LessonState.SCHEDULED, NOW - LATE_MS)
UNPLANNED = Planned("unplanned", LessonState.SCHEDULED)


def test_the_live_one_then_the_one_with_open_doors() -> None:
    assert lesson_now([SOON, OPEN, FORGOTTEN, LIVE], NOW) is LIVE
    assert lesson_now([OPEN_LATER, SOON, OPEN], NOW) is OPEN
    assert lesson_now([SOON, LATE], NOW) is None


def test_the_next_is_the_first_that_may_still_begin() -> None:
    assert lesson_next([SOON, LATE, MISSED, LIVE], NOW) is LATE
    assert lesson_next([SOON, MISSED], NOW) is SOON
    assert lesson_next([MISSED, UNPLANNED, OPEN], NOW) is None
