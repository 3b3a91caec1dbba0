"""Every command twice: a double click, or a message that is sent again because its answer was lost, comes to
the same and is told to nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from classroom import commands as c
from classroom.commands import PersonCommand
from classroom.core import LessonCore
from classroom.handlers import handle
from classroom.membership import join
from classroom.model import (
    CAMERA,
    Allowance,
    ChatId,
    ClassId,
    ClassState,
    LessonState,
    MasterState,
    PersonId,
    Phase,
    Publication,
    QuizId,
)
from classroom.roll import Mark, Pupil
from classroom.talk import commands as t
from classroom.talk.quiz import QuizKind

Scene = Callable[[LessonCore], list[PersonCommand]]
"""What is asked before, one after the other; the last one is asked twice."""

M, T, S, O = (PersonId(name) for name in ("m", "t1", "sa", "o"))  # noqa: E741 - as the school calls them
HAND = c.RaiseHand(S)
INVITE = c.Invite(M, S)
SENDS = c.Publish(T, CAMERA, Publication("p"))
QUIZ = t.OpenQuiz(M, QuizKind.TRUE_FALSE, "?")
RING = t.CallVoice(T)


def _hand(core: LessonCore) -> Any:
    return next(iter(core.hands)).id


def _chat(core: LessonCore) -> ChatId:
    return core.chat.entries()[-1].id


def _quiz(core: LessonCore) -> QuizId:
    return next(iter(core.talk.quizzes))


def _back(core: LessonCore) -> c.Resume:
    core.change_floor(master=MasterState.BACK)
    return c.Resume(M)


TWICE: dict[type[PersonCommand], list[PersonCommand | Callable[[LessonCore], PersonCommand]]] = {
    c.RaiseHand: [HAND],
    c.LowerHand: [HAND, lambda core: c.LowerHand(M, _hand(core))],
    c.LowerAllHands: [HAND, c.LowerAllHands(M)],
    c.Say: [c.Say(M, "x", "my own id")],
    c.Publish: [SENDS],
    c.Unpublish: [SENDS, c.Unpublish(T, Publication("p"))],
    c.Mute: [SENDS, c.Mute(T, CAMERA, True)],
    c.StartLesson: [c.StartLesson(M)],
    c.EndLesson: [c.EndLesson(M)],
    c.CancelLesson: [c.CancelLesson(O)],
    c.SetPhase: [c.SetPhase(M, Phase.LOCAL_QA, 60)],
    c.SetClassState: [c.SetClassState(T, None, ClassState.LOCAL_QA)],
    c.LookIn: [c.SetClassState(T, None, ClassState.LOCAL_QA), c.LookIn(M, ClassId("c1"))],
    c.Resume: [_back],
    c.ChangeSettings: [c.ChangeSettings(M, stage_limit=2)],
    c.TakeClass: [c.TakeClass(T, None)],
    c.MoveOnline: [c.MoveOnline(T, None)],
    c.MarkRoll: [c.SetRegister(T, None, (Pupil("1"),)), c.MarkRoll(T, Mark.PRESENT, ("1",))],
    c.SetRegister: [c.SetRegister(T, None, (Pupil("1"),))],
    c.Invite: [INVITE],
    c.AcceptStage: [INVITE, c.AcceptStage(S)],
    c.DeclineStage: [HAND, INVITE, c.DeclineStage(S)],
    c.LeaveStage: [INVITE, c.AcceptStage(S), c.LeaveStage(S)],
    c.Spotlight: [INVITE, c.AcceptStage(S), c.Spotlight(M, S)],
    t.DeleteChat: [c.Say(M, "x"), lambda core: t.DeleteChat(M, _chat(core))],
    t.CloseChat: [t.CloseChat(M, True)],
    t.Announce: [t.Announce(M, "x")],
    t.CallVoice: [RING],
    t.AcceptVoice: [RING, t.AcceptVoice(M)],
    t.EndVoice: [RING, t.AcceptVoice(M), t.EndVoice(T)],
    t.MutePerson: [SENDS, t.MutePerson(M, T, CAMERA)],
    t.StopSource: [SENDS, t.StopSource(M, T, CAMERA)],
    t.ReleaseSource: [SENDS, t.StopSource(M, T, CAMERA), t.ReleaseSource(M, T, CAMERA)],
    t.RemovePerson: [t.RemovePerson(M, S)],
    t.ReadmitPerson: [t.RemovePerson(M, S), t.ReadmitPerson(M, S)],
    t.LockLesson: [t.LockLesson(M, True)],
    t.Allow: [t.Allow(M, Allowance(chat=False))],
    t.OpenQuiz: [QUIZ],
    t.AnswerQuiz: [QUIZ, lambda core: t.AnswerQuiz(S, _quiz(core), (0,))],
    t.EnterTally: [QUIZ, lambda core: t.EnterTally(T, _quiz(core), (1, 2))],
    t.CloseQuiz: [QUIZ, t.CloseQuiz(M)],
    t.ShowQuiz: [QUIZ, lambda core: t.ShowQuiz(M, _quiz(core), True)],
}
BEFORE = (c.StartLesson, c.CancelLesson)
"""Are asked of a lesson that is not live yet."""


@pytest.fixture
def core(school: Any, fake_clock: Any, fake_observer: Any, new_member: Any) -> LessonCore:
    """Everybody in, before the lesson."""
    core = LessonCore(school.lesson(LessonState.OPEN), fake_clock, fake_clock.call_at, [fake_observer])
    for person in school.with_room:
        join(core, person, new_member())
    core.settle()
    return core


def ask(core: LessonCore, command: PersonCommand) -> None:
    if core.present(command.actor) is not None:  # the end sends everybody out, and a click comes too late
        handle(core, command)
        core.settle()


@pytest.mark.parametrize("kind", get_args(PersonCommand))
def test_twice_is_once(core: LessonCore, kind: type[PersonCommand], fake_observer: Any) -> None:
    if kind not in BEFORE:
        ask(core, c.StartLesson(M))
    for step in TWICE[kind]:
        command = step(core) if callable(step) else step
        told = len(fake_observer.facts)
        ask(core, command)
    assert isinstance(command, kind)
    facts = fake_observer.facts[told:]
    assert facts or kind in QUIET, "the first one does something"
    lesson, people, hands = core.lesson, tuple(core.roster.everybody()), tuple(core.hands)
    ask(core, command)
    assert fake_observer.facts[told:] == facts
    assert (core.lesson, tuple(core.roster.everybody()), tuple(core.hands)) == (lesson, people, hands)


QUIET = (c.TakeClass,)
"""The registered tutor has the class."""
