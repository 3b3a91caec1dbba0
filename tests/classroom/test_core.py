"""How often members are told of each other."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import core, events
from classroom.core import ELSEWHERE_INTERVAL_S, ROSTER_INTERVAL_S


async def test_members_of_a_class_hear_of_other_classes_only_numbers(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.student_1)
    await live_hall.clock.advance(ELSEWHERE_INTERVAL_S)
    student.events.clear()
    await live_hall.join(school.student_a)
    (event,) = student.heard(events.RosterChanged)
    assert event.people == ()
    assert [(status.room.id, status.online) for status in event.classes] == [("home", 1)]


async def test_numbers_of_other_classes_are_told_now_and_then(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.student_1)
    tutor = await live_hall.join(school.tutor_home)
    await live_hall.clock.advance(ELSEWHERE_INTERVAL_S)
    await live_hall.join(school.student_a)
    for member in (student, tutor):
        member.events.clear()
    await live_hall.clock.advance(ROSTER_INTERVAL_S)
    await live_hall.join(school.student_b)
    await live_hall.clock.advance(ROSTER_INTERVAL_S)
    numbers = [status.online for event in tutor.heard(events.RosterChanged) for status in event.classes]
    assert numbers == [1, 2]
    assert student.heard(events.RosterChanged) == []
    await live_hall.clock.advance(ELSEWHERE_INTERVAL_S)
    (event,) = student.heard(events.RosterChanged)
    assert [(status.room.id, status.online) for status in event.classes] == [("home", 2)]


async def test_in_a_large_lesson_they_are_told_less_often(
    live_hall: Any, school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "PEOPLE_AT_THIS_PACE", 1)
    tutor = await live_hall.join(school.tutor_home)
    student = await live_hall.join(school.student_1)
    await live_hall.clock.advance(4 * ELSEWHERE_INTERVAL_S)
    await live_hall.join(school.student_a)
    for member in (student, tutor):
        member.events.clear()
    await live_hall.join(school.student_b)
    await live_hall.clock.advance(2 * ROSTER_INTERVAL_S)
    assert tutor.heard(events.RosterChanged) == [], "four are in: four times as seldom"
    await live_hall.clock.advance(2 * ROSTER_INTERVAL_S)
    assert len(tutor.heard(events.RosterChanged)) == 1
    assert student.heard(events.RosterChanged) == []
    await live_hall.clock.advance(4 * ELSEWHERE_INTERVAL_S)
    assert [status.online for event in student.heard(events.RosterChanged) for status in event.classes] == [2]
