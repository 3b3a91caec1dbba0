"""Places: city > district > school or provider."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.model import ABOVE, ROOT, Path, Place, PlaceId, PlaceKind
from classroom.store import audit
from classroom.store.audit import Deed
from classroom.store.network_paths import within, within_any
from classroom.store.network_rows import add_unless_there
from classroom.store.network_tables import appointments, places, school_classes

PAGE: Final = 500
"""Places in one answer: some 60 KB."""


async def find(connection: AsyncConnection, place: PlaceId, *, hold: bool = False) -> Place | None:
    """hold: nobody closes it before this transaction is over."""
    query = select(places).where(places.c.id == place)
    row = (await connection.execute(query.with_for_update() if hold else query)).one_or_none()
    return None if row is None else place_of(row)


async def named(connection: AsyncConnection, ids: Collection[str]) -> dict[PlaceId, Place]:
    """Those of these that there are."""
    found = await connection.execute(select(places).where(places.c.id.in_(ids)))
    return {PlaceId(row.id): place_of(row) for row in found}


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    parent: PlaceId | None = None,
    words: str = "",
    closed: bool = False,
    after: str = "",
    limit: int = PAGE,
) -> tuple[Place, ...]:
    """Within these, by id after that one. parent: directly in this one; words: in the name; closed: these,
    too."""
    c = places.c
    query = select(places).where(within_any(c.path, paths), c.id > after).order_by(c.id).limit(limit)
    if parent is not None:
        query = query.where(c.parent_id == parent)
    if words:
        query = query.where(c.name.icontains(words, autoescape=True))
    if not closed:
        query = query.where(c.closed_ms.is_(None))
    return tuple(place_of(row) for row in await connection.execute(query))


async def add(connection: AsyncConnection, place: Place, now_ms: int, by: str) -> Place | None:
    """With its path. None: what it is to stand in is not there, is closed or is of another kind, or there is
    a place of this id."""
    above = None if place.parent is None else await find(connection, place.parent, hold=True)
    path = _path(place, above)
    if path is None:
        return None
    made = replace(place, path=path)
    row = {
        "id": made.id,
        "kind": made.kind,
        "parent_id": made.parent,
        "path": made.path,
        "name": made.name,
        "timezone": made.timezone,
        "made_ms": now_ms,
    }
    if not await add_unless_there(connection, places, row):
        return None
    told = {"kind": made.kind, "name": made.name, "parent": made.parent or ""}
    await audit.record(connection, Deed(now_ms, by, "place-added", path, made.id, told))
    return made


def _path(place: Place, above: Place | None) -> Path | None:
    """Where it stands; None: it cannot stand there."""
    kinds = ABOVE[place.kind]
    if not kinds:
        return None if place.parent is not None else Path(f"{ROOT}{place.id}/")
    if above is None or above.kind not in kinds or above.closed_ms is not None:
        return None
    return Path(f"{above.path}{place.id}/")


async def change(
    connection: AsyncConnection, place: PlaceId, now_ms: int, by: str, *, name: str, timezone: str
) -> Place | None:
    """None: there is none, or it is closed."""
    changed = await connection.execute(
        update(places)
        .where(places.c.id == place, places.c.closed_ms.is_(None))
        .values(name=name, timezone=timezone)
    )
    found = await find(connection, place) if changed.rowcount else None
    if found is not None:
        told = {"name": name, "timezone": timezone}
        await audit.record(connection, Deed(now_ms, by, "place-changed", found.path, place, told))
    return found


async def close(connection: AsyncConnection, place: Place, now_ms: int, by: str, reason: str) -> bool:
    """With its classes, and the offices that are held within it. False: places that are open stand in it, or
    it was closed before."""
    await find(connection, place.id, hold=True)
    inner = places.alias()
    others = exists().where(
        within(inner.c.path, place.path), inner.c.id != place.id, inner.c.closed_ms.is_(None)
    )
    closed = await connection.execute(
        update(places)
        .where(places.c.id == place.id, places.c.closed_ms.is_(None), ~others)
        .values(closed_ms=now_ms)
    )
    if not closed.rowcount:
        return False
    classes = await connection.execute(
        update(school_classes)
        .where(within(school_classes.c.path, place.path), school_classes.c.closed_ms.is_(None))
        .values(closed_ms=now_ms)
    )
    revoked = await connection.execute(
        update(appointments)
        .where(within(appointments.c.path, place.path), appointments.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms, revoked_by=by)
    )
    told = {"reason": reason, "classes": classes.rowcount, "appointments": revoked.rowcount}
    await audit.record(connection, Deed(now_ms, by, "place-closed", place.path, place.id, told))
    return True


async def counts(connection: AsyncConnection, place: Place) -> dict[PlaceKind, int]:
    """Open places within it, by kind; not itself."""
    c = places.c
    query = (
        select(c.kind, func.count())
        .where(within(c.path, place.path), c.id != place.id, c.closed_ms.is_(None))
        .group_by(c.kind)
    )
    return {PlaceKind(kind): number for kind, number in (await connection.execute(query)).tuples()}


def place_of(row: Row[Any]) -> Place:
    return Place(
        id=PlaceId(row.id),
        kind=PlaceKind(row.kind),
        name=row.name,
        path=Path(row.path),
        parent=None if row.parent_id is None else PlaceId(row.parent_id),
        timezone=row.timezone,
        closed_ms=row.closed_ms,
    )
