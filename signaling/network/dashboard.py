"""What all dashboards of this server show, looked up once for everybody: a thousand schools' organizers who
keep the page open cost the database what one costs. Who sees what of it is decided for each who asks
(`classroom.network.dashboard.seen`)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from typing import Any, Final, Generic, TypeVar

from classroom.network.dashboard import Day, Stored
from classroom.network.model import Path
from classroom.store import dashboard, supervision_places
from classroom.store.store import Store

T = TypeVar("T")

LOOK_S: Final = 10.0
"""Of a day; the page asks every fifteen seconds."""
STALE: Final = 3
"""Times as long what was found is still shown, while it is looked up anew: so of those who keep the page open
nobody waits for a look, and what they see is half a minute old at most."""
STORED_LOOK_S: Final = 60.0
"""The library grows by minutes."""
NAMES_S: Final = 600.0
"""A place is seldom given another name, and to look up a thousand takes as long as a day of lessons."""
DAYS_KEPT: Final = 8
"""Today in a few time zones, and days that somebody leafs through."""


class Shared(Generic[T]):
    """Something that is looked up at most every so often, once for all who ask meanwhile."""

    def __init__(self, look: Callable[[], Awaitable[T]], every_s: float, clock: Callable[[], float]) -> None:
        self._look = look
        self._every_s = every_s
        self._clock = clock
        self._found: tuple[float, T] | None = None
        self._looking: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Raises what looking raises; who asks next looks anew."""
        age_s = float("inf") if self._found is None else self._clock() - self._found[0]
        if self._looking is None and age_s >= self._every_s:
            self._looking = asyncio.create_task(self._look_up(), name="dashboard")
            self._looking.add_done_callback(self._looked)
        if self._looking is None or age_s < STALE * self._every_s:
            assert self._found is not None, "else somebody looks"
            return self._found[1]
        # Whoever goes away does not take the answer from the others.
        return await asyncio.shield(self._looking)

    async def close(self) -> None:
        """A look that is under way is let to its end: a database is not left in the middle of a question."""
        if self._looking is not None:
            await asyncio.wait((self._looking,))

    async def _look_up(self) -> T:
        found = await self._look()
        self._found = self._clock(), found
        return found

    def _looked(self, task: asyncio.Task[Any]) -> None:
        self._looking = None
        if not task.cancelled():
            # Told to whoever waited for it; and if nobody does any more, to nobody.
            task.exception()


class DashboardBoard:
    """All methods raise StoreUnavailable."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._days: OrderedDict[Hashable, Shared[Day]] = OrderedDict()
        self._names: dict[Path, str] = {}
        self._named_at = clock()
        self._stored = Shared(self._look_at_stored, STORED_LOOK_S, clock)

    async def day(self, from_ms: int, until_ms: int) -> Day:
        key = (from_ms, until_ms)
        if key not in self._days:
            self._days[key] = Shared(lambda: self._look_at(from_ms, until_ms), LOOK_S, self._clock)
            while len(self._days) > DAYS_KEPT:
                self._days.popitem(last=False)
        self._days.move_to_end(key)
        return await self._days[key].get()

    async def close(self) -> None:
        for day in self._days.values():
            await day.close()
        await self._stored.close()

    async def stored(self) -> tuple[Stored, ...]:
        return await self._stored.get()

    async def names(self, paths: Collection[Path]) -> Mapping[Path, str]:
        """Of these places, and of others that were asked for lately."""
        if self._clock() - self._named_at > NAMES_S:
            self._names, self._named_at = {}, self._clock()
        if unknown := set(paths) - self._names.keys():
            found = await self._store.network.read(supervision_places.names, unknown)
            self._names |= {path: found[path].name if path in found else "" for path in unknown}
        return self._names

    async def _look_at(self, from_ms: int, until_ms: int) -> Day:
        return await self._store.network.look(dashboard.day, from_ms, until_ms)

    async def _look_at_stored(self) -> tuple[Stored, ...]:
        return await self._store.network.read(dashboard.stored)
