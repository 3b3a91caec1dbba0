"""Work that nobody waits for: closing a transport, leaving a room. Kept, logged when it fails, awaited at the
end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from classroom.store.outbox import StoreUnavailable

log = logging.getLogger(__name__)

ROUND_S: Final = 3.0
"""Longer than SQLite waits for another program's lock."""


class Background:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Runs it to its end; an error is logged under the name."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def __len__(self) -> int:
        return len(self._tasks)

    async def finish(self, timeout_s: float) -> None:
        """Waits until all is done; what takes longer is cancelled."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                log.error("x background work %s did not end within %g s", task.get_name(), timeout_s)
                task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("x background work %s failed", task.get_name(), exc_info=error)


async def cancel_between(task: asyncio.Task[None], busy: asyncio.Lock) -> None:
    """Cancels a task that goes round for ever, between two rounds: one that is cancelled while the database
    answers leaves a connection that nobody closes. `busy` is held in a round; one that takes longer than
    ROUND_S is cut."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ROUND_S):
            await busy.acquire()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Rounds:
    """One look after the other, `every_s` apart, for as long as the server runs: what fails is tried again in
    the next. `start` and `close` once each."""

    def __init__(
        self, name: str, look: Callable[[], Awaitable[object]], every_s: float, *, at_once: bool = True
    ) -> None:
        """at_once: the first look needs no rest before it."""
        self._name = name
        self._look = look
        self._every_s = every_s
        self._at_once = at_once
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        if self._task is not None:
            await cancel_between(self._task, self._busy)

    async def _run(self) -> None:
        if not self._at_once:
            await asyncio.sleep(self._every_s)
        while True:
            async with self._busy:
                try:
                    await self._look()
                except (StoreUnavailable, OSError) as error:
                    log.warning("x %s: %s; looked at again later", self._name, error)
                except Exception:
                    log.exception("x %s: a mistake of ours", self._name)
            await asyncio.sleep(self._every_s)
