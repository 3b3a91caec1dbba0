from __future__ import annotations

import asyncio
import time

from classroom.clock import SystemClock, system_uptime


async def test_the_system_clock_calls_back_and_can_be_called_off() -> None:
    clock, called = SystemClock(), asyncio.Event()
    never = clock.call_at(clock.now(), lambda: 1 / 0)
    never.cancel()
    clock.call_at(clock.now(), called.set)
    async with asyncio.timeout(30):
        await called.wait()


async def test_unix_time_is_the_systems() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().unix_ms() <= time.time_ns() // 1_000_000


def test_the_uptime_goes_on_and_names_the_run_of_the_machine() -> None:
    first = system_uptime()
    second = system_uptime()
    assert first.boot == second.boot
    assert first.ms <= second.ms
