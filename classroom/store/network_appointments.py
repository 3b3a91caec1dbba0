"""People's offices in the database: given, listed, revoked; never deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, exists, false, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Appointment, Office, Path, PlaceId
from classroom.store import audit, network_places
from classroom.store.audit import Deed
from classroom.store.network_paths import within
from classroom.store.network_tables import accounts, appointments, school_classes

PAGE: Final = 500
"""Appointments in one answer: some 150 KB."""
_c = appointments.c
STANDING: Final = (
    select(appointments)
    .where(_c.person_id.in_(bindparam("people", expanding=True)), _c.revoked_ms.is_(None))
    .order_by(_c.id)
)
"""Of these people; made once, since each request asks it."""


@dataclass(frozen=True, slots=True)
class Given:
    """An appointment as it stands on record."""

    appointment: Appointment
    place: PlaceId
    made_ms: int
    made_by: str
    revoked_ms: int | None
    revoked_by: str


async def find(connection: AsyncConnection, appointment: str) -> Given | None:
    row = (await connection.execute(select(appointments).where(_c.id == appointment))).one_or_none()
    return None if row is None else _given(row)


async def of_people(
    connection: AsyncConnection, people: Collection[PersonId], now_ms: int
) -> dict[PersonId, list[Given]]:
    """What they hold now."""
    found: dict[PersonId, list[Given]] = {person: [] for person in people}
    for row in await connection.execute(STANDING, {"people": list(people)}):
        given = _given(row)
        if given.appointment.holds(now_ms):
            found[given.appointment.person].append(given)
    return found


def held(connection: Connection, person: PersonId, now_ms: int) -> tuple[Appointment, ...]:
    """What one holds now."""
    return holding(connection.execute(STANDING, {"people": [person]}), now_ms)


def holding(rows: Iterable[Row[Any]], now_ms: int) -> tuple[Appointment, ...]:
    """Of these rows of appointments those that hold now."""
    found = (_given(row).appointment for row in rows)
    return tuple(each for each in found if each.holds(now_ms))


async def listed(
    connection: AsyncConnection,
    seen: Mapping[Path, Collection[Office]],
    *,
    office: Office | None = None,
    person: str = "",
    class_id: str = "",
    over: bool = False,
    now_ms: int,
    after: str = "",
    limit: int = PAGE,
) -> tuple[Given, ...]:
    """Within these places, of each the offices that are seen, by id after that one. over: those that were
    revoked or have ended, too."""
    each = (and_(within(_c.path, path), _c.office.in_(offices)) for path, offices in seen.items())
    query = select(appointments).where(or_(false(), *each), _c.id > after)
    if office is not None:
        query = query.where(_c.office == office)
    if person:
        query = query.where(_c.person_id == person)
    if class_id:
        query = query.where(_c.class_id == class_id)
    if not over:
        query = query.where(_c.revoked_ms.is_(None), (_c.until_ms.is_(None)) | (_c.until_ms > now_ms))
    return tuple(_given(row) for row in await connection.execute(query.order_by(_c.id).limit(limit)))


async def appoint(
    connection: AsyncConnection, made: Appointment, place: PlaceId, now_ms: int, by: str
) -> Given | None:
    """With the path of the place. None: the place, class or account is not there, is closed or disabled; or
    they hold the very same office there already."""
    found = await network_places.find(connection, place, hold=True)
    if found is None or found.closed_ms is not None:
        return None
    made = replace(made, path=found.path)
    if not await _may_be(connection, made):
        return None
    row = {
        "id": made.id,
        "person_id": made.person,
        "office": made.office,
        "place_id": place,
        "path": made.path,
        "class_id": made.class_id,
        "course_id": made.course,
        "subject": made.subject,
        "about_id": made.about,
        "from_ms": made.from_ms,
        "until_ms": made.until_ms,
        "made_ms": now_ms,
        "made_by": by,
    }
    await connection.execute(insert(appointments).values(row))
    told = {
        "person": made.person,
        "office": made.office,
        "class": made.class_id,
        "course": made.course,
        "subject": made.subject,
        "about": made.about,
        "from_ms": made.from_ms,
        "until_ms": made.until_ms,
    }
    told = {name: value for name, value in told.items() if value}
    await audit.record(connection, Deed(now_ms, by, "appointed", made.path, made.id, told))
    return Given(made, place, now_ms, by, None, "")


async def revoke(connection: AsyncConnection, given: Given, now_ms: int, by: str, reason: str) -> bool:
    """False: it was revoked before."""
    done = await connection.execute(
        update(appointments)
        .where(_c.id == given.appointment.id, _c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms, revoked_by=by)
    )
    if done.rowcount:
        told = {"person": given.appointment.person, "office": given.appointment.office, "reason": reason}
        path = given.appointment.path
        await audit.record(connection, Deed(now_ms, by, "revoked", path, given.appointment.id, told))
    return bool(done.rowcount)


async def _may_be(connection: AsyncConnection, made: Appointment) -> bool:
    c = accounts.c
    there = [exists().where(c.person_id == made.person, c.disabled_ms.is_(None))]
    if made.about:
        there.append(exists().where(c.person_id == made.about, c.disabled_ms.is_(None)))
    if made.class_id:
        of = school_classes.c
        there.append(exists().where(of.id == made.class_id, of.path == made.path, of.closed_ms.is_(None)))
    same = exists().where(
        _c.person_id == made.person,
        _c.office == made.office,
        _c.path == made.path,
        _c.class_id == made.class_id,
        _c.course_id == made.course,
        _c.subject == made.subject,
        _c.about_id == made.about,
        _c.until_ms.is_(None) if made.until_ms is None else _c.until_ms == made.until_ms,
        _c.revoked_ms.is_(None),
    )
    return bool((await connection.execute(select(*there, ~same))).one_or_none() == (True,) * (len(there) + 1))


def _given(row: Row[Any]) -> Given:
    appointment = Appointment(
        id=row.id,
        person=PersonId(row.person_id),
        office=Office(row.office),
        path=Path(row.path),
        from_ms=row.from_ms,
        until_ms=row.until_ms,
        class_id=row.class_id,
        course=row.course_id,
        subject=row.subject,
        about=row.about_id,
    )
    return Given(
        appointment, PlaceId(row.place_id), row.made_ms, row.made_by, row.revoked_ms, row.revoked_by or ""
    )
