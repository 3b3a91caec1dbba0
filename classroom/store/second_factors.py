"""Second factors of accounts: one authenticator (RFC 6238) for each person, and codes for when it is lost,
each of which is good once. The secret is kept sealed and the codes hashed; who reads the database alone
makes none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Path
from classroom.store import audit, sign_ins
from classroom.store.audit import Deed
from classroom.store.network_tables import recovery_codes, second_factors

_c = second_factors.c
_r = recovery_codes.c


@dataclass(frozen=True, slots=True)
class SecondFactor:
    person: PersonId
    sealed: str
    confirmed: bool
    """A code was shown, so it is asked for from then on."""
    used_step: int
    """Of 30 s since 1970, whose code was the last to be taken: no code is taken twice (RFC 6238, 5.2)."""


@dataclass(frozen=True, slots=True)
class RecoveryHashes:
    salt: str
    hashes: tuple[str, ...]
    """Of each code with the salt."""


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
    connection: AsyncConnection,
    person: PersonId,
    path: Path,
    step: int,
    now_ms: int,
    *,
    codes: RecoveryHashes,
    keep: str,
) -> bool:
    """All sign-ins but `keep` (a secret's hash) end. False: there is none to confirm."""
    done = await connection.execute(
        update(second_factors)
        .where(_c.person_id == person, _c.confirmed_ms.is_(None), _c.used_step < step)
        .values(confirmed_ms=now_ms, used_step=step)
    )
    if done.rowcount:
        await sign_ins.end_all(connection, person, now_ms, keep=keep)
        await _put_codes(connection, person, codes)
        await audit.record(connection, Deed(now_ms, person, "second-factor-set", path, person))
    return bool(done.rowcount)


async def renew_codes(
    connection: AsyncConnection, person: PersonId, path: Path, codes: RecoveryHashes, now_ms: int
) -> None:
    """Those that were there are good no longer."""
    await _put_codes(connection, person, codes)
    await audit.record(connection, Deed(now_ms, person, "recovery-codes-renewed", path, person))


async def _put_codes(connection: AsyncConnection, person: PersonId, codes: RecoveryHashes) -> None:
    await connection.execute(delete(recovery_codes).where(_r.person_id == person))
    rows = [{"person_id": person, "code_hash": each, "salt": codes.salt} for each in codes.hashes]
    await connection.execute(insert(recovery_codes), rows)


async def recovery_salt(connection: AsyncConnection, person: PersonId) -> str:
    """Empty: they have no such code."""
    return await connection.scalar(select(_r.salt).where(_r.person_id == person).limit(1)) or ""


async def recovery_codes_left(connection: AsyncConnection, person: PersonId) -> int:
    return await connection.scalar(select(func.count()).where(_r.person_id == person)) or 0


async def use_recovery_code(
    connection: AsyncConnection, person: PersonId, path: Path, code_hash: str, now_ms: int
) -> bool:
    """False: it is none of theirs, or was used before."""
    done = await connection.execute(
        delete(recovery_codes).where(_r.person_id == person, _r.code_hash == code_hash)
    )
    if done.rowcount:
        await audit.record(connection, Deed(now_ms, person, "recovery-code-used", path, person))
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
    await connection.execute(delete(recovery_codes).where(_r.person_id == person))
    if done.rowcount:
        told = {"reason": reason} if reason else {}
        await audit.record(connection, Deed(now_ms, by, "second-factor-dropped", path, person, told))
    return bool(done.rowcount)
