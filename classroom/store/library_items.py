"""The items of the library in the database: made of what the files and the lesson say, changed by
organizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.rules import Grant, Holding, Party, Visibility
from classroom.model import LessonId, LessonState, Role
from classroom.store import reader, supervision_places, tables
from classroom.store.library_tables import library_grants, library_items, library_places

DELETED: Final = "deleted"
LIVE: Final = "live"
MAX_NAMES: Final = 40
"""Of those who taught, told with an item: a lesson has one master and a tutor for each class."""

_items = library_items.c


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What the files of an item say."""

    id: str
    lesson: str
    title: str
    state: str
    """`live` or `ready`."""
    started_ms: int
    """Unix time in ms at which the item's clock shows 0."""
    duration_ms: int
    complete: float
    """0..1"""
    media: str
    """The item as JSON."""
    bytes: int = 0
    """Of media."""
    gap_ms: int = 0
    """Until when media was missing that should be there, Unix time in ms; 0: none was."""


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """An item as the library knows it."""

    number: int
    id: str
    lesson: str
    title: str
    subject: str
    grade: str
    provider: str
    district: str
    master: str
    people: tuple[str, ...]
    state: str
    started_ms: int
    duration_ms: int
    complete: float
    media: str
    visibility: Visibility
    downloads: bool
    indexed_seq: int
    hold_ms: int | None
    hold_by: str
    hold_reason: str
    deleted_ms: int | None
    deleted_by: str
    delete_reason: str
    verdict: str
    verdict_ms: int


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose a track is, in words."""

    person: str
    name: str
    """Of who taught; of pupils none is told: an item may be shown to more people than were in the lesson."""
    class_name: str


def _changed(now_ms: int) -> ColumnElement[int]:
    """Not before any change that was told: who has read up to that one must find this one behind it, even if
    the clock was set back."""
    latest = select(func.coalesce(func.max(_items.changed_ms), 0)).scalar_subquery()
    return case((latest > now_ms, latest), else_=now_ms)


def keep(connection: Connection, facts: ItemFacts, now_ms: int) -> None:
    """Makes the item's row, or brings it to what the files and the lesson say now. What an organizer has set
    stays; a deleted item stays deleted."""
    known = connection.execute(select(library_items).where(_items.id == facts.id)).one_or_none()
    if known is not None and known.state == DELETED:
        return
    people, schools = _of_lesson(connection, LessonId(facts.lesson))
    if known is not None and known.state == facts.state == LIVE:
        # Who gives it is looked up when it begins and when it ends; in between it is kept every few seconds.
        home = known.path
    else:
        home = supervision_places.places_of(connection, (facts.lesson,))[facts.lesson].home
    values = _values(facts, people, schools) | {"path": home}
    if known is None:
        connection.execute(insert(library_items).values(id=facts.id, changed_ms=_changed(now_ms), **values))
    else:
        at = _items.id == facts.id
        kept = {name for name in known.edited.split(",") if name}
        fresh = {name: value for name, value in values.items() if name not in kept}
        if all(getattr(known, name) == value for name, value in fresh.items()):
            return
        # What was found by words of before is found by those of now at the next look.
        renamed = any(
            getattr(known, name) != fresh.get(name) for name in ("title", "people") if name in fresh
        )
        if renamed:
            fresh["indexed_seq"] = -1
        connection.execute(update(library_items).where(at).values({**fresh, "changed_ms": _changed(now_ms)}))
    connection.execute(delete(library_places).where(library_places.c.item_id == facts.id))
    if schools:
        rows = [{"item_id": facts.id, "school": school} for school in schools]
        connection.execute(insert(library_places), rows)


def _values(facts: ItemFacts, people: Sequence[tuple[str, str]], schools: Sequence[str]) -> dict[str, Any]:
    names = dict.fromkeys(name for name, _ in people)
    masters = dict.fromkeys(name for name, role in people if role == Role.MASTER)
    started = datetime.fromtimestamp(facts.started_ms / 1000, UTC)
    return {
        "lesson_id": facts.lesson,
        "title": facts.title,
        # Of one school's lesson the school; of others an organizer says who gave it.
        "provider": schools[0] if len(schools) == 1 else "",
        "master": next(iter(masters), ""),
        "people": "\n".join(list(names)[:MAX_NAMES]),
        "month": started.strftime("%Y-%m"),
        "state": facts.state,
        "started_ms": facts.started_ms,
        "duration_ms": facts.duration_ms,
        "complete": facts.complete,
        "media": facts.media,
        "bytes": facts.bytes,
        "gap_ms": facts.gap_ms,
    }


def _of_lesson(connection: Connection, lesson: LessonId) -> tuple[list[tuple[str, str]], list[str]]:
    """(names and roles of who taught, masters first; schools of its classes)."""
    people, presence, classes, lessons = (
        tables.people.c,
        tables.presence.c,
        tables.classes.c,
        tables.lessons.c,
    )
    came = (
        select(people.name, presence.role)
        .join(tables.people, people.id == presence.person_id)
        .where(presence.lesson_id == lesson, presence.role.in_((Role.MASTER, Role.TUTOR)))
        .order_by(presence.role, presence.seq)
    )
    found = [(row.name, row.role) for row in connection.execute(came) if row.name]
    registered = select(people.name, people.id).where(
        or_(
            people.id.in_(select(classes.tutor_id).where(classes.lesson_id == lesson)),
            people.id.in_(select(lessons.master_id).where(lessons.id == lesson)),
        )
    )
    masters = connection.execute(select(lessons.master_id).where(lessons.id == lesson)).scalar()
    for row in connection.execute(registered):
        found.append((row.name, Role.MASTER if row.id == masters else Role.TUTOR))
    rooms = select(classes.school).where(classes.lesson_id == lesson).order_by(classes.position)
    schools = dict.fromkeys(row.school for row in connection.execute(rooms) if row.school)
    return sorted(dict.fromkeys(found), key=lambda one: one[1] != Role.MASTER), list(schools)


async def senders(connection: AsyncConnection, lesson: LessonId) -> tuple[Sender, ...]:
    """All who were in the lesson: whose a recorded track may be."""
    presence, people, classes = tables.presence.c, tables.people.c, tables.classes.c
    room = and_(classes.lesson_id == presence.lesson_id, classes.id == presence.class_id)
    query = (
        select(presence.person_id, presence.role, people.name, classes.name.label("class_name"))
        .select_from(tables.presence)
        .outerjoin(tables.people, people.id == presence.person_id)
        .outerjoin(tables.classes, room)
        .where(presence.lesson_id == lesson)
        .order_by(presence.seq)
    )
    found = {}
    for row in await connection.execute(query):
        name = row.name if row.role in (Role.MASTER, Role.TUTOR) else ""
        found[row.person_id] = Sender(row.person_id, name or "", row.class_name or "")
    return tuple(found.values())


async def find(connection: AsyncConnection, item: str) -> ItemRecord | None:
    """Deleted ones too."""
    row = (await connection.execute(select(library_items).where(_items.id == item))).one_or_none()
    return None if row is None else record(row)


def record(row: Row[Any]) -> ItemRecord:
    values = {name: getattr(row, name) for name in ItemRecord.__slots__ if hasattr(row, name)}
    values |= {
        "lesson": row.lesson_id,
        "people": tuple(name for name in row.people.split("\n") if name),
        "visibility": Visibility(row.visibility),
        "hold_by": row.hold_by or "",
        "deleted_by": row.deleted_by or "",
    }
    return ItemRecord(**values)


async def schools_of(connection: AsyncConnection, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By item."""
    query = select(library_places).where(library_places.c.item_id.in_(items))
    found: dict[str, tuple[str, ...]] = {}
    for row in await connection.execute(query.order_by(library_places.c.school)):
        found[row.item_id] = (*found.get(row.item_id, ()), row.school)
    return found


async def holding(connection: AsyncConnection, item: str) -> Holding | None:
    """What decides who may see the item; None: there is none."""
    known = await find(connection, item)
    if known is None:
        return None
    lesson = await reader.lesson(connection, LessonId(known.lesson))
    goes_on = lesson is not None and lesson.state in (LessonState.OPEN, LessonState.LIVE)
    removed = {one.person for one in lesson.conduct.removed} if lesson is not None and goes_on else set()
    return Holding(
        lesson=known.lesson,
        visibility=known.visibility,
        provider=known.provider,
        district=known.district,
        schools=frozenset((await schools_of(connection, [item])).get(item, ())),
        grants=await grants(connection, item),
        removed=frozenset(removed),
        deleted=known.deleted_ms is not None,
        downloads=known.downloads,
    )


async def grants(connection: AsyncConnection, item: str) -> tuple[Grant, ...]:
    query = select(library_grants).where(library_grants.c.item_id == item)
    found = await connection.execute(query.order_by(library_grants.c.party, library_grants.c.value))
    return tuple(Grant(Party(row.party), row.value, row.allowed) for row in found)


async def put_grant(connection: AsyncConnection, item: str, grant: Grant, *, by: str, at_ms: int) -> None:
    await drop_grant(connection, item, grant.party, grant.value)
    row = {"item_id": item, "party": grant.party, "value": grant.value, "allowed": grant.allowed}
    await connection.execute(insert(library_grants).values(**row, by=by, at_ms=at_ms))
    await touch(connection, item, at_ms)


async def drop_grant(connection: AsyncConnection, item: str, party: Party, value: str) -> bool:
    """False: there was none."""
    table = library_grants.c
    dropped = await connection.execute(
        delete(library_grants).where(table.item_id == item, table.party == party, table.value == value)
    )
    return bool(dropped.rowcount)


async def touch(connection: AsyncConnection, item: str, at_ms: int) -> None:
    """Something has changed by which it is listed."""
    await connection.execute(
        update(library_items).where(_items.id == item).values(changed_ms=_changed(at_ms))
    )


async def change(connection: AsyncConnection, item: str, values: Mapping[str, Any], now_ms: int) -> None:
    """Sets columns by an organizer's word: the files do not change them any more."""
    row = (await connection.execute(select(_items.edited).where(_items.id == item))).one()
    edited = sorted({name for name in row.edited.split(",") if name} | set(values))
    fresh = {**values, "edited": f",{','.join(edited)},", "indexed_seq": -1, "changed_ms": _changed(now_ms)}
    await connection.execute(update(library_items).where(_items.id == item).values(fresh))


async def set_hold(
    connection: AsyncConnection, item: str, *, at_ms: int | None, by: str, reason: str
) -> None:
    """at_ms None: releases it."""
    values = {"hold_ms": at_ms, "hold_by": by if at_ms is not None else None, "hold_reason": reason}
    await connection.execute(update(library_items).where(_items.id == item).values(values))


async def set_deleted(connection: AsyncConnection, item: str, *, at_ms: int, by: str, reason: str) -> None:
    values = {
        "state": DELETED,
        "deleted_ms": at_ms,
        "deleted_by": by,
        "delete_reason": reason,
        "deletion_told": False,
        "changed_ms": _changed(at_ms),
    }
    await connection.execute(update(library_items).where(_items.id == item).values(values))


def untold_deletions(connection: Connection) -> tuple[ItemRecord, ...]:
    """Those of whose deletion their lesson's stream does not say anything yet."""
    query = select(library_items).where(_items.deletion_told.is_(False)).order_by(_items.deleted_ms)
    return tuple(record(row) for row in connection.execute(query))


_UNTOLD: Final = select(_items.id).where(_items.deletion_told.is_(False)).limit(1)


def has_untold_deletions(connection: Connection) -> bool:
    return connection.execute(_UNTOLD).first() is not None


async def set_verdict(connection: AsyncConnection, item: str, verdict: str, at_ms: int) -> None:
    values = {"verdict": verdict, "verdict_ms": at_ms}
    await connection.execute(update(library_items).where(_items.id == item).values(values))


async def states(connection: AsyncConnection) -> dict[str, str]:
    """Item -> state, of all."""
    found = await connection.execute(select(_items.id, _items.state))
    return {row.id: row.state for row in found}
