"""Substitutes: declared, decided, and what they teach. Approved, a substitution is an operation on the
timetable like any other: with who would have two lessons at one time, notices, and its undoing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Row, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, LessonState, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.enrolment import EnrolmentState
from classroom.network.model import Office, Path, PlaceId
from classroom.network.substitutes import (
    Substitution,
    SubstitutionMove,
    SubstitutionRefusal,
    SubstitutionRefused,
    SubstitutionState,
    after,
)
from classroom.network.timetable_operations import Operation, OperationKind, Slot, Step
from classroom.store import audit, enrolment_turns, network_people, people
from classroom.store.audit import Deed
from classroom.store.catalogue_tables import enrolments, home_classes, offers
from classroom.store.network_paths import within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.network_tables import appointments
from classroom.store.tables import lessons
from classroom.store.timetable_operations import keep, take_turns
from classroom.store.timetable_slots import slot_of
from classroom.store.timetable_tables import substitutions, timetable_operations

PAGE: Final = 100
CANDIDATES: Final = 200
"""Tutors of a school, or masters of a provider."""
_u, _t, _e, _o, _h = substitutions.c, timetable_operations.c, enrolments.c, offers.c, home_classes.c
_BEFORE: Final = (LessonState.SCHEDULED, LessonState.OPEN)


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody teaches: a lesson, or a class in it."""

    lesson: LessonId
    class_id: ClassId
    """Empty: the lesson."""
    path: Path
    """Of the class's school; of a lesson and of a class at home, of the provider."""
    provider: Path
    teacher: str
    """Person id; empty: nobody yet."""
    slot: Slot
    ahead: bool
    """It has neither begun nor been cancelled."""

    @property
    def office(self) -> Office:
        return Office.TUTOR if self.class_id else Office.MASTER


async def post_of(connection: AsyncConnection, lesson: LessonId, class_id: ClassId) -> Post | None:
    joined = offers.join(lessons, lessons.c.id == _o.lesson_id)
    query = select(offers, lessons.c.state.label("lesson_state")).select_from(joined)
    row: Any = (await connection.execute(query.where(_o.lesson_id == lesson))).one_or_none()
    if row is None:
        return None
    path, teacher = Path(row.path), row.master_id
    if class_id:
        found = await _tutored(connection, lesson, class_id)
        if found is None:
            return None
        teacher, path = found.tutor_id, Path(found.path or path)
    ahead = row.lesson_state in _BEFORE and row.state == OfferState.OPEN
    slot = slot_of(row, tutors={str(class_id): teacher} if class_id else {})
    return Post(lesson, class_id, path, Path(row.path), teacher, slot, ahead)


async def _tutored(connection: AsyncConnection, lesson: LessonId, class_id: ClassId) -> Any:
    """Of an enrolled class, or of one at home; None: it is not in the lesson."""
    enrolled = select(_e.tutor_id, _e.path).where(
        _e.lesson_id == lesson, _e.party_id == class_id, _e.state == EnrolmentState.ENROLLED
    )
    found = (await connection.execute(enrolled)).one_or_none()
    if found is not None:
        return found
    home = select(_h.tutor_id, _o.path).select_from(offers.join(home_classes, _h.lesson_id == _o.lesson_id))
    return (
        await connection.execute(home.where(_h.lesson_id == lesson, _h.class_id == class_id))
    ).one_or_none()


async def candidates(connection: AsyncConnection, post: Post, now_ms: int) -> tuple[PersonId, ...]:
    """Who might teach it instead: tutors of the school, masters of the provider, by id."""
    a = appointments.c
    query = (
        select(a.person_id)
        .where(a.office == post.office, a.path == post.path, a.revoked_ms.is_(None))
        .where(a.from_ms <= now_ms, or_(a.until_ms.is_(None), a.until_ms > now_ms))
        .where(a.person_id != post.teacher)
        .distinct()
        .order_by(a.person_id)
        .limit(CANDIDATES)
    )
    return tuple(PersonId(name) for name in (await connection.execute(query)).scalars())


async def declare(connection: AsyncConnection, made: Substitution) -> None:
    """Raises SubstitutionRefused."""
    await enrolment_turns.begin(connection)
    post = await post_of(connection, made.lesson, made.class_id)
    if post is None or not post.ahead:
        raise SubstitutionRefused(SubstitutionRefusal.BEGUN)
    await _check_person(connection, post, made.person, made.made_ms)
    if not await add_unless_there(connection, substitutions, _row(made)):
        raise SubstitutionRefused(SubstitutionRefusal.PENDING)
    told = {"lesson": made.lesson, "class": made.class_id, "person": made.person, "reason": made.reason}
    deed = Deed(made.made_ms, made.made_by, "substitute-declared", made.path, made.id, told)
    await audit.record(connection, deed)


async def _check_person(connection: AsyncConnection, post: Post, person: PersonId, now_ms: int) -> None:
    """Raises SubstitutionRefused."""
    if person == post.teacher:
        raise SubstitutionRefused(SubstitutionRefusal.SAME)
    held = await network_people.appointments_of(connection, person, now_ms)
    there = (
        each for each in held if each.office is post.office and (not post.class_id or each.path == post.path)
    )
    if not any(there):
        raise SubstitutionRefused(SubstitutionRefusal.OFFICE)


async def decide(
    connection: AsyncConnection, name: str, move: SubstitutionMove, now_ms: int, by: PersonId
) -> Substitution:
    """Raises SubstitutionRefused, timetable_slots.Clashes."""
    await enrolment_turns.begin(connection)
    found = await find(connection, name, hold=True)
    assert found is not None, "it was looked up"
    done = replace(found, state=after(found, move, by), decided_ms=now_ms, decided_by=by)
    if move is SubstitutionMove.APPROVE:
        done = replace(done, operation=f"substitute-{found.id}")
        await _substitute(connection, done, now_ms, by)
    values = {
        "state": done.state,
        "decided_ms": now_ms,
        "decided_by": by,
        "operation_id": done.operation,
    }
    await connection.execute(update(substitutions).where(_u.id == name).values(values))
    deed = f"substitute-{done.state}"
    await audit.record(connection, Deed(now_ms, by, deed, done.path, done.id, {"lesson": done.lesson}))
    return done


async def _substitute(connection: AsyncConnection, done: Substitution, now_ms: int, by: PersonId) -> None:
    post = await post_of(connection, done.lesson, done.class_id)
    if post is None or not post.ahead:
        raise SubstitutionRefused(SubstitutionRefusal.BEGUN)
    if post.teacher != done.instead_of:
        raise SubstitutionRefused(SubstitutionRefusal.CHANGED)
    await _check_person(connection, post, done.person, now_ms)
    if done.class_id:
        then = replace(post.slot, tutors={str(done.class_id): str(done.person)})
    else:
        name = (await people.names(connection, {done.person})).get(done.person, "")
        then = replace(post.slot, master=done.person, master_name=name)
    steps = [Step(done.lesson, post.slot, then)]
    await take_turns(connection, steps, busy=True)
    place = PlaceId(done.path.split("/")[-2])
    operation = Operation(done.operation, OperationKind.SUBSTITUTE, done.path, place, done.reason, now_ms, by)
    await keep(connection, operation, steps, now_ms)


async def find(connection: AsyncConnection, name: str, *, hold: bool = False) -> Substitution | None:
    """hold: nobody else decides it before this transaction is over."""
    query = _all().where(_u.id == name)
    query = query.with_for_update(of=substitutions) if hold else query
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _substitution(row)


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    person: PersonId,
    *,
    state: str = "",
    before: int | None = None,
    limit: int = PAGE,
) -> tuple[tuple[int, Substitution, Slot], ...]:
    """Of schools and of lessons within these places, and those that somebody has declared themselves; the
    latest first, before that number; with the lesson as it is."""
    reached = within_any(_u.path, paths) | within_any(_o.path, paths) | (_u.made_by == person)
    query = _all(offers).where(reached).order_by(_u.number.desc()).limit(limit)
    if state:
        query = query.where(state == _STATE)
    if before is not None:
        query = query.where(_u.number < before)
    return tuple((row.number, _substitution(row), slot_of(row)) for row in await connection.execute(query))


async def replaced_since(connection: AsyncConnection, now_ms: int) -> tuple[tuple[LessonId, str, int], ...]:
    """Of lessons that are not over: who teaches there no more, and since when."""
    joined = substitutions.join(offers, _o.lesson_id == _u.lesson_id).join(
        timetable_operations, _t.id == _u.operation_id
    )
    query = (
        select(_u.lesson_id, _u.instead_of, _u.person_id, _u.decided_ms, _t.undone_ms)
        .select_from(joined)
        .where(_u.state == SubstitutionState.APPROVED, _o.ends_ms > now_ms)
        .order_by(_u.number)
    )
    found: dict[tuple[LessonId, str], int] = {}
    for row in await connection.execute(query):
        lesson, undone = LessonId(row.lesson_id), row.undone_ms is not None
        gone, teaches = (row.person_id, row.instead_of)[:: 1 if undone else -1]
        found[lesson, gone] = row.undone_ms if undone else row.decided_ms
        found.pop((lesson, teaches), None)
    return tuple((lesson, person, at_ms) for (lesson, person), at_ms in found.items() if person)


_STATE: Final = case((_t.undone_ms.is_not(None), SubstitutionState.UNDONE.value), else_=_u.state)


def _all(*with_offers: Any) -> Any:
    joined = substitutions.outerjoin(timetable_operations, _t.id == _u.operation_id)
    columns: list[Any] = [*(column for column in _u if column is not _u.state), _STATE.label("sub_state")]
    if not with_offers:
        return select(*columns).select_from(joined)
    slot = (_o.title, _o.starts_ms, _o.ends_ms, _o.master_id, _o.master_name, _o.room, _o.state)
    return select(*columns, *slot).select_from(joined.join(offers, _o.lesson_id == _u.lesson_id))


def _row(made: Substitution) -> dict[str, Any]:
    return {
        "id": made.id,
        "lesson_id": made.lesson,
        "class_id": made.class_id,
        "path": made.path,
        "instead_of": made.instead_of,
        "person_id": made.person,
        "reason": made.reason,
        "state": made.state,
        "made_ms": made.made_ms,
        "made_by": made.made_by,
        "operation_id": "",
    }


def _substitution(row: Row[Any]) -> Substitution:
    return Substitution(
        id=row.id,
        lesson=LessonId(row.lesson_id),
        class_id=ClassId(row.class_id),
        path=Path(row.path),
        instead_of=row.instead_of,
        person=PersonId(row.person_id),
        reason=row.reason,
        state=SubstitutionState(row.sub_state),
        made_ms=row.made_ms,
        made_by=PersonId(row.made_by),
        decided_ms=row.decided_ms,
        decided_by=row.decided_by or "",
        operation=row.operation_id,
    )
