"""The write side of one item: its ledger, its tracks, their part files and indexes. Nothing here waits
for the disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from recorder import index, ledger
from recorder.control import EndCause, GapCause, ItemOpen, RemovalCause
from recorder.cutter import Cut, Hole
from recorder.fragments import FragmentMuxer
from recorder.index import Fragment, Part, TrackIndex
from recorder.spool import Close, Replace, Spool, Write

GAP_US = 100_000
"""Between the end of one stream of a track and the beginning of the next: less is a change of streams,
not a gap."""


def header_path(item: str) -> str:
    return f"{item}/item.json"


def ledger_path(item: str) -> str:
    return f"{item}/ledger.jsonl"


def summary_path(item: str) -> str:
    return f"{item}/summary.json"


def index_path(item: str, track: str) -> str:
    return f"{item}/{track}.jsonl"


def part_path(item: str, track: str, part: int) -> str:
    return f"{item}/{track}.{part}.mp4"


class GrowingFile:
    """A file that only grows, written through the spool."""

    def __init__(self, spool: Spool, path: str, size: int = 0) -> None:
        self._spool = spool
        self.path = path
        self.size = size

    def append(self, data: bytes) -> int:
        """Returns the offset of the data."""
        offset = self.size
        self._spool.put(Write(self.path, offset, data))
        self.size += len(data)
        return offset

    def close(self) -> None:
        self._spool.put(Close(self.path))


class TrackWriter:
    """One person's one source, over all streams that carry it."""

    def __init__(self, item: ItemWriter, track: str, index_size: int, known: TrackIndex) -> None:
        """known: what earlier processes recorded, and `index_size` the length of its index."""
        self.id = track
        self._owner = item
        self._item = item.id
        self._spool = spool = item.spool
        self._index = GrowingFile(spool, index_path(item.id, track), index_size)
        self._part = max(known.parts, default=-1)
        self._file: GrowingFile | None = None
        self._muxer: FragmentMuxer | None = None
        self._number = 0
        self.end_us: int | None = known.span_us[1] if known.fragments else None
        """Item clock behind the last sample recorded."""
        self.missing: GapCause | None = "server" if known.fragments else None
        """Why there is nothing since then, as far as known; None where nothing is expected."""
        self._refused = False

    def append(self, cut: Cut) -> bool:
        """False: it could not be kept, and nothing will be until a keyframe."""
        if self._muxer is None or self._refused or cut.config != self._muxer.config:
            if not cut.samples[0].keyframe:
                return False
            if not self._begin_part(cut):
                return self._refuse()
        assert self._muxer is not None and self._file is not None
        data = self._muxer.fragment(cut.samples, self._number + 1)
        if not self._spool.has_room(len(data)):
            return self._refuse()
        self._refused = False
        self._number += 1
        self._note_gap(cut)
        rate = cut.config.clock_rate
        self.end_us = cut.end * 1_000_000 // rate
        fragment = Fragment(
            part=self._part,
            offset=self._file.append(data),
            length=len(data),
            time=cut.time,
            duration=cut.end - cut.time,
            keyframe=cut.samples[0].keyframe,
            written_ms=time.time_ns() // 1_000_000,
        )
        self._index.append(index.encode(fragment))
        return True

    def went_silent(self, until_us: int, cause: GapCause) -> None:
        """Nothing came any more long before the stream was ended, at `until_us`, for whatever reason."""
        if self.end_us is not None and until_us - self.end_us >= GAP_US:
            self._owner.note_gap(self, Hole(self.end_us, until_us - self.end_us, cause))
            self.end_us = until_us

    def close(self) -> None:
        self._close_part()
        self._index.close()

    def _begin_part(self, cut: Cut) -> bool:
        if self._muxer is not None and cut.config == self._muxer.config:
            return True  # only after a refusal: the part can go on
        muxer = FragmentMuxer(cut.config, cut.samples[0].data)
        if not self._spool.has_room(len(muxer.init)):
            return False
        self._close_part()
        self._part += 1
        self._number = 0
        self._muxer = muxer
        self._file = GrowingFile(self._spool, part_path(self._item, self.id, self._part))
        self._file.append(muxer.init)
        part = Part(
            part=self._part,
            init=len(muxer.init),
            codec=cut.config.rfc6381,
            timescale=cut.config.clock_rate,
            width=cut.config.width,
            height=cut.config.height,
        )
        self._index.append(index.encode(part))
        return True

    def _close_part(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._muxer = None

    def _refuse(self) -> bool:
        self._refused = True
        self.missing = "server"
        return False

    def _note_gap(self, cut: Cut) -> None:
        start_us = cut.time * 1_000_000 // cut.config.clock_rate
        hole = cut.hole
        if self.missing is not None and self.end_us is not None and start_us - self.end_us >= GAP_US:
            hole = Hole(self.end_us, start_us - self.end_us, self.missing)
        self.missing = None
        if hole is not None:
            self._owner.note_gap(self, hole)


@dataclass(slots=True)
class KnownItem:
    """What earlier processes recorded of an item, after its files were mended."""

    entries: list[ledger.Entry] = field(default_factory=list)
    ledger_size: int = 0
    indexes: dict[str, tuple[TrackIndex, int]] = field(default_factory=dict)
    """Track id -> (index, length of its file)."""


class ItemWriter:
    def __init__(
        self, opened: ItemOpen, known: KnownItem, spool: Spool, counters: Counter[str], now_us: int
    ) -> None:
        """counters: `gap_CAUSE` for every gap."""
        self.id = opened.item
        self.started_us = opened.started_us
        self.spool = spool
        self._counters = counters
        self._log = GrowingFile(spool, ledger_path(self.id), known.ledger_size)
        self._tracks: dict[tuple[str, str], TrackWriter] = {}
        if not known.entries:
            self._write_header(opened)
        for entry in known.entries:
            if isinstance(entry, ledger.TrackAdded):
                seen, size = known.indexes.get(entry.track, (TrackIndex(), 0))
                writer = TrackWriter(self, entry.track, size, seen)
                self._tracks[entry.person, entry.source] = writer
        self._note(ledger.Resumed(at_us=now_us))

    def track(self, person: str, source: str, kind: Literal["audio", "video"], now_us: int) -> TrackWriter:
        """The track of that source, new or known; a stream of it begins."""
        track = self._tracks.get((person, source))
        if track is None:
            identity = f"t{len(self._tracks)}"
            track = TrackWriter(self, identity, 0, TrackIndex())
            self._tracks[person, source] = track
            self._note(
                ledger.TrackAdded(track=identity, person=person, source=source, kind=kind, at_us=now_us)
            )
        self._note(ledger.Began(track=track.id, at_us=now_us))
        return track

    def stopped(self, track: TrackWriter, cause: RemovalCause, error_us: int, now_us: int) -> None:
        track.missing = None if cause == "left" else cause
        self._note(ledger.Stopped(track=track.id, at_us=now_us, cause=cause, error_us=error_us))

    def muted(self, person: str, source: str, muted: bool, now_us: int) -> None:
        track = self._tracks.get((person, source))
        if track is not None:
            self._note(ledger.Muted(track=track.id, at_us=now_us, muted=muted))

    def note_gap(self, track: TrackWriter, hole: Hole) -> None:
        self._counters[f"gap_{hole.cause}"] += 1
        self._note(
            ledger.Gap(track=track.id, at_us=hole.at_us, duration_us=hole.duration_us, cause=hole.cause)
        )

    def close(self, now_us: int, cause: EndCause, done: Callable[[], None]) -> None:
        """Finishes the files. `done` is called, in the spool's thread, when all is on the disk."""
        for track in self._tracks.values():
            track.close()
        self._note(ledger.Ended(at_us=now_us, cause=cause))
        self.spool.put(Close(self._log.path, done))

    def _write_header(self, opened: ItemOpen) -> None:
        header = ledger.Header(
            id=opened.item, lesson=opened.lesson, title=opened.title, started_ms=opened.started_ms
        )
        self.spool.put(Replace(header_path(self.id), ledger.encode(header)))

    def _note(self, entry: ledger.Entry) -> None:
        self._log.append(ledger.encode(entry))
