"""Quizzes in a lesson's room: who sees what, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.commands import EndLesson
from classroom.lesson import LessonRoom
from classroom.model import LessonState, Person, QuizId
from classroom.rules.reasons import Reason, Refused
from classroom.talk.commands import AnswerQuiz, CloseQuiz, EnterTally, OpenQuiz, ShowQuiz
from classroom.talk.events import QuizChanged, QuizCounted, QuizSeen
from classroom.talk.facts import QuizAnswered, QuizClosed, QuizOpened, QuizTallied
from classroom.talk.quiz import MAX_QUIZZES, QuizKind
from classroom.talk.state import Restored

OPTIONS = ("3", "4", "5")


async def refused(hall: Any, command: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await hall.room.ask(command)
    return caught.value.reason


@pytest.fixture
async def full(live_hall: Any, school: Any) -> Any:
    await live_hall.join(*school.people)
    return live_hall


async def ask(hall: Any, school: Any, seconds: int = 0) -> QuizId:
    opening = OpenQuiz(school.master.id, QuizKind.SINGLE, "2 + 2?", OPTIONS, (1,), seconds)
    await hall.room.ask(opening)
    quiz: QuizId = hall.observer.told(QuizOpened)[-1].quiz.id
    return quiz


def last(hall: Any, person: Person) -> QuizSeen:
    seen: QuizSeen = hall[person].heard(QuizChanged)[-1].seen
    return seen


async def test_everybody_is_asked_and_only_who_leads_knows_the_answer(full: Any, school: Any) -> None:
    await ask(full, school)
    await full.turn()
    for person in school.people:
        if person is school.encoder:
            assert not full[person].heard(QuizChanged)
            continue
        told = last(full, person).quiz.question
        leads = person in (school.master, school.organizer, school.supervisor)
        assert (told.text, told.options) == ("2 + 2?", OPTIONS)
        assert told.correct == ((1,) if leads else ())


async def test_the_master_sees_it_grow_per_class_the_tutor_the_own_and_pupils_nothing(
    full: Any, school: Any
) -> None:
    quiz = await ask(full, school)
    await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (1,)))
    await full.room.ask(AnswerQuiz(school.student_b.id, quiz, (0,)))
    await full.room.ask(EnterTally(school.tutor_1.id, quiz, (2, 30, 1)))
    await full.clock.advance(1)
    result = full[school.master].heard(QuizCounted)[-1].result
    assert (result.counts, result.answered) == ((3, 31, 1), 35)
    assert [(row.class_id, row.counts) for row in result.classes] == [
        ("c1", (2, 30, 1)),
        ("home", (1, 1, 0)),
    ]
    own = full[school.tutor_home].heard(QuizCounted)[-1].result
    assert (own.counts, own.answered) == ((1, 1, 0), 2)
    other = full[school.tutor_2].heard(QuizCounted)[-1].result
    assert (other.counts, other.answered, other.classes) == ((0, 0, 0), 0, ())
    assert not full[school.student_a].heard(QuizCounted)
    assert last(full, school.student_a).choices == (1,)
    assert last(full, school.student_a).result is None


async def test_results_come_in_batches(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    for choice in (0, 1, 2, 0, 1):
        await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (choice,)))
    await full.clock.advance(0.1)
    assert len(full[school.master].heard(QuizCounted)) == 1
    await full.clock.advance(0.2)
    assert len(full[school.master].heard(QuizCounted)) == 2
    assert full[school.master].heard(QuizCounted)[-1].result.counts == (0, 1, 0)


async def test_shown_everybody_sees_the_sum_and_the_own_class(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    await full.room.ask(EnterTally(school.tutor_1.id, quiz, (2, 30, 1)))
    await full.room.ask(CloseQuiz(school.master.id))
    await full.turn()
    assert last(full, school.student_a).result is None
    await full.room.ask(ShowQuiz(school.master.id, quiz, True))
    await full.turn()
    seen = last(full, school.student_1)
    assert seen.result is not None
    assert (seen.result.counts, [row.class_id for row in seen.result.classes]) == ((2, 30, 1), ["c1"])
    assert seen.quiz.question.correct == (1,)
    away = last(full, school.student_a).result
    assert away is not None
    assert (away.answered, away.classes) == (33, ())
    await full.room.ask(ShowQuiz(school.master.id, quiz, False))
    await full.turn()
    assert last(full, school.student_a).result is None


async def test_a_newcomer_gets_what_is_open(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (2,)))
    member = await full.join(school.student_a)
    (seen,) = member.snapshot.talk.quizzes
    assert (seen.quiz.id, seen.choices, seen.result) == (quiz, (2,), None)
    await full.room.ask(CloseQuiz(school.master.id, quiz))
    second = await ask(full, school)
    ids = [each.quiz.id for each in (await full.join(school.student_a)).snapshot.talk.quizzes]
    assert ids == [second], "pupils: what is open, shown, or was last"
    ids = [each.quiz.id for each in (await full.join(school.master)).snapshot.talk.quizzes]
    assert ids == [quiz, second]


async def test_its_time_closes_it(full: Any, school: Any) -> None:
    quiz = await ask(full, school, seconds=20)
    await full.clock.advance(19)
    await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (1,)))
    assert not last(full, school.student_b).quiz.closed_ms
    await full.clock.advance(1)
    assert last(full, school.student_b).quiz.closed_ms
    late = AnswerQuiz(school.student_a.id, quiz, (0,))
    assert await refused(full, late) is Reason.QUIZ_CLOSED
    assert [fact.actor for fact in full.observer.told(QuizClosed)] == [None]
    await full.room.ask(CloseQuiz(school.master.id, quiz))
    assert len(full.observer.told(QuizClosed)) == 1, "closing what is closed is nothing"


async def test_one_at_a_time_and_not_without_end(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    again = OpenQuiz(school.master.id, QuizKind.TRUE_FALSE)
    assert await refused(full, again) is Reason.QUIZ_OPEN
    await full.room.ask(CloseQuiz(school.master.id, quiz))
    await full.room.ask(CloseQuiz(school.master.id))
    for _ in range(MAX_QUIZZES - 1):
        full.clock.fire(10)
        await full.room.ask(again)
        await full.room.ask(CloseQuiz(school.master.id))
    assert await refused(full, again) is Reason.TOO_MANY_QUIZZES


async def test_what_is_not_taken(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    unknown = QuizId("nothing")
    assert await refused(full, AnswerQuiz(school.student_a.id, unknown, (0,))) is Reason.QUIZ_UNKNOWN
    assert await refused(full, AnswerQuiz(school.student_a.id, quiz, (3,))) is Reason.QUIZ_CHOICES
    assert await refused(full, EnterTally(school.tutor_1.id, quiz, (0, 501, 0))) is Reason.TALLY_TOO_LARGE
    assert await refused(full, EnterTally(school.tutor_1.id, quiz, (0, 1))) is Reason.TALLY_INVALID
    assert await refused(full, AnswerQuiz(school.tutor_1.id, quiz, (0,))) is Reason.ROLE_MAY_NOT
    assert not full.observer.told(QuizAnswered)
    assert not full.observer.told(QuizTallied)


async def test_a_tally_is_not_larger_than_the_class(open_hall: Any, school: Any) -> None:
    rooms = (replace(school.class_1, pupils=40), school.class_2, school.class_home)
    hall = await open_hall(LessonState.LIVE, classes=rooms, started_ms=1_800_000_000_000)
    await hall.join(school.master, school.tutor_1, school.tutor_2)
    quiz = await ask(hall, school)
    await hall.room.ask(EnterTally(school.tutor_1.id, quiz, (0, 40, 0)))
    larger = EnterTally(school.tutor_1.id, quiz, (1, 40, 0))
    assert await refused(hall, larger) is Reason.TALLY_TOO_LARGE
    await hall.room.ask(EnterTally(school.tutor_2.id, quiz, (1, 40, 0)))


async def test_a_repeated_answer_is_answered_and_is_one(full: Any, school: Any) -> None:
    quiz = await ask(full, school)
    for _ in range(2):
        await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (1,)))
    await full.turn()
    assert len(full.observer.told(QuizAnswered)) == 1
    assert len(full[school.student_a].heard(QuizChanged)) == 3, "asked, and twice: this is your answer"


async def test_the_lessons_end_closes_it(full: Any, school: Any) -> None:
    await ask(full, school, seconds=600)
    await full.room.ask(EndLesson(school.master.id))
    assert [fact.actor for fact in full.observer.told(QuizClosed)] == [None]


@pytest.mark.parametrize(("away_s", "closed"), [(5, False), (60, True)])
async def test_a_restart_in_the_middle(
    full: Any, school: Any, fake_observer: Any, away_s: int, closed: bool
) -> None:
    quiz = await ask(full, school, seconds=20)
    await full.room.ask(AnswerQuiz(school.student_a.id, quiz, (1,)))
    await full.room.close()
    before = full.observer.told(QuizOpened)[-1].quiz
    answered = full.observer.told(QuizAnswered)[-1]
    kept = type(before)(
        before.id,
        before.question,
        before.opened_ms,
        before.closes_ms,
        answers={answered.person: answered.answer},
    )
    full.clock.fire(away_s)
    room = LessonRoom(
        school.lesson(LessonState.LIVE, started_ms=1_800_000_000_000),
        clock=full.clock,
        observers=[fake_observer],
        restored=Restored(quizzes=(kept,)),
    )
    room.start()
    await full.clock.advance(0)
    again = type(full)(room, full.clock, fake_observer)
    await again.join(school.student_a, school.master)
    (seen,) = again[school.student_a].snapshot.talk.quizzes
    assert (seen.choices, bool(seen.quiz.closed_ms)) == ((1,), closed)
    await again.clock.advance(20)
    assert [fact.quiz.closed_ms for fact in fake_observer.told(QuizClosed)] == [before.closes_ms]
    await room.close()
