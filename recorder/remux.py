"""An item as one MP4, laid out without being written: any range of its bytes can be had at once.

    ftyp  moov  sidx (one per track)  [moof mdat]...  in the order of time

The file is fragmented, as the recording is (ISO/IEC 14496-12, 8.8). Its media are the recorder's own
fragments, segment after segment of all tracks, each with another track number, and a sequence number, written
into its `moof`: that changes no length. So the layout follows from the lengths of the segments alone; of
eight hours it takes a tenth of a second, and no byte of media is read before it is sent. A `sidx` box
(8.16.3) per track says where each segment is, so players seek without reading what lies before.

The file's clock is the item's. Sound is silence where nothing was recorded, from 0 to the end: players keep
time by it. A picture stands until the next, and the first one from 0 on (FFmpeg, and what is built on it,
take the end of a track in `sidx` for its length, and are right when it begins at 0).

Parts of one track in one codec are one track of the file, described by the first of them. Where another part
has other parameter sets (H.264), its keyframes bring their own in front, for demuxers that know one
description only; so a segment is longer by that for each of its keyframes. A part in another codec makes
another track.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from recorder.boxes import BadBoxError, Box, boxes, find, is_keyframe, samples
from recorder.depacketize.opus import SILENCE, SILENCE_TICKS
from recorder.index import Part
from recorder.ledger import TrackAdded
from recorder.playlist import NothingRecordedError, main_tracks
from recorder.segments import Segment, SegmentTable

MAX_REFERENCES = 65_535
"""Of one `sidx` box: its count has 16 bits. Two days of pictures."""
MAX_FRAGMENTS = 64
"""Of one segment: of 6 s, with a fragment per half second. For sequence numbers only."""
FILE_TYPE = struct.pack("!I4s4sI4s4s4s4s", 32, b"ftyp", b"iso6", 0, b"iso6", b"cmfc", b"mp41", b"dash")

ReadRange = Callable[[str, int, int], bytes]
"""(name of the item's file, start, length) -> bytes; raises OSError."""


class Track(Protocol):
    @property
    def entry(self) -> TrackAdded: ...
    @property
    def parts(self) -> dict[int, Part]: ...
    @property
    def table(self) -> SegmentTable: ...


@dataclass(slots=True)
class _Output:
    """One track of the file: all parts of a track in one codec."""

    number: int
    """From 1."""
    entry: TrackAdded
    parts: dict[int, Part]
    enabled: bool
    init: bytes = b""
    prefixes: dict[int, bytes] = field(default_factory=dict)
    """Part -> what its keyframes bring with them."""
    still: bytes = b""
    """The first picture."""

    @property
    def timescale(self) -> int:
        return next(iter(self.parts.values())).timescale

    def ticks(self, us: int) -> int:
        return us * self.timescale // 1_000_000


@dataclass(frozen=True, slots=True)
class _Row:
    """A segment's place."""

    start_us: int
    output: _Output
    end_us: int
    part: int
    offset: int
    length: int
    """In the part file; 0: silence, or the first picture."""
    size: int
    """In this file."""
    independent: bool


class Mp4:
    """The layout. `read` gives any bytes of the file; the same file of the same segments, always."""

    def __init__(self, tracks: Sequence[Track], read: ReadRange, until_us: int | None = None) -> None:
        """tracks: those with media. until_us: only segments that end by then. Raises NothingRecordedError,
        OSError, BadBoxError."""
        self._read = read
        self._outputs = _outputs(tracks)
        for output in self._outputs:
            _describe(output, read)
        self._rows = _rows(self._outputs, tracks, until_us, read)
        used = {id(row.output) for row in self._rows}
        self._outputs = [output for output in self._outputs if id(output) in used]
        for number, output in enumerate(self._outputs, 1):
            output.number = number
        end_us = max((row.end_us for row in self._rows), default=0)
        self.header, self._positions = self._lay_out(end_us)
        self.size = self._positions[-1]
        self.etag = f'"{zlib.crc32(self.header):08x}-{self.size:x}"'

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """bytes[start:start+length], in pieces of at most a segment. Raises OSError, BadBoxError."""
        end = min(start + length, self.size)
        if start < len(self.header):
            yield self.header[start : min(end, len(self.header))]
            start = len(self.header)
        number = bisect_right(self._positions, start) - 1
        while start < end:
            position = self._positions[number]
            data = self._segment(number)
            yield data[start - position : end - position]
            number += 1
            start = self._positions[number]

    def _lay_out(self, end_us: int) -> tuple[bytes, list[int]]:
        """(what stands before the media, where each row begins and the last ends)."""
        heads = FILE_TYPE + _moov(self._outputs, end_us)
        counts = [len(self._references(output)) for output in self._outputs]
        position = len(heads) + sum(_sidx_size(count) for count in counts)
        positions = [position]
        for row in self._rows:
            position += row.size
            positions.append(position)
        written = len(heads)
        for output in self._outputs:
            box = _sidx(output, self._references(output), self._rows, positions, written)
            heads += box
            written += len(box)
        return heads, positions

    def _references(self, output: _Output) -> list[int]:
        """The rows at which one can begin to play that track."""
        found = [n for n, row in enumerate(self._rows) if row.output is output]
        able = [n for n in found if self._rows[n].independent] or found
        if able[0] != found[0]:
            able.insert(0, found[0])
        return able[:: len(able) // (MAX_REFERENCES + 1) + 1]

    def _segment(self, number: int) -> bytes:
        row = self._rows[number]
        sequence = number * MAX_FRAGMENTS + 1
        if row.output.still and not row.length:
            return still_fragment(row.output.number, sequence, row.output.ticks(row.end_us), row.output.still)
        if not row.length:
            first = row.output.ticks(row.start_us)
            count = (row.output.ticks(row.end_us) - first) // SILENCE_TICKS
            return silent_fragment(row.output.number, sequence, first, count)
        name = f"{row.output.entry.track}.{row.part}.mp4"
        data = self._read(name, row.offset, row.length)
        if len(data) < row.length:
            raise BadBoxError(f"{name} is shorter than its index says")
        prefix = row.output.prefixes.get(row.part, b"")
        out = bytearray()
        for index, (header, body) in enumerate(_fragments(data)):
            fragment = renumbered(data[header.start : body.end], row.output.number, sequence + index)
            out += with_prefix(fragment, prefix) if prefix else fragment
        if len(out) != row.size:
            raise BadBoxError(f"{name}: a segment of {len(out)} bytes, expected {row.size}")
        return bytes(out)


def _outputs(tracks: Sequence[Track]) -> list[_Output]:
    main = main_tracks(tracks)
    found: list[_Output] = []
    for track in main + [each for each in tracks if each not in main]:
        by_codec: dict[str, dict[int, Part]] = {}
        for number in sorted(track.parts):
            part = track.parts[number]
            by_codec.setdefault(part.codec.partition(".")[0], {})[number] = part
        for parts in by_codec.values():
            enabled = all(output.entry.kind != track.entry.kind for output in found)
            found.append(_Output(len(found) + 1, track.entry, parts, enabled))
    return found


def _describe(output: _Output, read: ReadRange) -> None:
    """Reads the initialisation segments."""
    first: bytes | None = None
    for number, part in output.parts.items():
        init = read(f"{output.entry.track}.{number}.mp4", 0, part.init)
        sets = parameter_sets(init) if part.codec.startswith("avc1") else b""
        if first is None:
            output.init, first = init, sets
        elif sets != first:
            output.prefixes[number] = sets


def _rows(
    outputs: Sequence[_Output], tracks: Sequence[Track], until_us: int | None, read: ReadRange
) -> list[_Row]:
    tables = {track.entry.track: track.table for track in tracks}
    rows: list[_Row] = []
    for output in outputs:
        found: list[_Row] = []
        for segment in tables[output.entry.track]:
            if until_us is not None and segment.end_us > until_us:
                break
            if segment.part in output.parts and (row := _row(output, segment)):
                found.append(row)
        if found and found[0].start_us and output.entry.kind == "video":
            found.insert(0, _first_picture(output, found[0], read))
        rows += found
    if not rows:
        raise NothingRecordedError("nothing by then")
    rows.sort(key=lambda row: (row.start_us, row.output.number))
    return rows


def _row(output: _Output, segment: Segment) -> _Row | None:
    sound = output.entry.kind == "audio"
    size = segment.length
    if size:
        size += len(output.prefixes.get(segment.part, b"")) * segment.keyframes
    elif sound:
        size = _silence_size(output, segment.start_us, segment.end_us)
    if not size:
        return None
    place = (segment.part, segment.offset, segment.length)
    return _Row(segment.start_us, output, segment.end_us, *place, size, sound or segment.independent)


def _first_picture(output: _Output, first: _Row, read: ReadRange) -> _Row:
    data = read(f"{output.entry.track}.{first.part}.mp4", first.offset, first.length)
    header, body = next(_fragments(data), (None, None))
    if header is None or body is None:
        raise BadBoxError("a segment without a fragment")
    _, _, _, output.still = next(samples(data[header.start : body.end]))
    size = len(still_fragment(1, 1, 1, output.still))
    return _Row(0, output, first.start_us, first.part, first.offset, 0, size, first.independent)


def _silence_size(output: _Output, start_us: int, end_us: int) -> int:
    count = (output.ticks(end_us) - output.ticks(start_us)) // SILENCE_TICKS
    return len(silent_fragment(1, 1, 0, 0)) + count * len(SILENCE) if count else 0


def _fragments(data: bytes) -> Iterator[tuple[Box, Box]]:
    """`moof` and `mdat` of each fragment."""
    for header, body in pairwise(boxes(data)):
        if header.kind == b"moof" and body.kind == b"mdat":
            yield header, body


# --- boxes
# ------------------------------------------------------------------------------------------------------


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack("!I4s", 8 + len(body), kind) + body


def _moov(outputs: Sequence[_Output], end_us: int) -> bytes:
    """The tracks' own descriptions under new numbers; nothing of the media is in it."""
    first = outputs[0].init
    header = find(first, b"moov", b"mvhd")
    overall = bytearray(first[header.start : header.end])
    struct.pack_into("!I", overall, len(overall) - 4, len(outputs) + 1)  # next_track_ID
    (rate,) = struct.unpack_from("!I", overall, 8 + 12)
    length = _box(b"mehd", struct.pack("!IQ", 1 << 24, end_us * rate // 1_000_000))
    tracks = [_trak(output) for output in outputs]
    return _box(b"moov", bytes(overall), *tracks, _box(b"mvex", length, *(_trex(each) for each in outputs)))


def _trak(output: _Output) -> bytes:
    box = find(output.init, b"moov", b"trak")
    data = bytearray(output.init[box.start : box.end])
    header = find(bytes(data), b"trak", b"tkhd")
    flags = 0x07 if output.enabled else 0x06  # in movie, in preview; only the first of a kind is enabled
    struct.pack_into("!I", data, header.body, data[header.body] << 24 | flags)
    wide = data[header.body] == 1
    struct.pack_into("!I", data, header.body + (20 if wide else 12), output.number)
    return bytes(data)


def _trex(output: _Output) -> bytes:
    box = find(output.init, b"moov", b"mvex", b"trex")
    data = bytearray(output.init[box.start : box.end])
    struct.pack_into("!I", data, 12, output.number)
    return bytes(data)


def _sidx_size(references: int) -> int:
    return 40 + 12 * references


def _sidx(
    output: _Output, references: Sequence[int], rows: Sequence[_Row], positions: Sequence[int], at: int
) -> bytes:
    """8.16.3. A reference goes up to the next of the same track, whatever lies between."""
    times = [output.ticks(rows[number].start_us) for number in references]
    last = max(row.end_us for row in rows if row.output is output)
    times.append(output.ticks(last))
    places = [*(positions[number] for number in references), positions[-1]]
    entries = []
    for index, number in enumerate(references):
        size, duration = places[index + 1] - places[index], times[index + 1] - times[index]
        access = 0x9000_0000 if rows[number].independent else 0  # starts with a SAP, of type 1
        entries.append(struct.pack("!III", size & 0x7FFF_FFFF, duration & 0xFFFF_FFFF, access))
    gap = places[0] - at - _sidx_size(len(references))
    head = struct.pack(
        "!IIIQQHH", 1 << 24, output.number, output.timescale, times[0], gap, 0, len(references)
    )
    return _box(b"sidx", head, *entries)


def silent_fragment(track: int, sequence: int, time: int, count: int) -> bytes:
    """`count` packets of silent Opus from `time` on, ticks of 48 kHz."""
    defaults = struct.pack("!IIIII", 0x020038, track, SILENCE_TICKS, len(SILENCE), 0x0200_0000)
    return _fragment(sequence, _box(b"tfhd", defaults), time, count, SILENCE * count)


def still_fragment(track: int, sequence: int, duration: int, picture: bytes) -> bytes:
    """One picture from 0 on; ticks of the track's clock."""
    defaults = struct.pack("!IIIII", 0x020038, track, min(duration, 0xFFFF_FFFF), len(picture), 0x0200_0000)
    return _fragment(sequence, _box(b"tfhd", defaults), 0, 1, picture)


def _fragment(sequence: int, header: bytes, time: int, count: int, media: bytes) -> bytes:
    head = _box(b"mfhd", struct.pack("!II", 0, sequence))
    place = header + _box(b"tfdt", struct.pack("!IQ", 1 << 24, time))
    size = 8 + len(head) + 8 + len(place) + 20
    run = _box(b"trun", struct.pack("!III", 1, count, size + 8))
    return _box(b"moof", head, _box(b"traf", place, run)) + _box(b"mdat", media)


def renumbered(fragment: bytes, track: int, sequence: int) -> bytes:
    """The fragment as one of another track. Raises BadBoxError."""
    data = bytearray(fragment)
    moof = find(fragment, b"moof")
    struct.pack_into("!I", data, find(fragment, b"mfhd", within=moof).body + 4, sequence)
    struct.pack_into("!I", data, find(fragment, b"traf", b"tfhd", within=moof).body + 4, track)
    described = find(fragment, b"traf", b"tfhd", within=moof).body
    if fragment[described + 3] & 0x02:  # sample_description_index: there is one
        struct.pack_into("!I", data, described + 8, 1)
    return bytes(data)


def with_prefix(fragment: bytes, prefix: bytes) -> bytes:
    """A fragment that begins with a keyframe, with parameter sets in front of it; another as it is.

    Where all its samples are of one size, which is told once for all of them, there is no place for a longer
    first one: then a `free` box of that length follows, and the picture stands until the next keyframe.
    """
    if not is_keyframe(fragment):
        return fragment
    data = bytearray(fragment)
    moof, mdat = find(fragment, b"moof"), find(fragment, b"mdat")
    run = find(fragment, b"traf", b"trun", within=moof)
    flags, count = struct.unpack_from("!II", fragment, run.body)
    if flags & 0x200:
        place = run.body + 8 + 4 * bool(flags & 0x01) + 4 * bool(flags & 0x04) + 4 * bool(flags & 0x100)
    elif count == 1:
        header = find(fragment, b"traf", b"tfhd", within=moof).body
        told = int.from_bytes(fragment[header + 1 : header + 4], "big")
        place = header + 8 + 8 * bool(told & 0x01) + 4 * bool(told & 0x02) + 4 * bool(told & 0x08)
    else:
        return fragment + struct.pack("!I4s", len(prefix), b"free").ljust(len(prefix), b"\0")
    for at in (place, mdat.start):
        (size,) = struct.unpack_from("!I", data, at)
        struct.pack_into("!I", data, at, size + len(prefix))
    data[mdat.body : mdat.body] = prefix
    return bytes(data)


def parameter_sets(init: bytes) -> bytes:
    """SPS and PPS of an `avcC` box, each with its length in 4 bytes. Raises BadBoxError."""
    offset = init.find(b"avcC") + 4 + 5
    if offset < 9:
        raise BadBoxError("no avcC box")
    units: list[bytes] = []
    for mask in (0x1F, 0xFF):
        count, offset = init[offset] & mask, offset + 1
        for _ in range(count):
            (size,) = struct.unpack_from("!H", init, offset)
            units.append(init[offset + 2 : offset + 2 + size])
            offset += 2 + size
    return b"".join(struct.pack("!I", len(unit)) + unit for unit in units)
