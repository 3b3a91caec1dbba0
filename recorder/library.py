"""The read side of the library: what is recorded, from the files alone, while it is being recorded and after.

Nothing here asks the recorder process: an item is its directory, so it can be listed and played while the
process is away, and by `tongke library` without a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from recorder import chain, index, ledger
from recorder.index import TrackIndex
from recorder.item import checkpoints_path, header_path, index_path, ledger_path, part_path, summary_path
from recorder.lines import NOT_JSON
from recorder.storage import Archive, MediaFiles, Storage

ITEM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
TRACK_ID = re.compile(r"t[0-9]{1,4}")
UNSENT = {"muted", "silent"}
"""Causes of gaps in which nothing was sent that could be missing."""
TRAILING_GAP_US = 1_500_000
"""What may be missing at a track's end without being a gap: the last picture's length is not known."""


class UnknownItemError(LookupError):
    """No item with that id in this library."""


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    """A span of a track that is missing."""

    start_s: float
    """Item clock, seconds."""
    duration_s: float
    cause: str
    """`muted`, `silent`, `network`, `server` or `policy`."""


class TrackView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    kind: Literal["audio", "video"]
    codec: str
    """As in RFC 6381: `avc1.42e01f`, `vp08.00.10.08`, `opus`. Of the latest part."""
    duration_s: float
    """Recorded media, gaps not counted."""
    gaps: list[GapView]
    person: str = ""
    source: str = ""
    start_s: float = 0.0
    """Item clock at the first sample, seconds."""
    width: int = 0
    height: int = 0
    sync_error_ms: float = 0.0
    """Greatest distance between where media was put and where the clocks say it belongs."""


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded lesson as `/api/v1/library` shows it."""

    id: str
    lesson: str
    title: str
    state: Literal["live", "ready"]
    """`ready`: it has ended, and its seal is on the disk."""
    started_at: str
    """RFC 3339, UTC."""
    duration_s: float
    """Item clock behind the last sample of any track."""
    tracks: list[TrackView]
    complete: float
    """0..1: time covered over time expected, of all tracks; what was never sent counts as covered."""
    bytes: int = 0
    """Of media."""


@dataclass(frozen=True, slots=True)
class TrackFiles:
    """One track as players and exports need it."""

    entry: ledger.TrackAdded
    index: TrackIndex


@dataclass(frozen=True, slots=True)
class ItemFiles:
    header: ledger.Header
    entries: list[ledger.Entry]
    tracks: list[TrackFiles]
    """With media only, in the order they were added."""

    @property
    def ended(self) -> ledger.Ended | None:
        return next((entry for entry in self.entries if isinstance(entry, ledger.Ended)), None)

    @property
    def end_us(self) -> int:
        return max((track.index.span_us[1] for track in self.tracks), default=0)


class Library:
    """The items under one data directory. Holds no open file; keeps in memory what cannot change any more."""

    def __init__(self, data_dir: Path, archive: Archive | None = None) -> None:
        """archive: where finished media has moved to, if it has."""
        self.storage = Storage(data_dir / "library")
        self.media = MediaFiles(self.storage, archive)
        """Every byte of media is read through it."""
        self._ready: dict[str, ItemView] = {}

    def items(self, lesson: str = "") -> list[ItemView]:
        """Newest first; of one lesson, or of all."""
        found = []
        for name in self.storage.names():
            try:
                if not lesson or self.header(name).lesson == lesson:
                    found.append(self.item(name))
            except UnknownItemError:
                continue  # not an item, or one whose first line is not written yet
        return sorted(found, key=lambda item: item.started_at, reverse=True)

    def item(self, item_id: str) -> ItemView:
        """Raises UnknownItemError."""
        if item_id in self._ready and self.storage.size(header_path(item_id)):
            return self._ready[item_id]
        view = self._summary(item_id)
        if view is None:
            files = self.files(item_id)
            view = view_of(files)
            if files.ended and not self._sealed(files.header):
                view = msgspec.structs.replace(view, state="live")
        if view.state == "ready":
            self._ready[item_id] = view
        return view

    def _sealed(self, header: ledger.Header) -> bool:
        """The seal is written a moment behind the ledger's last line, which it speaks of. Items of the layout
        before have none."""
        if header.version < ledger.VERSION:
            return True
        return chain.is_sealed(_read(self.storage, checkpoints_path(header.id)))

    def files(self, item_id: str) -> ItemFiles:
        """Raises UnknownItemError."""
        header = self.header(item_id)
        return read_item(self.storage, header)

    def lesson_of(self, item_id: str) -> str:
        """Raises UnknownItemError."""
        return self.header(item_id).lesson

    def path(self, item_id: str, name: str = "") -> Path:
        """Of an item's directory, or a file in it."""
        return self.storage.root / item_id / name

    def part_path(self, item_id: str, track: str, part: int) -> Path:
        return self.storage.root / part_path(item_id, track, part)

    def header(self, item_id: str) -> ledger.Header:
        """Raises UnknownItemError."""
        if ITEM_ID.fullmatch(item_id):
            try:
                header = ledger.decode_header(self.storage.read(header_path(item_id)))
            except OSError:
                header = None
            if header is not None and header.id == item_id:
                return header
        raise UnknownItemError(item_id)

    def _summary(self, item_id: str) -> ItemView | None:
        self.header(item_id)
        try:
            found = msgspec.json.decode(self.storage.read(summary_path(item_id)), type=ItemView)
        except (OSError, *NOT_JSON):
            return None
        # Written before sizes were: from the indexes instead.
        return found if found.bytes or not found.tracks else None


def read_item(storage: Storage, header: ledger.Header) -> ItemFiles:
    """Reads ledger and indexes; a torn last line is left out, whole files that are missing count as empty."""
    entries, _ = ledger.decode(_read(storage, ledger_path(header.id)))
    tracks = []
    for entry in entries:
        if isinstance(entry, ledger.TrackAdded) and TRACK_ID.fullmatch(entry.track):
            lines, _ = index.decode(_read(storage, index_path(header.id, entry.track)))
            found = TrackIndex.of(lines)
            if found.fragments:
                tracks.append(TrackFiles(entry, found))
    return ItemFiles(header, entries, tracks)


def write_summary(storage: Storage, item_id: str) -> None:
    """Of an item that has ended, so that a long list costs one small file per item. Raises OSError."""
    header = ledger.decode_header(_read(storage, header_path(item_id)))
    if header is not None:
        view = view_of(read_item(storage, header))
        storage.replace(summary_path(item_id), msgspec.json.encode(view))


def view_of(item: ItemFiles) -> ItemView:
    started = datetime.fromtimestamp(item.header.started_ms / 1000, UTC)
    coverage = [_coverage(item, track) for track in item.tracks]
    expected = sum(each.expected_us for each in coverage)
    missing = sum(each.missing_us for each in coverage)
    return ItemView(
        id=item.header.id,
        lesson=item.header.lesson,
        title=item.header.title,
        state="ready" if item.ended else "live",
        started_at=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_s=item.end_us / 1e6,
        tracks=[_track_view(item, *each) for each in zip(item.tracks, coverage, strict=True)],
        complete=round(max(0.0, 1 - missing / expected), 6) if expected > 0 else 1.0,
        bytes=sum(fragment.length for track in item.tracks for fragment in track.index.fragments),
    )


@dataclass(frozen=True, slots=True)
class _Coverage:
    gaps: Sequence[ledger.Gap]
    expected_us: int
    missing_us: int


def _coverage(item: ItemFiles, track: TrackFiles) -> _Coverage:
    """What should be there: from the first sample until the track was given up on purpose, or the item's
    end."""
    name = track.entry.track
    start_us, end_us = track.index.span_us
    gaps = [e for e in item.entries if isinstance(e, ledger.Gap) and e.track == name]
    stops = [e for e in item.entries if isinstance(e, ledger.Stopped) and e.track == name]
    began = [e for e in item.entries if isinstance(e, ledger.Began) and e.track == name]
    end_us = max([end_us, *(gap.at_us + gap.duration_us for gap in gaps)])
    stopped = bool(stops) and len(stops) >= len(began)
    if stopped and stops[-1].cause != "left" and item.ended is not None:
        missing_us = item.ended.at_us - end_us
        if missing_us > TRAILING_GAP_US:
            cause = stops[-1].cause
            gaps.append(ledger.Gap(track=name, at_us=end_us, duration_us=missing_us, cause=cause))
            end_us = item.ended.at_us
    left_us = _time_left(began, stops)
    missing = sum(gap.duration_us for gap in gaps if gap.cause not in UNSENT)
    return _Coverage(gaps, max(0, end_us - start_us - left_us), missing)


def _time_left(began: Sequence[ledger.Began], stops: Sequence[ledger.Stopped]) -> int:
    """Time between a stop on purpose and the next beginning."""
    total = 0
    for stop in stops:
        following = next((b.at_us for b in began if b.at_us >= stop.at_us), None)
        if stop.cause == "left" and following is not None:
            total += following - stop.at_us
    return total


def _track_view(item: ItemFiles, track: TrackFiles, coverage: _Coverage) -> TrackView:
    part = track.index.latest
    assert part is not None, "a track without parts has no media"
    errors = [
        e.error_us for e in item.entries if isinstance(e, ledger.Stopped) and e.track == track.entry.track
    ]
    return TrackView(
        id=track.entry.track,
        kind=track.entry.kind,
        codec=part.codec,
        duration_s=track.index.covered_us / 1e6,
        gaps=_gap_views(coverage.gaps),
        person=track.entry.person,
        source=track.entry.source,
        start_s=track.index.span_us[0] / 1e6,
        width=part.width,
        height=part.height,
        sync_error_ms=max(errors, default=0) / 1e3,
    )


def _gap_views(gaps: Iterable[ledger.Gap]) -> list[GapView]:
    return [
        GapView(start_s=gap.at_us / 1e6, duration_s=gap.duration_us / 1e6, cause=gap.cause) for gap in gaps
    ]


def _read(storage: Storage, path: str) -> bytes:
    try:
        return storage.read(path)
    except FileNotFoundError:
        return b""
