"""A media file as a programme: sent once or for ever, in real time.

Theory of operation. What is H.264 baseline and Opus already is passed on untouched, anything else is
encoded again. Picture and sound are read through two containers of their own, each as an endless sequence
if the file is to loop, and merged by time: how the file interleaves them does not matter then.

A loop must be as long for the picture as for the sound, or they drift apart by the difference each round:
both are cut at the file's duration, and round n begins at n times that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from signaling import test_source
from signaling.programme import (
    CHANNELS,
    MAX_LATE_S,
    OPUS_FRAME,
    RATE,
    VIDEO_CLOCK,
    Due,
    Elapsed,
    add_audio,
    add_video,
    due_of,
    merged,
)

MAX_EDGE: Final = 1920
"""Pixels; larger pictures are scaled down: constrained baseline level 4.2 is what every decoder takes."""
MAX_FILLED: Final = RATE // 2
"""Samples of silence put into a hole of the sound; a longer one is a gap, in which nothing is sent."""
_SILENCE: Final = np.zeros((MAX_FILLED, CHANNELS), np.int16)

Frame = TypeVar("Frame", av.VideoFrame, av.AudioFrame)


class MediaError(Exception):
    """A file cannot be sent. `kind` is the key of a sentence in the catalogue (`publish.KIND`)."""

    def __init__(self, kind: str, path: Path, reason: object = "") -> None:
        super().__init__(f"{path}: {kind} {reason}")
        self.kind = kind
        self.path = path
        self.reason = reason


class FileProgramme:
    """A media file, once or for ever. Raises MediaError when it is made, attached or read."""

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self.path = path
        self._loop = loop
        with self._open() as container:
            if not container.streams.video and not container.streams.audio:
                raise MediaError("no-media", path)
            self._start = Fraction(container.start_time or 0, av.time_base)
            self._duration = _duration(container)
        if loop and not self._duration:
            raise MediaError("no-duration", path)
        self._tracks: list[_Track] = []

    @property
    def duration_s(self) -> float:
        """Of one round; 0 when the file does not say."""
        return float(self._duration)

    def attach(self, output: OutputContainer) -> None:
        with self._open() as container:
            if container.streams.video:
                self._tracks.append(_video_track(container.streams.video[0], output))
            if container.streams.audio:
                self._tracks.append(_audio_track(container.streams.audio[0], output))

    def packets(self, start_ms: int, elapsed: Elapsed) -> Iterator[Due]:
        return merged(*(self._read(track, elapsed) for track in self._tracks))

    def _read(self, track: _Track, elapsed: Elapsed) -> Iterator[Due]:
        any_sent = False
        for number in itertools.count() if self._loop else range(1):
            end = (number + 1) * self._duration if self._loop else None
            turn = _Round(number * self._duration - self._start, end, elapsed)
            with self._open() as container:
                try:
                    for piece in track.read(container, turn):
                        any_sent = True
                        yield piece
                except av.FFmpegError as error:
                    raise MediaError("unreadable", self.path, error.strerror) from error
            if not any_sent:
                raise MediaError("unreadable", self.path, track.kind)
        yield from track.flush()

    def _open(self) -> InputContainer:
        try:
            return av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise MediaError("unreadable", self.path, error.strerror) from error


def _duration(container: InputContainer) -> Fraction:
    """From the file's start to the end of its longest stream; 0 when nothing in the file says it."""
    if container.duration:
        return Fraction(container.duration, av.time_base)
    ends = [
        stream.duration * stream.time_base
        for stream in container.streams
        if stream.duration and stream.time_base
    ]
    return max(ends, default=Fraction(0))


class _Round(NamedTuple):
    """One time through the file."""

    shift: Fraction
    """Due time minus the file's own, seconds."""
    end: Fraction | None
    """Due time at which the next round begins; None when there is none."""
    elapsed: Elapsed


class _Track(Protocol):
    kind: Literal["video", "audio"]

    def read(self, container: InputContainer, turn: _Round) -> Iterator[Due]:
        """Everything of this kind in one round."""

    def flush(self) -> Iterator[Due]:
        """What is still inside after the last round."""


def _video_track(stream: VideoStream, output: OutputContainer) -> _Track:
    context = stream.codec_context
    baseline = "Baseline" in (context.profile or "") and not context.has_b_frames
    if context.name == "h264" and baseline and context.pix_fmt == "yuv420p":
        return _Copied("video", output.add_stream_from_template(stream))
    scale = min(1.0, MAX_EDGE / max(context.width, context.height, 1))
    width, height = (max(2, int(edge * scale) // 2 * 2) for edge in (context.width, context.height))
    rate = stream.average_rate or stream.guessed_rate or Fraction(test_source.FRAME_RATE)
    return _EncodedVideo(add_video(output, width, height, rate))


def _audio_track(stream: AudioStream, output: OutputContainer) -> _Track:
    context = stream.codec_context
    if context.name in {"opus", "libopus"} and context.layout.nb_channels == CHANNELS:
        return _Copied("audio", output.add_stream_from_template(stream))
    return _EncodedAudio(add_audio(output))


class _Copied:
    """Packets as they are in the file, with other time stamps."""

    def __init__(self, kind: Literal["video", "audio"], output: VideoStream | AudioStream) -> None:
        self.kind = kind
        self._output = output

    def read(self, container: InputContainer, turn: _Round) -> Iterator[Due]:
        for packet in container.demux(container.streams.get({self.kind: 0})):
            if packet.dts is None or packet.pts is None:
                continue  # the empty packet that ends the stream
            due = packet.dts * packet.time_base + turn.shift
            if turn.end is not None and due >= turn.end:
                continue
            ticks = round(turn.shift / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = self._output
            yield float(due), packet

    def flush(self) -> Iterator[Due]:
        return iter(())


def _decoded(
    container: InputContainer,
    stream: VideoStream | AudioStream,
    decode: Callable[[Any], list[Frame]],
    turn: _Round,
) -> Iterator[tuple[Fraction, Frame]]:
    """(due time, frame); packets that cannot be decoded are left out, as a player would. decode: the
    stream's."""
    for packet in container.demux(stream):
        with suppress(av.InvalidDataError):
            for frame in decode(packet):
                if frame.pts is None or frame.time_base is None:
                    continue
                due = frame.pts * frame.time_base + turn.shift
                if due >= 0 and (turn.end is None or due < turn.end):
                    yield due, frame


class _EncodedVideo:
    kind: Literal["video", "audio"] = "video"

    def __init__(self, output: VideoStream) -> None:
        self._output = output

    def read(self, container: InputContainer, turn: _Round) -> Iterator[Due]:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        context = self._output.codec_context
        for due, frame in _decoded(container, stream, stream.decode, turn):
            if turn.elapsed() > due + MAX_LATE_S:
                continue
            picture = frame.reformat(context.width, context.height, "yuv420p")
            picture.pts, picture.time_base = round(due / VIDEO_CLOCK), VIDEO_CLOCK
            picture.pict_type = PictureType.NONE  # the file's keyframes are not ours
            for packet in self._output.encode(picture):
                yield due_of(packet), packet

    def flush(self) -> Iterator[Due]:
        for packet in self._output.encode(None):
            yield due_of(packet), packet


class _EncodedAudio:
    """Decoded, brought to 48 kHz stereo, laid end to end, and encoded.

    Opus wants sound without holes. A little too much (the last frame of a round reaches into the next) is
    cut off, a little too little is filled with silence; only over a real gap do the time stamps jump.
    """

    kind: Literal["video", "audio"] = "audio"

    def __init__(self, output: AudioStream) -> None:
        self._output = output
        self._waiting = _SILENCE[:0]
        """Samples of an unfinished Opus frame, shape (n, channels)."""
        self._position = 0
        """Where they begin, in samples since the start."""

    def read(self, container: InputContainer, turn: _Round) -> Iterator[Due]:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("s16", "stereo", RATE)
        limit = None if turn.end is None else round(turn.end * RATE)
        for due, sound in _decoded(container, stream, stream.decode, turn):
            sound.time_base = Fraction(1, sound.sample_rate)
            sound.pts = round(due * sound.sample_rate)
            for block in resampler.resample(sound):
                yield from self._lay(block, limit)
        for block in resampler.resample(None):
            yield from self._lay(block, limit)

    def flush(self) -> Iterator[Due]:
        yield from self._fill()
        for packet in self._output.encode(None):
            yield due_of(packet), packet

    def _lay(self, block: av.AudioFrame, limit: int | None) -> Iterator[Due]:
        samples = block.to_ndarray().reshape(-1, CHANNELS)
        end = self._position + len(self._waiting)
        first = end if block.pts is None else block.pts
        if first - end > MAX_FILLED:
            yield from self._fill()
            self._position = end = first
        samples = np.concatenate([_SILENCE[: max(0, first - end)], samples[max(0, end - first) :]])
        if limit is not None:
            samples = samples[: max(0, limit - end)]
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= OPUS_FRAME:
            yield from self._encode(self._waiting[:OPUS_FRAME])
            self._waiting = self._waiting[OPUS_FRAME:]

    def _fill(self) -> Iterator[Due]:
        """Finishes an Opus frame with silence."""
        if len(self._waiting):
            rest = _SILENCE[: OPUS_FRAME - len(self._waiting)]
            yield from self._encode(np.concatenate([self._waiting, rest]))
            self._waiting = _SILENCE[:0]

    def _encode(self, samples: NDArray[np.int16]) -> Iterator[Due]:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._position, Fraction(1, RATE)
        self._position += len(samples)
        for packet in self._output.encode(frame):
            yield due_of(packet), packet
