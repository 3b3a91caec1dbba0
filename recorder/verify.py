"""Is a recorded lesson complete, and is it what was recorded?

From the outside in: `item.json` names the key, which must be a trusted one; the key signed the checkpoints;
the checkpoints hold the last line of the ledger and of each index; the lines of an index hold every byte of
the media. What does not hold is named with its place. Then, of what holds, the ledger tells what is missing.

What cannot be found: that an item was taken away whole, and that the last two seconds of a lesson that still
goes on (or whose server died and never came back) were cut off before their checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec

from recorder import chain, index, ledger
from recorder.finding import Changed, Finding
from recorder.index import Fragment, Line, Part, TrackIndex
from recorder.inspection import Inspected, Signatures, inspect, read_signatures
from recorder.item import CHECKPOINTS, HEADER, LEDGER, TOMBSTONE, index_name
from recorder.library import ITEM_ID, TRACK_ID, ItemFiles, TrackFiles, UnknownItemError, view_of
from recorder.storage import MediaStore
from recorder.tombstone import is_genuine, read_tombstone

State = Literal["complete", "incomplete", "changed", "deleted"]
EXCUSED = {"muted", "silent", "policy"}
"""Causes of gaps that were meant to be."""
_PART = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.mp4")
_INDEX = re.compile(r"(t[0-9]{1,4})\.jsonl")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found."""

    item: str
    state: State
    """changed: something is not what was recorded; incomplete: something is missing, and the ledger says so,
    or the recording has no end; deleted: on record, see `recorder/tombstone.py`."""
    findings: list[Finding]
    sealed: bool
    """Signed whole, after its end."""
    key: str
    """Public key (base64url) it is signed with; empty for an item of the first layout."""


@dataclass(slots=True)
class _Track:
    id: str
    lines: list[Line] = field(default_factory=list)

    @property
    def index(self) -> TrackIndex:
        return TrackIndex.of(self.lines)


def verify(store: MediaStore, item_id: str, keys: Sequence[str], *, media: bool = True) -> Verdict:
    """keys: public keys that are trusted. media=False looks at ledger, indexes and signatures alone, which
    takes milliseconds; else every byte is read.

    Raises UnknownItemError; OSError when the files cannot be read.
    """
    names = store.names(item_id) if ITEM_ID.fullmatch(item_id) else []
    if TOMBSTONE in names:
        return _deleted(store, item_id, names, keys)
    if not names:
        raise UnknownItemError(item_id)
    return _Verification(store, item_id, names).run(keys, media=media)


def _deleted(store: MediaStore, item_id: str, names: Sequence[str], keys: Sequence[str]) -> Verdict:
    stone = read_tombstone(store.read_range(item_id, TOMBSTONE))
    key = stone.key if stone is not None else ""
    if stone is None or not is_genuine(stone, item_id, keys):
        forged = Finding(kind="bad_signature", file=TOMBSTONE)
        return Verdict(item=item_id, state="changed", findings=[forged], sealed=False, key=key)
    when = datetime.fromtimestamp(stone.at_ms / 1000, UTC).isoformat(timespec="seconds")
    found = [Finding(kind="deleted", file=TOMBSTONE, detail=f"{when} {stone.by}: {stone.reason}")]
    found += [Finding(kind="left_over", file=name) for name in names if name != TOMBSTONE]
    return Verdict(item=item_id, state="deleted", findings=found, sealed=True, key=key)


class _Verification:
    def __init__(self, store: MediaStore, item_id: str, names: Sequence[str]) -> None:
        self._store = store
        self._item = item_id
        self._names = names
        self._findings: list[Finding] = []
        self._header = b""
        self._intact = True
        """The header is the one that the other files hold."""

    def run(self, keys: Sequence[str], *, media: bool) -> Verdict:
        data = self._read(HEADER)
        header = ledger.decode_header(data)
        if header is None or header.id != self._item:
            self._findings.append(Finding(kind="header_changed", file=HEADER))
            return self._verdict("", sealed=False)
        if header.version < ledger.VERSION and not self._is_chained():
            return self._first_layout(header, media=media)
        self._look_at_header(data)
        if header.key not in keys:
            self._findings.append(Finding(kind="foreign_key", file=HEADER, detail=header.key))
        signatures = self._signatures([header.key] if self._intact else keys)
        log = self._inspect(LEDGER, signatures)
        entries, _ = ledger.decode(_joined(log.good))
        tracks = [self._track(each, signatures) for each in _track_ids(entries, signatures)]
        if media:
            for track in tracks:
                self._media(track, sealed=signatures.sealed)
        self._strangers(tracks)
        ended = self._gaps(header, entries, tracks)
        if ended and not signatures.sealed:
            self._findings.append(Finding(kind="no_seal", file=CHECKPOINTS))
        return self._verdict(header.key, sealed=signatures.sealed)

    def _is_chained(self) -> bool:
        """Whatever the header says: who takes the signatures off must not only have to change a number."""
        return CHECKPOINTS in self._names or bool(chain.previous(self._read(LEDGER).partition(b"\n")[0]))

    def _look_at_header(self, header: bytes) -> None:
        """The first lines of all files hold it. When none of them does, it is what was changed, and the
        others are looked at as if it were not."""
        self._header = header
        for name in (CHECKPOINTS, LEDGER):
            data = self._read(name)
            if not data or chain.previous(data.partition(b"\n")[0]) == chain.genesis(header, name):
                return
        self._intact = False
        self._findings.append(Finding(kind="header_changed", file=HEADER))

    def _first(self, name: str, data: bytes) -> str:
        return chain.genesis(self._header, name) if self._intact else chain.previous(data.partition(b"\n")[0])

    def _signatures(self, keys: Sequence[str]) -> Signatures:
        data = self._read(CHECKPOINTS)
        first = self._first(CHECKPOINTS, data)
        signatures = read_signatures(CHECKPOINTS, data, first, self._item, keys)
        if not signatures.heads and not signatures.findings:
            signatures.findings.append(Finding(kind="not_signed", file=CHECKPOINTS))
        self._findings += signatures.findings
        return signatures

    def _inspect(self, name: str, signatures: Signatures) -> Inspected:
        data = self._read(name)
        if not signatures.sealed:
            data = data[: data.rfind(b"\n") + 1]  # the line that is being written
        first = self._first(name, data)
        found = inspect(name, data, first, signatures.heads.get(name, ()), sealed=signatures.sealed)
        self._findings += found.findings
        return found

    def _track(self, track: str, signatures: Signatures) -> _Track:
        good = self._inspect(index_name(track), signatures).good
        return _Track(track, index.decode(_joined(good))[0])

    # --- media ----------------------------------------------------------------------------------------------

    def _media(self, track: _Track, *, sealed: bool) -> None:
        found = track.index
        numbers = {id(fragment): number for number, fragment in enumerate(found.fragments, 1)}
        for part in found.parts.values():
            fragments = [fragment for fragment in found.fragments if fragment.part == part.part]
            self._part(track, part, fragments, numbers, sealed=sealed)

    def _part(
        self,
        track: _Track,
        part: Part,
        fragments: Sequence[Fragment],
        numbers: dict[int, int],
        *,
        sealed: bool,
    ) -> None:
        name = f"{track.id}.{part.part}.mp4"
        lines: list[Part | Fragment] = [part, *fragments]
        try:
            size = self._store.size(self._item, name)
        except FileNotFoundError:
            at_s = _start_s(track, fragments[0]) if fragments else None
            self._findings.append(Finding(kind="segment_missing", file=name, at_s=at_s))
            return
        for line, data in zip(lines, self._pieces(name, lines, size), strict=True):
            offset, length = _span(line)
            if len(data) == length and (not line.sha256 or chain.digest(data) == line.sha256):
                continue
            short = offset + length > size
            self._findings.append(
                Finding(
                    kind="fragment_cut_short" if short else "fragment_changed",
                    file=name,
                    fragment=numbers.get(id(line)),
                    at_s=_start_s(track, line) if isinstance(line, Fragment) else None,
                )
            )
            if short:
                return
        end = sum(_span(lines[-1]))
        if sealed and size > end:
            self._findings.append(Finding(kind="bytes_added", file=name, detail=str(size - end)))

    def _pieces(self, name: str, lines: Sequence[Part | Fragment], size: int) -> Iterator[bytes]:
        """The bytes of each line, the file read once from its beginning to its end."""
        stream = self._store.open_range(self._item, name, 0, size)
        held, at = b"", 0
        for line in lines:
            offset, length = _span(line)
            while at + len(held) < offset + length and (piece := next(stream, b"")):
                skip = max(0, min(len(held), offset - at))
                held, at = held[skip:] + piece, at + skip
            yield held[offset - at : offset - at + length]

    def _strangers(self, tracks: Sequence[_Track]) -> None:
        """Segments and indexes that are in the directory and not in the ledger."""
        parts = {track.id: set(track.index.parts) for track in tracks}
        for name in self._names:
            part, lines = _PART.fullmatch(name), _INDEX.fullmatch(name)
            if (part and int(part[2]) not in parts.get(part[1], ())) or (lines and lines[1] not in parts):
                self._findings.append(Finding(kind="segment_added", file=name))

    # --- what is missing ------------------------------------------------------------------------------------

    def _gaps(self, header: ledger.Header, entries: list[ledger.Entry], tracks: Sequence[_Track]) -> bool:
        """Whether the item has ended."""
        added = {entry.track: entry for entry in entries if isinstance(entry, ledger.TrackAdded)}
        files = [
            TrackFiles(added[track.id], track.index)
            for track in tracks
            if track.id in added and track.index.fragments
        ]
        item = ItemFiles(header, entries, files)
        if item.ended is None:
            self._findings.append(Finding(kind="no_end", file=LEDGER))
        for track in view_of(item).tracks:
            self._findings += [
                Finding(
                    kind="gap",
                    file=index_name(track.id),
                    at_s=gap.start_s,
                    duration_s=gap.duration_s,
                    detail=gap.cause,
                )
                for gap in track.gaps
                if gap.cause not in EXCUSED
            ]
        return item.ended is not None

    def _first_layout(self, header: ledger.Header, *, media: bool) -> Verdict:
        """Neither chained nor signed: only what does not fit together is found."""
        self._findings.append(Finding(kind="not_provable", file=HEADER))
        entries, _ = ledger.decode(self._read(LEDGER))
        tracks = []
        for track in _track_ids(entries, Signatures()):
            lines, _ = index.decode(self._read(index_name(track)))
            tracks.append(_Track(track, lines))
            if media:
                self._media(tracks[-1], sealed=False)
        self._gaps(header, entries, tracks)
        return self._verdict("", sealed=False)

    def _verdict(self, key: str, *, sealed: bool) -> Verdict:
        changed = any(finding.kind in get_args(Changed) for finding in self._findings)
        state: State = "changed" if changed else "incomplete" if self._findings else "complete"
        return Verdict(item=self._item, state=state, findings=self._findings, sealed=sealed, key=key)

    def _read(self, name: str) -> bytes:
        try:
            return self._store.read_range(self._item, name)
        except FileNotFoundError:
            return b""


def _track_ids(entries: Sequence[ledger.Entry], signatures: Signatures) -> list[str]:
    """Those of the ledger, and those that were signed for."""
    named = [entry.track for entry in entries if isinstance(entry, ledger.TrackAdded)]
    signed = [name.removesuffix(".jsonl") for name in signatures.heads]
    return [track for track in dict.fromkeys([*named, *signed]) if TRACK_ID.fullmatch(track)]


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _span(line: Part | Fragment) -> tuple[int, int]:
    """(offset, length) in the part file."""
    return (0, line.init) if isinstance(line, Part) else (line.offset, line.length)


def _start_s(track: _Track, fragment: Fragment) -> float:
    return track.index.start_us(fragment) / 1e6
