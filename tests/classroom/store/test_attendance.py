"""Attendance out of the database."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.events import LeaveCause, PersonJoined, PersonLeft
from classroom.model import LessonId, LessonState, Person, PersonId, Role
from classroom.store import reader
from classroom.store.store import Store

L = LessonId("L")


async def test_of_everything_that_was_observed(
    store: Store, school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is not yet written, and over many pages."""
    monkeypatch.setattr(reader.events, "__defaults__", ((), 7))
    lesson = school.lesson(LessonState.ENDED, started_ms=1000, ended_ms=61_000)
    await store.save_lesson(lesson)
    for number in range(20):
        person = Person(PersonId(f"p{number:02}"), f"P{number}", Role.STUDENT, school.class_1.id)
        store.observe(PersonJoined(lesson_id=L, at_ms=1000, person=person))
        store.observe(PersonLeft(lesson_id=L, at_ms=31_000, person=person, cause=LeaveCause.LEFT))
    report, names = await store.attendance(lesson, 99_000)
    students = [one for one in report.people if one.role is Role.STUDENT]
    assert [one.present_ms for one in students] == [30_000] * 20
    assert names[students[0].person] == "P0"
    assert report.classes[0].covered_ms == 30_000


async def test_a_lesson_in_which_nobody_was(store: Store, school: Any) -> None:
    await store.save_lesson(school.lesson())
    report, names = await store.attendance(school.lesson(), 5)
    assert ({one.person for one in report.people}, names) == ({"t1", "t2", "th"}, {})
