from __future__ import annotations

from typing import Any

import pytest

from classroom.model import ClassId
from classroom.rules.visibility import audience, sees, sees_class_work

ALL = {"m", "t1", "t2", "th", "sa", "sb", "s1", "e", "o"}
TEACHERS = {"m", "t1", "t2", "th", "e", "o"}


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        ("master", ALL),
        ("organizer", ALL),
        ("supervisor", ALL),
        ("tutor_1", TEACHERS | {"s1"}),
        ("tutor_2", TEACHERS),
        ("student_1", TEACHERS | {"s1"}),
        ("student_a", TEACHERS | {"sa", "sb"}),
        ("encoder", TEACHERS),
    ],
)
def test_who_sees_whom(school: Any, viewer: str, seen: set[str]) -> None:
    eyes = audience(getattr(school, viewer))
    assert {person.id for person in school.people if sees(eyes, person)} == seen


def test_hands_are_shown_to_the_class_and_to_who_leads(school: Any) -> None:
    assert sees_class_work(audience(school.master), ClassId("c1"))
    assert sees_class_work(audience(school.supervisor), None)
    assert sees_class_work(audience(school.student_1), ClassId("c1"))
    assert not sees_class_work(audience(school.student_1), ClassId("c2"))
    assert not sees_class_work(audience(school.encoder), None)
