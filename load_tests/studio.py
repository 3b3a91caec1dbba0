"""Where those who send have their event loop: a thread of its own, so that no frame waits for what a thousand
other bots are told in the same moment. Python hands its lock over within `sys.getswitchinterval()` (5 ms); a
loop that they shared was held for half a second."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class Studio:
    """`begin` what sends, `close` when nothing does any more."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="studio", daemon=True)
        self._thread.start()

    def begin(self, sending: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """Runs it there; cancelling what is returned cancels it."""
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(sending, self._loop))

    async def close(self) -> None:
        """Cancels what still runs, and waits for its end."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_nothing_else(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _nothing_else() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
