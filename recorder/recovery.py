"""Mends an item whose writer died: cuts torn ends off, completes the indexes from the part files.

Whatever is on the disk up to the last whole fragment stays. Nothing is decoded and nothing is moved; mending
a mended item changes nothing.
"""

from __future__ import annotations

import logging

from recorder import index, ledger
from recorder.boxes import BadBoxError, Box, boxes, find, fragment_times, timescale
from recorder.index import Fragment, Line, Part, TrackIndex
from recorder.item import KnownItem, header_path, index_path, ledger_path, part_path
from recorder.library import write_summary
from recorder.storage import Storage

logger = logging.getLogger(__name__)

RFC6381 = {b"vp08": "vp08.00.10.08", b"vp09": "vp09.00.10.08", b"av01": "av01.0.08M.08"}
"""Where the header of a part alone does not tell level and depth: what WebRTC sends."""


def mend(storage: Storage, item: str) -> KnownItem:
    """Raises OSError."""
    entries, size = ledger.decode(_read(storage, ledger_path(item)))
    _cut_to(storage, ledger_path(item), size)
    tracks = [entry.track for entry in entries if isinstance(entry, ledger.TrackAdded)]
    return KnownItem(entries, size, {track: mend_track(storage, item, track) for track in tracks})


def mend_track(storage: Storage, item: str, track: str) -> tuple[TrackIndex, int]:
    """(index, length of its file). Raises OSError."""
    path = index_path(item, track)
    lines, size = index.decode(_read(storage, path))
    whole = _within_files(storage, item, track, lines)
    if len(whole) < len(lines):
        lines = whole
        size = sum(len(index.encode(line)) for line in lines)
    _cut_to(storage, path, size)
    found = _complete(storage, item, track, lines)
    for line in found:
        data = index.encode(line)
        storage.write(path, size, data)
        size += len(data)
    storage.sync(path)
    storage.close(path)
    return TrackIndex.of([*lines, *found]), size


def close_left_open(storage: Storage) -> list[str]:
    """Ends every item that has no end, as of its last sample; returns their ids. An item that cannot be
    mended is left as it is, for an operator to look at; it is not worth keeping the server from starting."""
    closed = []
    for item in storage.names():
        try:
            if _is_open(storage, item):
                close_item(storage, item)
                closed.append(item)
        except OSError as error:
            logger.error("x %s cannot be mended: %s", item, error)
    return closed


def close_item(storage: Storage, item: str) -> None:
    """Raises OSError."""
    known = mend(storage, item)
    end_us = max((found.span_us[1] for found, _ in known.indexes.values()), default=0)
    path = ledger_path(item)
    storage.write(path, known.ledger_size, ledger.encode(ledger.Ended(at_us=end_us, cause="server")))
    storage.sync(path)
    storage.close(path)
    write_summary(storage, item)


def _is_open(storage: Storage, item: str) -> bool:
    if not storage.size(header_path(item)):
        return False
    entries, _ = ledger.decode(_read(storage, ledger_path(item)))
    return not any(isinstance(entry, ledger.Ended) for entry in entries)


def _within_files(storage: Storage, item: str, track: str, lines: list[Line]) -> list[Line]:
    """The lines up to the first that tells of bytes that are not there (written before the power went)."""
    sizes = {line.part: storage.size(part_path(item, track, line.part)) for line in lines}
    for position, line in enumerate(lines):
        end = line.init if isinstance(line, Part) else line.offset + line.length
        if end > sizes[line.part]:
            return lines[:position]
    return lines


def _complete(storage: Storage, item: str, track: str, lines: list[Line]) -> list[Line]:
    """Lines for what the part files have and the index has not; torn ends are cut off."""
    found: list[Line] = []
    part = max((line.part for line in lines), default=0)
    while storage.size(path := part_path(item, track, part)):
        ours = [line for line in lines if line.part == part]
        start = max(
            (line.init if isinstance(line, Part) else line.offset + line.length for line in ours), default=0
        )
        fresh, valid = rebuild_index(storage.read(path, start), part, start)
        _cut_to(storage, path, valid)
        found += fresh
        part += 1
    return found


def rebuild_index(data: bytes, part: int, start: int = 0) -> tuple[list[Line], int]:
    """data: a part file from `start` on. (Lines for its whole fragments, length of the file up to which
    it is whole)."""
    lines: list[Line] = []
    valid = start
    fragment: Box | None = None
    try:
        if start == 0:
            first = _read_init(data, part)
            lines.append(first)
            valid = first.init
        for box in boxes(data, valid - start):
            if box.kind == b"moof":
                fragment = box
            elif box.kind == b"mdat" and fragment is not None:
                lines.append(_read_fragment(data, part, fragment, box, start))
                valid, fragment = start + box.end, None
    except BadBoxError:
        pass  # the torn end
    return lines, valid


def _read_fragment(data: bytes, part: int, header: Box, body: Box, base: int) -> Fragment:
    times = fragment_times(data[header.start : header.end])
    return Fragment(
        part=part,
        offset=base + header.start,
        length=body.end - header.start,
        time=times.time,
        duration=times.duration,
        keyframe=times.keyframe,
    )


def _read_init(data: bytes, part: int) -> Part:
    """Raises BadBoxError when the initialisation segment is not whole."""
    end = 0
    for box in boxes(data):
        end = box.end
        if box.kind == b"moov":
            break
    else:
        raise BadBoxError("no moov box")
    codec, width, height = sample_entry(data[:end])
    return Part(part=part, init=end, codec=codec, timescale=timescale(data[:end]), width=width, height=height)


def sample_entry(init: bytes) -> tuple[str, int, int]:
    """(RFC 6381 codec, width, height) of the first track. Raises BadBoxError."""
    table = find(init, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes(init, table.body + 8, table.end), None)
    if entry is None:
        raise BadBoxError("no sample entry")
    if entry.kind == b"Opus":
        return "opus", 0, 0
    width = int.from_bytes(init[entry.body + 24 : entry.body + 26], "big")
    height = int.from_bytes(init[entry.body + 26 : entry.body + 28], "big")
    if entry.kind == b"avc1":
        settings = init.find(b"avcC", entry.start, entry.end) + 5
        return f"avc1.{init[settings : settings + 3].hex()}", width, height
    return RFC6381.get(entry.kind, ""), width, height


def _read(storage: Storage, path: str) -> bytes:
    try:
        return storage.read(path)
    except FileNotFoundError:
        return b""


def _cut_to(storage: Storage, path: str, size: int) -> None:
    if storage.size(path) > size:
        logger.warning("- %s: torn end cut off at %d", path, size)
        storage.truncate(path, size)
