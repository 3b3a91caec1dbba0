"""Where the rooms are: opens the room of a lesson, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from classroom.clock import Clock
from classroom.lesson import LessonRoom, Observer
from classroom.model import LessonId
from classroom.store.store import Store


class UnknownLesson(Exception):  # noqa: N818 - an answer, not a fault
    """There is no lesson of this id."""


class Directory(Protocol):
    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        """The lesson's room, the same one for everybody. Raises UnknownLesson; StoreUnavailable when the database cannot
        be read now."""

    def rooms(self) -> tuple[LessonRoom, ...]:
        """Those that are open on this node."""

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
        """observe: makes an observer for each room that is opened, beside the store's own (the recorder's hand)."""
