"""What is read of the database, as the classroom's own values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.chat import KEPT
from classroom.events import LeaveCause
from classroom.model import (
    ChatEntry,
    ChatId,
    ClassId,
    ClassRoom,
    Lesson,
    LessonId,
    LessonState,
    PersonId,
    Phase,
    Role,
)
from classroom.store import tables

PAGE = 1_000
"""Events in one answer: some 200 KB."""


@dataclass(frozen=True, slots=True)
class Presence:
    """From coming in to going out."""

    person: PersonId
    role: Role
    class_id: ClassId | None
    joined_ms: int
    left_ms: int | None
    """None: still in."""
    cause: LeaveCause | None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    seq: int
    at_ms: int
    kind: str
    person: PersonId | None
    body: dict[str, Any]


async def lesson(connection: AsyncConnection, lesson_id: LessonId) -> Lesson | None:
    found = await connection.execute(select(tables.lessons).where(tables.lessons.c.id == lesson_id))
    row = found.one_or_none()
    if row is None:
        return None
    rooms = select(tables.classes).where(tables.classes.c.lesson_id == lesson_id)
    return _lesson(row, await connection.execute(rooms.order_by(tables.classes.c.position)))


async def lessons(connection: AsyncConnection) -> tuple[Lesson, ...]:
    rooms: dict[str, list[Row[Any]]] = {}
    for room in await connection.execute(select(tables.classes).order_by(tables.classes.c.position)):
        rooms.setdefault(room.lesson_id, []).append(room)
    found = await connection.execute(select(tables.lessons).order_by(tables.lessons.c.id))
    return tuple(_lesson(row, rooms.get(row.id, ())) for row in found)


async def presence(connection: AsyncConnection, lesson_id: LessonId) -> tuple[Presence, ...]:
    table = tables.presence
    found = await connection.execute(
        select(table).where(table.c.lesson_id == lesson_id).order_by(table.c.seq)
    )
    return tuple(
        Presence(
            person=PersonId(row.person_id),
            role=Role(row.role),
            class_id=row.class_id and ClassId(row.class_id),
            joined_ms=row.joined_ms,
            left_ms=row.left_ms,
            cause=row.cause and LeaveCause(row.cause),
        )
        for row in found
    )


async def events(connection: AsyncConnection, lesson_id: LessonId, after: int) -> tuple[StoredEvent, ...]:
    table = tables.events
    query = select(table).where(table.c.lesson_id == lesson_id, table.c.seq > after)
    found = await connection.execute(query.order_by(table.c.seq).limit(PAGE))
    return tuple(
        StoredEvent(
            seq=row.seq,
            at_ms=row.at_ms,
            kind=row.kind,
            person=row.person_id and PersonId(row.person_id),
            body=msgspec.json.decode(row.body, type=dict[str, Any]),
        )
        for row in found
    )


async def last_event(connection: AsyncConnection, lesson_id: LessonId) -> int:
    """Its number; 0 when there is none."""
    table = tables.events
    found = await connection.execute(select(func.max(table.c.seq)).where(table.c.lesson_id == lesson_id))
    return found.scalar() or 0


async def latest_chat(connection: AsyncConnection, lesson_id: LessonId) -> tuple[ChatEntry, ...]:
    table = tables.chat
    query = select(table).where(table.c.lesson_id == lesson_id).order_by(table.c.seq.desc()).limit(KEPT)
    found = (await connection.execute(query)).all()
    return tuple(
        ChatEntry(
            id=ChatId(row.id),
            person=PersonId(row.person_id),
            name=row.name,
            role=Role(row.role),
            text=row.text,
            at_ms=row.at_ms,
            client_id=row.client_id,
        )
        for row in reversed(found)
    )


def _lesson(row: Row[Any], rooms: Iterable[Row[Any]]) -> Lesson:
    return Lesson(
        id=LessonId(row.id),
        title=row.title,
        classes=tuple(
            ClassRoom(
                id=ClassId(room.id),
                name=room.name,
                tutor=room.tutor_id and PersonId(room.tutor_id),
                school=room.school,
                at_home=room.at_home,
            )
            for room in rooms
        ),
        state=LessonState(row.state),
        phase=Phase(row.phase),
        recorded=row.recorded,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
    )
