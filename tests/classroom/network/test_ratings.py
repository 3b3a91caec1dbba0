from __future__ import annotations

from typing import Any

import pytest

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.network.ratings import (
    OPEN_MS,
    Absence,
    Aspect,
    BadRatingError,
    Rater,
    Rating,
    absence,
    checked,
    is_open,
    summary,
)
from classroom.roll import ClassRoll, Mark, Marked, Pupil

FIVE = dict.fromkeys(Aspect, 5)


@pytest.mark.parametrize(
    ("stars", "text"),
    [({}, ""), (FIVE | {Aspect.CONTENT: 0}, ""), (FIVE | {Aspect.CONTENT: 6}, ""), (FIVE, "x" * 1_001)],
)
def test_what_a_rating_must_have(stars: Any, text: str) -> None:
    with pytest.raises(BadRatingError):
        checked(stars, text)
    assert checked(FIVE, " 好 ") == "好"


def test_a_lesson_can_be_rated_from_its_end_on_for_a_week() -> None:
    over = Lesson(LessonId("l"), "", state=LessonState.ENDED, ended_ms=1_000)
    assert is_open(over, 1_000) and is_open(over, 999 + OPEN_MS)
    assert not is_open(over, 1_000 + OPEN_MS)
    assert not is_open(Lesson(LessonId("l"), "", state=LessonState.LIVE), 0)


def test_means() -> None:
    def one(stars: int) -> Rating:
        return Rating("l", Rater.STUDENT, "s", dict.fromkeys(Aspect, stars), "", 0, "s")

    assert summary([]).means == {}
    made = summary([one(1), one(4)])
    assert (made.count, made.means) == (2, dict.fromkeys(Aspect, 2.5))


NAMED = (Pupil("1", "王小明"), Pupil("2", "李红"), Pupil("3", "李红"), Pupil("4", "赵五"))
SEEN = {"1": Mark.LATE, "2": Mark.ABSENT, "3": Mark.PRESENT, "9": Mark.ABSENT}


@pytest.mark.parametrize(
    ("name", "register", "seats", "people", "brought", "at_home", "why"),
    [
        ("王小明 ", NAMED, SEEN, {}, True, False, None),
        ("李红", NAMED, SEEN, {}, True, False, None),  # one of two of this name
        ("赵五", NAMED, SEEN, {}, True, False, Absence.NOT_CALLED),
        ("孙七", NAMED, SEEN, {}, True, False, Absence.NOT_CALLED),
        ("王小明", NAMED, {"1": Mark.ABSENT}, {}, True, False, Absence.ABSENT),
        ("王小明", NAMED, {"1": Mark.ABSENT}, {"me": Mark.PRESENT}, True, False, None),
        ("王小明", NAMED, SEEN, {"me": Mark.ABSENT}, True, False, Absence.ABSENT),
        ("王小明", (), SEEN, {}, False, False, None),  # seats are numbered
        ("王小明", (), {"1": Mark.ABSENT}, {}, True, False, Absence.ABSENT),
        ("王小明", NAMED, {}, {}, True, False, None),  # no roll was called
        ("王小明", NAMED, {}, {}, False, False, Absence.NOBODY),
        ("王小明", NAMED, {}, {}, True, True, Absence.AT_HOME),
    ],
)
def test_who_sat_in_a_room(
    name: str, register: Any, seats: Any, people: Any, brought: bool, at_home: bool, why: Absence | None
) -> None:
    def marks(found: Any) -> dict[Any, Marked]:
        return {key: Marked(mark, 1) for key, mark in found.items()}

    room = ClassRoom(ClassId("c"), "三年级1班", at_home=at_home)
    roll = ClassRoll(register, marks(seats), marks(people))
    assert absence(PersonId("me"), name, room, roll, brought=brought) is why
