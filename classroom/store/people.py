"""People whom the server knows by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.store.tables import people


@dataclass(frozen=True, slots=True)
class KnownPerson:
    id: PersonId
    name: str
    seen_ms: int
    """When they last came into a lesson; 0: never."""


async def listed(connection: AsyncConnection, after: str, limit: int) -> tuple[KnownPerson, ...]:
    """By id, after that one."""
    query = select(people).where(people.c.id > after).order_by(people.c.id).limit(limit)
    found = await connection.execute(query)
    return tuple(KnownPerson(PersonId(row.id), row.name, row.seen_ms) for row in found)


async def find(connection: AsyncConnection, person: PersonId) -> KnownPerson | None:
    row = (await connection.execute(select(people).where(people.c.id == person))).one_or_none()
    return None if row is None else KnownPerson(PersonId(row.id), row.name, row.seen_ms)


async def names(connection: AsyncConnection, ids: Collection[PersonId]) -> dict[PersonId, str]:
    """Of those of these who are known."""
    found = await connection.execute(select(people.c.id, people.c.name).where(people.c.id.in_(ids)))
    return {PersonId(row.id): row.name for row in found}


async def put(connection: AsyncConnection, person: PersonId, name: str) -> bool:
    """True: nobody of this id was known."""
    changed = await connection.execute(update(people).where(people.c.id == person).values(name=name))
    if changed.rowcount:
        return False
    await connection.execute(insert(people).values(id=person, name=name, seen_ms=0))
    return True
