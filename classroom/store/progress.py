"""Who has done how much of what their term asks for (`classroom.network.progress`), from lessons that were
settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, PersonId, Role
from classroom.network import progress as rules
from classroom.network.catalogue import Delivery
from classroom.network.model import Appointment, Office, Path, SchoolClass
from classroom.network.progress import Part, Progress
from classroom.network.settlement import Came
from classroom.network.terms import Term
from classroom.network.timetable import MINUTE_MS
from classroom.store import network_classes, terms
from classroom.store.catalogue_tables import attendances, courses, offers
from classroom.store.library_tables import library_items, library_watching
from classroom.store.network_tables import appointments

_a, _p, _w = attendances.c, appointments.c, library_watching.c


@dataclass(frozen=True, slots=True)
class OfPupil:
    person: PersonId
    in_class: SchoolClass | None
    """In which they are now."""
    term: Term | None
    """That holds at their school; None: none does."""
    progress: Progress


@dataclass(frozen=True, slots=True)
class OfClass:
    of: SchoolClass
    progress: Progress
    pupils: tuple[OfPupil, ...]
    """Who is in it now and is known, by person id."""

    @property
    def reached(self) -> int:
        return sum(each.progress.reached for each in self.pupils)


async def of_class(
    connection: AsyncConnection, found: SchoolClass, term: Term, now_ms: int, least: float
) -> OfClass:
    """least: the share of a recording by which who missed the lesson has caught up, 0..1."""
    holds = [_p.class_id == found.id, _p.office == Office.STUDENT, *_hold(now_ms)]
    people = (await connection.execute(select(_p.person_id).where(*holds))).scalars().all()
    held = await _held(connection, people)
    classes = {each.class_id for each in held} | {str(found.id)}
    parts = await _parts(connection, {*people, *classes}, term)
    watched = await _watched(connection, parts, least)
    goal = rules.goal(term.target, found.grade)
    return OfClass(
        found,
        rules.of_class(found.id, parts, goal, watched),
        tuple(
            OfPupil(PersonId(person), found, term, _progress(person, held, parts, goal, watched))
            for person in sorted(set(people))
        ),
    )


async def of_pupil(
    connection: AsyncConnection, person: PersonId, term: str, now_ms: int, least: float
) -> OfPupil | None:
    """In this term, or where none is named in the one that holds. None: they are no pupil now, or there is no
    such term at their school. least: as in `of_class`."""
    held = await _held(connection, [person])
    now = next((each for each in held if each.holds(now_ms)), None)
    if now is None:
        return None
    in_class = (await network_classes.named(connection, [now.class_id])).get(ClassId(now.class_id))
    found = await terms.of_place(connection, now.path, term, now_ms)
    if found is None:
        empty = Progress(rules.Goal(0, 0), ())
        return None if term else OfPupil(person, in_class, None, empty)
    parts = await _parts(connection, {person, *(each.class_id for each in held)}, found)
    goal = rules.goal(found.target, in_class.grade if in_class else 0)
    watched = await _watched(connection, parts, least)
    return OfPupil(person, in_class, found, _progress(person, held, parts, goal, watched))


def _progress(
    person: str,
    held: Iterable[Appointment],
    parts: Iterable[Part],
    goal: rules.Goal,
    watched: rules.Watched,
) -> Progress:
    own = [each for each in held if each.person == person]
    parties = {person, *(each.class_id for each in own)}
    return rules.pupil(person, own, [part for part in parts if part.party in parties], goal, watched)


_WITH_CLASS: Final = frozenset({Role.TUTOR, Role.ROOM})
"""Who brings their class to a lesson, or to its recording."""


async def _watched(connection: AsyncConnection, parts: Iterable[Part], least: float) -> rules.Watched:
    """Of those that were missed."""
    missed = {part.lesson for part in parts if not part.counts}
    if not missed:
        return {}
    query = (
        select(_w.lesson_id, _w.person_id, _w.role, _w.class_id, _w.watched_ms)
        .join(library_items, library_items.c.id == _w.item_id)
        .where(_w.lesson_id.in_(missed), library_items.c.duration_ms > 0)
        .where(_w.watched_ms >= library_items.c.duration_ms * least)
    )
    found: dict[tuple[str, LessonId], int] = {}
    for row in await connection.execute(query):
        lesson, minutes = LessonId(row.lesson_id), round(row.watched_ms / MINUTE_MS)
        for party in (row.person_id, row.class_id if row.role in _WITH_CLASS else ""):
            if party:
                found[party, lesson] = max(minutes, found.get((party, lesson), 0))
    return found


def _hold(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return _p.from_ms <= now_ms, or_(_p.until_ms.is_(None), _p.until_ms > now_ms), _p.revoked_ms.is_(None)


async def _held(connection: AsyncConnection, people: Collection[str]) -> list[Appointment]:
    """All their offices of a student, those that are over as well, until they ended."""
    query = select(appointments).where(_p.person_id.in_(people), _p.office == Office.STUDENT)
    return [_appointment(row) for row in await connection.execute(query.order_by(_p.id))]


def _appointment(row: Row[tuple[object, ...]]) -> Appointment:
    ends = [each for each in (row.until_ms, row.revoked_ms) if each is not None]
    return Appointment(
        id=row.id,
        person=PersonId(row.person_id),
        office=Office.STUDENT,
        path=Path(row.path),
        from_ms=row.from_ms,
        until_ms=min(ends, default=None),
        class_id=row.class_id,
    )


async def _parts(connection: AsyncConnection, parties: Collection[str], term: Term) -> list[Part]:
    joined = attendances.join(offers, offers.c.lesson_id == _a.lesson_id)
    joined = joined.join(courses, courses.c.id == offers.c.course_id)
    query = (
        select(attendances, offers.c.title, offers.c.delivery, courses.c.subject)
        .select_from(joined)
        .where(_a.party_id.in_(parties), _a.starts_ms >= term.from_ms, _a.starts_ms < term.until_ms)
    )
    return [
        Part(
            party=row.party_id,
            lesson=LessonId(row.lesson_id),
            title=row.title,
            subject=row.subject,
            delivery=Delivery(row.delivery),
            starts_ms=row.starts_ms,
            came=Came(row.came),
            minutes=row.minutes,
        )
        for row in await connection.execute(query)
    ]
