"""The pictures of a track as they were seen, one after another.

A segment need not begin with a keyframe: browsers send one only when they are asked, and a slow camera, loss
or a long picture end a segment before the next comes. So one decoder goes through all of them, from the
keyframe before the time that is asked for on; a new part, which has another size or codec, gets a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av

from recorder.boxes import BadBoxError, samples
from recorder.fragments import open_template
from recorder.live import OpenTrack
from recorder.mixing import ReadRange, fragments
from recorder.segments import HOLE_US

ROUNDING_US = 100
"""Between a picture's time in the clock of its track and the segment's in microseconds."""


class Pictures:
    """Asked for in the order of time."""

    def __init__(self, track: OpenTrack, read: ReadRange, start_us: int) -> None:
        self._track, self._read = track, read
        self._frames = self._from(start_us)
        self._now: tuple[int, av.VideoFrame] | None = None
        self._next = next(self._frames, None)

    def at(self, us: int) -> av.VideoFrame | None:
        """What is shown then; None: nothing is. Raises OSError."""
        while self._next is not None and self._next[0] <= us:
            self._now, self._next = self._next, next(self._frames, None)
        if self._now is None or us >= self._shown_until(self._now[0]):
            return None
        return self._now[1]

    def _shown_until(self, begins_us: int) -> int:
        """When no other picture comes: rounding between two segments is no hole."""
        table = self._track.table
        return table[table.covering(begins_us + ROUNDING_US)].end_us + HOLE_US

    def _from(self, start_us: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """(begins, picture)"""
        table = self._track.table
        decoder: _Decoder | None = None
        for number in range(table.decodable_from(start_us), len(table)):
            segment = table[number]
            if not segment.length:
                continue
            file = f"{self._track.entry.track}.{segment.part}.mp4"
            if decoder is None or decoder.part != segment.part:
                if decoder is not None:
                    yield from decoder.rest()
                known = self._track.parts[segment.part]
                decoder = _Decoder(segment.part, known.timescale, self._read(file, 0, known.init))
            yield from decoder.pictures(self._read(file, segment.offset, segment.length))
        if decoder is not None:
            yield from decoder.rest()


class _Decoder:
    """Of one part."""

    def __init__(self, part: int, timescale: int, init: bytes) -> None:
        self.part, self._timescale = part, timescale
        with open_template(init) as container:
            parameters: Any = container.streams[0].codec_context
            self._codec: Any = av.CodecContext.create(parameters.name, "r")
            self._codec.extradata = parameters.extradata

    def pictures(self, segment: bytes) -> Iterator[tuple[int, av.VideoFrame]]:
        """(begins, picture); what is damaged is left out."""
        for fragment in fragments(segment):
            try:
                found = list(samples(fragment))
            except BadBoxError:
                continue
            for time, duration, keyframe, data in found:
                packet = av.Packet(data)
                packet.pts = packet.dts = time
                packet.duration, packet.is_keyframe = duration, keyframe
                yield from self._decoded(packet)

    def rest(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """What it kept back."""
        yield from self._decoded(None)

    def _decoded(self, packet: av.Packet[Any] | None) -> Iterator[tuple[int, av.VideoFrame]]:
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            return
        for frame in frames:
            if frame.pts is not None:
                yield frame.pts * 1_000_000 // self._timescale, frame
