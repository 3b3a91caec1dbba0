"""What of the catalogue is somebody's: as a pupil, alone or by their class; as a tutor; as a master. And the
secret addresses of calendars."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, LessonState, PersonId, Role
from classroom.network.catalogue import Delivery, OfferState
from classroom.network.enrolment import EnrolmentState
from classroom.network.model import Appointment, Office, Path
from classroom.network.timetable import Entry, once_each
from classroom.store import network_people
from classroom.store.catalogue_tables import calendar_feeds, courses, enrolments, home_classes, offers
from classroom.store.network_tables import accounts
from classroom.store.tables import lessons

MAX_ENTRIES: Final = 500
"""Of each kind, in one answer: a year of a busy school day after day."""
_e, _o, _h = enrolments.c, offers.c, home_classes.c
_JOINED: Final = offers.join(courses, courses.c.id == _o.course_id).join(
    lessons, lessons.c.id == _o.lesson_id
)
_OFFER: Final = (
    *(_o.lesson_id, _o.title, _o.course_id, _o.master_name, _o.delivery, _o.state.label("offer_state")),
    *(
        _o.starts_ms,
        _o.ends_ms,
        _o.changed_ms,
        *(_o.room, _o.wanted, _o.planned, _o.path),
        courses.c.provider_name,
        lessons.c.state.label("lesson_state"),
    ),
)


@dataclass(frozen=True, slots=True)
class Whose:
    """Somebody, and the classes that they are a pupil of."""

    person: PersonId
    classes: frozenset[str]


def whose(person: PersonId, held: Collection[Appointment]) -> Whose:
    classes = (each.class_id for each in held if each.office is Office.STUDENT and each.class_id)
    return Whose(person, frozenset(classes))


async def of_person(
    connection: AsyncConnection,
    person: PersonId,
    now_ms: int,
    from_ms: int,
    until_ms: int,
    *,
    lesson: LessonId | None = None,
) -> tuple[Entry, ...]:
    """Of them and of their children, in lessons that begin between; lesson: of this one alone, whenever."""
    held = await network_people.appointments_of(connection, person, now_ms)
    found = await _of(connection, whose(person, held), from_ms, until_ms, lesson, teaching=True)
    for child in sorted({PersonId(each.about) for each in held if each.office is Office.PARENT}):
        of_child = await network_people.appointments_of(connection, child, now_ms)
        found += await _of(connection, whose(child, of_child), from_ms, until_ms, lesson, teaching=False)
    return once_each(found)


async def _of(
    connection: AsyncConnection,
    who: Whose,
    from_ms: int,
    until_ms: int,
    lesson: LessonId | None,
    *,
    teaching: bool,
) -> list[Entry]:
    def of(query: Select[Any], times: Any) -> Select[Any]:
        between = (times.starts_ms >= from_ms, times.starts_ms < until_ms)
        narrowed = query.where(times.lesson_id == lesson) if lesson else query.where(*between)
        return narrowed.order_by(times.starts_ms).limit(MAX_ENTRIES)

    joined = _JOINED.join(enrolments, _e.lesson_id == _o.lesson_id)
    enrolled = (
        select(*_OFFER, _e.class_id, _e.state, _e.online).select_from(joined).where(_e.ended_ms.is_(None))
    )
    parties = enrolled.where(_e.party_id.in_({who.person, *who.classes}))
    wanted = [(Role.STUDENT, of(parties, _e))]
    if teaching:
        in_class = enrolled.where(_e.tutor_id == who.person, _e.state == EnrolmentState.ENROLLED)
        at_home = (
            select(*_OFFER, _h.class_id)
            .select_from(_JOINED.join(home_classes, _h.lesson_id == _o.lesson_id))
            .where(_h.tutor_id == who.person, _h.taken > 0)
        )
        led = select(*_OFFER).select_from(_JOINED).where(_o.master_id == who.person)
        wanted += [
            (Role.TUTOR, of(in_class, _e)),
            (Role.TUTOR, of(at_home, _o)),
            (Role.MASTER, of(led, _o)),
        ]
    found: list[Entry] = []
    for role, query in wanted:
        found += [_entry(row, role, who.person) for row in await connection.execute(query)]
    return found


def _entry(row: Row[Any], role: Role, person: PersonId) -> Entry:
    told = row._mapping
    return Entry(
        lesson=LessonId(row.lesson_id),
        role=role,
        person=person,
        class_id=ClassId(told.get("class_id") or ""),
        state=EnrolmentState(told.get("state", EnrolmentState.ENROLLED)),
        title=row.title,
        course=row.course_id,
        master_name=row.master_name,
        provider_name=row.provider_name,
        delivery=Delivery(row.delivery),
        offer_state=OfferState(row.offer_state),
        lesson_state=_lesson_state(row),
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        changed_ms=row.changed_ms,
        path=Path(row.path),
        room=row.room,
        online=bool(told.get("online")),
    )


def _lesson_state(row: Row[Any]) -> LessonState:
    """Of a lesson whose cancellation was taken back: it follows in a moment."""
    state = LessonState(row.lesson_state)
    follows = row.wanted != row.planned and row.offer_state == OfferState.OPEN
    return LessonState.SCHEDULED if state is LessonState.CANCELLED and follows else state


async def put_feed(connection: AsyncConnection, person: PersonId, secret_hash: str, now_ms: int) -> None:
    """The address of this secret is theirs from now on; the one before leads nowhere."""
    await connection.execute(delete(calendar_feeds).where(calendar_feeds.c.person_id == person))
    row = {"person_id": person, "secret_hash": secret_hash, "made_ms": now_ms}
    await connection.execute(insert(calendar_feeds).values(row))


async def drop_feed(connection: AsyncConnection, person: PersonId) -> bool:
    """False: they had none."""
    dropped = await connection.execute(delete(calendar_feeds).where(calendar_feeds.c.person_id == person))
    return bool(dropped.rowcount)


async def feed_since(connection: AsyncConnection, person: PersonId) -> int | None:
    """Since when they have an address; None: they have none."""
    query = select(calendar_feeds.c.made_ms).where(calendar_feeds.c.person_id == person)
    return (await connection.execute(query)).scalar()


async def feed_owner(connection: AsyncConnection, secret_hash: str) -> PersonId | None:
    """Whose address it is; None: nobody's, or of somebody whose account was closed."""
    query = (
        select(accounts.c.person_id)
        .join(calendar_feeds, calendar_feeds.c.person_id == accounts.c.person_id)
        .where(calendar_feeds.c.secret_hash == secret_hash, accounts.c.disabled_ms.is_(None))
    )
    found = (await connection.execute(query)).scalar()
    return None if found is None else PersonId(found)
