"""Who comes in, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from signaling.turnstile import GATHER_S, Turnstile


async def test_so_many_in_a_turn_and_in_order() -> None:
    turnstile, inside = Turnstile(2), []

    async def come(number: int) -> None:
        await turnstile.enter()
        inside.append(number)

    comers = [asyncio.create_task(come(number)) for number in range(7)]
    seen = []
    while len(inside) < 7:
        await asyncio.sleep(0)
        seen.append(len(inside))
    assert inside == list(range(7))
    assert max(after - before for before, after in zip([0, *seen], seen, strict=False)) <= 2
    await asyncio.gather(*comers)


async def test_a_class_does_not_wait_and_a_school_comes_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[tuple[float, Callable[[], None]]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_later", lambda delay_s, call: timers.append((delay_s, call)))
    turnstile = Turnstile(at_a_time=5, calm_burst=3)
    comers = [asyncio.create_task(turnstile.enter()) for _ in range(9)]
    await asyncio.sleep(0)
    assert [task.done() for task in comers] == [True] * 3 + [False] * 6
    assert [delay_s for delay_s, _ in timers] == [0.0]
    timers.pop()[1]()
    await asyncio.sleep(0)
    assert [task.done() for task in comers] == [True] * 8 + [False]
    await asyncio.gather(*comers)
    late = [asyncio.create_task(turnstile.enter()) for _ in range(2)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(task.done() for task in late)
    assert [delay_s for delay_s, _ in timers] == [GATHER_S]
    timers.pop()[1]()
    await asyncio.gather(*late)


async def test_who_goes_while_waiting_is_passed_over() -> None:
    turnstile = Turnstile(1)
    first, gone, next_one = (asyncio.create_task(turnstile.enter()) for _ in range(3))
    await asyncio.sleep(0)
    assert first.done()
    gone.cancel()
    async with asyncio.timeout(30):
        await next_one
    assert gone.cancelled()
    async with asyncio.timeout(30):
        await turnstile.enter()
