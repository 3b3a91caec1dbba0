"""Who comes in, some at a time."""

from __future__ import annotations

import asyncio

from signaling.turnstile import Turnstile


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
