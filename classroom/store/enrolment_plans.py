"""What the enrolments make of a lesson's plan: which classes, with which tutors. Read by whoever plans
lessons anew (`signaling.network.enrolment_plans`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select, update
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
    planned: int
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


async def wanted(connection: AsyncConnection, lesson: LessonId) -> Wanted | None:
    """None: there is no such lesson in the catalogue."""
    offer = (await connection.execute(select(offers).where(_o.lesson_id == lesson))).one_or_none()
    if offer is None:
        return None
    if offer.state == OfferState.CANCELLED:
        # Who would have come is as it was; nobody plans by it.
        return _wanted(offer, (), frozenset())
    query = select(enrolments).where(_e.lesson_id == lesson, _e.kind == PartyKind.CLASS).order_by(_e.number)
    rows = (await connection.execute(query)).all()
    enrolled = [row for row in rows if row.state == EnrolmentState.ENROLLED]
    named = await network_classes.named(connection, {row.class_id for row in enrolled})
    places = await network_places.named(connection, {row.path.split("/")[-2] for row in enrolled})
    schools = {place.path: place.name[:MAX_NAME] for place in places.values()}
    classes = [
        PlannedClass(
            id=ClassId(row.class_id),
            name=(named[ClassId(row.class_id)].name if row.class_id in named else row.class_id)[:MAX_NAME],
            tutor=PersonId(row.tutor_id) or None,
            school=schools.get(row.path, ""),
            at_home=row.online or (row.class_id in named and named[ClassId(row.class_id)].at_home),
            pupils=row.places,
        )
        for row in enrolled
    ]
    homes = await connection.execute(select(home_classes).where(_h.lesson_id == lesson).order_by(_h.position))
    at_home = {row.class_id: row for row in homes}
    classes += [
        PlannedClass(ClassId(row.class_id), row.name, PersonId(row.tutor_id), "", True, row.taken)
        for row in at_home.values()
        if row.taken
    ]
    known = frozenset({row.class_id for row in rows} | set(at_home))
    return _wanted(offer, tuple(classes), known)


def _wanted(offer: Row[Any], classes: tuple[PlannedClass, ...], known: frozenset[str]) -> Wanted:
    master = PersonId(offer.master_id) or None
    return Wanted(
        version=offer.wanted,
        planned=offer.planned,
        title=offer.title,
        starts_ms=offer.starts_ms,
        ends_ms=offer.ends_ms,
        cancelled=offer.state == OfferState.CANCELLED,
        master=master,
        classes=classes,
        known=known,
    )


async def done(connection: AsyncConnection, lesson: LessonId, version: int) -> None:
    """The lesson is planned as it was wanted then."""
    at = (_o.lesson_id == lesson) & (_o.planned < version)
    await connection.execute(update(offers).where(at).values(planned=version))
