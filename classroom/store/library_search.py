"""Finding items: their words in the database (SQLite's FTS5 or PostgreSQL's tsvector), everything else on the
shelf (`classroom.library.shelf`). The words are ours (`classroom.library.words`), so both databases find the
same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.rules import Grant, Party, Visibility
from classroom.library.shelf import Choice, Entry, Shelf
from classroom.library.words import Asked, asked
from classroom.store.following import Follower, Taken
from classroom.store.library_items import ItemRecord, record
from classroom.store.library_tables import library_grants, library_items, library_places
from classroom.store.outbox import Transaction

WORDS: Final = "library_words"
NOTED: Final = "library_words_noted"
"""Of the items that have supervisors' notes, all words and those of the notes."""

_items = library_items.c
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

    def __init__(self, read: Transaction, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic, in s."""
        self._read = read
        self._shelf = Shelf()
        self._follower = Follower(read, _items.changed_ms, _items.number, self._take, clock)

    async def search(self, choice: Choice, words: str, *, counts: bool) -> Found:
        """counts: with total and facets."""
        question = asked(words)
        await self.refresh()
        if words.strip() and not question:
            return Found((), False, 0, {})  # nothing in it that a text could have
        tables = (WORDS, NOTED) if choice.viewer.reads_notes else (WORDS,)
        numbers = await self._read(lambda c: matching(c, question, tables)) if question else None
        page = self._shelf.find(choice, numbers, counts=counts)
        items = await self._read(lambda connection: _records(connection, page.numbers))
        return Found(items, page.more, page.total, page.facets)

    async def refresh(self) -> None:
        """Brings the shelf to what the database says. Raises StoreUnavailable."""
        await self._follower.refresh()

    async def _take(
        self, connection: AsyncConnection, narrowed: Callable[[Select[Any]], Select[Any]]
    ) -> Sequence[Taken]:
        shelved = await _shelved(connection, narrowed(_LISTING))
        for entry, _ in shelved:
            self._shelf.put(entry)
        return [Taken(changed_ms, entry.number) for entry, changed_ms in shelved]


async def matching(
    connection: AsyncConnection, words: Sequence[Asked], tables: Sequence[str] = (WORDS,)
) -> NDArray[np.int64]:
    """The numbers of the items that have all the words, by one of the tables or by each. The words are
    letters and digits of whatever script: nothing that either language of questions could take for its
    own."""
    if connection.dialect.name == "postgresql":
        said = " & ".join(f"'{one.word}':*" if one.prefix else f"'{one.word}'" for one in words)
        query = "SELECT string_agg(CAST(number AS text), ',') FROM {table} "
        query += "WHERE words @@ CAST(:said AS tsquery)"
    else:
        said = " AND ".join(f'"{one.word}"*' if one.prefix else f'"{one.word}"' for one in words)
        query = "SELECT group_concat(rowid) FROM {table} WHERE {table} MATCH :said"
    # As one text: a hundred thousand rows would take the driver ten times as long.
    found = [
        (await connection.execute(text(query.format(table=table)), {"said": said})).scalar()
        for table in tables
    ]
    return np.fromstring(",".join(filter(None, found)), np.int64, sep=",")


async def _shelved(connection: AsyncConnection, query: Select[Any]) -> list[tuple[Entry, int]]:
    """With when they were changed."""
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    schools: dict[str, list[str]] = {}
    grants: dict[str, list[Grant]] = {}
    for row in await connection.execute(select(library_places).where(library_places.c.item_id.in_(ids))):
        schools.setdefault(row.item_id, []).append(row.school)
    for row in await connection.execute(select(library_grants).where(library_grants.c.item_id.in_(ids))):
        grants.setdefault(row.item_id, []).append(Grant(Party(row.party), row.value, row.allowed))
    return [
        (_entry(row, tuple(schools.get(row.id, ())), tuple(grants.get(row.id, ()))), row.changed_ms)
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


async def put_words(
    connection: AsyncConnection, number: int, words: Sequence[str], noted: Sequence[str], seq: int
) -> None:
    """What the item is found by from now on; noted: the same with its notes, if it has any; seq: the lesson's
    event up to which that is so."""
    await _put_words(connection, WORDS, number, words)
    await _put_words(connection, NOTED, number, noted)
    at = _items.number == number
    await connection.execute(update(library_items).where(at).values(indexed_seq=seq))


async def _put_words(connection: AsyncConnection, table: str, number: int, words: Sequence[str]) -> None:
    """In place of those of before; none: not in this table."""
    postgresql = connection.dialect.name == "postgresql"
    key = "number" if postgresql else "rowid"
    await connection.execute(text(f"DELETE FROM {table} WHERE {key} = :number"), {"number": number})
    if not words:
        return
    if postgresql:
        made = f"INSERT INTO {table} VALUES (:number, array_to_tsvector(CAST(:words AS text[])))"
        await connection.execute(text(made), {"number": number, "words": list(words)})
    else:
        made = f"INSERT INTO {table} (rowid, words) VALUES (:number, :words)"
        await connection.execute(text(made), {"number": number, "words": " ".join(words)})
