"""Who is at work with something that is to be closed when nobody is any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Closed(Exception):  # noqa: N818 - an answer, not a fault
    """It is closed, or about to be."""


class InUse:
    """Of one event loop."""

    def __init__(self) -> None:
        self._at_work = 0
        self._closing = False
        self._free = asyncio.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Raises Closed."""
        if self._closing:
            raise Closed
        self._at_work += 1
        try:
            yield
        finally:
            self._done()

    def _done(self) -> None:
        self._at_work -= 1
        if self._closing and not self._at_work:
            self._free.set()

    async def close(self, timeout_s: float) -> int:
        """Nobody begins any more; waits for who is at work. How many still were when the time was over."""
        self._closing = True
        if self._at_work:
            try:
                await asyncio.wait_for(self._free.wait(), timeout_s)
            except TimeoutError:
                return self._at_work
        return 0
