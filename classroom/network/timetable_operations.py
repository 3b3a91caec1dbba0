"""What is done with a timetable that people are enrolled in: lessons cancelled or moved online, for a whole
district and span of time or one by one; times, masters, titles and rooms changed; and all of it undone. Pure.

Theory of operation
-------------------
An operation is a set of lessons, each with what it was before and what it is after: two values of `Slot`. To
carry it out is to write what is after; to undo it, to write what was before. So there is one way in and one
way back for every kind of operation, and what can be undone is what is on record.

An operation is undone as a whole or not at all, within `UNDO_MS`, and only while nothing has been built
upon it (`check_undo`): a lesson that has been changed again, or has begun in its new shape, or for which
somebody has enrolled since, would lose what came after. Whether somebody has become busy in between is looked
up by who carries it out, as for any operation: two lessons at one time are never planned, nor restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from classroom.model import LessonId, LessonState, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.model import Path, PlaceId
from classroom.planning import MAX_LENGTH_MS, MAX_TITLE
from classroom.rules.words import has_controls

UNDO_MS: Final = 10 * 60_000
"""As long as a slip of the pen is noticed by who made it, and few have acted upon it."""
MAX_LESSONS: Final = 4_000
"""Of one operation: twice the busiest day of a district of 1,000 schools. PostgreSQL's table of locks, as it
comes, holds 6,400."""
MAX_SPAN_MS: Final = 31 * 86_400_000
"""Of one operation: who calls a month off closes the schools."""
MAX_FOLLOWING: Final = 200
"""Lessons of a course that are changed in one go: a school year, each day."""
MAX_REASON: Final = 300
"""Characters: a line or two in a letter."""
MAX_ROOM: Final = 80


class OperationKind(StrEnum):
    CANCEL = "cancel"
    """停课: lessons that are given in the place."""
    ONLINE = "online"
    """转线上: classes of the place take part from home, with the same tutor."""
    CHANGE = "change"
    """调课: another time, master, title or room."""
    SERIES = "series"
    """排课: lessons of a course that repeat."""
    SUBSTITUTE = "substitute"
    """代课: somebody else teaches, or tutors."""


class OperationFault(StrEnum):
    """What is wrong with what was asked for."""

    REASON = "reason"
    SPAN = "span"
    NOTHING = "nothing"
    """No lesson is concerned, or nothing of it would be changed."""
    TOO_MANY = "too-many"
    TIMES = "times"
    """In the past, or of no length, or longer than a day."""
    WORDS = "words"
    TERM = "term"
    """In another term: it would be counted in another quota."""
    MASTER = "master"
    """Not somebody who holds the office of a master."""
    SERIES = "series"


class BadOperation(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: OperationFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UndoRefusal(StrEnum):
    """Why an operation cannot be undone (any more)."""

    UNDONE = "undone"
    """It was before."""
    LATE = "late"
    BEGUN = "begun"
    """A lesson has begun as it is now, or would be over as it was."""
    CHANGED = "changed"
    """A lesson was changed again."""
    ENROLLED = "enrolled"
    """Somebody has enrolled for what the lesson is now."""
    SETTLED = "settled"
    """Places were given back."""


class UndoRefused(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, refusal: UndoRefusal, title: str = "") -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.title = title
        """Of the lesson that it is about."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A lesson, as far as an operation changes it."""

    title: str
    starts_ms: int
    ends_ms: int
    master: str
    master_name: str
    room: str
    state: OfferState
    online: Mapping[str, bool] = field(default_factory=dict)
    """Class -> whether it takes part from home: of those that the operation is about."""
    tutors: Mapping[str, str] = field(default_factory=dict)
    """Class -> its tutor's person id: likewise."""


@dataclass(frozen=True, slots=True)
class Step:
    """A lesson of an operation."""

    lesson: LessonId
    before: Slot
    after: Slot

    def back(self) -> Step:
        return Step(self.lesson, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    kind: OperationKind
    path: Path
    """Of the place that it was done in: who reaches it there may undo it."""
    place: PlaceId
    reason: str
    made_ms: int
    made_by: PersonId
    course: str = ""
    from_ms: int = 0
    until_ms: int = 0
    """The span of time, of operations on a whole place."""
    lessons: int = 0
    classes: int = 0
    """Enrolled classes in them; of a move online, those that move."""
    people: int = 0
    """Who was told."""
    undone_ms: int | None = None
    undone_by: str = ""
    asked: str = ""

    @property
    def undo_until_ms(self) -> int:
        return self.made_ms + UNDO_MS


@dataclass(frozen=True, slots=True)
class Standing:
    """A lesson of an operation as it is when the operation is to be undone."""

    slot: Slot
    lesson_state: LessonState
    enrolled_since: int = 0
    """Enrolments that are newer than the operation."""
    settled: bool = False


def checked_reason(text: str) -> str:
    """Without blanks around it. Raises BadOperation."""
    text = text.strip()
    if not text or len(text) > MAX_REASON or has_controls(text):
        raise BadOperation(OperationFault.REASON)
    return text


def check_span(from_ms: int, until_ms: int) -> None:
    """Raises BadOperation."""
    if not 0 < until_ms - from_ms <= MAX_SPAN_MS:
        raise BadOperation(OperationFault.SPAN)


def check_count(lessons: int) -> None:
    """Raises BadOperation."""
    if not lessons:
        raise BadOperation(OperationFault.NOTHING)
    if lessons > MAX_LESSONS:
        raise BadOperation(OperationFault.TOO_MANY)


def cancelled(slot: Slot) -> Slot:
    return replace(slot, state=OfferState.CANCELLED)


def moved_online(slot: Slot) -> Slot:
    """With all classes that it names."""
    return replace(slot, online=dict.fromkeys(slot.online, True))


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be another; None: it stays."""

    starts_ms: int | None = None
    ends_ms: int | None = None
    master: str | None = None
    """Person id; empty: nobody yet."""
    master_name: str = ""
    title: str | None = None
    room: str | None = None


def changed(slots: Mapping[LessonId, Slot], first: LessonId, change: Change, timezone: str) -> list[Step]:
    """Lessons of a course, the first one and those that follow it, by a change of the first one. Each moves
    by as many days and as much of the clock as the first does, by the clocks of that zone: a series of nine
    o'clock becomes one of ten o'clock, also across daylight saving. Raises BadOperation."""
    before = slots[first]
    starts_ms = before.starts_ms if change.starts_ms is None else change.starts_ms
    ends_ms = starts_ms + before.ends_ms - before.starts_ms if change.ends_ms is None else change.ends_ms
    if not 0 < ends_ms - starts_ms <= MAX_LENGTH_MS:
        raise BadOperation(OperationFault.TIMES)
    zone, length_ms = ZoneInfo(timezone), ends_ms - starts_ms
    moved = _wall(starts_ms, zone) - _wall(before.starts_ms, zone)
    timed = change.starts_ms is not None or change.ends_ms is not None
    steps = []
    for lesson, slot in slots.items():
        after = _changed(slot, change)
        if timed:
            begins_ms = _unix_ms(_wall(slot.starts_ms, zone) + moved, zone)
            after = replace(after, starts_ms=begins_ms, ends_ms=begins_ms + length_ms)
        if after != slot:
            steps.append(Step(lesson, slot, after))
    check_count(len(steps))
    return steps


def _changed(slot: Slot, change: Change) -> Slot:
    if change.master is not None:
        slot = replace(slot, master=change.master, master_name=change.master_name)
    if change.title is not None:
        slot = replace(slot, title=_words(change.title, MAX_TITLE, needed=True))
    if change.room is not None:
        slot = replace(slot, room=_words(change.room, MAX_ROOM))
    return slot


def _words(text: str, limit: int, *, needed: bool = False) -> str:
    text = text.strip()
    if len(text) > limit or has_controls(text) or (needed and not text):
        raise BadOperation(OperationFault.WORDS)
    return text


def _wall(unix_ms: int, zone: ZoneInfo) -> datetime:
    """What a clock there shows."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=unix_ms)
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _unix_ms(wall: datetime, zone: ZoneInfo) -> int:
    """When a clock there shows this. What a clock leaves out in spring is as much later; of what it shows
    twice in autumn it is the first time."""
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    return round((at - datetime.fromtimestamp(0, UTC)) / timedelta(milliseconds=1))


def undo_refusal(operation: Operation, now_ms: int) -> UndoRefusal | None:
    """Why it cannot be undone whatever its lessons are now."""
    if operation.undone_ms is not None:
        return UndoRefusal.UNDONE
    return UndoRefusal.LATE if now_ms >= operation.undo_until_ms else None


def check_undo(
    operation: Operation, steps: Iterable[Step], standing: Mapping[LessonId, Standing], now_ms: int
) -> None:
    """Raises UndoRefused."""
    if refusal := undo_refusal(operation, now_ms):
        raise UndoRefused(refusal)
    for step in steps:
        found = standing.get(step.lesson)
        refusal = UndoRefusal.CHANGED if found is None else _lost(operation, step, found, now_ms)
        if refusal is not None:
            raise UndoRefused(refusal, step.after.title)


def _lost(operation: Operation, step: Step, found: Standing, now_ms: int) -> UndoRefusal | None:
    if found.slot != step.after:
        return UndoRefusal.CHANGED
    if found.lesson_state in (LessonState.LIVE, LessonState.ENDED) or step.before.ends_ms <= now_ms:
        return UndoRefusal.BEGUN
    if found.settled:
        return UndoRefusal.SETTLED
    # Who has enrolled for a lesson of a series, or for another time, has not enrolled for what was before.
    timed = step.before.starts_ms != step.after.starts_ms or operation.kind is OperationKind.SERIES
    return UndoRefusal.ENROLLED if found.enrolled_since and timed else None
