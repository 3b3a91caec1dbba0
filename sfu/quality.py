"""What the figures of a participant's lines mean to the participant: good, fair or poor, and why. Pure.

Theory of operation. One look a second, at everybody at once: what is kept of a line, or of what its owner
is told, is a row of a numpy array (LINE, VERDICT), so that a look costs a few dozen array operations however
many there are. Each line (a transport, in one direction or both) is smoothed over a few seconds and held
against a table of limits; the worst is the finding of this look. What is shown follows with patience
(VERDICT): a worse finding must stand for a moment, a better one for a while, so that nothing flickers on a
page and nobody is told of a single lost packet.

The limits say what people notice, not what networks do: repaired loss costs delay, up to 2 % of it nobody
sees; from 8 % on repairs are lost too. Beyond 250 ms people begin to talk over each other (ITU-T G.114 has
150 ms one way as the limit of the easy), beyond 600 ms questions and answers no longer meet.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .allocator import StreamState
from .params import Quality, QualityReason

Rows = NDArray[np.void]
Samples = NDArray[np.void]
"""Rows of `engine.snapshot.SAMPLE`."""
Codes = NDArray[np.int16]
Flags = NDArray[np.bool_]


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

LEVELS: Final = tuple(Quality)
REASONS: Final = tuple(QualityReason)
STATES: Final = (StreamState.OK, StreamState.REDUCED, StreamState.PAUSED)
"""From best to worst."""
NONE: Final = -1
"""The code of no finding; that of one is its place in LEVELS * 256 + its reason's in REASONS."""

LINE: Final = np.dtype(
    [
        ("loss_up", np.float64),
        ("loss_down", np.float64),
        ("round_trip_s", np.float64),
        ("jitter_s", np.float64),
        ("silent_s", np.float64),
        ("frozen_s", np.float64),
        ("heard", np.bool_),
    ]
)
"""One transport over time, smoothed; all zeros at first. `heard`: the peer has sent something on it. One that
only receives and says nothing of it is not missed."""

VERDICT: Final = np.dtype([("shown", np.int16), ("pending", np.int16), ("since", np.float64)])
"""What somebody is told, as a code; NONE while nothing has been measured for long enough. What may be told
next, and since when it would be true."""


class Finding(NamedTuple):
    level: Quality
    reason: QualityReason = QualityReason.NONE


def code(found: Finding) -> int:
    return LEVELS.index(found.level) << 8 | REASONS.index(found.reason)


def finding(code: int) -> Finding:
    return Finding(LEVELS[code >> 8], REASONS[code & 0xFF])


def rank(codes: Codes) -> Codes:
    """The higher, the worse; NONE is below all."""
    return codes >> 8


def verdicts(count: int) -> Rows:
    fresh = np.zeros(count, VERDICT)
    fresh["shown"] = fresh["pending"] = NONE
    return fresh


def look(lines: Rows, samples: Samples, passed_s: float, expected: Flags) -> Rows:
    """Rows of LINE after what went on in the last `passed_s`. expected: the peer sends something that is not
    muted."""
    after = np.empty_like(lines)
    for smoothed, latest in (
        ("loss_up", "lost_up"),
        ("loss_down", "lost_down"),
        ("jitter_s", "jitter_up_s"),
    ):
        before = lines[smoothed]
        after[smoothed] = before + SMOOTHING * (samples[latest] - before)
    after["round_trip_s"] = samples["round_trip_s"]
    quiet = samples["received"] == 0
    heard = after["heard"] = lines["heard"] | ~quiet
    silent = quiet & (expected | (heard & (samples["sent"] > 0)))
    after["silent_s"] = np.where(silent, lines["silent_s"] + passed_s, 0.0)
    after["frozen_s"] = np.where(samples["stalled"] > 0, lines["frozen_s"] + passed_s, 0.0)
    return after


def judge(lines: Rows, states: NDArray[np.uint8], reported_frozen_s: NDArray[np.float64]) -> Codes:
    """The worst that there is to say of each line; of several equally bad the one that explains the others.

    states: places in STATES, the worst of the streams on each, as the allocator left them;
    reported_frozen_s: how long pictures stood still lately, as the participant's own page counted."""
    found = _BANDWIDTH[states]
    for values, limits, reason in (
        (lines["loss_up"], LOSS, QualityReason.LOSS_UP),
        (lines["loss_down"], LOSS, QualityReason.LOSS_DOWN),
        (lines["round_trip_s"], ROUND_TRIP_S, QualityReason.DELAY),
        (lines["jitter_s"], JITTER_S, QualityReason.JITTER),
        (lines["frozen_s"], FROZEN_S, QualityReason.FROZEN),
        (reported_frozen_s, REPORTED_S, QualityReason.FROZEN),
    ):
        if values.max(initial=0.0) >= limits.fair:  # nearly always nobody
            levels = (values >= limits.fair).astype(np.int16) + (values >= limits.poor)
            found = worse(found, np.where(levels > 0, levels << 8 | REASONS.index(reason), _GOOD))
    judged: Codes = np.where(lines["silent_s"] >= SILENT_S, _INTERRUPTED, found)
    return judged


def worse(one: Codes, other: Codes) -> Codes:
    """Row by row; the first where they are equally bad."""
    return np.where(rank(other) > rank(one), other, one)


def update(verdicts: Rows, now: float, found: Codes) -> Flags:
    """Takes the findings of this look, in place. Where True, something else is to be shown than before.
    now: seconds."""
    shown, pending, since = verdicts["shown"], verdicts["pending"], verdicts["since"]
    differs: Flags = found != shown
    if not differs.any():
        pending[:] = NONE
        return differs
    # 1: worse than what is shown, -1: better, 0: another reason only.
    direction = np.sign(rank(found) - rank(shown))
    begins = (pending == NONE) | (np.sign(rank(pending) - rank(shown)) != direction)
    # Only as bad as the best meanwhile, only as good as the worst; of equals the latest reason.
    takes = begins | (rank(found) * direction <= rank(pending) * direction)
    since[:] = np.where(differs & begins, now, since)
    pending[:] = np.where(differs, np.where(takes, found, pending), NONE)
    patience = np.where(direction > 0, WORSE_AFTER_S, BETTER_AFTER_S)
    changed: Flags = differs & (now - since >= patience)
    shown[:] = np.where(changed, pending, shown)
    pending[:] = np.where(changed, NONE, pending)
    return changed


_GOOD: Final = np.int16(0)
_INTERRUPTED: Final = np.int16(code(Finding(Quality.POOR, QualityReason.INTERRUPTED)))
_BANDWIDTH: Final = np.array(
    [
        code(Finding(Quality.GOOD)),
        code(Finding(Quality.FAIR, QualityReason.BANDWIDTH)),
        code(Finding(Quality.POOR, QualityReason.BANDWIDTH)),
    ],
    np.int16,
)
"""By place in STATES."""
