"""Phases of all and of one class: timers, leaving and coming back, catching up, looking in, settings."""

from __future__ import annotations

from typing import Any

import pytest

from classroom import events
from classroom.commands import (
    ChangeSettings,
    Invite,
    LookIn,
    PersonCommand,
    Publish,
    RaiseHand,
    SetClassState,
    SetPhase,
    Unpublish,
)
from classroom.core import ELSEWHERE_INTERVAL_S
from classroom.events import NoticeKind
from classroom.model import (
    MICROPHONE,
    ClassesRecorded,
    ClassState,
    LessonState,
    PersonId,
    Phase,
    Publication,
    Source,
)
from classroom.rules.reasons import Reason, Refused

QA, TOGETHER, CATCH_UP = ClassState.LOCAL_QA, ClassState.TOGETHER, ClassState.CATCH_UP


@pytest.fixture
async def full(live_hall: Any, school: Any) -> Any:
    """The master, tutors and pupils are in, and send what they may."""
    await live_hall.join(*school.people)
    for person in ("m", "t1", "t2", "th"):
        await send(live_hall, person, "camera", "microphone")
    return live_hall


async def send(hall: Any, person: str, *sources: str) -> None:
    for source in sources:
        name = Publication(f"{person}-{source}-{hall.clock.now()}")
        await hall.room.ask(Publish(PersonId(person), Source(source), name))


async def refused(hall: Any, command: PersonCommand) -> Reason:
    with pytest.raises(Refused) as refusal:
        await hall.room.ask(command)
    return refusal.value.reason


def state(hall: Any, class_id: str) -> ClassState:
    return next(room.state for room in hall.room.lesson.classes if room.id == class_id)


def notices(member: Any) -> list[NoticeKind]:
    return [notice.kind for notice in member.heard(events.Noticed)]


async def test_a_phase_is_for_all_and_on_record(full: Any, school: Any) -> None:
    await full.clock.advance(60)
    await full.room.ask(SetPhase(school.master.id, Phase.LOCAL_QA))
    lesson = full.room.lesson
    assert (lesson.phase, lesson.phase_since_ms, lesson.timer) == (Phase.LOCAL_QA, 60_000, None)
    assert full[school.student_a].receives == ["th/microphone", "m/camera", "th/camera"]
    (fact,) = full.observer.told(events.PhaseChanged)
    assert (fact.phase, fact.actor, fact.elapsed_ms) == (Phase.LOCAL_QA, "m", 60_000)
    await full.room.ask(SetPhase(school.master.id, Phase.LOCAL_QA))
    assert len(full.observer.told(events.PhaseChanged)) == 1, "a second click"
    await full.room.ask(SetPhase(school.master.id, Phase.BREAK))
    assert all(not full.members[person.id].receives for person in school.people)


async def test_the_end_of_the_time_is_told_and_the_phase_stays(full: Any, school: Any) -> None:
    await full.room.ask(SetPhase(school.master.id, Phase.LOCAL_QA, 300))
    assert full.room.lesson.timer.ends_ms == 300_000
    await full.clock.advance(299)
    assert notices(full[school.student_a]) == []
    await full.clock.advance(1)
    assert notices(full[school.student_a]) == [NoticeKind.TIMER_ENDED]
    assert full.room.lesson.phase is Phase.LOCAL_QA
    assert [fact.phase for fact in full.observer.told(events.TimerEnded)] == [Phase.LOCAL_QA]


async def test_a_timer_set_anew_or_taken_away_does_not_ring(full: Any, school: Any) -> None:
    ask, master = full.room.ask, school.master.id
    await ask(SetPhase(master, Phase.LOCAL_QA, 60))
    since_ms = full.room.lesson.phase_since_ms
    await full.clock.advance(30)
    await ask(SetPhase(master, Phase.LOCAL_QA, 60))
    assert full.room.lesson.phase_since_ms == since_ms
    await full.clock.advance(59)
    assert notices(full[school.tutor_1]) == []
    await ask(SetPhase(master, Phase.LOCAL_QA))
    assert full.room.lesson.timer is None
    await full.clock.advance(60)
    assert notices(full[school.tutor_1]) == []


@pytest.mark.parametrize("seconds", [-1, 4 * 3600 + 1])
async def test_times_that_are_none_are_refused(full: Any, school: Any, seconds: int) -> None:
    command = SetPhase(school.master.id, Phase.BREAK, seconds)
    assert await refused(full, command) is Reason.PHASE_TIME_INVALID


async def test_a_class_leaves_and_the_lecture_goes_on(full: Any, school: Any) -> None:
    await full.clock.advance(10)
    await full.room.ask(SetClassState(school.tutor_home.id, None, QA))
    assert state(full, "home") is QA
    assert full[school.student_a].receives == ["th/microphone", "m/camera", "th/camera"]
    assert full[school.tutor_1].receives == ["m/microphone", "m/camera"]
    await send(full, "sa", "microphone")
    assert "sa/microphone" in full[school.student_b].receives
    others = ("m", "t1", "t2", "s1", "o", "v")
    assert all("sa/microphone" not in full.members[PersonId(other)].receives for other in others)
    await full.room.ask(SetClassState(school.master.id, school.class_home.id, TOGETHER))
    assert full[school.student_b].receives == ["m/microphone", "m/camera"], "the pupil is closed again"
    told = [(fact.class_id, fact.state, fact.actor) for fact in full.observer.told(events.ClassStateChanged)]
    assert told == [("home", QA, "th"), ("home", TOGETHER, "m")]


async def test_only_who_tutors_the_class_takes_it_out(full: Any, school: Any) -> None:
    for tutor, class_id in ((school.tutor_1, "home"), (school.tutor_2, "c1")):
        assert await refused(full, SetClassState(tutor.id, class_id, QA)) is Reason.NOT_YOUR_CLASS
    unknown = SetClassState(school.master.id, "none", QA)
    assert await refused(full, unknown) is Reason.UNKNOWN_CLASS
    assert await refused(full, SetClassState(school.master.id, None, QA)) is Reason.UNKNOWN_CLASS
    await full.room.ask(SetPhase(school.master.id, Phase.LOCAL_QA))
    assert await refused(full, SetClassState(school.tutor_1.id, None, QA)) is Reason.WRONG_PHASE


@pytest.mark.parametrize(
    ("phase", "after"),
    [(Phase.INTERACTION, QA), (Phase.LOCAL_QA, TOGETHER), (Phase.BREAK, TOGETHER)],
)
async def test_what_a_phase_of_all_does_to_a_class_that_is_away(
    full: Any, school: Any, phase: Phase, after: ClassState
) -> None:
    await full.room.ask(SetClassState(school.tutor_1.id, None, QA))
    await full.room.ask(SetPhase(school.master.id, phase))
    assert state(full, "c1") is after


async def test_a_class_catches_up_and_is_with_the_others_then(full: Any, school: Any) -> None:
    ask, tutor = full.room.ask, school.tutor_1.id
    await full.clock.advance(100)
    await ask(SetClassState(tutor, None, QA))
    await full.clock.advance(60)
    await ask(SetClassState(tutor, None, CATCH_UP))
    room = full.room.lesson.class_room("c1")
    assert (room.left_ms, room.state_since_ms) == (100_000, 160_000)
    assert full[school.tutor_1].receives == [], "what it plays is not sent to it live"
    # 60 s behind; at 1.25 times the speed that takes 240 s.
    await full.clock.advance(239)
    assert state(full, "c1") is CATCH_UP
    await full.clock.advance(1)
    assert state(full, "c1") is TOGETHER
    assert full[school.tutor_1].receives == ["m/microphone", "m/camera"]


async def test_a_class_that_leaves_while_it_catches_up_goes_on_from_where_it_was(
    full: Any, school: Any
) -> None:
    ask, tutor = full.room.ask, school.tutor_1.id
    await ask(SetClassState(tutor, None, QA))
    await full.clock.advance(60)
    await ask(SetClassState(tutor, None, CATCH_UP))
    await full.clock.advance(40)
    await ask(SetClassState(tutor, None, QA))
    assert full.room.lesson.class_room("c1").left_ms == 50_000, "40 s at 1.25 times the speed"
    await full.clock.advance(400)
    assert state(full, "c1") is QA, "its alarm is off"


async def test_there_must_be_something_to_catch_up_with(open_hall: Any, school: Any) -> None:
    hall = await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000, recorded=False)
    await hall.join(school.master, school.tutor_1)
    command = SetClassState(school.tutor_1.id, None, CATCH_UP)
    assert await refused(hall, command) is Reason.CLASS_NOT_APART


async def test_a_lesson_without_recording_cannot_be_caught_up_with(open_hall: Any, school: Any) -> None:

    hall = await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000, recorded=False)
    await hall.join(school.master, school.tutor_1)
    await hall.room.ask(SetClassState(school.tutor_1.id, None, QA))
    assert await refused(hall, SetClassState(school.tutor_1.id, None, CATCH_UP)) is Reason.NOT_RECORDED


async def test_the_master_looks_in_and_the_class_sees_it(full: Any, school: Any) -> None:
    ask, master = full.room.ask, school.master.id
    assert await refused(full, LookIn(master, "c1")) is Reason.CLASS_NOT_APART
    assert await refused(full, LookIn(master, "none")) is Reason.UNKNOWN_CLASS
    await ask(SetClassState(school.tutor_1.id, None, QA))
    assert "t1/microphone" not in full[school.master].receives
    await ask(LookIn(master, "c1"))
    assert "t1/microphone" in full[school.master].receives
    await full.clock.advance(1)
    seen = full[school.student_1].heard(events.RosterChanged)[-1].people
    assert [(attendee.id, attendee.looks_in) for attendee in seen if attendee.id == "m"] == [("m", "c1")]
    await ask(LookIn(master, None))
    assert "t1/microphone" not in full[school.master].receives
    assert [fact.class_id for fact in full.observer.told(events.LookedIn)] == ["c1", None]


async def test_a_supervisor_looks_in_and_nobody_learns_of_it(full: Any, school: Any) -> None:
    ask = full.room.ask
    await ask(SetClassState(school.tutor_1.id, None, QA))
    await full.clock.advance(ELSEWHERE_INTERVAL_S)
    facts, heard = len(full.observer.facts), {m: len(full.members[m].events) for m in full.members}
    await ask(LookIn(school.supervisor.id, "c1"))
    await full.clock.advance(1)
    assert "t1/microphone" in full[school.supervisor].receives
    assert len(full.observer.facts) == facts
    more = {m for m in full.members if len(full.members[m].events) != heard[m]}
    assert more == {"v"}
    await ask(SetClassState(school.tutor_1.id, None, TOGETHER))
    assert [look.class_id for look in full[school.supervisor].heard(events.LookChanged)] == ["c1", None]


async def test_settings_are_for_all_and_on_record(full: Any, school: Any) -> None:
    ask = full.room.ask
    await ask(SetClassState(school.tutor_1.id, None, QA))
    assert "m/microphone" not in full[school.student_1].receives
    await ask(ChangeSettings(school.organizer.id, duck=True))
    assert "m/microphone" in full[school.student_1].receives
    await ask(ChangeSettings(school.master.id, duck=True))
    assert len(full.observer.told(events.SettingsChanged)) == 1, "nothing new"
    for limit in (0, 13):
        command = ChangeSettings(school.master.id, stage_limit=limit)
        assert await refused(full, command) is Reason.STAGE_LIMIT_INVALID


async def test_no_hands_and_no_stage_in_a_break(full: Any, school: Any) -> None:
    await full.room.ask(SetPhase(school.master.id, Phase.BREAK))
    assert await refused(full, RaiseHand(school.student_a.id)) is Reason.WRONG_PHASE
    assert await refused(full, Invite(school.master.id, school.student_a.id)) is Reason.WRONG_PHASE


async def test_a_pupil_who_unmutes_in_their_own_class_is_recorded_from_then_on(
    open_hall: Any, school: Any
) -> None:
    hall = await open_hall(
        LessonState.LIVE,
        started_ms=1_800_000_000_000,
        phase=Phase.LOCAL_QA,
        record_classes=ClassesRecorded.SOUND,
    )
    await hall.join(school.master, school.student_a)
    await hall.room.ask(Publish(school.student_a.id, MICROPHONE, Publication("p1")))
    await hall.room.ask(Unpublish(school.student_a.id, Publication("p1")))
    routed = hall.observer.told(events.RecorderRouted)
    assert [[route.publication for route in fact.routes] for fact in routed] == [["p1"], []]
