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
from classroom.store.network_tables import accounts, appointments, second_factors, sign_ins
from classroom.store.tables import people


@dataclass(frozen=True, slots=True)
class SignedIn:
    principal: Principal
    seen_ms: int
    """When they last asked for something, as far as it is on record."""


_held = appointments.c
_SIGNED_IN: Final = (
    select(
        people.c.id.label("who"),
        people.c.name,
        sign_ins.c.seen_ms,
        sign_ins.c.way,
        sign_ins.c.proved_ms,
        second_factors.c.confirmed_ms,
        appointments,
    )
    .join(accounts, accounts.c.person_id == people.c.id)
    .join(sign_ins, sign_ins.c.person_id == people.c.id)
    .outerjoin(second_factors, second_factors.c.person_id == people.c.id)
    .outerjoin(appointments, (_held.person_id == people.c.id) & _held.revoked_ms.is_(None))
    .where(
        sign_ins.c.secret_hash == bindparam("secret_hash"),
        sign_ins.c.ended_ms.is_(None),
        sign_ins.c.ends_ms > bindparam("now_ms"),
        sign_ins.c.seen_ms + sign_ins.c.idle_ms > bindparam("now_ms"),
        accounts.c.disabled_ms.is_(None),
    )
    .order_by(_held.id)
)
"""Made once, since each request asks it; a row for each of their offices."""


def principal(connection: Connection, secret_hash: str, now_ms: int) -> SignedIn | None:
    """Who signed in with this secret, with the offices that they hold now; None: nobody, or no more."""
    shown = {"secret_hash": secret_hash, "now_ms": now_ms}
    rows = connection.execute(_SIGNED_IN, shown).all()
    if not rows:
        return None
    first = rows[0]
    held = network_appointments.holding((row for row in rows if row.id is not None), now_ms)
    shown_by = Shown(first.way, first.confirmed_ms is not None, first.proved_ms)
    return SignedIn(Principal(PersonId(first.who), first.name, held, shown_by), first.seen_ms)


async def appointments_of(
    connection: AsyncConnection, person: PersonId, now_ms: int
) -> tuple[Appointment, ...]:
    """That hold now."""
    held = await network_appointments.of_people(connection, (person,), now_ms)
    return tuple(given.appointment for given in held[person])
