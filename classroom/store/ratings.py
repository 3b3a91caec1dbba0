"""What students and schools say of lessons."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassRoom, Lesson, LessonState, PersonId, Role
from classroom.network import ratings as rules
from classroom.network.model import Office, Path
from classroom.network.ratings import Absence, Aspect, Rater, Rating
from classroom.roll import ClassRoll
from classroom.store import roll_reader
from classroom.store.insert_once import insert_once
from classroom.store.network_paths import within_any
from classroom.store.network_tables import appointments, places, school_classes
from classroom.store.supervision_tables import checked_in, ratings
from classroom.store.tables import classes, lessons, presence

LISTED: Final = 2_000
"""Of one lesson."""
PAGE: Final = 200
Means = tuple[Path, str, Rater, int, dict[Aspect, float]]
"""Of a provider: path, name, who rated, how many, the means."""


async def put(connection: AsyncConnection, rating: Rating, path: Path) -> None:
    """Says it, or says it anew."""
    c = ratings.c
    row = {
        "path": path,
        "stars": msgspec.json.encode(rating.stars).decode(),
        "text": rating.text,
        "at_ms": rating.at_ms,
        "by_id": rating.by,
    }
    at = (c.lesson_id == rating.lesson) & (c.rater == rating.rater) & (c.rater_id == rating.rater_id)
    key = {"lesson_id": rating.lesson, "rater": rating.rater, "rater_id": rating.rater_id}
    if not await insert_once(connection, ratings, key | row):
        await connection.execute(update(ratings).where(at).values(row))


async def of_lesson(connection: AsyncConnection, lesson: str) -> tuple[Rating, ...]:
    """The latest first."""
    c = ratings.c
    query = select(ratings).where(c.lesson_id == lesson).order_by(c.at_ms.desc(), c.rater_id).limit(LISTED)
    return tuple(_rating(row) for row in await connection.execute(query))


@dataclass(frozen=True, slots=True)
class Received:
    rating: Rating
    path: Path
    """Of who gave the lesson."""
    title: str
    """Of the lesson."""
    school: str
    """Name of the school that said it; empty: a student did."""


async def received(
    connection: AsyncConnection,
    paths: Collection[Path],
    *,
    until_ms: int | None = None,
    skip: int = 0,
    limit: int = PAGE,
) -> tuple[Received, ...]:
    """Of lessons that these places give, the latest first. until_ms, skip: from that time back, without so
    many of them: a page's end names nobody, since students are not to be known by it."""
    c = ratings.c
    query = (
        select(ratings, lessons.c.title, places.c.name)
        .outerjoin(lessons, lessons.c.id == c.lesson_id)
        .outerjoin(places, and_(c.rater == Rater.SCHOOL, places.c.id == c.rater_id))
        .where(within_any(c.path, paths))
        .order_by(c.at_ms.desc(), c.lesson_id, c.rater, c.rater_id)
        .offset(skip)
        .limit(limit)
    )
    if until_ms is not None:
        query = query.where(c.at_ms <= until_ms)
    found = await connection.execute(query)
    return tuple(Received(_rating(row), Path(row.path), row.title or "", row.name or "") for row in found)


async def one(connection: AsyncConnection, lesson: str, rater: Rater, rater_id: str) -> Rating | None:
    c = ratings.c
    query = select(ratings).where(c.lesson_id == lesson, c.rater == rater, c.rater_id == rater_id)
    found = (await connection.execute(query)).one_or_none()
    return None if found is None else _rating(found)


async def absence(connection: AsyncConnection, lesson: Lesson, person: PersonId, name: str) -> Absence | None:
    """Why somebody did not take part as a pupil; None: they did."""
    if await _came(connection, lesson.id, person):
        return None
    rooms = await _classes_of(connection, lesson, person)
    if not rooms:
        return Absence.STRANGER
    rolls, brought = await roll_reader.rolls(connection, lesson), await _brought(connection, lesson)
    found = {
        rules.absence(person, name, room, rolls.get(room.id, ClassRoll()), brought=room.id in brought)
        for room in rooms
    }
    return None if None in found else min(found, key=str)


async def _classes_of(connection: AsyncConnection, lesson: Lesson, person: PersonId) -> list[ClassRoom]:
    """In which of the lesson's they were when it began."""
    a, at_ms = appointments.c, lesson.started_ms
    query = select(a.class_id).where(
        a.person_id == person,
        a.office == Office.STUDENT,
        a.from_ms <= at_ms,
        or_(a.until_ms.is_(None), a.until_ms > at_ms),
        or_(a.revoked_ms.is_(None), a.revoked_ms > at_ms),
    )
    own = set((await connection.execute(query)).scalars())
    return [room for room in lesson.classes if room.id in own]


async def _brought(connection: AsyncConnection, lesson: Lesson) -> set[str]:
    """Classes whose tutor or room was there while the lesson was live."""
    p = presence.c
    query = select(p.class_id).where(
        p.lesson_id == lesson.id,
        p.role.in_((Role.TUTOR, Role.ROOM)),
        or_(p.left_ms.is_(None), p.left_ms > lesson.started_ms),
    )
    return set((await connection.execute(query)).scalars())


async def _came(connection: AsyncConnection, lesson: str, person: str) -> bool:
    """Whether somebody was in the lesson as a pupil, or checked in to it, by themselves or by their tutor."""
    p, c = presence.c, checked_in.c
    came = select(p.seq).where(p.lesson_id == lesson, p.person_id == person, p.role == Role.STUDENT).limit(1)
    if (await connection.execute(came)).first() is not None:
        return True
    there = select(c.at_ms).where(c.lesson_id == lesson, c.person_id == person)
    return (await connection.execute(there)).first() is not None


async def schools_of(connection: AsyncConnection, lesson: str) -> dict[str, tuple[Path, str]]:
    """Of the lesson's classes: place id -> path and name."""
    query = (
        select(places.c.id, places.c.path, places.c.name)
        .join(school_classes, school_classes.c.school_id == places.c.id)
        .join(classes, classes.c.id == school_classes.c.id)
        .where(classes.c.lesson_id == lesson)
    )
    return {row.id: (Path(row.path), row.name) for row in await connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Ratable:
    """A lesson that a school took part in."""

    lesson: str
    title: str
    ended_ms: int
    rating: Rating | None
    """What the school said of it."""


async def ratable(connection: AsyncConnection, school: str, since_ms: int) -> tuple[Ratable, ...]:
    """Lessons with classes of this school that ended since then, the latest first."""
    c, s = ratings.c, school_classes.c
    said = (c.lesson_id == lessons.c.id) & (c.rater == Rater.SCHOOL) & (c.rater_id == s.school_id)
    joined = school_classes.join(classes, classes.c.id == s.id).join(
        lessons, lessons.c.id == classes.c.lesson_id
    )
    query = (
        select(lessons.c.id, lessons.c.title, lessons.c.ended_ms, ratings)
        .select_from(joined.outerjoin(ratings, said))
        .where(s.school_id == school, lessons.c.state == LessonState.ENDED, lessons.c.ended_ms > since_ms)
        .distinct()
        .order_by(lessons.c.ended_ms.desc(), lessons.c.id)
        .limit(PAGE)
    )
    return tuple(
        Ratable(row.id, row.title, row.ended_ms, _rating(row) if row.rater else None)
        for row in await connection.execute(query)
    )


async def means(connection: AsyncConnection, paths: Collection[Path], from_ms: int) -> list[Means]:
    """Of each provider within these places since then."""
    c = ratings.c
    query = (
        select(c.path, places.c.name, c.rater, c.stars, func.count().label("times"))
        .outerjoin(places, places.c.path == c.path)
        .where(within_any(c.path, paths), c.at_ms >= from_ms)
        .group_by(c.path, places.c.name, c.rater, c.stars)
        .order_by(c.path, case((c.rater == Rater.SCHOOL, 0), else_=1))
    )
    sums: dict[tuple[Path, str, Rater], tuple[int, dict[Aspect, float]]] = {}
    # There are at most 125 different ratings: the database counts them, and they are weighed here.
    for row in await connection.execute(query):
        key = Path(row.path), row.name or "", Rater(row.rater)
        count, total = sums.get(key, (0, dict.fromkeys(Aspect, 0.0)))
        stars = msgspec.json.decode(row.stars, type=dict[Aspect, int])
        total = {each: total[each] + row.times * stars[each] for each in Aspect}
        sums[key] = count + row.times, total
    return [
        (path, name, rater, count, {each: total[each] / count for each in Aspect})
        for (path, name, rater), (count, total) in sums.items()
    ]


def _rating(row: Row[Any]) -> Rating:
    return Rating(
        lesson=row.lesson_id,
        rater=Rater(row.rater),
        rater_id=row.rater_id,
        stars=msgspec.json.decode(row.stars, type=dict[Aspect, int]),
        text=row.text,
        at_ms=row.at_ms,
        by=row.by_id,
    )
