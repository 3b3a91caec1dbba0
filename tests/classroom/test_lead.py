"""The master's line: lost for a second, back for a second, by itself or by the master's word."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import events
from classroom.commands import ChangeSettings, Invite, Publish, RaiseHand, ReportLead, Resume, SetPhase
from classroom.events import LeaveCause, NoticeKind
from classroom.model import LessonState, MasterState, Person, PersonId, Phase, Publication, Role, Source
from classroom.rules.reasons import Reason, Refused

HERE, LOST, BACK = MasterState.HERE, MasterState.LOST, MasterState.BACK


@pytest.fixture
async def lecture(live_hall: Any, school: Any) -> Any:
    """The master and two classes, who send."""
    await live_hall.join(school.master, school.tutor_1, school.tutor_home, school.student_a, school.student_1)
    for person in ("m", "t1", "th"):
        for source in ("camera", "microphone"):
            name = Publication(f"{person}-{source}")
            await live_hall.room.ask(Publish(PersonId(person), Source(source), name))
    return live_hall


async def silent(hall: Any, person: str = "m", silent_s: float = 0.5) -> None:
    await hall.room.ask(ReportLead(PersonId(person), flowing=False, silent_s=silent_s))


async def flowing(hall: Any, person: str = "m") -> None:
    await hall.room.ask(ReportLead(PersonId(person), flowing=True))


def state(hall: Any) -> MasterState:
    lesson: Any = hall.room.lesson
    found: MasterState = lesson.master
    return found


def notices(member: Any) -> list[NoticeKind]:
    return [notice.kind for notice in member.heard(events.Noticed)]


async def test_after_a_second_of_silence_each_class_has_its_tutor(lecture: Any, school: Any) -> None:
    await silent(lecture)
    await lecture.clock.advance(0.4)
    assert state(lecture) is HERE
    await lecture.clock.advance(0.1)
    assert state(lecture) is LOST
    assert lecture[school.student_1].receives == ["t1/microphone", "m/camera", "t1/camera"]
    assert lecture[school.student_a].receives == ["th/microphone", "m/camera", "th/camera"]
    assert notices(lecture[school.student_a]) == [NoticeKind.MASTER_LOST]
    assert len(lecture.observer.told(events.MasterLost)) == 1


async def test_it_resumes_by_itself_once_the_line_has_held_for_a_second(lecture: Any, school: Any) -> None:
    await silent(lecture, silent_s=5)
    assert state(lecture) is LOST, "the second was over already"
    await flowing(lecture)
    await lecture.clock.advance(0.9)
    assert state(lecture) is LOST
    await lecture.clock.advance(0.1)
    assert state(lecture) is HERE
    assert lecture[school.student_1].receives == ["m/microphone", "m/camera"]
    assert notices(lecture[school.student_1]) == [NoticeKind.MASTER_LOST, NoticeKind.RESUMED]
    assert [fact.resumed for fact in lecture.observer.told(events.MasterBack)] == [True]


async def test_a_gap_is_not_a_loss_and_a_flicker_is_not_a_return(lecture: Any) -> None:
    await silent(lecture)
    await lecture.clock.advance(0.4)
    await flowing(lecture)
    await lecture.clock.advance(10)
    assert state(lecture) is HERE
    await silent(lecture, silent_s=1)
    for _ in range(5):
        await flowing(lecture)
        await lecture.clock.advance(0.5)
        await silent(lecture)
        await lecture.clock.advance(0.5)
        assert state(lecture) is LOST
    assert len(lecture.observer.told(events.MasterLost)) == 1


async def test_it_waits_for_the_masters_word_when_set_so(lecture: Any, school: Any) -> None:
    ask, master = lecture.room.ask, school.master.id
    await ask(ChangeSettings(master, resume_by_click=True))
    await silent(lecture, silent_s=1)
    with pytest.raises(Refused) as refusal:
        await ask(Resume(master))
    assert refusal.value.reason is Reason.MASTER_NOT_BACK
    await flowing(lecture)
    await lecture.clock.advance(1)
    assert state(lecture) is BACK
    assert lecture[school.student_1].receives[0] == "t1/microphone", "with the tutor until then"
    await ask(Resume(master))
    assert state(lecture) is HERE
    assert notices(lecture[school.tutor_1])[1:] == [NoticeKind.MASTER_BACK, NoticeKind.RESUMED]
    assert [fact.actor for fact in lecture.observer.told(events.LessonResumed)] == ["m"]


async def test_a_master_lost_again_while_the_classes_wait(lecture: Any, school: Any) -> None:
    await lecture.room.ask(ChangeSettings(school.master.id, resume_by_click=True))
    await silent(lecture, silent_s=1)
    await flowing(lecture)
    await lecture.clock.advance(1)
    await silent(lecture, silent_s=1)
    assert state(lecture) is LOST


async def test_a_master_who_leaves_is_missed_and_who_comes_is_there(lecture: Any, school: Any) -> None:
    await lecture.leave(school.master, LeaveCause.LOST)
    await lecture.clock.advance(0.9)
    assert state(lecture) is HERE
    await lecture.clock.advance(0.1)
    assert state(lecture) is LOST
    await lecture.join(school.master)
    await lecture.clock.advance(5)
    assert state(lecture) is LOST, "the classes wait for the picture and the sound"
    await flowing(lecture)
    await lecture.clock.advance(1)
    assert state(lecture) is HERE


async def test_a_master_who_comes_back_and_sends_nothing_says_so(lecture: Any, school: Any) -> None:
    await silent(lecture, silent_s=1)
    await lecture.leave(school.master, LeaveCause.LOST)
    await lecture.join(school.master)
    await lecture.clock.advance(5)
    assert state(lecture) is LOST
    await lecture.room.ask(Resume(school.master.id))
    await lecture.clock.advance(5)
    assert state(lecture) is HERE


async def test_who_only_listened_is_there_when_they_come(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.tutor_1)
    await live_hall.leave(school.master, LeaveCause.LOST)
    await live_hall.clock.advance(5)
    assert state(live_hall) is LOST
    await live_hall.join(school.master)
    await live_hall.clock.advance(1)
    assert state(live_hall) is HERE


async def test_a_page_loaded_anew_is_not_missed(lecture: Any, school: Any) -> None:
    await silent(lecture)
    await lecture.join(school.master)
    await lecture.clock.advance(5)
    assert state(lecture) is HERE, "what the old connection did is forgotten"


async def test_an_encoder_holds_the_lesson_while_the_masters_page_is_gone(lecture: Any, school: Any) -> None:
    await lecture.join(school.encoder)
    await silent(lecture, silent_s=9)
    await lecture.leave(school.master, LeaveCause.LOST)
    await lecture.clock.advance(5)
    assert state(lecture) is HERE
    await silent(lecture, "e")
    await lecture.clock.advance(1)
    assert state(lecture) is LOST


async def test_who_does_not_lead_is_not_missed(lecture: Any) -> None:
    for person in ("t1", "nobody"):
        await silent(lecture, person, 9)
    await lecture.clock.advance(5)
    assert state(lecture) is HERE


async def test_before_the_lesson_nobody_is_missed(hall: Any, school: Any) -> None:
    await hall.join(school.tutor_1)
    await hall.clock.advance(60)
    assert (state(hall), hall.room.lesson.state) == (HERE, LessonState.OPEN)


async def test_a_break_stays_a_break(lecture: Any, school: Any) -> None:
    await lecture.room.ask(SetPhase(school.master.id, Phase.BREAK))
    await silent(lecture, silent_s=1)
    assert state(lecture) is LOST
    assert lecture[school.student_1].receives == []


async def test_the_stage_is_there_when_the_master_is(lecture: Any, school: Any) -> None:

    await lecture.room.ask(RaiseHand(school.tutor_1.id))
    await lecture.room.ask(Invite(school.master.id, school.tutor_1.id))
    assert "t1/camera" in lecture[school.student_a].receives
    await silent(lecture, silent_s=1)
    assert "t1/camera" not in lecture[school.student_a].receives, "each class by itself"
    await flowing(lecture)
    await lecture.clock.advance(1)
    assert "t1/camera" in lecture[school.student_a].receives


async def test_somebody_else_who_leads(lecture: Any, school: Any) -> None:
    second = Person(PersonId("m2"), "赵老师", Role.MASTER)
    await lecture.join(second)
    await lecture.leave(school.master)
    await lecture.clock.advance(5)
    assert state(lecture) is HERE
