"""What was lost of an item, made again from what is left: `tongke library rebuild`.

An index comes out of the part files to the byte, so the old signatures hold for it. A ledger cannot be made
again: what replaces it names the tracks and nothing else, the item plays, and `verify` goes on saying that
the ledger is not the one that was signed. The same goes for `item.json`, of which the directory's name tells
the lesson and the time. A damaged file is kept beside the new one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from recorder import chain, index, ledger
from recorder.chain import Chain
from recorder.index import Line, Part, TrackIndex
from recorder.item import HEADER, LEDGER, checkpoints_path, header_path, index_name, ledger_path, summary_path
from recorder.library import ITEM_ID, UnknownItemError, write_summary
from recorder.media_lines import rebuild_index
from recorder.storage import MediaFiles, Storage

DAMAGED = ".damaged"
"""Added to the name of what was replaced."""
_PART = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.mp4")
_NAME = re.compile(r"(.+)-([0-9]{8}T[0-9]{6}Z)-[0-9a-f]+")


class StillRecordedError(Exception):
    """The item has no end: whoever records it would write into the same files."""


def rebuild(disk: Storage, files: MediaFiles, item: str) -> list[str]:
    """Names of the files that were made again. Raises UnknownItemError, StillRecordedError, OSError."""
    names = files.names(item) if ITEM_ID.fullmatch(item) else []
    tracks = _parts(names)
    if not tracks:
        raise UnknownItemError(item)
    if LEDGER in names and _is_live(files, item):
        raise StillRecordedError(item)
    made = _make_header(disk, files, item)
    header = disk.read(header_path(item))
    indexes = {}
    for track, parts in tracks.items():
        lines = [line for part in parts for line in _lines(files, item, track, part)]
        indexes[track] = TrackIndex.of(lines)
        made += _make_index(disk, item, track, header, lines)
    made += _make_ledger(disk, item, header, indexes)
    if made:
        disk.remove(summary_path(item))
        write_summary(disk, item)
    return made


def _parts(names: Iterable[str]) -> dict[str, list[int]]:
    """Track -> numbers of its parts, both in order."""
    found: dict[str, list[int]] = {}
    for name in names:
        if match := _PART.fullmatch(name):
            found.setdefault(match[1], []).append(int(match[2]))
    return {track: sorted(found[track]) for track in sorted(found, key=lambda t: int(t[1:]))}


def _is_live(files: MediaFiles, item: str) -> bool:
    entries, _ = ledger.decode(files.read_range(item, LEDGER))
    whole = any(isinstance(entry, ledger.TrackAdded) for entry in entries)
    return whole and not any(isinstance(entry, ledger.Ended) for entry in entries)


def _lines(files: MediaFiles, item: str, track: str, part: int) -> list[Line]:
    return rebuild_index(files.read_range(item, f"{track}.{part}.mp4"), part)[0]


def _make_index(disk: Storage, item: str, track: str, header: bytes, lines: list[Line]) -> list[str]:
    """Replaces an index that is lost or damaged, or is not the one that was signed while the new one is."""
    name = index_name(track)
    end = Chain(chain.genesis(header, name))
    data = b"".join(end.link(index.body(line)) for line in lines)
    old = _read(disk, f"{item}/{name}")
    signed = chain.heads_of(_read(disk, checkpoints_path(item))).get(name)
    proven = signed is not None and signed.hash == end.hash
    whole = not _is_damaged(old) and len(index.decode(old)[0]) >= len(lines)
    if old == data or (whole and not proven):
        return []
    _replace(disk, item, name, old, data)
    return [name]


def _is_damaged(data: bytes) -> bool:
    return any(line is None for line, _ in index.each(data)) or not data.endswith(b"\n")


def _make_ledger(disk: Storage, item: str, header: bytes, indexes: dict[str, TrackIndex]) -> list[str]:
    """When there is none, or none that names a track."""
    old = _read(disk, ledger_path(item))
    if any(isinstance(entry, ledger.TrackAdded) for entry in ledger.decode(old)[0]):
        return []
    entries: list[ledger.Entry] = [ledger.Rebuilt(file=LEDGER, at_ms=time.time_ns() // 1_000_000)]
    for track, found in indexes.items():
        at_us = found.span_us[0]
        kind = "audio" if _codec(found) == "opus" else "video"
        entries.append(
            ledger.TrackAdded(track=track, person="", source=track, kind=kind, at_us=at_us)  # type: ignore[arg-type]
        )
        entries.append(ledger.Began(track=track, at_us=at_us))
        entries.append(ledger.Stopped(track=track, at_us=found.span_us[1], cause="left"))
    end_us = max((found.span_us[1] for found in indexes.values()), default=0)
    entries.append(ledger.Ended(at_us=end_us, cause="server"))
    end = Chain(chain.genesis(header, LEDGER))
    _replace(disk, item, LEDGER, old, b"".join(end.link(ledger.body(entry)) for entry in entries))
    return [LEDGER]


def _codec(found: TrackIndex) -> str:
    parts: list[Part] = list(found.parts.values())
    return parts[0].codec if parts else ""


def _make_header(disk: Storage, files: MediaFiles, item: str) -> list[str]:
    """From the archive's copy, else from the directory's name."""
    old = _read(disk, header_path(item))
    read = ledger.decode_header(old)
    if read is not None and read.id == item:
        return []
    copy = b""
    if files.archive is not None:
        try:
            size = files.archive.size(header_path(item))
            copy = b"".join(files.archive.open_range(header_path(item), 0, size))
        except FileNotFoundError:
            copy = b""
    archived = ledger.decode_header(copy)
    if archived is None or archived.id != item:
        copy = ledger.encode(_guess(item))
    _replace(disk, item, HEADER, old, copy)
    return [HEADER]


def _guess(item: str) -> ledger.Header:
    match = _NAME.fullmatch(item)
    lesson, started_ms = item, 0
    if match is not None:
        started = datetime.strptime(match[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lesson, started_ms = match[1], round(started.timestamp() * 1000)
    return ledger.Header(
        id=item, lesson=lesson, title=item, started_ms=started_ms, version=ledger.VERSION, key=""
    )


def _replace(disk: Storage, item: str, name: str, old: bytes, data: bytes) -> None:
    if old:
        disk.replace(f"{item}/{name}{DAMAGED}", old)
    disk.replace(f"{item}/{name}", data)


def _read(disk: Storage, path: str) -> bytes:
    try:
        return disk.read(path)
    except FileNotFoundError:
        return b""
