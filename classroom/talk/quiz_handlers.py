"""Quizzes: what each command does (see `classroom.handlers`), who sees what of them, and their timers; the
rules are in `quiz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from classroom.core import LessonCore
from classroom.model import Attendee, ClassId, Person, PersonId, QuizId, Role
from classroom.rules.reasons import Reason, Refused
from classroom.rules.talking import SEES_ALL, sees_result
from classroom.talk import quiz as rules
from classroom.talk.commands import AnswerQuiz, CloseQuiz, EnterTally, OpenQuiz, ShowQuiz
from classroom.talk.events import QuizChanged, QuizCounted, QuizSeen
from classroom.talk.facts import QuizAnswered, QuizClosed, QuizOpened, QuizShown, QuizTallied
from classroom.talk.quiz import Quiz, Result

COUNT_INTERVAL_S = 0.2
"""Between two results of a growing quiz: a class that answers at once is a handful of messages."""
_TIME = "quiz time"
_COUNT = "quiz count"


def open_quiz(core: LessonCore, attendee: Attendee, command: OpenQuiz) -> None:
    question = rules.question(command.kind, command.text, command.options, command.correct)
    now_ms = core.clock.unix_ms()
    opened = rules.open_quiz(QuizId(core.new_id()), question, command.seconds, now_ms)
    running = core.talk.open_quiz(now_ms)
    if running is not None and running.question == question:
        return  # clicked twice
    if running is not None:
        raise Refused(Reason.QUIZ_OPEN)
    if len(core.talk.quizzes) >= rules.MAX_QUIZZES:
        raise Refused(Reason.TOO_MANY_QUIZZES)
    # One whose time has just gone by may not have been noticed.
    _times_over(core)
    _put(core, opened)
    core.observe(QuizOpened, quiz=opened, actor=attendee.id)
    _tell(core, opened)
    _watch_time(core, opened)


def answer(core: LessonCore, attendee: Attendee, command: AnswerQuiz) -> None:
    quiz = _quiz(core, command.quiz)
    class_id = attendee.person.class_id
    answered = rules.answer(quiz, attendee.id, class_id, command.choices, core.clock.unix_ms())
    if answered is not quiz:
        _put(core, answered)
        core.observe(QuizAnswered, quiz=quiz.id, person=attendee.id, answer=answered.answers[attendee.id])
        _count_in_time(core, quiz.id)
    core.lines.deliver(attendee.id, QuizChanged(seen(answered, attendee.person)))


def tally(core: LessonCore, attendee: Attendee, command: EnterTally) -> None:
    quiz = _quiz(core, command.quiz)
    class_id = attendee.person.class_id
    if class_id is None:
        raise Refused(Reason.CLASS_REQUIRED)
    now_ms = core.clock.unix_ms()
    room = core.lesson.class_room(class_id)
    size = 0 if room is None else room.pupils
    entered = rules.tally(quiz, class_id, command.counts, command.answered, size, now_ms)
    if entered is quiz:
        return
    _put(core, entered)
    counted = entered.tallies[class_id]
    core.observe(QuizTallied, quiz=quiz.id, class_id=class_id, tally=counted, actor=attendee.id)
    _count_in_time(core, quiz.id)


def close(core: LessonCore, attendee: Attendee, command: CloseQuiz) -> None:
    now_ms = core.clock.unix_ms()
    quiz = core.talk.open_quiz(now_ms) if command.quiz is None else _quiz(core, command.quiz)
    if quiz is None or quiz.closed_ms:
        return
    _close(core, quiz, attendee.id)


def show(core: LessonCore, attendee: Attendee, command: ShowQuiz) -> None:
    quiz = _quiz(core, command.quiz)
    if quiz.shown == command.shown:
        return
    shown = rules.show(quiz, command.shown)
    _put(core, shown)
    core.observe(QuizShown, quiz=quiz.id, shown=command.shown, actor=attendee.id)
    _tell(core, shown)


# --- its time -----------------------------------------------------------------------------------------------


def resume(core: LessonCore) -> None:
    """The room opens: what was open before goes on until its time is over."""
    for quiz in core.talk.unclosed():
        _watch_time(core, quiz)


def over(core: LessonCore) -> None:
    """The lesson has ended."""
    for quiz in core.talk.unclosed():
        _close(core, quiz, None)


def _watch_time(core: LessonCore, quiz: Quiz) -> None:
    if quiz.closes_ms:
        left_s = max(0, quiz.closes_ms - core.clock.unix_ms()) / 1000
        core.talk.set_timer(_TIME, core.later(core.clock.now() + left_s, lambda: _times_over(core)))


def _times_over(core: LessonCore) -> None:
    """Closes what is over; of what is not (a timer may fire a little early) the end is waited for."""
    for quiz in core.talk.unclosed():
        if rules.closed(quiz, core.clock.unix_ms()):
            _close(core, quiz, None)
        else:
            _watch_time(core, quiz)


def _close(core: LessonCore, quiz: Quiz, actor: PersonId | None) -> None:
    closed = rules.close(quiz, core.clock.unix_ms())
    core.talk.cancel_timer(_TIME)
    _put(core, closed)
    core.observe(QuizClosed, quiz=closed, actor=actor)
    _tell(core, closed)


# --- who sees what ------------------------------------------------------------------------------------------


def seen(quiz: Quiz, viewer: Person, whole: Result | None = None) -> QuizSeen:
    """As this person may see it now; whole: its result, where it is known already."""
    own = quiz.answers.get(viewer.id)
    told = replace(quiz, answers={}, tallies={})
    if not (viewer.role in SEES_ALL or (quiz.shown and quiz.closed_ms)):
        told = replace(told, question=replace(quiz.question, correct=()))
    shown = None
    if sees_result(viewer, quiz.shown):
        shown = part_for(whole or rules.result(quiz), quiz.shown, viewer)
    return QuizSeen(told, () if own is None else own.choices, shown)


def listed(core: LessonCore, viewer: Person) -> tuple[QuizSeen, ...]:
    """What a newcomer gets: teachers all, pupils what is open, shown, or was last."""
    quizzes = tuple(core.talk.quizzes.values())
    if not sees_result(viewer, False):
        quizzes = tuple(quiz for quiz in quizzes if quiz.shown or quiz is quizzes[-1])
    return tuple(seen(quiz, viewer) for quiz in quizzes)


def part_for(whole: Result, shown: bool, viewer: Person) -> Result:
    """Who sees all classes gets the whole; a class its own row, with the sum of all once it is shown."""
    if viewer.role in SEES_ALL:
        return whole
    return _part(whole, shown, viewer.class_id)


def _part(whole: Result, shown: bool, class_id: ClassId | None) -> Result:
    own = tuple(row for row in whole.classes if row.class_id == class_id)
    if shown:
        return replace(whole, classes=own)
    counts = own[0].counts if own else tuple(0 for _ in whole.counts)
    return Result(counts, own[0].answered if own else 0, own)


def _tell(core: LessonCore, quiz: Quiz) -> None:
    """Everybody, each as they see it."""
    whole = rules.result(quiz)
    core.talk.uncounted.discard(quiz.id)
    for line in core.lines:
        if line.person.role is not Role.ENCODER:
            line.deliver(QuizChanged(seen(quiz, line.person, whole)))


def _count_in_time(core: LessonCore, quiz: QuizId) -> None:
    """At once when the last time is long enough ago, else when it will be."""
    core.talk.uncounted.add(quiz)
    if core.talk.waits(_COUNT):
        return
    due = core.talk.counted_at + COUNT_INTERVAL_S
    if due <= core.clock.now():
        _tell_counts(core)
    else:
        core.talk.set_timer(_COUNT, core.later(due, lambda: _tell_counts(core)))


def _tell_counts(core: LessonCore) -> None:
    core.talk.cancel_timer(_COUNT)
    core.talk.counted_at = core.clock.now()
    for quiz_id in tuple(core.talk.uncounted):
        quiz = core.talk.quizzes[quiz_id]
        whole = rules.result(quiz)
        for line in core.lines:
            if sees_result(line.person, quiz.shown) and line.person.role is not Role.ENCODER:
                line.deliver(QuizCounted(quiz_id, part_for(whole, quiz.shown, line.person)))
    core.talk.uncounted.clear()


def _quiz(core: LessonCore, quiz: QuizId) -> Quiz:
    found = core.talk.quizzes.get(quiz)
    if found is None:
        raise Refused(Reason.QUIZ_UNKNOWN)
    return found


def _put(core: LessonCore, quiz: Quiz) -> None:
    core.talk.quizzes[quiz.id] = quiz


HANDLERS: Mapping[type, Callable[[LessonCore, Attendee, Any], None]] = {
    OpenQuiz: open_quiz,
    AnswerQuiz: answer,
    EnterTally: tally,
    CloseQuiz: close,
    ShowQuiz: show,
}
