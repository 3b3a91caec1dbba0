"""The newest keyframe of an item that is being recorded, as a small picture: for a wall of many.

Theory of operation. A wall of two hundred lessons wants a picture of each every few seconds, and nothing else
of them. Following two hundred items as players do (`live.py`) costs a look at every fragment. Here only the
end of an index is read: it names each fragment with its place in the part's file, and says which begin with a
keyframe. So a picture costs two small reads, and one decode of one sample, and none at all while there is no
newer keyframe. Nothing is asked of the encoder: these are the keyframes that the recording has anyway.

JPEG sizes follow the picture: one that comes out larger than it may is encoded again, coarser, and the next
one of that item begins there."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import av

from recorder import index, ledger
from recorder.boxes import BadBoxError, boxes, samples
from recorder.fragments import open_template
from recorder.index import Fragment
from recorder.item import index_path, ledger_path, part_path
from recorder.storage import Storage

WIDTH, HEIGHT = 240, 160
"""At most: six to eight in a row on a desktop."""
PICTURE_BYTES: Final = 4_000
"""200 of them every 5 s are 1.3 Mbit/s."""
QUANTIZERS: Final = (6, 9, 13, 19, 28)
"""Of MJPEG, 2 (best) to 31."""
TAIL_BYTES: Final = 16_384
"""Of an index, read at first: 20 s of lines."""
READ_BYTES: Final = 262_144
QUICK: Final = {"skip_loop_filter": "all", "flags2": "+fast", "flags": "+low_delay"}
"""Of FFmpeg's decoders: a third of the time of H.264 is its deblocking filter, of which nothing is left to be
seen at a fifth of the width."""
INIT_BYTES: Final = 16_384
"""Initialisation segments have 1 kB."""
FRAGMENT_BYTES: Final = 4 * 1024 * 1024
"""Half a second at 64 Mbit/s: of more no picture is made."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    at_ms: int
    """Item clock."""
    data: bytes
    """JPEG."""


@dataclass(slots=True)
class _Track:
    entry: ledger.TrackAdded
    read_to: int = -1
    newest: Fragment | None = None
    """The last one that begins with a keyframe."""
    timescale: int = 0
    ended: bool = False


@dataclass(slots=True)
class LiveItem:
    """One item, looked at again and again. Waits for the disk and decodes: not in the event loop."""

    storage: Storage
    name: str
    _tracks: dict[str, _Track] = field(default_factory=dict)
    _ledger_to: int = 0
    _shown: tuple[str, int, int] | None = None
    """Track, part and offset of what was last made a picture of."""
    _codecs: dict[tuple[str, int], tuple[str, bytes, int]] = field(default_factory=dict)
    """Track and part -> codec, its configuration, ticks per second."""
    _quantizer: int = 1

    def picture(self) -> SmallPicture | None:
        """Of the newest keyframe; None: there is none, or it is the one of last time. Raises OSError."""
        self._read_ledger()
        track = self._main()
        if track is None:
            return None
        self._read_index(track)
        newest = track.newest
        if newest is None or self._shown == (track.entry.track, newest.part, newest.offset):
            return None
        self._shown = track.entry.track, newest.part, newest.offset
        found = self._decoded(track, newest)
        if found is None:
            return None
        frame, timescale = found
        return SmallPicture(1_000 * newest.time // timescale, self._encoded(frame))

    def _read_ledger(self) -> None:
        data = self.storage.read(ledger_path(self.name), self._ledger_to, READ_BYTES)
        entries, length = ledger.decode(data)
        self._ledger_to += length
        for entry in entries:
            if isinstance(entry, ledger.TrackAdded) and entry.kind == "video":
                self._tracks[entry.track] = _Track(entry)
            elif isinstance(entry, ledger.Stopped | ledger.Began) and entry.track in self._tracks:
                self._tracks[entry.track].ended = isinstance(entry, ledger.Stopped)

    def _main(self) -> _Track | None:
        """A camera that goes on, else a screen, else what was last: as the card of the library chooses."""
        tracks = list(self._tracks.values())
        on = [track for track in tracks if not track.ended] or tracks[-1:]
        cameras = [track for track in on if not track.entry.source.startswith("screen")]
        return next(iter(cameras or on), None)

    def _read_index(self, track: _Track) -> None:
        path = index_path(self.name, track.entry.track)
        if track.read_to < 0:
            size = self.storage.size(path)
            if not size:
                return  # nothing came of it yet
            track.read_to = max(0, size - TAIL_BYTES)
            if track.read_to:
                torn = self.storage.read(path, track.read_to, TAIL_BYTES)
                track.read_to += torn.find(b"\n") + 1
        lines, length = index.decode(self.storage.read(path, track.read_to, READ_BYTES))
        track.read_to += length
        for line in lines:
            if isinstance(line, Fragment) and line.keyframe:
                track.newest = line

    def _decoded(self, track: _Track, fragment: Fragment) -> tuple[av.VideoFrame, int] | None:
        name = track.entry.track
        path = part_path(self.name, name, fragment.part)
        try:
            codec, configuration, timescale = self._codec(name, fragment.part, path)
            data = self.storage.read(path, fragment.offset, min(fragment.length, FRAGMENT_BYTES))
            _, _, _, sample = next(samples(data))
            decoder: Any = av.CodecContext.create(codec, "r")
            decoder.extradata = configuration
            decoder.thread_count = 1
            decoder.options = QUICK
            packet: av.Packet[Any] = av.Packet(sample)
            frames: list[Any] = [*decoder.decode(packet), *decoder.decode(None)]
        except (BadBoxError, StopIteration, av.FFmpegError, ValueError):
            return None  # damaged, or of a codec that is not built in: no picture of that time
        return (frames[0], timescale) if frames else None

    def _codec(self, track: str, part: int, path: str) -> tuple[str, bytes, int]:
        """Raises BadBoxError, av.FFmpegError, OSError."""
        known = self._codecs.get((track, part))
        if known is None:
            head = self.storage.read(path, 0, INIT_BYTES)
            with open_template(_init(head)) as container:
                stream = container.streams.video[0]
                context = stream.codec_context
                rate = stream.time_base or Fraction(1, 90_000)
                known = context.name, bytes(context.extradata or b""), rate.denominator // rate.numerator
            self._codecs = {(track, part): known}
        return known

    def _encoded(self, frame: av.VideoFrame) -> bytes:
        scale = min(WIDTH / frame.width, HEIGHT / frame.height)
        width, height = (max(16, 2 * round(each * scale / 2)) for each in (frame.width, frame.height))
        small = frame.reformat(width, height, format="yuvj420p", interpolation="FAST_BILINEAR")
        if self._quantizer:
            self._quantizer -= 1  # perhaps the picture is simpler by now
        while True:
            data = _jpeg(small, QUANTIZERS[self._quantizer])
            if len(data) <= PICTURE_BYTES or self._quantizer == len(QUANTIZERS) - 1:
                return data
            self._quantizer += 1


def _init(data: bytes) -> bytes:
    """`ftyp` and `moov` at the beginning of a part. Raises BadBoxError."""
    for box in boxes(data):
        if box.kind == b"moov":
            return data[: box.end]
    raise BadBoxError("no moov box")


def _jpeg(frame: av.VideoFrame, quantizer: int) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = frame.width, frame.height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.options = {"qmin": str(quantizer), "qmax": str(quantizer)}
    encoder.thread_count = 1
    frame.pts = None
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
