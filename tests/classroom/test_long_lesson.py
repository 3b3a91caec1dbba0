"""A lesson of eight hours with a class of five hundred; and clocks that are set back."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import chat
from classroom.clock import SteadyClock
from classroom.commands import RaiseHand, Say, SetPhase, StartLesson
from classroom.core import LessonCore
from classroom.events import NoticeKind, PhaseChanged
from classroom.handlers import handle
from classroom.membership import join
from classroom.model import ClassId, LessonState, Person, PersonId, Phase, Role
from classroom.rules.reasons import Refused
from classroom.talk.commands import CloseQuiz, OpenQuiz
from classroom.talk.facts import QuizClosed
from classroom.talk.quiz import QuizKind

HOURS = 8
PUPILS = 500


class Deaf:
    """A page that keeps nothing."""

    def deliver(self, event: Any) -> None:
        pass

    def route(self, routes: Any) -> None:
        pass


@pytest.fixture
def core(school: Any, fake_clock: Any, fake_observer: Any) -> Any:
    def later(when: float, callback: Any) -> Any:
        return fake_clock.call_at(when, lambda: (callback(), core.settle()))

    core = LessonCore(school.lesson(LessonState.OPEN), fake_clock, later, [fake_observer])
    return core


def ask(core: LessonCore, command: Any) -> None:
    handle(core, command)
    core.settle()


def test_eight_hours_with_a_class_of_five_hundred_stay_bounded(
    core: LessonCore, school: Any, fake_clock: Any, fake_observer: Any
) -> None:
    pupils = [Person(PersonId(f"p{n}"), f"{n}", Role.STUDENT, ClassId("home")) for n in range(PUPILS)]
    for person in (school.master, school.tutor_home, *pupils):
        join(core, person, Deaf())
    core.settle()
    ask(core, StartLesson(school.master.id))
    for quarter in range(HOURS * 4):
        phase = Phase.LECTURE if quarter % 2 else Phase.LOCAL_QA
        ask(core, SetPhase(school.master.id, phase, 600))
        ask(core, OpenQuiz(school.master.id, QuizKind.TRUE_FALSE, f"{quarter}", seconds=60))
        for number in range(15):
            fake_clock.fire(60)
            ask(core, Say(pupils[number].id, f"{quarter}", f"{quarter}.{number}"))
            ask(core, RaiseHand(pupils[(quarter + number) % PUPILS].id))
            fake_observer.facts[:-1000] = []
    assert core.elapsed_ms() == HOURS * 3_600_000
    assert len(core.chat.entries()) == chat.KEPT
    assert len(list(core.hands)) <= PUPILS
    assert len(core.paces) <= len(core.roster) == PUPILS + 2
    assert fake_clock.pending <= 10, "timers do not pile up"
    assert len(core.talk.quizzes) == HOURS * 4 and not list(core.talk.unclosed())


class WallClock:
    """A system whose time is set while the lesson goes on."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.moved_ms = inner, 0

    def now(self) -> float:
        return float(self.inner.now())

    def unix_ms(self) -> int:
        return int(self.inner.unix_ms()) + self.moved_ms

    def call_at(self, when: float, callback: Any) -> Any:
        return self.inner.call_at(when, callback)


@pytest.mark.parametrize("moved_ms", [-3_600_000, 3_600_000])
def test_a_wall_clock_that_is_set_moves_nothing_in_a_lesson(
    school: Any, fake_clock: Any, fake_observer: Any, new_member: Any, moved_ms: int
) -> None:
    wall = WallClock(fake_clock)

    def later(when: float, callback: Any) -> Any:
        return wall.call_at(when, lambda: (callback(), core.settle()))

    core = LessonCore(school.lesson(LessonState.OPEN), wall, later, [fake_observer])
    member = new_member()
    line = join(core, school.master, member)
    line.release_events()
    ask(core, StartLesson(school.master.id))
    ask(core, SetPhase(school.master.id, Phase.INTERACTION, 60))
    ask(core, OpenQuiz(school.master.id, QuizKind.TRUE_FALSE, seconds=30))
    fake_clock.fire(10)
    wall.moved_ms = moved_ms
    ask(core, Say(school.master.id, "x"))
    assert core.elapsed_ms() == 10_000
    fake_clock.fire(19.9)
    assert not fake_observer.told(QuizClosed)
    fake_clock.fire(0.2)
    assert len(fake_observer.told(QuizClosed)) == 1
    fake_clock.fire(30)
    assert NoticeKind.TIMER_ENDED in {each.kind for each in member.events if hasattr(each, "kind")}
    times = [fact.at_ms for fact in fake_observer.facts]
    assert times == sorted(times)
    assert fake_observer.told(PhaseChanged)[0].at_ms + 10_000 == core.chat.entries()[0].at_ms


def test_a_steady_clock_says_what_the_wall_said_at_first(fake_clock: Any) -> None:
    wall = WallClock(fake_clock)
    steady, began_ms = SteadyClock(wall), wall.unix_ms()
    wall.moved_ms = -1_000_000
    fake_clock.fire(2.5)
    assert steady.unix_ms() == began_ms + 2_500


def test_nobody_floods_a_lesson_however_long_it_is(core: LessonCore, school: Any) -> None:
    join(core, school.master, Deaf())
    for number in range(5):
        ask(core, Say(school.master.id, f"{number}"))
    with pytest.raises(Refused):
        ask(core, Say(school.master.id, "x"))
    with pytest.raises(Refused):
        ask(core, CloseQuiz(school.master.id))
