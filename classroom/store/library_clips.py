"""Micro-lessons in the database: made, cut, moved from state to state, and brought to people's notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.clips import ClipPlan, ClipStanding, ClipState
from classroom.library.rules import ANY, REVIEW, SUBJECT, Viewer
from classroom.model import Role
from classroom.store import library_items
from classroom.store.library_tables import library_clips, library_notice_reads, library_notices

WAITING: Final = "waiting"
FAILED: Final = "failed"
MAX_WAITING: Final = 20
"""Clips of one person that are not cut yet: more is a script."""
LISTED: Final = 100
NOTICES: Final = 50

_clips = library_clips.c


@dataclass(frozen=True, slots=True)
class Clip:
    id: str
    item: str
    lesson: str
    provider: str
    title: str
    subject: str
    key_point: str
    track: str
    start_ms: int
    end_ms: int
    exact: bool
    state: ClipState
    cut: str
    """`waiting`, `failed`, or how the file came out: `exact`, `keyframe`."""
    cut_start_ms: int
    duration_ms: int
    bytes: int
    author_id: str
    author: str
    made_ms: int
    changed_ms: int
    revision: int
    reviewer_id: str
    remark: str
    deleted_ms: int | None = None

    @property
    def is_cut(self) -> bool:
        return self.cut not in (WAITING, FAILED)

    @property
    def plan(self) -> ClipPlan:
        return ClipPlan(self.title, self.subject, self.key_point, self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class Notice:
    """What was brought to somebody's notice."""

    number: int
    kind: str
    """`published`: to the teachers of the subject; `returned`, `reviewed`: to the author; `drafted`: to
    those who review the subject."""
    clip: str
    title: str
    subject: str
    remark: str
    at_ms: int
    read: bool


async def add(connection: AsyncConnection, clip: Clip) -> bool:
    """False: too many of the author's wait to be cut."""
    waiting = select(func.count()).where(
        _clips.author_id == clip.author_id, _clips.cut == WAITING, _clips.deleted_ms.is_(None)
    )
    if ((await connection.execute(waiting)).scalar() or 0) >= MAX_WAITING:
        return False
    await connection.execute(insert(library_clips).values(_row(clip)))
    return True


async def put(connection: AsyncConnection, clip: Clip) -> bool:
    """False: somebody else has changed it meanwhile (`clip.revision` is that of before)."""
    values = _row(clip) | {"revision": clip.revision + 1}
    at = (_clips.id == clip.id) & (_clips.revision == clip.revision)
    changed = await connection.execute(update(library_clips).where(at).values(values))
    return bool(changed.rowcount)


async def find(connection: AsyncConnection, clip: str) -> Clip | None:
    """Deleted ones too."""
    row = (await connection.execute(select(library_clips).where(_clips.id == clip))).one_or_none()
    return None if row is None else _clip(row)


async def standing(connection: AsyncConnection, clip: str) -> ClipStanding | None:
    """What decides who may see it."""
    found = await find(connection, clip)
    if found is None:
        return None
    item = await library_items.holding(connection, found.item)
    return ClipStanding(
        found.author_id,
        found.subject,
        found.state,
        found.is_cut,
        None if item is None or item.deleted else item,
        deleted=found.deleted_ms is not None,
    )


async def listed(
    connection: AsyncConnection,
    viewer: Viewer,
    *,
    state: str = "",
    subject: str = "",
    item: str = "",
    mine: bool = False,
) -> tuple[Clip, ...]:
    """Those that the viewer may see, the latest first. Of published ones those who do not teach see none
    here: they find them beside the item."""
    parts: list[ColumnElement[bool]] = [_clips.deleted_ms.is_(None), _seen_by(viewer)]
    for column, value in ((_clips.state, state), (_clips.subject, subject), (_clips.item_id, item)):
        if value:
            parts.append(column == value)
    if mine:
        parts.append(_clips.author_id == viewer.person)
    query = select(library_clips).where(and_(*parts)).order_by(_clips.changed_ms.desc(), _clips.id)
    return tuple(_clip(row) for row in await connection.execute(query.limit(LISTED)))


async def uncut(connection: AsyncConnection) -> tuple[Clip, ...]:
    """Those that wait to be cut, the oldest first."""
    query = select(library_clips).where(_clips.cut == WAITING, _clips.deleted_ms.is_(None))
    return tuple(_clip(row) for row in await connection.execute(query.order_by(_clips.made_ms).limit(LISTED)))


async def all_of(connection: AsyncConnection, item: str = "") -> tuple[Clip, ...]:
    """Not deleted; of an item, or of all."""
    query = select(library_clips).where(_clips.deleted_ms.is_(None))
    if item:
        query = query.where(_clips.item_id == item)
    return tuple(_clip(row) for row in await connection.execute(query.order_by(_clips.changed_ms)))


def _seen_by(viewer: Viewer) -> ColumnElement[bool]:
    """As `ClipStanding.right`, but for the item's own rules."""
    if viewer.role is Role.ORGANIZER:
        return true()
    seen: list[ColumnElement[bool]] = [_clips.author_id == viewer.person]
    if viewer.teaches:
        seen.append(_clips.state == ClipState.PUBLISHED)
        reviewed = viewer.values(REVIEW)
        seen.append(true() if ANY in reviewed else _clips.subject.in_(reviewed))
    return or_(*seen)


def _row(clip: Clip) -> dict[str, Any]:
    values = {name: getattr(clip, name) for name in Clip.__slots__ if name not in ("item", "lesson")}
    return values | {"item_id": clip.item, "lesson_id": clip.lesson, "reviewer_id": clip.reviewer_id or None}


def _clip(row: Row[Any]) -> Clip:
    values = {name: getattr(row, name) for name in Clip.__slots__ if name not in ("item", "lesson")}
    values |= {"item": row.item_id, "lesson": row.lesson_id, "reviewer_id": row.reviewer_id or ""}
    return Clip(**{**values, "state": ClipState(row.state)})


async def notify(
    connection: AsyncConnection, clip: Clip, kind: str, *, person: str | None, at_ms: int
) -> None:
    """person None: all who teach the subject, or for `drafted` all who review it."""
    row: dict[str, Any] = {"kind": kind, "clip_id": clip.id, "title": clip.title}
    row |= {"subject": clip.subject, "remark": clip.remark, "person_id": person}
    await connection.execute(insert(library_notices).values(**row, at_ms=at_ms))


async def notices(connection: AsyncConnection, viewer: Viewer) -> tuple[Notice, ...]:
    """The latest first."""
    n, r = library_notices.c, library_notice_reads.c
    read = (r.notice == n.number) & (r.person_id == viewer.person)
    query = select(library_notices, r.at_ms.label("read_ms")).outerjoin(library_notice_reads, read)
    found = await connection.execute(query.where(_for(viewer)).order_by(n.number.desc()).limit(NOTICES))
    return tuple(
        Notice(
            row.number,
            row.kind,
            row.clip_id,
            row.title,
            row.subject,
            row.remark,
            row.at_ms,
            row.read_ms is not None,
        )
        for row in found
    )


async def read_notices(connection: AsyncConnection, viewer: Viewer, up_to: int, at_ms: int) -> None:
    """Up to that number: seen."""
    new = [
        {"notice": notice.number, "person_id": viewer.person, "at_ms": at_ms}
        for notice in await notices(connection, viewer)
        if not notice.read and notice.number <= up_to
    ]
    if new:
        await connection.execute(insert(library_notice_reads), new)


def _for(viewer: Viewer) -> ColumnElement[bool]:
    n = library_notices.c
    mine: list[ColumnElement[bool]] = [n.person_id == viewer.person]
    if viewer.teaches:
        taught, reviewed = viewer.values(SUBJECT), viewer.values(REVIEW)
        all_of_subject = n.person_id.is_(None) & (n.kind == "published")
        mine.append(all_of_subject & n.subject.in_(taught | reviewed))
        to_review: ColumnElement[bool] = n.subject.in_(reviewed)
        if ANY in reviewed:
            to_review = true()
            mine.append(all_of_subject)
        mine.append(n.person_id.is_(None) & (n.kind == "drafted") & to_review)
    return or_(*mine)
