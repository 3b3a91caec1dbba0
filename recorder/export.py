"""One MP4 of an item, without re-encoding: the main picture and sound first, then every other track, in
sync.

Each track's parts are read in order and their samples written with the times they have on the item's clock,
minus the time at which the first of the main tracks begins. Over a hole a picture stays and sound is filled
with silence, so that every player keeps them together. A part whose parameter sets differ from the first
one's brings its own in front of its keyframes; a part in another codec makes another stream.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from recorder.boxes import BadBoxError, samples
from recorder.depacketize.opus import SILENCE, SILENCE_TICKS
from recorder.fragments import open_template, rename_vp8
from recorder.index import Fragment, Part
from recorder.library import Library, TrackFiles
from recorder.playlist import NothingRecordedError, main_tracks

MIN_HOLE_TICKS = 2 * SILENCE_TICKS
"""Holes in sound from here on are filled; below, the sample before is stretched."""


class ExportError(Exception):
    """The item cannot be exported; the message says why and what to do."""


class NothingToExportError(ExportError):
    """No picture and no sound was recorded."""


@dataclass(slots=True)
class _Output:
    """One stream of the file: parts of one track in one codec."""

    track: TrackFiles
    parts: list[Part]
    stream: Stream | None = None
    template: InputContainer | None = None
    parameter_sets: bytes = b""
    fragments: dict[int, list[Fragment]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class _Sample:
    """Ordered by time, then by stream."""

    start_us: int
    output: int
    time: int
    """Ticks of the stream's timescale."""
    duration: int
    keyframe: bool
    data: bytes


def export(library: Library, item_id: str, target: Path) -> None:
    """Writes the file whole or not at all; of an item that is still live, what was recorded by now. Raises
    UnknownItemError, ExportError."""
    item = library.files(item_id)
    try:
        main = main_tracks(item.tracks)
    except NothingRecordedError:
        raise NothingToExportError(f"nothing was recorded of {item_id}") from None
    tracks = main + [track for track in item.tracks if track not in main]
    outputs = [output for track in tracks for output in _outputs(track)]
    start_us = min(track.index.span_us[0] for track in main)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _write(library, item_id, outputs, start_us, partial)
        _rename_vp8_entries(partial)
        partial.replace(target)
    except (OSError, av.FFmpegError, BadBoxError) as error:
        raise ExportError(f"{item_id} cannot be written to {target}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _outputs(track: TrackFiles) -> list[_Output]:
    by_codec: dict[str, _Output] = {}
    for number in sorted(track.index.parts):
        part = track.index.parts[number]
        output = by_codec.setdefault(part.codec.partition(".")[0], _Output(track, []))
        fragments = [fragment for fragment in track.index.fragments if fragment.part == number]
        if fragments:
            output.parts.append(part)
            output.fragments[number] = fragments
    return [output for output in by_codec.values() if output.parts]


def _write(library: Library, item_id: str, outputs: list[_Output], start_us: int, target: Path) -> None:
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(
            av.open(str(target), "w", format="mp4", options={"movflags": "faststart"})
        )
        for position, output in enumerate(outputs):
            path = library.part_path(item_id, output.track.entry.track, output.parts[0].part)
            init = _read(path, 0, output.parts[0].init)
            output.template = stack.enter_context(open_template(init))
            output.stream = _add_stream(container, output, init)
            first_of_kind = all(o.track.entry.kind != output.track.entry.kind for o in outputs[:position])
            output.stream.disposition = Disposition.default if first_of_kind else Disposition(0)
        container.start_encoding()
        sources = (
            _samples(library, item_id, output, position, start_us) for position, output in enumerate(outputs)
        )
        for sample in heapq.merge(*sources):
            container.mux_one(_packet(outputs[sample.output], sample))


def _add_stream(container: OutputContainer, output: _Output, init: bytes) -> Stream:
    part = output.parts[0]
    stream: Stream
    if part.codec.startswith(("vp08", "vp09")):
        codec = (
            "mpeg4" if part.codec.startswith("vp08") else "vp9"
        )  # see fragments: VP8 is renamed afterwards
        stream = container.add_mux_stream(codec, width=part.width, height=part.height)
    else:
        assert output.template is not None
        stream = container.add_stream_from_template(output.template.streams[0], opaque=True)
    stream.time_base = Fraction(1, part.timescale)
    return stream


def _samples(
    library: Library, item_id: str, output: _Output, position: int, start_us: int
) -> Iterator[_Sample]:
    """In order, with times from `start_us` on. What lies before it (another track's early sound) is left
    out."""
    rate = output.parts[0].timescale
    origin = start_us * rate // 1_000_000
    is_sound = output.track.entry.kind == "audio"
    before: _Sample | None = None
    for part in output.parts:
        path = library.part_path(item_id, output.track.entry.track, part.part)
        prefix = _parameter_sets(_read(path, 0, part.init), part)
        if part is output.parts[0]:
            output.parameter_sets = prefix
        for fragment in output.fragments[part.part]:
            for time, duration, keyframe, data in read_fragment(path, fragment):
                placed = time - origin
                if placed < 0 or (before is not None and placed <= before.time):
                    continue
                if before is None and not keyframe:
                    continue
                if before is not None and is_sound:
                    yield from _silence(before, placed, rate)
                if keyframe and prefix != output.parameter_sets:
                    data = prefix + data
                before = _Sample(placed * 1_000_000 // rate, position, placed, duration, keyframe, data)
                yield before


def _silence(before: _Sample, until: int, rate: int) -> Iterator[_Sample]:
    time = before.time + before.duration
    if until - time < MIN_HOLE_TICKS:
        return
    while until - time >= SILENCE_TICKS:
        yield _Sample(time * 1_000_000 // rate, before.output, time, SILENCE_TICKS, True, SILENCE)
        time += SILENCE_TICKS


def read_fragment(path: Path, fragment: Fragment) -> Iterator[tuple[int, int, bool, bytes]]:
    """(time, duration, keyframe, data) of each sample. Raises OSError, BadBoxError."""
    data = _read(path, fragment.offset, fragment.length)
    if len(data) < fragment.length:
        raise BadBoxError(f"{path.name} is shorter than its index says")
    yield from samples(data)


def _packet(output: _Output, sample: _Sample) -> av.Packet[Stream]:
    assert output.stream is not None
    packet = av.Packet(sample.data)
    packet.stream = output.stream
    packet.time_base = Fraction(1, output.parts[0].timescale)
    packet.pts = packet.dts = sample.time
    packet.duration = sample.duration
    packet.is_keyframe = sample.keyframe
    return packet


def _parameter_sets(init: bytes, part: Part) -> bytes:
    """SPS and PPS of an `avcC` box, each with its length in 4 bytes; nothing for other codecs."""
    if not part.codec.startswith("avc1"):
        return b""
    offset = init.index(b"avcC") + 4 + 5
    units: list[bytes] = []
    for mask in (0x1F, 0xFF):
        count, offset = init[offset] & mask, offset + 1
        for _ in range(count):
            (size,) = struct.unpack_from("!H", init, offset)
            units.append(init[offset + 2 : offset + 2 + size])
            offset += 2 + size
    return b"".join(struct.pack("!I", len(unit)) + unit for unit in units)


def _rename_vp8_entries(path: Path) -> None:
    """VP8 streams are written under another name, see fragments. The header's length does not change."""
    with path.open("r+b") as file:
        start, length = _find_header(path)
        file.seek(start)
        header = file.read(length)
        renamed = header
        while b"mp4v" in renamed:
            renamed = rename_vp8(renamed)
        if renamed != header:
            file.seek(start)
            file.write(renamed)


def _find_header(path: Path) -> tuple[int, int]:
    """(offset, length) of the `moov` box of a file too large to be read whole."""
    offset, size = 0, path.stat().st_size
    while offset < size:
        head = _read(path, offset, 16)
        length, kind = struct.unpack_from("!I4s", head)
        if length == 1:
            (length,) = struct.unpack_from("!Q", head, 8)
        if kind == b"moov":
            return offset, length
        offset += max(8, length)
    raise BadBoxError("no moov box")


def _read(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
