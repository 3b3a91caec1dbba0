"""Supervision (督查): who may look at which lesson, the result form (督查评价), problems and the negative
list (负面清单). Pure.

A lesson belongs to several places: the one that gives it, and the schools whose classes take it. A credential
reaches the lesson when it reaches one of them, or names its course."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.network.model import ROOT, Appointment, Office, Path
from classroom.network.scope import Principal, within

MAX_TEXT: Final = 4_000
"""Characters of a form's text: two pages."""
MAX_PROBLEM_TEXT: Final = 1_000
MAX_PROBLEMS: Final = 20
"""Of one form: more is a talk with the provider, not a list."""
LEAST_SCORE, BEST_SCORE = 1, 5


class Criterion(StrEnum):
    """What a form scores, each from 1 to 5."""

    CONTENT = "content"
    """内容: right, and fit for the grade."""
    TEACHING = "teaching"
    """教学: clear, and the pupils take part."""
    ORDER = "order"
    """秩序: in time, tutors with their classes."""
    SAFETY = "safety"
    """安全: of what is shown, done and said."""
    TECHNIQUE = "technique"
    """技术: sound, picture and line."""


class ProblemKind(StrEnum):
    """What a problem is about."""

    LATE = "late"
    """It began late, or ended early."""
    OTHER_TEACHER = "other_teacher"
    """Who taught is not who was registered."""
    TUTOR_ABSENT = "tutor_absent"
    CONTENT = "content"
    SAFETY = "safety"
    ORDER = "order"
    TECHNIQUE = "technique"
    RECORDING = "recording"
    """It was not recorded whole."""
    OTHER = "other"


class ProblemState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    """The provider has said what was done about it; still on the negative list."""
    CLOSED = "closed"
    """By a supervisor or an organizer who reaches it, with a reason."""


@dataclass(frozen=True, slots=True)
class LessonPlaces:
    """Where a lesson belongs."""

    gives: Path | None = None
    """The provider's place; None: not known."""
    takes: tuple[Path, ...] = ()
    """The schools of its classes."""
    course: str = ""

    @property
    def all(self) -> tuple[Path, ...]:
        return self.takes if self.gives is None else (self.gives, *self.takes)

    @property
    def home(self) -> Path:
        """Who answers for it: who gives it, or else the one school that takes it; else nobody."""
        if self.gives is not None:
            return self.gives
        return self.takes[0] if len(self.takes) == 1 else ROOT


def reaches_lesson(principal: Principal, offices: Iterable[Office], places: LessonPlaces) -> bool:
    """By an office for places, or by one for the lesson's course."""
    return credential_for(principal, offices, places) is not None


def credential_for(
    principal: Principal, offices: Iterable[Office], places: LessonPlaces
) -> Appointment | None:
    """By which of the principal's offices the lesson is reached: of several the one that holds longest."""
    found = [each for each in principal.of(frozenset(offices)) if _reaches(each, places)]
    return max(found, key=_ends, default=None)


def _reaches(appointment: Appointment, places: LessonPlaces) -> bool:
    if appointment.course:
        return appointment.course == places.course
    # A lesson that belongs nowhere is for those who reach everything.
    return any(within(path, appointment.path) for path in places.all) or appointment.path == "/"


def _ends(appointment: Appointment) -> float:
    return float("inf") if appointment.until_ms is None else appointment.until_ms


class BadFormError(ValueError):
    """A form that cannot be taken; `field` names what is wrong with it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class NewProblem:
    kind: ProblemKind
    text: str
    at_ms: int | None = None
    """Item clock: where the recording shows it; None: of the whole lesson."""


@dataclass(frozen=True, slots=True)
class Form:
    """督查评价: what a supervisor found in one lesson."""

    scores: Mapping[Criterion, int]
    text: str
    problems: tuple[NewProblem, ...] = ()


def checked_form(form: Form) -> Form:
    """With its texts stripped. Raises BadFormError."""
    if set(form.scores) != set(Criterion):
        raise BadFormError("scores")
    if not all(LEAST_SCORE <= score <= BEST_SCORE for score in form.scores.values()):
        raise BadFormError("scores")
    if len(form.text.strip()) > MAX_TEXT:
        raise BadFormError("text")
    if len(form.problems) > MAX_PROBLEMS:
        raise BadFormError("problems")
    problems = tuple(_checked(problem) for problem in form.problems)
    if not problems and min(form.scores.values()) == LEAST_SCORE:
        # Who gives the worst score says what is to be mended: else the provider cannot.
        raise BadFormError("problems")
    return Form(dict(form.scores), form.text.strip(), problems)


def _checked(problem: NewProblem) -> NewProblem:
    text = problem.text.strip()
    if not 0 < len(text) <= MAX_PROBLEM_TEXT:
        raise BadFormError("problems.text")
    if problem.at_ms is not None and problem.at_ms < 0:
        raise BadFormError("problems.at_ms")
    return NewProblem(problem.kind, text, problem.at_ms)


MOVES: Final[Mapping[tuple[ProblemState, str], ProblemState]] = {
    (ProblemState.OPEN, "answer"): ProblemState.ANSWERED,
    (ProblemState.ANSWERED, "answer"): ProblemState.ANSWERED,
    (ProblemState.OPEN, "close"): ProblemState.CLOSED,
    (ProblemState.ANSWERED, "close"): ProblemState.CLOSED,
    (ProblemState.ANSWERED, "reopen"): ProblemState.OPEN,
    (ProblemState.CLOSED, "reopen"): ProblemState.OPEN,
}
"""(state, move) -> state; what is not here cannot be done. `answer` is the provider's, the others are the
supervisors' and organizers'."""

ON_THE_LIST: Final = frozenset({ProblemState.OPEN, ProblemState.ANSWERED})
"""States in which a problem keeps its provider on the negative list."""
ANSWER_MS: Final = 7 * 86_400_000
"""A week for a provider to say what was done, from when a problem was found or opened again."""


def answer_due_ms(state: ProblemState, changed_ms: int) -> int | None:
    """Until when the provider is to answer; None: nothing is waited for. changed_ms: since when it is in that
    state."""
    return changed_ms + ANSWER_MS if state is ProblemState.OPEN else None
