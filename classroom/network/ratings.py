"""Ratings (评价): what students and schools say of a lesson afterwards. Pure.

A student speaks for themselves, an organizer of a school for the school. Whoever gives the lesson reads what
was said at once, and changes nothing of it; who said it may change their mind for a week.

A student took part who came in or checked in by a device of their own. Of those who sat in a room the class's
roll call knows (`absence`): its register has seats and names, so a pupil's is the one with their name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import ClassRoom, Lesson, LessonState, PersonId
from classroom.roll import ClassRoll, Mark, Marked

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


class Absence(StrEnum):
    """Why somebody did not take part, as far as is known."""

    STRANGER = "stranger"
    """They were in none of the lesson's classes."""
    AT_HOME = "at_home"
    """Their class was at home, and they did not come in."""
    NOBODY = "nobody"
    """Neither the class's tutor nor its room was there."""
    ABSENT = "absent"
    """The roll call says so."""
    NOT_CALLED = "not_called"
    """The roll call was taken, and says nothing of them."""


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


def absence(
    person: PersonId, name: str, room: ClassRoom, roll: ClassRoll, *, brought: bool
) -> Absence | None:
    """Of a pupil of the class who neither came in nor checked in by themselves; None: they sat in its room.
    brought: the class's tutor or room was in the lesson."""
    if person in roll.people:
        return _absence_by([roll.people[person]])
    if room.at_home:
        return Absence.AT_HOME
    if not roll.seats:
        return None if brought else Absence.NOBODY
    if not any(pupil.name for pupil in roll.register):
        # Seats without names tell nobody apart: who is there speaks for the class.
        return _absence_by(roll.seats.values())
    own = [pupil.seat for pupil in roll.register if pupil.name == name.strip()]
    return _absence_by(roll.seats[seat] for seat in own if seat in roll.seats)


def _absence_by(marks: Iterable[Marked]) -> Absence | None:
    found = {each.mark for each in marks}
    if found - {Mark.ABSENT}:
        return None
    return Absence.ABSENT if found else Absence.NOT_CALLED


def summary(ratings: list[Rating]) -> Summary:
    if not ratings:
        return Summary(0, {})
    return Summary(
        len(ratings),
        {each: sum(rating.stars[each] for rating in ratings) / len(ratings) for each in Aspect},
    )
