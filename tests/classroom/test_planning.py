"""Plans of lessons: what is possible, and when two are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.model import ClassId, LessonId, LessonState, PersonId
from classroom.planning import (
    MAX_CLASSES,
    MAX_LENGTH_MS,
    BadPlan,
    Fault,
    Plan,
    PlannedClass,
    plan_of,
    planned,
    revised,
    revision,
)

CLASS = PlannedClass(ClassId("c1"), "1班", PersonId("t1"), "同课示范学校")
PLAN = Plan("光的折射", 1000, 2000, True, (CLASS,))


def fault(plan: Plan, reason: str = "") -> Fault:
    with pytest.raises(BadPlan) as caught:
        plan.checked(reason)
    return caught.value.fault


def test_a_plan_is_what_it_was() -> None:
    assert PLAN.checked() == PLAN
    lesson = planned(LessonId("L"), PLAN)
    assert plan_of(lesson) == PLAN
    assert lesson.state is LessonState.SCHEDULED


def test_blanks_around_words_go() -> None:
    odd = replace(PLAN, title="  光的折射\n", classes=(replace(CLASS, name=" 1班 ", school=" "),))
    assert odd.checked() == replace(PLAN, classes=(replace(CLASS, school=""),))


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\x00b", "a\u202eb", "\ud800"])
def test_titles_that_cannot_be(title: str) -> None:
    assert fault(replace(PLAN, title=title)) is Fault.TITLE


@pytest.mark.parametrize(
    ("starts_ms", "ends_ms"), [(2000, 1000), (1000, 1000), (0, 1000), (1000, 1001 + MAX_LENGTH_MS)]
)
def test_times_that_cannot_be(starts_ms: int, ends_ms: int) -> None:
    assert fault(replace(PLAN, starts_ms=starts_ms, ends_ms=ends_ms)) is Fault.TIMES


def test_times_that_are_open() -> None:
    for starts_ms, ends_ms in ((0, 0), (1000, 0), (1000, 1000 + MAX_LENGTH_MS)):
        replace(PLAN, starts_ms=starts_ms, ends_ms=ends_ms).checked()


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "\x07"])
def test_names_of_classes_that_cannot_be(name: str) -> None:
    assert fault(replace(PLAN, classes=(replace(CLASS, name=name),))) is Fault.CLASS_NAME
    if name.strip():
        assert fault(replace(PLAN, classes=(replace(CLASS, school=name),))) is Fault.CLASS_NAME


def test_classes_are_told_apart_and_counted() -> None:
    assert fault(replace(PLAN, classes=(CLASS, CLASS))) is Fault.CLASS_TWICE
    many = tuple(replace(CLASS, id=ClassId(str(number))) for number in range(MAX_CLASSES + 1))
    assert fault(replace(PLAN, classes=many)) is Fault.TOO_MANY_CLASSES
    replace(PLAN, classes=many[:-1]).checked()


def test_not_to_record_needs_a_reason() -> None:
    silent = replace(PLAN, recorded=False)
    assert fault(silent) is Fault.REASON
    assert fault(silent, " ") is Fault.REASON
    assert fault(silent, "x" * 501) is Fault.REASON
    assert silent.checked("the guests asked for it") == silent


def test_a_revision_is_of_what_is_planned_only(school: Any) -> None:
    lesson = school.lesson()
    assert revision(replace(lesson, state=LessonState.LIVE, started_ms=7)) == revision(lesson)
    others = [
        replace(lesson, title="x"),
        replace(lesson, starts_ms=1),
        replace(lesson, ends_ms=1),
        replace(lesson, recorded=False),
        replace(lesson, classes=lesson.classes[::-1]),
        replace(lesson, classes=lesson.classes[:1]),
        replace(lesson, classes=(replace(lesson.classes[0], tutor=None), *lesson.classes[1:])),
    ]
    assert len({revision(each) for each in (lesson, *others)}) == len(others) + 1


def test_another_plan_leaves_what_goes_on(school: Any) -> None:
    lesson = school.lesson(LessonState.LIVE, started_ms=7)
    again = revised(lesson, replace(plan_of(lesson), title="新"))
    assert again == replace(lesson, title="新")
