"""A lesson's rows, as they are before its room was ever open, or after it was closed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import Lesson
from classroom.shared import pack
from classroom.store import tables
from classroom.store.rows import class_row


def lesson_row(lesson: Lesson) -> dict[str, Any]:
    """Without its id."""
    return {
        "title": lesson.title,
        "state": lesson.state,
        "phase": lesson.phase,
        "recorded": lesson.recorded,
        "starts_ms": lesson.starts_ms,
        "ends_ms": lesson.ends_ms,
        "started_ms": lesson.started_ms,
        "ended_ms": lesson.ended_ms,
        "shared": pack(lesson),
        "master_id": lesson.master_id,
    }


async def insert_lesson(connection: AsyncConnection, lesson: Lesson) -> None:
    """With its classes. Raises sqlalchemy.exc.IntegrityError: there is one of this id."""
    rooms = [class_row(lesson.id, position, room) for position, room in enumerate(lesson.classes)]
    await connection.execute(insert(tables.lessons).values(id=lesson.id, **lesson_row(lesson)))
    if rooms:
        await connection.execute(insert(tables.classes), rooms)
