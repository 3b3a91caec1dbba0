"""What is asked of a lesson from outside its room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.commands import (
    CancelLesson,
    EndLesson,
    FromOffice,
    OfficeCommand,
    OpenLesson,
    ReviseLesson,
    StartLesson,
)
from classroom.events import Dismissed, LeaveCause, LessonRevised, StateChanged
from classroom.model import LessonState, PersonId, Role
from classroom.planning import plan_of, revision
from classroom.rules.reasons import Reason, Refused

OFFICE = PersonId("o")


async def ask(hall: Any, command: OfficeCommand, role: Role = Role.ORGANIZER) -> Reason | None:
    try:
        await hall.room.ask(FromOffice(role, command))
    except Refused as refused:
        return refused.reason
    return None


async def test_doors_open_before_anybody_comes(hall: Any) -> None:
    assert await ask(hall, OpenLesson(OFFICE)) is None
    assert await ask(hall, OpenLesson(OFFICE)) is None
    assert hall.room.lesson.state is LessonState.OPEN
    assert [fact.actor for fact in hall.observer.told(StateChanged)] == ["o"]


async def test_started_and_ended_without_a_page(hall: Any, school: Any) -> None:
    tutor = await hall.join(school.tutor_1)
    assert await ask(hall, StartLesson(OFFICE), Role.MASTER) is None
    assert hall.room.lesson.state is LessonState.LIVE
    assert await ask(hall, EndLesson(OFFICE)) is None
    assert hall.room.lesson.state is LessonState.ENDED
    assert tutor.heard(Dismissed) == [Dismissed(LeaveCause.ENDED)]


async def test_cancelled_before_it_began(hall: Any) -> None:
    assert await ask(hall, CancelLesson(OFFICE)) is None
    assert hall.room.lesson.state is LessonState.CANCELLED
    assert await ask(hall, OpenLesson(OFFICE)) is Reason.LESSON_CANCELLED


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", LessonState)
async def test_who_may_not_changes_nothing(open_hall: Any, role: Role, state: LessonState) -> None:
    """The same table as inside: who a command names in no state is refused for the role."""
    started_ms = 1_800_000_000_000 if state is LessonState.LIVE else 0
    hall = await open_hall(state, started_ms=started_ms)
    may = {
        OpenLesson: {Role.MASTER, Role.ORGANIZER},
        StartLesson: {Role.MASTER, Role.ENCODER},
        CancelLesson: {Role.ORGANIZER},
        EndLesson: {Role.MASTER, Role.ORGANIZER},
    }
    for command, roles in may.items():
        if role not in roles:
            before = hall.room.lesson
            assert await ask(hall, command(OFFICE), role) is Reason.ROLE_MAY_NOT
            assert hall.room.lesson == before
    revise = ReviseLesson(OFFICE, replace(plan_of(hall.room.lesson), title="x"))
    told = await ask(hall, revise, role)
    over = {LessonState.ENDED: Reason.LESSON_ENDED, LessonState.CANCELLED: Reason.LESSON_CANCELLED}
    assert told is (over.get(state) if role is Role.ORGANIZER else Reason.ROLE_MAY_NOT)
    assert (hall.room.lesson.title == "x") is (told is None)


async def test_planned_anew(hall: Any) -> None:
    before = hall.room.lesson
    plan = replace(plan_of(before), title="新", starts_ms=5, classes=plan_of(before).classes[:1])
    assert await ask(hall, ReviseLesson(OFFICE, plan, revision(before))) is None
    assert plan_of(hall.room.lesson) == plan
    assert [status.room.id for status in hall.room.classes] == ["c1"]
    (fact,) = hall.observer.told(LessonRevised)
    assert (fact.actor, fact.lesson.title) == ("o", "新")


async def test_the_second_of_two_who_change_it_is_told(hall: Any) -> None:
    seen = revision(hall.room.lesson)
    plan = plan_of(hall.room.lesson)
    assert await ask(hall, ReviseLesson(OFFICE, replace(plan, title="a"), seen)) is None
    assert await ask(hall, ReviseLesson(OFFICE, replace(plan, title="b"), seen)) is Reason.CHANGED_MEANWHILE
    assert hall.room.lesson.title == "a"


async def test_the_same_plan_again_is_no_news(hall: Any) -> None:
    assert await ask(hall, ReviseLesson(OFFICE, plan_of(hall.room.lesson))) is None
    assert hall.observer.told(LessonRevised) == []


async def test_classes_are_not_changed_under_people(hall: Any, school: Any) -> None:
    await hall.join(school.supervisor)
    plan = plan_of(hall.room.lesson)
    assert await ask(hall, ReviseLesson(OFFICE, replace(plan, classes=()))) is Reason.LESSON_IN_USE
    assert await ask(hall, ReviseLesson(OFFICE, replace(plan, title="x"))) is None


async def test_recording_is_not_taken_back_while_it_goes_on(live_hall: Any) -> None:
    plan = replace(plan_of(live_hall.room.lesson), recorded=False)
    assert await ask(live_hall, ReviseLesson(OFFICE, plan, reason="?")) is Reason.LESSON_ALREADY_LIVE
