"""The inbox of a room: bounded for those who ask, open for what the server itself has to say."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Generic, TypeVar

from classroom.model import PersonId

T = TypeVar("T")
S = TypeVar("S")

CAPACITY = 4_096
"""Of all people together: one command of everybody in a full room. A command takes some 50 us, so a full
inbox is a wait of 0.2 s; more would be answered too late to be of use."""
PER_PERSON = 32
"""Of one person: more than a hand and a page can cause between two turns of the room, so that nobody fills
the inbox of the others."""


class Inbox(Generic[T]):
    """Items in the order they came. What the server puts in (leaving, tracks that are gone, timers) is never
    refused: there are at most a few of them for each thing that was let in before."""

    def __init__(self) -> None:
        self._items: deque[tuple[PersonId | None, T]] = deque()
        self._waiting: Counter[PersonId] = Counter()
        self._filled = asyncio.Event()
        self.refused = 0
        """Items that found no room."""

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, item: T, sender: PersonId) -> bool:
        """False, and nothing happens, when the inbox is full for this sender or for all."""
        if self._waiting[sender] >= PER_PERSON or self._waiting.total() >= CAPACITY:
            self.refused += 1
            return False
        self._waiting[sender] += 1
        self._add(sender, item)
        return True

    def put(self, item: T) -> None:
        self._add(None, item)

    async def take(self) -> T:
        """The oldest item; waits for one."""
        while not self._items:
            self._filled.clear()
            await self._filled.wait()
        return self._next()

    def take_more(self, kind: type[S], most: int) -> list[S]:
        """The oldest items, as far as they are of this kind; those that are here."""
        found: list[S] = []
        while len(found) < most and self._items and isinstance(item := self._items[0][1], kind):
            self._next()
            found.append(item)
        return found

    def _next(self) -> T:
        sender, item = self._items.popleft()
        if sender is not None:
            self._waiting[sender] -= 1
            if not self._waiting[sender]:
                del self._waiting[sender]
        return item

    def _add(self, sender: PersonId | None, item: T) -> None:
        self._items.append((sender, item))
        self._filled.set()
