"""The quiz: a small machine, tried out by hand and by random."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from classroom.model import ClassId, PersonId, QuizId
from classroom.rules.reasons import Reason, Refused
from classroom.talk import quiz as rules
from classroom.talk.quiz import (
    MAX_CLASS_SIZE,
    MAX_OPTION_CHARACTERS,
    MAX_OPTIONS,
    MAX_QUESTION_CHARACTERS,
    TALLY_GRACE_MS,
    Quiz,
    QuizKind,
)

ONE, TWO = PersonId("p1"), PersonId("p2")
C1, C2 = ClassId("c1"), ClassId("c2")


def quiz(kind: QuizKind = QuizKind.SINGLE, options: int = 4, seconds: int = 0) -> Quiz:
    worded = tuple(f"option {number}" for number in range(options))
    question = rules.question(kind, "2 + 2?", worded if kind is not QuizKind.TRUE_FALSE else ())
    return rules.open_quiz(QuizId("q"), question, seconds, 1000)


def refused(call: Any, *arguments: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.reason


def test_answers_are_counted_by_class() -> None:
    asked = quiz()
    asked = rules.answer(asked, ONE, C1, [3], 1001)
    asked = rules.answer(asked, TWO, C2, [3], 1002)
    asked = rules.tally(asked, C2, [10, 0, 0, 20], 0, 0, 1003)
    found = rules.result(asked)
    assert (found.counts, found.answered) == ((10, 0, 0, 22), 32)
    first, second = found.classes
    assert (first.class_id, first.counts, first.answered, first.tallied) == (C1, (0, 0, 0, 1), 1, 0)
    assert (second.class_id, second.counts, second.answered, second.tallied) == (C2, (10, 0, 0, 21), 31, 30)


def test_the_same_answer_twice_is_one_and_another_one_replaces_it() -> None:
    once = rules.answer(quiz(), ONE, C1, [1], 1001)
    assert rules.answer(once, ONE, C1, [1], 1002) is once
    changed = rules.answer(once, ONE, C1, [2], 1003)
    assert rules.result(changed).counts == (0, 0, 1, 0)
    assert rules.result(changed).answered == 1


def test_several_choices_in_any_order_are_one_answer() -> None:
    once = rules.answer(quiz(QuizKind.MULTIPLE), ONE, C1, [2, 0], 1001)
    assert rules.answer(once, ONE, C1, [0, 2], 1002) is once
    assert rules.result(once).counts == (1, 0, 1, 0)
    assert rules.result(once).answered == 1


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        (QuizKind.SINGLE, []),
        (QuizKind.SINGLE, [4]),
        (QuizKind.SINGLE, [-1]),
        (QuizKind.SINGLE, [0, 1]),
        (QuizKind.MULTIPLE, []),
        (QuizKind.MULTIPLE, [1, 1]),
        (QuizKind.MULTIPLE, [0, 4]),
        (QuizKind.TRUE_FALSE, [2]),
        (QuizKind.TRUE_FALSE, [0, 1]),
    ],
)
def test_what_is_no_answer(kind: QuizKind, choices: list[int]) -> None:
    assert refused(rules.answer, quiz(kind), ONE, C1, choices, 1001) is Reason.QUIZ_CHOICES


def test_after_the_end_nothing_is_answered() -> None:
    asked = rules.close(quiz(), 2000)
    assert refused(rules.answer, asked, ONE, C1, [0], 2001) is Reason.QUIZ_CLOSED
    assert refused(rules.close, asked, 2001) is Reason.QUIZ_CLOSED


def test_the_time_closes_whether_or_not_anybody_noticed() -> None:
    asked = quiz(seconds=10)
    rules.answer(asked, ONE, C1, [0], 10_999)
    assert refused(rules.answer, asked, ONE, C1, [0], 11_000) is Reason.QUIZ_CLOSED
    assert rules.closed(asked, 11_000)
    assert rules.close(asked, 50_000).closed_ms == 11_000


def test_a_tally_comes_a_little_after_the_end_and_replaces_the_one_before() -> None:
    asked = rules.close(quiz(), 2000)
    asked = rules.tally(asked, C1, [1, 2, 3, 4], 0, 0, 2000 + TALLY_GRACE_MS - 1)
    asked = rules.tally(asked, C1, [4, 3, 2, 1], 0, 0, 2000 + TALLY_GRACE_MS - 1)
    assert rules.result(asked).counts == (4, 3, 2, 1)
    late = 2000 + TALLY_GRACE_MS
    assert refused(rules.tally, asked, C1, [0, 0, 0, 1], 0, 0, late) is Reason.QUIZ_CLOSED


def test_a_tally_is_not_larger_than_the_class() -> None:
    asked = rules.answer(quiz(), ONE, C1, [0], 1001)
    asked = rules.tally(asked, C1, [0, 0, 0, 39], 0, 40, 1002)
    assert refused(rules.tally, asked, C1, [0, 0, 1, 39], 0, 40, 1003) is Reason.TALLY_TOO_LARGE
    full = [0, 0, 1, MAX_CLASS_SIZE]
    assert refused(rules.tally, asked, C2, full, 0, 0, 1003) is Reason.TALLY_TOO_LARGE


@pytest.mark.parametrize(
    ("counts", "answered"),
    [([1, 2, 3], 0), ([1, 2, 3, 4, 5], 0), ([1, -1, 0, 0], 0), ([5, 5, 0, 0], 4), ([5, 5, 0, 0], 11)],
)
def test_a_tally_that_does_not_fit(counts: list[int], answered: int) -> None:
    asked = quiz(QuizKind.MULTIPLE)
    assert refused(rules.tally, asked, C1, counts, answered, 0, 1001) is Reason.TALLY_INVALID


def test_pupils_of_a_tally_with_several_choices() -> None:
    asked = quiz(QuizKind.MULTIPLE)
    assert rules.tally(asked, C1, [5, 4, 0, 0], 0, 0, 1001).tallies[C1].answered == 5
    assert rules.tally(asked, C1, [5, 4, 0, 0], 7, 0, 1001).tallies[C1].answered == 7
    assert rules.tally(asked, C1, [0, 0, 0, 0], 0, 0, 1001).tallies[C1].answered == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (QuizKind.SINGLE, []),
        (QuizKind.SINGLE, ["a"]),
        (QuizKind.SINGLE, ["a", "a"]),
        (QuizKind.MULTIPLE, [str(n) for n in range(MAX_OPTIONS + 1)]),
        (QuizKind.TRUE_FALSE, ["a"]),
        (QuizKind.TRUE_FALSE, ["a", "b", "c"]),
    ],
)
def test_options_that_do_not_fit(kind: QuizKind, options: list[str]) -> None:
    assert refused(rules.question, kind, "?", options) is Reason.QUIZ_OPTIONS


def test_texts_have_limits_and_no_control_characters() -> None:
    long_question, long_option = "?" * (MAX_QUESTION_CHARACTERS + 1), "a" * (MAX_OPTION_CHARACTERS + 1)
    assert refused(rules.question, QuizKind.TRUE_FALSE, long_question, ()) is Reason.QUIZ_TEXT
    assert refused(rules.question, QuizKind.SINGLE, "?", (long_option, "b")) is Reason.QUIZ_TEXT
    assert refused(rules.question, QuizKind.SINGLE, "\x00", ("a", "b")) is Reason.QUIZ_TEXT
    asked = rules.question(QuizKind.SINGLE, " 哪个对？🎈 ", ("", "", "א", "b"), [3, 3])
    assert (asked.text, asked.options, asked.correct) == ("哪个对？🎈", ("", "", "א", "b"), (3,))
    assert refused(rules.question, QuizKind.SINGLE, "?", ("a", "b"), [2]) is Reason.QUIZ_CHOICES
    assert refused(rules.question, QuizKind.SINGLE, "?", ("a", "b"), [0, 1]) is Reason.QUIZ_CHOICES


@pytest.mark.parametrize("seconds", [1, 4, 3601, -1])
def test_a_time_that_is_none(seconds: int) -> None:
    asked = rules.question(QuizKind.TRUE_FALSE, "", ())
    assert refused(rules.open_quiz, QuizId("q"), asked, seconds, 0) is Reason.QUIZ_TIME


@given(
    kind=st.sampled_from(QuizKind),
    answers=st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from([C1, C2, None]), st.lists(st.integers(-1, 5), max_size=4)
        ),
        max_size=30,
    ),
    tallies=st.lists(
        st.tuples(st.sampled_from([C1, C2]), st.lists(st.integers(-1, 9), min_size=2, max_size=5)), max_size=5
    ),
)
@settings(derandomize=True, deadline=None)
def test_results_add_up_whatever_is_tried(
    kind: QuizKind,
    answers: list[tuple[int, ClassId | None, list[int]]],
    tallies: list[tuple[ClassId, list[int]]],
) -> None:
    asked = quiz(kind)
    for number, class_id, choices in answers:
        try:
            asked = rules.answer(asked, PersonId(str(number)), class_id, choices, 1001)
        except Refused:
            continue
    for class_id_, counts in tallies:
        try:
            asked = rules.tally(asked, class_id_, counts, 0, 0, 1001)
        except Refused:
            continue
    found = rules.result(asked)
    assert found.answered == len(asked.answers) + sum(each.answered for each in asked.tallies.values())
    given_choices = sum(len(each.choices) for each in asked.answers.values())
    assert sum(found.counts) == given_choices + sum(sum(each.counts) for each in asked.tallies.values())
    assert sum(row.answered for row in found.classes) == found.answered
    if kind is not QuizKind.MULTIPLE:
        assert sum(found.counts) == found.answered


class QuizMachine(RuleBasedStateMachine):
    """A quiz with a timer and a model of it that knows nothing but who answered last what."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000
        self.quiz = quiz(QuizKind.SINGLE, seconds=30)
        self.expected: dict[str, int] = {}
        self.ended: int | None = None

    @property
    def over(self) -> bool:
        return self.ended is not None or self.now >= 31_000

    @rule(seconds=st.sampled_from([0.5, 5, 20, 70]))
    def wait(self, seconds: float) -> None:
        self.now += round(seconds * 1000)

    @rule(person=st.sampled_from(["a", "b", "c"]), choice=st.integers(-1, 4))
    def answer(self, person: str, choice: int) -> None:
        try:
            self.quiz = rules.answer(self.quiz, PersonId(person), C1, [choice], self.now)
        except Refused as refusal:
            assert refusal.reason is (Reason.QUIZ_CLOSED if self.over else Reason.QUIZ_CHOICES)
            assert self.over or not 0 <= choice < 4
        else:
            assert not self.over
            self.expected[person] = choice

    @rule()
    def close(self) -> None:
        try:
            self.quiz = rules.close(self.quiz, self.now)
        except Refused:
            assert self.ended is not None
        else:
            assert self.ended is None
            self.ended = min(self.now, 31_000)

    @rule(shown=st.booleans())
    def show(self, shown: bool) -> None:
        self.quiz = rules.show(self.quiz, shown)

    @precondition(lambda self: self.ended is not None)
    @rule()
    def tally_is_taken_for_a_minute(self) -> None:
        try:
            rules.tally(self.quiz, C2, [1, 1, 1, 1], 0, 0, self.now)
        except Refused:
            assert self.now - self.quiz.closed_ms >= TALLY_GRACE_MS
        else:
            assert self.now - self.quiz.closed_ms < TALLY_GRACE_MS

    @invariant()
    def it_counts_who_answered_last_what(self) -> None:
        counts = [0, 0, 0, 0]
        for choice in self.expected.values():
            counts[choice] += 1
        assert rules.result(self.quiz).counts == tuple(counts)
        assert rules.closed(self.quiz, self.now) == self.over

    @invariant()
    def it_is_closed_after_it_was_opened(self) -> None:
        assert not self.quiz.closed_ms or self.quiz.opened_ms < self.quiz.closed_ms <= 31_000


def test_random_quizzes() -> None:
    run_state_machine_as_test(
        QuizMachine,
        settings=settings(derandomize=True, deadline=None, max_examples=60, stateful_step_count=30),
    )
