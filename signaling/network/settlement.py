"""Settles lessons of the catalogue when they are over: who came is written down, and what was booked and not
attended flows back to the provider's quota (`classroom.network.settlement`). Of all lessons it keeps what
they came to, once they are long over (`classroom.store.lesson_sums`).

What is to be settled is asked of the database again and again, so nothing is lost with a server, and it does
not matter which of several servers a lesson was on; a lesson is settled by whoever is first."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from classroom.model import LessonId
from classroom.store import lesson_sums
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store

log = logging.getLogger(__name__)

SETTLE_EVERY_S: Final = 10.0
"""A look costs a database a millisecond; who looks for a result after the lesson has it at once."""
KEEP_EVERY: Final = 60
"""Looks: what lessons came to is kept half a day after they are over, at leisure."""
KEEP_AT_MOST: Final = 20
"""Hundreds of lessons in one look: others write, too."""
LONGEST_MS: Final = 3 * 86_400_000
"""A lesson that began longer before those that were kept already, and was not over then, is kept when a
server starts the next time."""
GIVE_EVERY: Final = 60
"""Looks: what was to be given on by a server that went is given by another within ten minutes."""


class Settler:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None
        self._kept_ms = 0
        """Lessons that began before it are kept."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="settlements")

    async def close(self) -> None:
        """What is not settled yet is settled by the next server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def settle_due(self) -> int:
        """How many lessons were settled. Raises StoreUnavailable."""
        settled = 0
        for lesson in await self._store.catalogue.due(self._store.clock.unix_ms()):
            try:
                settled += await self._settle(lesson)
            except StoreUnavailable:
                raise
            except Exception:
                # One lesson's trouble is not the others'.
                log.exception("x settlement of lesson %s: a fault of ours", lesson)
        return settled

    async def keep_due(self) -> int:
        """How many lessons were kept, some hundred at most. Raises StoreUnavailable."""
        network, now_ms = self._store.network, self._store.clock.unix_ms()
        due = await network.look(lesson_sums.due, self._kept_ms, now_ms)
        await network.change(lesson_sums.keep, [each.lesson for each in due])
        if len(due) == lesson_sums.AT_ONCE:
            self._kept_ms = due[-1].started_ms
        else:
            self._kept_ms = max(0, now_ms - LONGEST_MS)
        return len(due)

    async def _settle(self, lesson_id: LessonId) -> bool:
        store = self._store
        lesson = await store.lesson(lesson_id)
        if lesson is None:
            return False
        now_ms = store.clock.unix_ms()
        report, _ = await store.attendance(lesson, now_ms)
        settlement = await store.catalogue.settle(lesson, report, now_ms)
        if settlement is None:
            return False
        log.info(
            "- lesson %s settled: %d booked, %d came, %d flow back",
            lesson_id,
            settlement.booked,
            settlement.came,
            settlement.released,
        )
        return True

    async def _keep(self) -> bool:
        """False: there is more."""
        for _ in range(KEEP_AT_MOST):
            if await self.keep_due() < lesson_sums.AT_ONCE:
                return True
        return False

    async def _run(self) -> None:
        looks, all_kept = 0, False
        while True:
            try:
                if looks % GIVE_EVERY == 0:
                    await self._store.catalogue.give(self._store.clock.unix_ms())
                while await self.settle_due():
                    pass  # more than one look holds
                if looks % KEEP_EVERY == 0 or not all_kept:
                    all_kept = await self._keep()
            except StoreUnavailable as error:
                log.warning("x settlements: %s", error)
            looks += 1
            await asyncio.sleep(SETTLE_EVERY_S)
