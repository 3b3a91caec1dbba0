from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.model import PersonId
from classroom.network.model import ROOT, Appointment, Office, Path
from classroom.network.scope import Principal, within
from classroom.network.supervision import (
    MAX_PROBLEMS,
    MOVES,
    ON_THE_LIST,
    BadFormError,
    Criterion,
    Form,
    LessonPlaces,
    NewProblem,
    ProblemKind,
    ProblemState,
    checked_form,
    credential_for,
    reaches_lesson,
)

SCORES = dict.fromkeys(Criterion, 3)
PATHS = st.sampled_from(
    [Path(each) for each in ("/", "/c/", "/c/e/", "/c/e/1/", "/c/w/", "/c/w/2/", "/c/m/")]
)
PLACES = st.builds(LessonPlaces, st.none() | PATHS.filter(lambda path: path != ROOT), st.tuples(PATHS))


def holder(*held: tuple[str, str, int | None]) -> Principal:
    """(path, course, until)"""
    return Principal(
        PersonId("s"),
        "S",
        tuple(
            Appointment(str(number), PersonId("s"), Office.SUPERVISOR, Path(path), 0, until, course=course)
            for number, (path, course, until) in enumerate(held)
        ),
    )


@given(PATHS, PLACES)
def test_a_credential_reaches_a_lesson_that_one_of_its_places_is_within(
    path: Path, places: LessonPlaces
) -> None:
    reached = reaches_lesson(holder((path, "", None)), {Office.SUPERVISOR}, places)
    assert reached is any(within(each, path) for each in places.all)


@given(PATHS, PLACES)
def test_an_office_of_another_kind_reaches_nothing(path: Path, places: LessonPlaces) -> None:
    assert not reaches_lesson(holder((path, "", None)), {Office.ORGANIZER}, places)


def test_a_lesson_that_belongs_nowhere_is_for_those_who_reach_everything() -> None:
    assert not reaches_lesson(holder(("/c/", "", None)), {Office.SUPERVISOR}, LessonPlaces())
    assert reaches_lesson(holder(("/", "", None)), {Office.SUPERVISOR}, LessonPlaces())


def test_a_credential_of_a_course_reaches_its_lessons_and_no_others() -> None:
    one = holder(("/c/", "optics", None))
    assert reaches_lesson(one, {Office.SUPERVISOR}, LessonPlaces(Path("/x/"), course="optics"))
    assert not reaches_lesson(one, {Office.SUPERVISOR}, LessonPlaces(Path("/c/"), course="music"))
    assert not reaches_lesson(one, {Office.SUPERVISOR}, LessonPlaces(Path("/c/")))


def test_of_several_the_one_that_holds_longest() -> None:
    found = credential_for(
        holder(("/c/", "", 5), ("/c/", "", 9), ("/x/", "", None)),
        {Office.SUPERVISOR},
        LessonPlaces(Path("/c/e/")),
    )
    assert found is not None and found.until_ms == 9


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("scores", {"scores": {Criterion.CONTENT: 3}}),
        ("scores", {"scores": SCORES | {Criterion.ORDER: 0}}),
        ("scores", {"scores": SCORES | {Criterion.ORDER: 6}}),
        ("text", {"text": "x" * 4_001}),
        ("problems", {"problems": (NewProblem(ProblemKind.LATE, "x"),) * (MAX_PROBLEMS + 1)}),
        ("problems", {"scores": SCORES | {Criterion.SAFETY: 1}}),
        ("problems.text", {"problems": (NewProblem(ProblemKind.LATE, " "),)}),
        ("problems.text", {"problems": (NewProblem(ProblemKind.LATE, "x" * 1_001),)}),
        ("problems.at_ms", {"problems": (NewProblem(ProblemKind.LATE, "x", -1),)}),
    ],
)
def test_what_a_form_must_have(field: str, form: dict[str, Any]) -> None:
    with pytest.raises(BadFormError) as error:
        checked_form(Form(**{"scores": SCORES, "text": ""} | form))
    assert error.value.field == field


def test_a_form_is_taken_without_blanks_around() -> None:
    made = checked_form(Form(SCORES, " a ", (NewProblem(ProblemKind.LATE, " b ", 5),)))
    assert (made.text, made.problems[0].text) == ("a", "b")


def test_every_move_of_a_problem() -> None:
    open_, answered, closed = ProblemState
    told = {
        (state, move): MOVES.get((state, move))
        for state, move in product(ProblemState, ("answer", "close", "reopen"))
    }
    assert told == {
        (open_, "answer"): answered,
        (open_, "close"): closed,
        (open_, "reopen"): None,
        (answered, "answer"): answered,
        (answered, "close"): closed,
        (answered, "reopen"): open_,
        (closed, "answer"): None,
        (closed, "close"): None,
        (closed, "reopen"): open_,
    }
    assert {open_, answered} == ON_THE_LIST
