"""Reading the boxes of ISO base media files (ISO/IEC 14496-12), as far as recovery and playlists need."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"}


class BadBoxError(ValueError):
    """Not a whole box where one was expected."""


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    body: int
    """Offset of what follows the header."""
    end: int


@dataclass(frozen=True, slots=True)
class FragmentTimes:
    """What a `moof` says of its one track."""

    time: int
    """`tfdt`, ticks."""
    duration: int
    """Sum of its samples, ticks."""
    keyframe: bool
    """The first sample is a sync sample."""
    samples: int


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes side by side in data[start:end]. Raises BadBoxError at one that is cut off."""
    end = len(data) if end is None else end
    while start < end:
        if start + 8 > end:
            raise BadBoxError("box header cut off")
        size, kind = struct.unpack_from("!I4s", data, start)
        body = start + 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from("!Q", data, body)
            body += 8
        if size < body - start or start + size > end:
            raise BadBoxError("box cut off")
        yield Box(kind, start, body, start + size)
        start += size


def top_level(data: bytes) -> list[Box]:
    """Raises BadBoxError."""
    return list(boxes(data))


def find(data: bytes, *path: bytes, within: Box | None = None) -> Box:
    """The first box under that path. Raises BadBoxError when there is none."""
    found = within or Box(b"", 0, 0, len(data))
    for kind in path:
        inside = (box for box in boxes(data, found.body, found.end) if box.kind == kind)
        match = next(inside, None)
        if match is None:
            raise BadBoxError(f"no {kind.decode('latin-1')} box")
        found = match
    return found


def timescale(init: bytes) -> int:
    """Ticks per second of the first track (`mdhd`). Raises BadBoxError."""
    header = find(init, b"moov", b"trak", b"mdia", b"mdhd")
    return _unpack("!I", init, header.body + (20 if init[header.body] else 12))


def fragment_times(moof: bytes) -> FragmentTimes:
    """Of one `moof` box with its header. Raises BadBoxError."""
    fragment = find(moof, b"moof", b"traf")
    header, decode_time, run = (find(moof, kind, within=fragment) for kind in (b"tfhd", b"tfdt", b"trun"))
    flags = _unpack("!I", moof, header.body) & 0xFFFFFF
    default_duration, default_flags = _defaults(moof, header.body + 8, flags)
    wide = moof[decode_time.body] == 1
    time = _unpack("!Q" if wide else "!I", moof, decode_time.body + 4)
    return _run_times(moof, run, time, default_duration, default_flags)


def _defaults(moof: bytes, offset: int, flags: int) -> tuple[int, int]:
    """Default sample duration and flags of a `tfhd` (8.8.7)."""
    offset += 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02)
    duration = _unpack("!I", moof, offset) if flags & 0x08 else 0
    offset += 4 * bool(flags & 0x08) + 4 * bool(flags & 0x10)
    return duration, _unpack("!I", moof, offset) if flags & 0x20 else 0


def _run_times(moof: bytes, run: Box, time: int, default_duration: int, default_flags: int) -> FragmentTimes:
    """Sums up a `trun` (8.8.8)."""
    flags = _unpack("!I", moof, run.body) & 0xFFFFFF
    samples = _unpack("!I", moof, run.body + 4)
    offset = run.body + 8 + 4 * bool(flags & 0x01)
    first_flags = _unpack("!I", moof, offset) if flags & 0x04 else default_flags
    offset += 4 * bool(flags & 0x04)
    step = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if flags & 0x400 and samples:
        first_flags = _unpack("!I", moof, offset + 4 * bool(flags & 0x100) + 4 * bool(flags & 0x200))
    duration = default_duration * samples
    if flags & 0x100:
        if offset + step * samples > run.end:
            raise BadBoxError("sample table cut off")
        duration = sum(_unpack("!I", moof, offset + step * index) for index in range(samples))
    return FragmentTimes(time, duration, not first_flags & 0x10000, samples)


def _unpack(format: str, data: bytes, offset: int) -> int:
    try:
        (value,) = struct.unpack_from(format, data, offset)
    except struct.error:
        raise BadBoxError("box too short") from None
    return int(value)
