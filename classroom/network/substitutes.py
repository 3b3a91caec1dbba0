"""Substitutes (代课): who teaches, or tutors a class, instead of who is registered. Pure.

Who teaches is who was registered; a change is declared by the school, and takes effect once somebody who
answers for it has approved it, who is not the one that declared it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.model import Path


class SubstitutionState(StrEnum):
    DECLARED = "declared"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    UNDONE = "undone"
    """It was approved, and that was taken back."""


class SubstitutionMove(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


class SubstitutionRefusal(StrEnum):
    """Why not."""

    OVER = "over"
    """It was decided before."""
    OWN = "own"
    """Nobody approves what they have declared."""
    OTHERS = "others"
    """Only who declared it takes it back."""
    BEGUN = "begun"
    """The lesson has begun, or was cancelled: in a lesson another tutor takes the class over there."""
    SAME = "same"
    """They are the one who teaches."""
    OFFICE = "office"
    """They are no tutor of the school, or no master."""
    CHANGED = "changed"
    """Somebody else teaches by now than when it was declared."""
    PENDING = "pending"
    """Another one waits to be decided."""


class SubstitutionRefused(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, refusal: SubstitutionRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Substitution:
    id: str
    lesson: LessonId
    class_id: ClassId
    """Empty: of the master."""
    path: Path
    """Of the class's school; of a master, and of a class at home, of the provider."""
    instead_of: str
    """Person id; empty: nobody was registered."""
    person: PersonId
    reason: str
    state: SubstitutionState
    made_ms: int
    made_by: PersonId
    decided_ms: int | None = None
    decided_by: str = ""
    operation: str = ""
    """That it became, once approved."""


_LEADS_TO: Final[Mapping[SubstitutionMove, SubstitutionState]] = {
    SubstitutionMove.APPROVE: SubstitutionState.APPROVED,
    SubstitutionMove.DECLINE: SubstitutionState.DECLINED,
    SubstitutionMove.WITHDRAW: SubstitutionState.WITHDRAWN,
}


def after(found: Substitution, move: SubstitutionMove, by: PersonId) -> SubstitutionState:
    """What it becomes. Raises SubstitutionRefused."""
    if found.state is not SubstitutionState.DECLARED:
        raise SubstitutionRefused(SubstitutionRefusal.OVER)
    own = found.made_by == by
    if move is SubstitutionMove.APPROVE and own:
        raise SubstitutionRefused(SubstitutionRefusal.OWN)
    if move is SubstitutionMove.WITHDRAW and not own:
        raise SubstitutionRefused(SubstitutionRefusal.OTHERS)
    return _LEADS_TO[move]
