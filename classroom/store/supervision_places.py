"""Where lessons belong: the place that gives one, and the schools of its classes. Who gives a lesson is said
by its course; of one that is in no catalogue, by the office of who is registered to teach it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import SQLColumnExpression

from classroom.network.model import Office, Path, PlaceKind
from classroom.network.supervision import LessonPlaces
from classroom.store.catalogue_tables import offers
from classroom.store.network_tables import appointments, places, school_classes
from classroom.store.tables import classes, lessons

T = TypeVar("T")

AT_ONCE: Final = 500
"""Ids in one statement; SQLite takes 32,766 variables, older ones 999."""
NOWHERE: Final = LessonPlaces()


Among = Callable[[SQLColumnExpression[Any]], ColumnElement[bool]]
"""Of a column of lesson ids: which of them."""


async def lesson_places(connection: AsyncConnection, ids: Collection[str]) -> dict[str, LessonPlaces]:
    """Of each of these lessons; of one that is not there or belongs nowhere as well."""
    return await connection.run_sync(places_of, ids)


def places_of(connection: Connection, ids: Collection[str]) -> dict[str, LessonPlaces]:
    """As `lesson_places`."""
    found: dict[str, LessonPlaces] = {}
    for some in pieces(sorted(ids)):
        found |= _places_among(connection, _one_of(some))
    return {each: found.get(each, NOWHERE) for each in ids}


def _one_of(ids: Sequence[str]) -> Among:
    return lambda column: column.in_(ids)


def _places_among(connection: Connection, among: Among) -> dict[str, LessonPlaces]:
    """Of those that belong anywhere."""
    gives = givers(connection, among)
    takes: defaultdict[str, set[Path]] = defaultdict(set)
    query = (
        select(classes.c.lesson_id, school_classes.c.path)
        .join(school_classes, school_classes.c.id == classes.c.id)
        .where(among(classes.c.lesson_id))
    )
    for row in connection.execute(query):
        takes[row.lesson_id].add(Path(row.path))
    return {
        each: LessonPlaces(path, tuple(sorted(takes.get(each, ()))), course)
        for each in {*gives, *takes}
        for path, course in (gives.get(each, (None, "")),)
    }


def givers(connection: Connection, among: Among) -> dict[str, tuple[Path, str]]:
    """With the course: by the catalogue, else by the master's office; of several the first that was given."""
    a = appointments.c
    query = (
        select(lessons.c.id, a.path)
        .join(appointments, a.person_id == lessons.c.master_id)
        .where(among(lessons.c.id), a.office == Office.MASTER, a.revoked_ms.is_(None))
        .order_by(a.made_ms.desc(), a.id.desc())
    )
    found = {lesson: (Path(path), "") for lesson, path in connection.execute(query)}
    o = offers.c
    offered = select(o.lesson_id, o.path, o.course_id).where(among(o.lesson_id))
    return found | {lesson: (Path(path), course) for lesson, path, course in connection.execute(offered)}


def pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE))


@dataclass(frozen=True, slots=True)
class PlaceName:
    id: str
    kind: PlaceKind
    name: str


async def names(connection: AsyncConnection, paths: Collection[Path]) -> dict[Path, PlaceName]:
    """Of the places at these paths."""
    found: dict[Path, PlaceName] = {}
    for some in pieces(sorted(paths)):
        query = select(places.c.path, places.c.id, places.c.kind, places.c.name).where(
            places.c.path.in_(some)
        )
        for row in await connection.execute(query):
            found[Path(row.path)] = PlaceName(row.id, PlaceKind(row.kind), row.name)
    return found
