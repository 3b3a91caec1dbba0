"""A quick quiz (快问): question, answers, tallies, result. Pure: each function gives the quiz as it is next,
or raises Refused and nothing has changed; time is an argument, Unix time in ms.

Theory of operation
-------------------
    open --close, or its time is over--> closed
     `- answers, tallies                    `- tallies for TALLY_GRACE_MS more

Pupils with a device answer for themselves; an answer may be changed while the quiz is open, and counts once.
For those without one their tutor enters a *tally*: how many chose each option. It stands for the pupils whom
the tutor sees, in addition to those who answer for themselves, replaces the tutor's earlier one, and comes
when hands have been counted: so a little after the end, too.

A time that is over closes by itself, whether or not a timer has noticed: `closed` looks at the clock. Shown
is another matter than closed: the master may show a result while it grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from classroom.model import ClassId, PersonId, QuizId
from classroom.rules.reasons import Reason, Refused
from classroom.rules.words import quiz_text

MAX_OPTIONS = 10
"""A to J: more find no room on a phone."""
MAX_QUESTION_CHARACTERS = 500
MAX_OPTION_CHARACTERS = 200
"""Two lines of a phone."""
MIN_SECONDS, MAX_SECONDS = 5, 3600
"""Shorter than anybody reads; longer than a lesson."""
MAX_QUIZZES = 50
"""In one lesson: one every ten minutes of the longest, eight hours. Each is kept with its answers, which for
a full room is some half a megabyte."""
MAX_CLASS_SIZE = 500
"""Of a class whose size nobody entered: the largest there is."""
TALLY_GRACE_MS = 60_000
"""Hands are counted and typed in after the time is over."""


class QuizKind(StrEnum):
    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"
    """Two options, true (对) and false (错) in this order, worded by the page unless given."""


@dataclass(frozen=True, slots=True)
class Question:
    """Made by `question`."""

    kind: QuizKind
    text: str
    """Empty: it is on the master's screen, or is said."""
    options: tuple[str, ...]
    """An empty one is just its letter."""
    correct: tuple[int, ...] = ()
    """Indices, ascending; empty: nobody is asked for the right one."""


@dataclass(frozen=True, slots=True)
class Answer:
    class_id: ClassId | None
    choices: tuple[int, ...]
    """Indices of options, ascending."""


@dataclass(frozen=True, slots=True)
class Tally:
    counts: tuple[int, ...]
    """Of each option."""
    answered: int
    """Pupils: with several choices each, fewer than the sum."""


@dataclass(frozen=True, slots=True)
class Quiz:
    """Made by `open_quiz`."""

    id: QuizId
    question: Question
    opened_ms: int
    closes_ms: int = 0
    """0: when somebody closes it."""
    closed_ms: int = 0
    """0: open, unless its time is over."""
    shown: bool = False
    answers: Mapping[PersonId, Answer] = field(default_factory=dict)
    tallies: Mapping[ClassId, Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassResult:
    class_id: ClassId | None
    """None: of pupils without a class."""
    counts: tuple[int, ...]
    answered: int
    tallied: int
    """Of those who answered: how many by their tutor."""


@dataclass(frozen=True, slots=True)
class Result:
    counts: tuple[int, ...]
    """Of each option, over all classes."""
    answered: int
    classes: tuple[ClassResult, ...]
    """Those with answers, by class id."""


def question(kind: QuizKind, text: str, options: Sequence[str], correct: Iterable[int] = ()) -> Question:
    """Raises Refused."""
    text = quiz_text(text, MAX_QUESTION_CHARACTERS)
    if kind is QuizKind.TRUE_FALSE and not options:
        options = ("", "")
    if not 2 <= len(options) <= (2 if kind is QuizKind.TRUE_FALSE else MAX_OPTIONS):
        raise Refused(Reason.QUIZ_OPTIONS)
    worded = tuple(quiz_text(option, MAX_OPTION_CHARACTERS) for option in options)
    named = [option for option in worded if option]
    if len(set(named)) != len(named):
        raise Refused(Reason.QUIZ_OPTIONS)
    right = tuple(sorted(set(correct)))
    if right:
        _check_choices(kind, len(worded), right)
    return Question(kind, text, worded, right)


def open_quiz(quiz_id: QuizId, asked: Question, seconds: int, now_ms: int) -> Quiz:
    """seconds: 0 for no timer. Raises Refused."""
    if seconds and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise Refused(Reason.QUIZ_TIME)
    return Quiz(quiz_id, asked, now_ms, now_ms + seconds * 1000 if seconds else 0)


def closed(quiz: Quiz, now_ms: int) -> bool:
    return bool(quiz.closed_ms) or bool(quiz.closes_ms and now_ms >= quiz.closes_ms)


def answer(
    quiz: Quiz, person: PersonId, class_id: ClassId | None, choices: Iterable[int], now_ms: int
) -> Quiz:
    """One pupil's own answer; the same one again changes nothing, another one replaces it. Raises Refused."""
    if closed(quiz, now_ms):
        raise Refused(Reason.QUIZ_CLOSED)
    given = tuple(choices)
    _check_choices(quiz.question.kind, len(quiz.question.options), given)
    answered = Answer(class_id, tuple(sorted(given)))
    if quiz.answers.get(person) == answered:
        return quiz
    return replace(quiz, answers={**quiz.answers, person: answered})


def tally(
    quiz: Quiz, class_id: ClassId, counts: Sequence[int], answered: int, size: int, now_ms: int
) -> Quiz:
    """A class's tally. answered: pupils, where each has several choices; 0: as few as the counts allow. size:
    of the class, 0 when nobody knows. Raises Refused."""
    if closed(quiz, now_ms) and now_ms >= (quiz.closed_ms or quiz.closes_ms) + TALLY_GRACE_MS:
        raise Refused(Reason.QUIZ_CLOSED)
    if len(counts) != len(quiz.question.options) or min(counts) < 0:
        raise Refused(Reason.TALLY_INVALID)
    several = quiz.question.kind is QuizKind.MULTIPLE
    pupils = (answered or max(counts)) if several else sum(counts)
    if several and not max(counts) <= pupils <= sum(counts):
        raise Refused(Reason.TALLY_INVALID)
    themselves = sum(given.class_id == class_id for given in quiz.answers.values())
    if pupils + themselves > (size or MAX_CLASS_SIZE):
        raise Refused(Reason.TALLY_TOO_LARGE)
    entered = Tally(tuple(counts), pupils)
    if quiz.tallies.get(class_id) == entered:
        return quiz
    return replace(quiz, tallies={**quiz.tallies, class_id: entered})


def close(quiz: Quiz, now_ms: int) -> Quiz:
    """By the master, or because its time is over: then it closed when it was. Raises Refused when it is
    closed already."""
    if quiz.closed_ms:
        raise Refused(Reason.QUIZ_CLOSED)
    at_ms = min(now_ms, quiz.closes_ms) if quiz.closes_ms else now_ms
    return replace(quiz, closed_ms=max(at_ms, quiz.opened_ms + 1))


def show(quiz: Quiz, shown: bool) -> Quiz:
    return replace(quiz, shown=shown)


def result(quiz: Quiz) -> Result:
    options = range(len(quiz.question.options))
    own: dict[ClassId | None, list[int]] = {}
    pupils: dict[ClassId | None, int] = {}
    for given in quiz.answers.values():
        counts = own.setdefault(given.class_id, [0 for _ in options])
        pupils[given.class_id] = pupils.get(given.class_id, 0) + 1
        for choice in given.choices:
            counts[choice] += 1
    for class_id, entered in quiz.tallies.items():
        counts = own.setdefault(class_id, [0 for _ in options])
        own[class_id] = [a + b for a, b in zip(counts, entered.counts, strict=True)]
    classes = tuple(
        _class_result(quiz, class_id, tuple(own[class_id]), pupils.get(class_id, 0))
        for class_id in sorted(own, key=lambda name: name or "")
    )
    totals = tuple(sum(each.counts[option] for each in classes) for option in options)
    return Result(totals, sum(each.answered for each in classes), classes)


def _class_result(quiz: Quiz, class_id: ClassId | None, counts: tuple[int, ...], pupils: int) -> ClassResult:
    entered = quiz.tallies.get(class_id) if class_id is not None else None
    tallied = 0 if entered is None else entered.answered
    return ClassResult(class_id, counts, pupils + tallied, tallied)


def _check_choices(kind: QuizKind, options: int, choices: Sequence[int]) -> None:
    if not choices or len(set(choices)) != len(choices):
        raise Refused(Reason.QUIZ_CHOICES)
    if not all(0 <= choice < options for choice in choices):
        raise Refused(Reason.QUIZ_CHOICES)
    if kind is not QuizKind.MULTIPLE and len(choices) != 1:
        raise Refused(Reason.QUIZ_CHOICES)
