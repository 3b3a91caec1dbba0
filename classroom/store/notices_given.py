"""Whom an operation on the timetable concerns, and that they are told: each person once a lesson, in however
many ways it concerns them.

Concerned are who leads the lesson; of each class that has or waits for places its tutor, the teachers and
pupils of the class, and the pupils' parents; who has or waits for places alone, and their parents; and the
tutors of classes at home that somebody is in. All of it is one question to the database, which writes the
answer down itself: of a district's day that is tens of thousands of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, distinct, func, literal, or_, select, true, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId
from classroom.network.enrolment import PartyKind
from classroom.network.model import Office
from classroom.network.timetable_operations import Step
from classroom.store import mail_outbox
from classroom.store.catalogue_tables import enrolments, home_classes, network_notices, offers
from classroom.store.network_rows import insert_unless_there
from classroom.store.network_tables import appointments
from classroom.store.timetable_slots import chunks

_COLUMNS: Final = ("person_id", "kind", "lesson_id", "at_ms", "body", "batch")
_e, _o, _h, _a, _n = enrolments.c, offers.c, home_classes.c, appointments.c, network_notices.c


async def give(connection: AsyncConnection, batch: str, kind: str, steps: Sequence[Step], now_ms: int) -> int:
    """Writes the notices of what has become of these lessons, and queues the letters; how many people are
    told."""
    add = insert_unless_there(connection, network_notices)
    for some in chunks(steps):
        concerned = _concerned(some, now_ms).subquery()
        row = (concerned.c.person_id, literal(kind), concerned.c.lesson_id, literal(now_ms))
        told = select(*row, literal("{}"), literal(batch)).select_from(concerned).where(true())
        await connection.execute(add.from_select(_COLUMNS, told))
        if rows := [_row(person, kind, lesson, now_ms, batch) for lesson, person in _replaced(some)]:
            await connection.execute(add, rows)
    await mail_outbox.queue(connection, batch, kind, now_ms)
    query = select(func.count(distinct(_n.person_id))).where(_n.batch == batch, _n.kind == kind)
    return (await connection.execute(query)).scalar_one()


def _row(person: str, kind: str, lesson: LessonId, at_ms: int, batch: str) -> dict[str, Any]:
    return dict(zip(_COLUMNS, (person, kind, lesson, at_ms, "{}", batch), strict=True))


def _replaced(steps: Sequence[Step]) -> list[tuple[LessonId, str]]:
    """Who was to teach and does not any more, or does now: one of them is not in the lesson."""
    found = []
    for step in steps:
        sides = [{slot.master, *slot.tutors.values()} - {""} for slot in (step.before, step.after)]
        found += [(step.lesson, person) for person in sorted(sides[0] ^ sides[1])]
    return found


def _concerned(steps: Sequence[Step], now_ms: int) -> Any:
    """Person and lesson."""
    lessons = [step.lesson for step in steps]
    touched = [(step.lesson, name) for step in steps for name in (*step.after.online, *step.after.tutors)]
    parties: ColumnElement[bool] = _e.lesson_id.in_(lessons)
    at_home: ColumnElement[bool] = _h.lesson_id.in_(lessons)
    if touched:
        # Of other classes nothing changes.
        parties &= tuple_(_e.lesson_id, _e.party_id).in_(touched)
        at_home &= tuple_(_h.lesson_id, _h.class_id).in_(touched)
        of_home = tuple_(_e.lesson_id, _e.class_id).in_(touched)
        parties = or_(parties, _e.lesson_id.in_(lessons) & (_e.kind == PartyKind.PERSON) & of_home)
    parties &= _e.ended_ms.is_(None)

    def of_class(office: Office) -> Select[Any]:
        in_class = enrolments.join(appointments, _a.class_id == _e.party_id)
        query = select(_a.person_id, _e.lesson_id).select_from(in_class).where(parties)
        return query.where(_e.kind == PartyKind.CLASS, _held(office, now_ms))

    pupils = of_class(Office.STUDENT)
    alone = select(_e.party_id.label("person_id"), _e.lesson_id).where(parties, _e.kind == PartyKind.PERSON)
    learners = union(pupils, alone).subquery()
    parents = (
        select(_a.person_id, learners.c.lesson_id)
        .select_from(learners.join(appointments, _a.about_id == learners.c.person_id))
        .where(_held(Office.PARENT, now_ms))
    )
    return union(
        select(_o.master_id.label("person_id"), _o.lesson_id).where(
            _o.lesson_id.in_(lessons), _o.master_id != ""
        ),
        select(_e.tutor_id, _e.lesson_id).where(parties, _e.tutor_id != ""),
        select(_h.tutor_id, _h.lesson_id).where(at_home, _h.taken > 0),
        of_class(Office.TUTOR),
        select(learners.c.person_id, learners.c.lesson_id),
        parents,
    )


def _held(office: Office, now_ms: int) -> ColumnElement[bool]:
    until = or_(_a.until_ms.is_(None), _a.until_ms > now_ms)
    # Almost none is revoked: without this SQLite would go through all of them, by the index of those.
    stands = func.coalesce(_a.revoked_ms, 0) == 0
    return (_a.office == office) & stands & (_a.from_ms <= now_ms) & until
