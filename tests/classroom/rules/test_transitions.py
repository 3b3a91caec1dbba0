from __future__ import annotations

from itertools import product

import pytest

from classroom.model import LessonState
from classroom.rules.transitions import IllegalMove, Move, after

LEGAL = {
    ("scheduled", "open"): "open",
    ("scheduled", "start"): "live",
    ("scheduled", "cancel"): "cancelled",
    ("open", "start"): "live",
    ("open", "cancel"): "cancelled",
    ("live", "end"): "ended",
    ("cancelled", "restore"): "scheduled",
}


@pytest.mark.parametrize(("state", "move"), list(product(LessonState, Move)))
def test_every_move_from_every_state(state: LessonState, move: Move) -> None:
    if (state, move) in LEGAL:
        assert after(state, move) == LEGAL[state, move]
    else:
        with pytest.raises(IllegalMove, match=f"cannot {move} a lesson that is {state}"):
            after(state, move)
