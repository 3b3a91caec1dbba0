"""An import in the database: what is known about its rows, and the plan carried out in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Insert, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.accounts import Account
from classroom.network.importing_plan import ImportPlan, Known
from classroom.network.model import Appointment, Office, Path, Place, PlaceId, SchoolClass
from classroom.store import audit, network_classes, network_places
from classroom.store.audit import Deed
from classroom.store.network_rows import insert_unless_there
from classroom.store.network_tables import accounts, appointments, places, school_classes
from classroom.store.tables import people

T = TypeVar("T")

ASKED_AT_ONCE: Final = 2000
"""Values of one query: SQLite takes 32,766 (since 3.32), PostgreSQL 32,767; more make it no quicker."""
WRITTEN_AT_ONCE: Final = 1000
"""Rows of one statement, made just before it: some 5 ms in which the loop does nothing else."""

_OFFICES: Final = {office.value: office for office in Office}

Think = Callable[[Known], Awaitable[ImportPlan]]
"""Makes the plan of what is known; in a thread, where it takes long."""


class ImportRefused(Exception):  # noqa: N818 - an answer, not a fault
    """The plan has faults, so nothing is done."""

    def __init__(self, plan: ImportPlan) -> None:
        super().__init__()
        self.plan = plan


async def known(
    connection: AsyncConnection, place: Place, logins: Collection[str], *, from_above: bool = False
) -> Known:
    """place: as it was found; it is looked at anew. logins: of the rows, and of parents' children."""
    into = await network_places.find(connection, place.id, hold=True)
    found = await _accounts(connection, logins)
    return Known(
        place=into or place,
        places=await _places(connection, place.path),
        classes=await _classes(connection, place.path),
        accounts=found,
        appointments=await _appointments(connection, (each.person for each in found.values())),
        from_above=from_above,
    )


async def carry_out(
    connection: AsyncConnection,
    place: Place,
    logins: Collection[str],
    think: Think,
    now_ms: int,
    by: str,
    digest: str,
    *,
    from_above: bool = False,
) -> ImportPlan:
    """All of it. Raises ImportRefused. digest: SHA-256 of the file, for the record."""
    made = await think(await known(connection, place, logins, from_above=from_above))
    if made.faults:
        raise ImportRefused(made)
    await _write(connection, places, (_place_row(each, now_ms) for each in made.schools))
    await _write(connection, school_classes, (_class_row(each) for each in made.classes))
    await _write_accounts(connection, made, now_ms)
    await _write(connection, appointments, (_office_row(each, now_ms, by) for each in made.appointments))
    for part in _parts((each.id for each in made.revoked), ASKED_AT_ONCE):
        await connection.execute(
            update(appointments).where(appointments.c.id.in_(part)).values(revoked_ms=now_ms, revoked_by=by)
        )
    counts = {
        "schools": len(made.schools),
        "classes": len(made.classes),
        "accounts": len(made.accounts),
        "renamed": len(made.renamed),
        "appointments": len(made.appointments),
        "revoked": len(made.revoked),
    }
    await audit.record(
        connection, Deed(now_ms, by, "imported", place.path, place.id, counts | {"sha256": digest})
    )
    return made


async def _write_accounts(connection: AsyncConnection, made: ImportPlan, now_ms: int) -> None:
    await _write(connection, accounts, (_account_row(each, now_ms) for each in made.accounts))
    names = ({"id": each.person, "name": each.name, "seen_ms": 0} for each in made.accounts)
    await _carry(connection, insert_unless_there(connection, people), names)
    for each in made.renamed:
        await connection.execute(update(people).where(people.c.id == each.person).values(name=each.name))
        await connection.execute(
            update(accounts).where(accounts.c.person_id == each.person).values(email=each.email)
        )


async def _write(connection: AsyncConnection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    await _carry(connection, insert(table), rows)


async def _carry(connection: AsyncConnection, statement: Insert, rows: Iterable[dict[str, Any]]) -> None:
    """Rows of the same columns, written past what is looked at row by row otherwise: that would be half of
    the time, of values that are texts and numbers already."""
    text, names = "", tuple[str, ...]()
    for part in _parts(rows, WRITTEN_AT_ONCE):
        if not text:
            compiled = statement.compile(dialect=connection.dialect, column_keys=list(part[0]))
            text, names = str(compiled), tuple(compiled.positiontup or ())
        values = [tuple(map(row.__getitem__, names)) for row in part]
        await connection.exec_driver_sql(text, values)


async def _places(connection: AsyncConnection, path: Path) -> tuple[Place, ...]:
    found: list[Place] = []
    while page := await network_places.listed(connection, (path,), after=found[-1].id if found else ""):
        found += page
    return tuple(found)


async def _classes(connection: AsyncConnection, path: Path) -> tuple[SchoolClass, ...]:
    found: list[SchoolClass] = []
    while page := await network_classes.listed(connection, (path,), after=found[-1].id if found else ""):
        found += page
    return tuple(found)


async def _accounts(connection: AsyncConnection, logins: Iterable[str]) -> dict[str, Account]:
    c = accounts.c
    query = select(c.person_id, c.path, c.login, c.email, c.disabled_ms, people.c.name).join(
        people, people.c.id == c.person_id
    )
    found: dict[str, Account] = {}
    for part in _parts(logins, ASKED_AT_ONCE):
        # By place, not by name: of a district's people that is a third of the time.
        for person, path, login, email, disabled_ms, name in await connection.execute(
            query.where(c.login.in_(part))
        ):
            found[login] = Account(PersonId(person), name, Path(path), login, email, disabled_ms=disabled_ms)
    return found


async def _appointments(
    connection: AsyncConnection, persons: Iterable[PersonId]
) -> dict[PersonId, tuple[Appointment, ...]]:
    c = appointments.c
    about = (c.class_id, c.subject, c.about_id)
    found: dict[PersonId, tuple[Appointment, ...]] = {}
    for part in _parts(persons, ASKED_AT_ONCE):
        query = select(c.id, c.person_id, c.office, c.path, c.from_ms, c.until_ms, *about)
        for row in await connection.execute(query.where(c.person_id.in_(part), c.revoked_ms.is_(None))):
            name, person, office, path, from_ms, until_ms, class_id, subject, about_id = row
            held = Appointment(
                id=name,
                person=PersonId(person),
                office=_OFFICES[office],
                path=Path(path),
                from_ms=from_ms,
                until_ms=until_ms,
                class_id=class_id,
                subject=subject,
                about=about_id,
            )
            found[held.person] = (*found.get(held.person, ()), held)
    return found


def _parts(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def _place_row(made: Place, now_ms: int) -> dict[str, Any]:
    return {
        "id": made.id,
        "kind": made.kind,
        "parent_id": made.parent,
        "path": made.path,
        "name": made.name,
        "timezone": made.timezone,
        "made_ms": now_ms,
    }


def _class_row(made: SchoolClass) -> dict[str, Any]:
    return {
        "id": made.id,
        "school_id": made.school,
        "path": made.path,
        "name": made.name,
        "grade": made.grade,
        "at_home": made.at_home,
        "pupils": made.pupils,
        "tutor_id": made.tutor,
    }


def _account_row(made: Account, now_ms: int) -> dict[str, Any]:
    return {
        "person_id": made.person,
        "path": made.path,
        "login": made.login,
        "password_hash": "",
        "email": made.email,
        "issuer": "",
        "subject": "",
        "made_ms": now_ms,
    }


def _office_row(made: Appointment, now_ms: int, by: str) -> dict[str, Any]:
    return {
        "id": made.id,
        "person_id": made.person,
        "office": made.office,
        "place_id": PlaceId(made.path.split("/")[-2]),
        "path": made.path,
        "class_id": made.class_id,
        "course_id": "",
        "subject": made.subject,
        "about_id": made.about,
        "from_ms": made.from_ms,
        "until_ms": made.until_ms,
        "made_ms": now_ms,
        "made_by": by,
    }
