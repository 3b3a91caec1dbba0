"""Cuts the frames of one stream into fragments and gives every frame its time on the item's clock.

A cut is made before a keyframe, before a frame that something is missing in front of, and when FRAGMENT_US
of media have come together. Only there does the timeline decide anew; inside a fragment RTP time counts. The
last frame before a cut is held back until the one behind it is placed, and lasts until then: fragments abut
without a seam, drift disappears in them, and over a short hole the last picture stays. A hole longer than
HOLD_US stays a hole. Sound is not held: silence is put in.

What is held back must not be much, for a crash costs it: when nothing comes, all but the last frame are cut
off after IDLE_US, and after HELD_IDLE_US when what comes waits behind a hole in the packet stream, for then
more and more is held back elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recorder.control import GapCause
from recorder.depacketize.frame import CodecConfig, Frame
from recorder.depacketize.opus import SILENCE, SILENCE_TICKS, packet_ticks
from recorder.fragments import Sample
from recorder.timeline import STALL_US, Timeline

FRAGMENT_US = 500_000
"""Media per fragment: with the disk's turn, less than a second is lost at a crash."""
HOLD_US = 2_000_000
"""The longest hole bridged by the last picture, or by silence; what a keyframe that was asked for takes
to come."""
IDLE_US = 600_000
HELD_IDLE_US = 120_000
"""Longer than most holes stay open. With GIVE_UP_US (jitter.py) and a turn of the disk less than a second."""
MISSING_US = 3_000_000
"""Packets in unbroken order with so much time between them: the sender sent nothing. Below, a still
screen or DTX."""
GAP_US = 40_000
"""Holes this small are rounding, not gaps: two audio packets, one picture."""
GROWING_US = 500_000
"""Of a browser that sends three sizes the smallest comes first, the largest within a fifth of a second."""
DEFAULT_DURATION_US = 33_333
"""Of a picture whose neighbours are not known."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Media is missing, whether or not it was bridged. Item clock, microseconds."""

    at_us: int
    duration_us: int
    cause: GapCause


@dataclass(frozen=True, slots=True)
class Cut:
    """The samples of one fragment."""

    config: CodecConfig
    samples: tuple[Sample, ...]
    hole: Hole | None
    """Before the first sample."""

    @property
    def time(self) -> int:
        return self.samples[0].time

    @property
    def end(self) -> int:
        return self.samples[-1].time + self.samples[-1].duration


@dataclass(slots=True)
class _Tail:
    """What was cut off last."""

    frame: Frame
    end: int


class Cutter:
    def __init__(self, timeline: Timeline, clock_rate: int, kind: str) -> None:
        self._timeline = timeline
        self._rate = clock_rate
        self._is_video = kind == "video"
        self._frames: list[Frame] = []
        self._looked_at = 1
        """No frame before this one begins a new fragment."""
        self._start: int | None = None
        """Item clock of frames[0] in ticks, once it is placed."""
        self._tail: _Tail | None = None
        self._hole: Hole | None = None
        self._muted = False
        self._was_muted = False
        """At some time since the last frame came."""
        self._in_mute: set[int] = set()
        """Timestamps of the frames held that came in a mute, or as the first behind one."""
        self.misordered = 0

    @property
    def muted(self) -> bool:
        """The owner says that nothing is sent on purpose."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._was_muted |= muted
        self._muted = muted

    def push(self, frame: Frame) -> None:
        last = self._frames[-1] if self._frames else self._tail.frame if self._tail else None
        if last is not None and frame.timestamp <= last.timestamp:
            self.misordered += 1
            return
        self._frames.append(frame)
        if self._was_muted:
            self._in_mute.add(frame.timestamp)
            self._was_muted = self._muted

    def cut(self, now_us: int, *, held: bool = False) -> list[Cut]:
        """The fragments that are complete. held: the next frames have begun to come, and wait."""
        cuts: list[Cut] = []
        if not self._frames or not self._timeline.settled(now_us):
            return cuts
        while self._place_first() and (index := self._next_cut()):
            cuts.append(self._cut_before(index))
        idle = now_us - self._frames[-1].arrival_us
        if idle > (HELD_IDLE_US if held else IDLE_US) and len(self._frames) > 1:
            cuts.append(self._cut_last_off())
        elif idle > HOLD_US:
            cuts += self.flush()
        return cuts

    def flush(self) -> list[Cut]:
        """All that is left: the stream is over."""
        if not self._frames:
            return []
        cuts: list[Cut] = []
        while self._place_first() and (index := self._next_cut()):
            cuts.append(self._cut_before(index))
        frames = self._frames
        time = self._time_of(frames[-1])
        end = time + self._natural_ticks(len(frames) - 1)
        cuts.append(self._emit(frames, end))
        self._tail = _Tail(frames[-1], end)
        self._frames, self._start, self._looked_at = [], None, 1
        return cuts

    def _place_first(self) -> bool:
        """Places frames[0] when nothing before it did."""
        if self._start is None:
            if self._is_video and self._tail is None:
                self._begin_large()
            frame = self._frames[0]
            start = self._ticks(self._timeline.place(frame.timestamp))
            if self._tail is not None:
                start = max(start, self._tail.end)
                self._hole = self._hole_between(self._tail.frame, frame, self._tail.end, start)
            self._start = max(start, 0)
        return True

    def _begin_large(self) -> None:
        """The stream begins with its first picture of the size that it soon has, shown from the very first
        one's time on: else each size on the way would be a part and a segment of some milliseconds."""
        first = self._frames[0]
        soon = [frame for frame in self._frames if self._within(first, frame, GROWING_US)]
        large = max(soon, key=lambda frame: frame.config.width * frame.config.height)
        if large is not first and large.keyframe and large.config.codec == first.config.codec:
            begins = replace(large, timestamp=first.timestamp, lost_before=first.lost_before)
            self._frames = [begins, *self._frames[self._frames.index(large) + 1 :]]

    def _within(self, first: Frame, frame: Frame, us: int) -> bool:
        return (frame.timestamp - first.timestamp) * 1_000_000 <= us * self._rate

    def _next_cut(self) -> int:
        """Index of the first frame that begins a new fragment; 0 for none."""
        for index in range(self._looked_at, len(self._frames)):
            frame, before = self._frames[index], self._frames[index - 1]
            apart = frame.timestamp - self._frames[0].timestamp
            if (
                (frame.config is not before.config and frame.config != before.config)
                or frame.lost_before
                or (self._is_video and frame.keyframe)
                or frame.arrival_us - before.arrival_us > STALL_US
                or apart * 1_000_000 >= FRAGMENT_US * self._rate
            ):
                self._looked_at = 1
                return index
        self._looked_at = max(1, len(self._frames))
        return 0

    def _cut_before(self, index: int) -> Cut:
        last, following = self._frames[index - 1], self._frames[index]
        last_time = self._time_of(last)
        natural_end = last_time + self._natural_ticks(index - 1)
        start = max(self._ticks(self._timeline.place(following.timestamp)), last_time + 1)
        held = start - natural_end <= self._ticks(HOLD_US)
        cut = self._emit(self._frames[:index], start if held else natural_end)
        self._hole = self._hole_between(last, following, natural_end, start)
        self._tail = _Tail(last, cut.end)
        self._frames = self._frames[index:]
        self._start = start
        return cut

    def _cut_last_off(self) -> Cut:
        """All but the last frame, whose end is not known yet."""
        time = self._time_of(self._frames[-1])
        cut = self._emit(self._frames[:-1], time)
        self._tail = _Tail(self._frames[-2], time)
        self._frames, self._start, self._looked_at = self._frames[-1:], time, 1
        return cut

    def _emit(self, frames: Sequence[Frame], end: int) -> Cut:
        self._in_mute.difference_update(frame.timestamp for frame in frames)
        times = [self._time_of(frame) for frame in frames]
        samples: list[Sample] = []
        for frame, time, following in zip(frames, times, [*times[1:], end], strict=True):
            if self._is_video:
                samples.append(Sample(frame.data, time, following - time, frame.keyframe))
            else:
                samples += _with_silence(frame.data, time, following)
        hole, self._hole = self._hole, None
        return Cut(frames[0].config, tuple(samples), hole)

    def _hole_between(self, last: Frame, following: Frame, end: int, start: int) -> Hole | None:
        missing_us = (start - end) * 1_000_000 // self._rate
        unbroken = not following.lost_before and following.arrival_us - last.arrival_us < MISSING_US
        if missing_us < GAP_US or (unbroken and missing_us < MISSING_US):
            return None
        cause: GapCause = "network" if following.lost_before else "silent"
        if following.timestamp in self._in_mute:
            cause = "muted"
        return Hole(end * 1_000_000 // self._rate, missing_us, cause)

    def _natural_ticks(self, index: int) -> int:
        """How long the frame lasts if nothing is missing behind it."""
        frames = self._frames
        if not self._is_video:
            return packet_ticks(frames[index].data) * self._rate // 48_000
        before = frames[index - 1] if index else self._tail.frame if self._tail else None
        if before is None:
            return self._ticks(DEFAULT_DURATION_US)
        return min(frames[index].timestamp - before.timestamp, self._ticks(10 * DEFAULT_DURATION_US))

    def _time_of(self, frame: Frame) -> int:
        assert self._start is not None
        return self._start + frame.timestamp - self._frames[0].timestamp

    def _ticks(self, us: int) -> int:
        return us * self._rate // 1_000_000


def _with_silence(data: bytes, time: int, end: int) -> list[Sample]:
    """An Opus packet, then silence up to `end` (DTX, a bridged hole). Less than a packet is left to the
    last one."""
    natural = packet_ticks(data)
    samples = []
    while end - time >= natural + SILENCE_TICKS:
        samples.append(Sample(data, time, natural, True))
        data, time, natural = SILENCE, time + natural, SILENCE_TICKS
    samples.append(Sample(data, time, end - time, True))
    return samples
