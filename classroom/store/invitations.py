"""Invitations in the database: made, looked at, used up in the transaction that lets somebody in, revoked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.accounts import Account
from classroom.network.invitations import Invitation
from classroom.network.model import Appointment, Office, Path, Place, PlaceId
from classroom.store import accounts, audit, network_appointments
from classroom.store.audit import Deed
from classroom.store.network_paths import within, within_any
from classroom.store.network_tables import accounts as accounts_table
from classroom.store.network_tables import appointments, invitations
from classroom.store.tables import people

LETTERS: Final = 500
"""Made in one go: some 20 ms of the loop, and 200 KB."""
PAGE: Final = 200
"""Invitations in one answer: some 60 KB."""
_c = invitations.c


class InvitationOver(Exception):  # noqa: N818 - an answer, not a fault
    """Used up, revoked or ended in the meantime; or what it is for is gone. Nothing was done."""


class LoginTaken(Exception):  # noqa: N818 - an answer, not a fault
    """It is somebody else's. Nothing was done."""


async def add(connection: AsyncConnection, made: Invitation) -> None:
    await connection.execute(insert(invitations).values(_columns(made)))
    told = {"person": made.person or "", "office": made.office or "", "class": made.class_id}
    told_of = {name: value for name, value in told.items() if value} | {"uses": made.uses}
    await audit.record(connection, Deed(made.made_ms, made.made_by, "invited", made.path, made.id, told_of))


async def of_hash(connection: AsyncConnection, secret_hash: str) -> Invitation | None:
    query = select(invitations).where(_c.secret_hash == secret_hash)
    return _invitation((await connection.execute(query)).one_or_none())


async def find(connection: AsyncConnection, invitation: str) -> Invitation | None:
    query = select(invitations).where(_c.id == invitation)
    return _invitation((await connection.execute(query)).one_or_none())


async def listed(
    connection: AsyncConnection, paths: Collection[Path], *, now_ms: int, after: str = "", limit: int = PAGE
) -> tuple[Invitation, ...]:
    """That hold within these places, by id after that one."""
    query = (
        select(invitations)
        .where(within_any(_c.path, paths), _c.id > after)
        .where(*_holding(now_ms))
        .order_by(_c.id)
        .limit(limit)
    )
    found = [_invitation(row) for row in await connection.execute(query)]
    return tuple(each for each in found if each is not None)


async def without_a_way(
    connection: AsyncConnection,
    path: Path,
    *,
    office: Office | None,
    again: bool,
    after: str,
    now_ms: int,
) -> tuple[Account, ...]:
    """Accounts within a place that have neither password nor single sign-on, by person after that one; not
    those whose invitation holds, unless `again`. office: who hold it now."""
    account = accounts_table.c
    query = (
        select(accounts_table, people.c.name)
        .join(people, people.c.id == account.person_id)
        .where(within(account.path, path), account.person_id > after, account.disabled_ms.is_(None))
        .where(account.password_hash == "", account.subject == "", account.login.is_not(None))
        .order_by(account.person_id)
        .limit(LETTERS)
    )
    if office is not None:
        held = appointments.c
        query = query.where(
            exists().where(
                held.person_id == account.person_id, held.office == office, held.revoked_ms.is_(None)
            )
        )
    if not again:
        query = query.where(~exists().where(_c.person_id == account.person_id, *_holding(now_ms)))
    return tuple(accounts.of_row(row) for row in await connection.execute(query))


async def add_all(
    connection: AsyncConnection, made: Sequence[Invitation], place: Place, now_ms: int, by: str
) -> None:
    """To accounts, each in place of those that they have. One deed on record: the place's."""
    if not made:
        return
    persons = [each.person for each in made]
    await connection.execute(
        update(invitations).where(_c.person_id.in_(persons), *_holding(now_ms)).values(revoked_ms=now_ms)
    )
    await connection.execute(insert(invitations), [_columns(each) for each in made])
    told = {"count": len(made), "first": persons[0], "last": persons[-1]}
    await audit.record(connection, Deed(now_ms, by, "invited-all", place.path, place.id, told))


async def revoke(connection: AsyncConnection, revoked: Invitation, now_ms: int, by: str) -> bool:
    """False: it was revoked before."""
    done = await connection.execute(
        update(invitations).where(_c.id == revoked.id, _c.revoked_ms.is_(None)).values(revoked_ms=now_ms)
    )
    if done.rowcount:
        await audit.record(connection, Deed(now_ms, by, "invitation-revoked", revoked.path, revoked.id))
    return bool(done.rowcount)


async def set_password(
    connection: AsyncConnection, used: Invitation, password_hash: str, now_ms: int
) -> Account:
    """Of the account that it names. Raises InvitationOver."""
    await _use(connection, used, now_ms)
    person = used.person or PersonId("")
    of = await accounts.credentials_of(connection, person)
    if of is None or not await accounts.set_password(connection, of, password_hash, now_ms, person):
        raise InvitationOver
    found = await accounts.find(connection, person)
    assert found is not None
    return found


async def come_in(
    connection: AsyncConnection,
    used: Invitation,
    account: Account,
    appointment: Appointment,
    password_hash: str,
    now_ms: int,
) -> None:
    """Somebody new, who holds the office from now on. Raises InvitationOver, LoginTaken."""
    await _use(connection, used, now_ms)
    if not await accounts.add(connection, account, now_ms, used.made_by):
        raise LoginTaken
    of = await accounts.credentials_of(connection, account.person)
    assert of is not None
    await accounts.set_password(connection, of, password_hash, now_ms, account.person)
    if not await network_appointments.appoint(connection, appointment, used.place, now_ms, used.made_by):
        raise InvitationOver


async def _use(connection: AsyncConnection, used: Invitation, now_ms: int) -> None:
    done = await connection.execute(
        update(invitations).where(_c.id == used.id, *_holding(now_ms)).values(uses=_c.uses - 1)
    )
    if not done.rowcount:
        raise InvitationOver


_COLUMNS: Final = {
    "id": "id",
    "secret_hash": "secret_hash",
    "path": "path",
    "place_id": "place",
    "made_ms": "made_ms",
    "made_by": "made_by",
    "ends_ms": "ends_ms",
    "uses": "uses",
    "person_id": "person",
    "office": "office",
    "class_id": "class_id",
    "revoked_ms": "revoked_ms",
}


def _columns(made: Invitation) -> dict[str, Any]:
    return {name: getattr(made, field) for name, field in _COLUMNS.items()}


def _holding(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return (_c.uses > 0, _c.revoked_ms.is_(None), _c.ends_ms > now_ms)


def _invitation(row: Row[Any] | None) -> Invitation | None:
    if row is None:
        return None
    return Invitation(
        id=row.id,
        secret_hash=row.secret_hash,
        path=Path(row.path),
        place=PlaceId(row.place_id),
        made_ms=row.made_ms,
        made_by=row.made_by,
        ends_ms=row.ends_ms,
        uses=row.uses,
        person=PersonId(row.person_id) if row.person_id else None,
        office=Office(row.office) if row.office else None,
        class_id=row.class_id,
        revoked_ms=row.revoked_ms,
    )
