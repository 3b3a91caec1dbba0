"""Where the rooms are: opens the room of a lesson, once, and closes it when nobody needs it any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Protocol

from classroom.clock import Clock, Timer
from classroom.lesson import LessonRoom, Observer
from classroom.model import ChatEntry, ChatId, LessonId, LessonState
from classroom.store.store import Store, StoreUnavailable

log = logging.getLogger(__name__)

SWEEP_S = 30.0
"""An empty room is closed at the second sweep that finds it so: half a minute to a minute after the last
went."""


class UnknownLesson(Exception):  # noqa: N818 - an answer, not a fault
    """There is no lesson of this id."""


class Directory(Protocol):
    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        """The lesson's room, the same one for everybody. Raises UnknownLesson; StoreUnavailable when the
        database cannot be read now."""

    def rooms(self) -> tuple[LessonRoom, ...]:
        """Those that are open on this node."""

    def room(self, lesson_id: LessonId) -> LessonRoom | None:
        """If it is open on this node."""

    def kept_closed(self) -> AbstractAsyncContextManager[None]:
        """While it lasts no room opens: lessons that have none here are changed past them. Briefly."""

    async def close(self) -> None:
        """Closes all rooms. Close the store after it."""


class MemoryDirectory:
    """All rooms in this process."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        observe: Callable[[LessonId], Observer] | None = None,
    ) -> None:
        """observe: makes an observer for each room that is opened, beside the store's own (the recorder's
        hand)."""
        self._store = store
        self._clock = clock or store.clock
        self._observe = observe
        self._rooms: dict[LessonId, LessonRoom] = {}
        self._opening = asyncio.Lock()
        self._sweeper: Timer | None = None
        self._found_empty: set[LessonRoom] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        room = self._rooms.get(lesson_id)
        if room is not None:
            self._found_empty.discard(room)
            return room
        # One at a time: two who come at once must find themselves in the same room.
        async with self._opening:
            return self._rooms.get(lesson_id) or await self._open(lesson_id)

    def rooms(self) -> tuple[LessonRoom, ...]:
        return tuple(self._rooms.values())

    def room(self, lesson_id: LessonId) -> LessonRoom | None:
        return self._rooms.get(lesson_id)

    @asynccontextmanager
    async def kept_closed(self) -> AsyncIterator[None]:
        async with self._opening:
            yield

    async def close(self) -> None:
        async with self._opening:
            self._closed = True
            if self._sweeper is not None:
                self._sweeper.cancel()
            await asyncio.gather(*self._closing, *(room.close() for room in self._rooms.values()))
            self._rooms.clear()

    async def _open(self, lesson_id: LessonId) -> LessonRoom:
        if self._closed:
            raise UnknownLesson(lesson_id)
        record = await self._store.begin_room(lesson_id)
        if record is None:
            raise UnknownLesson(lesson_id)
        if not self._rooms and record.lesson.state is not LessonState.LIVE:
            # A wall clock that was put right since we started is right from the next lesson on.
            self._store.clock.set_by_the_wall()
        observers: list[Observer] = [self._store]
        if self._observe is not None:
            observers.append(self._observe(lesson_id))
        room = LessonRoom(
            record.lesson,
            clock=self._clock,
            observers=observers,
            chat=record.chat,
            restored=record.talk,
            find_chat=partial(self._find_chat, lesson_id),
        )
        room.start(record.people, record.hands)
        self._rooms[lesson_id] = room
        if self._sweeper is None:
            self._sweep_later()
        return room

    async def _find_chat(self, lesson_id: LessonId, chat: ChatId) -> ChatEntry | None:
        try:
            return await self._store.chat_entry(lesson_id, chat)
        except StoreUnavailable:
            return None

    def _sweep_later(self) -> None:
        self._sweeper = self._clock.call_at(self._clock.now() + SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Closes the rooms that were empty the last time too, and have stayed so."""
        empty = {room for room in self._rooms.values() if room.empty}
        for room in empty & self._found_empty:
            del self._rooms[room.lesson.id]
            task = asyncio.create_task(room.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            log.info("- lesson %s: room closed, empty", room.lesson.id)
        self._found_empty = empty - self._found_empty
        self._sweep_later()
