"""The room as its members meet it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from classroom import events, floor
from classroom.commands import (
    CancelLesson,
    EndLesson,
    LowerHand,
    Publish,
    RaiseHand,
    ReportRecording,
    Say,
    StartLesson,
    Unpublish,
)
from classroom.core import ROSTER_INTERVAL_S
from classroom.events import LeaveCause
from classroom.inbox import PER_PERSON
from classroom.limits import ACTIONS, CHAT
from classroom.model import (
    CAMERA,
    ClassId,
    HandId,
    LessonState,
    PersonId,
    Publication,
    RecordingState,
    Source,
)
from classroom.rules.reasons import Reason, Refused

P = Publication


async def refused(awaitable: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.reason


# --- coming in --------------------------------------------------------------------------------------------


async def test_the_first_to_come_opens_the_lesson(hall: Any, school: Any) -> None:
    await hall.join(school.student_a)
    assert hall.room.lesson.state is LessonState.OPEN
    assert [fact.state for fact in hall.observer.told(events.StateChanged)] == [LessonState.OPEN]


async def test_a_snapshot_holds_what_the_role_may_know(live_hall: Any, school: Any) -> None:
    await live_hall.join(*school.people)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.room.ask(Say(school.student_a.id, "老师好"))
    newcomer = await live_hall.join(school.student_1)
    snapshot = newcomer.snapshot
    assert snapshot.me.person == school.student_1
    assert [attendee.id for attendee in snapshot.people] == ["m", "t1", "t2", "th", "s1", "e", "o"]
    assert [status.online for status in snapshot.classes] == [1, 0, 2]
    assert snapshot.hands == ()
    assert [entry.text for entry in snapshot.chat] == ["老师好"]
    watcher = await live_hall.join(school.supervisor)
    assert [hand.person for hand in watcher.snapshot.hands] == ["sa"]


async def test_a_late_comer_has_routes_when_join_returns(
    live_hall: Any, school: Any, new_member: Any
) -> None:
    await live_hall.join(school.master)
    await live_hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    member = new_member()
    await live_hall.room.join(school.student_a, member)
    assert member.receives == ["m/camera"]
    assert member.events == []


async def test_those_who_come_together_are_told_of_together(
    live_hall: Any, school: Any, new_member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = await live_hall.join(school.master)
    await live_hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    planned: list[set[Any]] = []

    look = floor.Plans.of

    def of(self: floor.Plans, receivers: Any) -> Any:
        receivers = tuple(receivers)
        planned.append({receiver.id for receiver in receivers})
        return look(self, receivers)

    monkeypatch.setattr(floor.Plans, "of", of)
    people = (school.student_a, school.student_1, school.room_1)
    members = [new_member() for _ in people]
    # In the middle one who may not: the others come in all the same.
    stranger = replace(school.student_1, id=PersonId("x"), class_id=ClassId("nowhere"))
    comers = [*zip(people[:2], members, strict=False), (stranger, new_member()), (people[2], members[2])]
    snapshots = await asyncio.gather(*(live_hall.room.join(*each) for each in comers), return_exceptions=True)
    assert isinstance(snapshots.pop(2), Refused)
    assert planned == [{person.id for person in people}]
    assert all(member.receives == ["m/camera"] for member in members)
    assert [person.id for person in snapshots[2].people] == ["m", "s1", "r1"]
    await live_hall.clock.advance(ROSTER_INTERVAL_S)
    await live_hall.turn()
    told = {attendee.id for event in master.heard(events.RosterChanged) for attendee in event.people}
    assert told >= {person.id for person in people}


async def test_events_continue_the_snapshot(hall: Any, school: Any, new_member: Any) -> None:
    members = {person.id: new_member() for person in school.people}

    async def come(person: Any) -> None:
        snapshot = await hall.room.join(person, members[person.id])
        assert snapshot.me.person == person
        assert members[person.id].events == [], "something came before the snapshot"

    await asyncio.gather(*(come(person) for person in school.people))
    await hall.clock.advance(1.0)
    news = [a.id for event in members["m"].heard(events.RosterChanged) for a in event.people]
    assert set(news) >= {"t1", "sa"}


async def test_who_is_not_let_in_is_on_record(hall: Any, school: Any, new_member: Any) -> None:
    stranger = school.student_a.__class__("x", "", school.student_a.role, "c9")
    assert await refused(hall.room.join(stranger, new_member())) is Reason.UNKNOWN_CLASS
    facts = hall.observer.told(events.EntryRefused)
    assert [(fact.person.id, fact.reason) for fact in facts] == [("x", Reason.UNKNOWN_CLASS)]
    assert hall.room.lesson.state is LessonState.SCHEDULED


async def test_a_second_connection_takes_the_place_over(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.tutor_1, school.master)
    await live_hall.room.ask(Publish(school.tutor_1.id, CAMERA, P("p1")))
    await live_hall.room.ask(RaiseHand(school.tutor_1.id, "3"))
    old = live_hall[school.tutor_1]
    new = await live_hall.join(school.tutor_1)
    assert old.events[-1] == events.Dismissed(LeaveCause.REPLACED)
    assert [attendee.id for attendee in new.snapshot.people] == ["t1", "m"]
    assert new.snapshot.me.tracks == ()
    assert [hand.seat for hand in new.snapshot.hands] == ["3"]
    assert live_hall[school.master].receives == []
    gone = live_hall.observer.told(events.TrackUnpublished)
    assert [fact.cause for fact in gone] == [LeaveCause.REPLACED]
    await live_hall.room.leave(school.tutor_1.id, old)
    organizer = await live_hall.join(school.organizer)
    assert organizer.snapshot.people[0].online


async def test_a_join_given_up_leaves_nobody_behind(hall: Any, school: Any, new_member: Any) -> None:
    joining = asyncio.create_task(hall.room.join(school.student_a, new_member()))
    await asyncio.sleep(0)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    await hall.turn()
    await hall.clock.advance(61)
    assert hall.room.empty


async def test_a_join_given_up_at_the_last_moment_leaves_nobody_online(
    hall: Any, school: Any, new_member: Any
) -> None:
    joining = asyncio.create_task(hall.room.join(school.student_a, new_member()))
    await asyncio.sleep(0)  # the join is in the inbox
    await asyncio.sleep(0)  # and done, but whoever waits has not heard of it
    assert hall.observer.told(events.PersonJoined)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    await hall.turn()
    assert [fact.cause for fact in hall.observer.told(events.PersonLeft)] == [LeaveCause.LOST]


# --- going out --------------------------------------------------------------------------------------------


async def test_who_leaves_is_gone_with_hands_and_tracks(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.tutor_1, school.student_1, school.master)
    await live_hall.room.ask(Publish(school.tutor_1.id, CAMERA, P("p1")))
    await live_hall.room.ask(RaiseHand(school.tutor_1.id, "1"))
    await live_hall.leave(school.tutor_1)
    await live_hall.clock.advance(0.2)
    assert master.heard(events.HandsChanged)[-1].hands == ()
    assert master.receives == []
    last = master.heard(events.RosterChanged)[-1]
    assert last.gone == ("t1",)
    assert [(status.room.id, status.tutor_online) for status in last.classes] == [("c1", False)]
    lowered = live_hall.observer.told(events.HandLowered)
    assert [fact.actor for fact in lowered] == [None]


async def test_a_lost_place_is_kept_for_a_minute(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.student_a, school.student_b, school.master)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.leave(school.student_a, LeaveCause.LOST)
    await live_hall.clock.advance(59)
    last = master.heard(events.RosterChanged)[-1]
    assert [attendee.id for attendee in last.people if not attendee.online] == ["sa"]
    back = await live_hall.join(school.student_a)
    assert [attendee.id for attendee in back.snapshot.people] == ["sa", "sb", "m"]
    assert [hand.person for hand in back.snapshot.hands] == ["sa"]
    await live_hall.clock.advance(120)
    assert all("sa" not in event.gone for event in master.heard(events.RosterChanged))


async def test_a_place_nobody_comes_back_to_is_given_up(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.student_a, school.master)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.leave(school.student_a, LeaveCause.LOST)
    await live_hall.clock.advance(60)
    assert master.heard(events.RosterChanged)[-1].gone == ("sa",)
    assert master.heard(events.HandsChanged)[-1].hands == ()
    left = live_hall.observer.told(events.PersonLeft)
    assert [fact.cause for fact in left] == [LeaveCause.LOST]


async def test_who_comes_back_as_somebody_else_takes_nothing_over(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.student_a, school.master)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.leave(school.student_a, LeaveCause.LOST)
    moved = school.student_a.__class__("sa", "小明", school.student_a.role, "c1")
    back = await live_hall.join(moved)
    assert back.snapshot.hands == ()
    assert [attendee.id for attendee in back.snapshot.people] == ["m", "sa"]


async def test_leaving_twice_is_leaving_once(live_hall: Any, school: Any, new_member: Any) -> None:
    await live_hall.join(school.student_a)
    await live_hall.leave(school.student_a)
    await live_hall.leave(school.student_a)
    await live_hall.room.leave(school.master.id, new_member())
    assert len(live_hall.observer.told(events.PersonLeft)) == 1


# --- the roster's pace ------------------------------------------------------------------------------------


async def test_roster_events_come_at_most_every_200_ms(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.master)
    await live_hall.clock.advance(1)
    master.events.clear()
    await live_hall.join(school.tutor_1)
    assert len(master.heard(events.RosterChanged)) == 1, "the first comes at once"
    await live_hall.join(school.tutor_2, school.student_a, school.student_b)
    await live_hall.clock.advance(0.19)
    assert len(master.heard(events.RosterChanged)) == 1
    await live_hall.clock.advance(0.01)
    heard = master.heard(events.RosterChanged)
    assert [attendee.id for attendee in heard[1].people] == ["t2", "sa", "sb"]
    assert [status.online for status in heard[1].classes] == [0, 2]
    await live_hall.clock.advance(10)
    assert len(master.heard(events.RosterChanged)) == 2, "nothing new, nothing said"


async def test_a_tutor_change_is_on_record(live_hall: Any, school: Any) -> None:
    substitute = school.tutor_1.__class__("t9", "代课", school.tutor_1.role, "c1")
    await live_hall.join(substitute)
    await live_hall.join(school.tutor_1)
    changes = live_hall.observer.told(events.TutorChanged)
    assert [fact.status.tutor for fact in changes] == ["t9", "t1"]


# --- the lesson's states ----------------------------------------------------------------------------------


async def test_the_master_starts_the_lesson_and_its_clock(hall: Any, school: Any) -> None:
    student = await hall.join(school.master, school.student_a)
    await hall.room.ask(StartLesson(school.master.id))
    started = hall.clock.unix_ms()
    assert hall.room.lesson.started_ms == started
    (event,) = student.heard(events.LessonChanged)
    assert (event.lesson.state, event.lesson.started_ms) == (LessonState.LIVE, started)
    assert event.may_publish == frozenset()
    await hall.clock.advance(61.5)
    assert hall.room.elapsed_ms() == 61_500
    await hall.room.ask(RaiseHand(school.student_a.id))
    assert hall.observer.told(events.HandRaised)[0].hand.since_ms == 61_500


async def test_the_lesson_clock_goes_on_after_a_restart(open_hall: Any) -> None:
    hall = await open_hall(LessonState.LIVE, started_ms=1_800_000_000_000 - 90_000)
    await hall.clock.advance(10)
    assert hall.room.elapsed_ms() == 100_000


async def test_before_the_lesson_its_clock_stands(hall: Any, school: Any) -> None:
    await hall.join(school.student_a)
    await hall.clock.advance(100)
    assert hall.room.elapsed_ms() == 0


async def test_an_encoder_may_start_it_too(hall: Any, school: Any) -> None:
    await hall.join(school.encoder, school.student_a)
    await hall.room.ask(Publish(school.encoder.id, Source("cam.video"), P("p1")))
    assert hall[school.student_a].receives == []
    await hall.room.ask(StartLesson(school.encoder.id))
    assert hall[school.student_a].receives == ["e/cam.video"]


async def test_the_end_closes_tracks_first_and_dismisses_everybody(live_hall: Any, school: Any) -> None:
    await live_hall.join(*school.people)
    await live_hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.clock.advance(1)
    live_hall.observer.facts.clear()
    await live_hall.room.ask(EndLesson(school.master.id))
    kinds = [type(fact).__name__ for fact in live_hall.observer.facts]
    assert kinds[:3] == ["TrackUnpublished", "RecorderRouted", "HandLowered"]
    assert set(kinds[3:-1]) == {"PersonLeft", "ObservationEnded"}
    assert kinds[-1] == "StateChanged"
    for person in school.people:
        member = live_hall[person]
        assert member.events[-1] == events.Dismissed(LeaveCause.ENDED)
        assert member.heard(events.LessonChanged)[-1].lesson.state is LessonState.ENDED
        assert member.receives == []
    assert live_hall.room.empty
    assert live_hall.room.lesson.ended_ms == live_hall.clock.unix_ms()
    assert await refused(live_hall.room.join(school.master, live_hall[school.master])) is Reason.LESSON_ENDED


async def test_an_organizer_cancels_before_it_begins(hall: Any, school: Any) -> None:
    await hall.join(school.organizer, school.student_a)
    await hall.room.ask(CancelLesson(school.organizer.id, "雾霾红色预警"))
    assert hall.room.lesson.state is LessonState.CANCELLED
    told = hall[school.student_a].heard(events.LessonChanged)
    assert told[-1].reason == "雾霾红色预警"
    assert all(not event.reason for event in told[:-1])
    assert hall[school.student_a].events[-1] == events.Dismissed(LeaveCause.ENDED)


async def test_closing_the_room_dismisses_everybody_and_keeps_the_state(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.supervisor)
    await live_hall.room.close()
    for person in (school.master, school.supervisor):
        assert live_hall[person].events[-1] == events.Dismissed(LeaveCause.SERVER)
    assert live_hall.room.lesson.state is LessonState.LIVE
    assert [fact.cause for fact in live_hall.observer.told(events.PersonLeft)] == [LeaveCause.SERVER]
    await live_hall.room.close()


async def test_a_closed_room_takes_nothing_more(live_hall: Any, school: Any, new_member: Any) -> None:
    member = await live_hall.join(school.master)
    closing = asyncio.create_task(live_hall.room.close())
    await asyncio.sleep(0)
    behind = asyncio.create_task(live_hall.room.leave(school.master.id, member))
    asked = asyncio.create_task(live_hall.room.ask(StartLesson(school.master.id)))
    await closing
    await behind
    assert await refused(asked) is Reason.CLOSED
    assert await refused(live_hall.room.join(school.master, new_member())) is Reason.CLOSED
    assert await refused(live_hall.room.ask(StartLesson(school.master.id))) is Reason.CLOSED
    assert not live_hall.room.post(StartLesson(school.master.id))
    assert not live_hall.room.post(ReportRecording(RecordingState.ON))
    await live_hall.room.leave(school.master.id, member)


async def test_the_recorder_is_told_what_is_recorded(hall: Any, school: Any) -> None:
    await hall.join(school.master, school.tutor_1)
    await hall.room.ask(Publish(school.master.id, CAMERA, P("p1")))
    await hall.room.ask(Publish(school.tutor_1.id, CAMERA, P("p2")))
    assert hall.observer.told(events.RecorderRouted) == []
    await hall.room.ask(StartLesson(school.master.id))
    await hall.room.ask(Publish(school.master.id, CAMERA, P("p3")))
    await hall.leave(school.master)
    routed = hall.observer.told(events.RecorderRouted)
    assert [[route.publication for route in fact.routes] for fact in routed] == [["p1"], ["p3"], []]


async def test_the_recording_state_is_told_to_everybody_once(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.student_a)
    for _ in range(2):
        assert live_hall.room.post(ReportRecording(RecordingState.FAILING))
    await live_hall.turn()
    assert [event.lesson.recording for event in student.heard(events.LessonChanged)] == ["failing"]
    assert len(live_hall.observer.told(events.RecordingChanged)) == 1


async def test_the_last_word_of_a_lesson_says_that_nothing_is_recorded_any_more(
    live_hall: Any, school: Any
) -> None:
    student = await live_hall.join(school.master, school.student_a)
    assert live_hall.room.post(ReportRecording(RecordingState.ON))
    await live_hall.room.ask(EndLesson(school.master.id))
    assert live_hall.room.post(ReportRecording(RecordingState.ON))
    await live_hall.turn()
    told = [(event.lesson.state, event.lesson.recording) for event in student.heard(events.LessonChanged)]
    assert told == [("live", "on"), ("ended", "off")]
    assert [fact.state for fact in live_hall.observer.told(events.RecordingChanged)] == ["on", "off"]


# --- hands ------------------------------------------------------------------------------------------------


async def test_a_hand_is_seen_by_its_class_and_by_the_master(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.master, school.student_a, school.student_b, school.student_1)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    for person in (school.master, school.student_b):
        assert [hand.name for hand in live_hall[person].heard(events.HandsChanged)[-1].hands] == ["小明"]
    assert live_hall[school.student_1].heard(events.HandsChanged) == []


async def test_raising_a_hand_again_changes_nothing(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.tutor_1, school.master)
    for seat in ("12号", "12号", " 12号 ", "3号"):
        await live_hall.room.ask(RaiseHand(school.tutor_1.id, seat))
    assert [hand.seat for hand in master.heard(events.HandsChanged)[-1].hands] == ["12号", "3号"]
    assert len(master.heard(events.HandsChanged)) == 2


async def test_only_a_tutor_raises_hands_for_seats(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.student_a)
    assert await refused(live_hall.room.ask(RaiseHand(school.student_a.id, "1"))) is Reason.SEAT_NOT_ALLOWED


async def test_the_master_lowers_any_hand(live_hall: Any, school: Any) -> None:
    master = await live_hall.join(school.student_a, school.tutor_1, school.master)
    await live_hall.room.ask(RaiseHand(school.student_a.id))
    await live_hall.room.ask(RaiseHand(school.tutor_1.id))
    (first, second) = master.heard(events.HandsChanged)[-1].hands
    await live_hall.room.ask(LowerHand(school.master.id, first.id))
    assert master.heard(events.HandsChanged)[-1].hands == (second,)
    await live_hall.room.ask(LowerHand(school.master.id, first.id))
    assert [fact.actor for fact in live_hall.observer.told(events.HandLowered)] == ["m"]


# --- chat -------------------------------------------------------------------------------------------------


async def test_a_message_reaches_everybody_and_the_observers(live_hall: Any, school: Any) -> None:
    await live_hall.join(*school.people)
    await live_hall.room.ask(Say(school.student_a.id, " 老师好 ", "x1"))
    (fact,) = live_hall.observer.told(events.ChatWritten)
    assert (fact.entry.text, fact.entry.client_id, fact.entry.at_ms) == ("老师好", "x1", fact.at_ms)
    for person in school.people:
        assert live_hall[person].heard(events.ChatSaid) == [events.ChatSaid(fact.entry)]


async def test_a_message_sent_twice_is_one_and_answered_twice(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.student_a, school.master)
    await live_hall.room.ask(Say(school.student_a.id, "a", "x1"))
    await live_hall.leave(school.student_a, LeaveCause.LOST)
    again = await live_hall.join(school.student_a)
    await live_hall.room.ask(Say(school.student_a.id, "a", "x1"))
    assert len(live_hall[school.master].heard(events.ChatSaid)) == 1
    assert len(again.heard(events.ChatSaid)) == 1
    assert len(live_hall.observer.told(events.ChatWritten)) == 1


async def test_nobody_talks_faster_than_people_do(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.student_a, school.student_b)
    for _ in range(CHAT.burst):
        await live_hall.room.ask(Say(school.student_a.id, "a"))
    assert await refused(live_hall.room.ask(Say(school.student_a.id, "a"))) is Reason.TOO_FAST
    await live_hall.room.ask(Say(school.student_b.id, "b"))
    await live_hall.clock.advance(1 / CHAT.per_second)
    await live_hall.room.ask(Say(school.student_a.id, "a"))


async def test_a_newcomer_reads_what_was_said_before_a_restart(
    open_hall: Any, live_hall: Any, school: Any
) -> None:
    await live_hall.join(school.student_a)
    await live_hall.room.ask(Say(school.student_a.id, "老师好", "x1"))
    chat = tuple(fact.entry for fact in live_hall.observer.told(events.ChatWritten))
    restarted = await open_hall(LessonState.LIVE, chat=chat)
    member = await restarted.join(school.student_a)
    assert [entry.text for entry in member.snapshot.chat] == ["老师好"]
    await restarted.room.ask(Say(school.student_a.id, "老师好", "x1"))
    assert restarted.observer.told(events.ChatWritten) == []


# --- asking -----------------------------------------------------------------------------------------------


async def test_a_posted_command_is_refused_by_an_event(live_hall: Any, school: Any) -> None:
    student = await live_hall.join(school.student_a)
    command = EndLesson(school.student_a.id)
    assert live_hall.room.post(command)
    await live_hall.turn()
    assert student.heard(events.CommandRefused) == [events.CommandRefused(command, Reason.ROLE_MAY_NOT)]
    assert live_hall.room.counters()["commands_refused"] == 1


async def test_who_is_not_in_may_ask_for_nothing(live_hall: Any, school: Any) -> None:
    assert await refused(live_hall.room.ask(RaiseHand(school.student_a.id))) is Reason.NOT_JOINED
    await live_hall.join(school.student_a)
    await live_hall.leave(school.student_a, LeaveCause.LOST)
    assert await refused(live_hall.room.ask(RaiseHand(school.student_a.id))) is Reason.NOT_JOINED
    assert live_hall.room.post(LowerHand(school.student_a.id, HandId("x")))
    await live_hall.turn()


async def test_a_full_inbox_says_so_at_once(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.student_a)
    posted = [live_hall.room.post(RaiseHand(school.student_a.id)) for _ in range(PER_PERSON + 1)]
    assert posted == [True] * PER_PERSON + [False]
    assert await refused(live_hall.room.ask(RaiseHand(school.student_a.id))) is Reason.BUSY
    assert live_hall.room.counters()["inbox_refused"] == 2
    await live_hall.turn()


async def test_actions_have_a_pace_but_taking_down_has_none(live_hall: Any, school: Any) -> None:
    await live_hall.join(school.tutor_1)
    await live_hall.room.ask(Publish(school.tutor_1.id, CAMERA, P("p1")))
    for seat in range(ACTIONS.burst - 1):
        await live_hall.room.ask(RaiseHand(school.tutor_1.id, str(seat)))
    assert await refused(live_hall.room.ask(RaiseHand(school.tutor_1.id, "x"))) is Reason.TOO_FAST
    await live_hall.room.ask(Unpublish(school.tutor_1.id, P("p1")))


async def test_a_fault_of_ours_costs_one_answer(
    live_hall: Any, school: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    student = await live_hall.join(school.student_a)
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr("classroom.handlers.seat_name", lambda seat: 1 / 0)
        assert await refused(live_hall.room.ask(RaiseHand(school.student_a.id))) is Reason.INTERNAL
        live_hall.room.post(RaiseHand(school.student_a.id))
        await live_hall.turn()
    assert student.heard(events.CommandRefused)[0].reason is Reason.INTERNAL
    assert live_hall.room.counters()["faults"] == 2
    await live_hall.room.ask(RaiseHand(school.student_a.id))


async def test_an_observer_that_fails_costs_the_lesson_nothing(
    live_hall: Any, school: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(fact: Any) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(live_hall.observer, "observe", broken)
        await live_hall.join(school.student_a)
    assert "an observer failed" in caplog.text
    await live_hall.room.ask(RaiseHand(school.student_a.id))


async def test_a_name_is_shown_as_it_can_be(live_hall: Any, school: Any) -> None:
    member = await live_hall.join(school.student_a.__class__("x", "小\ud800明", school.student_a.role))
    assert member.snapshot.me.person.name == "小明"
