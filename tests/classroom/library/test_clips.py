"""Micro-lessons: what may be cut, who moves a clip from where to where, and who sees it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.library.clips import (
    MAX_CLIP_MS,
    MIN_CLIP_MS,
    MOVES,
    BadClip,
    ClipPlan,
    ClipStanding,
    ClipState,
    Fault,
    Move,
)
from classroom.library.rules import Holding, Right, Viewer
from classroom.model import Role

HOUR_MS = 3_600_000
SUBJECT = "物理"
PLAN = ClipPlan("反射", SUBJECT, "入射角等于反射角", 0, 60_000)
DRAFT = ClipStanding("author", SUBJECT, ClipState.DRAFTED, cut=True, item=Holding("L"))


def viewer(person: str, role: Role = Role.TUTOR, lesson: str = "other", *scopes: str) -> Viewer:
    return Viewer(person, role, lesson, "class-1", frozenset(scopes))


AUTHOR = viewer("author")
REVIEWER = viewer("reviewer", Role.TUTOR, "other", f"review:{SUBJECT}")
PUPIL = viewer("pupil", Role.STUDENT)


def fault(plan: ClipPlan, duration_ms: int = HOUR_MS) -> Fault | None:
    try:
        plan.checked(duration_ms)
    except BadClip as bad:
        return bad.fault
    return None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        ({"end_ms": MAX_CLIP_MS}, None),
        ({"end_ms": MAX_CLIP_MS + 1}, Fault.TOO_LONG),
        ({"end_ms": MIN_CLIP_MS - 1}, Fault.TOO_SHORT),
        ({"start_ms": 60_000}, Fault.TOO_SHORT),
        ({"start_ms": 70_000}, Fault.TOO_SHORT),
        ({"start_ms": -1}, Fault.BEYOND_END),
        ({"start_ms": HOUR_MS - 1_000, "end_ms": HOUR_MS}, None),
        ({"start_ms": HOUR_MS - 1_000, "end_ms": HOUR_MS + 1}, Fault.BEYOND_END),
        ({"title": "长" * 10_000}, Fault.TITLE),
        ({"title": "a\x07b"}, Fault.TITLE),
        ({"title": " \n "}, Fault.TITLE),
        ({"subject": ""}, Fault.SUBJECT),
        ({"key_point": "x" * 501}, Fault.KEY_POINT),
        ({"key_point": "一\n二"}, None),
    ],
)
def test_what_may_be_cut(change: dict[str, object], expected: Fault | None) -> None:
    assert fault(replace(PLAN, **change)) is expected  # type: ignore[arg-type]


@given(st.integers(-10, 2 * HOUR_MS), st.integers(-10, 2 * HOUR_MS), st.integers(0, HOUR_MS))
def test_a_plan_that_is_taken_lies_inside_the_item(start_ms: int, end_ms: int, duration_ms: int) -> None:
    plan = replace(PLAN, start_ms=start_ms, end_ms=end_ms)
    if fault(plan, duration_ms) is None:
        assert 0 <= start_ms < end_ms <= duration_ms
        assert MIN_CLIP_MS <= end_ms - start_ms <= MAX_CLIP_MS


def test_words_lose_the_blanks_around_them() -> None:
    assert replace(PLAN, title="  反射 \r\n").checked(HOUR_MS).title == "反射"


@pytest.mark.parametrize(("state", "move"), list(product(ClipState, Move)))
def test_each_move_leads_only_from_its_own_states(state: ClipState, move: Move) -> None:
    row, who = MOVES[move], AUTHOR if move is Move.SUBMIT else REVIEWER
    standing = replace(DRAFT, state=state)
    if state in row.begins:
        assert standing.moved(move, who, "从法线讲起") is row.ends
    else:
        with pytest.raises(BadClip) as refused:
            standing.moved(move, who, "从法线讲起")
        assert refused.value.fault is Fault.STATE


@pytest.mark.parametrize(
    ("standing", "move", "who", "remark", "expected"),
    [
        (DRAFT, Move.APPROVE, AUTHOR, "", Fault.NOT_REVIEWER),
        (DRAFT, Move.APPROVE, replace(REVIEWER, person="author"), "", Fault.OWN),
        (DRAFT, Move.APPROVE, viewer("x", Role.TUTOR, "other", "review:化学"), "", Fault.NOT_REVIEWER),
        (DRAFT, Move.RETURN, REVIEWER, " ", Fault.REMARK),
        (DRAFT, Move.RETURN, REVIEWER, "x" * 1_001, Fault.REMARK),
        (replace(DRAFT, cut=False), Move.APPROVE, REVIEWER, "", Fault.NOT_CUT),
        (replace(DRAFT, state=ClipState.RETURNED), Move.SUBMIT, REVIEWER, "", Fault.NOT_AUTHOR),
    ],
)
def test_who_may_not_move_it(
    standing: ClipStanding, move: Move, who: Viewer, remark: str, expected: Fault
) -> None:
    with pytest.raises(BadClip) as refused:
        standing.moved(move, who, remark)
    assert refused.value.fault is expected


@given(st.lists(st.tuples(st.sampled_from(Move), st.sampled_from([AUTHOR, REVIEWER, PUPIL])), max_size=12))
def test_nothing_is_published_that_was_not_reviewed(steps: list[tuple[Move, Viewer]]) -> None:
    """Whatever anybody tries in whatever order."""
    standing, approved = DRAFT, False
    for move, who in steps:
        try:
            standing = replace(standing, state=standing.moved(move, who, "r"))
        except BadClip:
            continue
        approved = (approved or move is Move.APPROVE) and standing.state is not ClipState.RETURNED
        assert who is (AUTHOR if move is Move.SUBMIT else REVIEWER)
        assert standing.state is not ClipState.PUBLISHED or approved


@pytest.mark.parametrize("state", sorted(set(ClipState) - {ClipState.PUBLISHED}))
def test_until_it_is_published_only_author_reviewer_and_organizer_see_it(state: ClipState) -> None:
    standing = replace(DRAFT, state=state)
    assert standing.right(AUTHOR) is standing.right(REVIEWER) is Right.GRANTED
    assert standing.right(viewer("o", Role.ORGANIZER)) is Right.ORGANIZER
    for stranger in (PUPIL, viewer("t"), viewer("m", Role.MASTER, "L"), viewer("p", Role.STUDENT, "L")):
        assert standing.right(stranger) is None


def test_a_published_one_is_for_teachers_and_for_those_of_its_lesson() -> None:
    standing = replace(DRAFT, state=ClipState.PUBLISHED)
    assert standing.right(viewer("t")) is Right.OPEN
    assert standing.right(viewer("p", Role.STUDENT, "L")) is not None
    assert standing.right(PUPIL) is None
    assert replace(standing, item=None).right(viewer("p", Role.STUDENT, "L")) is None


@pytest.mark.parametrize("who", [AUTHOR, REVIEWER, viewer("o", Role.ORGANIZER)])
def test_a_deleted_one_is_nobodys(who: Viewer) -> None:
    gone = replace(DRAFT, state=ClipState.PUBLISHED, deleted=True)
    assert gone.right(who) is None and not gone.may_download(who)
