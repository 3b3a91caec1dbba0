"""Keeps what the database knows of the library in step with its files: new items, items that grow, items that
ended, the words by which they are found; and deletes what is over its time.

The recorder writes files and tells nobody; so the library's directory is looked at: by its time of change
for new items, and the files of those that are live. What the database lost, or never had, is made again
from the files in the same way (`tongke library reindex`, and every start of the server). Nothing here holds
a lesson up: while the database is away, the next look catches up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from classroom.clock import Clock, SystemClock
from classroom.events import ItemDeleted
from classroom.model import LessonId, PersonId
from classroom.store.library import LibraryStore
from classroom.store.library_items import DELETED, ItemFacts, ItemRecord
from classroom.store.outbox import StoreUnavailable
from classroom.store.store import Store
from recorder.item import summary_path
from recorder.library import ITEM_ID, UNSENT, ItemView, Library, UnknownItemError
from sfu.beat import beat
from signaling.background import cancel_between
from signaling.clip_cutter import ClipCutter
from signaling.library_deletion import CLIPS, RETENTION, bury_item, delete_item, sweep
from signaling.library_views import ViewLog

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0
"""How soon what is said in a lesson can be found."""
LIVE_AGAIN: Final = 0.05
"""An item that grows is read again after this part of its length: reading takes the longer the longer it is.
That it ended is seen at the next look."""
LIVE_AGAIN_LEAST_S: Final = 5.0
"""At least so much later: to read a young one and write its row takes 5 ms, of many lessons."""
LIVE_AGAIN_S: Final = 20.0
"""At most so much later."""
FRESH_S: Final = 1.0
"""Who asks in between gets what was seen within it."""
LEAST_GAP_S: Final = 1.0
"""Shorter ones are a stumble of the line, which the completeness counts and nobody is called for."""
SWEEP_EVERY_S: Final = 86_400.0
"""How exactly retention keeps its days."""
AT_ONCE: Final = 100
"""Items in one transaction: a tenth of a second of writing."""


class LibraryKeeper:
    def __init__(
        self,
        library: Library,
        store: Store,
        data: Path,
        clock: Clock | None = None,
        views: ViewLog | None = None,
    ) -> None:
        """data: the data directory. views: written with every look."""
        self._library = library
        self._store = store
        self._data = data
        self._clock = clock or SystemClock()
        self._views = views
        self.cutter = ClipCutter(library, store, data / CLIPS)
        self.on_deleted: Callable[[str], None] = lambda item: None
        """Called with the id of an item, or of a clip, that is gone."""
        self.on_ended: Callable[[str], None] = lambda item: None
        """Called with the id of an item that was live and is complete."""
        self._sweep_due: float | None = None
        self._states: dict[str, str] | None = None
        """Item -> state in the database; None: not asked yet."""
        self._listed_at: int | None = None
        """Time of change of the directory when it was last listed whole."""
        self._unread: set[str] = set()
        """In the directory, and no items yet: their first line is not written."""
        self._again: dict[str, float] = {}
        """Live item -> when it is to be read again, by the clock."""
        self._untold = True
        """There may be deletions of which nobody was told, as the latest look found."""
        self._telling = asyncio.Lock()
        self._told: set[str] = set()
        """Deleted items of which the store was told, and which it has not written yet."""
        self._looking = asyncio.Lock()
        self._busy = asyncio.Lock()
        """Held while the database is asked."""
        self._looked_at: float | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks every LOOK_EVERY_S while the block lasts."""
        task = asyncio.create_task(self._run(), name="library keeper")
        try:
            yield
        finally:
            await cancel_between(task, self._busy)
            if self._views is not None:
                with suppress(StoreUnavailable):
                    await self._views.flush()

    async def look(self) -> None:
        """Brings the database to what the files say, unless that was done within FRESH_S. Raises
        StoreUnavailable."""
        async with self._looking:
            if self._looked_at is not None and self._clock.now() - self._looked_at < FRESH_S:
                return
            await self._look()
            self._looked_at = self._clock.now()

    async def reindex(self) -> int:
        """Reads every item's files anew; returns how many there are. Raises StoreUnavailable."""
        async with self._looking:
            found = await reindex(self._library, self._store.library, self._clock.unix_ms())
            self._states = await self._store.library.states()
            return found

    async def delete(self, item: ItemRecord, *, by: str, role: str, reason: str) -> None:
        """Deletes an item on record, with its clips. Raises StoreUnavailable, OSError."""
        now_ms = self._clock.unix_ms()
        await delete_item(self._store.library, self._library, self._data, item, now_ms, by, role, reason)
        await self.tell_deletions()

    async def sweep(self) -> int:
        """Deletes what is over its time; returns how many things. Raises StoreUnavailable, OSError."""
        now_ms = self._clock.unix_ms()
        over = await sweep(self._store.library, self._library, self._data, now_ms)
        await self.tell_deletions()
        for clip in over.clips:
            self.on_deleted(clip.id)
        return len(over.items) + len(over.clips)

    async def tell_deletions(self) -> None:
        """What was deleted becomes an event of its lesson, and so a call of who asked to be told: by whomever
        it was, the command line too, which has no numbers for a lesson's events. Raises StoreUnavailable."""
        async with self._telling:
            untold = await self._store.library.untold_deletions()
            self._told &= {item.id for item in untold}
            for item in untold:
                if item.id not in self._told:
                    await self._deleted(item)
                    self._told.add(item.id)

    async def _deleted(self, item: ItemRecord) -> None:
        if self._states is not None:
            self._states[item.id] = DELETED
        self._again.pop(item.id, None)
        self.on_deleted(item.id)
        await self._store.tell(
            ItemDeleted(
                lesson_id=LessonId(item.lesson),
                at_ms=item.deleted_ms or 0,
                item=item.id,
                reason=item.delete_reason,
                actor=None if item.deleted_by == RETENTION else PersonId(item.deleted_by),
            )
        )
        log.info("- library: %s deleted", item.id)

    async def _finish_deletions(self) -> None:
        """Of a crash in the middle of one."""
        known = self._states or {}
        for name in [name for name, state in known.items() if state == DELETED]:
            if self._library.path(name, "item.json").exists():
                item = await self._store.library.find(name)
                if item is not None and item.deleted_ms is not None:
                    said = (item.deleted_ms, item.deleted_by, item.delete_reason)
                    await asyncio.to_thread(bury_item, self._library, self._data, item, *said)

    async def chores(self) -> None:
        """What is to be done now and then. Raises StoreUnavailable, OSError."""
        await self.tell_deletions()
        await self._rest()

    async def _rest(self) -> None:
        if self._views is not None:
            await self._views.flush()
        if self._sweep_due is None:
            await self._finish_deletions()
        if self._sweep_due is None or self._clock.now() >= self._sweep_due:
            self._sweep_due = self._clock.now() + SWEEP_EVERY_S
            await self.sweep()

    async def _run(self) -> None:
        away = False
        while True:
            try:
                async with self._busy:
                    await self.look()
                    if self._untold:
                        await self.tell_deletions()
                    await self._rest()
                away = False
            except (StoreUnavailable, OSError) as error:
                if not away:
                    log.warning("x library: %s; looking again later", error)
                away = True
            wake = asyncio.Event()
            timer = self._clock.call_at(beat(self._clock.now(), LOOK_EVERY_S), wake.set)
            try:
                await wake.wait()
            finally:
                timer.cancel()

    async def _look(self) -> None:
        if self._states is None:
            # So the first question need not wait until all there is has been read.
            await self._store.library.refresh()
            self._states = await self._store.library.states()
        known = self._states
        now = self._clock.now()
        growing = [name for name, state in known.items() if state == "live"]
        waiting = [name for name in growing if self._again.get(name, now) > now]
        changed_at, ended = await asyncio.to_thread(_seen, self._library, waiting)
        if changed_at != self._listed_at:
            names = await asyncio.to_thread(names_of, self._library)
            self._unread = {name for name in names if name not in known}
            self._listed_at = changed_at
        await self._keep([*(name for name in growing if name not in waiting), *ended, *self._unread])
        news = await self._store.library.news()
        self._untold = news.deletions
        if news.words:
            await index_words(self._store.library)

    async def _keep(self, names: Sequence[str]) -> None:
        if self._states is None:
            self._states = await self._store.library.states()
        known = self._states
        wanted = [name for name in names if known.get(name) != DELETED]
        for one in await keep(self._library, self._store.library, wanted, self._clock.unix_ms()):
            if known.get(one.id) == "live" and one.state == "ready":
                self.on_ended(one.id)
            known[one.id] = one.state
            self._unread.discard(one.id)
            if one.state == "live":
                wait_s = min(max(LIVE_AGAIN * one.duration_ms / 1000, LIVE_AGAIN_LEAST_S), LIVE_AGAIN_S)
                self._again[one.id] = self._clock.now() + wait_s
            else:
                self._again.pop(one.id, None)


async def reindex(library: Library, store: LibraryStore, now_ms: int) -> int:
    """Reads every item's files anew; returns how many there are. Raises StoreUnavailable."""
    names = await asyncio.to_thread(names_of, library)
    states = await store.states()
    await keep(library, store, [name for name in names if states.get(name) != DELETED], now_ms)
    await index_words(store)
    return len(names)


async def keep(library: Library, store: LibraryStore, names: Sequence[str], now_ms: int) -> list[ItemFacts]:
    """Brings the rows of these items to what their files say; those of which there are any."""
    kept: list[ItemFacts] = []
    for start in range(0, len(names), AT_ONCE):
        facts = await asyncio.to_thread(_read, library, names[start : start + AT_ONCE])
        if facts:
            await store.keep(facts, now_ms)
        kept += facts
    return kept


async def index_words(store: LibraryStore) -> None:
    while await store.index_words(AT_ONCE) == AT_ONCE:
        pass


def names_of(library: Library) -> list[str]:
    """Of all items, the oldest first, so that numbers grow with time."""
    try:
        found = [entry for entry in library.path("").iterdir() if ITEM_ID.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    return [entry.name for entry in sorted(found, key=_made_at)]


def _seen(library: Library, names: Sequence[str]) -> tuple[int, list[str]]:
    """When the library's directory changed, and which of these items are complete."""
    ended = [name for name in names if library.storage.size(summary_path(name))]
    return _changed_at(library.path("")), ended


def _read(library: Library, names: Sequence[str]) -> list[ItemFacts]:
    found = []
    for name in names:
        try:
            found.append(facts_of(library.item(name)))
        except UnknownItemError:
            continue
    return found


def facts_of(item: ItemView) -> ItemFacts:
    started_ms = round(datetime.fromisoformat(item.started_at).timestamp() * 1000)
    return ItemFacts(
        id=item.id,
        lesson=item.lesson,
        title=item.title,
        state=item.state,
        started_ms=started_ms,
        duration_ms=round(item.duration_s * 1000),
        complete=item.complete,
        media=msgspec.json.encode(item).decode(),
        bytes=item.bytes,
        gap_ms=_missing_until_ms(item, started_ms),
    )


def _missing_until_ms(item: ItemView, started_ms: int) -> int:
    """The end of the latest gap that somebody would see or hear; 0: there is none."""
    ends = (
        gap.start_s + gap.duration_s
        for track in item.tracks
        for gap in track.gaps
        if gap.cause not in UNSENT and gap.duration_s >= LEAST_GAP_S
    )
    return max((started_ms + round(end * 1000) for end in ends), default=0)


def _changed_at(directory: Path) -> int:
    try:
        return directory.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _made_at(item: Path) -> float:
    try:
        return (item / "item.json").stat().st_mtime
    except OSError:
        return 0.0
