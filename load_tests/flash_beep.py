"""Finds the flashes and beeps of the test source in a media file, and how far apart they are.

Theory of operation. A flash starts with the first picture whose mean brightness passes the middle between
the darkest and the brightest picture. For the beeps the sound is mixed down by 1 kHz and summed per
millisecond, which is one period of the tone, so that hum and harmonics fall out; a beep starts where the
amplitude passes half its height and stays. Both come once a second in the same instant
(signaling/test_source.py), so a beep belongs to the flash nearest to it, and beep minus flash is the sync
error: positive when the sound is late. Pictures stand 33 ms apart, and so coarse is a single error.

    python -m load_tests.flash_beep FILE
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import av
import numpy as np
from numpy.typing import NDArray

FREQUENCY_HZ = 1_000
SMOOTHING_MS = 4
SETTLED_MS = 50
"""A beep must still sound after so long: a click is none."""
MIN_CONTRAST = 60.0
"""Of mean brightness (0 to 255) between flash and other pictures; the test source has more than 150."""
MIN_AMPLITUDE = 0.02
"""Of the tone (1 is full scale); the test source has 0.5."""
MAX_SECONDS = 12 * 3600
"""A time stamp beyond the longest lesson is a broken file, not a reason to take gigabytes."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Times in seconds, on the file's own time line."""

    flashes: tuple[float, ...]
    beeps: tuple[float, ...]
    video_span: tuple[float, float]
    """Start of the first picture and end of the last; (0, 0) without pictures."""
    audio_span: tuple[float, float]

    def errors_ms(self) -> tuple[float, ...]:
        """Beep minus flash for each flash that has a beep within half a second, in order."""
        if not self.beeps:
            return ()
        beeps = np.array(self.beeps)
        nearest = [float(beeps[np.abs(beeps - flash).argmin()]) - flash for flash in self.flashes]
        return tuple(error * 1000 for error in nearest if abs(error) < 0.5)


def measure(path: Path | str) -> Marks:
    """Decodes the whole file. av.FFmpegError (an OSError for a missing file) when it cannot be read."""
    times, brightness = _brightness(path)
    amplitude, start = _tone(path)
    flashes = tuple(times[index] for index in flash_starts(brightness))
    beeps = tuple(start + index / 1000 for index in beep_starts(amplitude))
    video_span = (times[0], times[-1] + float(np.median(np.diff(times)))) if len(times) > 1 else (0.0, 0.0)
    return Marks(flashes, beeps, video_span, (start, start + len(amplitude) / 1000))


def flash_starts(brightness: NDArray[np.float64]) -> list[int]:
    """Indices of the first pictures of flashes, by the mean brightness of each picture, shape (pictures,)."""
    if len(brightness) == 0 or np.ptp(brightness) < MIN_CONTRAST:
        return []
    bright = brightness > (brightness.max() + brightness.min()) / 2
    # A file that starts within a flash does not show where that flash began.
    return [int(index) + 1 for index in np.flatnonzero(bright[1:] & ~bright[:-1])]


def beep_starts(amplitude: NDArray[np.float64]) -> list[int]:
    """Milliseconds at which beeps start, by the amplitude of the tone in each, shape (milliseconds,)."""
    if len(amplitude) < SMOOTHING_MS or amplitude.max() < MIN_AMPLITUDE:
        return []
    smooth = np.convolve(amplitude, np.ones(SMOOTHING_MS) / SMOOTHING_MS, "full")
    # Of each second: pieces of sound that overlap where a recording went on are twice as loud for a moment.
    peaks = np.array([second.max() for second in np.split(amplitude, range(1000, len(amplitude), 1000))])
    loud = smooth > np.median(peaks[peaks >= MIN_AMPLITUDE]) / 2
    rises = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    # The average looks back, so it passes half height half a window late.
    return [
        max(0, int(rise) - SMOOTHING_MS // 2) for rise in rises if loud[rise : rise + SETTLED_MS].mean() > 0.9
    ]


def tone(sound: NDArray[np.float32], first: float, rate: int) -> tuple[int, NDArray[np.complex128]]:
    """The tone in each millisecond of a block of mono sound: (first millisecond, sums of the mixed samples).

    first: time of the block's first sample in seconds; rate: samples a second.
    """
    instants = first + np.arange(len(sound)) / rate
    mixed = sound * np.exp(-2j * np.pi * FREQUENCY_HZ * instants) * 2000 / rate
    # Half a sample on, so that rounding does not throw a sample on the border into the millisecond before.
    slots = ((instants + 0.5 / rate) * 1000).astype(int)
    origin = int(slots[0])
    return origin, np.bincount(slots - origin, mixed.real) + 1j * np.bincount(slots - origin, mixed.imag)


def _brightness(path: Path | str) -> tuple[list[float], NDArray[np.float64]]:
    """Time and mean brightness of each picture."""
    times: list[float] = []
    means: list[float] = []
    with av.open(str(path)) as container:
        for stream in container.streams.video[:1]:
            stream.thread_type = "AUTO"
            for picture in container.decode(stream):
                if picture.pts is None:
                    continue
                times.append(picture.time)
                # Every fourth line and column is enough for a mean.
                means.append(float(picture.reformat(format="gray").to_ndarray()[::4, ::4].mean()))
    return times, np.array(means)


def _tone(path: Path | str) -> tuple[NDArray[np.float64], float]:
    """Amplitude of the tone in each millisecond and the time of the first; gaps in the file are silent."""
    blocks: list[tuple[int, NDArray[np.complex128]]] = []
    with av.open(str(path)) as container:
        for stream in container.streams.audio[:1]:
            mono = av.AudioResampler("fltp", "mono", stream.rate)
            for block in container.decode(stream):
                if block.time is None or not 0 <= block.time < MAX_SECONDS:
                    continue
                sound = mono.resample(block)[0].to_ndarray()[0]
                blocks.append(tone(sound, block.time, stream.rate))
    if not blocks:
        return np.zeros(0), 0.0
    start = blocks[0][0]
    sums = np.zeros(max(origin + len(slots) for origin, slots in blocks) - start, complex)
    for origin, slots in blocks:
        if origin >= start:
            sums[origin - start : origin - start + len(slots)] += slots
    return np.abs(sums), start / 1000


def report(marks: Marks) -> str:
    """A few lines for people."""
    errors = marks.errors_ms()
    lines = [
        f"video {marks.video_span[0]:.3f} to {marks.video_span[1]:.3f} s, {len(marks.flashes)} flashes",
        f"audio {marks.audio_span[0]:.3f} to {marks.audio_span[1]:.3f} s, {len(marks.beeps)} beeps",
    ]
    if errors:
        spread = f"median {median(errors):+.0f}, from {min(errors):+.0f} to {max(errors):+.0f}"
        lines.append(f"sound after picture, ms: {spread}, first {errors[0]:+.0f}, last {errors[-1]:+.0f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m load_tests.flash_beep", description=__doc__.splitlines()[0]
    )
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    try:
        print(report(measure(path)))
    except (av.FFmpegError, OSError) as error:
        print(f"{path} cannot be read: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
