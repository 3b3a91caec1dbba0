"""Who is signed in, and which offices they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Appointment
from classroom.network.scope import Principal, Shown
from classroom.store import network_appointments
from classroom.store.network_tables import accounts, second_factors, sign_ins
from classroom.store.tables import people


@dataclass(frozen=True, slots=True)
class SignedIn:
    principal: Principal
    seen_ms: int
    """When they last asked for something, as far as it is on record."""


_SIGNED_IN: Final = (
    select(
        people.c.id,
        people.c.name,
        sign_ins.c.seen_ms,
        sign_ins.c.way,
        sign_ins.c.proved_ms,
        second_factors.c.confirmed_ms,
    )
    .join(accounts, accounts.c.person_id == people.c.id)
    .join(sign_ins, sign_ins.c.person_id == people.c.id)
    .outerjoin(second_factors, second_factors.c.person_id == people.c.id)
    .where(
        sign_ins.c.secret_hash == bindparam("secret_hash"),
        sign_ins.c.ended_ms.is_(None),
        sign_ins.c.ends_ms > bindparam("now_ms"),
        sign_ins.c.seen_ms + sign_ins.c.idle_ms > bindparam("now_ms"),
        accounts.c.disabled_ms.is_(None),
    )
)
"""Made once, since each request asks it."""


def principal(connection: Connection, secret_hash: str, now_ms: int) -> SignedIn | None:
    """Who signed in with this secret, with the offices that they hold now; None: nobody, or no more."""
    shown = {"secret_hash": secret_hash, "now_ms": now_ms}
    found = connection.execute(_SIGNED_IN, shown).one_or_none()
    if found is None:
        return None
    person = PersonId(found.id)
    held = network_appointments.held(connection, person, now_ms)
    shown_by = Shown(found.way, found.confirmed_ms is not None, found.proved_ms)
    return SignedIn(Principal(person, found.name, held, shown_by), found.seen_ms)


async def appointments_of(
    connection: AsyncConnection, person: PersonId, now_ms: int
) -> tuple[Appointment, ...]:
    """That hold now."""
    held = await network_appointments.of_people(connection, (person,), now_ms)
    return tuple(given.appointment for given in held[person])
