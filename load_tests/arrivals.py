"""Delays packet by packet, of a sink that kept one arrival for each (`every_packet`).

A server rewrites sequence numbers and timestamps, but keeps the packets of a frame together and in order: the
k-th packet with a timestamp is the k-th that the publisher sent of that frame. The difference of the
timestamps is a constant per stream, told by the stream's first packet (evidence.py). A frame of which not as
many packets came as were sent is left out and counted: loss is another figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bot import Publisher, SendTimes, Subscriber
from .evidence import timestamp_offset
from .sink import Sink

KEYFRAME_PACKETS = 15
"""More than any other frame of a test camera has."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """One entry per packet; CLOCK_MONOTONIC microseconds."""

    sent_us: NDArray[np.int64]
    delay_us: NDArray[np.int64]
    of_keyframe: NDArray[np.bool_]
    incomplete: int
    """Frames left out."""

    def within(self, start_us: float, end_us: float) -> Arrivals:
        """Those sent in this time."""
        return self.where((self.sent_us >= start_us) & (self.sent_us < end_us))

    def where(self, chosen: NDArray[np.bool_]) -> Arrivals:
        return Arrivals(
            self.sent_us[chosen], self.delay_us[chosen], self.of_keyframe[chosen], self.incomplete
        )

    @property
    def ms(self) -> NDArray[np.float64]:
        return self.delay_us / 1e3

    @property
    def keyframes_us(self) -> NDArray[np.int64]:
        """When each keyframe's packets were sent, ascending."""
        return np.unique(self.sent_us[self.of_keyframe])

    def shortly_after(self, moments_us: NDArray[np.int64], within_us: int) -> Arrivals:
        """Those sent at most so long after one of these (ascending) moments."""
        if not len(moments_us):
            return self.where(np.zeros(len(self.sent_us), bool))
        before = np.searchsorted(moments_us, self.sent_us, "right") - 1
        since = self.sent_us - moments_us[np.maximum(before, 0)]
        return self.where((before >= 0) & (since <= within_us))


def arrivals(sink: Sink, publisher: Publisher, subscribers: Sequence[Subscriber], kind: str) -> Arrivals:
    """Of all `audio` or `video` packets of this publisher that the sink still knows."""
    sent = _Sent.of(publisher.sent[kind])
    by_socket = {bot.socket_number: bot for bot in subscribers}
    found = [Arrivals(*_EMPTY, 0)]
    for stream in sink.streams():
        bot = by_socket.get(stream.socket)
        if bot is None or bot.payload_types().get(stream.payload_type) != kind:
            continue
        offset = timestamp_offset(bot, sink.sample(stream.socket, stream.ssrc))
        if offset is not None:
            rtp, arrival_us = sink.arrivals(stream.socket, stream.ssrc)
            found.append(_match(sent, (rtp.astype(np.int64) - offset) & 0xFFFFFFFF, arrival_us))
    return Arrivals(
        np.concatenate([one.sent_us for one in found]),
        np.concatenate([one.delay_us for one in found]),
        np.concatenate([one.of_keyframe for one in found]),
        sum(one.incomplete for one in found),
    )


_EMPTY = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


@dataclass(frozen=True, slots=True)
class _Sent:
    """Packets that were sent, in the order of (timestamp, place in the frame)."""

    timestamps: NDArray[np.int64]
    first: NDArray[np.int64]
    """Of each timestamp: the index of its first packet in `times_us`."""
    counts: NDArray[np.int64]
    times_us: NDArray[np.int64]

    @classmethod
    def of(cls, sent: SendTimes) -> _Sent:
        frames = sorted(sent.packets.items())
        counts = np.array([len(times) for _, times in frames], np.int64)
        times = [time for _, frame in frames for time in frame]
        first = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])[:-1]
        return cls(
            np.array([stamp for stamp, _ in frames], np.int64), first, counts, np.array(times, np.int64)
        )


def _match(sent: _Sent, stamps: NDArray[np.int64], arrival_us: NDArray[np.int64]) -> Arrivals:
    """stamps: the publisher's timestamp of each packet that came."""
    if not len(stamps) or not len(sent.timestamps):
        return Arrivals(*_EMPTY, 0)
    frames, begins, frame, counts = np.unique(
        stamps, return_index=True, return_inverse=True, return_counts=True
    )
    at = np.minimum(np.searchsorted(sent.timestamps, frames), len(sent.timestamps) - 1)
    known = sent.timestamps[at] == frames
    whole = known & (sent.counts[at] == counts)
    place = np.arange(len(stamps)) - begins[frame]
    # Something of another frame in between: a packet that was sent again. Such a frame tells no order.
    orderly = np.ones(len(frames), bool)
    np.logical_and.at(orderly, frame, (place >= 0) & (place < counts[frame]))
    chosen = (whole & orderly)[frame]
    sent_us = sent.times_us[(sent.first[at][frame] + place)[chosen]]
    return Arrivals(
        sent_us,
        arrival_us[chosen] - sent_us,
        (counts >= KEYFRAME_PACKETS)[frame][chosen],
        int((known & ~(whole & orderly)).sum()),
    )
