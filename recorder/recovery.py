"""Mends an item whose writer died: cuts torn ends off, completes the indexes from the part files.

Whatever is on the disk up to the last whole fragment stays. Nothing is decoded and nothing is moved; mending
a mended item changes nothing.

What was signed is left alone, whatever has become of it since: it is for `verify` to say, and the only thing
ever cut off is what nobody signed for. Behind the last checkpoint the bytes are compared with their hashes: a
power cut leaves files that are long enough and hold zeros.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from recorder import chain, index, ledger
from recorder.chain import Checkpoint, Head, Signer
from recorder.index import Line, Part, TrackIndex
from recorder.item import (
    CHECKPOINTS,
    LEDGER,
    KnownItem,
    KnownTrack,
    checkpoints_path,
    header_path,
    index_name,
    index_path,
    ledger_path,
    part_path,
    summary_path,
    tombstone_path,
)
from recorder.library import write_summary
from recorder.media_lines import rebuild_index
from recorder.storage import Storage

logger = logging.getLogger(__name__)


def mend(storage: Storage, item: str) -> KnownItem:
    """Raises OSError."""
    header = _read(storage, header_path(item))
    if not header:
        return KnownItem()
    checkpoints = _mend_lines(storage, checkpoints_path(item))
    heads = chain.heads_of(checkpoints)
    log = _mend_lines(storage, ledger_path(item))
    entries, _ = ledger.decode(log)
    return KnownItem(
        header=header,
        entries=entries,
        ledger=chain.end_of(log, chain.genesis(header, LEDGER)),
        checkpoints=chain.end_of(checkpoints, chain.genesis(header, CHECKPOINTS)),
        tracks={
            entry.track: mend_track(storage, item, entry.track, header, heads.get(index_name(entry.track)))
            for entry in entries
            if isinstance(entry, ledger.TrackAdded)
        },
    )


def mend_track(storage: Storage, item: str, track: str, header: bytes, signed: Head | None) -> KnownTrack:
    """signed: how much of its index was signed for. Raises OSError."""
    path = index_path(item, track)
    data = _read(storage, path)
    lines, size = _trusted(storage, item, track, data, signed.size if signed else 0)
    _cut_to(storage, path, size)
    end = chain.end_of(data[:size], chain.genesis(header, index_name(track)))
    found = _complete(storage, item, track, lines)
    for line in found:
        offset = end.size
        storage.write(path, offset, end.link(index.body(line)))
    if found:
        storage.sync(path)
        storage.close(path)
    made = TrackIndex.of([*lines, *found])
    # With its index lost and its parts gone to the archive nobody here knows their numbers; each has a line.
    least = signed.lines if signed is not None and end.lines < signed.lines else 0
    return KnownTrack(made, end, max(least, 1 + max(made.parts, default=-1)))


def left_open(storage: Storage) -> list[str]:
    """Ids of the items that have no end."""
    found = []
    for item in storage.names():
        try:
            if _is_open(storage, item):
                found.append(item)
        except OSError as error:
            logger.error("x %s cannot be read: %s", item, error)
    return found


def close_left_open(storage: Storage, signer: Signer) -> list[str]:
    """Ends every item that has no end, as of its last sample; returns their ids. An item that cannot be
    mended is left as it is, for an operator to look at; it is not worth keeping the server from starting."""
    return [item for item in left_open(storage) if try_close(storage, item, signer)]


def try_close(storage: Storage, item: str, signer: Signer) -> bool:
    try:
        close_item(storage, item, signer)
    except OSError as error:
        logger.error("x %s cannot be mended: %s", item, error)
        return False
    return True


def close_item(storage: Storage, item: str, signer: Signer) -> None:
    """Raises OSError."""
    known = mend(storage, item)
    assert known.ledger is not None and known.checkpoints is not None, "an open item has a header"
    ended = ledger.Ended(at_us=known.end_us, cause="server")
    offset = known.ledger.size
    if not _is_chained(known.header):
        _append(storage, ledger_path(item), offset, ledger.encode(ended))
    else:
        if not _has_ended(known.entries):
            _append(storage, ledger_path(item), offset, known.ledger.link(ledger.body(ended)))
        _seal(storage, item, known, signer)
    write_summary(storage, item)


def _seal(storage: Storage, item: str, known: KnownItem, signer: Signer) -> None:
    assert known.ledger is not None and known.checkpoints is not None
    heads = {index_name(track): each.end.head for track, each in known.tracks.items()}
    seal = Checkpoint(item=item, at_us=known.end_us, files={LEDGER: known.ledger.head, **heads}, sealed=True)
    offset = known.checkpoints.size
    _append(storage, checkpoints_path(item), offset, known.checkpoints.sign(seal, signer))


def _append(storage: Storage, path: str, offset: int, data: bytes) -> None:
    storage.write(path, offset, data)
    storage.sync(path)
    storage.close(path)


def _is_open(storage: Storage, item: str) -> bool:
    if storage.size(summary_path(item)) or storage.size(tombstone_path(item)):
        return False  # the summary is written last: a library of thousands is looked through at each start
    header = _read(storage, header_path(item))
    if not header:
        return False
    if _is_chained(header):
        return not chain.is_sealed(_read(storage, checkpoints_path(item)))
    return not _has_ended(ledger.decode(_read(storage, ledger_path(item)))[0])


def _is_chained(header: bytes) -> bool:
    read = ledger.decode_header(header)
    return read is not None and read.version >= ledger.VERSION


def _has_ended(entries: Iterable[ledger.Entry]) -> bool:
    return any(isinstance(entry, ledger.Ended) for entry in entries)


def _mend_lines(storage: Storage, path: str) -> bytes:
    """The file up to its last line's end; a torn end is cut off."""
    data = _read(storage, path)
    size = data.rfind(b"\n") + 1
    while size and not data[:size].rstrip(b"\n").endswith(b"}"):
        size = data.rfind(b"\n", 0, size - 1) + 1  # pages that a power cut took read as zeros
    _cut_to(storage, path, size)
    return data[:size]


def _trusted(storage: Storage, item: str, track: str, data: bytes, signed: int) -> tuple[list[Line], int]:
    """(the lines of an index up to the first that was not signed for and tells of what is not there; where
    they end)."""
    lines: list[Line] = []
    size = 0
    for line, end in index.each(data):
        if line is not None and (end <= signed or _is_there(storage, item, track, line)):
            lines.append(line)
        elif end > signed:
            break
        size = end
    return lines, size


def _is_there(storage: Storage, item: str, track: str, line: Line) -> bool:
    offset, length = (0, line.init) if isinstance(line, Part) else (line.offset, line.length)
    path = part_path(item, track, line.part)
    if storage.size(path) < offset + length:
        return False
    if not line.sha256 or chain.digest(storage.read(path, offset, length)) == line.sha256:
        return True
    _cut_to(storage, path, offset)
    return False


def _complete(storage: Storage, item: str, track: str, lines: Sequence[Line]) -> list[Line]:
    """Lines for what the part files have and the index has not; torn ends are cut off."""
    found: list[Line] = []
    part = max((line.part for line in lines), default=0)
    while storage.size(path := part_path(item, track, part)):
        ours = [line for line in lines if line.part == part]
        start = max(
            (line.init if isinstance(line, Part) else line.offset + line.length for line in ours), default=0
        )
        if start > storage.size(path):
            break  # shorter than what was signed for
        fresh, valid = rebuild_index(storage.read(path, start), part, start)
        _cut_to(storage, path, valid)
        found += fresh
        part += 1
    return found


def _read(storage: Storage, path: str) -> bytes:
    try:
        return storage.read(path)
    except FileNotFoundError:
        return b""


def _cut_to(storage: Storage, path: str, size: int) -> None:
    if storage.size(path) > size:
        logger.warning("- %s: torn end cut off at %d", path, size)
        storage.truncate(path, size)
