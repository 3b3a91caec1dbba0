"""Pictures of an item, from keyframes only: one for its card, and sheets of small ones for the scrub bar.

A keyframe is decoded by itself: the part's initialisation segment and the one fragment that begins with it.
So a picture costs one read and one decode, however long the item is. Of a live item the card shows the latest
keyframe.

Sheets are kept in the item's directory (`.pictures/`) once all of their time is recorded; they can be made
again from the media at any time, and go with the item.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from recorder.boxes import BadBoxError, boxes
from recorder.live import OpenItem, OpenTrack
from recorder.playlist import NothingRecordedError, main_tracks
from recorder.segments import Segment

POSTER = (480, 270)
SMALL = (160, 90)
EVERY_S = 10
"""Between two small pictures: 360 an hour."""
COLUMNS, ROWS = 10, 10
"""Of a sheet, which covers 1,000 s and has some 300 kB."""
POSTER_AT = 0.1
"""Of an item that has ended: behind the greetings, and before anybody leaves."""
FRAGMENT_BYTES = 512 * 1024
"""What is read at first to find a keyframe: more than one of 1080p has."""
QUALITY = 6
"""Of MJPEG's quantizer, 2 (best) to 31."""
GREY = 48

ReadRange = Callable[[str, int, int], bytes]
"""(name of the item's file, start, length) -> bytes; raises OSError."""
Pixels = npt.NDArray[np.uint8]


class NoPictureError(LookupError):
    """Nothing can be shown: no camera, or none yet."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Of one item's main picture. Decoding waits for the disk and takes milliseconds: not in the event
    loop."""

    item: OpenItem
    read: ReadRange

    def poster(self) -> bytes:
        """JPEG. Raises NoPictureError, OSError."""
        track = self._track()
        at_us = track.end_us if self.item.live else int(self.item.end_us * POSTER_AT)
        pixels = self._at(track, at_us, POSTER)
        if pixels is None:
            pixels = self._at(track, _first_us(track), POSTER)
        if pixels is None:
            raise NoPictureError(self.item.header.id)
        return jpeg(pixels)

    def sheet(self, number: int) -> bytes:
        """JPEG of the pictures from `number` * 1,000 s on; grey where there is none. Raises NoPictureError,
        OSError."""
        track, (width, height) = self._track(), SMALL
        first_us = number * sheet_us()
        if first_us >= self.item.end_us:
            raise NoPictureError(self.item.header.id)
        whole = np.full((ROWS * height, COLUMNS * width, 3), GREY, np.uint8)
        for place in range(COLUMNS * ROWS):
            at_us = first_us + place * EVERY_S * 1_000_000
            if at_us >= self.item.end_us:
                break
            if (pixels := self._at(track, at_us, SMALL)) is not None:
                top, left = place // COLUMNS * height, place % COLUMNS * width
                whole[top : top + height, left : left + width] = pixels
        return jpeg(whole)

    def complete(self, number: int) -> bool:
        """Whether the sheet will not change any more."""
        return not self.item.live or self.item.end_us > (number + 1) * sheet_us() + 10_000_000

    def thumbnails(self) -> str:
        """WebVTT: which part of which sheet shows a time (a media fragment of the picture's address)."""
        width, height = SMALL
        lines = ["WEBVTT", ""]
        for number in range(-(-self.item.end_us // (EVERY_S * 1_000_000))):
            begin, end = number * EVERY_S, min((number + 1) * EVERY_S, self.item.end_us / 1e6)
            sheet, place = divmod(number, COLUMNS * ROWS)
            left, top = place % COLUMNS * width, place // COLUMNS * height
            lines += [
                f"{_clock(begin)} --> {_clock(end)}",
                f"sprites.{sheet}.jpg#xywh={left},{top},{width},{height}",
                "",
            ]
        return "\n".join(lines)

    def _track(self) -> OpenTrack:
        try:
            track = main_tracks(self.item.tracks)[0]
        except NothingRecordedError:
            raise NoPictureError(self.item.header.id) from None
        if track.entry.kind != "video":
            raise NoPictureError(self.item.header.id)
        return track

    def _at(self, track: OpenTrack, at_us: int, size: tuple[int, int]) -> Pixels | None:
        """The last keyframe that begins a segment by then, when it is still in the picture."""
        segment = track.table.showing(at_us)
        if segment is None:
            return None
        return fitted(self._keyframe(track, segment), size)

    def _keyframe(self, track: OpenTrack, segment: Segment) -> av.VideoFrame | None:
        name = f"{track.entry.track}.{segment.part}.mp4"
        init = self.read(name, 0, track.parts[segment.part].init)
        data = self.read(name, segment.offset, min(FRAGMENT_BYTES, segment.length))
        end = _first_fragment(data)
        if not end:
            data = self.read(name, segment.offset, segment.length)
            end = _first_fragment(data)
        try:
            with av.open(io.BytesIO(init + data[:end]), "r", format="mp4") as container:
                return next(container.decode(video=0), None)
        except (av.FFmpegError, StopIteration, IndexError):
            return None  # a damaged keyframe: no picture of that time


def sheet_us() -> int:
    """The time that a sheet covers."""
    return COLUMNS * ROWS * EVERY_S * 1_000_000


def fitted(frame: av.VideoFrame | None, size: tuple[int, int]) -> Pixels | None:
    """RGB, with grey beside a picture of another shape."""
    if frame is None:
        return None
    scale = min(size[0] / frame.width, size[1] / frame.height)
    width, height = max(2, int(frame.width * scale)), max(2, int(frame.height * scale))
    picture = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    whole = np.full((size[1], size[0], 3), GREY, np.uint8)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    whole[top : top + height, left : left + width] = picture
    return whole


def jpeg(pixels: Pixels) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = pixels.shape[1], pixels.shape[0]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.options = {"qmin": str(QUALITY), "qmax": str(QUALITY)}
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _first_us(track: OpenTrack) -> int:
    return next((s.start_us for s in track.table if s.length and s.independent), 0)


def _first_fragment(data: bytes) -> int:
    """Length of the `moof` and `mdat` at its beginning; 0: they are not whole."""
    try:
        for box in boxes(data):
            if box.kind == b"mdat":
                return box.end
    except BadBoxError:
        pass
    return 0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{rest:06.3f}"
