"""Lessons of the catalogue as an operation on the timetable sees them (`Slot`), read and written; and who
would have two lessons at one time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import CTE, Select, bindparam, func, literal, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId, LessonState
from classroom.network.catalogue import OfferState
from classroom.network.enrolment import EnrolmentState, PartyKind
from classroom.network.model import Path
from classroom.network.timetable_operations import MAX_FOLLOWING, MAX_LESSONS, Operation, Slot, Standing, Step
from classroom.planning import MAX_LENGTH_MS
from classroom.store.catalogue_tables import enrolments, home_classes, offers
from classroom.store.network_paths import within
from classroom.store.network_tables import school_classes
from classroom.store.tables import lessons
from classroom.store.timetable_tables import operation_lessons

CHUNK: Final = 200
"""Lessons in one statement: some 5 ms of the event loop, then everything else has its turn."""
MAX_CONFLICTS: Final = 20
"""That are named: who has more has to choose another time."""
_o, _e, _h, _s = offers.c, enrolments.c, home_classes.c, operation_lessons.c
_BEFORE: Final = (LessonState.SCHEDULED, LessonState.OPEN)
_SLOT: Final[tuple[Any, ...]] = (
    *(_o.lesson_id, _o.title, _o.starts_ms, _o.ends_ms),
    *(_o.master_id, _o.master_name, _o.room, _o.state),
)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clash:
    """Somebody would have two lessons at one time."""

    who: str
    """class, person, tutor or master."""
    id: str
    """Of the class or the person."""
    lesson: LessonId
    """Of the operation."""
    other: LessonId
    title: str
    """Of the other."""
    starts_ms: int
    ends_ms: int


class Clashes(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, found: Sequence[Clash]) -> None:
        super().__init__(len(found))
        self.found = tuple(found)


def chunks(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), CHUNK):
        yield things[first : first + CHUNK]


async def in_turns(things: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """Some of them at a time; in between everything else has its turn."""
    for some in chunks(things):
        yield some
        await asyncio.sleep(0)


async def given_in(
    connection: AsyncConnection, path: Path, from_ms: int, until_ms: int
) -> dict[LessonId, Slot]:
    """Lessons of providers within the place that begin in that time and have not begun, one more than may
    be at the most."""
    joined = offers.join(lessons, lessons.c.id == _o.lesson_id)
    query = (
        select(*_SLOT)
        .select_from(joined)
        .where(within(_o.path, path), _o.starts_ms >= from_ms, _o.starts_ms < until_ms)
        .where(_o.state == OfferState.OPEN, lessons.c.state.in_(_BEFORE))
        .order_by(_o.starts_ms, _o.number)
        .limit(MAX_LESSONS + 1)
    )
    found: dict[LessonId, Slot] = {}
    async for some in in_turns((await connection.execute(query)).all()):
        found |= {LessonId(row.lesson_id): slot_of(row) for row in some}
    return found


async def taken_in(
    connection: AsyncConnection, path: Path, from_ms: int, until_ms: int
) -> dict[LessonId, Slot]:
    """Lessons in that time in which classes of schools within the place take part in their rooms, with these
    classes."""
    at_home = select(school_classes.c.id).where(
        school_classes.c.id == _e.party_id, school_classes.c.at_home.is_(True)
    )
    joined = enrolments.join(offers, _o.lesson_id == _e.lesson_id).join(lessons, lessons.c.id == _o.lesson_id)
    query = (
        select(*_SLOT, _e.party_id)
        .select_from(joined)
        .where(within(_e.path, path), _e.kind == PartyKind.CLASS, _e.state == EnrolmentState.ENROLLED)
        .where(_e.starts_ms >= from_ms, _e.starts_ms < until_ms, _e.online.is_(False))
        .where(_o.state == OfferState.OPEN, lessons.c.state.in_(_BEFORE), ~at_home.exists())
        .order_by(_o.starts_ms, _o.number, _e.number)
    )
    found: dict[LessonId, Slot] = {}
    async for some in in_turns((await connection.execute(query)).all()):
        for row in some:
            lesson = LessonId(row.lesson_id)
            if lesson not in found:
                found[lesson] = slot_of(row, {}, {})
            online = found[lesson].online
            assert isinstance(online, dict)
            online[row.party_id] = False
        if len(found) > MAX_LESSONS:
            break
    return found


async def taken_elsewhere(connection: AsyncConnection, path: Path, from_ms: int, until_ms: int) -> int:
    """Enrolled classes of schools within the place in lessons of that time that are given from elsewhere."""
    joined = enrolments.join(offers, _o.lesson_id == _e.lesson_id)
    query = (
        select(func.count())
        .select_from(joined)
        .where(within(_e.path, path), _e.kind == PartyKind.CLASS, _e.state == EnrolmentState.ENROLLED)
        .where(_e.starts_ms >= from_ms, _e.starts_ms < until_ms)
        .where(_o.state == OfferState.OPEN, ~within(_o.path, path))
    )
    return (await connection.execute(query)).scalar_one()


async def following(
    connection: AsyncConnection, course: str, lesson: LessonId, limit: int
) -> dict[LessonId, Slot]:
    """A lesson of a course that has not begun, and those of the course after it, in order."""
    first = select(_o.starts_ms).where(_o.lesson_id == lesson, _o.course_id == course).scalar_subquery()
    query = (
        select(*_SLOT)
        .select_from(offers.join(lessons, lessons.c.id == _o.lesson_id))
        .where(_o.course_id == course, _o.starts_ms >= first, _o.state == OfferState.OPEN)
        .where(lessons.c.state.in_(_BEFORE))
        # The one that is asked for first, also beside others at its very time.
        .order_by(_o.lesson_id != lesson, _o.starts_ms, _o.number)
        .limit(limit)
    )
    found = {LessonId(row.lesson_id): slot_of(row) for row in await connection.execute(query)}
    return found if lesson in found else {}


async def coming(connection: AsyncConnection, course: str, now_ms: int) -> dict[LessonId, Slot]:
    """Lessons of a course that can be changed, in order; of more than can be changed in one go the first."""
    query = (
        select(*_SLOT)
        .select_from(offers.join(lessons, lessons.c.id == _o.lesson_id))
        .where(_o.course_id == course, _o.starts_ms > now_ms, _o.state == OfferState.OPEN)
        .where(lessons.c.state.in_(_BEFORE))
        .order_by(_o.starts_ms, _o.number)
        .limit(MAX_FOLLOWING)
    )
    return {LessonId(row.lesson_id): slot_of(row) for row in await connection.execute(query)}


async def standing(
    connection: AsyncConnection, operation: Operation, steps: Sequence[Step]
) -> dict[LessonId, Standing]:
    """How the lessons of an operation are now, of the same classes as it changed."""
    found: dict[LessonId, Standing] = {}
    for some in chunks(steps):
        found |= await _standing(connection, operation, {step.lesson: step.after for step in some})
    return found


async def _standing(
    connection: AsyncConnection, operation: Operation, after: Mapping[LessonId, Slot]
) -> dict[LessonId, Standing]:
    since = dict.fromkeys(after, 0)
    online: dict[LessonId, dict[str, bool]] = {lesson: {} for lesson in after}
    tutors: dict[LessonId, dict[str, str]] = {lesson: {} for lesson in after}
    query = select(_e.lesson_id, _e.party_id, _e.online, _e.tutor_id, _e.made_ms, _e.kind, _e.state).where(
        _e.lesson_id.in_(after), _e.ended_ms.is_(None)
    )
    for row in await connection.execute(query):
        lesson = LessonId(row.lesson_id)
        since[lesson] += row.made_ms > operation.made_ms
        if row.party_id in after[lesson].online:
            online[lesson][row.party_id] = row.online
        if row.party_id in after[lesson].tutors:
            tutors[lesson][row.party_id] = row.tutor_id
    homes = select(_h.lesson_id, _h.class_id, _h.tutor_id).where(_h.lesson_id.in_(after))
    for home in await connection.execute(homes):
        if home.class_id in after[LessonId(home.lesson_id)].tutors:
            tutors[LessonId(home.lesson_id)][home.class_id] = home.tutor_id
    joined = offers.join(lessons, lessons.c.id == _o.lesson_id)
    current = select(*_SLOT, lessons.c.state.label("lesson_state"), _o.settled_ms).select_from(joined)
    return {
        (lesson := LessonId(now.lesson_id)): Standing(
            slot_of(now, online[lesson], tutors[lesson]),
            LessonState(now.lesson_state),
            since[lesson],
            now.settled_ms is not None,
        )
        for now in await connection.execute(current.where(_o.lesson_id.in_(after)))
    }


def slot_of(row: Any, online: dict[str, bool] | None = None, tutors: dict[str, str] | None = None) -> Slot:
    return Slot(
        title=row.title,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        master=row.master_id,
        master_name=row.master_name,
        room=row.room,
        state=OfferState(row.state),
        online={} if online is None else online,
        tutors={} if tutors is None else tutors,
    )


_WRITE: Final = (
    update(offers)
    .where(_o.lesson_id == bindparam("at_id"))
    .values(
        {
            "title": bindparam("to_title"),
            "starts_ms": bindparam("to_starts_ms"),
            "ends_ms": bindparam("to_ends_ms"),
            "master_id": bindparam("to_master"),
            "master_name": bindparam("to_master_name"),
            "room": bindparam("to_room"),
            "state": bindparam("to_state"),
            "wanted": _o.wanted + 1,
            "changed_ms": bindparam("now_ms"),
        }
    )
)
_TIMES: Final = (
    update(enrolments)
    .where(_e.lesson_id == bindparam("at_id"))
    .values(starts_ms=bindparam("to_starts_ms"), ends_ms=bindparam("to_ends_ms"))
)
_AT_CLASS: Final = (_e.lesson_id == bindparam("at_id")) & (_e.party_id == bindparam("at_class"))
_ONLINE: Final = (
    update(enrolments).where(_AT_CLASS, _e.ended_ms.is_(None)).values(online=bindparam("to_online"))
)
_TUTOR: Final = (
    update(enrolments).where(_AT_CLASS, _e.ended_ms.is_(None)).values(tutor_id=bindparam("to_tutor"))
)
_HOME_TUTOR: Final = (
    update(home_classes)
    .where(_h.lesson_id == bindparam("at_id"), _h.class_id == bindparam("at_class"))
    .values(tutor_id=bindparam("to_tutor"))
)


async def write(connection: AsyncConnection, steps: Sequence[Step], now_ms: int) -> None:
    """Makes each lesson what it is after the step; whoever plans lessons follows."""
    for some in chunks(steps):
        await connection.execute(_WRITE, [_row(step, now_ms) for step in some])
        timed = [step for step in some if _times(step.before) != _times(step.after)]
        if timed:
            rows = [
                {"at_id": step.lesson, "to_starts_ms": step.after.starts_ms, "to_ends_ms": step.after.ends_ms}
                for step in timed
            ]
            await connection.execute(_TIMES, rows)
        online = [
            {"at_id": step.lesson, "at_class": name, "to_online": to}
            for step in some
            for name, to in step.after.online.items()
        ]
        if online:
            await connection.execute(_ONLINE, online)
        tutors = [
            {"at_id": step.lesson, "at_class": name, "to_tutor": to}
            for step in some
            for name, to in step.after.tutors.items()
        ]
        if tutors:
            await connection.execute(_TUTOR, tutors)
            await connection.execute(_HOME_TUTOR, tutors)


def _times(slot: Slot) -> tuple[int, int]:
    return slot.starts_ms, slot.ends_ms


def _row(step: Step, now_ms: int) -> dict[str, Any]:
    slot = step.after
    return {
        "at_id": step.lesson,
        "to_title": slot.title,
        "to_starts_ms": slot.starts_ms,
        "to_ends_ms": slot.ends_ms,
        "to_master": slot.master,
        "to_master_name": slot.master_name,
        "to_room": slot.room,
        "to_state": slot.state,
        "now_ms": now_ms,
    }


async def check_clashes(connection: AsyncConnection, operation: str) -> None:
    """Nobody in a lesson of the operation, as it has been written, has another one at its time. Raises
    Clashes, and then nothing is to be written."""
    mine = _occupied(operation)
    query = union_all(*(_others(mine, who, times, source) for who, times, source in _OTHERS))
    found = {}
    for row in await connection.execute(query.limit(2 * MAX_CONFLICTS)):
        clash = Clash(
            who=row.kind,
            id=row.who,
            lesson=LessonId(row.lesson_id),
            other=LessonId(row.other_id),
            title=row.title,
            starts_ms=row.starts_ms,
            ends_ms=row.ends_ms,
        )
        # Of two lessons of the operation each is the other's.
        if (clash.id, clash.other, clash.lesson) not in found:
            found[clash.id, clash.lesson, clash.other] = clash
    if found:
        raise Clashes(list(found.values())[:MAX_CONFLICTS])


def _occupied(operation: str) -> CTE:
    """Who has which lesson of the operation, and when."""
    of_operation = operation_lessons.join(offers, _o.lesson_id == _s.lesson_id)
    enrolled = of_operation.join(enrolments, _e.lesson_id == _o.lesson_id)
    at_home = of_operation.join(home_classes, _h.lesson_id == _o.lesson_id)

    def part(who: Any, kind: Any, source: Any, *conditions: Any) -> Select[Any]:
        columns = (who.label("who"), kind.label("kind"), _o.lesson_id, _o.starts_ms, _o.ends_ms)
        query = select(*columns).select_from(source).where(_s.operation_id == operation, who != "")
        return query.where(_o.state == OfferState.OPEN, *conditions)

    is_enrolled = _e.state == EnrolmentState.ENROLLED
    return union_all(
        part(_e.party_id, _e.kind, enrolled, is_enrolled),
        part(_e.tutor_id, literal("tutor"), enrolled, is_enrolled),
        part(_h.tutor_id, literal("tutor"), at_home),
        part(_o.master_id, literal("master"), of_operation),
    ).cte("mine")


_other = offers.alias("other")
_OTHERS: Final = (
    (_e.party_id, _e, enrolments.join(_other, _other.c.lesson_id == _e.lesson_id)),
    (_e.tutor_id, _e, enrolments.join(_other, _other.c.lesson_id == _e.lesson_id)),
    (_h.tutor_id, _other.c, home_classes.join(_other, _other.c.lesson_id == _h.lesson_id)),
    (_other.c.master_id, _other.c, _other),
)


def _others(mine: CTE, who: Any, times: Any, source: Any) -> Select[Any]:
    query = (
        select(
            mine.c.who,
            mine.c.kind,
            mine.c.lesson_id,
            _other.c.lesson_id.label("other_id"),
            _other.c.title,
            _other.c.starts_ms,
            _other.c.ends_ms,
        )
        .select_from(mine.join(source, who == mine.c.who))
        .where(times.starts_ms < mine.c.ends_ms, times.starts_ms > mine.c.starts_ms - MAX_LENGTH_MS)
        .where(_other.c.ends_ms > mine.c.starts_ms, _other.c.lesson_id != mine.c.lesson_id)
        .where(_other.c.state == OfferState.OPEN)
    )
    return query.where(_e.state == EnrolmentState.ENROLLED) if times is _e else query


def packed(slot: Slot) -> str:
    return msgspec.json.encode(slot).decode()


def unpacked(text: str) -> Slot:
    return msgspec.json.decode(text, type=Slot)


def masters(steps: Iterable[Step]) -> Collection[str]:
    return {slot.master for step in steps for slot in (step.before, step.after) if slot.master}
