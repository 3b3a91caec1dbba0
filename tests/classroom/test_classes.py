"""One tutor for each class, whoever comes and goes; a room and its device; a class that goes online."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom import events
from classroom.commands import (
    EndLesson,
    MoveOnline,
    PersonCommand,
    RaiseHand,
    SetClassState,
    StartLesson,
    TakeClass,
)
from classroom.events import Dismissed, LeaveCause, NoticeKind
from classroom.model import (
    ClassState,
    ClassStatus,
    LessonState,
    Person,
    PersonId,
    Role,
    StandBy,
)
from classroom.rules.reasons import Reason, Refused


async def refused(hall: Any, command: PersonCommand) -> Reason:
    with pytest.raises(Refused) as refusal:
        await hall.room.ask(command)
    return refusal.value.reason


async def shown(hall: Any, viewer: Any, class_id: str = "c1") -> ClassStatus:
    """The class as this member was last told."""
    await hall.clock.advance(1)
    changes = hall[viewer].heard(events.RosterChanged)
    found: ClassStatus = [s for change in changes for s in change.classes if s.room.id == class_id][-1]
    return found


@pytest.fixture
def substitute(school: Any) -> Any:
    return replace(school.tutor_1, id=PersonId("t9"), name="孙老师")


async def test_a_room_and_its_tutor_are_two_connections_of_one_class(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.room_1)
    status = await shown(live_hall, school.master)
    assert (status.room_online, status.tutor_online, status.online) == (True, False, 0)
    await live_hall.join(school.tutor_1, school.student_1)
    status = await shown(live_hall, school.master)
    assert (status.room_online, status.tutor_online, status.online) == (True, True, 1)
    await live_hall.leave(school.room_1)
    assert not (await shown(live_hall, school.master)).room_online


async def test_a_class_that_loses_its_tutor_is_flagged(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.organizer, school.supervisor, school.tutor_2, school.tutor_1)
    await live_hall.leave(school.tutor_1)
    for viewer in (school.master, school.organizer, school.supervisor):
        assert not (await shown(live_hall, viewer)).tutor_online
        kinds = [notice.kind for notice in live_hall[viewer].heard(events.Noticed)]
        assert kinds == [NoticeKind.CLASS_WITHOUT_TUTOR]
    assert live_hall[school.tutor_2].heard(events.Noticed) == [], "not another class's business"


async def test_a_substitute_has_the_class_until_the_registered_tutor_comes(
    live_hall: Any, school: Any, substitute: Any
) -> None:
    await live_hall.join(school.master, substitute)
    assert (await shown(live_hall, school.master)).tutor == "t9"
    await live_hall.room.ask(SetClassState(substitute.id, None, ClassState.LOCAL_QA))
    await live_hall.join(school.tutor_1)
    assert (await shown(live_hall, school.master)).tutor == "t1"
    command = SetClassState(substitute.id, None, ClassState.TOGETHER)
    assert await refused(live_hall, command) is Reason.NOT_YOUR_CLASS, "one tutor at a time"
    assert [fact.status.tutor for fact in live_hall.observer.told(events.TutorChanged)] == ["t9", "t1"]


async def test_who_takes_a_class_over_on_record_keeps_it(
    live_hall: Any, school: Any, substitute: Any
) -> None:
    ask = live_hall.room.ask
    await live_hall.join(school.master, substitute)
    await ask(TakeClass(substitute.id, None))
    await ask(TakeClass(substitute.id, None))
    (fact,) = live_hall.observer.told(events.ClassTaken)
    assert (fact.class_id, fact.tutor, fact.instead_of) == ("c1", "t9", "t1")
    await live_hall.join(school.tutor_1)
    status = await shown(live_hall, school.master)
    assert (status.tutor, status.room.tutor) == ("t9", "t1"), "and it shows who is registered"
    await ask(TakeClass(school.tutor_1.id, None))
    assert (await shown(live_hall, school.master)).tutor == "t1"
    assert await refused(live_hall, TakeClass(substitute.id, None)) is Reason.TUTOR_PRESENT


async def test_a_class_that_nobody_knows_is_not_taken(live_hall: Any, school: Any, substitute: Any) -> None:
    """Nor one that belongs to others, by somebody whom neither the plan nor a credential names for it."""
    await live_hall.join(school.tutor_2, substitute)
    assert await refused(live_hall, TakeClass(school.tutor_2.id, "none")) is Reason.UNKNOWN_CLASS
    assert await refused(live_hall, TakeClass(substitute.id, "c2")) is Reason.NOT_YOUR_CLASS
    assert await refused(live_hall, TakeClass(substitute.id, "home")) is Reason.NOT_YOUR_CLASS


async def test_a_registered_tutor_takes_another_class_and_comes_in_anew_as_its_tutor(
    live_hall: Any, school: Any
) -> None:
    await live_hall.join(school.master, school.tutor_1, school.tutor_2)
    take = TakeClass(school.tutor_2.id, "c1")
    assert await refused(live_hall, take) is Reason.TUTOR_PRESENT
    await live_hall.leave(school.tutor_1)
    await live_hall.room.ask(take)
    assert live_hall[school.tutor_2].heard(Dismissed) == [Dismissed(LeaveCause.MOVED)]
    member = await live_hall.join(school.tutor_2)
    assert member.snapshot.me.person.class_id == "c1", "by the credential of the other class"
    assert (await shown(live_hall, school.master)).tutor == "t2"
    assert not (await shown(live_hall, school.master, "c2")).tutor_online
    await live_hall.room.ask(SetClassState(school.tutor_2.id, None, ClassState.LOCAL_QA))
    assert live_hall.room.lesson.class_room("c1").state is ClassState.LOCAL_QA
    (taken,) = live_hall.observer.told(events.ClassTaken)
    assert (taken.class_id, taken.tutor, taken.instead_of) == ("c1", "t2", "t1")


async def test_who_took_another_class_goes_back_to_the_own(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.tutor_2)
    await live_hall.room.ask(TakeClass(school.tutor_2.id, "c1"))
    await live_hall.join(school.tutor_2, school.tutor_1)
    assert await refused(live_hall, SetClassState(school.tutor_1.id, None, ClassState.LOCAL_QA)) is (
        Reason.NOT_YOUR_CLASS
    ), "who took it over has it while they are there"
    await live_hall.room.ask(TakeClass(school.tutor_1.id, None))
    await live_hall.room.ask(TakeClass(school.tutor_2.id, "c2"))
    assert (await live_hall.join(school.tutor_2)).snapshot.me.person.class_id == "c2"
    rooms = {room.id: room.stand_in for room in live_hall.room.lesson.classes}
    assert (rooms["c1"], rooms["c2"]) == (None, "t2")
    assert list(live_hall.room._core.roster.tutors().values()) == ["t1", "t2", "th"]


async def test_a_tutor_who_stands_by_waits_without_a_class(open_hall: Any, school: Any) -> None:
    standby = (StandBy(PersonId("t8"), "一小"), StandBy(PersonId("t9")))
    rooms = (replace(school.class_1, school="一小"), replace(school.class_2, school="二小"))
    hall = await open_hall(LessonState.LIVE, classes=rooms, standby=standby)
    of_school, of_all, stranger = (Person(PersonId(name), name, Role.TUTOR) for name in ("t8", "t9", "t7"))
    with pytest.raises(Refused) as refusal:
        await hall.join(stranger)
    assert refusal.value.reason is Reason.CLASS_REQUIRED
    assert (await hall.join(of_all, of_school)).snapshot.me.person.class_id is None
    assert await refused(hall, TakeClass(of_school.id, "c2")) is Reason.NOT_YOUR_CLASS
    assert await refused(hall, TakeClass(of_school.id, None)) is Reason.UNKNOWN_CLASS
    await hall.room.ask(TakeClass(of_school.id, "c1"))
    await hall.room.ask(TakeClass(of_all.id, "c2"))
    await hall.join(of_school, of_all)
    assert hall.room._core.roster.tutors() == {"c1": "t8", "c2": "t9"}


async def test_a_tutors_second_device_takes_the_place_of_the_first(live_hall: Any, school: Any) -> None:
    """Phone and laptop: one connection of the tutor, whichever came last; hands and class stay."""
    phone = await live_hall.join(school.tutor_1)
    await live_hall.room.ask(RaiseHand(school.tutor_1.id, "12"))
    laptop = await live_hall.join(school.tutor_1)
    assert phone.heard(Dismissed) == [Dismissed(LeaveCause.REPLACED)]
    assert [hand.seat for hand in laptop.snapshot.hands] == ["12"]
    assert [attendee.id for attendee in live_hall.room.people] == ["t1"]
    assert {fact.class_id for fact in live_hall.observer.told(events.TutorAbsent)} == {"c2", "home"}


async def test_the_absence_of_a_tutor_is_on_record_from_the_beginning(hall: Any, school: Any) -> None:
    await hall.join(school.master, school.tutor_2)
    assert hall.observer.told(events.TutorAbsent) == [], "nobody is missed before the lesson"
    await hall.room.ask(StartLesson(school.master.id))
    await hall.join(school.tutor_1)
    await hall.leave(school.tutor_2)
    absences = [(fact.class_id, fact.absent) for fact in hall.observer.told(events.TutorAbsent)]
    assert absences == [("c1", True), ("home", True), ("c1", False), ("c2", True)]
    await hall.room.ask(EndLesson(school.master.id))
    assert len(hall.observer.told(events.TutorAbsent)) == 4


async def test_a_room_class_goes_online_at_once(live_hall: Any, school: Any) -> None:
    ask = live_hall.room.ask
    await live_hall.join(school.master, school.tutor_1, school.tutor_2, school.student_1)
    await ask(MoveOnline(school.tutor_1.id, None))
    assert live_hall.room.lesson.class_room("c1").at_home
    for person in (school.tutor_1, school.master):
        assert [went.room.id for went in live_hall[person].heard(events.ClassWentOnline)] == ["c1"]
    for person in (school.tutor_2, school.student_1):
        assert live_hall[person].heard(events.ClassWentOnline) == []
    assert [n.kind for n in live_hall[school.student_1].heard(events.Noticed)] == [NoticeKind.CLASS_ONLINE]
    await ask(MoveOnline(school.tutor_1.id, None))
    assert len(live_hall.observer.told(events.ClassMovedOnline)) == 1
    assert len(live_hall[school.tutor_1].heard(events.ClassWentOnline)) == 2, "the links again"
    assert await refused(live_hall, MoveOnline(school.tutor_2.id, "c1")) is Reason.NOT_YOUR_CLASS


async def test_an_organizer_moves_any_class_online(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.organizer)
    assert await refused(live_hall, MoveOnline(school.organizer.id, None)) is Reason.UNKNOWN_CLASS
    await live_hall.room.ask(MoveOnline(school.organizer.id, "c2"))
    assert (await shown(live_hall, school.organizer, "c2")).room.at_home
