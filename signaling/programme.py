"""What `tongke publish` sends: encoded packets and the time at which each is due. The test source is one such
programme, a media file (file_programme.py) another.

A programme adds its streams to an output container and then yields (due, packet) in the order of due times,
seconds from its start; who publishes waits for each due time and muxes. WebRTC takes H.264 without
B-frames, and Opus at 48 kHz in stereo.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Final, Protocol, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from signaling import test_source

RATE: Final = 48_000
CHANNELS: Final = 2
OPUS_FRAME: Final = 960
"""Samples: 20 ms, what every browser sends."""
VIDEO_CLOCK: Final = Fraction(1, 90_000)
KEYFRAME_S: Final = 2
"""A viewer who joins, or lost a keyframe, waits at most so long: FFmpeg's muxer passes no keyframe requests
on."""
MAX_LATE_S: Final = 0.25
"""A picture that would be later is left out: the sound goes on, and the clock in the picture stays right."""
VIDEO_BITRATE: Final = 1_500_000
AUDIO_BITRATE: Final = 64_000

X264_OPTIONS: Final = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile": "baseline",
    "sc_threshold": "0",  # a flash is no new scene: it would cost a keyframe each second
    "maxrate": str(VIDEO_BITRATE),
    "bufsize": str(VIDEO_BITRATE),
}

Packet: TypeAlias = "av.Packet[Any]"
Due: TypeAlias = "tuple[float, Packet]"
Elapsed = Callable[[], float]


class Programme(Protocol):
    def attach(self, output: OutputContainer) -> None:
        """Adds its streams. Called once, before anything else."""

    def packets(self, start_ms: int, elapsed: Elapsed) -> Iterator[Due]:
        """All packets, in the order of due times. start_ms: Unix time in ms that due time 0 stands for;
        elapsed: seconds since then, so that pictures can be left out on a machine that is too slow to
        encode them all."""


def add_video(output: OutputContainer, width: int, height: int, rate: Fraction | int) -> VideoStream:
    """H.264, constrained baseline, no B-frames, no delay in the encoder."""
    stream = output.add_stream("libx264", rate=rate, options=dict(X264_OPTIONS))
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.bit_rate = VIDEO_BITRATE
    stream.codec_context.gop_size = max(1, round(KEYFRAME_S * rate))
    stream.codec_context.max_b_frames = 0
    stream.codec_context.time_base = VIDEO_CLOCK
    # 720p takes a fraction of a core: threads would only cost.
    stream.codec_context.thread_count = 1 if width * height <= 1280 * 720 else 0
    return stream


def add_audio(output: OutputContainer) -> AudioStream:
    """Opus, 48 kHz, stereo, 20 ms."""
    stream = output.add_stream("libopus", rate=RATE, layout="stereo", options={"application": "audio"})
    stream.bit_rate = AUDIO_BITRATE
    stream.codec_context.time_base = Fraction(1, RATE)
    return stream


def due_of(packet: Packet) -> float:
    """Seconds. For a packet of an encoder of ours, which always has time stamps."""
    assert packet.pts is not None and packet.time_base is not None
    return float(packet.pts * packet.time_base)


def merged(*sequences: Iterator[Due]) -> Iterator[Due]:
    return heapq.merge(*sequences, key=lambda piece: piece[0])


# --- the test source --------------------------------------------------------------------------------------


class TestProgramme:
    """signaling/test_source.py, encoded: endless."""

    __test__ = False  # not one of pytest's

    def attach(self, output: OutputContainer) -> None:
        self._video = add_video(output, test_source.WIDTH, test_source.HEIGHT, test_source.FRAME_RATE)
        self._audio = add_audio(output)

    def packets(self, start_ms: int, elapsed: Elapsed) -> Iterator[Due]:
        """Picture and sound both begin with the first whole picture, so that both have time stamp 0 there."""
        first = test_source.frame_at(start_ms)
        wait = float(Fraction(first, test_source.FRAME_RATE) - Fraction(start_ms, 1000))
        pictures = self._pictures(first, lambda: elapsed() - wait)
        pieces = merged(pictures, self._sounds(first * RATE // test_source.FRAME_RATE))
        return ((due + wait, packet) for due, packet in pieces)

    def _pictures(self, first: int, elapsed: Elapsed) -> Iterator[Due]:
        ticks = int(1 / VIDEO_CLOCK) // test_source.FRAME_RATE
        for number in itertools.count():
            if elapsed() > number / test_source.FRAME_RATE + MAX_LATE_S:
                continue
            drawn = test_source.frame(test_source.frame_time_ms(first + number))
            picture = av.VideoFrame.from_ndarray(drawn, format="yuv420p")
            picture.pts, picture.time_base = number * ticks, VIDEO_CLOCK
            for packet in self._video.encode(picture):
                yield due_of(packet), packet

    def _sounds(self, first: int) -> Iterator[Due]:
        for offset in itertools.count(0, OPUS_FRAME):
            mono = test_source.samples(first + offset, OPUS_FRAME)
            sound = av.AudioFrame.from_ndarray(mono.repeat(CHANNELS)[None, :], format="s16", layout="stereo")
            sound.sample_rate, sound.pts, sound.time_base = RATE, offset, Fraction(1, RATE)
            for packet in self._audio.encode(sound):
                yield due_of(packet), packet
