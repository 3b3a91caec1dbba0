"""What is read of the database, as the classroom's own values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.events import LeaveCause
from classroom.limits import PLACE_KEPT_S
from classroom.model import (
    ClassId,
    ClassRoom,
    Hand,
    HandId,
    Lesson,
    LessonId,
    LessonState,
    Person,
    PersonId,
    Phase,
    Role,
)
from classroom.quality import Second, StreamPeriod, Summary, parse_body
from classroom.shared import unpack
from classroom.store import tables
from classroom.store.kinds import STATE_KIND
from sfu.params import QualityReason

PAGE = 1_000
"""Events in one answer: some 200 KB."""
WENT_TOGETHER_MS = 2_000
"""Closing a room of thousands takes less; starting a server again takes more."""
PERIODS = 60
"""Minutes in one answer: an hour of one person, each second of it; some 400 KB."""


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
class PersonQuality:
    """A person's minutes of one lesson, summed up."""

    person: PersonId
    started_ms: int
    """Of the first."""
    ended_ms: int
    """Of the last."""
    figures: Summary
    """`reason`: of the worst minutes, the most frequent."""


@dataclass(frozen=True, slots=True)
class StoredPeriod:
    started_ms: int
    figures: Summary
    seconds: tuple[Second, ...]
    streams: tuple[StreamPeriod, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    seq: int
    at_ms: int
    elapsed_ms: int
    """The lesson's clock: ms since it went live, 0 before."""
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


async def lessons(connection: AsyncConnection, ids: Collection[LessonId] | None = None) -> tuple[Lesson, ...]:
    """By id; of these, or all."""
    rooms: dict[str, list[Row[Any]]] = {}
    classes = select(tables.classes).order_by(tables.classes.c.position)
    query = select(tables.lessons).order_by(tables.lessons.c.id)
    if ids is not None:
        classes = classes.where(tables.classes.c.lesson_id.in_(ids))
        query = query.where(tables.lessons.c.id.in_(ids))
    for room in await connection.execute(classes):
        rooms.setdefault(room.lesson_id, []).append(room)
    found = await connection.execute(query)
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


async def events(
    connection: AsyncConnection,
    lesson_id: LessonId,
    after: int,
    kinds: Collection[str] = (),
    limit: int = PAGE,
) -> tuple[StoredEvent, ...]:
    """Those of `kinds`; of all kinds when there are none."""
    table = tables.events
    query = select(table).where(table.c.lesson_id == lesson_id, table.c.seq > after)
    if kinds:
        query = query.where(table.c.kind.in_(kinds))
    found = await connection.execute(query.order_by(table.c.seq).limit(limit))
    return tuple(stored_event(row) for row in found)


def stored_event(row: Row[Any]) -> StoredEvent:
    return StoredEvent(
        seq=row.seq,
        at_ms=row.at_ms,
        elapsed_ms=row.elapsed_ms,
        kind=row.kind,
        person=row.person_id and PersonId(row.person_id),
        body=msgspec.json.decode(row.body, type=dict[str, Any]),
    )


async def names(connection: AsyncConnection, lesson_id: LessonId) -> dict[PersonId, str]:
    """Of everybody who ever was in the lesson, and of who is registered to teach it."""
    came = select(tables.presence.c.person_id).where(tables.presence.c.lesson_id == lesson_id)
    tutors = select(tables.classes.c.tutor_id).where(tables.classes.c.lesson_id == lesson_id)
    masters = select(tables.lessons.c.master_id).where(tables.lessons.c.id == lesson_id)
    table = tables.people
    named = table.c.id.in_(came) | table.c.id.in_(tutors) | table.c.id.in_(masters)
    found = await connection.execute(select(table).where(named))
    return {PersonId(row.id): row.name for row in found}


async def quality(connection: AsyncConnection, lesson_id: LessonId) -> tuple[PersonQuality, ...]:
    """Everybody's, by person id."""
    q = tables.quality.c
    weighted = [func.sum(column * q.seconds) for column in (q.up_kbps, q.down_kbps, q.lost_up, q.lost_down)]
    known_s = func.sum(case((q.round_trip_ms > 0, q.seconds), else_=0))
    query = select(
        q.person_id,
        func.min(q.started_ms),
        func.max(q.started_ms + q.seconds * 1000),
        *(func.sum(column) for column in (q.seconds, q.fair_s, q.poor_s, q.frozen_s)),
        *weighted,
        func.sum(q.round_trip_ms * q.seconds) / func.nullif(known_s, 0),
    )
    found = await connection.execute(
        query.where(q.lesson_id == lesson_id).group_by(q.person_id).order_by(q.person_id)
    )
    rows = found.all()
    reasons = await _reasons(connection, lesson_id)
    return tuple(_person_quality(tuple(row), reasons) for row in rows)


async def _reasons(connection: AsyncConnection, lesson_id: LessonId) -> dict[str, str]:
    """By person, what made the worst and the most of their minutes worse than good."""
    q = tables.quality.c
    weight = func.sum(q.poor_s * 1000 + q.fair_s)
    query = select(q.person_id, q.reason).where(q.lesson_id == lesson_id, q.reason != "")
    found = await connection.execute(query.group_by(q.person_id, q.reason).order_by(weight))
    return {row.person_id: row.reason for row in found}


def _person_quality(row: tuple[Any, ...], reasons: Mapping[str, str]) -> PersonQuality:
    person, started_ms, ended_ms, seconds, fair_s, poor_s, frozen_s, up, down, *lost, round_trip_ms = row
    figures = Summary(
        seconds=int(seconds),
        fair_s=int(fair_s),
        poor_s=int(poor_s),
        frozen_s=int(frozen_s),
        reason=QualityReason(reasons.get(person, "")),
        up_kbps=int(up / seconds),
        down_kbps=int(down / seconds),
        lost_up=round(lost[0] / seconds, 4),
        lost_down=round(lost[1] / seconds, 4),
        round_trip_ms=int(round_trip_ms or 0),
    )
    return PersonQuality(PersonId(person), started_ms, ended_ms, figures)


async def quality_of(
    connection: AsyncConnection, lesson_id: LessonId, person: PersonId, after_ms: int
) -> tuple[StoredPeriod, ...]:
    """One person's minutes that began after that time, at most PERIODS of them."""
    q = tables.quality.c
    query = select(tables.quality).where(
        q.lesson_id == lesson_id, q.person_id == person, q.started_ms > after_ms
    )
    found = await connection.execute(query.order_by(q.started_ms).limit(PERIODS))
    return tuple(_stored_period(row) for row in found)


def _stored_period(row: Row[Any]) -> StoredPeriod:
    seconds, streams = parse_body(row.body, row.seconds)
    figures = {name: getattr(row, name) for name in Summary.__slots__}
    figures["reason"] = QualityReason(row.reason)
    return StoredPeriod(row.started_ms, Summary(**figures), seconds, streams)


async def last_event(connection: AsyncConnection, lesson_id: LessonId) -> int:
    """Its number; 0 when there is none."""
    return (await last_events(connection, [lesson_id])).get(lesson_id, 0)


async def last_events(connection: AsyncConnection, lesson_ids: Collection[LessonId]) -> dict[LessonId, int]:
    """By lesson; of those that have any."""
    c = tables.events.c
    query = select(c.lesson_id, func.max(c.seq).label("seq")).where(c.lesson_id.in_(lesson_ids))
    found = await connection.execute(query.group_by(c.lesson_id))
    return {LessonId(row.lesson_id): row.seq for row in found}


async def state_reason(connection: AsyncConnection, lesson_id: LessonId) -> str:
    """What was said when the lesson came into its state: of a cancelled one, why it was. Empty: nothing."""
    c = tables.events.c
    query = select(c.body).where(c.lesson_id == lesson_id, c.kind == STATE_KIND)
    body = (await connection.execute(query.order_by(c.seq.desc()).limit(1))).scalar()
    found: dict[str, Any] = {} if body is None else msgspec.json.decode(body)
    return str(found.get("reason", ""))


def _lesson(row: Row[Any], rooms: Iterable[Row[Any]]) -> Lesson:
    lesson = Lesson(
        id=LessonId(row.id),
        title=row.title,
        classes=tuple(
            ClassRoom(
                id=ClassId(room.id),
                name=room.name,
                tutor=room.tutor_id and PersonId(room.tutor_id),
                school=room.school,
                at_home=room.at_home,
                pupils=room.pupils,
            )
            for room in rooms
        ),
        state=LessonState(row.state),
        phase=Phase(row.phase),
        recorded=row.recorded,
        starts_ms=row.starts_ms,
        ends_ms=row.ends_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        master_id=row.master_id and PersonId(row.master_id),
    )
    return unpack(lesson, row.shared)


async def last_told(connection: AsyncConnection, lesson_id: LessonId) -> int:
    """Unix time in ms of the latest event; 0 where there is none."""
    at_ms = tables.events.c.at_ms
    query = select(func.max(at_ms)).where(tables.events.c.lesson_id == lesson_id)
    return (await connection.execute(query)).scalar() or 0


async def kept_places(connection: AsyncConnection, lesson_id: LessonId, since_ms: int) -> tuple[Person, ...]:
    """Who was in the lesson when the server last went, after that time, or was lost so shortly before that
    their place was kept; and has not been in since. In the order they came."""
    t, people = tables.presence.c, tables.people.c
    last = select(func.max(t.seq)).where(t.lesson_id == lesson_id).group_by(t.person_id)
    expected = t.cause.in_((LeaveCause.SERVER, LeaveCause.LOST))
    query = (
        select(tables.presence, people.name)
        .join(tables.people, people.id == t.person_id)
        .where(t.lesson_id == lesson_id, t.seq.in_(last), expected, t.left_ms >= since_ms)
        .order_by(t.seq)
    )
    rows = (await connection.execute(query)).all()
    # All who were in then went within a moment; those of an earlier time have not come back to it.
    went_ms = max((row.left_ms for row in rows if row.cause == LeaveCause.SERVER), default=0)
    earlier_ms = {LeaveCause.SERVER: WENT_TOGETHER_MS, LeaveCause.LOST: round(1000 * PLACE_KEPT_S)}
    return tuple(
        Person(PersonId(row.person_id), row.name, Role(row.role), row.class_id and ClassId(row.class_id))
        for row in rows
        if row.left_ms > went_ms - earlier_ms[LeaveCause(row.cause)]
    )


async def raised_hands(connection: AsyncConnection, lesson_id: LessonId) -> tuple[Hand, ...]:
    """Those that nobody has lowered, in the order they went up."""
    t, people = tables.hands.c, tables.people.c
    query = select(tables.hands, people.name).join(tables.people, people.id == t.person_id)
    found = await connection.execute(
        query.where(t.lesson_id == lesson_id, t.lowered_ms.is_(None)).order_by(t.raised_ms, t.id)
    )
    return tuple(
        Hand(
            id=HandId(row.id),
            person=PersonId(row.person_id),
            name=row.name,
            class_id=row.class_id and ClassId(row.class_id),
            seat=row.seat,
            since_ms=row.since_ms,
        )
        for row in found
    )
