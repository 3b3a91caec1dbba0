"""Lessons as the wall needs them, who supervised what, and credentials that ended early."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, CompoundSelect, Connection, bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import Lesson, LessonId, LessonState, PersonId
from classroom.network.model import Office
from classroom.network.wall import MISSED_MS
from classroom.store.library_tables import library_items
from classroom.store.network_tables import accounts, appointments
from classroom.store.supervision_places import pieces
from classroom.store.tables import LIVE, lessons, observations, people, refused_entries

MAX_LIVE: Final = 2_000
"""Lessons on one wall: ten times those of a large district."""
PAGE: Final = 500
_LOOKING: Final = (Office.SUPERVISOR, Office.ORGANIZER, Office.PROVIDER)


@dataclass(frozen=True, slots=True)
class Observation:
    """Somebody supervised a lesson, or was not let in to."""

    id: str
    lesson: str
    title: str
    person: str
    name: str
    started_ms: int
    ended_ms: int | None
    """None: goes on."""
    refused: str = ""
    """Why they were not let in; empty: they were."""


async def live(connection: AsyncConnection, now_ms: int) -> tuple[Lesson, ...]:
    """What is live, and what should be: planned for the last hours, and not begun."""
    c = lessons.c
    what = select(c.id, c.title, c.state, c.recorded, c.starts_ms, c.ends_ms, c.started_ms, c.master_id)
    # Apart, so that each is read by its index: of both together a database reads all lessons.
    on_air = what.where(text(f"lessons.{LIVE}"))
    waiting = what.where(
        c.state.in_((LessonState.SCHEDULED, LessonState.OPEN)),
        c.starts_ms > now_ms - MISSED_MS,
        c.starts_ms <= now_ms,
    )
    found: dict[LessonId, Lesson] = {}
    for query in (waiting.order_by(c.starts_ms, c.id), on_air.order_by(c.started_ms, c.id)):
        rows = await connection.execute(query.limit(MAX_LIVE))
        found |= {LessonId(row.id): _lesson(row) for row in rows}
    return tuple(sorted(found.values(), key=lambda each: (each.started_ms, each.id))[:MAX_LIVE])


def _lesson(row: Any) -> Lesson:
    """Without classes and what is shared: of a lesson whose room is open here, the room knows better."""
    return Lesson(
        id=LessonId(row.id),
        title=row.title,
        state=LessonState(row.state),
        recorded=row.recorded,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        started_ms=row.started_ms,
        master_id=PersonId(row.master_id) if row.master_id else None,
    )


@dataclass(frozen=True, slots=True)
class LiveItem:
    id: str
    gap_ms: int
    """Until when it has missed something, Unix time in ms; 0: it has not."""


NO_ITEM: Final = LiveItem("", 0)


async def items(connection: AsyncConnection, ids: Collection[str]) -> dict[str, LiveItem]:
    """Of the lessons that are being recorded, or were: the latest item of each."""
    i = library_items.c
    found: dict[str, LiveItem] = {}
    for some in pieces(sorted(ids)):
        query = select(i.lesson_id, i.id, i.gap_ms).where(i.lesson_id.in_(some), i.state != "deleted")
        rows = await connection.execute(query.order_by(i.started_ms))
        found |= {row.lesson_id: LiveItem(row.id, row.gap_ms) for row in rows}
    return found


async def item(connection: AsyncConnection, lesson: str) -> str:
    """Of one lesson; empty: there is none."""
    return (await items(connection, (lesson,))).get(lesson, NO_ITEM).id


async def refuse(connection: AsyncConnection, lesson: str, person: str, reason: str, at_ms: int) -> None:
    """Somebody wanted to supervise a lesson and was not let in, or was sent out."""
    row: dict[str, Any] = {"id": secrets.token_hex(16), "lesson_id": lesson, "person_id": person}
    row |= {"role": Office.SUPERVISOR, "at_ms": at_ms, "reason": reason}
    await connection.execute(insert(refused_entries).values(row))


def revoked_credentials(connection: Connection, since_ms: int) -> frozenset[str]:
    """Ids of credentials (offices by which lessons are looked at) that were taken back since then, or whose
    holder's account was shut."""
    return frozenset(connection.execute(_TAKEN_BACK, {"since_ms": since_ms}).scalars())


def _taken_back() -> CompoundSelect[Any]:
    a, since_ms = appointments.c, bindparam("since_ms", type_=BigInteger)
    taken = select(a.id).where(a.revoked_ms >= since_ms, a.office.in_(_LOOKING))
    shut = (
        select(a.id)
        .join(accounts, accounts.c.person_id == a.person_id)
        .where(accounts.c.disabled_ms >= since_ms, a.office.in_(_LOOKING))
    )
    return taken.union(shut)


_TAKEN_BACK: Final = _taken_back()
"""Asked every other second; to make it anew took as long as to ask."""


async def observed(
    connection: AsyncConnection, ids: Collection[str], *, person: str = "", before_ms: int | None = None
) -> tuple[Observation, ...]:
    """Of these lessons, the latest first; person: by them alone."""
    found: list[Observation] = []
    for some in pieces(sorted(ids)):
        found += await _let_in(connection, some, person, before_ms)
        found += await _refused(connection, some, person, before_ms)
    found.sort(key=lambda each: (-each.started_ms, each.id))
    return tuple(found[:PAGE])


async def _let_in(
    connection: AsyncConnection, ids: Collection[str], person: str, before_ms: int | None
) -> list[Observation]:
    o = observations.c
    query = (
        select(observations, lessons.c.title, people.c.name)
        .outerjoin(lessons, lessons.c.id == o.lesson_id)
        .outerjoin(people, people.c.id == o.person_id)
        .where(o.lesson_id.in_(ids))
        .order_by(o.started_ms.desc(), o.id)
        .limit(PAGE)
    )
    if person:
        query = query.where(o.person_id == person)
    if before_ms is not None:
        query = query.where(o.started_ms < before_ms)
    return [
        Observation(
            row.id,
            row.lesson_id,
            row.title or "",
            row.person_id,
            row.name or "",
            row.started_ms,
            row.ended_ms,
        )
        for row in await connection.execute(query)
    ]


async def _refused(
    connection: AsyncConnection, ids: Collection[str], person: str, before_ms: int | None
) -> list[Observation]:
    r = refused_entries.c
    query = (
        select(refused_entries, lessons.c.title, people.c.name)
        .outerjoin(lessons, lessons.c.id == r.lesson_id)
        .outerjoin(people, people.c.id == r.person_id)
        .where(r.lesson_id.in_(ids), r.role == Office.SUPERVISOR)
        .order_by(r.at_ms.desc(), r.id)
        .limit(PAGE)
    )
    if person:
        query = query.where(r.person_id == person)
    if before_ms is not None:
        query = query.where(r.at_ms < before_ms)
    return [
        Observation(
            row.id,
            row.lesson_id,
            row.title or "",
            row.person_id,
            row.name or "",
            row.at_ms,
            row.at_ms,
            row.reason,
        )
        for row in await connection.execute(query)
    ]
