"""What is asked of a lesson from outside its room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom.commands import (
    CancelLesson,
    EndLesson,
    FromOffice,
    LookIn,
    OfficeCommand,
    OpenLesson,
    RestoreLesson,
    ReviseLesson,
    SetClassState,
    StartLesson,
    TakeClass,
)
from classroom.events import (
    ClassStateChanged,
    Dismissed,
    LeaveCause,
    LessonRevised,
    LookChanged,
    RosterChanged,
    StateChanged,
)
from classroom.model import ClassId, ClassState, LessonState, PersonId, Role
from classroom.planning import PlannedClass, plan_of, revision
from classroom.rules.reasons import Reason, Refused
from classroom.talk.commands import CloseChat

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


async def test_a_cancellation_taken_back(hall: Any) -> None:
    assert await ask(hall, RestoreLesson(OFFICE)) is None
    assert not hall.observer.told(StateChanged)
    await ask(hall, CancelLesson(OFFICE, "haze"))
    assert await ask(hall, RestoreLesson(OFFICE)) is None
    assert (hall.room.lesson.state, hall.room.lesson.ended_ms) == (LessonState.SCHEDULED, 0)
    assert [(fact.state, fact.reason) for fact in hall.observer.told(StateChanged)][-2:] == [
        (LessonState.CANCELLED, "haze"),
        (LessonState.SCHEDULED, ""),
    ]
    assert await ask(hall, OpenLesson(OFFICE)) is None
    assert hall.room.lesson.state is LessonState.OPEN


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


async def test_classes_are_planned_anew_while_people_are_in(live_hall: Any, school: Any) -> None:
    """Added, renamed, given another tutor, put into another order; and those taken out in which nobody is."""
    members = [await live_hall.join(person) for person in (school.master, school.tutor_1, school.student_a)]
    await live_hall.clock.advance(1)
    one, _, home = plan_of(live_hall.room.lesson).classes
    new = PlannedClass(ClassId("c3"), "3班", PersonId("t3"))
    classes = (home, replace(one, name="一班", tutor=PersonId("t9")), new)
    plan = replace(plan_of(live_hall.room.lesson), classes=classes)
    assert await ask(live_hall, ReviseLesson(OFFICE, plan)) is None
    await live_hall.clock.advance(1)
    assert plan_of(live_hall.room.lesson) == plan
    for member in members:
        shown = {status.room.id: status.room.name for status in member.snapshot.classes}
        for change in member.heard(RosterChanged):
            for gone in change.gone_classes:
                shown.pop(gone, None)
            shown |= {status.room.id: status.room.name for status in change.classes}
        assert list(shown.items()) == [("home", "居家班"), ("c1", "一班"), ("c3", "3班")]
    tutor = replace(school.tutor_2, id=PersonId("t3"), class_id=None)
    assert (await live_hall.join(tutor)).snapshot.me.person.class_id == "c3"
    with pytest.raises(Refused):
        await live_hall.join(school.tutor_2)


@pytest.mark.parametrize("cause", [None, LeaveCause.LOST])
async def test_a_class_in_which_somebody_is_is_not_taken_out(
    live_hall: Any, school: Any, cause: LeaveCause | None
) -> None:
    """Nor one whose people are expected back."""
    await live_hall.join(school.master, school.student_a)
    if cause is not None:
        await live_hall.leave(school.student_a, cause)
    before = live_hall.room.lesson
    plan = replace(plan_of(before), classes=plan_of(before).classes[:2])
    assert await ask(live_hall, ReviseLesson(OFFICE, plan)) is Reason.CLASS_IN_USE
    assert live_hall.room.lesson == before
    await live_hall.leave(school.student_a)
    await live_hall.clock.advance(61)
    assert await ask(live_hall, ReviseLesson(OFFICE, plan)) is None
    assert [status.room.id for status in live_hall.room.classes] == ["c1", "c2"]


async def test_what_a_class_had_goes_with_it(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.master, school.tutor_2, school.supervisor, school.master)
    tutor = school.tutor_2.id
    await live_hall.room.ask(CloseChat(tutor, True))
    await live_hall.room.ask(SetClassState(tutor, None, ClassState.LOCAL_QA))
    await live_hall.room.ask(LookIn(school.master.id, ClassId("c2")))
    await live_hall.clock.advance(60)
    await live_hall.room.ask(SetClassState(tutor, None, ClassState.CATCH_UP))
    await live_hall.leave(school.tutor_2)
    plan = plan_of(live_hall.room.lesson)
    kept = tuple(room for room in plan.classes if room.id != "c2")
    assert await ask(live_hall, ReviseLesson(OFFICE, replace(plan, classes=kept))) is None
    await live_hall.clock.advance(600)
    lesson = live_hall.room.lesson
    assert (lesson.looks, lesson.conduct.closed_chats) == ((), ())
    assert master.heard(LookChanged)[-1].class_id is None
    assert not live_hall.observer.told(ClassStateChanged)[2:], "it does not catch up any more"


async def test_another_tutor_in_the_plan_ends_a_take_over(live_hall: Any, school: Any) -> None:
    await live_hall.join(replace(school.tutor_1, id=PersonId("t9")))
    await live_hall.room.ask(TakeClass(PersonId("t9"), None))
    plan = plan_of(live_hall.room.lesson)
    rooms = (replace(plan.classes[0], tutor=PersonId("t5")), *plan.classes[1:])
    assert await ask(live_hall, ReviseLesson(OFFICE, replace(plan, classes=rooms))) is None
    assert live_hall.room.lesson.class_room("c1").stand_in is None


async def test_recording_is_not_taken_back_while_it_goes_on(live_hall: Any) -> None:
    plan = replace(plan_of(live_hall.room.lesson), recorded=False)
    assert await ask(live_hall, ReviseLesson(OFFICE, plan, reason="?")) is Reason.LESSON_ALREADY_LIVE
