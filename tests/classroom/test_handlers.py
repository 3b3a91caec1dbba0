"""Every command by every role in every state: what is refused changes nothing and is heard by nobody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom.commands import (
    AcceptStage,
    CancelLesson,
    ChangeSettings,
    DeclineStage,
    EndLesson,
    Invite,
    LeaveStage,
    LookIn,
    LowerAllHands,
    LowerHand,
    MarkRoll,
    MoveOnline,
    Mute,
    PersonCommand,
    Publish,
    RaiseHand,
    Resume,
    Say,
    SetClassState,
    SetPhase,
    SetRegister,
    Spotlight,
    StartLesson,
    TakeClass,
    Unpublish,
)
from classroom.core import LessonCore
from classroom.handlers import handle
from classroom.membership import join
from classroom.model import (
    CAMERA,
    Allowance,
    ChatId,
    ClassId,
    ClassState,
    HandId,
    LessonState,
    PersonId,
    Phase,
    Publication,
    QuizId,
    Role,
)
from classroom.roll import Mark, Pupil
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Refused
from classroom.talk import commands as talk
from classroom.talk.quiz import QuizKind
from signaling.problems import Problem

ACTORS = {
    Role.MASTER: "master",
    Role.TUTOR: "tutor_1",
    Role.ROOM: "room_1",
    Role.STUDENT: "student_a",
    Role.SUPERVISOR: "supervisor",
    Role.ORGANIZER: "organizer",
    Role.ENCODER: "encoder",
}
MAKE: dict[type[PersonCommand], Any] = {
    RaiseHand: lambda actor: RaiseHand(actor),
    LowerHand: lambda actor: LowerHand(actor, HandId("none")),
    Say: lambda actor: Say(actor, "x"),
    Publish: lambda actor: Publish(actor, CAMERA, Publication("p")),
    Unpublish: lambda actor: Unpublish(actor, Publication("p")),
    Mute: lambda actor: Mute(actor, CAMERA, True),
    StartLesson: StartLesson,
    EndLesson: EndLesson,
    CancelLesson: CancelLesson,
    talk.DeleteChat: lambda actor: talk.DeleteChat(actor, ChatId("none")),
    talk.CloseChat: lambda actor: talk.CloseChat(actor, True),
    talk.Announce: lambda actor: talk.Announce(actor, "x"),
    talk.CallVoice: lambda actor: talk.CallVoice(actor, PersonId("t1")),
    talk.AcceptVoice: lambda actor: talk.AcceptVoice(actor),
    talk.EndVoice: lambda actor: talk.EndVoice(actor),
    talk.MutePerson: lambda actor: talk.MutePerson(actor, PersonId("sa"), CAMERA),
    talk.StopSource: lambda actor: talk.StopSource(actor, PersonId("sa"), CAMERA),
    talk.ReleaseSource: lambda actor: talk.ReleaseSource(actor, PersonId("sa"), CAMERA),
    talk.RemovePerson: lambda actor: talk.RemovePerson(actor, PersonId("s1")),
    talk.ReadmitPerson: lambda actor: talk.ReadmitPerson(actor, PersonId("sa")),
    talk.LockLesson: lambda actor: talk.LockLesson(actor, True),
    talk.Allow: lambda actor: talk.Allow(actor, Allowance(chat=False)),
    talk.OpenQuiz: lambda actor: talk.OpenQuiz(actor, QuizKind.TRUE_FALSE),
    talk.AnswerQuiz: lambda actor: talk.AnswerQuiz(actor, QuizId("none"), (0,)),
    talk.EnterTally: lambda actor: talk.EnterTally(actor, QuizId("none"), (0, 1)),
    talk.CloseQuiz: lambda actor: talk.CloseQuiz(actor),
    talk.ShowQuiz: lambda actor: talk.ShowQuiz(actor, QuizId("none"), True),
    LowerAllHands: LowerAllHands,
    SetPhase: lambda actor: SetPhase(actor, Phase.INTERACTION),
    SetClassState: lambda actor: SetClassState(actor, None, ClassState.LOCAL_QA),
    LookIn: lambda actor: LookIn(actor, ClassId("c1")),
    Resume: Resume,
    ChangeSettings: lambda actor: ChangeSettings(actor, stage_limit=2),
    TakeClass: lambda actor: TakeClass(actor, None),
    MoveOnline: lambda actor: MoveOnline(actor, None),
    MarkRoll: lambda actor: MarkRoll(actor, Mark.PRESENT, ("1",)),
    SetRegister: lambda actor: SetRegister(actor, None, (Pupil("1"),)),
    Invite: lambda actor: Invite(actor, PersonId("sa")),
    AcceptStage: AcceptStage,
    DeclineStage: DeclineStage,
    LeaveStage: LeaveStage,
    Spotlight: lambda actor: Spotlight(actor, None),
}


@dataclass
class Assembly:
    core: LessonCore
    members: list[Any]
    observer: Any

    def picture(self) -> Any:
        """All that a command could change, and all that anybody heard."""
        core = self.core
        return (
            core.lesson,
            (set(core.places), set(core._alarms), set(core.talk.known), set(core.awaited)),
            [line.routes for line in core.lines],
            tuple(core.roster.everybody()),
            tuple(core.hands),
            core.chat.entries(),
            (dict(core.talk.board), dict(core.talk.quizzes), dict(core.rolls)),
            dict(core.supervisors),
            len(self.observer.facts),
            [(len(member.events), len(member.routings)) for member in self.members],
        )


@pytest.fixture
def assemble(school: Any, fake_clock: Any, fake_observer: Any, new_member: Any) -> Any:
    """Everybody in, in the given state."""

    def make(state: LessonState, phase: Phase) -> Assembly:
        core = LessonCore(school.lesson(LessonState.OPEN), fake_clock, fake_clock.call_at, [fake_observer])
        members = [new_member() for _ in school.with_room]
        for person, member in zip(school.with_room, members, strict=True):
            line = join(core, person, member)
            line.release_routes()
            line.release_events()
        fake_clock.fire(1)
        core.settle()
        core.lesson = replace(core.lesson, state=state, phase=phase)
        return Assembly(core, members, fake_observer)

    return make


SITUATIONS = [
    *((state, Phase.LECTURE) for state in LessonState),
    *((LessonState.LIVE, phase) for phase in Phase),
]


@pytest.mark.parametrize(("kind", "role"), list(product(get_args(PersonCommand), Role)))
def test_what_is_refused_changes_nothing(
    assemble: Any, school: Any, kind: type[PersonCommand], role: Role
) -> None:
    for state, phase in dict.fromkeys(SITUATIONS):
        _refused_or_done(assemble(state, phase), getattr(school, ACTORS[role]).id, kind, role)


@pytest.mark.parametrize("kind", get_args(PersonCommand))
def test_whatever_is_asked_for_it_is_done_or_nothing_happens(
    assemble: Any, every_command: Any, filled_in: Any, kind: type[PersonCommand]
) -> None:
    """Made from the fields of each kind of command: a new one is in by itself."""

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(
        before=st.lists(st.one_of(list(every_command.values())), max_size=4),
        command=every_command[kind],
        situation=st.sampled_from(SITUATIONS),
    )
    def ask(before: list[PersonCommand], command: PersonCommand, situation: Any) -> None:
        assembly = assemble(*situation)
        for earlier in before:
            _ask(assembly, filled_in(assembly.core, earlier))
        _ask(assembly, filled_in(assembly.core, command))

    ask()


def _ask(assembly: Assembly, command: PersonCommand) -> None:
    core = assembly.core
    core.settle()
    before, present, lesson = assembly.picture(), core.present(command.actor), core.lesson
    may = None if present is None else refusal(type(command), present.role, lesson.state, lesson.phase)
    try:
        handle(core, command)
    except Refused as refused:
        core.settle()
        assert assembly.picture() == before
        assert Problem.of_rule(refused.reason).detail("zh-CN")
        assert may is None or refused.reason is may
    else:
        assert present is not None and may is None


def _refused_or_done(assembly: Assembly, actor: Any, kind: type[PersonCommand], role: Role) -> None:
    before = assembly.picture()
    lesson = assembly.core.lesson
    expected = refusal(kind, role, lesson.state, lesson.phase)
    try:
        handle(assembly.core, MAKE[kind](actor))
    except Refused as refused:
        assembly.core.settle()
        assert expected is None or refused.reason is expected
        assert assembly.picture() == before
    else:
        assert expected is None
