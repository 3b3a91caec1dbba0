"""Room devices that were paired, and the lessons of their classes.

A device that was paired within a lesson is of the class with this id and school, wherever it comes from. One
of a class of the course network is of that class alone: its id is nobody else's, whatever its school is
called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, LessonState, PersonId
from classroom.network.model import Path
from classroom.store import audit, tables
from classroom.store.audit import Deed
from classroom.store.network_paths import within
from classroom.store.network_tables import school_classes

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
    """In which it was paired; empty: for a class of the course network."""
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


async def add_to_class(connection: AsyncConnection, device: Device, path: Path) -> None:
    """Of a class of the course network; path: its school's."""
    await add(connection, device)
    told = {"class": device.class_id}
    await audit.record(
        connection, Deed(device.paired_ms, device.paired_by, "device-paired", path, device.id, told)
    )


async def listed_within(
    connection: AsyncConnection, path: Path, after: str, limit: int
) -> tuple[Device, ...]:
    """Of the classes of a place and all within it, by id, after that one; revoked ones too."""
    t = tables.devices.c
    query = select(tables.devices).where(t.id > after, _of_place(path)).order_by(t.id).limit(limit)
    return tuple(_device(row) for row in await connection.execute(query))


async def revoke_within(
    connection: AsyncConnection, device: str, path: Path, by: PersonId, at_ms: int
) -> bool:
    """False: there is none there. One that was revoked before stays as it is."""
    t = tables.devices.c
    query = select(t.class_id).where(t.id == device, _of_place(path))
    if (class_id := (await connection.execute(query)).scalar_one_or_none()) is None:
        return False
    if await revoke(connection, device, by, at_ms):
        told = {"class": class_id}
        await audit.record(connection, Deed(at_ms, by, "device-revoked", path, device, told))
    return True


def _of_place(path: Path) -> ColumnElement[bool]:
    """Paired for a class of the network, there."""
    t, of = tables.devices.c, school_classes.c
    return and_(t.lesson_id == "", exists().where(of.id == t.class_id, within(of.path, path)))


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
        .where(classes.id == device.class_id, lessons.state.in_(_COMING))
        # A class that takes part from home is not in its room.
        .where(classes.school == device.school if device.lesson_id else classes.at_home.is_(False))
        .order_by(lessons.starts_ms, lessons.id)
    )
    return tuple(
        ClassLesson(LessonId(row.id), row.title, LessonState(row.state), row.starts_ms, row.started_ms)
        for row in await connection.execute(query)
    )


def _device(row: Row[Any]) -> Device:
    return Device(**{name: getattr(row, name) for name in Device.__slots__})
