"""What the enrolments make of a lesson's plan: which classes, with which tutors. Read by whoever plans
lessons anew (`signaling.network.enrolment_plans`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.catalogue import OfferState
from classroom.network.enrolment import EnrolmentState, PartyKind
from classroom.planning import MAX_NAME, PlannedClass
from classroom.store import network_classes, network_places
from classroom.store.catalogue_tables import enrolments, home_classes, offers

AT_ONCE: Final = 200
"""Lessons in one look at what is to be planned."""
_e, _o, _h = enrolments.c, offers.c, home_classes.c


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the plan of a lesson is to be."""

    version: int
    """`wanted` when it was read."""
    title: str
    starts_ms: int
    ends_ms: int
    cancelled: bool
    master: PersonId | None
    classes: tuple[PlannedClass, ...]
    """Enrolled classes in the order in which they came, then those at home that somebody is in."""
    known: frozenset[str]
    """Ids of all classes that were ever in it by an enrolment: what else is in the plan is not ours."""


async def due(connection: AsyncConnection, after: int = 0) -> tuple[tuple[int, LessonId], ...]:
    """Lessons whose plan is not what the enrolments say, with their numbers, behind that one."""
    query = select(_o.number, _o.lesson_id).where(_o.wanted != _o.planned, _o.number > after)
    found = await connection.execute(query.order_by(_o.number).limit(AT_ONCE))
    return tuple((row.number, LessonId(row.lesson_id)) for row in found)


async def wanted(connection: AsyncConnection, lessons: Collection[LessonId]) -> dict[LessonId, Wanted]:
    """Of these lessons, those whose plan is not what the enrolments say."""
    query = select(offers).where(_o.lesson_id.in_(lessons), _o.wanted != _o.planned)
    found = (await connection.execute(query)).all()
    # Of a cancelled one, who would have come is as it was; nobody plans by it.
    given = [offer.lesson_id for offer in found if offer.state != OfferState.CANCELLED]
    parties = await _parties(connection, given) if given else {}
    return {
        LessonId(offer.lesson_id): _wanted(offer, *parties.get(offer.lesson_id, ((), frozenset())))
        for offer in found
    }


async def _parties(
    connection: AsyncConnection, lessons: Collection[str]
) -> dict[str, tuple[tuple[PlannedClass, ...], frozenset[str]]]:
    """By lesson: the classes that are to be in it, and the ids of all that ever were by an enrolment."""
    query = select(enrolments).where(_e.lesson_id.in_(lessons), _e.kind == PartyKind.CLASS)
    rows = (await connection.execute(query.order_by(_e.number))).all()
    enrolled = [row for row in rows if row.state == EnrolmentState.ENROLLED]
    named = await network_classes.named(connection, {row.class_id for row in enrolled})
    places = await network_places.named(connection, {row.path.split("/")[-2] for row in enrolled})
    schools = {place.path: place.name[:MAX_NAME] for place in places.values()}
    classes: dict[str, list[PlannedClass]] = {lesson: [] for lesson in lessons}
    known: dict[str, set[str]] = {lesson: set() for lesson in lessons}
    for row in rows:
        known[row.lesson_id].add(row.class_id)
    for row in enrolled:
        school_class = named.get(ClassId(row.class_id))
        planned = PlannedClass(
            id=ClassId(row.class_id),
            name=(school_class.name if school_class else row.class_id)[:MAX_NAME],
            tutor=PersonId(row.tutor_id) or None,
            school=schools.get(row.path, ""),
            at_home=row.online or (school_class is not None and school_class.at_home),
            pupils=row.places,
        )
        classes[row.lesson_id].append(planned)
    homes = select(home_classes).where(_h.lesson_id.in_(lessons)).order_by(_h.lesson_id, _h.position)
    for row in await connection.execute(homes):
        known[row.lesson_id].add(row.class_id)
        if row.taken:
            home = PlannedClass(ClassId(row.class_id), row.name, PersonId(row.tutor_id), "", True, row.taken)
            classes[row.lesson_id].append(home)
    return {lesson: (tuple(classes[lesson]), frozenset(known[lesson])) for lesson in lessons}


def _wanted(offer: Row[Any], classes: tuple[PlannedClass, ...], known: frozenset[str]) -> Wanted:
    master = PersonId(offer.master_id) or None
    return Wanted(
        version=offer.wanted,
        title=offer.title,
        starts_ms=offer.starts_ms,
        ends_ms=offer.ends_ms,
        cancelled=offer.state == OfferState.CANCELLED,
        master=master,
        classes=classes,
        known=known,
    )


_DONE: Final = (
    update(offers)
    .where(_o.lesson_id == bindparam("at_id"), _o.planned < bindparam("to_version"))
    .values(planned=bindparam("to_version"))
)


async def done(connection: AsyncConnection, versions: Mapping[LessonId, int]) -> None:
    """The lessons are planned as they were wanted then."""
    rows = [{"at_id": lesson, "to_version": version} for lesson, version in versions.items()]
    if rows:
        await connection.execute(_DONE, rows)
