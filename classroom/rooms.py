"""Which lesson a room's device opens by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from classroom.model import LessonState

LATE_MS: Final = 2 * 3600 * 1000
"""A lesson that should have begun longer ago than this is not what the room waits for."""


class Planned(Protocol):
    @property
    def state(self) -> LessonState: ...
    @property
    def starts_ms(self) -> int: ...
    @property
    def started_ms(self) -> int: ...


Found = TypeVar("Found", bound=Planned)


def lesson_now(lessons: Iterable[Found], now_ms: int) -> Found | None:
    """The live one, else that with open doors; of several the one that began last, or is planned for the time
    nearest to now: a lesson that somebody forgot to end keeps no class from its next one."""
    found = tuple(lessons)
    live = [lesson for lesson in found if lesson.state is LessonState.LIVE]
    if live:
        return max(live, key=lambda lesson: lesson.started_ms)
    doors = [lesson for lesson in found if lesson.state is LessonState.OPEN]
    return min(doors, key=lambda lesson: abs(lesson.starts_ms - now_ms), default=None)


def lesson_next(lessons: Iterable[Found], now_ms: int) -> Found | None:
    """The first that is still to begin."""
    coming = (
        lesson
        for lesson in lessons
        if lesson.state is LessonState.SCHEDULED and lesson.starts_ms > now_ms - LATE_MS
    )
    return min(coming, key=lambda lesson: lesson.starts_ms, default=None)
