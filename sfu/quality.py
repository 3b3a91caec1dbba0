"""What the figures of a participant's lines mean to the participant: good, fair or poor, and why. Pure.

Theory of operation. One look a second. Each line (a transport, in one direction or both) is smoothed over a
few seconds and held against a table of limits; the worst of all rows is the finding of this look. What is
shown follows with patience (`Verdict`): a worse finding must stand for a moment, a better one for a while, so
that nothing flickers on a page and nobody is told of a single lost packet.

The limits say what people notice, not what networks do: repaired loss costs delay, up to 2 % of it nobody
sees; from 8 % on repairs are lost too. Beyond 250 ms people begin to talk over each other (ITU-T G.114 has
150 ms one way as the limit of the easy), beyond 600 ms questions and answers no longer meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from .allocator import StreamState
from .params import Quality, QualityReason

if TYPE_CHECKING:
    from .engine.snapshot import LinkSample


class Limits(NamedTuple):
    """From here on fair, and poor."""

    fair: float
    poor: float


LOSS: Final = Limits(0.02, 0.08)
"""Of packets, before repair."""
ROUND_TRIP_S: Final = Limits(0.25, 0.6)
JITTER_S: Final = Limits(0.05, 0.15)
"""Buffers of browsers follow up to some 50 ms without being heard."""
FROZEN_S: Final = Limits(1.5, 3.0)
"""Without a picture that should be there. A change of layers or a new picture takes up to a second."""
REPORTED_S: Final = Limits(0.5, 2.0)
"""Standing still within `REPORT_LASTS_S`, as the participant's own page counted it."""
SILENT_S: Final = 3.0
"""Nothing from the peer although something must come: audio with pauses has a packet every 0.4 s, feedback
comes at least once a second."""
REPORT_LASTS_S: Final = 6.0
SMOOTHING: Final = 0.4
"""Weight of the latest second: one packet lost out of fifty is no news."""
WORSE_AFTER_S: Final = 2.0
BETTER_AFTER_S: Final = 8.0

_RANK: Final = {Quality.GOOD: 0, Quality.FAIR: 1, Quality.POOR: 2}


class Finding(NamedTuple):
    level: Quality
    reason: QualityReason = QualityReason.NONE


GOOD: Final = Finding(Quality.GOOD)


@dataclass(slots=True)
class Line:
    """One transport over time, smoothed."""

    loss_up: float = 0.0
    loss_down: float = 0.0
    round_trip_s: float = 0.0
    jitter_s: float = 0.0
    heard: bool = False
    """The peer has sent something on it. One that only receives and says nothing of it is not missed."""
    silent_s: float = 0.0
    frozen_s: float = 0.0

    def look(self, sample: LinkSample, passed_s: float, *, expected: bool) -> None:
        """What went on in the last `passed_s`. expected: the peer sends something that is not muted."""
        self.loss_up += SMOOTHING * (sample.lost_up - self.loss_up)
        self.loss_down += SMOOTHING * (sample.lost_down - self.loss_down)
        self.round_trip_s = sample.round_trip_s
        self.jitter_s += SMOOTHING * (sample.jitter_up_s - self.jitter_s)
        self.heard = self.heard or sample.received > 0
        silent = sample.received == 0 and (expected or (self.heard and sample.sent > 0))
        self.silent_s = self.silent_s + passed_s if silent else 0.0
        self.frozen_s = self.frozen_s + passed_s if sample.stalled else 0.0


def judge(line: Line, state: StreamState = StreamState.OK, reported_frozen_s: float = 0.0) -> Finding:
    """The worst that there is to say of a line; of several equally bad the one that explains the others.

    state: the worst of the streams on it, as the allocator left them; reported_frozen_s: how long pictures
    stood still lately, as the participant's own page counted."""
    if line.silent_s >= SILENT_S:
        return Finding(Quality.POOR, QualityReason.INTERRUPTED)
    measures = (
        (line.loss_up, LOSS, QualityReason.LOSS_UP),
        (line.loss_down, LOSS, QualityReason.LOSS_DOWN),
        (line.round_trip_s, ROUND_TRIP_S, QualityReason.DELAY),
        (line.jitter_s, JITTER_S, QualityReason.JITTER),
        (line.frozen_s, FROZEN_S, QualityReason.FROZEN),
        (reported_frozen_s, REPORTED_S, QualityReason.FROZEN),
    )
    found = GOOD
    if state is not StreamState.OK:
        level = Quality.POOR if state is StreamState.PAUSED else Quality.FAIR
        found = Finding(level, QualityReason.BANDWIDTH)
    for value, limits, reason in measures:
        if value >= limits.fair:
            level = Quality.POOR if value >= limits.poor else Quality.FAIR
            found = worse(found, Finding(level, reason))
    return found


def worse(one: Finding, other: Finding) -> Finding:
    """The first when they are equally bad."""
    return other if _RANK[other.level] > _RANK[one.level] else one


class Verdict:
    """What is shown of the findings, with patience."""

    def __init__(self) -> None:
        self.shown: Finding | None = None
        """None: nothing has been measured for long enough."""
        self._pending: Finding | None = None
        self._since = 0.0

    def update(self, now: float, found: Finding) -> bool:
        """Takes the finding of this look; True: something else is to be shown than before. now: seconds."""
        if found == self.shown:
            self._pending = None
            return False
        direction = self._direction(found)
        if self._pending is None or self._direction(self._pending) != direction:
            self._pending, self._since = found, now
        elif _RANK[found.level] * direction <= _RANK[self._pending.level] * direction:
            # Only as bad as the best meanwhile, only as good as the worst; of equals the latest reason.
            self._pending = found
        if now - self._since < (WORSE_AFTER_S if direction > 0 else BETTER_AFTER_S):
            return False
        self.shown, self._pending = self._pending, None
        return True

    def _direction(self, found: Finding) -> int:
        """1: worse than what is shown, -1: better, 0: another reason only."""
        if self.shown is None:
            return 1
        rank, shown = _RANK[found.level], _RANK[self.shown.level]
        return (rank > shown) - (rank < shown)
