"""Who is signed in, and which offices they hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Appointment, Office, Path
from classroom.network.scope import Principal
from classroom.store.network_tables import accounts, appointments, sign_ins
from classroom.store.tables import people


async def principal(connection: AsyncConnection, secret_hash: str, now_ms: int) -> Principal | None:
    """Who signed in with this secret, with the offices that they hold now; None: nobody, or no more."""
    query = (
        select(people.c.id, people.c.name)
        .join(accounts, accounts.c.person_id == people.c.id)
        .join(sign_ins, sign_ins.c.person_id == people.c.id)
        .where(
            sign_ins.c.secret_hash == secret_hash,
            sign_ins.c.ended_ms.is_(None),
            sign_ins.c.ends_ms > now_ms,
            accounts.c.disabled_ms.is_(None),
        )
    )
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        return None
    held = await appointments_of(connection, PersonId(found.id), now_ms)
    return Principal(PersonId(found.id), found.name, held)


async def appointments_of(
    connection: AsyncConnection, person: PersonId, now_ms: int
) -> tuple[Appointment, ...]:
    """That hold now."""
    c = appointments.c
    query = select(appointments).where(c.person_id == person, c.revoked_ms.is_(None)).order_by(c.id)
    known = [_appointment(row) for row in await connection.execute(query)]
    return tuple(each for each in known if each.holds(now_ms))


def _appointment(row: Any) -> Appointment:
    return Appointment(
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
