"""Finding items: their words in the database (SQLite's FTS5 or PostgreSQL's tsvector), everything else on the
shelf (`classroom.library.shelf`). The words are ours (`classroom.library.words`), so both databases find the
same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.rules import Grant, Party, Visibility
from classroom.library.shelf import Choice, Entry, Shelf
from classroom.library.words import Asked, asked
from classroom.store.library_items import ItemRecord, record
from classroom.store.library_tables import library_grants, library_items, library_places
from classroom.store.outbox import Transaction

SHELVED_AT_ONCE: Final = 500
"""Rows between two turns of the event loop, when the shelf is filled: some milliseconds."""
OVERLAP_MS: Final = 2_000
"""Changes are asked for again from so long before the last one known: another server's clock may be behind,
and a transaction takes its time."""

_items = library_items.c
_CHANGED: Final = (_items.changed_ms, _items.number)
_LISTING: Final = select(
    *(_items.number, _items.id, _items.lesson_id, _items.started_ms, _items.state, _items.visibility),
    *(_items.subject, _items.provider, _items.master, _items.month, _items.district, _items.changed_ms),
)


@dataclass(frozen=True, slots=True)
class Found:
    items: tuple[ItemRecord, ...]
    """Newest first."""
    more: bool
    total: int
    facets: Mapping[str, tuple[tuple[str, int], ...]]


class Finder:
    """One for all questions to a database."""

    def __init__(self, read: Transaction) -> None:
        self._read = read
        self._shelf = Shelf()
        self._filling = asyncio.Lock()
        self._filled_to = 0
        """Number of the last item of the first filling."""
        self._changed_ms = 0
        """Of the latest change that is on the shelf."""
        self._place = (0, 0)
        """(changed_ms, number) of the last row that was taken."""

    async def search(self, choice: Choice, words: str, *, counts: bool) -> Found:
        """counts: with total and facets."""
        question = asked(words)
        await self.refresh()
        if words.strip() and not question:
            return Found((), False, 0, {})  # nothing in it that a text could have
        numbers = await self._read(lambda c: matching(c, question)) if question else None
        page = self._shelf.find(choice, numbers, counts=counts)
        items = await self._read(lambda connection: _records(connection, page.numbers))
        return Found(items, page.more, page.total, page.facets)

    async def refresh(self) -> None:
        """Brings the shelf to what the database says. Raises StoreUnavailable."""
        async with self._filling:
            # The first time all of it, by number; then what changed, by when it did.
            more = True
            while more:
                query = _LISTING.where(_items.number > self._filled_to).order_by(_items.number)
                more = await self._take(query)
            self._place = (max(0, self._changed_ms - OVERLAP_MS), 0)
            more = True
            while more:
                query = _LISTING.where(tuple_(*_CHANGED) > tuple_(*self._place)).order_by(*_CHANGED)
                more = await self._take(query)

    async def _take(self, query: Select[Any]) -> bool:
        """Puts some of what changed on the shelf; False: there was not so much, so that was all."""
        rows = await self._read(lambda connection: _changes(connection, query))
        for row in rows:
            self._shelf.put(row.entry)
            self._changed_ms = max(self._changed_ms, row.changed_ms)
            self._filled_to = max(self._filled_to, row.number)
            self._place = (row.changed_ms, row.number)
        return len(rows) == SHELVED_AT_ONCE


async def matching(connection: AsyncConnection, words: Sequence[Asked]) -> NDArray[np.int64]:
    """The numbers of the items that have all the words. The words are letters and digits of whatever script:
    nothing that either language of questions could take for its own."""
    if connection.dialect.name == "postgresql":
        said = " & ".join(f"'{one.word}':*" if one.prefix else f"'{one.word}'" for one in words)
        query = "SELECT string_agg(CAST(number AS text), ',') FROM library_words "
        query += "WHERE words @@ CAST(:said AS tsquery)"
    else:
        said = " AND ".join(f'"{one.word}"*' if one.prefix else f'"{one.word}"' for one in words)
        query = "SELECT group_concat(rowid) FROM library_words WHERE library_words MATCH :said"
    # As one text: a hundred thousand rows would take the driver ten times as long.
    found = (await connection.execute(text(query), {"said": said})).scalar()
    return np.fromstring(found or "", np.int64, sep=",")


@dataclass(frozen=True, slots=True)
class Shelved:
    entry: Entry
    changed_ms: int

    @property
    def number(self) -> int:
        return self.entry.number


async def _changes(connection: AsyncConnection, query: Select[Any]) -> list[Shelved]:
    rows = (await connection.execute(query.limit(SHELVED_AT_ONCE))).all()
    ids = [row.id for row in rows]
    schools: dict[str, list[str]] = {}
    grants: dict[str, list[Grant]] = {}
    for row in await connection.execute(select(library_places).where(library_places.c.item_id.in_(ids))):
        schools.setdefault(row.item_id, []).append(row.school)
    for row in await connection.execute(select(library_grants).where(library_grants.c.item_id.in_(ids))):
        grants.setdefault(row.item_id, []).append(Grant(Party(row.party), row.value, row.allowed))
    return [
        Shelved(_entry(row, tuple(schools.get(row.id, ())), tuple(grants.get(row.id, ()))), row.changed_ms)
        for row in rows
    ]


def _entry(row: Row[Any], schools: tuple[str, ...], grants: tuple[Grant, ...]) -> Entry:
    return Entry(
        number=row.number,
        lesson=row.lesson_id,
        started_ms=row.started_ms,
        state=row.state,
        visibility=Visibility(row.visibility),
        subject=row.subject,
        provider=row.provider,
        master=row.master,
        month=row.month,
        district=row.district,
        schools=schools,
        grants=grants,
    )


async def _records(connection: AsyncConnection, numbers: Sequence[int]) -> tuple[ItemRecord, ...]:
    """In that order."""
    found = await connection.execute(select(library_items).where(_items.number.in_(numbers)))
    by_number = {row.number: record(row) for row in found}
    return tuple(by_number[number] for number in numbers if number in by_number)


async def put_words(connection: AsyncConnection, number: int, words: Sequence[str], seq: int) -> None:
    """What the item is found by from now on; seq: the lesson's event up to which that is so."""
    await drop_words(connection, number)
    if connection.dialect.name == "postgresql":
        made = text("INSERT INTO library_words VALUES (:number, array_to_tsvector(CAST(:words AS text[])))")
        await connection.execute(made, {"number": number, "words": list(words)})
    else:
        made = text("INSERT INTO library_words (rowid, words) VALUES (:number, :words)")
        await connection.execute(made, {"number": number, "words": " ".join(words)})
    at = _items.number == number
    await connection.execute(update(library_items).where(at).values(indexed_seq=seq))


async def drop_words(connection: AsyncConnection, number: int) -> None:
    key = "number" if connection.dialect.name == "postgresql" else "rowid"
    await connection.execute(text(f"DELETE FROM library_words WHERE {key} = :number"), {"number": number})
