from __future__ import annotations

from typing import Any

import pytest

from classroom.model import Lesson, LessonId, LessonState
from classroom.network.ratings import (
    OPEN_MS,
    Aspect,
    BadRatingError,
    Rater,
    Rating,
    checked,
    is_open,
    summary,
)

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
