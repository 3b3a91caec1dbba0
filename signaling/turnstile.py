"""Who comes in: in small groups while many come, and never too many in one turn of the event loop.

Letting somebody in is milliseconds of Python. A thousand whose hello arrived in the same moment would be
seconds in one turn of the loop, in which nothing is answered to those who are in already. And a processor
that did something else since the last one came finds nothing of it in its caches any more: people who come in
one by one cost half as much again as people right behind each other. So while a school comes in they wait for
each other, for at most GATHER_S; who comes by themselves, or with a class, does not wait."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from signaling.rate import Bucket

AT_A_TIME: Final = 8
"""In one turn of the loop: some 25 ms, which nobody notices, and still hundreds in a second."""
GATHER_S: Final = 0.2
"""Not to be noticed beside the loading of a page."""
CALM_BURST: Final = 20.0
CALM_PER_S: Final = 2.0
"""So many come in without waiting: those of a class within ten seconds, and whoever was lost for a moment."""


class Turnstile:
    """In the order in which they came."""

    def __init__(self, at_a_time: int = AT_A_TIME, calm_burst: float = CALM_BURST) -> None:
        self._at_a_time = at_a_time
        self._calm = Bucket(burst=calm_burst, per_second=CALM_PER_S, now=0.0)
        self._passed = 0
        """In this turn."""
        self._turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Returns when it is one's turn."""
        loop = asyncio.get_running_loop()
        calm = not self._waiting and self._calm.take(loop.time())
        if not self._turning:
            self._turning = True
            loop.call_later(0.0 if calm else GATHER_S, self._turn)
        if calm and self._passed < self._at_a_time:
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
