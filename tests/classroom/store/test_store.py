from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classroom import events
from classroom.commands import EndLesson, LowerHand, Mute, Publish, RaiseHand, Say, StartLesson
from classroom.directory import MemoryDirectory
from classroom.events import LeaveCause
from classroom.model import CAMERA, ChatEntry, ChatId, LessonId, LessonState, PersonId, Publication, Role
from classroom.rules.reasons import Refused
from classroom.store.store import Store

L = LessonId("L")


async def test_a_lesson_comes_back_as_it_was_saved(store: Store, school: Any) -> None:
    lesson = school.lesson(LessonState.LIVE, started_ms=7, recorded=False)
    await store.save_lesson(lesson)
    assert await store.lesson(L) == lesson
    changed = replace(lesson, title="新", classes=(school.class_2,))
    await store.save_lesson(changed)
    assert await store.lesson(L) == changed
    other = replace(lesson, id=LessonId("A"), classes=())
    await store.save_lesson(other)
    assert await store.lessons() == (other, changed)


async def test_a_lesson_that_is_not_there_is_none(store: Store) -> None:
    assert await store.lesson(L) is None
    assert await store.begin_room(L) is None
    assert await store.lessons() == ()


async def play(store: Store, school: Any, clock: Any, new_member: Any) -> None:
    """A short lesson with something of everything."""
    directory = MemoryDirectory(store, clock=clock)
    room = await directory.open_room(L)
    members = {}
    for person in (school.master, school.tutor_1, school.student_a, school.supervisor):
        members[person.id] = new_member()
        await room.join(person, members[person.id])
        clock.fire(1)
    await room.ask(StartLesson(school.master.id))
    await room.ask(Publish(school.master.id, CAMERA, Publication("p1")))
    await room.ask(Mute(school.master.id, CAMERA, True))
    await room.ask(RaiseHand(school.tutor_1.id, "12号"))
    (hand,) = members["m"].heard(events.HandsChanged)[-1].hands
    await room.ask(LowerHand(school.master.id, hand.id))
    await room.ask(Say(school.student_a.id, "老师好", "x1"))
    with pytest.raises(Refused):
        await room.join(replace(school.student_b, class_id="c9"), new_member())
    clock.fire(10)
    await room.leave(school.student_a.id, members["sa"], LeaveCause.LOST)
    await room.ask(EndLesson(school.master.id))
    await directory.close()
    await store.flush()


async def test_presence_is_written_with_times_and_causes(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson())
    began = fake_clock.unix_ms()
    await play(store, school, fake_clock, new_member)
    rows = [
        (row.person, row.role, row.class_id, row.joined_ms - began, (row.left_ms or 0) - began, row.cause)
        for row in await store.presence(L)
    ]
    assert rows == [
        ("m", Role.MASTER, None, 0, 14_000, LeaveCause.ENDED),
        ("t1", Role.TUTOR, "c1", 1_000, 14_000, LeaveCause.ENDED),
        ("sa", Role.STUDENT, "home", 2_000, 14_000, LeaveCause.LOST),
    ]


async def test_the_stream_has_everything_in_order_and_no_supervisor(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson())
    await play(store, school, fake_clock, new_member)
    stream = await store.events(L)
    assert [event.seq for event in stream] == list(range(1, len(stream) + 1))
    assert [event.kind for event in stream] == [
        "person.joined",
        "lesson.state",
        "person.joined",
        "person.joined",
        "lesson.state",
        "class.tutor_absent",  # of two classes nobody has come
        "class.tutor_absent",
        "track.published",
        "recording.routes",
        "track.muted",
        "hand.raised",
        "hand.lowered",
        "chat.written",
        "person.left",
        "track.unpublished",
        "recording.routes",
        "person.left",
        "person.left",
        "lesson.state",
    ]
    assert stream[4].body == {"state": "live"}
    assert (stream[10].person, stream[10].body["seat"]) == ("t1", "12号")
    assert stream[11].person == "m"
    assert (stream[13].person, stream[13].body) == ("sa", {"cause": "lost"})
    assert [event.elapsed_ms for event in stream[3:5]] == [0, 0]
    assert [event.elapsed_ms for event in stream[-2:]] == [10_000, 10_000]
    assert all(event.person != "v" for event in stream)
    assert await store.events(L, after=15) == stream[15:]


async def test_the_lesson_is_as_it_ended(store: Store, school: Any, fake_clock: Any, new_member: Any) -> None:
    await store.save_lesson(school.lesson())
    await play(store, school, fake_clock, new_member)
    lesson = await store.lesson(L)
    assert lesson is not None
    assert (lesson.state, lesson.ended_ms - lesson.started_ms) == (LessonState.ENDED, 10_000)


async def test_every_table_is_written(
    open_store: Any, school: Any, fake_clock: Any, new_member: Any, sql: Any
) -> None:
    store = await open_store()
    await store.save_lesson(school.lesson())
    await play(store, school, fake_clock, new_member)
    assert sql("SELECT name FROM people ORDER BY id") == [("李老师",), ("小明",), ("王老师",)]
    (observed,) = sql("SELECT person_id, ended_ms - started_ms, cause FROM observations")
    assert observed == ("v", 11_000, "ended")
    assert sql("SELECT person_id, reason FROM refused_entries") == [("sb", "unknown_class")]
    assert sql("SELECT seat, lowered_by, lowered_ms >= raised_ms FROM hands") == [("12号", "m", 1)]
    assert sql("SELECT text, client_id FROM chat") == [("老师好", "x1")]


async def test_a_room_opened_again_goes_on_where_it_was(
    store: Store, school: Any, fake_clock: Any, new_member: Any
) -> None:
    await store.save_lesson(school.lesson())
    await play(store, school, fake_clock, new_member)
    await store.save_lesson(school.lesson())
    before = len(await store.events(L))
    record = await store.begin_room(L)
    assert record is not None
    assert [(entry.text, entry.client_id) for entry in record.chat] == [("老师好", "x1")]
    store.observe(events.PersonJoined(lesson_id=L, at_ms=1, person=school.master))
    await store.flush()
    assert (await store.events(L))[-1].seq == before + 1


async def test_numbers_go_on_after_a_restart(open_store: Any, school: Any) -> None:
    first = await open_store()
    await first.save_lesson(school.lesson())
    first.observe(events.PersonJoined(lesson_id=L, at_ms=1, person=school.master))
    first.observe(events.PersonLeft(lesson_id=L, at_ms=2, person=school.master, cause=LeaveCause.LEFT))
    await first.close()
    second = await open_store()
    assert await second.begin_room(L) is not None
    second.observe(events.PersonJoined(lesson_id=L, at_ms=3, person=school.master))
    await second.flush()
    assert [event.seq for event in await second.events(L)] == [1, 2, 3]


async def test_only_the_latest_chat_is_read(store: Store, school: Any) -> None:
    await store.save_lesson(school.lesson())
    for number in range(205):
        entry = ChatEntry(ChatId(str(number)), PersonId("sa"), "", Role.STUDENT, "x", number)
        store.observe(events.ChatWritten(lesson_id=L, at_ms=number, entry=entry))
    record = await store.begin_room(L)
    assert record is not None
    assert [entry.at_ms for entry in record.chat] == list(range(5, 205))
