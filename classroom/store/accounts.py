"""Accounts in the database: who can sign in, by which login, and where they belong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, and_, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.accounts import Account
from classroom.network.model import Office, Path
from classroom.network.single_sign_on import Identity, MatchBy
from classroom.store import audit, sign_ins
from classroom.store.audit import Deed
from classroom.store.network_paths import within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.network_tables import accounts, appointments
from classroom.store.tables import people

PAGE: Final = 200
"""Accounts in one answer, with their offices: some 100 KB."""
_c = accounts.c


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in with a password is checked against."""

    person: PersonId
    path: Path
    password_hash: str
    """Empty: no password opens it."""
    disabled: bool


async def find(connection: AsyncConnection, person: PersonId) -> Account | None:
    row = (await connection.execute(_all().where(_c.person_id == person))).one_or_none()
    return None if row is None else of_row(row)


async def of_subject(connection: AsyncConnection, issuer: str, subject: str) -> Account | None:
    """Who is linked to somebody of a single sign-on; not those who are disabled."""
    query = _all().where(_c.issuer == issuer, _c.subject == subject, _c.disabled_ms.is_(None))
    row = (await connection.execute(query)).first()
    return None if row is None else of_row(row)


async def credentials(connection: AsyncConnection, login: str) -> Credentials | None:
    """login: as `login_name` gives it."""
    query = select(_c.person_id, _c.path, _c.password_hash, _c.disabled_ms).where(_c.login == login)
    return _credentials((await connection.execute(query)).one_or_none())


async def credentials_of(connection: AsyncConnection, person: PersonId) -> Credentials | None:
    query = select(_c.person_id, _c.path, _c.password_hash, _c.disabled_ms).where(_c.person_id == person)
    return _credentials((await connection.execute(query)).one_or_none())


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    office: Office | None = None,
    class_id: str = "",
    words: str = "",
    disabled: bool = False,
    after: str = "",
    limit: int = PAGE,
) -> tuple[Account, ...]:
    """Of those who belong within these places, by id after that one. office, class_id: who hold it now;
    words: in the name or login; disabled: these, too."""
    query = _all().where(within_any(_c.path, paths), _c.person_id > after)
    if office is not None or class_id:
        query = query.where(_holding(office, class_id))
    if words:
        query = query.where(
            or_(
                people.c.name.icontains(words, autoescape=True),
                _c.login.icontains(words, autoescape=True),
            )
        )
    if not disabled:
        query = query.where(_c.disabled_ms.is_(None))
    found = await connection.execute(query.order_by(_c.person_id).limit(limit))
    return tuple(of_row(row) for row in found)


async def add(connection: AsyncConnection, made: Account, now_ms: int, by: str) -> bool:
    """Without a password. False: the login is somebody's, or there is an account of this person."""
    row = {
        "person_id": made.person,
        "path": made.path,
        "login": made.login or None,
        "password_hash": "",
        "email": made.email,
        "issuer": made.issuer,
        "subject": made.subject,
        "made_ms": now_ms,
    }
    if not await add_unless_there(connection, accounts, row):
        return False
    await _name(connection, made.person, made.name)
    told = {"login": made.login}
    await audit.record(connection, Deed(now_ms, by, "account-added", made.path, made.person, told))
    return True


async def change(connection: AsyncConnection, changed: Account, now_ms: int, by: str) -> bool:
    """Name, login, e-mail and where they belong. False: the login is somebody else's, or there is none."""
    other = accounts.alias()
    taken = exists().where(other.c.login == changed.login, other.c.person_id != changed.person)
    done = await connection.execute(
        update(accounts)
        .where(_c.person_id == changed.person, ~taken)
        .values(path=changed.path, login=changed.login or None, email=changed.email)
    )
    if not done.rowcount:
        return False
    await _name(connection, changed.person, changed.name)
    told = {"login": changed.login}
    await audit.record(connection, Deed(now_ms, by, "account-changed", changed.path, changed.person, told))
    return True


async def disable(connection: AsyncConnection, disabled: Account, now_ms: int, by: str, reason: str) -> bool:
    """Who it is is signed out everywhere. False: it was disabled before."""
    done = await connection.execute(
        update(accounts)
        .where(_c.person_id == disabled.person, _c.disabled_ms.is_(None))
        .values(disabled_ms=now_ms)
    )
    if not done.rowcount:
        return False
    await sign_ins.end_all(connection, disabled.person, now_ms)
    told = {"reason": reason}
    await audit.record(connection, Deed(now_ms, by, "account-disabled", disabled.path, disabled.person, told))
    return True


async def enable(connection: AsyncConnection, enabled: Account, now_ms: int, by: str) -> bool:
    """False: it was not disabled."""
    done = await connection.execute(
        update(accounts)
        .where(_c.person_id == enabled.person, _c.disabled_ms.is_not(None))
        .values(disabled_ms=None)
    )
    if done.rowcount:
        await audit.record(connection, Deed(now_ms, by, "account-enabled", enabled.path, enabled.person))
    return bool(done.rowcount)


async def set_password(
    connection: AsyncConnection, of: Credentials, password_hash: str, now_ms: int, by: str, *, keep: str = ""
) -> bool:
    """All sign-ins but `keep` (a secret's hash) end. False: it was changed, or the account disabled, in the
    meantime."""
    done = await connection.execute(
        update(accounts)
        .where(_c.person_id == of.person, _c.password_hash == of.password_hash, _c.disabled_ms.is_(None))
        .values(password_hash=password_hash)
    )
    if not done.rowcount:
        return False
    await sign_ins.end_all(connection, of.person, now_ms, keep=keep)
    await audit.record(connection, Deed(now_ms, by, "password-set", of.path, of.person))
    return True


async def rehash(connection: AsyncConnection, of: Credentials, password_hash: str) -> None:
    """The same password by today's cost."""
    await connection.execute(
        update(accounts)
        .where(_c.person_id == of.person, _c.password_hash == of.password_hash)
        .values(password_hash=password_hash)
    )


async def link(
    connection: AsyncConnection, linked: Account, issuer: str, subject: str, now_ms: int, by: str
) -> bool:
    """To somebody of a single sign-on. False: it is linked already, or somebody else is to them."""
    other = accounts.alias()
    taken = exists().where(other.c.issuer == issuer, other.c.subject == subject)
    done = await connection.execute(
        update(accounts)
        .where(_c.person_id == linked.person, _c.subject == "", _c.disabled_ms.is_(None), ~taken)
        .values(issuer=issuer, subject=subject)
    )
    if done.rowcount:
        told = {"issuer": issuer}
        await audit.record(connection, Deed(now_ms, by, "account-linked", linked.path, linked.person, told))
    return bool(done.rowcount)


async def of_identity(connection: AsyncConnection, identity: Identity, now_ms: int) -> Account | None:
    """Whose account somebody of a single sign-on has; the first time the one that their match tells, which is
    linked to them. None: there is none, or it is disabled; or several have the same."""
    known = await of_subject(connection, identity.issuer, identity.subject)
    if known is not None or identity.match is None:
        return known
    column = _c.email if identity.match.by is MatchBy.EMAIL else _c.login
    query = _all().where(column == identity.match.value, _c.disabled_ms.is_(None)).limit(2)
    found = [of_row(row) for row in await connection.execute(query)]
    if len(found) != 1:
        return None
    (theirs,) = found
    await link(connection, theirs, identity.issuer, identity.subject, now_ms, theirs.person)
    # Theirs is who is linked now: of two windows that came at once one finds what the other did.
    return await of_subject(connection, identity.issuer, identity.subject)


async def _name(connection: AsyncConnection, person: PersonId, name: str) -> None:
    changed = await connection.execute(update(people).where(people.c.id == person).values(name=name))
    if not changed.rowcount:
        await connection.execute(insert(people).values(id=person, name=name, seen_ms=0))


def _holding(office: Office | None, class_id: str) -> Any:
    held = appointments.c
    conditions = [held.person_id == _c.person_id, held.revoked_ms.is_(None)]
    if office is not None:
        conditions.append(held.office == office)
    if class_id:
        conditions.append(held.class_id == class_id)
    return exists().where(and_(*conditions))


def _all() -> Select[Any]:
    return select(accounts, people.c.name).join(people, people.c.id == _c.person_id)


def of_row(row: Row[Any]) -> Account:
    """Of `accounts` with the name."""
    return Account(
        person=PersonId(row.person_id),
        name=row.name,
        path=Path(row.path),
        login=row.login or "",
        email=row.email,
        has_password=bool(row.password_hash),
        issuer=row.issuer,
        subject=row.subject,
        made_ms=row.made_ms,
        disabled_ms=row.disabled_ms,
    )


def _credentials(row: Any) -> Credentials | None:
    if row is None:
        return None
    return Credentials(
        PersonId(row.person_id), Path(row.path), row.password_hash, row.disabled_ms is not None
    )
