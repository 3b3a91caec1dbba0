"""What was done by whom to what (审计): written in the transaction that does it, appended to, never changed.

The database itself refuses to change or delete a row (triggers of migration 0012), so no fault and no query
of ours can. Bodies name things by ids and by what was changed; never a password, a secret or a picture.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.model import ROOT, Path
from classroom.store.network_paths import within_any
from classroom.store.network_tables import audit

PAGE: Final = 500
"""Rows in one answer: some 150 KB."""


@dataclass(frozen=True, slots=True)
class Deed:
    at_ms: int
    """Unix time in ms."""
    person: str
    """Who did it; empty: the server by itself."""
    deed: str
    """What, in the past tense: `place-added`. At most 32 characters."""
    path: Path
    """Where: who reaches this place as an organizer sees the row."""
    object: str
    """The id of what it was done to."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be known of it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A deed as it stands on record."""

    seq: int
    """Later ones have greater numbers."""
    deed: Deed


async def record(connection: AsyncConnection, *deeds: Deed) -> None:
    if deeds:
        await connection.execute(insert(audit), [_row(deed) for deed in deeds])


async def listed(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    before: int | None = None,
    after: int | None = None,
    person: str = "",
    object_id: str = "",
    deeds: Iterable[str] = (),
    from_ms: int = 0,
    until_ms: int | None = None,
    limit: int = PAGE,
) -> tuple[Recorded, ...]:
    """Of these places. The latest first, before that number; or in order, after that number."""
    c = audit.c
    query = select(audit).where(c.at_ms >= from_ms).limit(limit)
    if ROOT not in paths:
        query = query.where(within_any(c.path, paths))
    if person:
        query = query.where(c.person_id == person)
    if object_id:
        query = query.where(c.object_id == object_id)
    if wanted := tuple(deeds):
        query = query.where(c.deed.in_(wanted))
    if until_ms is not None:
        query = query.where(c.at_ms < until_ms)
    if after is not None:
        query = query.where(c.seq > after).order_by(c.seq)
    else:
        query = query.order_by(c.seq.desc())
        if before is not None:
            query = query.where(c.seq < before)
    return tuple(_recorded(row) for row in await connection.execute(query))


def _row(deed: Deed) -> dict[str, Any]:
    return {
        "at_ms": deed.at_ms,
        "person_id": deed.person,
        "deed": deed.deed,
        "path": deed.path,
        "object_id": deed.object,
        "body": msgspec.json.encode(deed.body).decode(),
    }


def _recorded(row: Row[Any]) -> Recorded:
    deed = Deed(
        at_ms=row.at_ms,
        person=PersonId(row.person_id),
        deed=row.deed,
        path=Path(row.path),
        object=row.object_id,
        body=msgspec.json.decode(row.body),
    )
    return Recorded(row.seq, deed)
