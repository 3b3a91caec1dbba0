"""What lessons came to: looked up in the record of who was in, of who was refused and of how they were
reached; and of lessons that are long over kept as one row each (`lesson_sums`), so that a day of thousands
is read without reading the record.

A lesson that is over changes no more but for a late knock at its door; one that comes half a day after the
end is not counted as a lesson's trouble. So a row that was kept is never looked at again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, case, exists, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.events import LeaveCause
from classroom.model import LessonState, Role
from classroom.network.dashboard import BROKEN, FailedJoins, LessonSum, SchoolSum
from classroom.network.model import Path
from classroom.network.supervision import LessonPlaces
from classroom.store.network_tables import school_classes
from classroom.store.supervision_places import NOWHERE, Among, givers
from classroom.store.tables import classes, lesson_sums, lessons, presence, quality_sums, refused_entries

KEEP_AFTER_MS: Final = 12 * 3_600_000
"""After its end: its last periods of quality are written, and what a crash left is recovered."""
AT_ONCE: Final = 100
"""Lessons in one transaction, which holds up who else writes for some hundredths of a second."""

NOTHING: Final = LessonSum(NOWHERE)


class _Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """As it stands in a row."""

    gives: Path | None
    course: str
    takes: tuple[Path, ...]
    classes: int
    people: int
    joins: tuple[tuple[str, int, int, int], ...]
    """Reason, times, people, Unix ms of the latest."""
    quality: tuple[SchoolSum, ...]


_DECODER: Final = msgspec.json.Decoder(_Kept)


class Due(NamedTuple):
    lesson: str
    started_ms: int


def looked_up(connection: Connection, among: Among) -> dict[str, LessonSum]:
    """From the record; of lessons of which there is anything."""
    gives = givers(connection, among)
    rooms = _rooms(connection, among)
    people, joins = _joins(connection, among)
    quality = _quality(connection, among)
    found = {}
    for lesson in {*gives, *rooms, *people, *joins, *quality}:
        path, course = gives.get(lesson, (None, ""))
        takes, count = rooms.get(lesson, ((), 0))
        found[lesson] = LessonSum(
            places=LessonPlaces(path, takes, course),
            classes=count,
            people=people.get(lesson, 0),
            joins=tuple(joins.get(lesson, ())),
            quality=tuple(quality.get(lesson, ())),
        )
    return found


def unpacked(lesson: str, body: str) -> LessonSum:
    """Of a row."""
    kept = _DECODER.decode(body)
    places = LessonPlaces(kept.gives, kept.takes, kept.course)
    joins = tuple([FailedJoins(lesson, *each) for each in kept.joins])
    return LessonSum(places, kept.classes, kept.people, joins, kept.quality)


def due(connection: Connection, after_ms: int, now_ms: int) -> tuple[Due, ...]:
    """Lessons that are long over and have no row, by when they began, from then on; AT_ONCE at most."""
    c = lessons.c
    query = (
        select(c.id, c.started_ms)
        .where(
            c.started_ms >= after_ms,
            c.state == LessonState.ENDED,
            c.ended_ms <= now_ms - KEEP_AFTER_MS,
            ~exists(select(literal(1)).where(lesson_sums.c.lesson_id == c.id)),
        )
        .order_by(c.started_ms, c.id)
        .limit(AT_ONCE)
    )
    return tuple(Due(*row) for row in connection.execute(query))


async def keep(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Of lessons that are over; of each what is there already stands."""
    if not ids:
        return
    found = await connection.run_sync(looked_up, lambda column: column.in_(ids))
    rows = [{"lesson_id": each, "body": _packed(found.get(each, NOTHING))} for each in ids]
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    await connection.execute(insert(lesson_sums).on_conflict_do_nothing(), rows)


def _packed(one: LessonSum) -> str:
    places = one.places
    joins = tuple((each.reason, each.times, each.people, each.latest_ms) for each in one.joins)
    kept = _Kept(places.gives, places.course, places.takes, one.classes, one.people, joins, one.quality)
    return msgspec.json.encode(kept).decode()


def _rooms(connection: Connection, among: Among) -> dict[str, tuple[tuple[Path, ...], int]]:
    """Of each lesson the schools that take it, and how many classes it has. A row for each lesson: schools in
    one text, as no path has a comma."""
    c, k = classes.c, school_classes.c
    query = (
        select(c.lesson_id, func.aggregate_strings(k.path, ","), func.count())
        .outerjoin(school_classes, k.id == c.id)
        .where(among(c.lesson_id))
        .group_by(c.lesson_id)
    )
    return {lesson: (_paths(text), count) for lesson, text, count in connection.execute(query)}


def _paths(text: str | None) -> tuple[Path, ...]:
    return tuple(sorted({Path(each) for each in text.split(",")})) if text else ()


def _joins(connection: Connection, among: Among) -> tuple[dict[str, int], dict[str, list[FailedJoins]]]:
    """Of each lesson how many people came in, and for which reasons others did not or did not stay."""
    people: dict[str, int] = {}
    joins: defaultdict[str, list[FailedJoins]] = defaultdict(list)
    c = presence.c
    lost = c.cause == LeaveCause.LOST
    query = (
        select(
            c.lesson_id,
            func.count(c.person_id.distinct()),
            func.count(case((lost, 1))),
            func.count(case((lost, c.person_id)).distinct()),
            func.max(case((lost, c.left_ms))),
        )
        .where(among(c.lesson_id))
        .group_by(c.lesson_id)
    )
    for lesson, count, times, whose, latest_ms in connection.execute(query):
        people[lesson] = count
        if times:
            joins[lesson].append(FailedJoins(lesson, BROKEN, times, whose, latest_ms))
    for each in _refused(connection, among):
        joins[each.lesson].append(each)
    return people, joins


def _refused(connection: Connection, among: Among) -> list[FailedJoins]:
    """Supervisors without a credential are on another record: they are refused on purpose."""
    c = refused_entries.c
    query = (
        select(c.lesson_id, c.reason, func.count(), func.count(c.person_id.distinct()), func.max(c.at_ms))
        .where(among(c.lesson_id), c.role != Role.SUPERVISOR)
        .group_by(c.lesson_id, c.reason)
    )
    return [FailedJoins(*row) for row in connection.execute(query)]


def _quality(connection: Connection, among: Among) -> dict[str, list[SchoolSum]]:
    """Of those who are in a school's class: masters and encoders belong to none."""
    q, k = quality_sums.c, school_classes.c
    sums = [func.sum(each) for each in (q.seconds, q.fair_s, q.poor_s, q.frozen_s)]
    query = (
        select(q.lesson_id, k.path, *sums)
        .join(school_classes, k.id == q.class_id)
        .where(among(q.lesson_id), q.seconds > 0)
        .group_by(q.lesson_id, k.path)
    )
    found: defaultdict[str, list[SchoolSum]] = defaultdict(list)
    for lesson, school, *seconds in connection.execute(query):
        found[lesson].append(SchoolSum(Path(school), *map(int, seconds)))
    return found
