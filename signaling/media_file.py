"""Decoded pictures and sound into a media file: `tongke watch --output`.

RTP time stamps of picture and sound have nothing in common, so the first frame of each is placed by the
time at which it arrived, and what follows by its time stamp. A file with a picture begins with the first
one: sound that came earlier is left out.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

CLOCK: Final = Fraction(1, 90_000)
RATE: Final = 48_000
FRAME_RATE: Final = 30
"""Nominal: the pictures keep their own times."""
BITRATE: Final = 2_500_000


class MediaFile:
    """A Sink of player.py. OSError when the file cannot be written, ValueError when its ending says no
    format."""

    def __init__(self, path: Path, *, picture: bool, sound: bool) -> None:
        """picture, sound: what will come."""
        self._container = av.open(str(path), "w")
        with path.open("wb"):
            pass  # FFmpeg opens it with the first packet only: better to hear now that it cannot
        web = path.suffix.lower() == ".webm"
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        if picture:
            options = {"deadline": "realtime"} if web else {"preset": "ultrafast", "tune": "zerolatency"}
            self._video = self._container.add_stream("libvpx" if web else "libx264", FRAME_RATE, options)
            self._video.pix_fmt, self._video.bit_rate = "yuv420p", BITRATE
            self._video.codec_context.time_base = CLOCK
        if sound:
            self._audio = self._container.add_stream("libopus" if web else "aac", RATE, layout="stereo")
        self._start: float | None = None if picture else 0.0
        """When the file begins; None until its first picture is there."""
        self._origins: dict[str, Fraction] = {}
        """Time in the file minus the frame's own, by kind, seconds."""

    def picture(self, frame: av.VideoFrame, at: float) -> None:
        if self._video is None:
            return
        if self._start is None:
            self._start = at
            self._video.width, self._video.height = frame.width, frame.height
        time = self._place("video", frame, at)
        drawn = frame.reformat(self._video.width, self._video.height, "yuv420p")
        drawn.pts, drawn.time_base = round(time / CLOCK), CLOCK
        self._container.mux(self._video.encode(drawn))

    def sound(self, frame: av.AudioFrame, at: float) -> None:
        if self._audio is None or self._start is None:
            return
        time = self._place("audio", frame, at)
        frame.pts, frame.time_base = round(time * frame.sample_rate), Fraction(1, frame.sample_rate)
        self._container.mux(self._audio.encode(frame))

    def close(self) -> None:
        """Finishes the file. One without a single frame stays empty."""
        if self._start is not None and self._origins:
            for stream in (self._video, self._audio):
                if stream is not None:
                    self._container.mux(stream.encode(None))
        self._container.close()

    def _place(self, kind: str, frame: av.VideoFrame | av.AudioFrame, at: float) -> Fraction:
        """Seconds from the start of the file."""
        assert frame.pts is not None and frame.time_base is not None, "what aiortc decodes has a time stamp"
        own = frame.pts * frame.time_base
        if self._start is None or kind not in self._origins:
            if not self._origins:
                self._start = at
            self._origins[kind] = Fraction(at - (self._start or at)).limit_denominator(RATE) - own
        return own + self._origins[kind]
