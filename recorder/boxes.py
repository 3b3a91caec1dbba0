"""Reading the boxes of ISO base media files (ISO/IEC 14496-12), as far as recovery and playlists need."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_SAMPLES = 100_000
"""Of one fragment: a hundred times what half a second can have."""
NOT_SYNC = 0x10000
"""`sample_is_non_sync_sample` of the sample flags (8.8.3.1)."""


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
    return _unpack("!I", init, header.body + (20 if _unpack("!B", init, header.body) else 12))


def fragment_times(moof: bytes) -> FragmentTimes:
    """Of one `moof` box with its header. Raises BadBoxError."""
    time, runs = _read_run(moof)
    return FragmentTimes(
        time=time,
        duration=sum(sample.duration for sample in runs),
        keyframe=bool(runs) and runs[0].keyframe,
        samples=len(runs),
    )


def is_keyframe(fragment: bytes) -> bool:
    """Whether the first sample of a fragment is a sync sample. Raises BadBoxError."""
    _, run = _read_run(fragment)
    return bool(run) and run[0].keyframe


def samples(fragment: bytes) -> Iterator[tuple[int, int, bool, bytes]]:
    """(time, duration, keyframe, data) of the samples of one fragment: `moof` and `mdat`, one run, as we
    write them.

    Raises BadBoxError.
    """
    time, run = _read_run(fragment)
    offset = find(fragment, b"mdat").body
    for sample in run:
        if offset + sample.size > len(fragment):
            raise BadBoxError("sample cut off")
        yield time, sample.duration, sample.keyframe, fragment[offset : offset + sample.size]
        time += sample.duration
        offset += sample.size


@dataclass(frozen=True, slots=True)
class _SampleEntry:
    duration: int
    size: int
    keyframe: bool


def _read_run(data: bytes) -> tuple[int, list[_SampleEntry]]:
    """(`tfdt`, the samples of the one `trun`) of the `moof` in the data."""
    track = find(data, b"moof", b"traf")
    header, decode_time, run = (find(data, kind, within=track) for kind in (b"tfhd", b"tfdt", b"trun"))
    wide = _unpack("!B", data, decode_time.body) == 1
    time = _unpack("!Q" if wide else "!I", data, decode_time.body + 4)
    return time, _entries(data, run, _defaults(data, header))


def _defaults(data: bytes, header: Box) -> dict[int, int]:
    """Default duration, size and flags of a `tfhd` (8.8.7), by the bit that stands for them in a `trun`."""
    flags = _unpack("!I", data, header.body) & 0xFFFFFF
    offset = header.body + 8 + 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02)
    found = {0x100: 0, 0x200: 0, 0x400: 0}
    for present, field in ((0x08, 0x100), (0x10, 0x200), (0x20, 0x400)):
        if flags & present:
            found[field] = _unpack("!I", data, offset)
            offset += 4
    return found


def _entries(data: bytes, run: Box, defaults: dict[int, int]) -> list[_SampleEntry]:
    """The samples of a `trun` (8.8.8)."""
    flags = _unpack("!I", data, run.body) & 0xFFFFFF
    count = _unpack("!I", data, run.body + 4)
    offset = run.body + 8 + 4 * bool(flags & 0x01)
    first_flags = _unpack("!I", data, offset) if flags & 0x04 else None
    offset += 4 * bool(flags & 0x04)
    present = [field for field in (0x100, 0x200, 0x400, 0x800) if flags & field]
    if count > MAX_SAMPLES or offset + 4 * len(present) * count > run.end:
        raise BadBoxError("sample table cut off")
    entries: list[_SampleEntry] = []
    for index in range(count):
        values = dict(defaults)
        for field in present:
            values[field] = _unpack("!I", data, offset)
            offset += 4
        if index == 0 and first_flags is not None:
            values[0x400] = first_flags
        entries.append(_SampleEntry(values[0x100], values[0x200], not values[0x400] & NOT_SYNC))
    return entries


def _unpack(format: str, data: bytes, offset: int) -> int:
    try:
        (value,) = struct.unpack_from(format, data, offset)
    except struct.error:
        raise BadBoxError("box too short") from None
    return int(value)
