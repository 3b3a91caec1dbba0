"""A server that goes in the middle of a lesson: everything is as it was, and people come back to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from classroom import events
from classroom.commands import (
    AcceptStage,
    ChangeSettings,
    Invite,
    LookIn,
    MoveOnline,
    Publish,
    RaiseHand,
    ReportLead,
    SetClassState,
    SetPhase,
    Spotlight,
    StartLesson,
    Unpublish,
)
from classroom.directory import MemoryDirectory
from classroom.events import NoticeKind
from classroom.lesson import LessonRoom
from classroom.limits import PLACE_KEPT_S
from classroom.model import CAMERA, ClassId, ClassState, MasterState, Phase, Publication
from classroom.restart import LATE_S
from classroom.rules.reasons import Reason, Refused
from classroom.store.engine import sqlite_url
from classroom.store.store import Store
from classroom.talk.commands import AcceptVoice, CallVoice
from classroom.talk.private_voice import RING_S


class Server:
    """A store and a directory on one database; goes down in order, or is killed."""

    def __init__(self, database: Path, school: Any, clock: Any, new_member: Any, observer: Any) -> None:
        self.database, self.school, self.clock = database, school, clock
        self._new_member, self._observer = new_member, observer
        self.members: dict[str, Any] = {}

    async def start(self, **fields: Any) -> LessonRoom:
        self.store = await Store.open(sqlite_url(self.database), clock=self.clock)
        self.observer = self._observer()
        self.directory = MemoryDirectory(self.store, clock=self.clock, observe=lambda _: self.observer)
        lesson = self.school.lesson(**fields)
        if await self.store.lesson(lesson.id) is None:
            await self.store.save_lesson(lesson)
        self.room = await self.directory.open_room(lesson.id)
        return self.room

    async def stop(self) -> None:
        await self.directory.close()
        await self.store.close()

    async def again(self, away_s: float = 3) -> LessonRoom:
        await self.stop()
        self.clock.fire(away_s)
        return await self.start()

    async def join(self, *people: Any) -> None:
        for person in people:
            member = self.members[person.id] = self._new_member()
            member.snapshot = await self.room.join(person, member)


@pytest_asyncio.fixture
async def server(
    migrated_file: Path, tmp_path: Path, school: Any, fake_clock: Any, new_member: Any, fake_observer: Any
) -> Any:
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    server = Server(tmp_path / "tongke.db", school, fake_clock, new_member, type(fake_observer))
    yield server
    await server.stop()


async def teach(server: Server) -> Callable[..., Any]:
    """A live lesson, a minute old."""
    room, school = await server.start(), server.school
    await server.join(school.master, school.tutor_1, school.tutor_2, school.tutor_home, school.student_a)
    await room.ask(StartLesson(school.master.id))
    await server.clock.advance(60)
    return room.ask


async def test_phase_timer_stage_hands_classes_and_settings_are_as_they_were(
    server: Server, school: Any
) -> None:
    ask = await teach(server)
    await ask(ChangeSettings(school.master.id, stage_limit=3, duck=True))
    await ask(SetPhase(school.master.id, Phase.INTERACTION, 600))
    await ask(Invite(school.master.id, school.student_a.id))
    await ask(AcceptStage(school.student_a.id))
    await ask(Spotlight(school.master.id, school.student_a.id))
    await ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA))
    await ask(MoveOnline(school.tutor_2.id, None))
    await ask(RaiseHand(school.tutor_2.id, "12"))
    await ask(RaiseHand(school.tutor_1.id))
    await ask(Invite(school.master.id, school.tutor_home.id))
    before, hands = server.room.lesson, server.members["m"].heard(events.HandsChanged)[-1].hands
    await server.again()
    assert server.room.lesson == before
    assert [(a.id, a.online) for a in server.room.people] == [
        (person, False) for person in ("m", "t1", "t2", "th", "sa")
    ]
    await server.join(school.master, school.student_a)
    snapshot = server.members["m"].snapshot
    assert snapshot.hands == hands
    assert [guest.person for guest in snapshot.invited] == ["th"]
    assert server.members["sa"].snapshot.may_publish, "on stage still"


async def test_a_timer_rings_after_the_restart_by_the_lessons_clock(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(SetPhase(school.master.id, Phase.LOCAL_QA, 60))
    await server.clock.advance(40)
    await server.again(away_s=10)
    await server.join(school.master)
    await server.clock.advance(9)
    assert NoticeKind.TIMER_ENDED not in kinds(server, "m")
    await server.clock.advance(1)
    assert NoticeKind.TIMER_ENDED in kinds(server, "m")


async def test_who_does_not_come_back_loses_place_hand_and_stage(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(RaiseHand(school.student_a.id))
    await ask(Invite(school.master.id, school.student_a.id))
    await ask(AcceptStage(school.student_a.id))
    await ask(RaiseHand(school.student_a.id))
    await server.again()
    await server.join(school.master)
    await server.clock.advance(PLACE_KEPT_S)
    assert [attendee.id for attendee in server.room.people] == ["m"]
    assert server.room.lesson.stage == ()
    assert server.members["m"].heard(events.HandsChanged)[-1].hands == ()
    await server.store.flush()
    await server.again()
    assert [attendee.id for attendee in server.room.people] == ["m"], "nor are they expected again"


async def test_a_master_is_back_with_their_media_and_not_with_a_page_alone(
    server: Server, school: Any
) -> None:
    ask, master = await teach(server), school.master.id
    await ask(Publish(master, CAMERA, Publication("before")))
    await server.again()
    await server.join(school.master, school.tutor_1)
    await server.clock.advance(1)
    assert server.room.lesson.master is MasterState.LOST, "each class goes on with its tutor"
    await server.room.ask(Publish(master, CAMERA, Publication("after")))
    await server.clock.advance(5)
    assert server.room.lesson.master is MasterState.LOST, "nothing has come yet"
    await server.room.ask(ReportLead(master, flowing=True))
    await server.clock.advance(1)
    assert server.room.lesson.master is MasterState.HERE


async def test_media_that_are_back_within_a_second_of_the_restart_cost_nothing(
    server: Server, school: Any
) -> None:
    ask, master = await teach(server), school.master.id
    await ask(Publish(master, CAMERA, Publication("before")))
    await server.again()
    await server.join(school.master)
    await server.clock.advance(0.5)
    assert server.room.misses(master)
    await server.room.ask(ReportLead(master, flowing=True))
    await server.clock.advance(5)
    assert server.room.lesson.master is MasterState.HERE
    assert not server.observer.told(events.MasterLost)


async def test_a_master_who_sent_nothing_when_the_server_went_is_there_at_once(
    server: Server, school: Any
) -> None:
    ask, master = await teach(server), school.master.id
    await ask(Publish(master, CAMERA, Publication("before")))
    await ask(Unpublish(master, Publication("before")))
    await server.again()
    await server.join(school.master)
    await server.clock.advance(5)
    assert server.room.lesson.master is MasterState.HERE


async def test_after_a_long_time_nobody_is_expected(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(RaiseHand(school.student_a.id))
    room = await server.again(away_s=3600)
    assert (room.people, room.lesson.stage) == ((), ())
    await server.join(school.master)
    assert server.members["m"].snapshot.hands == ()


async def test_a_class_that_was_catching_up_still_does(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA))
    await server.clock.advance(60)
    await ask(SetClassState(school.tutor_1.id, None, ClassState.CATCH_UP))
    room = await server.again(away_s=30)
    await server.join(school.master)
    await server.clock.advance(209)
    assert room.lesson.classes[0].state is ClassState.CATCH_UP
    await server.clock.advance(1)
    assert room.lesson.classes[0].state is ClassState.TOGETHER


async def test_a_private_line_rings_again_for_who_comes_back(server: Server, school: Any) -> None:
    """Neither has hung up; and nobody's microphone opens by itself."""
    ask = await teach(server)
    await ask(CallVoice(school.tutor_1.id))
    await ask(AcceptVoice(school.master.id))
    room = await server.again()
    await server.join(school.tutor_1)
    assert rings(server, "t1") == [("t1", "t1", False)]
    await server.join(school.master)
    assert rings(server, "m") == [("t1", "t1", False)]
    await room.ask(AcceptVoice(school.master.id))
    assert [call.accepted for call in room.lesson.calls] == [True]
    await server.clock.advance(RING_S)
    assert room.lesson.calls, "accepted"
    await server.store.flush()
    found = await server.store.events(room.lesson.id, kinds=["voice.used"])
    assert [event.body["step"] for event in found] == ["rang", "accepted", "rang", "accepted"]


async def test_a_private_line_ends_when_nobody_takes_it_up_again(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(CallVoice(school.tutor_1.id))
    await ask(AcceptVoice(school.master.id))
    room = await server.again()
    await server.join(school.master)
    with pytest.raises(Refused) as refusal:
        await room.ask(AcceptVoice(school.master.id))
    assert refusal.value.reason is Reason.PERSON_UNKNOWN, "the tutor is not back yet"
    await server.clock.advance(RING_S)
    assert room.lesson.calls == ()
    room = await server.again(away_s=3600)
    assert room.lesson.calls == ()


async def test_the_master_still_looks_into_the_class(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA))
    await ask(LookIn(school.master.id, ClassId("c1")))
    room = await server.again()
    await server.join(school.master)
    assert server.members["m"].snapshot.me.looks_in == "c1"
    await room.leave(school.master.id, server.members["m"], events.LeaveCause.LOST)
    await server.join(school.master)
    assert server.members["m"].snapshot.me.looks_in == "c1", "nor is it lost with the line"
    await room.leave(school.master.id, server.members["m"])
    await server.join(school.master)
    assert server.members["m"].snapshot.me.looks_in is None


async def test_a_look_into_a_class_that_is_back_is_not_restored(server: Server, school: Any) -> None:
    ask = await teach(server)
    await ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA))
    await ask(LookIn(school.master.id, ClassId("c1")))
    await server.room.leave(school.master.id, server.members["m"], events.LeaveCause.LOST)
    await ask(SetClassState(school.tutor_1.id, None, ClassState.TOGETHER))
    await server.join(school.master)
    assert server.members["m"].snapshot.me.looks_in is None
    assert server.room.lesson.looks == ()


async def test_late_start_and_overrun_are_told(server: Server, school: Any) -> None:
    now_ms = server.clock.unix_ms()
    room = await server.start(starts_ms=now_ms + 60_000, ends_ms=now_ms + 600_000)
    await server.join(school.tutor_1)
    await server.clock.advance(60 + LATE_S)
    assert kinds(server, "t1") == [NoticeKind.LATE_START]
    await server.join(school.master)
    await room.ask(StartLesson(school.master.id))
    await server.clock.advance(480)
    assert kinds(server, "m")[-1] is NoticeKind.OVERRUN
    assert [fact.overrun for fact in server.observer.told(events.PlanPassed)] == [False, True]


async def test_a_lesson_that_begins_in_time_is_not_late(server: Server, school: Any) -> None:
    room = await server.start(starts_ms=server.clock.unix_ms() + 60_000)
    await server.join(school.master)
    await room.ask(StartLesson(school.master.id))
    await server.clock.advance(600)
    assert kinds(server, "m") == []


def rings(server: Server, person: str) -> list[tuple[str, str, bool]]:
    """Of each line that somebody found when they came: whose, who called, whether it is open."""
    calls = server.members[person].snapshot.talk.calls
    return [(call.tutor, call.caller, call.accepted) for call in calls]


def kinds(server: Server, person: str) -> list[NoticeKind]:
    return [notice.kind for notice in server.members[person].heard(events.Noticed)]
