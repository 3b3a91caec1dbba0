"""Every command by every role in every state: what is refused changes nothing and is heard by nobody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, get_args

import pytest

from classroom.commands import (
    CancelLesson,
    EndLesson,
    LowerHand,
    Mute,
    PersonCommand,
    Publish,
    RaiseHand,
    Say,
    StartLesson,
    Unpublish,
)
from classroom.core import LessonCore
from classroom.handlers import handle
from classroom.membership import join
from classroom.model import (
    CAMERA,
    Allowance,
    ChatId,
    HandId,
    LessonState,
    PersonId,
    Publication,
    QuizId,
    Role,
)
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Refused
from classroom.talk import commands as talk
from classroom.talk.quiz import QuizKind

ACTORS = {
    Role.MASTER: "master",
    Role.TUTOR: "tutor_1",
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
            tuple(core.roster.everybody()),
            tuple(core.hands),
            core.chat.entries(),
            (dict(core.talk.board), dict(core.talk.quizzes)),
            dict(core.supervisors),
            len(self.observer.facts),
            [(len(member.events), len(member.routings)) for member in self.members],
        )


@pytest.fixture
def assemble(school: Any, fake_clock: Any, fake_observer: Any, new_member: Any) -> Any:
    """Everybody in, in the given state."""

    def make(state: LessonState) -> Assembly:
        core = LessonCore(school.lesson(LessonState.OPEN), fake_clock, fake_clock.call_at, [fake_observer])
        members = [new_member() for _ in school.people]
        for person, member in zip(school.people, members, strict=True):
            _, line = join(core, person, member)
            line.release_routes()
            line.release_events()
        fake_clock.fire(1)
        core.settle()
        core.lesson = replace(core.lesson, state=state)
        return Assembly(core, members, fake_observer)

    return make


@pytest.mark.parametrize(("kind", "role"), list(product(get_args(PersonCommand), Role)))
@pytest.mark.parametrize("state", LessonState)
def test_what_is_refused_changes_nothing(
    assemble: Any, school: Any, kind: type[PersonCommand], role: Role, state: LessonState
) -> None:
    assembly = assemble(state)
    actor = getattr(school, ACTORS[role]).id
    before = assembly.picture()
    expected = refusal(kind, role, state)
    try:
        handle(assembly.core, MAKE[kind](actor))
    except Refused as refused:
        assembly.core.settle()
        assert expected is None or refused.reason is expected
        assert assembly.picture() == before
    else:
        assert expected is None
