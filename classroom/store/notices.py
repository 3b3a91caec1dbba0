"""What somebody is told of lessons that they are in or wait for. Written with what it tells of
(`enrolment_desk.tell`), in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId, PersonId
from classroom.store.catalogue_tables import network_notices, offers

PAGE: Final = 100
_n = network_notices.c


@dataclass(frozen=True, slots=True)
class Notice:
    number: int
    kind: str
    """`moved-up`: off the waiting list, there is a place; `lapsed`: off it for good, there was another
    lesson."""
    lesson: LessonId
    title: str
    starts_ms: int
    at_ms: int
    body: Mapping[str, Any]
    read: bool


async def listed(
    connection: AsyncConnection, person: PersonId, before: int | None = None, limit: int = PAGE
) -> tuple[Notice, ...]:
    """The latest first, before that number."""
    joined = network_notices.join(offers, offers.c.lesson_id == _n.lesson_id)
    query = select(network_notices, offers.c.title, offers.c.starts_ms).select_from(joined)
    query = query.where(_n.person_id == person).order_by(_n.number.desc()).limit(limit)
    if before is not None:
        query = query.where(_n.number < before)
    return tuple(
        Notice(
            number=row.number,
            kind=row.kind,
            lesson=LessonId(row.lesson_id),
            title=row.title,
            starts_ms=row.starts_ms,
            at_ms=row.at_ms,
            body=msgspec.json.decode(row.body),
            read=row.read_ms is not None,
        )
        for row in await connection.execute(query)
    )


async def mark_read(connection: AsyncConnection, person: PersonId, up_to: int, now_ms: int) -> None:
    at = (_n.person_id == person) & (_n.number <= up_to) & _n.read_ms.is_(None)
    await connection.execute(update(network_notices).where(at).values(read_ms=now_ms))
