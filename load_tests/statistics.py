"""From counts to figures: percentiles, loss, delays. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sink import StreamFigures


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In the unit of what was given; NaN-free: `count` 0 means that there was nothing."""

    count: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> Percentiles:
        """Nearest-rank percentiles: each is a value that occurred."""
        if len(values) == 0:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        p50, p95, p99 = np.percentile(values, (50, 95, 99), method="inverted_cdf")
        return cls(len(values), float(p50), float(p95), float(p99), float(max(values)))


@dataclass(frozen=True, slots=True)
class Received:
    """What all streams together got between two looks at the sink."""

    packets: int
    octets: int
    expected: int
    """Packets by sequence numbers (RFC 3550, A.3)."""

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.packets)

    @property
    def loss(self) -> float:
        return self.lost / self.expected if self.expected else 0.0


def received(before: Collection[StreamFigures], after: Collection[StreamFigures]) -> Received:
    """Differences of two looks; streams that began in between count from their first packet."""
    earlier = {(figures.socket, figures.ssrc): figures for figures in before}
    packets = octets = expected = 0
    for figures in after:
        old = earlier.get((figures.socket, figures.ssrc))
        packets += figures.packets - (old.packets if old else 0)
        octets += figures.octets - (old.octets if old else 0)
        expected += figures.highest_seq - (old.highest_seq if old else figures.lowest_seq - 1)
    return Received(packets, octets, expected)


def delays_us(
    rtp: NDArray[np.uint32],
    arrival_us: NDArray[np.int64],
    offset: int,
    sent_us: Mapping[int, int],
) -> NDArray[np.int64]:
    """Arrival minus sending for each timestamp whose sending is known; `offset`: their timestamp minus
    ours."""
    ours = (rtp.astype(np.int64) - offset) & 0xFFFFFFFF
    pairs = zip(ours.tolist(), arrival_us.tolist(), strict=True)
    return np.array([arrival - sent_us[stamp] for stamp, arrival in pairs if stamp in sent_us], np.int64)
