"""Columns in memory that follow a table: what has changed since they were last looked at is read before each
question, so another server's changes count at once.

Rows carry when they were changed, and a rising number. Clocks of servers differ and a transaction takes its
time, so for a while after a change, changes are asked for again from a little before it. Questions that come
together share one look: the first that begins after they were asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.store.outbox import Transaction

AT_ONCE: Final = 500
"""Rows between two turns of the event loop: some milliseconds."""
OVERLAP_MS: Final = 2_000
"""For so long after a change, changes are asked for again from so long before it."""


class Taken(NamedTuple):
    """A row that was taken in."""

    changed_ms: int
    number: int


Take = Callable[[AsyncConnection, Callable[[Select[Any]], Select[Any]]], Awaitable[Sequence[Taken]]]
"""Reads rows, as the function given narrows and orders them, and takes them in; in that order."""


class Follower:
    def __init__(
        self,
        read: Transaction,
        changed: Column[int],
        number: Column[int],
        take: Take,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock: monotonic, in s."""
        self._read = read
        self._changed, self._number = changed, number
        self._take = take
        self._clock = clock
        self._place: tuple[int, int] | None = None
        """(changed_ms, number) of the last row that was taken; None: none ever was."""
        self._looked_at = self._news_at = clock()
        """When the last look began, and when one last found a later change than all before."""
        self._looking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Brings what follows to what the database says by now. Raises StoreUnavailable."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._looking), name="following")
        await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        # From here on questions wait for the next look.
        self._looking, self._next = self._next, None
        await self._look()

    async def _look(self) -> None:
        # What many changes at once left behind is not read again for ever; but by one look that began long
        # enough after it, whenever that is: what was slower to be written may have come since.
        overlap = self._looked_at - self._news_at <= OVERLAP_MS / 1000
        self._looked_at = looked_at = self._clock()
        if self._place is None:
            await self._fill()
            self._news_at = looked_at
            return
        latest, place = self._place[0], self._place
        if overlap:
            place = (max(0, latest - OVERLAP_MS), 0)
        while rows := await self._rows((self._changed, self._number), place):
            place = (rows[-1].changed_ms, rows[-1].number)
            if len(rows) < AT_ONCE:
                break
        if place[0] > latest:
            self._news_at = looked_at
        self._place = max(place, self._place)

    async def _fill(self) -> None:
        """All there is, by number. What changes meanwhile comes behind the place."""
        query = select(func.max(self._changed))

        async def latest(connection: AsyncConnection) -> int:
            return (await connection.execute(query)).scalar() or 0

        begun, number = await self._read(latest), 0
        while rows := await self._rows((self._number,), (number,)):
            number = rows[-1].number
        self._place = (begun, 0)

    async def _rows(self, order: Sequence[Column[int]], behind: tuple[int, ...]) -> Sequence[Taken]:
        def narrowed(query: Select[Any]) -> Select[Any]:
            return query.where(tuple_(*order) > tuple_(*behind)).order_by(*order).limit(AT_ONCE)

        return await self._read(lambda connection: self._take(connection, narrowed))
