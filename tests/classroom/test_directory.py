from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from classroom import events
from classroom.chat import KEPT
from classroom.commands import Say
from classroom.directory import SWEEP_S, MemoryDirectory, UnknownLesson
from classroom.lesson import MAX_LOOK_UPS
from classroom.model import ChatId, LessonId
from classroom.rules.reasons import Reason, Refused
from classroom.store.engine import sqlite_url
from classroom.store.store import Store, StoreUnavailable
from classroom.talk.commands import DeleteChat
from classroom.talk.events import ChatRemoved

L = LessonId("L")


@pytest_asyncio.fixture
async def store(migrated_file: Path, tmp_path: Path, school: Any, fake_clock: Any) -> AsyncIterator[Store]:
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    store = await Store.open(sqlite_url(tmp_path / "tongke.db"), clock=fake_clock)
    await store.save_lesson(school.lesson())
    yield store
    await store.close()


@pytest_asyncio.fixture
async def directory(store: Store, fake_clock: Any, fake_observer: Any) -> AsyncIterator[MemoryDirectory]:
    directory = MemoryDirectory(store, clock=fake_clock, observe=lambda lesson_id: fake_observer)
    yield directory
    await directory.close()


async def test_everybody_finds_the_same_room(directory: MemoryDirectory) -> None:
    first, second = await asyncio.gather(directory.open_room(L), directory.open_room(L))
    assert first is second is await directory.open_room(L)
    assert directory.rooms() == (first,)


async def test_a_lesson_that_is_not_there_is_unknown(directory: MemoryDirectory) -> None:
    with pytest.raises(UnknownLesson):
        await directory.open_room(LessonId("nowhere"))
    assert directory.rooms() == ()


async def test_the_rooms_are_observed_by_the_store_and_by_who_asks(
    directory: MemoryDirectory, store: Store, fake_observer: Any, school: Any, new_member: Any
) -> None:
    room = await directory.open_room(L)
    await room.join(school.master, new_member())
    await store.flush()
    assert len(fake_observer.told(events.PersonJoined)) == 1
    assert [row.person for row in await store.presence(L)] == ["m"]


async def test_an_empty_room_is_closed_after_a_while(
    directory: MemoryDirectory, fake_clock: Any, school: Any, new_member: Any
) -> None:
    room = await directory.open_room(L)
    member = new_member()
    await room.join(school.master, member)
    await fake_clock.advance(10 * SWEEP_S)
    assert directory.rooms() == (room,)
    await room.leave(school.master.id, member)
    await fake_clock.advance(2 * SWEEP_S)
    assert directory.rooms() == ()
    assert room.closed
    again = await directory.open_room(L)
    assert again is not room and not again.closed


async def test_a_room_asked_for_between_two_sweeps_stays(directory: MemoryDirectory, fake_clock: Any) -> None:
    room = await directory.open_room(L)
    await fake_clock.advance(SWEEP_S)
    assert await directory.open_room(L) is room
    await fake_clock.advance(SWEEP_S)
    assert directory.rooms() == (room,)


async def test_closing_dismisses_everybody_everywhere(
    directory: MemoryDirectory, school: Any, new_member: Any
) -> None:
    room = await directory.open_room(L)
    member = new_member()
    await room.join(school.master, member)
    await directory.close()
    assert member.events[-1] == events.Dismissed(events.LeaveCause.SERVER)
    with pytest.raises(UnknownLesson):
        await directory.open_room(L)


async def chat_of_300(directory: MemoryDirectory, clock: Any, school: Any, member: Any) -> Any:
    room = await directory.open_room(L)
    await room.join(school.master, member)
    for number in range(KEPT + 100):
        await clock.advance(1)
        await room.ask(Say(school.master.id, f"{number}"))
    return room


async def test_a_message_older_than_what_the_room_keeps_is_deleted(
    directory: MemoryDirectory, store: Store, fake_clock: Any, school: Any, new_member: Any
) -> None:
    master, tutor = new_member(), new_member()
    room = await chat_of_300(directory, fake_clock, school, master)
    await room.join(school.tutor_1, tutor)
    await store.flush()
    old = master.heard(events.ChatSaid)[7].entry.id
    with pytest.raises(Refused) as refusal:
        await room.ask(DeleteChat(school.tutor_1.id, old))
    assert refusal.value.reason is Reason.CHAT_NOT_YOURS
    for _ in range(2):
        await fake_clock.advance(1)
        await room.ask(DeleteChat(school.master.id, old))
    assert [(m.heard(ChatRemoved)) for m in (master, tutor)] == [[ChatRemoved(old)]] * 2
    await store.flush()
    assert await store.chat_entry(L, old) is None
    found = await store.events(L, kinds=["chat.deleted"])
    assert [(event.person, event.body) for event in found] == [("m", {"id": old})]


async def test_what_was_never_said_is_not_deleted(
    directory: MemoryDirectory, fake_clock: Any, school: Any, new_member: Any
) -> None:
    room, member = await directory.open_room(L), new_member()
    await room.join(school.master, member)
    nothing = DeleteChat(school.master.id, ChatId("x"))
    with pytest.raises(Refused) as refusal:
        await room.ask(nothing)
    assert refusal.value.reason is Reason.CHAT_UNKNOWN
    told, deliver = asyncio.Event(), member.deliver
    member.deliver = lambda event: (deliver(event), told.set())
    assert room.post(nothing)
    async with asyncio.timeout(30):
        await told.wait()
    assert member.events[-1] == events.CommandRefused(nothing, Reason.CHAT_UNKNOWN)


async def test_while_the_database_is_away_old_messages_are_unknown(
    directory: MemoryDirectory, store: Store, school: Any, new_member: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await directory.open_room(L)
    await room.join(school.master, new_member())
    away = asyncio.Event()
    asked: list[object] = []

    async def find(*looked_for: object) -> None:
        asked.append(looked_for)
        await away.wait()
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "chat_entry", find)
    looking = [asyncio.create_task(room.ask(DeleteChat(school.master.id, ChatId(f"{n}")))) for n in range(9)]
    closing = asyncio.create_task(room.close())
    await asyncio.sleep(0)
    away.set()
    told = await asyncio.gather(*looking, return_exceptions=True)
    await closing
    assert {getattr(each, "reason", None) for each in told} <= {Reason.CHAT_UNKNOWN, Reason.CLOSED}
    assert len(asked) <= MAX_LOOK_UPS
