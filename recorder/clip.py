"""A clip of an item as a file of its own: one angle and its sound, cut out without encoding them anew.

Theory of operation
-------------------
A picture can only begin at a keyframe, so a plain cut begins at the last one before the wished place, and
says where that is. An exact cut decodes from there, encodes the pictures between the wished place and the
next keyframe anew (H.264; some hundred at most), and copies the rest. The few new pictures need parameter
sets of their own; they get a number that the recording does not use, and both sets stand in the file's one
configuration, so any player changes from one to the other at the keyframe as it does in any stream.

What is not H.264, or changes its configuration inside the clip, is cut at the keyframe. VP8 has no place in
the files that FFmpeg writes as MP4, so a clip of it is WebM.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from recorder.avc import AvcConfiguration, BadConfigurationError, units, with_lengths
from recorder.index import Fragment
from recorder.item import part_path
from recorder.library import ItemFiles, Library, TrackFiles
from recorder.playlist import NothingRecordedError, main_tracks

MAX_CLIP_US = 5 * 60 * 1_000_000
SECOND_US = 1_000_000
_PROFILES = {66: "baseline", 77: "main", 100: "high"}
_CRF = "20"
"""Of the few pictures that are encoded anew: no difference can be seen."""

How = Literal["exact", "keyframe"]


class ClipError(Exception):
    """The clip cannot be cut; the message says why."""


class NothingThereError(ClipError):
    """Nothing was recorded in that time."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What came of it."""

    file: Path
    how: How
    """keyframe: it begins at the keyframe before the wished place."""
    start_us: int
    """Item clock."""
    end_us: int


@dataclass(slots=True)
class _Timed:
    """A coded picture or piece of sound, with its place on the item's clock."""

    packet: Packet[Any]
    at_us: int

    @property
    def keyframe(self) -> bool:
        return self.packet.is_keyframe


@dataclass(slots=True)
class _Source:
    """What of one track is needed."""

    stream: Stream
    pieces: list[_Timed]
    parts: int
    containers: list[Any] = field(default_factory=list)

    def reaches(self, at_us: int) -> bool:
        return bool(self.pieces) and self.pieces[-1].at_us >= at_us

    @property
    def codec(self) -> str:
        name: str = self.stream.codec_context.name
        return name


def cut(
    library: Library, item: str, start_us: int, end_us: int, target: Path, *, track: str = "", exact: bool
) -> Cut:
    """Writes the clip to `target` with its file ending put right, whole or not at all. track: the picture;
    empty: the main one. Times are the item's clock. Raises UnknownItemError, ClipError."""
    if not 0 <= start_us < end_us or end_us - start_us > MAX_CLIP_US:
        raise ClipError("a clip is at most five minutes long, and ends behind its beginning")
    try:
        files = library.files(item)
        sources = [_source(library, files, one, start_us, end_us) for one in main_tracks(files.tracks, track)]
        found = [source for source in sources if source is not None and source.reaches(start_us)]
        if not found:
            raise NothingThereError(f"nothing was recorded of {item} in that time")
        return _Cutter(found, start_us, end_us).write(target, exact=exact)
    except NothingRecordedError:
        raise NothingThereError(f"nothing was recorded of {item}") from None
    except (OSError, av.FFmpegError, ValueError) as error:
        raise ClipError(f"{item} cannot be cut: {error}") from error


def _source(
    library: Library, files: ItemFiles, track: TrackFiles, start_us: int, end_us: int
) -> _Source | None:
    """The track's pieces from the keyframe at or before start_us on, up to end_us."""
    wanted = _wanted(track, start_us, end_us)
    if not wanted:
        return None
    pieces: list[_Timed] = []
    containers: list[Any] = []
    parts = list(dict.fromkeys(fragment.part for fragment in wanted))
    if track.entry.kind == "video":
        parts = parts[:1]  # another configuration is another stream
    for part in parts:
        container = av.open(io.BytesIO(_bytes(library, files.header.id, track, part, wanted)))
        containers.append(container)
        pieces += _pieces(container, end_us)
    if track.entry.kind == "video":
        pieces = _from_keyframe(pieces, start_us)
    return _Source(containers[0].streams[0], pieces, len(parts), containers)


def _wanted(track: TrackFiles, start_us: int, end_us: int) -> Sequence[Fragment]:
    index = track.index
    if track.entry.kind == "audio":
        start_us = max(0, start_us - 12 * SECOND_US)  # the picture's keyframe may be that far before it
        first = 0
    else:
        begun = [f.keyframe and index.start_us(f) <= start_us for f in index.fragments]
        first = max((at for at, is_begun in enumerate(begun) if is_begun), default=0)
    return [
        fragment
        for fragment in index.fragments[first:]
        if index.start_us(fragment) < end_us
        and (track.entry.kind == "video" or index.end_us(fragment) > start_us)
    ]


def _bytes(library: Library, item: str, track: TrackFiles, part: int, wanted: Sequence[Fragment]) -> bytes:
    name = part_path(item, track.entry.track, part).removeprefix(f"{item}/")
    read = library.media.read_range
    data = [read(item, name, 0, track.index.parts[part].init)]
    data += [read(item, name, f.offset, f.length) for f in wanted if f.part == part]
    return b"".join(data)


def _pieces(container: Any, end_us: int) -> Iterator[_Timed]:
    for packet in container.demux(container.streams[0]):
        if packet.size and packet.pts is not None:
            at_us = round(packet.pts * packet.time_base * SECOND_US)
            if at_us < end_us:
                yield _Timed(packet, at_us)


def _from_keyframe(pieces: Sequence[_Timed], start_us: int) -> list[_Timed]:
    keyframes = [at for at, piece in enumerate(pieces) if piece.keyframe]
    if not keyframes:
        return []
    before = [at for at in keyframes if pieces[at].at_us <= start_us]
    return list(pieces[before[-1] if before else keyframes[0] :])


class _Cutter:
    def __init__(self, sources: Sequence[_Source], start_us: int, end_us: int) -> None:
        self._sources = sources
        self._start_us = start_us
        self._end_us = end_us
        self._picture = next((s for s in sources if s.stream.type == "video"), None)

    def write(self, target: Path, *, exact: bool) -> Cut:
        edge = self._edge() if exact else None
        start_us = self._start_us
        if self._picture is not None and edge is None:
            # Sound and picture begin together, where the picture can.
            start_us = min(start_us, self._picture.pieces[0].at_us)
        how: How = "exact" if edge is not None or start_us == self._start_us else "keyframe"
        webm = self._picture is not None and self._picture.codec == "vp8"
        target = target.with_suffix(".webm" if webm else ".mp4")
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            self._mux(unfinished, "webm" if webm else "mp4", start_us, edge)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
            for source in self._sources:
                for container in source.containers:
                    container.close()
        return Cut(target, how, start_us, self._end_us)

    def _mux(self, file: Path, kind: str, start_us: int, edge: _Edge | None) -> None:
        options = {"movflags": "+faststart"} if kind == "mp4" else {}
        with av.open(str(file), "w", format=kind, options=options) as out:
            written: list[tuple[int, Any, Packet[Any], _Timed]] = []
            for source in self._sources:
                stream: Any = out.add_stream_from_template(source.stream)
                stream.time_base = Fraction(1, SECOND_US)
                kept = [piece for piece in source.pieces if piece.at_us >= start_us]
                if source is self._picture and edge is not None:
                    stream.codec_context.extradata = edge.configuration
                    written += [(p.at_us, stream, p.packet, p) for p in edge.pictures]
                    kept = [piece for piece in source.pieces if piece.at_us >= edge.until_us]
                elif source is self._picture:
                    kept = source.pieces
                written += [(piece.at_us, stream, piece.packet, piece) for piece in kept]
            for at_us, stream, packet, piece in sorted(written, key=lambda one: one[0]):
                fresh = Packet(bytes(packet))
                fresh.pts = fresh.dts = max(0, at_us - start_us)
                fresh.time_base = Fraction(1, SECOND_US)
                fresh.is_keyframe = piece.keyframe
                fresh.stream = stream
                out.mux(fresh)

    def _edge(self) -> _Edge | None:
        """The pictures up to the next keyframe, encoded anew; None: they need not be, or cannot."""
        source = self._picture
        if source is None or source.codec != "h264" or source.pieces[0].at_us >= self._start_us:
            return None
        later = [p.at_us for p in source.pieces if p.keyframe and p.at_us >= self._start_us]
        until_us = min(later, default=self._end_us)
        try:
            return _Edge.encoded(source, self._start_us, until_us)
        except (BadConfigurationError, av.FFmpegError):
            return None


@dataclass(slots=True)
class _Edge:
    pictures: list[_Timed]
    until_us: int
    """From here on the recording's own pictures follow."""
    configuration: bytes

    @classmethod
    def encoded(cls, source: _Source, start_us: int, until_us: int) -> _Edge:
        """Raises BadConfigurationError, av.FFmpegError."""
        context: Any = source.stream.codec_context
        known = AvcConfiguration.parse(bytes(context.extradata or b""))
        number = min(set(range(32)) - known.ids)
        frames = [f for f in _decoded(source, until_us) if f[1] >= start_us]
        encoder = _encoder(context, known, number)
        pictures: list[_Timed] = []
        for frame, at_us in frames:
            frame.pts, frame.time_base = at_us, Fraction(1, SECOND_US)
            pictures += _packed(encoder.encode(frame))
        pictures += _packed(encoder.encode(None))
        sets = list(units(bytes(encoder.extradata or b"")))
        sps = tuple(unit for unit in sets if unit[0] & 31 == 7)
        pps = tuple(unit for unit in sets if unit[0] & 31 == 8)
        return cls(pictures, until_us, bytes(known.joined(sps, pps)))


def _decoded(source: _Source, until_us: int) -> Iterator[tuple[VideoFrame, int]]:
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.extradata = source.stream.codec_context.extradata
    for piece in source.pieces:
        if piece.at_us >= until_us:
            break
        yield from ((frame, _at_us(frame)) for frame in decoder.decode(piece.packet))
    yield from ((frame, _at_us(frame)) for frame in decoder.decode(None))


def _at_us(frame: VideoFrame) -> int:
    assert frame.pts is not None and frame.time_base is not None
    return round(frame.pts * frame.time_base * SECOND_US)


def _encoder(context: Any, known: AvcConfiguration, number: int) -> VideoCodecContext:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = context.width, context.height, "yuv420p"
    encoder.time_base = Fraction(1, SECOND_US)
    encoder.framerate = Fraction(30)
    encoder.options = {
        "preset": "veryfast",
        "crf": _CRF,
        "profile": _PROFILES.get(known.profile, "high"),
        "x264-params": f"sps-id={number}:bframes=0:scenecut=0:keyint=infinite",
    }
    encoder.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: parameter sets stand in the configuration
    encoder.open()
    found: VideoCodecContext = encoder
    return found


def _packed(packets: Sequence[Packet[Any]]) -> Iterator[_Timed]:
    for packet in packets:
        assert packet.pts is not None
        fresh = Packet(with_lengths(bytes(packet)))
        fresh.is_keyframe = packet.is_keyframe
        yield _Timed(fresh, round(packet.pts))
