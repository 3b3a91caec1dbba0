"""Who receives what: one pure function of the lesson's state. (Theory of operation follows.)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from classroom.model import Attendee, Lesson, Person, PersonId, Publication, Source, SourceKind


class Priority(IntEnum):
    """What to give up last when a downlink is thin: the lower, the more important."""

    AUDIO = 0
    SCREEN = 1
    """The master's screen."""
    CAMERA = 2
    """The master's camera."""
    STAGE = 3
    """Pictures of those on stage, and, in local Q&A, of the own class."""
    WALL = 4
    """The wall of classes: small pictures."""


@dataclass(frozen=True, slots=True)
class Route:
    """One track that a member receives."""

    person: PersonId
    """Who sends it."""
    source: Source
    publication: Publication
    priority: Priority


def routes(lesson: Lesson, people: Iterable[Attendee]) -> Mapping[PersonId, tuple[Route, ...]]:
    """For each connected person (supervisors too) what they receive, most important first."""
    raise RuntimeError


def recorder_routes(lesson: Lesson, people: Iterable[Attendee]) -> tuple[Route, ...]:
    """What is recorded now, by the lesson's policy."""
    raise RuntimeError


def may_publish(lesson: Lesson, person: Person) -> frozenset[SourceKind]:
    """What this person may send now."""
    raise RuntimeError
