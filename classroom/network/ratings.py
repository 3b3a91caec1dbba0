"""Ratings (评价): what students and schools say of a lesson afterwards. Pure.

A student speaks for themselves, an organizer of a school for the school. Whoever gives the lesson reads what
was said at once, and changes nothing of it; who said it may change their mind for a week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import Lesson, LessonState

MAX_TEXT: Final = 1_000
OPEN_MS: Final = 7 * 86_400_000
"""After the lesson's end: what is said later is said of something else."""
LEAST_STARS, BEST_STARS = 1, 5


class Rater(StrEnum):
    STUDENT = "student"
    SCHOOL = "school"


class Aspect(StrEnum):
    """What is rated, each from 1 to 5."""

    CONTENT = "content"
    TEACHING = "teaching"
    TECHNIQUE = "technique"


class BadRatingError(ValueError):
    """`field` names what is wrong."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Rating:
    lesson: str
    rater: Rater
    rater_id: str
    """Person id of a student, place id of a school."""
    stars: Mapping[Aspect, int]
    text: str
    at_ms: int
    by: str
    """Who wrote it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of many ratings of one kind."""

    count: int
    means: Mapping[Aspect, float]
    """Empty of none."""


def checked(stars: Mapping[Aspect, int], text: str) -> str:
    """The text, stripped. Raises BadRatingError."""
    if set(stars) != set(Aspect):
        raise BadRatingError("stars")
    if not all(LEAST_STARS <= given <= BEST_STARS for given in stars.values()):
        raise BadRatingError("stars")
    if len(text := text.strip()) > MAX_TEXT:
        raise BadRatingError("text")
    return text


def is_open(lesson: Lesson, now_ms: int) -> bool:
    """Whether the lesson can be rated now: it is over, and not for long."""
    return lesson.state is LessonState.ENDED and now_ms < lesson.ended_ms + OPEN_MS


def summary(ratings: list[Rating]) -> Summary:
    if not ratings:
        return Summary(0, {})
    return Summary(
        len(ratings),
        {each: sum(rating.stars[each] for rating in ratings) / len(ratings) for each in Aspect},
    )
