"""A whole lecture: a master, two classes, a pupil at home, a supervisor, and a server that dies in the middle
of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from classroom import events
from classroom.commands import EndLesson, LowerHand, Publish, RaiseHand, ReportRecording, Say, StartLesson
from classroom.directory import MemoryDirectory
from classroom.events import LeaveCause
from classroom.lesson import LessonRoom
from classroom.model import CAMERA, MICROPHONE, SCREEN, LessonState, Publication, RecordingState, Source
from classroom.store import demo
from classroom.store.demo import DEMO_LESSON, seed_demo
from classroom.store.engine import sqlite_url
from classroom.store.store import Store

MINUTE = 60.0
EVERYBODY = (demo.MASTER, demo.TUTOR_1, demo.TUTOR_2, demo.TUTOR_HOME, demo.STUDENT_HOME, demo.SUPERVISOR)


class Server:
    """A store and a directory on one database; may crash and be started again."""

    def __init__(self, database: Path, clock: Any, new_member: Any, new_observer: Any) -> None:
        self.database, self.clock = database, clock
        self._new_member, self._new_observer = new_member, new_observer
        self.members: dict[str, Any] = {}

    async def start(self) -> LessonRoom:
        self.store = await Store.open(sqlite_url(self.database), clock=self.clock)
        self.recorder = self._new_observer()
        self.directory = MemoryDirectory(self.store, clock=self.clock, observe=lambda lesson: self.recorder)
        self.lesson = await seed_demo(self.store)
        self.room = await self.directory.open_room(DEMO_LESSON)
        return self.room

    async def crash(self) -> None:
        """What is written stays; nobody is told anything."""
        await self.store.flush()
        assert self.room._task is not None
        self.room._task.cancel()
        await asyncio.gather(self.room._task, return_exceptions=True)
        self.room._core.cancel_timers()
        self.directory._rooms.clear()
        await self.directory.close()
        await self.store._writer.stop()
        await self.store._engine.dispose()

    async def stop(self) -> None:
        await self.directory.close()
        await self.store.close()

    async def join(self, *people: Any) -> None:
        for person in people:
            member = self.members[person.id] = self._new_member()
            member.snapshot = await self.room.join(person, member)

    async def send(self, person: Any, **sources: str) -> None:
        for source, publication in sources.items():
            await self.room.ask(Publish(person.id, Source(source), Publication(publication)))


@pytest_asyncio.fixture
async def server(
    tmp_path: Path, fake_clock: Any, new_member: Any, fake_observer: Any
) -> AsyncIterator[Server]:
    server = Server(tmp_path / "tongke.db", fake_clock, new_member, type(fake_observer))
    yield server
    await server.stop()


async def begin(server: Server) -> None:
    """The classes come, the master checks the devices and starts."""
    await server.start()
    await server.join(demo.SUPERVISOR, demo.TUTOR_1, demo.TUTOR_2, demo.STUDENT_HOME)
    await server.clock.advance(2 * MINUTE)
    await server.join(demo.MASTER)
    await server.send(demo.MASTER, camera="m-camera", microphone="m-microphone")
    await server.send(demo.TUTOR_1, camera="t1-camera")
    assert all(not member.receives for member in server.members.values())
    await server.clock.advance(MINUTE)
    await server.room.ask(StartLesson(demo.MASTER.id))
    server.room.post(ReportRecording(RecordingState.ON))


async def test_a_lecture_from_the_door_to_the_end(server: Server) -> None:
    await begin(server)
    room, members = server.room, server.members
    await server.send(demo.MASTER, screen="m-screen")
    master = ["demo-master/microphone", "demo-master/screen", "demo-master/camera"]
    for viewer in (demo.TUTOR_1, demo.TUTOR_2, demo.STUDENT_HOME):
        assert members[viewer.id].receives == master
    assert members["demo-supervisor"].receives == [*master, "demo-tutor-1/camera"]
    assert members["demo-master"].receives == ["demo-tutor-1/camera"]

    await server.clock.advance(10 * MINUTE)
    await room.ask(RaiseHand(demo.TUTOR_1.id, "12号"))
    await room.ask(RaiseHand(demo.STUDENT_HOME.id))
    first, second = members["demo-master"].heard(events.HandsChanged)[-1].hands
    assert (first.seat, first.since_ms, second.name) == ("12号", 600_000, "小明")
    await room.ask(LowerHand(demo.MASTER.id, first.id))
    await room.ask(Say(demo.STUDENT_HOME.id, "为什么光会弯？", "c1"))

    await server.join(demo.TUTOR_HOME)
    await server.clock.advance(30 * MINUTE)
    await room.leave(demo.STUDENT_HOME.id, members["demo-student-home"])
    await room.ask(EndLesson(demo.MASTER.id))
    assert all(
        isinstance(member.events[-1], events.Dismissed)
        for name, member in members.items()
        if name != "demo-student-home"
    )

    await server.store.flush()
    total_s = {
        row.person: ((row.left_ms or 0) - row.joined_ms) / 1000
        for row in await server.store.presence(DEMO_LESSON)
    }
    assert total_s == {
        "demo-tutor-1": 43 * MINUTE,
        "demo-tutor-2": 43 * MINUTE,
        "demo-student-home": 43 * MINUTE,
        "demo-master": 41 * MINUTE,
        "demo-tutor-home": 30 * MINUTE,
    }
    lesson = await server.store.lesson(DEMO_LESSON)
    assert lesson is not None
    assert lesson.ended_ms - lesson.started_ms == 40 * MINUTE * 1000
    routed = [[route.source for route in fact.routes] for fact in server.recorder.told(events.RecorderRouted)]
    assert routed == [[MICROPHONE, CAMERA], [MICROPHONE, SCREEN, CAMERA], []]


async def test_a_crash_in_the_middle_costs_a_break(server: Server) -> None:
    await begin(server)
    started_ms = server.room.lesson.started_ms
    await server.room.ask(Say(demo.STUDENT_HOME.id, "听得见", "c1"))
    await server.clock.advance(10 * MINUTE)
    await server.room.ask(RaiseHand(demo.STUDENT_HOME.id))
    crashed_ms = server.clock.unix_ms()
    await server.crash()
    server.clock.fire(20)

    room = await server.start()
    assert (room.lesson.state, room.lesson.started_ms) == (LessonState.LIVE, started_ms)
    await server.join(*EVERYBODY)
    assert room.elapsed_ms() == 10 * MINUTE * 1000 + 20_000
    back = server.members["demo-student-home"].snapshot
    assert [entry.text for entry in back.chat] == ["听得见"]
    assert [(hand.name, hand.since_ms) for hand in back.hands] == [("小明", 600_000)], "still up"
    await server.send(demo.MASTER, camera="m-camera-2")
    assert server.members["demo-student-home"].receives == ["demo-master/camera"]
    (routed,) = server.recorder.told(events.RecorderRouted)
    assert [route.publication for route in routed.routes] == ["m-camera-2"]
    await room.ask(Say(demo.STUDENT_HOME.id, "听得见", "c1"))
    assert server.recorder.told(events.ChatWritten) == [], "sent again after the crash, it is the same"
    await room.ask(EndLesson(demo.MASTER.id))

    await server.store.flush()
    rows = [row for row in await server.store.presence(DEMO_LESSON) if row.person == "demo-master"]
    assert [row.cause for row in rows] == [LeaveCause.SERVER, LeaveCause.ENDED]
    assert rows[0].left_ms is not None and crashed_ms - 5000 <= rows[0].left_ms <= crashed_ms
    assert rows[1].joined_ms == crashed_ms + 20_000
    stream = await server.store.events(DEMO_LESSON)
    assert [event.seq for event in stream] == list(range(1, len(stream) + 1))
    assert [event.body for event in stream if event.kind == "lesson.state"] == [
        {"state": "open"},
        {"state": "live"},
        {"state": "ended"},
    ]


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_stopped_server_starts_where_it_was(server: Server, stopped: bool) -> None:
    await begin(server)
    await (server.stop() if stopped else server.crash())
    room = await server.start()
    assert room.lesson.state is LessonState.LIVE
    cause = LeaveCause.SERVER
    assert {row.cause for row in await server.store.presence(DEMO_LESSON)} == {cause}
