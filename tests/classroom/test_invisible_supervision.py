"""What everybody else receives, byte for byte and to the millisecond, with and without a supervisor."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from classroom import events
from classroom.commands import (
    EndLesson,
    LowerHand,
    Mute,
    Publish,
    RaiseHand,
    ReportRecording,
    Say,
    StartLesson,
    Unpublish,
)
from classroom.events import LeaveCause
from classroom.model import CAMERA, MICROPHONE, SCREEN, Publication, RecordingState
from classroom.rules.reasons import Refused

P = Publication
SUPERVISION = (events.ObservationStarted, events.ObservationEnded)


class Wire:
    """A member that writes down all it is told, as bytes, each with the time."""

    def __init__(self, clock: Any) -> None:
        self.lines: list[bytes] = []
        self._clock = clock

    def deliver(self, event: Any) -> None:
        self.note(type(event).__name__, event)

    def route(self, routes: Any) -> None:
        self.note("routes", routes)

    def prepare(self, standby: Any) -> None:
        self.note("standby", standby)

    def note(self, kind: str, value: Any) -> None:
        # may_publish is a set: which order it is told in is for the door.
        text = msgspec.json.encode(value, enc_hook=sorted, order="sorted")
        self.lines.append(f"{self._clock.unix_ms()} {kind} ".encode() + text)


class Stage:
    """Plays one scripted lesson; between any two steps of it a supervisor may do something."""

    def __init__(self, hall: Any, school: Any, watched: bool) -> None:
        self.hall, self.school = hall, school
        self.wires: dict[str, Wire] = {}
        self._antics = self._supervise() if watched else None

    async def step(self, action: Any = None) -> None:
        if action is not None:
            await action
        if self._antics is not None:
            await anext(self._antics, None)
        await self.hall.turn()

    async def join(self, person: Any) -> None:
        wire = self.wires.setdefault(person.id, Wire(self.hall.clock))
        wire.note("snapshot", await self.hall.room.join(person, wire))

    async def _supervise(self) -> Any:
        """Comes, goes, is lost, comes twice, asks for what a supervisor may not; over and over."""
        room, person = self.hall.room, self.school.supervisor
        while True:
            first, second = Wire(self.hall.clock), Wire(self.hall.clock)
            await room.join(person, first)
            yield
            for command in (Say(person.id, "x"), RaiseHand(person.id), Publish(person.id, CAMERA, P("v"))):
                assert room.post(command)
            yield
            await room.join(person, second)
            yield
            await room.leave(person.id, second, LeaveCause.LOST)
            yield


async def play(stage: Stage) -> None:
    room, clock, school = stage.hall.room, stage.hall.clock, stage.school
    step, ask = stage.step, stage.hall.room.ask
    await step()
    await step(stage.join(school.master))
    await step(stage.join(school.tutor_1))
    await step(clock.advance(0.1))
    await step(stage.join(school.student_a))
    await step(ask(Publish(school.master.id, CAMERA, P("p1"))))
    await step(ask(StartLesson(school.master.id)))
    await step(ask(Publish(school.tutor_1.id, CAMERA, P("p2"))))
    await step(clock.advance(0.15))
    await step(stage.join(school.student_1))
    await step(ask(RaiseHand(school.student_a.id)))
    await step(ask(RaiseHand(school.tutor_1.id, "12")))
    await step(ask(Say(school.student_a.id, "老师好", "c1")))
    await step(ask(Mute(school.master.id, CAMERA, True)))
    await step(clock.advance(0.3))
    await step(ask(LowerHand(school.tutor_1.id)))
    await step(room.leave(school.student_1.id, stage.wires["s1"], LeaveCause.LOST))
    await step(clock.advance(30))
    await step(stage.join(school.student_1))
    await step(ask(ReportRecording(RecordingState.ON)))
    await step(ask(Publish(school.master.id, SCREEN, P("p3"))))
    await step(ask(Publish(school.master.id, MICROPHONE, P("p4"))))
    await step(ask(Unpublish(school.master.id, P("p3"))))
    await step(room.leave(school.student_a.id, stage.wires["sa"]))
    await step(clock.advance(90))
    with pytest.raises(Refused):
        await ask(EndLesson(school.tutor_1.id))
    await ask(EndLesson(school.master.id))
    await clock.advance(1)


async def test_nobody_can_tell_whether_they_are_supervised(open_hall: Any, school: Any) -> None:
    halls = [await open_hall(), await open_hall()]
    stages = [Stage(hall, school, watched) for hall, watched in zip(halls, (False, True), strict=True)]
    for stage in stages:
        await play(stage)
    alone, watched = ({name: wire.lines for name, wire in stage.wires.items()} for stage in stages)
    assert watched == alone
    assert all(
        b'"v"' not in line and "督查员".encode() not in line for lines in watched.values() for line in lines
    )
    assert sum(map(len, alone.values())) > 50, "the script says something"

    facts = [[fact for fact in hall.observer.facts if not isinstance(fact, SUPERVISION)] for hall in halls]
    assert facts[0] == facts[1]
    assert len(halls[1].observer.told(events.ObservationStarted)) > 5


async def test_a_supervisor_sees_everything(live_hall: Any, school: Any) -> None:
    supervisor = await live_hall.join(school.supervisor)
    await live_hall.join(school.master, school.tutor_1, school.student_a)
    await live_hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    await live_hall.room.ask(Publish(school.tutor_1.id, CAMERA, P("p2")))
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.room.ask(Say(school.student_a.id, "老师好"))
    await live_hall.clock.advance(1)
    assert supervisor.receives == ["m/camera", "t1/camera"]
    people = {a.id for event in supervisor.heard(events.RosterChanged) for a in event.people}
    assert people == {"m", "t1", "sa"}
    assert len(supervisor.heard(events.ChatSaid)) == len(supervisor.heard(events.HandsChanged)) == 1


async def test_a_supervisor_alone_leaves_a_lesson_scheduled(hall: Any, school: Any) -> None:
    member = await hall.join(school.supervisor)
    assert member.snapshot.lesson.state == "scheduled"
    assert member.snapshot.people == ()
    await hall.leave(school.supervisor)
    assert [type(fact) for fact in hall.observer.facts] == [*SUPERVISION]
