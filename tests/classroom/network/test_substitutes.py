from __future__ import annotations

from dataclasses import replace

import pytest

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.model import Path
from classroom.network.substitutes import (
    Substitution,
    SubstitutionMove,
    SubstitutionRefusal,
    SubstitutionRefused,
    SubstitutionState,
    after,
)

A, B = PersonId("a"), PersonId("b")
MADE = Substitution(
    "s", LessonId("l"), ClassId("c"), Path("/x/"), "t", PersonId("u"), "ill", SubstitutionState.DECLARED, 1, A
)


@pytest.mark.parametrize(
    ("move", "by", "leads_to"),
    [
        (SubstitutionMove.APPROVE, B, SubstitutionState.APPROVED),
        (SubstitutionMove.APPROVE, A, SubstitutionRefusal.OWN),
        (SubstitutionMove.DECLINE, B, SubstitutionState.DECLINED),
        (SubstitutionMove.WITHDRAW, A, SubstitutionState.WITHDRAWN),
        (SubstitutionMove.WITHDRAW, B, SubstitutionRefusal.OTHERS),
    ],
)
def test_who_decides(move: SubstitutionMove, by: PersonId, leads_to: object) -> None:
    try:
        assert after(MADE, move, by) is leads_to
    except SubstitutionRefused as refused:
        assert refused.refusal is leads_to


@pytest.mark.parametrize(
    "state", [each for each in SubstitutionState if each is not SubstitutionState.DECLARED]
)
@pytest.mark.parametrize("move", SubstitutionMove)
def test_what_was_decided_stays_so(state: SubstitutionState, move: SubstitutionMove) -> None:
    with pytest.raises(SubstitutionRefused) as refused:
        after(replace(MADE, state=state), move, B)
    assert refused.value.refusal is SubstitutionRefusal.OVER
