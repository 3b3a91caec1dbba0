"""What the organizers' dashboard shows, looked up once for everybody.

A day costs one statement once its lessons are long over (`classroom.store.lesson_sums`), and seven before,
whatever is on it: lessons by the index of their times, and the rest by a condition on those lessons. Quality
is read from its sums (`quality_sums`), never from the record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonState
from classroom.network.dashboard import (
    BROKEN,
    NEARLY,
    Day,
    LessonOfDay,
    LessonSum,
    ProblemSum,
    QuotaSum,
    QuotaUse,
    Stored,
    by_school,
)
from classroom.network.model import ROOT, Path, Place, PlaceId
from classroom.network.supervision import ON_THE_LIST, ProblemState
from classroom.store import network_places
from classroom.store.catalogue_tables import quotas, terms
from classroom.store.lesson_sums import NOTHING, looked_up, unpacked
from classroom.store.library_items import DELETED
from classroom.store.library_tables import library_items
from classroom.store.network_paths import within_any
from classroom.store.network_tables import places
from classroom.store.supervision_tables import review_problems
from classroom.store.tables import lesson_sums, lessons

MAX_LESSONS: Final = 10_000
"""Of one day: five times those of the largest district planned for."""
MAX_QUOTAS: Final = 2_000
MAX_SCOPE: Final = 500
"""Schools of a district, to choose from."""
OVER_NIGHT_MS: Final = 12 * 3_600_000
"""A lesson that began the day before, and goes on."""


def day(connection: Connection, from_ms: int, until_ms: int) -> Day:
    """The lessons of a day, with what came of joining them and how their people were reached."""
    of_day = _of_day(from_ms, until_ms)
    kept = lesson_sums.c.body
    query = (
        select(*_LESSON, kept)
        .outerjoin(lesson_sums, lesson_sums.c.lesson_id == lessons.c.id)
        .where(of_day)
        .order_by(lessons.c.starts_ms, lessons.c.id)
        .limit(MAX_LESSONS + 1)
    )
    rows = connection.execute(query).all()
    sums = {row[0]: unpacked(row[0], row[-1]) for row in rows if row[-1] is not None}
    if len(sums) < len(rows):
        wanted = select(lessons.c.id).where(of_day, ~exists(_kept(lessons.c.id)))
        sums |= looked_up(connection, lambda column: column.in_(wanted))
    found = tuple([_lesson(row, sums.get(row[0], NOTHING)) for row in rows[:MAX_LESSONS]])
    joins = (join for each in sums.values() for join in each.joins)
    return Day(
        from_ms=from_ms,
        until_ms=until_ms,
        lessons=found,
        joins=tuple(sorted(joins, key=lambda each: (-each.latest_ms, each.lesson, each.reason))),
        quality=by_school(sums.values()),
        more=len(rows) > MAX_LESSONS,
    )


def _of_day(from_ms: int, until_ms: int) -> ColumnElement[bool]:
    """Planned for the day, or begun in it; and what goes on from the evening before."""
    c = lessons.c
    began = and_(c.started_ms >= from_ms, c.started_ms < until_ms)
    goes_on = and_(
        c.started_ms >= from_ms - OVER_NIGHT_MS, c.started_ms < from_ms, c.state == LessonState.LIVE
    )
    planned = and_(c.starts_ms >= from_ms, c.starts_ms < until_ms)
    return or_(planned, began, goes_on)


def _kept(lesson: ColumnElement[str]) -> Select[int]:
    return select(literal(1)).where(lesson_sums.c.lesson_id == lesson)


_LESSON: Final = tuple(
    lessons.c[name] for name in ("id", "title", "state", "starts_ms", "ends_ms", "started_ms", "ended_ms")
)
_STATES: Final = {each.value: each for each in LessonState}


def _lesson(row: Any, sums: LessonSum) -> LessonOfDay:
    lesson, title, state, starts_ms, ends_ms, started_ms, ended_ms, _ = row
    broken = sum([each.times for each in sums.joins if each.reason == BROKEN])
    return LessonOfDay(
        id=lesson,
        title=title,
        state=_STATES[state],
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        started_ms=started_ms,
        ended_ms=ended_ms,
        places=sums.places,
        classes=sums.classes,
        people=sums.people,
        refused=sum([each.times for each in sums.joins]) - broken,
        broken=broken,
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


def quota_uses(connection: Connection, paths: Collection[Path], now_ms: int) -> tuple[QuotaUse, ...]:
    """Of the providers within these places, in terms that go on; who has used most of it first."""
    q, t, p = quotas.c, terms.c, places.c
    columns = (t.name.label("term"), p.name.label("provider"), p.path, q.allowed, q.booked)
    query = _quotas(select(*columns), paths, now_ms).limit(MAX_QUOTAS)
    found = [
        QuotaUse(row.term, row.provider, Path(row.path), row.allowed, row.booked)
        for row in connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda each: (-each.used, each.path, each.term)))


def quota_sum(connection: Connection, paths: Collection[Path], now_ms: int) -> QuotaSum:
    q = quotas.c
    nearly = (q.booked >= NEARLY * q.allowed) & (q.booked > 0)
    sums = (func.sum(q.allowed), func.sum(q.booked))
    counts = (func.count(q.provider_id.distinct()), func.count(case((nearly, 1))))
    row = connection.execute(_quotas(select(*counts, *sums), paths, now_ms)).one()
    return QuotaSum(*(int(each or 0) for each in row))


def _quotas(query: Any, paths: Collection[Path], now_ms: int) -> Any:
    t, p = terms.c, places.c
    return (
        query.select_from(quotas)
        .join(terms, t.id == quotas.c.term_id)
        .join(places, p.id == quotas.c.provider_id)
        .where(t.from_ms <= now_ms, now_ms < t.until_ms, within_any(p.path, paths))
    )


def problem_sum(connection: Connection, paths: Collection[Path]) -> ProblemSum:
    c = review_problems.c
    answered = func.count(case((c.state == ProblemState.ANSWERED, 1)))
    columns = (func.count(), answered, func.count(c.path.distinct()), func.min(c.opened_ms))
    query = select(*columns).where(within_any(c.path, paths), c.state.in_(ON_THE_LIST))
    row = connection.execute(query).one()
    return ProblemSum(row[0] - row[1], row[1], row[2], row[3] or 0)


def scope(connection: Connection, paths: Collection[Path], place: PlaceId | None) -> tuple[Place, ...]:
    """The places that somebody may choose from: where they stand (without a place those that they reach, by
    their paths), and what lies directly in it."""
    c = places.c
    if place is not None:
        own = c.id == place
    else:
        own = c.parent_id.is_(None) if ROOT in paths else c.path.in_(paths)
    inner = c.parent_id.in_(select(c.id).where(own))
    query = select(places).where(or_(own, inner), c.closed_ms.is_(None)).order_by(c.path).limit(MAX_SCOPE)
    return tuple(network_places.place_of(row) for row in connection.execute(query))
