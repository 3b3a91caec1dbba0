"""Room devices that were paired, and the lessons of their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, LessonState, PersonId
from classroom.store import tables

_COMING: Final = (LessonState.SCHEDULED, LessonState.OPEN, LessonState.LIVE)


@dataclass(frozen=True, slots=True)
class Device:
    """The device of a class's room. A class of the same id and school is the same class in all its
    lessons."""

    id: PersonId
    name: str
    school: str
    class_id: ClassId
    secret_hash: str
    """SHA-256 of its credential's secret, in hex."""
    paired_ms: int
    """Unix time in ms."""
    paired_by: PersonId
    lesson_id: LessonId
    """In which it was paired."""
    revoked_ms: int | None = None
    revoked_by: PersonId | None = None


@dataclass(frozen=True, slots=True)
class ClassLesson:
    """A lesson that a class takes part in, and that is not over."""

    id: LessonId
    title: str
    state: LessonState
    starts_ms: int
    started_ms: int


async def add(connection: AsyncConnection, device: Device) -> None:
    row = {name: getattr(device, name) for name in Device.__slots__}
    await connection.execute(insert(tables.devices).values(row))


async def find(connection: AsyncConnection, device: str) -> Device | None:
    query = select(tables.devices).where(tables.devices.c.id == device)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _device(row)


async def listed(connection: AsyncConnection, after: str, limit: int) -> tuple[Device, ...]:
    """By id, after that one; revoked ones too."""
    t = tables.devices.c
    query = select(tables.devices).where(t.id > after).order_by(t.id).limit(limit)
    return tuple(_device(row) for row in await connection.execute(query))


async def revoke(connection: AsyncConnection, device: str, by: PersonId, at_ms: int) -> bool:
    """False: there is none, or it was revoked before."""
    t = tables.devices.c
    at = (t.id == device, t.revoked_ms.is_(None))
    changed = await connection.execute(
        update(tables.devices).where(*at).values(revoked_ms=at_ms, revoked_by=by)
    )
    return bool(changed.rowcount)


async def revoked_since(connection: AsyncConnection, since_ms: int) -> frozenset[str]:
    """Ids."""
    t = tables.devices.c
    return frozenset((await connection.execute(select(t.id).where(t.revoked_ms >= since_ms))).scalars())


async def lessons_of(connection: AsyncConnection, device: Device) -> tuple[ClassLesson, ...]:
    """Of its class, those that are not over, by when they are planned to begin."""
    lessons, classes = tables.lessons.c, tables.classes.c
    query = (
        select(lessons.id, lessons.title, lessons.state, lessons.starts_ms, lessons.started_ms)
        .join(tables.classes, classes.lesson_id == lessons.id)
        .where(classes.id == device.class_id, classes.school == device.school, lessons.state.in_(_COMING))
        .order_by(lessons.starts_ms, lessons.id)
    )
    return tuple(
        ClassLesson(LessonId(row.id), row.title, LessonState(row.state), row.starts_ms, row.started_ms)
        for row in await connection.execute(query)
    )


def _device(row: Row[Any]) -> Device:
    return Device(**{name: getattr(row, name) for name in Device.__slots__})
