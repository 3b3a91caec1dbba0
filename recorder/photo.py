"""A picture that somebody hands in, made anew: what is no picture is refused, and of what is one nothing is
kept but what can be seen.

The kind is told by the first bytes and by nothing else, and its decoder is called by name: a container, a
playlist or a film that calls itself a picture is never opened. Decoders stop at MAX_PIXELS before they ask
for memory. Decoding and encoding anew drops whatever stands beside the picture, where it was taken first of
all (Exif)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import av

LONGEST: Final = 640
"""Pixels of the longer side: a face fills a third of it."""
MAX_PIXELS: Final = 50_000_000
"""What the cameras of phones make; 75 MB while it is decoded."""
QUANTIZER: Final = 5
"""Of MJPEG, 2 (best) to 31: some 40 kB."""
_DECODERS: Final[Mapping[bytes, str]] = {b"\xff\xd8\xff": "mjpeg", b"\x89PNG\r\n\x1a\n": "png"}


class NotAPictureError(ValueError):
    """Not JPEG, PNG or WebP, or one that cannot be decoded, or too large a one."""


def photo(data: bytes) -> bytes:
    """As JPEG of at most LONGEST pixels a side. Raises NotAPictureError. Takes some 50 ms."""
    try:
        decoder: Any = av.CodecContext.create(_decoder(data), "r")
        decoder.options = {"max_pixels": str(MAX_PIXELS)}
        decoder.thread_count = 1
        packet: av.Packet[Any] = av.Packet(data)
        frames = [*decoder.decode(packet), *decoder.decode(None)]
        return _jpeg(frames[0])
    except (av.FFmpegError, IndexError, ValueError, MemoryError) as error:
        raise NotAPictureError(str(error)) from error


def _decoder(data: bytes) -> str:
    for magic, name in _DECODERS.items():
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise NotAPictureError("unknown kind")


def _jpeg(frame: av.VideoFrame) -> bytes:
    scale = min(1.0, LONGEST / max(frame.width, frame.height))
    width, height = (max(16, 2 * round(each * scale / 2)) for each in (frame.width, frame.height))
    small = frame.reformat(width, height, format="yuvj420p")
    small.pts = None
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.options = {"qmin": str(QUANTIZER), "qmax": str(QUANTIZER)}
    encoder.thread_count = 1
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
