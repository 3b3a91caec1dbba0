"""Who comes in, some at a time: a school that comes back at once must not keep the event loop from everything
else.

Letting somebody in is milliseconds of Python. A thousand whose hello arrived in the same moment would be
seconds in one turn of the loop, in which nothing is answered to those who are in already."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

AT_A_TIME: Final = 8
"""In one turn of the loop: some 25 ms, which nobody notices, and still hundreds in a second."""


class Turnstile:
    """In the order in which they came."""

    def __init__(self, at_a_time: int = AT_A_TIME) -> None:
        self._at_a_time = at_a_time
        self._passed = 0
        """In this turn."""
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Returns when it is one's turn."""
        loop = asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn)
        if self._passed < self._at_a_time and not self._waiting:
            self._passed += 1
            return
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        await place

    def _turn(self) -> None:
        self._passed = 0
        while self._waiting and self._passed < self._at_a_time:
            place = self._waiting.popleft()
            if not place.done():  # who went meanwhile was cancelled
                place.set_result(None)
                self._passed += 1
        self._turning = bool(self._passed)
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
