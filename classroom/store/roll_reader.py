"""The roll calls of a lesson, from its registers and its events."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, Lesson, LessonId
from classroom.roll import KIND, ClassRoll, Pupil, after, with_register
from classroom.store import reader, tables


async def rolls(connection: AsyncConnection, lesson: Lesson) -> dict[ClassId, ClassRoll]:
    """As they are now, of the classes that have one."""
    found: dict[ClassId, ClassRoll] = {}
    seq = 0
    while page := await reader.events(connection, lesson.id, seq, (KIND,)):
        seq = page[-1].seq
        for event in page:
            found = after(found, event.body, event.at_ms)
    rooms = {room.id: room for room in lesson.classes}
    for class_id, register in (await registers(connection, lesson.id)).items():
        if class_id in rooms:
            called = found.get(class_id, ClassRoll())
            found[class_id] = with_register(called, register, rooms[class_id])
    return found


async def registers(connection: AsyncConnection, lesson_id: LessonId) -> dict[ClassId, tuple[Pupil, ...]]:
    t = tables.registers.c
    query = select(tables.registers).where(t.lesson_id == lesson_id).order_by(t.class_id, t.position)
    found: dict[ClassId, list[Pupil]] = {}
    for row in await connection.execute(query):
        found.setdefault(ClassId(row.class_id), []).append(Pupil(row.seat, row.name))
    return {class_id: tuple(pupils) for class_id, pupils in found.items()}
