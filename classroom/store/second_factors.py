"""Second factors of accounts (RFC 6238): one authenticator for each person. The secret is kept sealed; who
reads the database alone makes no codes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Path
from classroom.store import audit, sign_ins
from classroom.store.audit import Deed
from classroom.store.network_tables import second_factors

_c = second_factors.c


@dataclass(frozen=True, slots=True)
class SecondFactor:
    person: PersonId
    sealed: str
    confirmed: bool
    """A code was shown, so it is asked for from then on."""
    used_step: int
    """Of 30 s since 1970, whose code was the last to be taken: no code is taken twice (RFC 6238, 5.2)."""


async def find(connection: AsyncConnection, person: PersonId) -> SecondFactor | None:
    row = (await connection.execute(select(second_factors).where(_c.person_id == person))).one_or_none()
    if row is None:
        return None
    return SecondFactor(PersonId(row.person_id), row.sealed, row.confirmed_ms is not None, row.used_step)


async def confirmed_of(connection: AsyncConnection, persons: Collection[PersonId]) -> frozenset[PersonId]:
    """Those of these of whom a code is asked."""
    query = select(_c.person_id).where(_c.person_id.in_(persons), _c.confirmed_ms.is_not(None))
    return frozenset(PersonId(person) for person in (await connection.execute(query)).scalars())


async def begin(connection: AsyncConnection, person: PersonId, sealed: str, now_ms: int) -> bool:
    """In place of one that was never confirmed. False: there is a confirmed one."""
    await connection.execute(delete(second_factors).where(_c.person_id == person, _c.confirmed_ms.is_(None)))
    if await find(connection, person) is not None:
        return False
    row = {"person_id": person, "sealed": sealed, "made_ms": now_ms, "confirmed_ms": None, "used_step": 0}
    await connection.execute(insert(second_factors).values(row))
    return True


async def confirm(
    connection: AsyncConnection, person: PersonId, path: Path, step: int, now_ms: int, *, keep: str
) -> bool:
    """All sign-ins but `keep` (a secret's hash) end. False: there is none to confirm."""
    done = await connection.execute(
        update(second_factors)
        .where(_c.person_id == person, _c.confirmed_ms.is_(None), _c.used_step < step)
        .values(confirmed_ms=now_ms, used_step=step)
    )
    if done.rowcount:
        await sign_ins.end_all(connection, person, now_ms, keep=keep)
        await audit.record(connection, Deed(now_ms, person, "second-factor-set", path, person))
    return bool(done.rowcount)


async def use(connection: AsyncConnection, person: PersonId, step: int) -> bool:
    """False: a code of this step, or of a later one, was taken before."""
    done = await connection.execute(
        update(second_factors)
        .where(_c.person_id == person, _c.confirmed_ms.is_not(None), _c.used_step < step)
        .values(used_step=step)
    )
    return bool(done.rowcount)


async def drop(
    connection: AsyncConnection, person: PersonId, path: Path, now_ms: int, by: str, reason: str
) -> bool:
    """False: there was none."""
    done = await connection.execute(delete(second_factors).where(_c.person_id == person))
    if done.rowcount:
        told = {"reason": reason} if reason else {}
        await audit.record(connection, Deed(now_ms, by, "second-factor-dropped", path, person, told))
    return bool(done.rowcount)
