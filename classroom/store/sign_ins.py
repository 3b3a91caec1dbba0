"""Who is signed in, by the hash of a secret that only their browser or program has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import Path
from classroom.store import audit
from classroom.store.audit import Deed
from classroom.store.network_tables import accounts, sign_ins

DAY_MS: Final = 86_400_000
"""Longer than any token of a lesson that a sign-in gave."""
KEPT_MS: Final = 30 * DAY_MS
"""How long one that is over is shown to whose it was; what was done by it stays in the audit."""
MAX_OF_PERSON: Final = 50
"""At once; who signs in once more signs out where they were longest ago."""
_c = sign_ins.c


@dataclass(frozen=True, slots=True)
class SignIn:
    secret_hash: str
    person: PersonId
    way: str
    """`password`, `openid` or `invitation`."""
    made_ms: int
    seen_ms: int
    ends_ms: int
    idle_ms: int
    """It ends when nothing was asked by it for so long."""
    ended_ms: int | None = None
    proved_ms: int = 0
    """When they last showed that it is they, by password or at the issuer; 0: that is not known."""
    issuer_session: str = ""
    """`sid` of a single sign-on that names its sessions."""
    id_token: str = ""
    """Of a single sign-on, sealed."""


async def begin(connection: AsyncConnection, made: SignIn, path: Path, *, instead_of: str = "") -> None:
    """path: where the person belongs; instead_of: the hash of one that ends. Forgets those of theirs that are
    long over, and ends the oldest beyond MAX_OF_PERSON."""
    if instead_of:
        await end(connection, instead_of, made.made_ms)
    old = made.made_ms - KEPT_MS
    await connection.execute(delete(sign_ins).where(_c.person_id == made.person, _c.ends_ms < old))
    newest = (
        select(_c.secret_hash)
        .where(_c.person_id == made.person, _c.ended_ms.is_(None))
        .order_by(_c.made_ms.desc(), _c.secret_hash)
        .limit(MAX_OF_PERSON - 1)
    )
    kept = list((await connection.execute(newest)).scalars())
    await connection.execute(
        update(sign_ins)
        .where(_c.person_id == made.person, _c.ended_ms.is_(None), _c.secret_hash.not_in(kept))
        .values(_over(made.made_ms))
    )
    await connection.execute(insert(sign_ins).values({n: getattr(made, f) for n, f in _COLUMNS.items()}))
    told = {"way": made.way, "sign_in": made.secret_hash[:SHOWN]}
    await audit.record(connection, Deed(made.made_ms, made.person, "signed-in", path, made.person, told))


SHOWN: Final = 12
"""Hex digits by which a sign-in is named to people: enough to tell a person's own apart, no way back to the
secret."""
NAMED: Final = 24
"""Hex digits by which the tokens of lessons name the sign-in that gave them: enough for all there are."""


_SEEN: Final = (
    update(sign_ins)
    .where(_c.secret_hash == bindparam("secret"), _c.seen_ms < bindparam("now_ms"))
    .values(seen_ms=bindparam("now_ms"))
)


async def seen(connection: AsyncConnection, when: Mapping[str, int]) -> None:
    """Hash of the secret -> when. In one order, since two servers may note the same."""
    rows = [{"secret": secret_hash, "now_ms": now_ms} for secret_hash, now_ms in sorted(when.items())]
    await connection.execute(_SEEN, rows)


async def end(connection: AsyncConnection, secret_hash: str, now_ms: int) -> SignIn | None:
    """As it was; None: it was over."""
    here = _c.secret_hash == secret_hash, _c.ended_ms.is_(None)
    found = (await connection.execute(select(sign_ins).where(*here))).one_or_none()
    if found is None:
        return None
    await connection.execute(update(sign_ins).where(*here).values(_over(now_ms)))
    return _sign_in(found)


async def end_issued(
    connection: AsyncConnection, issuer: str, now_ms: int, *, subject: str, session: str
) -> int:
    """Takes back those by single sign-on of this subject, by this session; empty: whichever. How many still
    stood. On record."""
    here = [_c.way == "openid", _c.revoked_ms.is_(None), accounts.c.issuer == issuer]
    if subject:
        here.append(accounts.c.subject == subject)
    if session:
        here.append(_c.issuer_session == session)
    query = select(_c.secret_hash, _c.person_id, _c.ended_ms, _c.ends_ms, accounts.c.path)
    found = (
        await connection.execute(
            query.join(accounts, accounts.c.person_id == _c.person_id).where(
                *here, _c.ends_ms > now_ms - DAY_MS
            )
        )
    ).all()
    standing = [row for row in found if row.ended_ms is None and row.ends_ms > now_ms]
    for row in found:
        # One that was followed by another of this session may still have somebody in a lesson.
        change = {"revoked_ms": now_ms} | (_over(now_ms) if row in standing else {})
        at = _c.secret_hash == row.secret_hash
        await connection.execute(update(sign_ins).where(at).values(change))
    for row in standing:
        told = {"sign_in": row.secret_hash[:SHOWN]}
        deed = Deed(now_ms, row.person_id, "signed-out-by-issuer", Path(row.path), row.person_id, told)
        await audit.record(connection, deed)
    return len(standing)


def _over(now_ms: int) -> dict[str, Any]:
    return {"ended_ms": now_ms, "id_token": ""}


def _taken_back(now_ms: int) -> dict[str, Any]:
    return _over(now_ms) | {"revoked_ms": now_ms}


def revoked(connection: Connection, since_ms: int) -> frozenset[str]:
    """Names in tokens (`NAMED`) of those that were taken back since then."""
    found = connection.execute(select(_c.secret_hash).where(_c.revoked_ms >= since_ms)).scalars()
    return frozenset(each[:NAMED] for each in found)


async def end_shown(connection: AsyncConnection, person: PersonId, shown: str, now_ms: int) -> bool:
    """One of a person's own, by the beginning of its hash; it is taken back. False: they have none."""
    done = await connection.execute(
        update(sign_ins)
        .where(_c.person_id == person, _c.secret_hash.startswith(shown, autoescape=True))
        .where(_c.ended_ms.is_(None))
        .values(_taken_back(now_ms))
    )
    return bool(done.rowcount)


async def end_all(connection: AsyncConnection, person: PersonId, now_ms: int, *, keep: str = "") -> None:
    """Takes them back. keep: the hash of one that stays."""
    await connection.execute(
        update(sign_ins)
        .where(_c.person_id == person, _c.ended_ms.is_(None), _c.secret_hash != keep)
        .values(_taken_back(now_ms))
    )


async def listed(connection: AsyncConnection, person: PersonId, now_ms: int) -> tuple[SignIn, ...]:
    """Those that are not over, the latest first."""
    query = (
        select(sign_ins)
        .where(_c.person_id == person, _c.ended_ms.is_(None), _c.ends_ms > now_ms)
        .where(_c.seen_ms + _c.idle_ms > now_ms)
        .order_by(_c.made_ms.desc(), _c.secret_hash)
    )
    return tuple(_sign_in(row) for row in await connection.execute(query))


_COLUMNS: Final = {
    "secret_hash": "secret_hash",
    "person_id": "person",
    "way": "way",
    "made_ms": "made_ms",
    "seen_ms": "seen_ms",
    "ends_ms": "ends_ms",
    "idle_ms": "idle_ms",
    "ended_ms": "ended_ms",
    "proved_ms": "proved_ms",
    "issuer_session": "issuer_session",
    "id_token": "id_token",
}


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(**{field: getattr(row, column) for column, field in _COLUMNS.items()})
