from __future__ import annotations

from typing import Any

import pytest

from classroom.model import LessonId, PersonId
from classroom.network.catalogue import Delivery
from classroom.network.model import Appointment, Office, Path
from classroom.network.progress import Goal, Part, Progress, goal, of_class, pupil
from classroom.network.settlement import Came
from classroom.network.terms import Target

GOAL = Goal(2, 1)


def part(lesson: str, party: str = "ann", came: Came = Came.PRESENT, **change: Any) -> Part:
    values = {"subject": "science", "delivery": Delivery.LIVE, "starts_ms": 100, "minutes": 40} | change
    return Part(party=party, lesson=LessonId(lesson), title=lesson, came=came, **values)


def held(class_id: str, from_ms: int = 0, until_ms: int | None = None) -> Appointment:
    path = Path("/c/d/s1/")
    return Appointment(class_id, PersonId("ann"), Office.STUDENT, path, from_ms, until_ms, class_id)


def of_ann(*parts: Part, classes: tuple[Appointment, ...] = (held("k1"),)) -> Progress:
    return pupil("ann", classes, parts, GOAL)


def test_own_lessons_and_those_of_the_class_count_once() -> None:
    found = of_ann(part("l1"), part("l1", "k1"), part("l2", "k1", subject="art"), part("l3", "k2"))
    assert [each.lesson for each in found.attended] == ["l1", "l2"]
    assert found.subjects == (("art", 1), ("science", 1))
    assert found.minutes == 80


def test_who_is_known_to_have_been_absent_did_not_come_with_the_class() -> None:
    found = of_ann(part("l1", "k1"), part("l1", came=Came.ABSENT), part("l2", "k1", Came.ABSENT))
    assert (found.done, found.missed) == (0, 2)


def test_late_is_there() -> None:
    assert of_ann(part("l1", came=Came.LATE)).done == 1


@pytest.mark.parametrize(("at_ms", "done"), [(49, "k1"), (50, "k2")])
def test_who_changes_class_keeps_what_they_have_done(at_ms: int, done: str) -> None:
    both = (held("k1", until_ms=50), held("k2", from_ms=50))
    parts = [part(f"of {name}", name, starts_ms=at_ms) for name in ("k1", "k2")]
    assert [each.lesson for each in of_ann(*parts, classes=both).attended] == [f"of {done}"]


def test_reached_is_both_enough_and_enough_delivered() -> None:
    assert not of_ann(part("l1"), part("l2")).reached
    assert not of_ann(part("l1", delivery=Delivery.TO_SCHOOL)).reached
    assert of_ann(part("l1"), part("l2", delivery=Delivery.TO_SCHOOL)).reached


def test_only_of_one_grade_lessons_delivered_to_school_are_asked() -> None:
    target = Target(5, 1, 7)
    assert [goal(target, grade).delivered for grade in (0, 6, 7, 8)] == [0, 0, 1, 0]
    assert goal(Target(5, 0, 0), 0) == Goal(5, 0)


def test_a_class_is_its_own_part_alone() -> None:
    found = of_class("k1", [part("l2", "k1", starts_ms=200), part("l1", "k1"), part("l3")], GOAL)
    assert [each.lesson for each in found.parts] == ["l1", "l2"]


def test_who_missed_it_and_watched_it_has_caught_up() -> None:
    parts = [
        part("l1", came=Came.ABSENT, delivery=Delivery.TO_SCHOOL),
        part("l2", "k1", Came.ABSENT),
        part("l3", came=Came.ABSENT),
        part("l4"),
    ]
    watched = {("ann", LessonId("l1")): 30, ("k1", LessonId("l2")): 35, ("ann", LessonId("l4")): 5}
    found = pupil("ann", (held("k1"),), parts, GOAL, watched)
    # What was delivered to school was not by a recording.
    assert (found.done, found.caught_up, found.missed, found.delivered) == (3, 2, 1, 0)
    assert {each.lesson: each.minutes for each in found.attended} == {"l1": 30, "l2": 35, "l4": 40}
    # Of the class's tutor it is the class's, of a pupil nobody else's.
    assert of_class("k1", parts, GOAL, watched).caught_up == 1
    assert of_class("k1", parts, GOAL, {("ann", LessonId("l2")): 35}).caught_up == 0
    assert pupil("ann", (held("k1", until_ms=50),), parts, GOAL, {("k1", LessonId("l1")): 9}).caught_up == 0
