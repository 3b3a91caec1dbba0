"""Work that nobody waits for: closing a transport, leaving a room. Kept, logged when it fails, awaited at the
end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

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
