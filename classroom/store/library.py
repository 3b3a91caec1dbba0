"""The store's door to what is known about the library: `store.library`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from classroom.library.rules import Grant, Holding, Party
from classroom.library.shelf import Choice
from classroom.store import library_items, library_texts
from classroom.store.library_items import ItemFacts, ItemRecord
from classroom.store.library_search import Finder, Found
from classroom.store.outbox import Transaction


class LibraryStore:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction) -> None:
        self._read = read
        self._change = change
        self._finder = Finder(read)

    # --- items ----------------------------------------------------------------------------------------------

    async def keep(self, facts: Sequence[ItemFacts], now_ms: int) -> None:
        """Brings the rows of these items to what their files say."""

        async def work(connection: Any) -> None:
            for one in facts:
                await library_items.keep(connection, one, now_ms)

        await self._change(work)

    async def find(self, item: str) -> ItemRecord | None:
        """Deleted ones too."""
        return await self._read(lambda connection: library_items.find(connection, item))

    async def states(self) -> dict[str, str]:
        """Item -> state, of all."""
        return await self._read(library_items.states)

    async def holding(self, item: str) -> Holding | None:
        """What decides who may see the item; None: there is none."""
        return await self._read(lambda connection: library_items.holding(connection, item))

    async def schools(self, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By item: the schools of its classes."""
        return await self._read(lambda connection: library_items.schools_of(connection, items))

    async def change(self, item: str, values: Mapping[str, Any], now_ms: int) -> None:
        """Sets columns by an organizer's word."""
        await self._change(lambda connection: library_items.change(connection, item, values, now_ms))

    async def grants(self, item: str) -> tuple[Grant, ...]:
        return await self._read(lambda connection: library_items.grants(connection, item))

    async def put_grant(self, item: str, grant: Grant, *, by: str, at_ms: int) -> None:
        await self._change(
            lambda connection: library_items.put_grant(connection, item, grant, by=by, at_ms=at_ms)
        )

    async def drop_grant(self, item: str, party: Party, value: str) -> bool:
        """False: there was none."""
        return await self._change(lambda connection: library_items.drop_grant(connection, item, party, value))

    async def delete(self, item: str, *, at_ms: int, by: str, reason: str) -> None:
        """Its row stays, on record; nobody sees it or finds it any more."""
        await self._change(
            lambda connection: library_items.set_deleted(connection, item, at_ms=at_ms, by=by, reason=reason)
        )

    async def hold(self, item: str, *, at_ms: int | None, by: str, reason: str = "") -> None:
        """Nothing deletes it; at_ms None: releases it."""
        await self._change(
            lambda connection: library_items.set_hold(connection, item, at_ms=at_ms, by=by, reason=reason)
        )

    async def verdict(self, item: str, state: str, at_ms: int) -> None:
        """What a check of its files found."""
        await self._change(lambda connection: library_items.set_verdict(connection, item, state, at_ms))

    # --- finding --------------------------------------------------------------------------------------------

    async def search(self, choice: Choice, words: str = "", *, counts: bool = True) -> Found:
        """A page of what the viewer may see and `choice` and `words` ask for; counts: with total and
        facets."""
        return await self._finder.search(choice, words, counts=counts)

    async def index_words(self, limit: int) -> int:
        """Makes some of the items, of which there is something new, to be found by it; returns how many."""
        if not await self._read(library_texts.has_news):
            return 0
        return await self._change(lambda connection: library_texts.index_words(connection, limit))
