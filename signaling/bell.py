"""A bell for a task that goes round: it rings when there is news, and when it is time to look again."""

from __future__ import annotations

import asyncio

from classroom.clock import Clock, Timer


class Bell:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, seconds: float) -> Timer:
        return self._clock.call_at(self._clock.now() + seconds, self._rung.set)

    def quiet(self) -> None:
        """Before a round: what rings from now on is for the next one."""
        self._rung.clear()

    async def heard(self, within_s: float | None = None) -> None:
        """Until it rings, which it does by itself after that time; None: it does not."""
        timer = None if within_s is None else self.ring_in(within_s)
        try:
            await self._rung.wait()
        finally:
            if timer is not None:
                timer.cancel()
