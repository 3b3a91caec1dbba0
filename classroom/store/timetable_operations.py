"""Operations on the timetable: carried out, previewed, undone, each in one transaction.

An operation is written with its lessons first, then what it makes of them, then it is looked whether somebody
would have two lessons at one time; if so, all of it is rolled back. A preview is the same, and rolled back
always: so it counts what would be done, by what does it. Of thousands of lessons each statement is about some
hundreds, so that the event loop has its turns in between; others see all of it at once, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Row, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import Lesson, LessonId, PersonId
from classroom.network.catalogue import Course, OfferPlan, OfferState
from classroom.network.enrolment import EnrolmentState, PartyKind
from classroom.network.model import ROOT, Path, PlaceId
from classroom.network.timetable_operations import (
    BadOperation,
    Change,
    Operation,
    OperationFault,
    OperationKind,
    Slot,
    Step,
    cancelled,
    changed,
    check_count,
    check_undo,
    moved_online,
)
from classroom.store import audit, courses, enrolment_turns
from classroom.store.audit import Deed
from classroom.store.catalogue_tables import enrolments, offers
from classroom.store.network_paths import within_any
from classroom.store.notices_given import give
from classroom.store.terms import term_at
from classroom.store.timetable_slots import (
    check_clashes,
    chunks,
    following,
    given_in,
    in_turns,
    masters,
    packed,
    standing,
    taken_in,
    unpacked,
    write,
)
from classroom.store.timetable_tables import operation_lessons, timetable_operations

PAGE: Final = 100
SHOWN: Final = 50
"""Lessons of an operation in one answer."""
_t, _s, _e, _o = timetable_operations.c, operation_lessons.c, enrolments.c, offers.c
_BUSY: Final = frozenset({OperationKind.CHANGE, OperationKind.SERIES, OperationKind.SUBSTITUTE})
"""What may give somebody two lessons at one time."""
UNDO: Final = "undo"
"""Kind of the notices of what is undone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done, as somebody asks for it."""

    operation: Operation
    lesson: LessonId | None = None
    following: bool = False
    change: Change | None = None
    timezone: str = "UTC"


class Previewed(Exception):  # noqa: N818 - an answer, not a fault
    """All was tried out, and is rolled back."""

    def __init__(self, operation: Operation, lessons: tuple[Step, ...]) -> None:
        super().__init__(operation.id)
        self.operation = operation
        self.lessons = lessons


class OtherOperation(Exception):  # noqa: N818 - an answer, not a fault
    """There is one of this id, of something else."""


async def carry_out(connection: AsyncConnection, asked: Asked, *, preview: bool = False) -> Operation:
    """As it is on record; sent again, it is the one that there is. Raises BadOperation, Clashes,
    OtherOperation, Previewed."""
    await enrolment_turns.begin(connection)
    known = await find(connection, asked.operation.id)
    if known is not None:
        if known.asked != asked.operation.asked or known.path != asked.operation.path:
            raise OtherOperation(known.id)
        return known
    steps = await _steps(connection, asked)
    check_count(len(steps))
    operation, now_ms = asked.operation, asked.operation.made_ms
    await take_turns(connection, steps, busy=operation.kind in _BUSY)
    if connection.dialect.name == "postgresql":
        # What somebody else has done with them while we waited for our turn.
        steps = await _steps(connection, asked)
        check_count(len(steps))
    await _check_terms(connection, steps)
    return await keep(connection, operation, steps, now_ms, preview=preview)


async def keep(
    connection: AsyncConnection,
    operation: Operation,
    steps: Sequence[Step],
    now_ms: int,
    *,
    preview: bool = False,
) -> Operation:
    """Writes an operation and what it does, for who has taken turns. Raises Clashes, Previewed."""
    await connection.execute(insert(timetable_operations).values(_row(operation)))
    for some in chunks(steps):
        rows = [
            {
                "operation_id": operation.id,
                "lesson_id": step.lesson,
                "before": packed(step.before),
                "after": packed(step.after),
            }
            for step in some
        ]
        await connection.execute(insert(operation_lessons), rows)
    await write(connection, steps, now_ms)
    if operation.kind in _BUSY:
        await check_clashes(connection, operation.id)
    # Of a new lesson nobody knows yet who could be told.
    new = operation.kind is OperationKind.SERIES
    people = 0 if new else await give(connection, operation.id, operation.kind, steps, now_ms)
    classes = await _classes(connection, operation, steps)
    done = replace(operation, lessons=len(steps), classes=classes, people=people)
    counts = {"lessons": done.lessons, "classes": done.classes, "people": done.people}
    if preview:
        raise Previewed(done, tuple(steps[:SHOWN]))
    at = _t.id == operation.id
    await connection.execute(update(timetable_operations).where(at).values(counts))
    told = {"kind": done.kind, "place": done.place, "reason": done.reason, **counts}
    deed = Deed(now_ms, done.made_by, "timetable-changed", done.path, done.id, told)
    await audit.record(connection, deed)
    return done


async def plan_series(
    connection: AsyncConnection,
    operation: Operation,
    course: Course,
    planned: Sequence[tuple[Lesson, OfferPlan]],
    *,
    preview: bool = False,
) -> Operation:
    """Lessons of a course, all or none; undone, they are cancelled. Raises OtherOperation, Clashes,
    Previewed, courses.LessonTaken."""
    await enrolment_turns.begin(connection)
    known = await find(connection, operation.id)
    if known is not None:
        if known.asked != operation.asked or known.path != operation.path:
            raise OtherOperation(known.id)
        return known
    steps = [_new(course, lesson, plan) for lesson, plan in planned]
    await take_turns(connection, steps, busy=True)
    for lesson, _ in planned:
        if await courses.is_lesson(connection, lesson.id):
            raise courses.LessonTaken(lesson.id)
    now_ms = operation.made_ms
    await courses.insert_offers(connection, course, planned, now_ms, operation.made_by)
    return await keep(connection, operation, steps, now_ms, preview=preview)


def _new(course: Course, lesson: Lesson, plan: OfferPlan) -> Step:
    slot = Slot(
        title=plan.title or course.title,
        starts_ms=plan.starts_ms,
        ends_ms=plan.ends_ms,
        master=plan.master or course.master,
        master_name=plan.master_name if plan.master else course.master_name,
        room="",
        state=OfferState.OPEN,
    )
    return Step(lesson.id, cancelled(slot), slot)


async def undo(connection: AsyncConnection, operation: str, now_ms: int, by: PersonId) -> Operation:
    """Makes everything what it was before. Raises UndoRefused, Clashes."""
    await enrolment_turns.begin(connection)
    steps = await steps_of(connection, operation)
    await take_turns(connection, steps, busy=True)
    found = await find(connection, operation)
    assert found is not None, "it was looked up"
    check_undo(found, steps, await standing(connection, found, steps), now_ms)
    await write(connection, [step.back() for step in steps], now_ms)
    await check_clashes(connection, operation)
    if found.kind is not OperationKind.SERIES:
        await give(connection, operation, UNDO, steps, now_ms)
    at = (_t.id == operation) & _t.undone_ms.is_(None)
    await connection.execute(update(timetable_operations).where(at).values(undone_ms=now_ms, undone_by=by))
    told = {"kind": found.kind, "lessons": len(steps)}
    await audit.record(connection, Deed(now_ms, by, "timetable-restored", found.path, operation, told))
    return replace(found, undone_ms=now_ms, undone_by=by)


async def take_turns(connection: AsyncConnection, steps: Sequence[Step], *, busy: bool) -> None:
    """Nobody else decides about these lessons until the transaction is over; busy: nor enrols anywhere, so
    that nobody takes another lesson while it is looked whether they have one."""
    turns = {enrolment_turns.lesson(step.lesson) for step in steps}
    await enrolment_turns.take(connection, turns | {enrolment_turns.party(each) for each in masters(steps)})
    if busy and connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("LOCK TABLE enrolments IN ACCESS EXCLUSIVE MODE")


async def _steps(connection: AsyncConnection, asked: Asked) -> list[Step]:
    operation = asked.operation
    span = operation.path, operation.from_ms, operation.until_ms
    if operation.kind is OperationKind.CANCEL:
        return await _each(await given_in(connection, *span), cancelled)
    if operation.kind is OperationKind.ONLINE:
        return await _each(await taken_in(connection, *span), moved_online)
    assert asked.lesson is not None and asked.change is not None, "nothing else is asked for"
    limit = PAGE * 2 if asked.following else 1
    slots = await following(connection, operation.course, asked.lesson, limit)
    if not slots:
        raise BadOperation(OperationFault.NOTHING)
    steps = changed(slots, asked.lesson, asked.change, asked.timezone)
    if any(step.after.starts_ms <= operation.made_ms for step in steps):
        raise BadOperation(OperationFault.TIMES)
    return steps


async def _each(slots: Mapping[LessonId, Slot], change: Callable[[Slot], Slot]) -> list[Step]:
    steps: list[Step] = []
    async for some in in_turns(tuple(slots.items())):
        steps += [Step(lesson, slot, change(slot)) for lesson, slot in some]
    return steps


async def _check_terms(connection: AsyncConnection, steps: Sequence[Step]) -> None:
    """A lesson stays in the term in which its places are counted. Raises BadOperation."""
    moved = {
        step.lesson: step.after.starts_ms for step in steps if step.before.starts_ms != step.after.starts_ms
    }
    query = select(_o.lesson_id, _o.path, _o.term_id).where(_o.lesson_id.in_(moved))
    for row in (await connection.execute(query)).all() if moved else ():
        term = await term_at(connection, Path(row.path), moved[LessonId(row.lesson_id)])
        if (term.id if term else "") != row.term_id:
            raise BadOperation(OperationFault.TERM)


async def _classes(connection: AsyncConnection, operation: Operation, steps: Sequence[Step]) -> int:
    if operation.kind is OperationKind.ONLINE:
        return sum(len(step.after.online) for step in steps)
    query = (
        select(func.count())
        .select_from(enrolments.join(operation_lessons, _s.lesson_id == _e.lesson_id))
        .where(_s.operation_id == operation.id, _e.kind == PartyKind.CLASS)
        .where(_e.state == EnrolmentState.ENROLLED)
    )
    return (await connection.execute(query)).scalar_one()


async def find(connection: AsyncConnection, operation: str) -> Operation | None:
    row = (await connection.execute(select(timetable_operations).where(_t.id == operation))).one_or_none()
    return None if row is None else _operation(row)


async def last_of(connection: AsyncConnection, lessons: Collection[LessonId]) -> dict[LessonId, Operation]:
    """What was last done with these lessons, undone or not; of those with which anything was."""
    joined = timetable_operations.join(operation_lessons, _s.operation_id == _t.id)
    query = select(_s.lesson_id, timetable_operations).select_from(joined).where(_s.lesson_id.in_(lessons))
    # Of several the last one stays.
    rows = {row.lesson_id: row for row in await connection.execute(query.order_by(_t.number))}
    return {LessonId(lesson): _operation(row) for lesson, row in rows.items()}


async def lessons_of(connection: AsyncConnection, operation: str) -> tuple[LessonId, ...]:
    query = select(_s.lesson_id).where(_s.operation_id == operation)
    return tuple(LessonId(name) for name in (await connection.execute(query)).scalars())


async def steps_of(connection: AsyncConnection, operation: str, limit: int | None = None) -> tuple[Step, ...]:
    """The lessons of an operation, by id."""
    query = select(operation_lessons).where(_s.operation_id == operation).order_by(_s.lesson_id).limit(limit)
    steps: list[Step] = []
    async for some in in_turns((await connection.execute(query)).all()):
        steps += [Step(LessonId(row.lesson_id), unpacked(row.before), unpacked(row.after)) for row in some]
    return tuple(steps)


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    before: int | None = None,
    limit: int = PAGE,
    course: str = "",
) -> tuple[tuple[int, Operation], ...]:
    """In these places; the latest first, before that number. course: of this one alone."""
    query = select(timetable_operations).order_by(_t.number.desc()).limit(limit)
    if ROOT not in paths:
        query = query.where(within_any(_t.path, paths))
    if before is not None:
        query = query.where(_t.number < before)
    if course:
        query = query.where(_t.course_id == course)
    return tuple((row.number, _operation(row)) for row in await connection.execute(query))


@dataclass(frozen=True, slots=True)
class Latest:
    """What was last done with a lesson, and not undone."""

    kind: OperationKind
    reason: str
    made_ms: int
    before: Slot


async def changes(connection: AsyncConnection, lessons: Collection[str]) -> dict[str, int]:
    """How often something was done with these lessons, or undone; of those with which anything was. What
    planned them was no change."""
    count = (func.count() + func.count(_t.undone_ms)).label("changes")
    joined = operation_lessons.join(timetable_operations, _t.id == _s.operation_id)
    query = select(_s.lesson_id, count).select_from(joined).group_by(_s.lesson_id)
    query = query.where(_s.lesson_id.in_(lessons), _t.kind != OperationKind.SERIES)
    return {row.lesson_id: row.changes for row in await connection.execute(query)}


async def latest(connection: AsyncConnection, lessons: Collection[str]) -> Mapping[str, Latest]:
    """By lesson; of those with which something was done since they were planned."""
    newer = timetable_operations.alias("newer")
    newer_lessons = operation_lessons.alias("newer_lessons")
    overtaken = exists().where(
        newer_lessons.c.lesson_id == _s.lesson_id,
        newer.c.id == newer_lessons.c.operation_id,
        newer.c.undone_ms.is_(None),
        newer.c.number > _t.number,
    )
    query = (
        select(_s.lesson_id, _s.before, _t.kind, _t.reason, _t.made_ms)
        .select_from(operation_lessons.join(timetable_operations, _t.id == _s.operation_id))
        .where(_s.lesson_id.in_(lessons), _t.undone_ms.is_(None), ~overtaken)
        .where(_t.kind != OperationKind.SERIES)
    )
    return {
        row.lesson_id: Latest(OperationKind(row.kind), row.reason, row.made_ms, unpacked(row.before))
        for row in await connection.execute(query)
    }


def _row(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "kind": operation.kind,
        "path": operation.path,
        "place_id": operation.place,
        "course_id": operation.course,
        "from_ms": operation.from_ms,
        "until_ms": operation.until_ms,
        "reason": operation.reason,
        "lessons": operation.lessons,
        "classes": operation.classes,
        "people": operation.people,
        "asked": operation.asked,
        "made_ms": operation.made_ms,
        "made_by": operation.made_by,
    }


def _operation(row: Row[Any]) -> Operation:
    return Operation(
        id=row.id,
        kind=OperationKind(row.kind),
        path=Path(row.path),
        place=PlaceId(row.place_id),
        reason=row.reason,
        made_ms=row.made_ms,
        made_by=PersonId(row.made_by),
        course=row.course_id,
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        lessons=row.lessons,
        classes=row.classes,
        people=row.people,
        undone_ms=row.undone_ms,
        undone_by=row.undone_by or "",
        asked=row.asked,
    )
