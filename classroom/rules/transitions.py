"""The states of a lesson and the moves between them: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from classroom.model import LessonState


class Move(StrEnum):
    OPEN = "open"
    """The first person came in."""
    START = "start"
    END = "end"
    CANCEL = "cancel"
    RESTORE = "restore"
    """A cancellation is undone: by the operation on the timetable that it was part of."""


_TRANSITIONS: Mapping[LessonState, Mapping[Move, LessonState]] = {
    LessonState.SCHEDULED: {
        Move.OPEN: LessonState.OPEN,
        Move.START: LessonState.LIVE,
        Move.CANCEL: LessonState.CANCELLED,
    },
    LessonState.OPEN: {Move.START: LessonState.LIVE, Move.CANCEL: LessonState.CANCELLED},
    LessonState.LIVE: {Move.END: LessonState.ENDED},
    LessonState.ENDED: {},
    LessonState.CANCELLED: {Move.RESTORE: LessonState.SCHEDULED},
}


class IllegalMove(Exception):  # noqa: N818
    """A fault of ours: the permissions should have refused it."""


def after(state: LessonState, move: Move) -> LessonState:
    """The state that a move leads to; IllegalMove when there is none."""
    try:
        return _TRANSITIONS[state][move]
    except KeyError:
        raise IllegalMove(f"cannot {move} a lesson that is {state}") from None
