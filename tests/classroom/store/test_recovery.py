"""What a crash left open is closed at the next start."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from classroom import events
from classroom.events import LeaveCause
from classroom.model import Hand, HandId, LessonId
from classroom.store.store import Store

L = LessonId("L")


async def crash(store: Store) -> None:
    """Everything written so far stays, nothing more is said."""
    await store.flush()
    await store._writer.stop()
    await store._engine.dispose()


async def test_presence_left_open_ends_when_the_server_was_last_alive(
    open_store: Any, school: Any, fake_clock: Any
) -> None:
    store = await open_store()
    await store.save_lesson(school.lesson())
    began = fake_clock.unix_ms()
    for person in (school.master, school.student_a):
        store.observe(events.PersonJoined(lesson_id=L, at_ms=began, person=person))
    store.observe(
        events.PersonLeft(lesson_id=L, at_ms=began + 1, person=school.student_a, cause=LeaveCause.LEFT)
    )
    await store.flush()
    await fake_clock.advance(5)
    store.observe(
        events.ObservationStarted(lesson_id=L, at_ms=fake_clock.unix_ms(), person=school.supervisor)
    )
    await crash(store)
    fake_clock.fire(3600)

    again = await open_store()
    rows = {row.person: (row.left_ms, row.cause) for row in await again.presence(L)}
    assert rows == {"m": (began + 5000, LeaveCause.SERVER), "sa": (began + 1, LeaveCause.LEFT)}
    last = (await again.events(L))[-1]
    assert (last.kind, last.person, last.at_ms, last.body) == (
        "person.left",
        "m",
        began + 5000,
        {"cause": "server"},
    )
    await crash(again)
    third = await open_store()
    assert len(await third.events(L)) == 4, "what is closed is closed once"


async def test_observations_and_hands_are_closed_too(
    open_store: Any, school: Any, fake_clock: Any, sql: Any
) -> None:
    store = await open_store()
    now = fake_clock.unix_ms()
    store.observe(events.ObservationStarted(lesson_id=L, at_ms=now, person=school.supervisor))
    hand = Hand(HandId("h1"), school.student_a.id, "", None, "", 0)
    store.observe(events.HandRaised(lesson_id=L, at_ms=now, hand=hand))
    await crash(store)
    again = await open_store()
    assert sql("SELECT ended_ms, cause FROM observations") == [(now, "server")]
    assert sql("SELECT lowered_ms, lowered_by FROM hands") == [(now, None)]
    assert [event.kind for event in await again.events(L)] == ["hand.raised", "hand.lowered"]


async def test_nobody_left_before_they_came(open_store: Any, school: Any, fake_clock: Any) -> None:
    """A clock that was set back between the sign of life and the joining."""
    store = await open_store()
    late = fake_clock.unix_ms() + 60_000
    store.observe(events.PersonJoined(lesson_id=L, at_ms=late, person=school.master))
    await crash(store)
    again = await open_store()
    (row,) = await again.presence(L)
    assert row.left_ms == late


VICTIM = """
import asyncio, sys
from classroom.directory import MemoryDirectory
from classroom.store.demo import DEMO_LESSON, MASTER, seed_demo
from classroom.store.store import Store

class Member:
    def deliver(self, event): ...
    def route(self, routes): ...
    def prepare(self, standby): ...

async def main():
    store = await Store.open(sys.argv[1])
    await seed_demo(store)
    room = await MemoryDirectory(store).open_room(DEMO_LESSON)
    await room.join(MASTER, Member())
    await store.flush()
    print("in", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_server_loses_nothing_that_was_written(open_store: Any, database: Any) -> None:
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, database.url, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"in\n"
    victim.kill()
    await victim.wait()
    store = await open_store()
    (row,) = await store.presence(LessonId("demo"))
    assert (row.person, row.cause) == ("demo-master", LeaveCause.SERVER)
    assert row.left_ms is not None and row.left_ms >= row.joined_ms
