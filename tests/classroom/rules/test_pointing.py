"""Who may point at what: every role, own pictures and others'."""

from __future__ import annotations

from itertools import product

import pytest

from classroom.model import CAMERA, MICROPHONE, SCREEN, PersonId, Role, Source
from classroom.rules.pointing import may_point

ME, OTHER = PersonId("me"), PersonId("other")
PICTURES = (CAMERA, SCREEN, Source("slides.video"))
SOUNDS = (MICROPHONE, Source("slides.audio"))


@pytest.mark.parametrize("role", Role)
def test_the_master_points_anywhere_and_others_at_their_own_screen(role: Role) -> None:
    own_screen = role in {Role.MASTER, Role.TUTOR, Role.ROOM, Role.STUDENT}
    for person, source in product((ME, OTHER), PICTURES):
        expected = role is Role.MASTER or (own_screen and person == ME and source == SCREEN)
        assert may_point(role, ME, person, source) is expected, (person, source)


@pytest.mark.parametrize("role", Role)
def test_nobody_points_at_sound(role: Role) -> None:
    assert not any(may_point(role, ME, person, source) for person, source in product((ME, OTHER), SOUNDS))
