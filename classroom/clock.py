"""The one door to time: rooms and writers are handed a clock, so that tests hand them one of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds of a monotonic clock."""

    def unix_ms(self) -> int:
        """Unix time in ms."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Calls back once on the event loop's thread when `now()` reaches `when`."""


@dataclass(frozen=True, slots=True)
class Uptime:
    """How long the machine has been up: a time that nobody sets, and that goes on while our process does
    not."""

    boot: str
    """Names this run of the machine; empty where it cannot be known."""
    ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server's clock and the machine's uptime said at one moment."""

    unix_ms: int
    uptime: Uptime


NO_UPTIME: Final = Uptime("", 0)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def unknown_uptime() -> Uptime:
    return NO_UPTIME


def system_uptime() -> Uptime:
    with suppress(OSError, AttributeError):
        ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return Uptime(_BOOT_ID.read_text().strip(), ms)
    return NO_UPTIME


def time_after(last: Reading, uptime: Uptime, wall_ms: int) -> int:
    """Unix time in ms of a server that starts again in the middle of a lesson, whatever its wall clock has
    been set to meanwhile. On the same run of the machine the uptime says how much later it is; else the wall
    clock has to, but it is never earlier than it was."""
    if last.uptime.boot and last.uptime.boot == uptime.boot:
        return last.unix_ms + max(0, uptime.ms - last.uptime.ms)
    return max(wall_ms, last.unix_ms)


class SteadyClock:
    """Another clock whose Unix time goes on with its monotonic time: what the system's clock said at the
    beginning, whatever it is set to afterwards. For the server, and for each lesson's room: its events are
    in the order of their times, and what lasts a minute lasts a minute, also when the wall clock is put back
    by an hour."""

    def __init__(self, clock: Clock, begin_ms: int | None = None) -> None:
        """begin_ms: what Unix time it is now; None: what the clock says."""
        self._clock = clock
        self._begun_ms = clock.unix_ms() if begin_ms is None else begin_ms
        self._begun_at = clock.now()

    def now(self) -> float:
        return self._clock.now()

    def unix_ms(self) -> int:
        return self._begun_ms + round((self._clock.now() - self._begun_at) * 1000)

    def set_by_the_wall(self) -> None:
        """Takes over what the system's clock says now: when no lesson goes by this one."""
        self._begun_ms, self._begun_at = self._clock.unix_ms(), self._clock.now()

    def not_before(self, unix_ms: int) -> None:
        """It is at least that time."""
        self._begun_ms += max(0, unix_ms - self.unix_ms())

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
