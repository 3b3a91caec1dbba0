"""The organizers' dashboard: what goes on in a place today, and what needs somebody. Pure.

A day is what was looked up once for everybody (`classroom.store.dashboard`); who sees what of it is decided
here, for each who asks: a lesson by whom it belongs to, the quality of a school by the school alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from classroom.model import LessonState
from classroom.network.model import ROOT, Path
from classroom.network.scope import within_any
from classroom.network.supervision import LessonPlaces
from classroom.network.wall import LATE_MS, MISSED_MS

NEARLY: Final = 0.9
"""Of a quota: who has so much of it booked is to be talked to before it is used up."""
BROKEN: Final = "broken"
"""Beside the reasons of `classroom.rules.reasons`: they were in, and their connection went away."""


class Section(StrEnum):
    LESSONS = "lessons"
    JOINS = "joins"
    QUALITY = "quality"
    STORAGE = "storage"
    QUOTAS = "quotas"
    PROBLEMS = "problems"


class Standing(StrEnum):
    """How it stands with a lesson of the day."""

    LIVE = "live"
    OVERRUN = "overrun"
    """It goes on, and should be over."""
    LATE = "late"
    """It should have begun."""
    WAITING = "waiting"
    OVER = "over"
    CANCELLED = "cancelled"
    MISSED = "missed"
    """Its time is long over, and it never began."""


@dataclass(frozen=True, slots=True)
class LessonOfDay:
    id: str
    title: str
    state: LessonState
    starts_ms: int
    ends_ms: int
    started_ms: int
    ended_ms: int
    """Unix times in ms; 0: not planned, not begun, not over."""
    places: LessonPlaces
    classes: int
    people: int = 0
    """Who was in, supervisors left out."""
    refused: int = 0
    """How often somebody was not let in."""
    broken: int = 0
    """How often a connection went away and did not come back in time."""

    def standing(self, now_ms: int) -> Standing:
        if self.state is LessonState.LIVE:
            overrun = self.ends_ms and now_ms > self.ends_ms + LATE_MS
            return Standing.OVERRUN if overrun else Standing.LIVE
        if self.state is LessonState.CANCELLED:
            return Standing.CANCELLED
        if self.state is LessonState.ENDED:
            return Standing.OVER
        if now_ms > self.starts_ms + MISSED_MS:
            return Standing.MISSED
        return Standing.LATE if now_ms > self.starts_ms + LATE_MS else Standing.WAITING


@dataclass(frozen=True, slots=True)
class FailedJoins:
    """Of one lesson, for one reason."""

    lesson: str
    reason: str
    """`classroom.rules.reasons.Reason`, or BROKEN."""
    times: int
    people: int
    latest_ms: int


class SchoolSum(NamedTuple):
    """Of one school's people in one lesson: seconds of people."""

    school: Path
    seconds: int
    fair_s: int
    poor_s: int
    frozen_s: int


@dataclass(frozen=True, slots=True)
class LessonSum:
    """What a lesson came to."""

    places: LessonPlaces
    classes: int = 0
    people: int = 0
    joins: tuple[FailedJoins, ...] = ()
    quality: tuple[SchoolSum, ...] = ()
    """Of each school once."""


@dataclass(frozen=True, slots=True)
class SchoolQuality:
    """Of all its people, on one day: seconds of people."""

    school: Path
    lessons: int
    seconds: int
    fair_s: int
    poor_s: int
    frozen_s: int

    @property
    def good(self) -> float:
        """0..1; of nothing measured nothing was bad."""
        return 1 - (self.fair_s + self.poor_s) / self.seconds if self.seconds else 1.0

    @property
    def poor(self) -> float:
        return self.poor_s / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Stored:
    """What the library keeps for one place."""

    path: Path
    items: int
    live: int
    bytes: int


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """Of a provider, in a term that goes on."""

    term: str
    provider: str
    path: Path
    allowed: int
    booked: int

    @property
    def used(self) -> float:
        """0..1, or more where the quota was lowered."""
        return self.booked / self.allowed if self.allowed else float(self.booked > 0)


@dataclass(frozen=True, slots=True)
class QuotaSum:
    """Of all providers of a place."""

    providers: int
    nearly: int
    """Who have so much of theirs booked (NEARLY)."""
    allowed: int
    booked: int


@dataclass(frozen=True, slots=True)
class ProblemSum:
    """Of supervisors' forms, not closed."""

    open: int
    answered: int
    providers: int
    oldest_ms: int
    """0: there is none."""


@dataclass(frozen=True, slots=True)
class Day:
    from_ms: int = 0
    until_ms: int = 0
    lessons: tuple[LessonOfDay, ...] = ()
    """By when they begin."""
    joins: tuple[FailedJoins, ...] = ()
    """The latest first."""
    quality: tuple[SchoolQuality, ...] = ()
    more: bool = False
    """There were more lessons than are looked up."""

    @property
    def paths(self) -> set[Path]:
        """Of all places in it."""
        return {path for each in self.lessons for path in each.places.all} | {
            each.school for each in self.quality
        }


def seen(day: Day, paths: Collection[Path]) -> Day:
    """What of it is for somebody who reaches these places."""
    if ROOT in paths:
        return day
    paths = tuple(paths)
    lessons = tuple([each for each in day.lessons if _any_within(each.places.all, paths)])
    known = {each.id for each in lessons}
    return Day(
        from_ms=day.from_ms,
        until_ms=day.until_ms,
        lessons=lessons,
        joins=tuple(each for each in day.joins if each.lesson in known),
        quality=tuple(each for each in day.quality if within_any(each.school, paths)),
        more=day.more,
    )


def _any_within(found: Iterable[Path], paths: tuple[Path, ...]) -> bool:
    # A loop: thousands of lessons are asked for at each look at a dashboard.
    for each in found:  # noqa: SIM110
        if within_any(each, paths):
            return True
    return False


def standings(lessons: Iterable[LessonOfDay], now_ms: int) -> dict[Standing, int]:
    counts = dict.fromkeys(Standing, 0)
    for each in lessons:
        counts[each.standing(now_ms)] += 1
    return counts


def by_school(sums: Iterable[LessonSum]) -> tuple[SchoolQuality, ...]:
    """How a day's people were reached."""
    found: dict[Path, list[int]] = {}
    for lesson in sums:
        for school, seconds, fair_s, poor_s, frozen_s in lesson.quality:
            of = found.get(school)
            if of is None:
                found[school] = [1, seconds, fair_s, poor_s, frozen_s]
                continue
            of[0] += 1
            of[1] += seconds
            of[2] += fair_s
            of[3] += poor_s
            of[4] += frozen_s
    return tuple([SchoolQuality(school, *of) for school, of in sorted(found.items())])


def worst_first(quality: Iterable[SchoolQuality]) -> tuple[SchoolQuality, ...]:
    """Schools, by how badly their people were reached."""
    return tuple(sorted(quality, key=lambda each: (-each.poor, each.good, each.school)))


def stored_within(stored: Iterable[Stored], paths: Collection[Path]) -> tuple[Stored, ...]:
    """Most bytes first."""
    found = (each for each in stored if within_any(each.path, tuple(paths)))
    return tuple(sorted(found, key=lambda each: (-each.bytes, each.path)))


def day_of(day: date | None, zone: str, now_ms: int) -> tuple[int, int]:
    """From when to when a day lasts there, in Unix ms; None: today."""
    tz = ZoneInfo(zone)
    day = day or datetime.fromtimestamp(now_ms / 1000, tz).date()
    begins, ends = (datetime.combine(each, time(), tz) for each in (day, day + timedelta(days=1)))
    return _ms(begins), _ms(ends)


def _ms(at: datetime) -> int:
    return round(at.astimezone(UTC).timestamp() * 1000)
