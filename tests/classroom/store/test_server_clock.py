"""Wall clocks that are set, while the server runs and while it does not: the lesson's clock, its timers, the
order of its events and everybody's minutes neither run backwards nor jump."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from classroom.clock import NO_UPTIME, Reading, Uptime, time_after
from classroom.commands import SetPhase, StartLesson
from classroom.directory import MemoryDirectory
from classroom.events import NoticeKind, PersonJoined
from classroom.model import LessonId, LessonState, Phase

L = LessonId("L")
HOUR_MS = 3_600_000


class Machine:
    """Its wall clock is set when told; its uptime goes on, also while no server runs."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.moved_ms, self.boot = inner, 0, "first"

    def now(self) -> float:
        return float(self.inner.now())

    def unix_ms(self) -> int:
        return int(self.inner.unix_ms()) + self.moved_ms

    def call_at(self, when: float, callback: Any) -> Any:
        return self.inner.call_at(when, callback)

    def uptime(self) -> Uptime:
        return Uptime(self.boot, round(self.now() * 1000)) if self.boot else NO_UPTIME


class Server:
    """A store and the rooms of one life of the server."""

    def __init__(self, store: Any) -> None:
        self.store, self.directory = store, MemoryDirectory(store)

    async def crash(self) -> None:
        await self.store.flush()
        await self.store._writer.stop()
        await self.store._engine.dispose()
        self.store._closed = True  # closing it would wait for what it can write no more

    async def close(self) -> None:
        await self.directory.close()
        await self.store.close()


@pytest.fixture
def machine(fake_clock: Any) -> Machine:
    return Machine(fake_clock)


@pytest_asyncio.fixture
async def start(open_store: Any, machine: Machine) -> AsyncIterator[Any]:
    servers: list[Server] = []

    async def begin() -> Server:
        servers.append(Server(await open_store(clock=machine, uptime=machine.uptime)))
        return servers[-1]

    yield begin
    for server in servers:
        await server.directory.close()


async def lesson_begun(server: Server, school: Any, member: Any) -> Any:
    """The room of a lesson that has just become live."""
    await server.store.save_lesson(school.lesson(LessonState.OPEN))
    room = await server.directory.open_room(L)
    await room.join(school.master, member)
    await room.ask(StartLesson(school.master.id))
    return room


@pytest.mark.parametrize("moved_ms", [-HOUR_MS, HOUR_MS])
@pytest.mark.parametrize("when", ["running", "down"])
async def test_the_lesson_goes_on_where_it_was(
    start: Any, machine: Machine, school: Any, new_member: Any, fake_clock: Any, moved_ms: int, when: str
) -> None:
    first = await start()
    room = await lesson_begun(first, school, new_member())
    await fake_clock.advance(600)
    if when == "running":
        machine.moved_ms = moved_ms
    await room.ask(SetPhase(school.master.id, Phase.INTERACTION, 300))
    await fake_clock.advance(60)
    assert room.elapsed_ms() == 660_000
    # Written with it: the last sign of life.
    await room.join(school.student_a, new_member())
    await first.crash()
    machine.moved_ms = moved_ms
    fake_clock.fire(30)
    second, member = await start(), new_member()
    room = await second.directory.open_room(L)
    assert room.elapsed_ms() == 690_000
    await room.join(school.master, member)
    await fake_clock.advance(209)
    assert NoticeKind.TIMER_ENDED not in [getattr(event, "kind", None) for event in member.events]
    await fake_clock.advance(2)
    assert NoticeKind.TIMER_ENDED in [getattr(event, "kind", None) for event in member.events]
    await second.store.flush()
    told = await second.store.events(L)
    assert [event.at_ms for event in told] == sorted(event.at_ms for event in told)
    assert [event.elapsed_ms for event in told] == sorted(event.elapsed_ms for event in told)
    assert told[-1].elapsed_ms <= room.elapsed_ms() == 901_000
    report, _ = await second.store.attendance(room.lesson, second.store.clock.unix_ms())
    [master] = [one for one in report.people if one.person == school.master.id]
    there_ms = 660_000 + 211_000
    assert there_ms - 5_000 <= master.present_ms <= there_ms, "but for the last signs of life"
    await second.close()


@pytest.mark.parametrize("moved_ms", [-HOUR_MS, 0, 40_000])
async def test_on_another_machine_it_is_never_earlier_than_it_was(
    start: Any, machine: Machine, school: Any, new_member: Any, fake_clock: Any, moved_ms: int
) -> None:
    """Of a machine that was started anew only the wall clock can tell how long that took."""
    first = await start()
    await lesson_begun(first, school, new_member())
    await fake_clock.advance(600)
    first.store.observe(PersonJoined(lesson_id=L, at_ms=first.store.clock.unix_ms(), person=school.student_a))
    await first.crash()
    machine.moved_ms, machine.boot = moved_ms, "second"
    fake_clock.fire(60)
    second = await start()
    room = await second.directory.open_room(L)
    assert room.elapsed_ms() == 600_000 + max(0, 60_000 + moved_ms)
    await second.close()


async def test_a_room_that_opens_again_does_not_go_back(
    start: Any, machine: Machine, school: Any, new_member: Any, fake_clock: Any
) -> None:
    server, member = await start(), new_member()
    room = await lesson_begun(server, school, member)
    await fake_clock.advance(100)
    await room.leave(school.master.id, member)
    machine.moved_ms = -HOUR_MS
    await fake_clock.advance(120)
    assert server.directory.rooms() == ()
    again = await server.directory.open_room(L)
    assert again is not room
    assert again.elapsed_ms() == 220_000
    await server.close()


async def test_a_clock_that_was_put_right_is_right_from_the_next_lesson_on(
    start: Any, machine: Machine, school: Any, new_member: Any, fake_clock: Any
) -> None:
    server = await start()
    machine.moved_ms = HOUR_MS
    room = await lesson_begun(server, school, new_member())
    assert room.lesson.started_ms == machine.unix_ms()
    machine.moved_ms = 0
    await fake_clock.advance(10)
    assert room.unix_ms() == machine.unix_ms() + HOUR_MS, "not in the middle of one"
    await server.close()


@pytest.mark.parametrize(
    ("boot", "wall_ms", "expected"),
    [
        ("a", 0, 1_000_500),
        ("a", 9_000_000, 1_000_500),
        ("b", 0, 1_000_000),
        ("b", 9_000_000, 9_000_000),
        ("", 999_999, 1_000_000),
    ],
)
def test_what_time_it_is_after_a_restart(boot: str, wall_ms: int, expected: int) -> None:
    last = Reading(1_000_000, Uptime("a", 5_000))
    assert time_after(last, Uptime(boot, 5_500), wall_ms) == expected


def test_without_an_uptime_before_the_wall_clock_tells() -> None:
    last = Reading(1_000_000, NO_UPTIME)
    assert time_after(last, NO_UPTIME, 1_000_600) == 1_000_600
    assert time_after(last, NO_UPTIME, 0) == 1_000_000
