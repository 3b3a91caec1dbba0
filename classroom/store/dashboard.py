"""What the organizers' dashboard shows, looked up once for everybody.

A day costs five statements whatever is on it: lessons by the index of their times, and the rest by a
condition on those lessons. Quality is read from its sums (`quality_sums`), never from the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.events import LeaveCause
from classroom.model import LessonState, Role
from classroom.network.dashboard import (
    BROKEN,
    NEARLY,
    Day,
    FailedJoins,
    LessonOfDay,
    ProblemSum,
    QuotaSum,
    QuotaUse,
    SchoolQuality,
    Stored,
)
from classroom.network.model import ROOT, Path, Place, PlaceId
from classroom.network.supervision import ON_THE_LIST, LessonPlaces, ProblemState
from classroom.store import network_places
from classroom.store.catalogue_tables import quotas, terms
from classroom.store.library_items import DELETED
from classroom.store.library_tables import library_items
from classroom.store.network_paths import within_any
from classroom.store.network_tables import places, school_classes
from classroom.store.supervision_places import givers
from classroom.store.supervision_tables import review_problems
from classroom.store.tables import classes, lessons, presence, quality_sums, refused_entries

MAX_LESSONS: Final = 10_000
"""Of one day: five times those of the largest district planned for."""
MAX_QUOTAS: Final = 2_000
MAX_SCOPE: Final = 500
"""Schools of a district, to choose from."""
OVER_NIGHT_MS: Final = 12 * 3_600_000
"""A lesson that began the day before, and goes on."""


async def day(connection: AsyncConnection, from_ms: int, until_ms: int) -> Day:
    """The lessons of a day, with what came of joining them and how their people were reached."""
    wanted = _lessons_of(from_ms, until_ms)
    c = lessons.c
    columns = (c.id, c.title, c.state, c.starts_ms, c.ends_ms, c.started_ms, c.ended_ms)
    query = select(*columns).where(c.id.in_(wanted)).order_by(c.starts_ms, c.id).limit(MAX_LESSONS + 1)
    rows = (await connection.execute(query)).all()
    gives = await givers(connection, lambda column: column.in_(wanted))
    rooms = await _rooms(connection, wanted)
    people, broken = await _broken(connection, wanted)
    joins = (*broken, *await _refused(connection, wanted))
    refused, lost = _times(each for each in joins if each.reason != BROKEN), _times(broken)
    found = []
    for row in rows[:MAX_LESSONS]:
        path, course = gives.get(row.id, (None, ""))
        takes, count = rooms.get(row.id, ((), 0))
        found.append(
            LessonOfDay(
                id=row.id,
                title=row.title,
                state=_STATES[row.state],
                starts_ms=row.starts_ms,
                ends_ms=row.ends_ms,
                started_ms=row.started_ms,
                ended_ms=row.ended_ms,
                places=LessonPlaces(path, takes, course),
                classes=count,
                people=people.get(row.id, 0),
                refused=refused[row.id],
                broken=lost[row.id],
            )
        )
    quality = await _quality(connection, wanted)
    return Day(
        from_ms=from_ms,
        until_ms=until_ms,
        lessons=tuple(found),
        joins=tuple(sorted(joins, key=lambda each: (-each.latest_ms, each.lesson, each.reason))),
        quality=quality,
        more=len(rows) > MAX_LESSONS,
    )


def _lessons_of(from_ms: int, until_ms: int) -> Select[tuple[str]]:
    """Planned for the day, or begun in it; and what goes on from the evening before."""
    c = lessons.c
    began = and_(c.started_ms >= from_ms, c.started_ms < until_ms)
    goes_on = and_(
        c.started_ms >= from_ms - OVER_NIGHT_MS, c.started_ms < from_ms, c.state == LessonState.LIVE
    )
    planned = and_(c.starts_ms >= from_ms, c.starts_ms < until_ms)
    return select(c.id).where(or_(planned, began, goes_on))


_STATES: Final = {each.value: each for each in LessonState}


async def _rooms(
    connection: AsyncConnection, wanted: Select[tuple[str]]
) -> dict[str, tuple[tuple[Path, ...], int]]:
    """Of each lesson the schools that take it, and how many classes it has. A row for each lesson: schools in
    one text, as no path has a comma."""
    c, k = classes.c, school_classes.c
    query = (
        select(c.lesson_id, func.count(), func.aggregate_strings(k.path, ","))
        .outerjoin(school_classes, k.id == c.id)
        .where(c.lesson_id.in_(wanted))
        .group_by(c.lesson_id)
    )
    return {row[0]: (_paths(row[2]), row[1]) for row in await connection.execute(query)}


def _paths(text: str | None) -> tuple[Path, ...]:
    return tuple(sorted({Path(each) for each in text.split(",")})) if text else ()


async def _broken(
    connection: AsyncConnection, wanted: Select[tuple[str]]
) -> tuple[dict[str, int], list[FailedJoins]]:
    """How many people came into each, and whose connections went away."""
    c = presence.c
    lost = c.cause == LeaveCause.LOST
    query = (
        select(
            c.lesson_id,
            func.count(c.person_id.distinct()).label("people"),
            func.count(case((lost, 1))).label("times"),
            func.count(case((lost, c.person_id)).distinct()).label("whose"),
            func.max(case((lost, c.left_ms))).label("latest_ms"),
        )
        .where(c.lesson_id.in_(wanted))
        .group_by(c.lesson_id)
    )
    rows = (await connection.execute(query)).all()
    people = {row.lesson_id: row.people for row in rows}
    return people, [
        FailedJoins(row.lesson_id, BROKEN, row.times, row.whose, row.latest_ms) for row in rows if row.times
    ]


async def _refused(connection: AsyncConnection, wanted: Select[tuple[str]]) -> list[FailedJoins]:
    """Supervisors without a credential are on another record: they are refused on purpose."""
    c = refused_entries.c
    query = (
        select(
            c.lesson_id,
            c.reason,
            func.count().label("times"),
            func.count(c.person_id.distinct()).label("people"),
            func.max(c.at_ms).label("latest_ms"),
        )
        .where(c.lesson_id.in_(wanted), c.role != Role.SUPERVISOR)
        .group_by(c.lesson_id, c.reason)
    )
    return [
        FailedJoins(row.lesson_id, row.reason, row.times, row.people, row.latest_ms)
        for row in await connection.execute(query)
    ]


def _times(joins: Iterable[FailedJoins]) -> Counter[str]:
    """By lesson."""
    times: Counter[str] = Counter()
    for each in joins:
        times[each.lesson] += each.times
    return times


async def _quality(connection: AsyncConnection, wanted: Select[tuple[str]]) -> tuple[SchoolQuality, ...]:
    """Of those who are in a school's class: masters and encoders belong to none."""
    q = quality_sums.c
    sums = [func.sum(each) for each in (q.seconds, q.fair_s, q.poor_s, q.frozen_s)]
    query = (
        select(school_classes.c.path, func.count(q.lesson_id.distinct()), *sums)
        .join(school_classes, school_classes.c.id == q.class_id)
        .where(q.lesson_id.in_(wanted), q.seconds > 0)
        .group_by(school_classes.c.path)
    )
    return tuple(
        SchoolQuality(Path(row[0]), row[1], *map(int, row[2:])) for row in await connection.execute(query)
    )


async def stored(connection: AsyncConnection) -> tuple[Stored, ...]:
    """What the library keeps, by whose it is."""
    c = library_items.c
    query = (
        select(c.path, c.state, func.count().label("items"), func.sum(c.bytes).label("bytes"))
        .where(c.state != DELETED)
        .group_by(c.path, c.state)
    )
    found: dict[Path, Stored] = {}
    for row in await connection.execute(query):
        path = Path(row.path)
        before = found.get(path, Stored(path, 0, 0, 0))
        live = row.items if row.state == "live" else 0
        found[path] = Stored(
            path, before.items + row.items, before.live + live, before.bytes + int(row.bytes)
        )
    return tuple(found.values())


async def quota_uses(
    connection: AsyncConnection, paths: Collection[Path], now_ms: int
) -> tuple[QuotaUse, ...]:
    """Of the providers within these places, in terms that go on; who has used most of it first."""
    q, t, p = quotas.c, terms.c, places.c
    columns = (t.name.label("term"), p.name.label("provider"), p.path, q.allowed, q.booked)
    query = _quotas(select(*columns), paths, now_ms).limit(MAX_QUOTAS)
    found = [
        QuotaUse(row.term, row.provider, Path(row.path), row.allowed, row.booked)
        for row in await connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda each: (-each.used, each.path, each.term)))


async def quota_sum(connection: AsyncConnection, paths: Collection[Path], now_ms: int) -> QuotaSum:
    q = quotas.c
    nearly = (q.booked >= NEARLY * q.allowed) & (q.booked > 0)
    sums = (func.sum(q.allowed), func.sum(q.booked))
    counts = (func.count(q.provider_id.distinct()), func.count(case((nearly, 1))))
    row = (await connection.execute(_quotas(select(*counts, *sums), paths, now_ms))).one()
    return QuotaSum(*(int(each or 0) for each in row))


def _quotas(query: Any, paths: Collection[Path], now_ms: int) -> Any:
    t, p = terms.c, places.c
    return (
        query.select_from(quotas)
        .join(terms, t.id == quotas.c.term_id)
        .join(places, p.id == quotas.c.provider_id)
        .where(t.from_ms <= now_ms, now_ms < t.until_ms, within_any(p.path, paths))
    )


async def problem_sum(connection: AsyncConnection, paths: Collection[Path]) -> ProblemSum:
    c = review_problems.c
    answered = func.count(case((c.state == ProblemState.ANSWERED, 1)))
    columns = (func.count(), answered, func.count(c.path.distinct()), func.min(c.opened_ms))
    query = select(*columns).where(within_any(c.path, paths), c.state.in_(ON_THE_LIST))
    row = (await connection.execute(query)).one()
    return ProblemSum(row[0] - row[1], row[1], row[2], row[3] or 0)


async def scope(
    connection: AsyncConnection, paths: Collection[Path], place: PlaceId | None
) -> tuple[Place, ...]:
    """The places that somebody may choose from: where they stand (without a place those that they reach, by
    their paths), and what lies directly in it."""
    c = places.c
    if place is not None:
        own = c.id == place
    else:
        own = c.parent_id.is_(None) if ROOT in paths else c.path.in_(paths)
    inner = c.parent_id.in_(select(c.id).where(own))
    query = select(places).where(or_(own, inner), c.closed_ms.is_(None)).order_by(c.path).limit(MAX_SCOPE)
    return tuple(network_places.place_of(row) for row in await connection.execute(query))
