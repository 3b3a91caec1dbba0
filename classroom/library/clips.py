"""Micro-lessons (微课): clips of at most five minutes on one key point, and how they come to be seen. Pure.

Theory of operation
-------------------
A teacher cuts a clip; a researcher of the subject (教研员) reviews it; then it is published and brought to
the notice of the subject's teachers. Who may do what in which state is `MOVES`, one row for each move:

    drafted --approve--> reviewed --publish--> published
    drafted, reviewed --return (with a remark)--> returned --submit--> drafted
    published --withdraw (with a remark)--> returned

Nobody reviews what they made themselves. Until it is published a clip is seen by its author and by those who
review its subject, whatever address they come by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from classroom.library.rules import Holding, Right, Viewer
from classroom.model import Role
from classroom.rules.words import has_controls

MAX_CLIP_MS: Final = 5 * 60_000
"""A micro-lesson is at most five minutes (DOMAIN)."""
MIN_CLIP_MS: Final = 1_000
"""Shorter is a slip of the hand."""
MAX_TITLE: Final = 200
MAX_SUBJECT: Final = 80
MAX_KEY_POINT: Final = 500
MAX_REMARK: Final = 1_000


class ClipState(StrEnum):
    DRAFTED = "drafted"
    REVIEWED = "reviewed"
    PUBLISHED = "published"
    RETURNED = "returned"


class Move(StrEnum):
    APPROVE = "approve"
    PUBLISH = "publish"
    RETURN = "return"
    WITHDRAW = "withdraw"
    SUBMIT = "submit"


class Fault(StrEnum):
    """Why a clip, or a move, is refused."""

    TITLE = "clip-title"
    SUBJECT = "clip-subject"
    KEY_POINT = "clip-key-point"
    TOO_LONG = "clip-too-long"
    TOO_SHORT = "clip-too-short"
    BEYOND_END = "clip-beyond-end"
    REMARK = "clip-remark"
    STATE = "clip-state"
    OWN = "clip-own"
    NOT_REVIEWER = "clip-not-reviewer"
    NOT_AUTHOR = "clip-not-author"
    NOT_CUT = "clip-not-cut"


class BadClip(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _Row:
    begins: frozenset[ClipState]
    ends: ClipState
    by_author: bool = False
    remark: bool = False


MOVES: Final[Mapping[Move, _Row]] = {
    Move.APPROVE: _Row(frozenset({ClipState.DRAFTED}), ClipState.REVIEWED),
    Move.PUBLISH: _Row(frozenset({ClipState.REVIEWED}), ClipState.PUBLISHED),
    Move.RETURN: _Row(frozenset({ClipState.DRAFTED, ClipState.REVIEWED}), ClipState.RETURNED, remark=True),
    Move.WITHDRAW: _Row(frozenset({ClipState.PUBLISHED}), ClipState.RETURNED, remark=True),
    Move.SUBMIT: _Row(frozenset({ClipState.RETURNED}), ClipState.DRAFTED, by_author=True),
}


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What somebody wants cut."""

    title: str
    subject: str
    key_point: str
    start_ms: int
    """Item clock."""
    end_ms: int

    def checked(self, duration_ms: int) -> ClipPlan:
        """Without blanks around words; duration_ms: of the item. Raises BadClip."""
        title = _text(self.title, MAX_TITLE, Fault.TITLE)
        subject = _text(self.subject, MAX_SUBJECT, Fault.SUBJECT)
        key_point = _text(self.key_point, MAX_KEY_POINT, Fault.KEY_POINT)
        if self.end_ms > duration_ms or self.start_ms < 0:
            raise BadClip(Fault.BEYOND_END)
        if self.end_ms - self.start_ms < MIN_CLIP_MS:
            raise BadClip(Fault.TOO_SHORT)
        if self.end_ms - self.start_ms > MAX_CLIP_MS:
            raise BadClip(Fault.TOO_LONG)
        return ClipPlan(title, subject, key_point, self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True)
class ClipStanding:
    """What of a clip decides who may see it and move it."""

    author: str
    subject: str
    state: ClipState
    cut: bool
    """Its file is there."""
    item: Holding | None
    """Of the item that it was cut from; None: that is gone."""
    deleted: bool = False

    def right(self, viewer: Viewer) -> Right | None:
        if self.deleted:
            return None
        if viewer.role is Role.ORGANIZER:
            return Right.ORGANIZER
        if viewer.person == self.author or viewer.reviews(self.subject):
            return Right.GRANTED
        if self.state is not ClipState.PUBLISHED:
            return None
        if viewer.teaches:
            return Right.OPEN
        return self.item.right(viewer) if self.item is not None else None

    def may_download(self, viewer: Viewer) -> bool:
        return self.right(viewer) is not None

    def moved(self, move: Move, viewer: Viewer, remark: str) -> ClipState:
        """The state after it. Raises BadClip."""
        row = MOVES[move]
        if row.by_author:
            if viewer.person != self.author:
                raise BadClip(Fault.NOT_AUTHOR)
        elif not viewer.reviews(self.subject):
            raise BadClip(Fault.NOT_REVIEWER)
        elif viewer.person == self.author:
            raise BadClip(Fault.OWN)
        if self.state not in row.begins:
            raise BadClip(Fault.STATE)
        if not self.cut and row.ends is not ClipState.RETURNED:
            raise BadClip(Fault.NOT_CUT)
        if row.remark:
            _text(remark, MAX_REMARK, Fault.REMARK)
        return row.ends


def _text(text: str, limit: int, fault: Fault) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > limit or has_controls(text.replace("\n", "")):
        raise BadClip(fault)
    return text
