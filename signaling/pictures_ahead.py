"""Small pictures of items that have just ended, made before anybody asks: one item after the other, in a
thread that gives way to everything else.

They are kept where a request would keep them (`pictures_http`). What a restart cuts short, or what comes when
too many wait, is made at the first request.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from recorder.library import Library, UnknownItemError
from recorder.live import OpenItem, OpenItems
from recorder.pictures import NoPictureError, Pictures, sheet_us

log = logging.getLogger(__name__)

MAX_WAITING: Final = 200
"""Lessons of a district that end at the same bell."""
NICENESS: Final = 15
SETTLE_S: Final = 1.0
MAX_LOOKS: Final = 10
"""An item that ended a moment ago may still be read as a live one; each look is SETTLE_S after the last."""
POSTER: Final = "poster.jpg"


def picture_path(item: str, name: str) -> str:
    return f"{item}/.pictures/{name}"


class PicturesAhead:
    """Belongs to the event loop."""

    def __init__(self, library: Library, items: OpenItems) -> None:
        self._library, self._items = library, items
        self._waiting: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "pictures ahead", initializer=_give_way)

    def ended(self, item: str) -> None:
        """The item is complete."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._make_all(), name="pictures ahead")

    async def idle(self) -> None:
        """Until nothing waits."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    async def close(self) -> None:
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(cancel_futures=True)

    async def _make_all(self) -> None:
        while self._waiting:
            name = self._waiting.popleft()
            try:
                await self._make(name)
            except (UnknownItemError, NoPictureError):
                continue  # deleted meanwhile, or of sound alone
            except OSError as error:
                log.warning("x pictures of %s: %s; made when they are asked for", name, error)

    async def _make(self, name: str) -> None:
        item = await self._complete(name)
        pictures = Pictures(item, partial(self._library.media.read_range, name))
        await self._keep(item, POSTER, await self._decoded(pictures.poster))
        for number in range(-(-item.end_us // sheet_us())):
            await self._keep(
                item, f"sprites.{number}.jpg", await self._decoded(partial(pictures.sheet, number))
            )
        log.info("- pictures of %s are made", name)

    async def _complete(self, name: str) -> OpenItem:
        """Raises UnknownItemError."""
        for _ in range(MAX_LOOKS):
            item = await self._items.open(name)
            if not item.live:
                return item
            await asyncio.sleep(SETTLE_S)
        raise UnknownItemError(name)

    async def _decoded(self, make: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._thread, make)

    async def _keep(self, item: OpenItem, name: str, data: bytes) -> None:
        """Of what was deleted meanwhile nothing may come back."""
        if self._items.known(item.header.id) is not item:
            raise UnknownItemError(item.header.id)
        where = picture_path(item.header.id, name)
        await asyncio.to_thread(self._library.storage.replace, where, data)


def _give_way() -> None:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
