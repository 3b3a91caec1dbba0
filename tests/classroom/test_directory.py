from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from classroom import events
from classroom.directory import SWEEP_S, MemoryDirectory, UnknownLesson
from classroom.model import LessonId
from classroom.store.engine import sqlite_url
from classroom.store.store import Store

L = LessonId("L")


@pytest_asyncio.fixture
async def store(tmp_path: Path, school: Any, fake_clock: Any) -> AsyncIterator[Store]:
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
