"""Pictures of the wall: one small JPEG of each live lesson, made anew from its newest keyframe every few
seconds, for all supervisors together, and within a fixed budget.

Theory of operation. A lesson's picture is due REFRESH_S after it was last looked at, as long as somebody has
it on their wall. One thread makes those that are due, the longest due first, some at a time; after each lot
it rests for as long as keeps it within SHARE of one processor. So whatever the lessons' cameras send and
however many are live, the wall costs no more than that: where it would, pictures come less often. A picture
is made once for all who see it, and not at all while there is no newer keyframe.

Pictures carry numbers that rise. Who asks says the highest number they have and gets what is newer, in one
answer: two hundred lessons are one request every few seconds, not forty a second."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from recorder.keyframes import LiveItem, SmallPicture
from recorder.storage import Storage

log = logging.getLogger(__name__)

REFRESH_S: Final = 5.0
WANTED_S: Final = 15.0
"""After somebody last asked: a page asks every five."""
SHARE: Final = 0.11
"""Of one processor, for making pictures."""
LOT: Final = 8
"""Pictures in one go: 30 ms, after which others have their turn."""
IDLE_S: Final = 1.0
NICENESS: Final = 10
"""Sound and pictures of lessons go before."""
MAX_LESSONS: Final = 2_000
"""With 4 kB each; who comes beyond has no picture."""


@dataclass(frozen=True, slots=True)
class WallPicture:
    lesson: str
    number: int
    at_ms: int
    """Item clock."""
    data: bytes
    """JPEG."""


@dataclass(slots=True)
class _Shown:
    item: LiveItem
    wanted_at: float
    due_at: float
    picture: WallPicture | None = None


class WallPictures:
    """`start` and `close` once each; belongs to the event loop."""

    def __init__(self, storage: Storage, clock: Callable[[], float] = time.monotonic) -> None:
        self._storage = storage
        self._clock = clock
        self._shown: dict[str, _Shown] = {}
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "wall", initializer=_give_way)
        self.epoch = secrets.token_hex(4)
        """Numbers of another server, or of this one before it was started anew, mean nothing."""
        self.cpu_s = 0.0
        self.made = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="wall pictures")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown(cancel_futures=True)

    def want(self, items: Mapping[str, str]) -> None:
        """Somebody looks at these lessons (lesson -> item)."""
        now = self._clock()
        for lesson, item in items.items():
            shown = self._shown.get(lesson)
            if shown is None or shown.item.name != item:
                if shown is None and len(self._shown) >= MAX_LESSONS:
                    continue
                shown = self._shown[lesson] = _Shown(LiveItem(self._storage, item), now, now)
            shown.wanted_at = now

    def newer(self, lessons: Iterable[str], number: int) -> list[WallPicture]:
        """Of these lessons, those with a higher number."""
        found = (self._shown[lesson].picture for lesson in lessons if lesson in self._shown)
        return [picture for picture in found if picture is not None and picture.number > number]

    @property
    def highest(self) -> int:
        return self._number

    async def _run(self) -> None:
        while True:
            rest_s = IDLE_S
            try:
                rest_s = await self.look()
            except Exception:
                log.exception("x a mistake of ours while making pictures of the wall")
            await asyncio.sleep(rest_s)

    async def look(self) -> float:
        """Makes some of those that are due; for how many seconds to rest then."""
        now = self._clock()
        for lesson in [name for name, each in self._shown.items() if now - each.wanted_at > WANTED_S]:
            del self._shown[lesson]
        due = sorted((each.due_at, name) for name, each in self._shown.items() if each.due_at <= now)[:LOT]
        if not due:
            coming = min((each.due_at for each in self._shown.values()), default=now + IDLE_S)
            return min(IDLE_S, max(0.01, coming - now))
        lot = {name: self._shown[name].item for _, name in due}
        cpu_s, found = await asyncio.get_running_loop().run_in_executor(self._thread, _made, lot)
        self.cpu_s += cpu_s
        for name in lot:
            self._take(name, lot[name], found.get(name), now)
        return cpu_s * (1 / SHARE - 1)

    def _take(self, lesson: str, item: LiveItem, made: SmallPicture | None, now: float) -> None:
        shown = self._shown.get(lesson)
        if shown is None or shown.item is not item:
            return  # it went on in another item meanwhile
        # From when it was due, so that none drifts; of those that are late, from now.
        shown.due_at = max(shown.due_at + REFRESH_S, now)
        if made is not None:
            self._number += 1
            self.made += 1
            shown.picture = WallPicture(lesson, self._number, made.at_ms, made.data)


def _made(lot: Mapping[str, LiveItem]) -> tuple[float, dict[str, SmallPicture]]:
    """In the thread: the processor time that it took, and the pictures that are new."""
    began = time.thread_time()
    found: dict[str, SmallPicture] = {}
    for lesson, item in lot.items():
        try:
            made = item.picture()
        except OSError:
            continue  # not there yet, or no more
        if made is not None:
            found[lesson] = made
    return time.thread_time() - began, found


def _give_way() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
