"""Who may see an item: each way in, each way out, and which word counts when there are several."""

from __future__ import annotations

import pytest

from classroom.library.rules import Grant, Holding, Party, Right, Viewer, Visibility
from classroom.model import Role

ITEM = Holding("L", provider="museum", district="east", schools=frozenset({"one", "two"}))


def viewer(role: Role = Role.STUDENT, lesson: str = "other", *scopes: str, person: str = "p") -> Viewer:
    return Viewer(person, role, lesson, "class-1", frozenset(scopes))


def shown(visibility: Visibility, *grants: Grant, deleted: bool = False) -> Holding:
    return Holding(
        "L", visibility, "museum", "east", frozenset({"one"}), grants, frozenset({"gone"}), deleted
    )


@pytest.mark.parametrize("role", Role)
def test_who_has_a_token_of_the_lesson_sees_it(role: Role) -> None:
    assert ITEM.right(viewer(role, "L")) is not None


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ORGANIZER, Role.SUPERVISOR}))
def test_others_do_not(role: Role) -> None:
    assert ITEM.right(viewer(role)) is None


def test_organizers_see_all_and_supervisors_what_is_in_their_scope() -> None:
    assert ITEM.right(viewer(Role.ORGANIZER)) is Right.ORGANIZER
    assert ITEM.right(viewer(Role.SUPERVISOR, "other", "district:*")) is Right.SUPERVISOR
    assert ITEM.right(viewer(Role.SUPERVISOR, "L")) is Right.SUPERVISOR
    assert ITEM.right(viewer(Role.SUPERVISOR)) is None
    assert ITEM.right(viewer(Role.SUPERVISOR, "other", "review:*")) is None
    assert ITEM.right(viewer(Role.SUPERVISOR, "other", "school:two")) is Right.SUPERVISOR
    assert ITEM.right(viewer(Role.SUPERVISOR, "other", "district:east")) is Right.SUPERVISOR
    assert ITEM.right(viewer(Role.SUPERVISOR, "other", "district:west", "school:three")) is None


@pytest.mark.parametrize(
    ("visibility", "scope", "right"),
    [
        (Visibility.LESSON, "school:one", None),
        (Visibility.SCHOOL, "school:one", Right.SCHOOL),
        (Visibility.SCHOOL, "school:museum", Right.SCHOOL),
        (Visibility.SCHOOL, "school:three", None),
        (Visibility.SCHOOL, "district:east", None),
        (Visibility.DISTRICT, "district:east", Right.DISTRICT),
        (Visibility.DISTRICT, "district:west", None),
        (Visibility.DISTRICT, "school:one", Right.SCHOOL),
        (Visibility.ALL, "subject:maths", Right.OPEN),
    ],
)
def test_to_whom_an_item_is_shown(visibility: Visibility, scope: str, right: Right | None) -> None:
    assert shown(visibility).right(viewer(Role.STUDENT, "other", scope)) is right


def test_a_place_without_a_name_is_nobodys() -> None:
    assert Holding("L", Visibility.DISTRICT).right(viewer(Role.STUDENT, "other", "district:")) is None


@pytest.mark.parametrize(
    ("grants", "sees"),
    [
        ([Grant(Party.PERSON, "p", True)], True),
        ([Grant(Party.CLASS, "class-1", True)], True),
        ([Grant(Party.SCHOOL, "nine", True)], True),
        ([Grant(Party.SCHOOL, "nine", True), Grant(Party.PERSON, "p", False)], False),
        ([Grant(Party.SCHOOL, "nine", False), Grant(Party.PERSON, "p", True)], True),
        ([Grant(Party.PERSON, "q", True)], False),
    ],
)
def test_the_most_precise_word_counts(grants: list[Grant], sees: bool) -> None:
    asks = viewer(Role.STUDENT, "other", "school:nine")
    assert (shown(Visibility.LESSON, *grants).right(asks) is not None) is sees


def test_who_is_shut_out_by_name_has_no_other_way_in() -> None:
    out = shown(Visibility.ALL, Grant(Party.PERSON, "p", False))
    for role in set(Role) - {Role.ORGANIZER}:
        assert out.right(viewer(role, "L")) is None
    assert out.right(viewer(Role.ORGANIZER, "L")) is Right.ORGANIZER


def test_who_was_sent_out_of_the_lesson_does_not_see_it_by_the_lesson() -> None:
    assert shown(Visibility.LESSON).right(viewer(Role.STUDENT, "L", person="gone")) is None
    assert shown(Visibility.LESSON).right(viewer(Role.STUDENT, "L", person="p")) is Right.LESSON


def test_what_was_deleted_is_seen_by_nobody() -> None:
    assert shown(Visibility.ALL, deleted=True).right(viewer(Role.ORGANIZER, "L")) is None


def test_downloads_can_be_closed() -> None:
    closed = Holding("L", downloads=False)
    assert ITEM.may_download(viewer()) and not closed.may_download(viewer(Role.MASTER, "L"))
    assert closed.may_download(viewer(Role.SUPERVISOR))
