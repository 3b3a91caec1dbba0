"""What all walls show: every lesson that is live, or should be, with where it belongs and its flags. Looked
up once for all who supervise, at most every LOOK_S; who sees which of them is decided for each who asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.lesson import LessonRoom
from classroom.model import Lesson, LessonState, RecordingState, Role
from classroom.network.model import Path
from classroom.network.supervision import LessonPlaces
from classroom.network.wall import Flag, Seen, flags
from classroom.store import supervision_live, supervision_places
from classroom.store.store import Store
from classroom.store.supervision_live import NO_ITEM, LiveItem
from classroom.store.supervision_places import PlaceName

LOOK_S: Final = 2.0
"""Of five in which a wall asks: what it shows is at most two seconds old, whoever else asks."""


@dataclass(frozen=True, slots=True)
class LiveLesson:
    lesson: Lesson
    places: LessonPlaces
    flags: tuple[Flag, ...]
    item: str
    """Being recorded; empty: nothing is, or not yet."""
    pupils: int
    classes: int
    without_tutor: int
    master: str
    """Name of who leads now; empty: nobody is there."""


@dataclass(frozen=True, slots=True)
class Wall:
    lessons: tuple[LiveLesson, ...] = ()
    names: dict[Path, PlaceName] = field(default_factory=dict)
    """Of all places that they belong to."""


class WallBoard:
    def __init__(
        self,
        store: Store,
        rooms: Callable[[], Iterable[LessonRoom]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._clock = clock
        self._wall = Wall()
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[Wall] | None = None

    async def wall(self) -> Wall:
        """Raises StoreUnavailable."""
        if self._clock() - self._looked_at < LOOK_S:
            return self._wall
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="wall")
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    def _looked(self, _task: asyncio.Task[Wall]) -> None:
        self._looking = None

    async def _look(self) -> Wall:
        now_ms = self._store.clock.unix_ms()
        known, places, items, names = await self._store.network.read(_all, now_ms)
        rooms = {room.lesson.id: room for room in self._rooms()}
        shown = (
            _shown(rooms.get(each.id), each, places[each.id], items.get(each.id, NO_ITEM), now_ms)
            for each in known
        )
        self._wall = Wall(tuple(each for each in shown if each is not None), names)
        self._looked_at = self._clock()
        return self._wall


async def _all(
    connection: AsyncConnection, now_ms: int
) -> tuple[tuple[Lesson, ...], dict[str, LessonPlaces], dict[str, LiveItem], dict[Path, PlaceName]]:
    known = await supervision_live.live(connection, now_ms)
    ids = {each.id for each in known}
    places = await supervision_places.lesson_places(connection, ids)
    items = await supervision_live.items(connection, {each.id for each in known if _live(each)})
    paths = {path for each in places.values() for path in each.all}
    return known, places, items, await supervision_places.names(connection, paths)


def _live(lesson: Lesson) -> bool:
    return lesson.state is LessonState.LIVE


def _shown(
    room: LessonRoom | None, lesson: Lesson, places: LessonPlaces, item: LiveItem, now_ms: int
) -> LiveLesson | None:
    """None: it is over by now."""
    if room is None:
        # Nobody is in it: so its recording need not go on.
        seen = Seen(replace(lesson, recording=RecordingState.ON), gap_ms=item.gap_ms)
    else:
        seen = Seen(room.lesson, room.people, room.classes, item.gap_ms)
    if seen.lesson.state in (LessonState.ENDED, LessonState.CANCELLED):
        return None
    leading = (each.person.name for each in seen.people if each.role is Role.MASTER and each.online)
    return LiveLesson(
        lesson=seen.lesson,
        places=places,
        flags=flags(seen, now_ms),
        item=item.id,
        pupils=seen.pupils,
        classes=len(seen.classes) if room else len(places.takes),
        without_tutor=sum(not each.tutor_online for each in seen.classes) if room else len(places.takes),
        master=next(leading, ""),
    )
