"""What is closed waits for who is at work with it, and lets nobody begin."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonId
from classroom.store.in_use import Closed, InUse
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store


async def test_nothing_is_waited_for_where_nobody_is() -> None:
    in_use = InUse()
    with in_use.at_work():
        pass
    assert await in_use.close(0) == 0
    with pytest.raises(Closed), in_use.at_work():
        pass


async def test_the_last_one_opens_the_door() -> None:
    in_use = InUse()
    with in_use.at_work():
        with in_use.at_work():
            closing = asyncio.create_task(in_use.close(60))
            await asyncio.sleep(0)
        assert not closing.done()
    assert await closing == 0


async def test_who_does_not_end_is_counted() -> None:
    in_use = InUse()
    with in_use.at_work():
        assert await in_use.close(0) == 1


async def test_a_store_lets_who_reads_finish_and_answers_nobody_then(store: Store) -> None:
    begun = asyncio.Event()

    async def slowly(connection: AsyncConnection) -> int:
        begun.set()
        return int((await connection.execute(text("SELECT 7"))).scalar_one())

    reading = asyncio.create_task(store._read(slowly))
    await begun.wait()
    await store.close()
    assert reading.done()
    assert await reading == 7
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.lesson(LessonId("L"))
