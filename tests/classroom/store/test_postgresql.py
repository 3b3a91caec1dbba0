"""What only PostgreSQL can suffer: a server that goes away, and two of ours that start at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classroom.events import PersonJoined
from classroom.model import LessonId, Person, PersonId, Role
from classroom.store import writer
from classroom.store.store import Store

L = LessonId("L")


def joined(name: str) -> PersonJoined:
    return PersonJoined(lesson_id=L, at_ms=1, person=Person(PersonId(name), name, Role.STUDENT))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_connections_that_were_cut_are_made_again(store: Store, database: Any, fake_clock: Any) -> None:
    store.observe(joined("a"))
    await store.flush()
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tongke'"
    assert len(database.run(cut)) >= 1
    store.observe(joined("b"))
    flushed = asyncio.ensure_future(store.flush())
    async with asyncio.timeout(30):
        # That the connection is cut is noticed at the server's pace; from then on it waits by the clock.
        while not flushed.done():
            await fake_clock.advance(writer.MAX_BACKOFF_S)
    assert [row.person for row in await store.presence(L)] == ["a", "b"]
    assert store.health.ok


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_text_that_it_never_takes_is_refused_and_stops_nobody(store: Store) -> None:
    store.observe(joined("a"))
    store.observe(joined("nul \0"))
    store.observe(joined("x" * 100))
    store.observe(joined("b"))
    await store.flush()
    assert [row.person for row in await store.presence(L)] == ["a", "b"]
    assert (store.health.refused, store.health.ok) == (2, True)


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
async def test_two_servers_that_start_at_once_migrate_one_after_the_other(empty_database: Any) -> None:
    stores = await asyncio.gather(*(Store.open(empty_database.url, busy_timeout_s=10) for _ in range(2)))
    for store in stores:
        await store.close()
