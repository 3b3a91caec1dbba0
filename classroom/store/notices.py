"""What somebody is told of lessons that they are in or wait for. Written with what it tells of
(`enrolment_desk.tell`, `notices_given.give`), in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId, PersonId
from classroom.network.timetable_operations import Slot
from classroom.store.catalogue_tables import network_notices, offers
from classroom.store.tables import lessons
from classroom.store.timetable_slots import unpacked
from classroom.store.timetable_tables import operation_lessons, timetable_operations

PAGE: Final = 100
_n, _s, _t = network_notices.c, operation_lessons.c, timetable_operations.c
_OF_LESSON: Final[tuple[Any, ...]] = (
    func.coalesce(offers.c.title, lessons.c.title, "").label("title"),
    func.coalesce(offers.c.starts_ms, lessons.c.starts_ms, 0).label("starts_ms"),
    _t.reason,
    _s.before,
    _s.after,
)


@dataclass(frozen=True, slots=True)
class Notice:
    number: int
    kind: str
    """`moved-up`: off the waiting list, there is a place; `lapsed`: off it for good, there was another
    lesson; `cancel`, `online`, `change`, `substitute`: what was done with the lesson; `undo`: and that it was
    taken back. Of supervision: `supervision_told`."""
    lesson: LessonId
    title: str
    starts_ms: int
    at_ms: int
    body: Mapping[str, Any]
    read: bool
    reason: str = ""
    """Of what was done with the lesson."""
    before: Slot | None = None
    """What the lesson was before that."""
    after: Slot | None = None


async def listed(
    connection: AsyncConnection, person: PersonId, before: int | None = None, limit: int = PAGE
) -> tuple[Notice, ...]:
    """The latest first, before that number."""
    of_lesson = (_s.operation_id == _n.batch) & (_s.lesson_id == _n.lesson_id)
    # What is supervised need not be in the catalogue.
    joined = network_notices.outerjoin(offers, offers.c.lesson_id == _n.lesson_id)
    joined = joined.outerjoin(lessons, lessons.c.id == _n.lesson_id)
    joined = joined.outerjoin(operation_lessons, of_lesson).outerjoin(timetable_operations, _t.id == _n.batch)
    query = select(network_notices, *_OF_LESSON).select_from(joined)
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
            reason=row.reason or "",
            before=None if row.before is None else unpacked(row.before),
            after=None if row.after is None else unpacked(row.after),
        )
        for row in await connection.execute(query)
    )


async def mark_read(connection: AsyncConnection, person: PersonId, up_to: int, now_ms: int) -> None:
    at = (_n.person_id == person) & (_n.number <= up_to) & _n.read_ms.is_(None)
    await connection.execute(update(network_notices).where(at).values(read_ms=now_ms))
