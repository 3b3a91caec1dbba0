"""Items as players need them: their playlists, kept up to date while the recorder writes.

Everything comes from the item's files. An item somebody watches is opened once, for all who watch it: its
indexes are read whole, then followed. One watcher per live item notices that a file was written, reads what
is new in a thread, and wakes the requests that wait for it; so a thousand players who wait for the next
partial segment cost one look at the disk.

The playlists of an item that has ended do not change any more. The ones used last are kept as far as
KEPT_BYTES go.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from recorder import index, ledger
from recorder.index import Part
from recorder.item import index_path, ledger_path
from recorder.library import TRACK_ID, Library
from recorder.playlist import SKIP_UNTIL_S, MediaPlaylist, Report
from recorder.segments import Piece, Segmenter, SegmentTable
from recorder.storage import Storage
from recorder.watch import DirectoryWatch

logger = logging.getLogger(__name__)

LOOK_S = 2.0
"""A live item is looked at so often even when nothing tells of a write (see watch)."""
IDLE_S = 60.0
"""An item that nobody asked for so long is watched no more."""
KEPT_BYTES = 64 * 1024 * 1024
"""Of playlists of ended items: some hundred lessons of one hour, or thirty of eight."""
READ_BYTES = 1024 * 1024
"""Of an index at a time."""
SKIP_UNTIL_US = SKIP_UNTIL_S * 1_000_000
GZIP_FROM_BYTES = 1_000
"""Less is one packet anyway."""
LIVE_LEVEL, ENDED_LEVEL = 1, 6
"""Of gzip: for a text that is new in half a second, and for one that stays."""


class OpenTrack:
    """A track with media: its segments so far, and their playlist.

    The playlist is told nothing before `tell`, and from then on each segment at once: eight hours take it
    longer than the table of their segments, and a download needs that only."""

    def __init__(self, entry: ledger.TrackAdded, started_ms: int) -> None:
        self.entry = entry
        self.parts: dict[int, Part] = {}
        self.segmenter = Segmenter(entry.kind)
        self.playlist = MediaPlaylist(entry.track, entry.kind, started_ms)
        self.end_us = 0
        """Item clock behind its last fragment."""
        self.read_to = 0
        """Length of its index that was read."""
        self.told = False
        self._telling = threading.Lock()
        self._untold: deque[tuple[int, tuple[Piece, ...]]] = deque()
        """Of the last segments, which the playlist tells in full: their partial segments."""
        self._finished = False
        self._texts: dict[bool, tuple[object, Text]] = {}
        """Skipping or not -> what it was made of, and the text."""

    @property
    def latest(self) -> Part | None:
        return self.parts[max(self.parts)] if self.parts else None

    @property
    def table(self) -> SegmentTable:
        return self.segmenter.table

    @property
    def peak_rate(self) -> float:
        return self.segmenter.table.peak_rate

    def next_offset(self, part: int) -> int:
        """Where in that part file the next fragment will begin; -1: in another one, or before the first."""
        if part != max(self.parts, default=-1):
            return -1
        table = self.segmenter.table
        if self.segmenter.open:
            return self.segmenter.open[-1].end
        return table[-1].end if len(table) and table[-1].part == part else self.parts[part].init

    def take(self, lines: Sequence[index.Line]) -> None:
        segmenter, sound = self.segmenter, self.entry.kind == "audio"
        for line in lines:
            if isinstance(line, Part):
                self.parts[line.part] = line
            elif (part := self.parts.get(line.part)) is not None:
                piece = _piece(line, part.timescale, sound)
                segmenter.push(piece)
                if segmenter.closed:
                    self._closed()
                self.end_us = piece.end_us
        if self.told:
            self.playlist.begun(segmenter.open)

    def extend(self, edge_us: int) -> None:
        self.segmenter.extend(edge_us)
        self._closed()

    def finish(self, end_us: int) -> None:
        self.segmenter.finish(end_us)
        self._closed()
        self._finished = True
        if self.told:
            self.playlist.end()

    def tell(self) -> None:
        """Brings the playlist up to date. In any thread; once is enough."""
        with self._telling:
            if self.told:
                return
            self.playlist.fill(self.segmenter.table, dict(self._untold))
            self.playlist.begun(self.segmenter.open)
            if self._finished:
                self.playlist.end()
            self._untold.clear()
            self.told = True

    def text(self, reports: Sequence[Report], *, skip: bool, level: int) -> Text:
        """The playlist as it is now; made once for all who ask until something changes."""
        self.tell()
        made_of = (self.playlist.version, tuple(reports))
        known = self._texts.get(skip)
        if known is None or known[0] != made_of:
            known = made_of, Text.of(self.playlist.text(reports, skip=skip), level)
            self._texts[skip] = known
        return known[1]

    def _closed(self) -> None:
        """The segments that the last fragment, or the end, completed."""
        table, closed = self.segmenter.table, self.segmenter.closed
        for number, pieces in enumerate(closed, len(table) - len(closed)):
            if self.told:
                self.playlist.add(table[number], pieces)
            elif pieces:
                self._untold.append((number, pieces))
        while self._untold and self._untold[0][1][-1].end_us < self.segmenter.end_us - SKIP_UNTIL_US:
            self._untold.popleft()


@dataclass(frozen=True, slots=True)
class Text:
    """A playlist, ready to be sent."""

    plain: bytes
    gzipped: bytes
    """Empty: not worth it."""

    @classmethod
    def of(cls, text: str, level: int) -> Text:
        plain = text.encode()
        if len(plain) < GZIP_FROM_BYTES:
            return cls(plain, b"")
        packer = zlib.compressobj(level, wbits=zlib.MAX_WBITS | 16)
        return cls(plain, packer.compress(plain) + packer.flush())

    @property
    def size(self) -> int:
        return len(self.plain) + len(self.gzipped)


@dataclass(slots=True)
class _News:
    """What was written since the last look."""

    entries: list[ledger.Entry]
    lines: dict[str, list[index.Line]]
    more: bool
    """Of some index there may be more than was read."""


class OpenItem:
    """One item. Read in a thread (`read`), changed and asked in the event loop."""

    def __init__(self, storage: Storage, header: ledger.Header) -> None:
        self.header = header
        self._storage = storage
        self._added: dict[str, OpenTrack] = {}
        self._ledger_to = 0
        self._ended: ledger.Ended | None = None
        self._closed = False
        self._waiting: list[asyncio.Future[None]] = []
        self.asked_at = 0.0
        """time.monotonic() of the last request."""

    @property
    def live(self) -> bool:
        return not self._closed

    @property
    def tracks(self) -> list[OpenTrack]:
        """With media only, in the order they were added."""
        return [track for track in self._added.values() if track.end_us]

    @property
    def end_us(self) -> int:
        return max((track.end_us for track in self._added.values()), default=0)

    @property
    def kept_bytes(self) -> int:
        """Roughly, of an item that has ended."""
        return sum(160 * len(track.segmenter.table) for track in self.tracks)

    def track(self, name: str) -> OpenTrack | None:
        track = self._added.get(name)
        return track if track is not None and track.end_us else None

    def text(self, track: OpenTrack, *, skip: bool = False) -> Text:
        reports = (
            [other.playlist.report() for other in self.tracks if other is not track] if self.live else []
        )
        return track.text(reports, skip=skip, level=LIVE_LEVEL if self.live else ENDED_LEVEL)

    def load(self) -> None:
        """Reads all there is. In a thread, before anybody else has the item."""
        while (news := self.read()).more:
            self.take(news)
        self.take(news)
        self.settle()

    def read(self) -> _News:
        """What was written since the last look. Raises nothing: what cannot be read now is read later."""
        before = self._ledger_to
        entries, length = ledger.decode(self._from(ledger_path(self.header.id), before))
        self._ledger_to += length
        added = dict(self._added)
        for entry in entries:
            if isinstance(entry, ledger.TrackAdded) and TRACK_ID.fullmatch(entry.track):
                added.setdefault(entry.track, OpenTrack(entry, self.header.started_ms))
        news = _News(entries, {}, more=False)
        for name, track in added.items():
            lines, length = index.decode(self._from(index_path(self.header.id, name), track.read_to))
            track.read_to += length
            news.lines[name] = lines
            news.more |= length > READ_BYTES // 2
        self._added = added
        return news

    def take(self, news: _News) -> bool:
        """Whether anything is new."""
        for entry in news.entries:
            if isinstance(entry, ledger.Ended):
                self._ended = entry
        for name, lines in news.lines.items():
            if lines:
                self._added[name].take(lines)
        return bool(news.entries) or any(news.lines.values())

    def settle(self) -> None:
        """All that was written is taken: what follows from it for tracks of which nothing came."""
        edge_us = self.end_us
        for track in self.tracks:
            if self._ended is not None:
                track.finish(edge_us)
            else:
                track.extend(edge_us)
                track.tell()
        self._closed = self._ended is not None

    def conclude(self) -> None:
        """As if the item ended now: for who makes a file of what there is."""
        if self.live:
            for track in self.tracks:
                track.finish(self.end_us)
            self._closed = True

    async def changed(self) -> None:
        """Until something new was read."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _from(self, path: str, offset: int) -> bytes:
        with suppress(OSError):
            return self._storage.read(path, offset, READ_BYTES)
        return b""


def _piece(fragment: index.Fragment, timescale: int, sound: bool) -> Piece:
    time, half = fragment.time, timescale // 2
    return Piece(
        fragment.part,
        fragment.offset,
        fragment.length,
        (time * 1_000_000 + half) // timescale,
        ((time + fragment.duration) * 1_000_000 + half) // timescale,
        sound or fragment.keyframe,
    )


@dataclass(slots=True)
class _Followed:
    item: OpenItem
    task: asyncio.Task[None]
    written: asyncio.Event = field(default_factory=asyncio.Event)


class OpenItems:
    """All items that somebody watches. Belongs to the event loop."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._watch: DirectoryWatch | None = None
        self._live: dict[str, _Followed] = {}
        self._ended: OrderedDict[str, OpenItem] = OrderedDict()
        self._opening: dict[str, asyncio.Future[OpenItem]] = {}

    async def open(self, item_id: str) -> OpenItem:
        """Raises UnknownItemError."""
        item = self.known(item_id)
        if item is None:
            opening = self._opening.get(item_id)
            if opening is None:
                opening = asyncio.ensure_future(self._open(item_id))
                self._opening[item_id] = opening
                opening.add_done_callback(lambda _: self._opening.pop(item_id, None))
            item = await asyncio.shield(opening)
        item.asked_at = time.monotonic()
        return item

    def known(self, item_id: str) -> OpenItem | None:
        """The item, if it is open."""
        if (followed := self._live.get(item_id)) is not None:
            return followed.item
        if item_id in self._ended:
            self._ended.move_to_end(item_id)
            return self._ended[item_id]
        return None

    def forget(self, item_id: str) -> None:
        """It is deleted, or its files were changed."""
        self._ended.pop(item_id, None)
        if (followed := self._live.pop(item_id, None)) is not None:
            followed.task.cancel()

    async def close(self) -> None:
        tasks = [followed.task for followed in self._live.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._live.clear()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def _open(self, item_id: str) -> OpenItem:
        item = await asyncio.to_thread(self._load, item_id)
        if item.live:
            self._follow(item)
        else:
            self._keep(item)
        return item

    def _load(self, item_id: str) -> OpenItem:
        item = OpenItem(self._library.storage, self._library.header(item_id))
        item.load()
        return item

    def _keep(self, item: OpenItem) -> None:
        self._ended[item.header.id] = item
        size = sum(each.kept_bytes for each in self._ended.values())
        while size > KEPT_BYTES and len(self._ended) > 1:
            _, oldest = self._ended.popitem(last=False)
            size -= oldest.kept_bytes

    def _follow(self, item: OpenItem) -> None:
        if self._watch is None:
            self._watch = DirectoryWatch()
        item.asked_at = time.monotonic()
        written = asyncio.Event()
        written.set()  # what was written since it was loaded
        task = asyncio.create_task(self._keep_up(item, written), name=f"follow {item.header.id}")
        self._live[item.header.id] = _Followed(item, task, written)

    async def _keep_up(self, item: OpenItem, written: asyncio.Event) -> None:
        assert self._watch is not None
        handle = self._watch.add(self._library.path(item.header.id), written.set)
        try:
            while item.live and time.monotonic() - item.asked_at < IDLE_S:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await written.wait()
                written.clear()
                news = await asyncio.to_thread(item.read)
                changed = item.take(news)
                if news.more:
                    written.set()
                elif changed:
                    item.settle()
                    item.tell()
        except Exception:
            logger.exception("x %s can no longer be followed", item.header.id)
        finally:
            self._watch.remove(handle)
            self._live.pop(item.header.id, None)
            item.tell()
        if not item.live:
            self._keep(item)
