"""Random lessons, and the server goes in the middle: everybody finds what they had, but for what is named in
`classroom.restart.LOST`."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from classroom import floor
from classroom.commands import (
    AcceptStage,
    CancelLesson,
    EndLesson,
    Invite,
    LookIn,
    Publish,
    SetClassState,
    StartLesson,
)
from classroom.core import LessonCore
from classroom.directory import MemoryDirectory
from classroom.events import LeaveCause
from classroom.membership import talk_seen_by
from classroom.model import (
    MICROPHONE,
    Attendee,
    ClassState,
    ClassStatus,
    Lesson,
    LessonId,
    MasterState,
    Person,
    Publication,
    QuizId,
    RecordingState,
    Role,
)
from classroom.restart import LOST
from classroom.rules.reasons import Refused
from classroom.rules.visibility import audience
from classroom.store.store import Store
from classroom.talk.commands import AcceptVoice, AnswerQuiz, CallVoice, MutePerson, OpenQuiz, StopSource
from classroom.talk.events import TalkSnapshot
from classroom.talk.quiz import QuizKind

PEOPLE = st.integers(0, 10)
SLOT = "#0"
"""The first there is, as `filled_in` reads it."""


def lesson_kept(lesson: Lesson) -> Lesson:
    """What a restart must find of it."""
    return replace(
        lesson,
        master=MasterState.HERE,  # whether the master's line is lost
        recording=RecordingState.OFF,  # what the recorder does
        calls=(),  # an open private line: see `talk_kept`
        looks=tuple(sorted(lesson.looks, key=lambda look: look.person)),
    )


def talk_kept(talk: TalkSnapshot) -> Any:
    """Lines ring again: whose they are, and who asked for them."""
    lines = [(call.tutor, call.class_id, call.master, call.caller) for call in talk.calls]
    board = sorted(talk.announcements, key=lambda each: each.class_id or "")
    return board, talk.quizzes, talk.removed, lines


def attendee_kept(attendee: Attendee) -> Any:
    supervises = attendee.role is Role.SUPERVISOR
    return attendee.person, attendee.online, None if supervises else attendee.looks_in  # tracks; a look


def status_kept(status: ClassStatus) -> ClassStatus:
    return replace(status, quality=None)


def view(core: LessonCore, viewer: Person) -> dict[str, Any]:
    """All that this person would find on coming in."""
    seen = audience(viewer)
    return {
        "lesson": lesson_kept(core.lesson),
        "may publish": floor.may_publish(replace(core.lesson, master=MasterState.HERE), viewer),
        "people": sorted(map(attendee_kept, core.roster.seen_by(seen)), key=lambda each: each[0].id),
        "classes": [status_kept(status) for status in core.roster.classes_seen_by(seen)],
        "hands": core.hands_seen_by(seen),
        "chat": core.chat.seen_by(viewer),
        "talk": talk_kept(talk_seen_by(core, viewer)),
        "invited": core.invited_seen_by(seen),
        "rolls": core.rolls,
    }


class RestartMachine(RuleBasedStateMachine):
    numbers = itertools.count()

    def __init__(self, url: str, school: Any, new_clock: Any, new_member: Any, tools: Any) -> None:
        super().__init__()
        self.url, self.school, self.new_member = url, school, new_member
        self.clock = new_clock()
        self.filled_in = tools
        self.id = LessonId(f"L{next(self.numbers)}")
        self.inside: dict[str, Any] = {}
        self.loop = asyncio.new_event_loop()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def open(self) -> None:
        self.store = await Store.open(self.url, clock=self.clock)
        self.directory = MemoryDirectory(self.store, clock=self.clock)
        if await self.store.lesson(self.id) is None:
            await self.store.save_lesson(replace(self.school.lesson(), id=self.id))
        self.room = await self.directory.open_room(self.id)

    async def turn(self, seconds: float = 0.0) -> None:
        await self.clock.advance(seconds)

    async def join(self, person: Person) -> None:
        member = self.new_member()
        try:
            await self.room.join(person, member)
        except Refused:
            return
        self.inside[person.id] = (person, member)

    async def ask(self, command: Any) -> None:
        await self.turn(0.3)
        with contextlib.suppress(Refused):
            await self.room.ask(self.filled_in(self.room._core, command))
        await self.turn()
        present = self.room._core.present
        self.inside = {name: who for name, who in self.inside.items() if present(who[0].id)}

    @initialize()
    def begin(self) -> None:
        async def go() -> None:
            await self.open()
            for person in self.school.with_room:
                await self.join(person)
            await self.ask(StartLesson(self.school.master.id))

        self.run(go())

    @rule(data=st.data())
    def say(self, data: st.DataObject) -> None:
        command = data.draw(self.commands)
        if not isinstance(command, EndLesson | CancelLesson):
            self.run(self.ask(command))

    @rule()
    def look_in(self) -> None:
        school = self.school
        self.run(self.ask(SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA)))
        self.run(self.ask(LookIn(school.master.id, school.class_1.id)))

    @rule(kind=st.sampled_from([MutePerson, StopSource]))
    def hold(self, kind: type[MutePerson | StopSource]) -> None:
        tutor = self.school.tutor_2.id
        self.run(self.ask(Publish(tutor, MICROPHONE, Publication(SLOT))))
        self.run(self.ask(kind(self.school.master.id, tutor, MICROPHONE)))

    @rule()
    def talk_privately(self) -> None:
        self.run(self.ask(CallVoice(self.school.tutor_home.id)))
        self.run(self.ask(AcceptVoice(self.school.master.id)))

    @rule()
    def come_on_stage(self) -> None:
        self.run(self.ask(Invite(self.school.master.id, self.school.student_a.id)))
        self.run(self.ask(AcceptStage(self.school.student_a.id)))

    @rule(kind=st.sampled_from(QuizKind))
    def ask_a_quiz(self, kind: QuizKind) -> None:
        options = () if kind is QuizKind.TRUE_FALSE else ("a", "b")
        self.run(self.ask(OpenQuiz(self.school.master.id, kind, "?", options, seconds=30)))
        self.run(self.ask(AnswerQuiz(self.school.student_a.id, QuizId(SLOT), (1,))))

    @rule(number=PEOPLE)
    def come(self, number: int) -> None:
        self.run(self.join(self.school.with_room[number]))

    @rule(number=PEOPLE, cause=st.sampled_from([LeaveCause.LEFT, LeaveCause.LOST, LeaveCause.LOST]))
    def leave(self, number: int, cause: LeaveCause) -> None:
        person, member = self.inside.pop(self.school.with_room[number].id, (None, None))
        if person is not None:
            self.run(self.room.leave(person.id, member, cause))

    @rule(seconds=st.sampled_from([0.2, 1.0, 10.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.run(self.turn(seconds))

    @rule(crash=st.booleans())
    def restart(self, crash: bool) -> None:
        self.run(self.compare(crash))

    @rule(crash=st.booleans())
    def restart_and_end(self, crash: bool) -> None:
        self.run(self.compare(crash))
        self.run(self.ask(EndLesson(self.school.master.id)))
        self.run(self.compare(crash))

    async def compare(self, crash: bool) -> None:
        await self.turn()
        core = self.room._core
        core.settle()
        expected = {person.id: view(core, person) for person in self.school.with_room}
        was_in = [who[0] for who in self.inside.values()]
        await self.go_down(crash)
        await self.open()
        self.inside = {}
        for person in was_in:
            await self.join(person)
        await self.turn()
        for person in self.school.with_room:
            found = view(self.room._core, person)
            for part, value in expected[person.id].items():
                assert found[part] == value, f"{part} as {person.id} sees it"

    async def go_down(self, crash: bool) -> None:
        await self.store.flush()
        if crash:
            # As if the process had been killed: nobody says good-bye to anybody.
            assert self.room._task is not None
            self.room._task.cancel()
            self.room._core.cancel_timers()
            if self.directory._sweeper is not None:
                self.directory._sweeper.cancel()
            await asyncio.gather(self.room._task, return_exceptions=True)
            await self.store._writer.stop()
            await self.store._engine.dispose()
        else:
            await self.directory.close()
            await self.store.close()

    def teardown(self) -> None:
        if hasattr(self, "room"):
            self.run(self.go_down(crash=False))
        self.loop.close()


@pytest.fixture
def machine(
    database: Any,
    school: Any,
    fake_clock: Any,
    new_member: Any,
    filled_in: Callable[..., Any],
    likely_command: Any,
) -> Callable[[], RestartMachine]:
    RestartMachine.commands = likely_command
    return partial(RestartMachine, database.url, school, type(fake_clock), new_member, filled_in)


def test_random_lessons_go_on_after_a_restart(
    machine: Callable[[], RestartMachine], request: pytest.FixtureRequest
) -> None:
    few = "postgresql" in request.node.name
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=True,
            deadline=None,
            max_examples=3 if few else 20,
            stateful_step_count=20 if few else 30,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_what_is_meant_not_to_survive_is_named() -> None:
    assert len(set(LOST)) == len(LOST) == 8
