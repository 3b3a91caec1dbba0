"""Who is signed in, and which offices they hold."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Appointment
from classroom.network.scope import Principal
from classroom.store import network_appointments
from classroom.store.network_tables import accounts, sign_ins
from classroom.store.tables import people


@dataclass(frozen=True, slots=True)
class SignedIn:
    principal: Principal
    seen_ms: int
    """When they last asked for something, as far as it is on record."""


async def principal(connection: AsyncConnection, secret_hash: str, now_ms: int) -> SignedIn | None:
    """Who signed in with this secret, with the offices that they hold now; None: nobody, or no more."""
    query = (
        select(people.c.id, people.c.name, sign_ins.c.seen_ms)
        .join(accounts, accounts.c.person_id == people.c.id)
        .join(sign_ins, sign_ins.c.person_id == people.c.id)
        .where(
            sign_ins.c.secret_hash == secret_hash,
            sign_ins.c.ended_ms.is_(None),
            sign_ins.c.ends_ms > now_ms,
            sign_ins.c.seen_ms + sign_ins.c.idle_ms > now_ms,
            accounts.c.disabled_ms.is_(None),
        )
    )
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        return None
    person = PersonId(found.id)
    held = await appointments_of(connection, person, now_ms)
    return SignedIn(Principal(person, found.name, held), found.seen_ms)


async def appointments_of(
    connection: AsyncConnection, person: PersonId, now_ms: int
) -> tuple[Appointment, ...]:
    """That hold now."""
    held = await network_appointments.of_people(connection, (person,), now_ms)
    return tuple(given.appointment for given in held[person])
