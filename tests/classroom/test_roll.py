"""The roll call: its rules, who may call it, who hears of it, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom import events, roll
from classroom.commands import FromOffice, MarkRoll, PersonCommand, SetRegister
from classroom.events import RollChanged, RollMarked
from classroom.model import ClassId, ClassRoom, LessonState, PersonId, Role
from classroom.roll import ClassRoll, Counts, Mark, Marked, Pupil
from classroom.rules.reasons import Reason, Refused

ROOM = ClassRoom(ClassId("c1"), "1班", pupils=4)
NAMED = (Pupil("1排1号", "张三"), Pupil("1排2号", "李四"))


def test_seats_are_numbered_until_somebody_enters_a_register() -> None:
    assert roll.seats_of(ClassRoll(), ROOM) == ("1", "2", "3", "4")
    assert roll.seats_of(ClassRoll(NAMED), ROOM) == ("1排1号", "1排2号")
    assert roll.seats_of(ClassRoll(), replace(ROOM, pupils=0)) == ()


def test_late_ones_are_present() -> None:
    called = roll.marked(ClassRoll(), ["1", "2"], [], Mark.PRESENT, 5)
    called = roll.marked(called, ["2"], [PersonId("s")], Mark.LATE, 6)
    called = roll.marked(called, ["3"], [], Mark.ABSENT, 7)
    assert roll.counts(called, ROOM) == Counts(present=3, late=2, absent=1, total=5)
    assert roll.unmarked(called, ROOM) == ("4",)
    assert roll.marked(called, ["3", "3", "9"], [], None, 8).seats.keys() == {"1", "2"}


@pytest.mark.parametrize(
    "pupils",
    [
        (Pupil(""),),
        (Pupil("1"), Pupil(" 1 ")),
        (Pupil("1" * 33),),
        (Pupil("1", "\u202ename"),),
        (Pupil("1\x00"),),
        (Pupil("1", "n" * 81),),
        tuple(Pupil(str(n)) for n in range(501)),
    ],
)
def test_a_register_that_cannot_be_is_refused(pupils: tuple[Pupil, ...]) -> None:
    with pytest.raises(Refused, match="register_invalid"):
        roll.checked_register(pupils)


def test_names_may_be_what_people_are_called() -> None:
    pupils = (Pupil(" 12 ", " 王小明 🐯 "), Pupil("13", "محمد"))
    assert roll.checked_register(pupils) == (Pupil("12", "王小明 🐯"), Pupil("13", "محمد"))


def test_the_events_say_it_all() -> None:
    first = {"class_id": "c1", "mark": "present", "seats": ["1", "2"], "people": ["s"]}
    second = {"class_id": "c1", "mark": None, "seats": ["1"], "people": []}
    rolls = roll.after(roll.after({}, first, 5), second, 6)
    present = Marked(Mark.PRESENT, 5)
    assert rolls == {"c1": ClassRoll(seats={"2": present}, people={PersonId("s"): present})}


# --- in a lesson --------------------------------------------------------------------------------------------


@pytest.fixture
async def called_hall(open_hall: Any, school: Any) -> Any:
    classes = (replace(school.class_1, pupils=4), school.class_2, school.class_home)
    hall = await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000, classes=classes)
    await hall.join(*school.people, school.room_1)
    return hall


async def refused(hall: Any, command: PersonCommand) -> Reason:
    with pytest.raises(Refused) as refusal:
        await hall.room.ask(command)
    return refusal.value.reason


async def test_a_tutor_marks_seats_and_the_others_hear_numbers(called_hall: Any, school: Any) -> None:
    await called_hall.room.ask(MarkRoll(school.tutor_1.id, Mark.PRESENT, ("1", "2")))
    await called_hall.room.ask(MarkRoll(school.tutor_1.id, Mark.ABSENT, ("2",), rest=True))
    told = [change.roll for change in called_hall[school.tutor_1].heard(RollChanged)]
    assert [set(each.seats) for each in told] == [{"1", "2"}, {"2", "3", "4"}]
    assert told[-1].counts == Counts(1, 0, 3, 4)
    for viewer in (school.master, school.organizer, school.supervisor):
        seen = [change.roll for change in called_hall[viewer].heard(RollChanged)]
        assert [(each.counts, dict(each.seats), each.register) for each in seen] == [
            (each.counts, {}, None) for each in told
        ]
    for viewer in (school.tutor_2, school.student_1, school.room_1, school.student_a):
        assert called_hall[viewer].heard(RollChanged) == []
    facts = called_hall.observer.told(RollMarked)
    assert [(fact.mark, fact.seats, fact.actor) for fact in facts] == [
        (Mark.PRESENT, ("1", "2"), "t1"),
        (Mark.ABSENT, ("2", "3", "4"), "t1"),
    ]


async def test_pupils_at_home_are_marked_by_person(called_hall: Any, school: Any) -> None:
    tutor = school.tutor_home.id
    await called_hall.room.ask(MarkRoll(tutor, Mark.LATE, people=(school.student_a.id,)))
    (told,) = called_hall[school.tutor_home].heard(RollChanged)
    assert {person: found.mark for person, found in told.roll.people.items()} == {"sa": Mark.LATE}
    for person in (school.student_1.id, tutor, PersonId("nobody")):
        assert await refused(called_hall, MarkRoll(tutor, Mark.LATE, people=(person,))) is (
            Reason.PERSON_UNKNOWN
        )
    await called_hall.leave(school.student_a)
    await called_hall.room.ask(MarkRoll(tutor, Mark.ABSENT, people=(school.student_a.id,)))


async def test_a_second_tap_says_nothing_new(called_hall: Any, school: Any) -> None:
    for _ in range(2):
        await called_hall.room.ask(MarkRoll(school.tutor_1.id, Mark.PRESENT, ("1",)))
    for _ in range(2):
        await called_hall.room.ask(SetRegister(school.tutor_1.id, None, NAMED))
    assert len(called_hall.observer.told(RollMarked)) == 1
    (_, told) = called_hall[school.tutor_1].heard(RollChanged)
    assert (told.roll.register, told.roll.seats) == (NAMED, {"1": None}), "there is no seat 1 any more"
    assert len(called_hall.observer.told(events.RegisterSet)) == 1


async def test_who_may_not(called_hall: Any, school: Any) -> None:
    assert await refused(called_hall, MarkRoll(school.tutor_1.id, Mark.PRESENT, ("5",))) is (
        Reason.SEAT_UNKNOWN
    )
    assert await refused(called_hall, MarkRoll(school.master.id, Mark.PRESENT)) is Reason.ROLE_MAY_NOT
    for class_id in (school.class_2.id, ClassId("none")):
        reason = await refused(called_hall, SetRegister(school.tutor_1.id, class_id, NAMED))
        assert reason in {Reason.NOT_YOUR_CLASS, Reason.UNKNOWN_CLASS}
    substitute = replace(school.tutor_1, id=PersonId("t9"))
    await called_hall.join(substitute)
    assert await refused(called_hall, MarkRoll(substitute.id, Mark.PRESENT, ("1",))) is Reason.NOT_YOUR_CLASS


async def test_a_newcomer_is_told_what_was_called(called_hall: Any, school: Any) -> None:
    await called_hall.room.ask(FromOffice(Role.ORGANIZER, SetRegister(PersonId("o"), ClassId("c1"), NAMED)))
    await called_hall.room.ask(MarkRoll(school.tutor_1.id, Mark.PRESENT, ("1排1号",)))
    tutor = await called_hall.join(school.tutor_1)
    (seen,) = tutor.snapshot.rolls
    assert seen.register == NAMED
    assert {seat: found.mark for seat, found in seen.seats.items()} == {"1排1号": Mark.PRESENT}
    master = await called_hall.join(school.master)
    assert [(each.class_id, each.counts, each.register) for each in master.snapshot.rolls] == [
        ("c1", Counts(1, 0, 0, 2), None)
    ]
    assert (await called_hall.join(school.student_1)).snapshot.rolls == ()
