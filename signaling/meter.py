"""What `tongke watch` tells of a stream: size, pictures per second, latency and sync of the test source.
Pure.

Latency is the receiver's clock minus the clock in the picture, so it is only right where both clocks are
(the same machine, or both on NTP). Sync is told as it arrives: the sample at which a beep starts, against
the picture with which the flash does, each at the time it was decoded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from signaling import test_source

MAX_VALUES: Final = 300
"""Of each kind between two figures, which are some seconds apart: ten seconds of pictures."""
SYNC_OVER_S: Final = 10.0
"""Flash and beep come once a second: so long makes a median of ten."""
FLASH_BRIGHTNESS: Final = 200
"""Mean luma: a flash has 235, another picture of the test source less than 100."""
BEEP_LEVEL: Final = 0.1
"""Of full scale; the test source has 0.5 and silence."""
MAX_LATENCY_MS: Final = 60_000
"""A recording of the test source shows the time at which it was made."""
PAIR_S: Final = 0.5
"""Flash and beep within half a second belong together: both come once a second."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the time since the last ones; sync of the last ten seconds. Latency and sync are medians, None
    where no test source was seen."""

    width: int
    height: int
    pictures_per_s: float
    sound_s: float
    """Seconds of sound."""
    latency_ms: float | None
    sync_ms: float | None
    """Sound minus picture."""


class Meter:
    def __init__(self) -> None:
        self.width = self.height = 0
        self.pictures = 0
        """All so far."""
        self.sound_s = 0.0
        self._before = (0.0, 0, 0.0)
        self._latencies: deque[float] = deque(maxlen=MAX_VALUES)
        self._flashes: deque[float] = deque(maxlen=MAX_VALUES)
        self._beeps: deque[float] = deque(maxlen=MAX_VALUES)
        self._bright = True  # a stream that begins within a flash does not show where it began
        self._loud = True

    def picture(self, luma: NDArray[np.uint8], at: float) -> None:
        """luma: shape (height, width); at: Unix time in seconds."""
        self.height, self.width = luma.shape
        self.pictures += 1
        written_ms = test_source.read_time(luma, round(at * 1000))
        if written_ms is not None and abs(at * 1000 - written_ms) < MAX_LATENCY_MS:
            self._latencies.append(at * 1000 - written_ms)
        bright = bool(luma[::16, ::16].mean() > FLASH_BRIGHTNESS)
        if bright and not self._bright:
            self._flashes.append(at)
        self._bright = bright

    def sound(self, samples: NDArray[np.float32], rate: int, at: float) -> None:
        """samples: mono, full scale 1; at: Unix time in seconds of the first of them."""
        self.sound_s += len(samples) / rate
        loud = np.flatnonzero(np.abs(samples) > BEEP_LEVEL)
        if len(loud) and not self._loud:
            self._beeps.append(at + float(loud[0]) / rate)
        self._loud = bool(len(loud))

    def figures(self, now: float) -> Figures:
        """Since the last call. now: Unix time in seconds."""
        then, pictures, sound_s = self._before
        self._before = (now, self.pictures, self.sound_s)
        latency_ms = median(self._latencies) if self._latencies else None
        self._latencies.clear()
        for marks in (self._flashes, self._beeps):
            while marks and marks[0] < now - SYNC_OVER_S:
                marks.popleft()
        return Figures(
            self.width,
            self.height,
            (self.pictures - pictures) / (now - then) if then else 0.0,
            self.sound_s - sound_s,
            latency_ms,
            self._sync_ms(),
        )

    def _sync_ms(self) -> float | None:
        errors = [
            (beep - flash) * 1000
            for flash in self._flashes
            for beep in self._beeps
            if abs(beep - flash) < PAIR_S
        ]
        return median(errors) if errors else None
