"""Finding lessons in the catalogue: on a shelf in memory (`classroom.network.offers`) that follows the
database; what is shown of a page is read from the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId
from classroom.network.catalogue import Course, CourseVisibility, Offer, Onlooker, sees
from classroom.network.offers import Choice, Entry, OfferShelf
from classroom.store import courses
from classroom.store.catalogue_tables import courses as course_table
from classroom.store.catalogue_tables import home_classes, offers
from classroom.store.courses_rows import COURSE_COLUMNS, COURSE_PREFIX, course_of, offer_of
from classroom.store.following import Follower, Taken
from classroom.store.outbox import Transaction

_LISTING = select(offers, *COURSE_COLUMNS).select_from(
    offers.join(course_table, course_table.c.id == offers.c.course_id)
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A lesson of the catalogue with its course."""

    number: int
    offer: Offer
    course: Course
    home: bool = False
    """Who comes alone can take part."""


@dataclass(frozen=True, slots=True)
class Found:
    lessons: tuple[Listed, ...]
    more: bool
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]


class OfferFinder:
    """One for all questions to a database."""

    def __init__(self, read: Transaction, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic, in s."""
        self._read = read
        self._shelf = OfferShelf()
        self._follower = Follower(read, offers.c.changed_ms, offers.c.number, self._take, clock)

    async def refresh(self) -> None:
        """Raises StoreUnavailable."""
        await self._follower.refresh()

    async def search(self, choice: Choice, *, counts: bool) -> Found:
        """counts: with total and facets. Raises StoreUnavailable."""
        await self._follower.refresh()
        page = self._shelf.find(choice, counts=counts)
        listed = await self._read(lambda connection: _listed(connection, page.numbers))
        return Found(listed, page.more, page.total, page.facets)

    async def _take(
        self, connection: AsyncConnection, narrowed: Callable[[Select[Any]], Select[Any]]
    ) -> Sequence[Taken]:
        entries = await _entries(connection, narrowed(_LISTING))
        for entry, _ in entries:
            self._shelf.put(entry)
        return [Taken(changed_ms, entry.number) for entry, changed_ms in entries]


async def _entries(connection: AsyncConnection, query: Select[Any]) -> list[tuple[Entry, int]]:
    rows = (await connection.execute(query)).all()
    known = await courses.with_named(
        connection,
        {row.course_id: course_of(row, prefix=COURSE_PREFIX) for row in rows}.values(),
    )
    paired = {each.provider for each in known.values() if each.visibility is CourseVisibility.PAIRED}
    pairs = await courses.pairs(connection, paired) if paired else {}
    return [
        (
            Entry(
                row.number,
                offer_of(row),
                known[row.course_id],
                pairs.get(row.of_course_provider_id, frozenset()),
            ),
            row.changed_ms,
        )
        for row in rows
    ]


async def _listed(connection: AsyncConnection, numbers: Sequence[int]) -> tuple[Listed, ...]:
    """In that order."""
    if not numbers:
        return ()
    rows = (await connection.execute(_LISTING.where(offers.c.number.in_(numbers)))).all()
    lessons = [row.lesson_id for row in rows]
    query = select(home_classes.c.lesson_id).where(home_classes.c.lesson_id.in_(lessons)).distinct()
    home = set((await connection.execute(query)).scalars())
    found = {
        row.number: Listed(
            row.number, offer_of(row), course_of(row, prefix=COURSE_PREFIX), row.lesson_id in home
        )
        for row in rows
    }
    return tuple(found[number] for number in numbers if number in found)


async def seen(connection: AsyncConnection, lesson: LessonId, who: Onlooker) -> Listed | None:
    """A lesson, cancelled ones too, when they see it."""
    entries = await _entries(connection, _LISTING.where(offers.c.lesson_id == lesson))
    for entry, _ in entries:
        if sees(entry.course, who, entry.pairs):
            return (await _listed(connection, [entry.number]))[0]
    return None
