"""Terms (学期): how many person-times a provider may give (资源单位学期人次), and how many activities a
student is to take part in. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from classroom.network.model import Path, PlaceId
from classroom.rules.words import has_controls

QUOTA: Final = 10_000
"""Person-times of a provider in a term, where nothing else is set."""
MAX_QUOTA: Final = 100_000_000
TARGET: Final = 5
TARGET_DELIVERED: Final = 1
DELIVERED_GRADE: Final = 7
MAX_TARGET: Final = 200
MAX_NAME: Final = 80
MAX_LENGTH_MS: Final = 400 * 86_400_000
"""A school year with room to spare."""


class BadTerm(Exception):  # noqa: N818 - an answer, not a fault of ours
    """`args[0]`: `name`, `times`, `quota` or `target`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Of each student."""

    activities: int = TARGET
    delivered: int = TARGET_DELIVERED
    """So many of them delivered to school,"""
    delivered_grade: int = DELIVERED_GRADE
    """for this grade; 0: for none."""


@dataclass(frozen=True, slots=True)
class Term:
    id: str
    place: PlaceId
    """A city or district: of all within it."""
    path: Path
    name: str
    from_ms: int
    until_ms: int
    quota: int = QUOTA
    target: Target = Target()

    def checked(self) -> Term:
        """Raises BadTerm."""
        name = self.name.strip()
        if not name or len(name) > MAX_NAME or has_controls(name):
            raise BadTerm("name")
        if self.from_ms <= 0 or not 0 < self.until_ms - self.from_ms <= MAX_LENGTH_MS:
            raise BadTerm("times")
        if not 0 <= self.quota <= MAX_QUOTA:
            raise BadTerm("quota")
        goal = self.target
        if not 0 <= goal.delivered <= goal.activities <= MAX_TARGET or goal.delivered_grade not in range(13):
            raise BadTerm("target")
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Quota:
    """Of a provider in a term, in person-times."""

    term: str
    provider: PlaceId
    allowed: int
    booked: int
    """Taken now: what was booked and not attended has flown back."""

    @property
    def left(self) -> int:
        return max(0, self.allowed - self.booked)
