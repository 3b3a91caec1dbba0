"""Cuts clips that wait to be cut, one after the other, in a thread; keeps their files.

    DATA/clips/CLIP.mp4 (or .webm)

What waits stands in the database, so a restart goes on with it. A clip of a live lesson that has not been
written to the disk as far yet is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from classroom.events import ClipMoved
from classroom.model import LessonId
from classroom.store.library_clips import FAILED, Clip
from classroom.store.library_notes import Deed
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store
from recorder.clip import ClipError, Cut, cut
from recorder.library import Library, UnknownItemError
from signaling.background import cancel_between

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 30.0
"""After a database that was away."""
ENDINGS: Final = (".mp4", ".webm")


class ClipCutter:
    def __init__(self, library: Library, store: Store, directory: Path) -> None:
        self._library = library
        self._store = store
        self._directory = directory
        self._news = asyncio.Event()
        self._news.set()
        self._busy = asyncio.Lock()
        """Held while the database is asked."""

    def wake(self) -> None:
        """A clip has come."""
        self._news.set()

    def file(self, clip: str) -> Path | None:
        """None: it is not there."""
        for ending in ENDINGS:
            path = self._directory / f"{clip}{ending}"
            if path.is_file():
                return path
        return None

    def is_webm(self, clip: str) -> bool:
        path = self.file(clip)
        return path is not None and path.suffix == ".webm"

    async def remove(self, clip: str) -> None:
        await asyncio.to_thread(remove_files, self._directory, clip)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Cuts what waits while the block lasts."""
        task = asyncio.create_task(self._run(), name="clip cutter")
        try:
            yield
        finally:
            await cancel_between(task, self._busy)

    async def cut_all(self) -> None:
        """All that wait now. Raises StoreUnavailable."""
        for clip in await self._store.library.uncut():
            await self._cut(clip)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                async with self._busy:
                    await self.cut_all()
            except StoreUnavailable as error:
                log.warning("x clips: %s; trying again later", error)
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _cut(self, clip: Clip) -> None:
        try:
            made = await asyncio.to_thread(self._write, clip)
        except (ClipError, UnknownItemError, OSError) as error:
            log.warning("x clip %s of %s: %s", clip.id, clip.item, error)
            await self._put(replace(clip, cut=FAILED), ())
            return
        done = replace(
            clip,
            cut=made.how,
            cut_start_ms=made.start_us // 1000,
            duration_ms=(made.end_us - made.start_us) // 1000,
            bytes=made.file.stat().st_size,
        )
        # Whoever reviews the subject hears of it when there is something to look at.
        await self._put(done, (("drafted", None),))

    async def _put(self, clip: Clip, told: tuple[tuple[str, str | None], ...]) -> None:
        deed = Deed(
            clip.changed_ms, clip.item, clip.id, clip.author_id, "server", "clip-cut", {"cut": clip.cut}
        )
        if not await self._store.library.put_clip(clip, deed, told):
            # Its author has changed the words meanwhile, or deleted it.
            latest = await self._store.library.clip(clip.id)
            if latest is None or latest.deleted_ms is not None:
                await self.remove(clip.id)
            else:
                names = ("cut", "cut_start_ms", "duration_ms", "bytes")
                again = replace(latest, **{name: getattr(clip, name) for name in names})
                await self._store.library.put_clip(again, deed, told)
        await self._store.tell(
            ClipMoved(
                lesson_id=LessonId(clip.lesson),
                at_ms=clip.changed_ms,
                elapsed_ms=0,
                clip=clip.id,
                item=clip.item,
                state=clip.cut if clip.cut == FAILED else clip.state.value,
                title=clip.title,
                subject=clip.subject,
                actor=None,
            )
        )

    def _write(self, clip: Clip) -> Cut:
        self._directory.mkdir(parents=True, exist_ok=True)
        target = self._directory / clip.id
        start_us, end_us = clip.start_ms * 1000, clip.end_ms * 1000
        return cut(self._library, clip.item, start_us, end_us, target, track=clip.track, exact=clip.exact)


def remove_files(directory: Path, clip: str) -> None:
    for ending in ENDINGS:
        (directory / f"{clip}{ending}").unlink(missing_ok=True)
