"""The one door to time: rooms and writers are handed a clock, so that tests hand them one of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def unix_ms(self) -> int:
        """Unix time in ms."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Calls back once on the event loop's thread when `now()` reaches `when`."""


class SteadyClock:
    """Another clock whose Unix time goes on with its monotonic time: what the system's clock said at the
    beginning, whatever it is set to afterwards. For one lesson's room: its events are in the order of their
    times, and what lasts a minute lasts a minute, also when the wall clock is put back by an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun_ms = clock.unix_ms()
        self._begun_at = clock.now()

    def now(self) -> float:
        return self._clock.now()

    def unix_ms(self) -> int:
        return self._begun_ms + round((self._clock.now() - self._begun_at) * 1000)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        return self._clock.call_at(when, callback)


class SystemClock:
    """The event loop's clock and the system's time. Use inside a running event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def unix_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_at(when, callback)
