"""From the fragments of one track to segments and partial segments of HLS, one fragment at a time. Pure.

A fragment is a partial segment (RFC 8216bis, 4.4.4.9) as it is; a segment is a run of them, one byte range of
a part file. What a segment is follows from the fragments before it only, so a live playlist grows and never
changes what it said, and a server that was restarted says the same again.

A partial segment may last PART_TARGET_US at most, and 85 % of that at least unless it begins with a keyframe
or ends its segment. Fragments are half a second long, but not all of them: loss, a slow camera or a page that
stands still make them shorter or longer. So a short one ends its segment, and a long one is a segment by
itself, told without partial segments.

Every track covers the item's clock from 0 on: before its first fragment, between two, and (`extend`) while
the others go on without it, there are segments without media, of TARGET_S at most. So all playlists of an
item have one time, and a player can change between them. A hole is told only LATE_US behind the others: what
comes of the track until then belongs into it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

SEGMENT_US = 2_000_000
"""A segment is complete at the first keyframe (sound: fragment) behind so much media."""
TARGET_S = 6
"""EXT-X-TARGETDURATION, which must not change while the playlist grows: a picture segment is cut there
without a keyframe. Recorders ask for one every 4 s."""
TARGET_US = TARGET_S * 1_000_000
PART_TARGET_US = 580_000
"""Half a second, and a picture more at 13 a second. A fragment of exactly half a second is above
LEAST_PART_US."""
LEAST_PART_US = PART_TARGET_US * 85 // 100
HOLE_US = 20_000
"""Smaller holes are rounding."""
LATE_US = 4_000_000
"""A track so far behind the others has nothing to say: twice what a recorder holds the last picture."""


class Piece(NamedTuple):
    """One fragment, by its place in a part file. Times in microseconds of the item's clock."""

    part: int
    offset: int
    length: int
    start_us: int
    end_us: int
    independent: bool
    """Its first sample can be decoded by itself."""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


class Segment(NamedTuple):
    """Media of one part, or a hole (`length` 0). Times in microseconds of the item's clock."""

    part: int
    offset: int
    length: int
    start_us: int
    end_us: int
    keyframes: int = 0
    """Of its fragments so many begin with one."""
    independent: bool = False
    """The first of them does."""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def duration_s(self) -> float:
        return (self.end_us - self.start_us) / 1e6


class SegmentTable:
    """The segments of a track, 56 bytes each: 8 hours are 400 kB."""

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in range(7))
        self.peak_rate = 0.0
        """bit/s of the densest segment."""

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, number: int) -> Segment:
        part, offset, length, start_us, end_us, keyframes, independent = (
            column[number] for column in self._columns
        )
        return Segment(part, offset, length, start_us, end_us, keyframes, bool(independent))

    def __iter__(self) -> Iterator[Segment]:
        rows = zip(*self._columns, strict=True)
        return (Segment(p, o, n, start, end, keys, bool(first)) for p, o, n, start, end, keys, first in rows)

    def append(self, segment: Segment) -> None:
        for column, value in zip(self._columns, segment, strict=True):
            column.append(value)
        if segment.length and segment.duration_s > 0.5:
            self.peak_rate = max(self.peak_rate, 8 * segment.length / segment.duration_s)

    def showing(self, at_us: int) -> Segment | None:
        """The last segment that begins with a keyframe by then, unless there is a hole between."""
        number = bisect_right(self._columns[3], at_us) - 1
        if number < 0 or (not self._columns[2][number] and self._columns[4][number] > at_us):
            return None
        while number >= 0 and not (self._columns[6][number] and self._columns[2][number]):
            number -= 1
        return self[number] if number >= 0 else None

    def covering(self, at_us: int) -> int:
        """The number of the segment, or hole, in which that time lies, or of the nearest; of a table that is
        not empty."""
        return max(0, bisect_right(self._columns[3], at_us) - 1)

    def decodable_from(self, at_us: int) -> int:
        """The number of the segment that must be decoded first to show what was to be seen then."""
        number = self.covering(at_us)
        while number > 0 and self._columns[2][number] and not self._columns[6][number]:
            number -= 1
        return number

    def holding(self, part: int, offset: int) -> Segment | None:
        """The segment with the media at that place of a part file."""
        parts, offsets = self._columns[0], self._columns[1]
        number = bisect_right(range(len(self)), (part, offset), key=lambda n: (parts[n], offsets[n])) - 1
        while number >= 0 and parts[number] == part and not self._columns[2][number]:
            number -= 1  # a hole has its part and no place in it
        if number < 0 or parts[number] != part:
            return None
        found = self[number]
        return found if found.offset <= offset < found.end else None


class Segmenter:
    """`push` fragments in order; complete segments are in `table`, what is begun is in `open`."""

    def __init__(self, kind: str) -> None:
        self._cut_anywhere = kind == "audio"
        self.table = SegmentTable()
        self.open: list[Piece] = []
        """The partial segments of the segment that is not complete."""
        self.closed: list[tuple[Piece, ...]] = []
        """Of each segment completed by the last call: its partial segments; none: it is told without them."""
        self._end_us = 0

    @property
    def end_us(self) -> int:
        """Item clock up to which there is a segment or a part of one."""
        return self.open[-1].end_us if self.open else self._end_us

    def push(self, piece: Piece) -> None:
        if self.closed:
            self.closed = []
        duration_us = piece.duration_us
        if self.open and self._begins_segment(piece, duration_us):
            self._close()
        if not self.open and piece.start_us - self._end_us > HOLE_US:
            self._fill(piece.start_us, piece)
        self.open.append(piece)
        if duration_us > PART_TARGET_US:
            self._close(told=False)
        elif duration_us < LEAST_PART_US and not piece.independent:
            self._close()

    def extend(self, edge_us: int) -> None:
        """The others have come so far: holes for what can no longer be expected of this track. Nothing before
        its first fragment."""
        self.closed = []
        if not (self.open or len(self.table)):
            return
        until_us = edge_us - LATE_US
        if self.open and until_us - self.end_us > TARGET_US:
            self._close()
        if not self.open:
            while until_us - self._end_us > TARGET_US:
                self._hole(self._end_us + TARGET_US)

    def finish(self, end_us: int) -> None:
        """No more will come; the item's clock ends there."""
        self.closed = []
        if self.open:
            self._close()
        if len(self.table):
            self._fill(end_us)

    def _begins_segment(self, piece: Piece, duration_us: int) -> bool:
        first, before_us = self.open[0], self.open[-1].end_us
        if piece.part != first.part or piece.start_us - before_us > HOLE_US:
            return True
        start_us = first.start_us
        if duration_us > PART_TARGET_US or piece.end_us - start_us > TARGET_US:
            return True
        return before_us - start_us >= SEGMENT_US and (piece.independent or self._cut_anywhere)

    def _close(self, *, told: bool = True) -> None:
        first, last = self.open[0], self.open[-1]
        segment = Segment(
            first.part,
            first.offset,
            last.end - first.offset,
            first.start_us,
            last.end_us,
            keyframes=sum(piece.independent for piece in self.open),
            independent=first.independent,
        )
        self.table.append(segment)
        self.closed.append(tuple(self.open) if told else ())
        self.open = []
        self._end_us = segment.end_us

    def _fill(self, until_us: int, following: Piece | None = None) -> None:
        while until_us - self._end_us > HOLE_US:
            self._hole(min(until_us, self._end_us + TARGET_US), following)

    def _hole(self, until_us: int, following: Piece | None = None) -> None:
        """It has its place behind the media before it, so that it is the same whatever follows."""
        if len(self.table):
            part, offset = self.table[-1].part, self.table[-1].end
        else:
            assert following is not None
            part, offset = following.part, following.offset
        self.table.append(Segment(part, offset, 0, self._end_us, until_us))
        self.closed.append(())
        self._end_us = until_us
