"""What people add to an item, and what is noted of them: marks, spans watched, views, the log of who did
what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.chapters import KINDS, MAX_CHAPTERS, Happened
from classroom.library.spans import Span, merged, total_ms
from classroom.model import Lesson, LessonId
from classroom.store import reader, tables
from classroom.store.library_items import ItemRecord
from classroom.store.library_tables import (
    library_items,
    library_log,
    library_marks,
    library_views,
    library_watching,
)

MAX_MARKS: Final = 1_000
"""Of one item."""
CONTINUED: Final = 12
"""Items offered to be watched on."""
BEGUN_MS: Final = 10_000
"""Of watching, before an item is offered to be watched on."""
REST_MS: Final = 30_000
"""What is left of an item when nobody needs to watch on."""
LISTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Mark:
    id: str
    item: str
    at_ms: int
    """Item clock."""
    text: str
    supervision: bool
    """For supervisors and organizers only."""
    person: str
    name: str
    role: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches an item, as their token says."""

    person: str
    name: str
    role: str
    class_id: str


@dataclass(frozen=True, slots=True)
class Watching:
    item: str
    person: str
    name: str
    role: str
    class_id: str
    spans: tuple[Span, ...]
    watched_ms: int
    position_ms: int
    began_ms: int
    updated_ms: int
    duration_ms: int
    """Of the item."""

    @property
    def share(self) -> float:
        return min(1.0, self.watched_ms / self.duration_ms) if self.duration_ms > 0 else 0.0


@dataclass(frozen=True, slots=True)
class View:
    """One visit: somebody fetched media of an item, or took it away."""

    id: str
    item: str
    person: str
    role: str
    kind: str
    began_ms: int
    last_ms: int
    requests: int


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what with an item or a clip."""

    at_ms: int
    item: str
    clip: str
    person: str
    role: str
    action: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What an item's chapters are made of."""

    lesson: Lesson | None
    events: tuple[Happened, ...]
    questions: Mapping[str, str]


async def timeline(connection: AsyncConnection, item: ItemRecord) -> Timeline:
    lesson = await reader.lesson(connection, LessonId(item.lesson))
    e, q = tables.events.c, tables.quizzes.c
    query = select(e.kind, e.elapsed_ms, e.body).where(e.lesson_id == item.lesson, e.kind.in_(KINDS))
    found = await connection.execute(query.order_by(e.seq).limit(2 * MAX_CHAPTERS))
    events = [Happened(row.kind, row.elapsed_ms, msgspec.json.decode(row.body)) for row in found]
    asked = await connection.execute(select(q.id, q.question).where(q.lesson_id == item.lesson))
    return Timeline(lesson, tuple(events), {row.id: row.question for row in asked})


async def add_mark(connection: AsyncConnection, mark: Mark) -> bool:
    """False: the item has as many as it may."""
    m = library_marks.c
    count = select(func.count()).where(m.item_id == mark.item, m.deleted_ms.is_(None))
    if ((await connection.execute(count)).scalar() or 0) >= MAX_MARKS:
        return False
    row = {"person_id": mark.person, "item_id": mark.item}
    row |= {
        name: getattr(mark, name)
        for name in ("id", "at_ms", "text", "supervision", "name", "role", "made_ms")
    }
    await connection.execute(insert(library_marks).values(row))
    await _found_anew(connection, mark.item)
    return True


async def marks(connection: AsyncConnection, item: str) -> tuple[Mark, ...]:
    m = library_marks.c
    query = select(library_marks).where(m.item_id == item, m.deleted_ms.is_(None)).order_by(m.at_ms, m.id)
    return tuple(_mark(row) for row in await connection.execute(query))


async def drop_mark(connection: AsyncConnection, item: str, mark: str, at_ms: int) -> None:
    m = library_marks.c
    await connection.execute(update(library_marks).where(m.id == mark).values(deleted_ms=at_ms))
    await _found_anew(connection, item)


def _mark(row: Row[Any]) -> Mark:
    values = {name: getattr(row, name) for name in Mark.__slots__ if hasattr(row, name)}
    return Mark(**values, item=row.item_id, person=row.person_id)


async def _found_anew(connection: AsyncConnection, item: str) -> None:
    await connection.execute(update(library_items).where(library_items.c.id == item).values(indexed_seq=-1))


async def watched(
    connection: AsyncConnection,
    item: str,
    lesson: str,
    watcher: Watcher,
    spans: Sequence[Span],
    position_ms: int,
    now_ms: int,
) -> tuple[Span, ...]:
    """Adds what was watched; returns all of it."""
    w = library_watching.c
    at = (w.item_id == item) & (w.person_id == watcher.person)
    known = (await connection.execute(select(library_watching).where(at))).one_or_none()
    before = _spans(known.spans) if known is not None else ()
    after = merged([*before, *spans])
    row: dict[str, Any] = {
        "name": watcher.name,
        "role": watcher.role,
        "class_id": watcher.class_id or None,
        "spans": msgspec.json.encode(after).decode(),
        "watched_ms": total_ms(after),
        "position_ms": position_ms,
        "updated_ms": now_ms,
    }
    if known is not None:
        await connection.execute(update(library_watching).where(at).values(row))
    else:
        row |= {"item_id": item, "person_id": watcher.person, "lesson_id": lesson, "began_ms": now_ms}
        await connection.execute(insert(library_watching).values(row))
    return after


async def watching(connection: AsyncConnection, item: str, person: str = "") -> tuple[Watching, ...]:
    """Who has watched an item, or what one of them has."""
    w = library_watching.c
    query = _watching().where(w.item_id == item)
    if person:
        query = query.where(w.person_id == person)
    found = await connection.execute(query.order_by(w.class_id, w.name, w.person_id).limit(LISTED * 10))
    return tuple(_watched(row) for row in found)


async def watching_lesson(connection: AsyncConnection, lesson: str) -> tuple[Watching, ...]:
    found = await connection.execute(_watching().where(library_watching.c.lesson_id == lesson))
    return tuple(_watched(row) for row in found)


async def watched_by(connection: AsyncConnection, person: str) -> tuple[Watching, ...]:
    """What somebody has begun and not watched to its end, the latest first."""
    w, i = library_watching.c, library_items.c
    query = _watching().where(w.person_id == person, i.state.in_(("live", "ready")))
    query = query.where(w.watched_ms >= BEGUN_MS, w.position_ms < i.duration_ms - REST_MS)
    found = await connection.execute(query.order_by(w.updated_ms.desc()).limit(CONTINUED))
    return tuple(_watched(row) for row in found)


def _watching() -> Any:
    return select(library_watching, library_items.c.duration_ms).join(
        library_items, library_items.c.id == library_watching.c.item_id
    )


def _watched(row: Row[Any]) -> Watching:
    plain = ("name", "role", "watched_ms", "position_ms", "began_ms", "updated_ms", "duration_ms")
    return Watching(
        item=row.item_id,
        person=row.person_id,
        class_id=row.class_id or "",
        spans=_spans(row.spans),
        **{name: getattr(row, name) for name in plain},
    )


def _spans(text: str) -> tuple[Span, ...]:
    return msgspec.json.decode(text, type=tuple[Span, ...])


async def put_views(connection: AsyncConnection, views: Iterable[View]) -> None:
    """New ones, and those that went on."""
    v = library_views.c
    for view in views:
        grown = {"last_ms": view.last_ms, "requests": view.requests}
        changed = await connection.execute(update(library_views).where(v.id == view.id).values(grown))
        if not changed.rowcount:
            row = {"item_id": view.item, "person_id": view.person, "began_ms": view.began_ms, **grown}
            row |= {"id": view.id, "role": view.role, "kind": view.kind}
            await connection.execute(insert(library_views).values(row))


async def views(connection: AsyncConnection, item: str) -> tuple[tuple[View, str], ...]:
    """With the name of the person, where it is known; the latest first."""
    v, p = library_views.c, tables.people.c
    query = select(library_views, p.name).outerjoin(tables.people, p.id == v.person_id)
    found = await connection.execute(query.where(v.item_id == item).order_by(v.began_ms.desc()).limit(LISTED))
    plain = ("id", "role", "kind", "began_ms", "last_ms", "requests")
    return tuple(
        (
            View(item=row.item_id, person=row.person_id, **{name: getattr(row, name) for name in plain}),
            row.name or "",
        )
        for row in found
    )


async def log(connection: AsyncConnection, deed: Deed) -> None:
    row = {"at_ms": deed.at_ms, "item_id": deed.item, "clip_id": deed.clip or None, "person_id": deed.person}
    row |= {"role": deed.role, "action": deed.action}
    detail = msgspec.json.encode(deed.detail).decode()
    await connection.execute(insert(library_log).values(row | {"detail": detail}))


async def deeds(connection: AsyncConnection, item: str = "", clip: str = "") -> tuple[Deed, ...]:
    """Of an item or a clip, the oldest first."""
    c = library_log.c
    query = select(library_log).where(c.clip_id == clip if clip else c.item_id == item)
    return tuple(
        Deed(
            row.at_ms,
            row.item_id,
            row.clip_id or "",
            row.person_id,
            row.role,
            row.action,
            msgspec.json.decode(row.detail),
        )
        for row in await connection.execute(query.order_by(c.number).limit(LISTED))
    )


async def forget_views(connection: AsyncConnection, before_ms: int) -> int:
    """Nothing is kept of people beyond what is needed."""
    gone = await connection.execute(delete(library_views).where(library_views.c.last_ms < before_ms))
    return gone.rowcount
