"""The index of a track: what its part files contain, one line per part and per fragment.

It is a convenience: all of it can be made again from the part files, to the byte
(`media_lines.rebuild_index`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from recorder.lines import each_line, read_lines


class _Line(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True, frozen=True, gc=False):
    """Holds nothing that could hold it; of eight hours there are a hundred thousand."""


class Part(_Line, tag="part", omit_defaults=True, kw_only=True, frozen=True, gc=False):
    """A file `TRACK.PART.mp4`. A new one begins when the codec's configuration changes or the process was
    restarted."""

    part: int
    init: int
    """Length of the initialisation segment, with which the file begins."""
    codec: str
    """RFC 6381."""
    timescale: int
    """Ticks per second of the times below."""
    width: int = 0
    height: int = 0
    sha256: str = ""
    """Of the initialisation segment, base64url; empty in items of the first layout."""


class Fragment(_Line, tag="fragment", omit_defaults=True, kw_only=True, frozen=True, gc=False):
    part: int
    offset: int
    length: int
    time: int
    """Item clock at the first sample, ticks of the part's timescale."""
    duration: int
    """Ticks."""
    keyframe: bool = False
    sha256: str = ""
    """Of its bytes, base64url."""


Line = Part | Fragment
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encode(line: Line) -> bytes:
    return _encoder.encode(line) + b"\n"


def body(line: Line) -> bytes:
    """For `chain.Chain.link`."""
    return _encoder.encode(line)


def each(data: bytes) -> Iterator[tuple[Line | None, int]]:
    """(line, or None where it is not one; where it ends)."""
    return each_line(data, _decoder)


def decode(data: bytes) -> tuple[list[Line], int]:
    """(lines, length of the valid part of the data)."""
    return read_lines(data, _decoder)


@dataclass(slots=True)
class TrackIndex:
    """The lines of one track, put together."""

    parts: dict[int, Part] = field(default_factory=dict)
    fragments: list[Fragment] = field(default_factory=list)

    @classmethod
    def of(cls, lines: Iterable[Line]) -> TrackIndex:
        index = cls()
        for line in lines:
            if isinstance(line, Part):
                index.parts[line.part] = line
            elif line.part in index.parts:
                index.fragments.append(line)
        return index

    @property
    def latest(self) -> Part | None:
        return self.parts[max(self.parts)] if self.parts else None

    def start_us(self, fragment: Fragment) -> int:
        return round(fragment.time * 1_000_000 / self.parts[fragment.part].timescale)

    def end_us(self, fragment: Fragment) -> int:
        ticks = fragment.time + fragment.duration
        return round(ticks * 1_000_000 / self.parts[fragment.part].timescale)

    @property
    def span_us(self) -> tuple[int, int]:
        """Item clock at the first sample and behind the last; (0, 0) when there is none."""
        if not self.fragments:
            return (0, 0)
        return self.start_us(self.fragments[0]), self.end_us(self.fragments[-1])

    @property
    def covered_us(self) -> int:
        """Time for which there is media."""
        return sum(self.end_us(fragment) - self.start_us(fragment) for fragment in self.fragments)
