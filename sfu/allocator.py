"""Who gets what of a downlink: pure, and the same for every kind of stream.

Theory of operation. A subscriber's streams stand in the order of their priority. Sound is never touched:
what it needs is set aside first. Then every picture gets the least that there is of it, in the order of
priority (a bad picture beats none); then, again in that order, each is raised as far as the rest allows,
equals in turn. So a stream is paused only when even its least does not fit beside all that is more
important, and nothing less important ever costs it its place.

    estimate --share()--> the best that fits --Allocator: not too often--> what is sent

Hysteresis. An estimate breathes: it falls to 85 % when it has filled the link, and climbs again. So what is
sent stays while it is at most a little too much for a short time; it falls at once when it is far too much.
It rises only with room to spare that has been there for a while; and when a rise was followed by a fall, the
next one waits longer each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

FALL_AT_ONCE = 0.8
"""Estimate against what is sent: below this something has happened to the link; above it, it may be
breathing (0.85)."""
PAUSE_AT_ONCE = 0.5
"""The same where only pauses are left to give: a bad picture beats none."""
FALL_AFTER_S = 2.0
"""So long may the estimate lie a little below what is sent."""
RISE_MARGIN = 1.1
"""Room that a rise must find beyond its own need."""
RISE_AFTER_S = 2.0
"""So long must the room be there; also the pace at which a link that is coming back is believed."""
RISE_FAILED_S = 10.0
"""A fall within this time after a rise means that the rise was wrong."""
MAX_RISE_AFTER_S = 30.0
RISE_AMPLY = 1.5
"""With so many times the room that a rise needs, what failed before is no reason to wait: the link has
changed."""
FORGIVEN_AFTER_S = 60.0
"""Without a fall for so long, rises are as quick as at first."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way of sending a stream, and what it costs."""

    layer: int
    """Index into the publication's encodings."""
    bps: float
    temporal: int | None = None
    """Highest temporal layer; None: all."""

    @property
    def way(self) -> tuple[int, int | None]:
        return (self.layer, self.temporal)


@dataclass(frozen=True, slots=True)
class Demand:
    """A stream that somebody is to get."""

    id: int
    priority: int
    """The lower, the more important."""
    steps: tuple[Step, ...]
    """The ways to send it, cheapest first, up to what is wished; at least one."""
    audio: bool = False


class StreamState(StrEnum):
    OK = "ok"
    REDUCED = "reduced"
    """Less than is wished."""
    PAUSED = "paused"


class Reason(StrEnum):
    NONE = ""
    BANDWIDTH = "bandwidth"
    """The downlink does not carry more."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a stream gets."""

    step: Step | None
    """None: nothing."""
    state: StreamState
    reason: Reason = Reason.NONE


def ladder(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps by quality, each at least as expensive as the one below: what was measured may say otherwise for
    a moment."""
    found: list[Step] = []
    for step in sorted(steps, key=lambda each: _rank(*each.way)):
        floor = found[-1].bps if found else 0.0
        found.append(step if step.bps >= floor else Step(step.layer, floor, step.temporal))
    return tuple(found)


def share(bps: float, demands: Sequence[Demand]) -> dict[int, int]:
    """Index into its steps for each demand, -1 for nothing; the best that fits into bps."""
    chosen = {demand.id: len(demand.steps) - 1 for demand in demands if demand.audio}
    left = bps - sum(demand.steps[-1].bps for demand in demands if demand.audio)
    pictures = sorted((each for each in demands if not each.audio), key=lambda each: each.priority)
    for demand in pictures:
        fits = demand.steps[0].bps <= left
        chosen[demand.id] = 0 if fits else -1
        left -= demand.steps[0].bps if fits else 0.0
    for _, group in groupby(pictures, key=lambda each: each.priority):
        left = _raise_in_turn(tuple(group), chosen, left)
    return chosen


def _raise_in_turn(group: Sequence[Demand], chosen: dict[int, int], left: float) -> float:
    """Equals, a step each in turn; returns what is left."""
    growing = [demand for demand in group if chosen[demand.id] >= 0]
    while growing:
        still = []
        for demand in growing:
            at = chosen[demand.id]
            if at + 1 == len(demand.steps):
                continue
            extra = demand.steps[at + 1].bps - demand.steps[at].bps
            if extra <= left:
                left -= extra
                chosen[demand.id] = at + 1
                still.append(demand)
        growing = still
    return left


class Allocator:
    """One downlink's share-out, with patience. Time is an argument, in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[int, int | None] | None] = {}
        """What each stream gets now, as Step.way; None: nothing."""
        self._tight_since: float | None = None
        self._roomy_since: float | None = None
        self._rose_at: float | None = None
        self._fell_at: float | None = None
        self._rise_after_s = RISE_AFTER_S
        self.goal_bps = 0.0
        """What everything wished for would cost."""
        self.settled = False
        """Nothing would change with time alone: everybody has what is wished for."""

    def update(self, now: float, bps: float | None, demands: Sequence[Demand]) -> dict[int, Grant]:
        """What each gets. bps: the estimate; None: not known, and then everybody gets everything."""
        self.goal_bps = sum(demand.steps[-1].bps for demand in demands)
        best = {demand.id: len(demand.steps) - 1 for demand in demands}
        if bps is None:
            return self._hold(demands, best, best)
        known = self._held.keys()
        current = {demand.id: self._index(demand) for demand in demands if demand.id in known}
        fitting = share(bps, demands)
        if len(current) < len(demands):
            # Somebody new: found a place for at once, and nobody rises by the way.
            placed = _at_least(bps, demands, fitting)
            current = {id: min(at, current.get(id, at)) for id, at in placed.items()}
        current = self._fall_or_rise(now, bps, demands, current, fitting)
        return self._hold(demands, current, best)

    def all_fits(self, demands: Sequence[Demand]) -> None:
        """The same as `update` where everybody has the best, nothing is known against it, and the estimate
        (if there is one) carries it: nobody's share changes."""
        self.goal_bps = sum(demand.steps[-1].bps for demand in demands)
        self._held = {demand.id: demand.steps[-1].way for demand in demands}
        self._tight_since = self._roomy_since = None
        self.settled = True

    def _index(self, demand: Demand) -> int:
        """Where what it gets now stands among its steps: the same way, else the next worse one, else the
        least."""
        way = self._held[demand.id]
        if way is None:
            return -1
        rank = _rank(*way)
        below = [at for at, step in enumerate(demand.steps) if _rank(*step.way) <= rank]
        return below[-1] if below else 0

    def _fall_or_rise(
        self,
        now: float,
        bps: float,
        demands: Sequence[Demand],
        current: dict[int, int],
        fitting: dict[int, int],
    ) -> dict[int, int]:
        if self._fell_at is not None and now - self._fell_at > FORGIVEN_AFTER_S:
            self._rise_after_s = RISE_AFTER_S
        cost = _cost(demands, current)
        if cost > bps and any(current[demand.id] >= 0 for demand in demands if not demand.audio):
            self._roomy_since = None
            self._tight_since = now if self._tight_since is None else self._tight_since
            least = all(current[demand.id] <= 0 for demand in demands if not demand.audio)
            at_once = PAUSE_AT_ONCE if least else FALL_AT_ONCE
            if bps < at_once * cost:
                self._note_fall(now)
                return fitting if least else _at_least(bps, demands, fitting)
            if now - self._tight_since >= FALL_AFTER_S:
                self._note_fall(now)
                return _at_least(bps, demands, fitting)
            return current
        self._tight_since = None
        better = _with_a_picture(share(bps / RISE_MARGIN, demands), share(bps, demands), demands)
        if not _improves(current, better):
            self._roomy_since = None
            return current
        self._roomy_since = now if self._roomy_since is None else self._roomy_since
        ample = bps >= RISE_AMPLY * _cost(demands, better)
        if now - self._roomy_since < (RISE_AFTER_S if ample else self._rise_after_s):
            return current
        self._roomy_since = None
        self._rose_at = now
        return better

    def _note_fall(self, now: float) -> None:
        self._tight_since = None
        self._fell_at = now
        if self._rose_at is not None and now - self._rose_at < RISE_FAILED_S:
            self._rise_after_s = min(2 * self._rise_after_s, MAX_RISE_AFTER_S)
        self._rose_at = None

    def _hold(
        self, demands: Sequence[Demand], current: Mapping[int, int], best: Mapping[int, int]
    ) -> dict[int, Grant]:
        grants = {demand.id: _grant(demand, current[demand.id]) for demand in demands}
        self._held = {id: grant.step.way if grant.step else None for id, grant in grants.items()}
        self.settled = current == best and self._tight_since is None
        return grants


def _at_least(bps: float, demands: Sequence[Demand], fitting: dict[int, int]) -> dict[int, int]:
    """Instead of no picture at all the least of those that nearly fit: just after a fall the estimate is
    low."""
    return _with_a_picture(fitting, share(bps / FALL_AT_ONCE, demands), demands)


def _with_a_picture(
    chosen: dict[int, int], generous: dict[int, int], demands: Sequence[Demand]
) -> dict[int, int]:
    """The choice; where it has no picture at all, the least of those that the generous one has."""
    if any(chosen[demand.id] >= 0 for demand in demands if not demand.audio):
        return chosen
    return {id: min(at, 0) for id, at in generous.items()}


def _rank(layer: int, temporal: int | None) -> tuple[int, bool, int]:
    return (layer, temporal is None, temporal or 0)


def _cost(demands: Iterable[Demand], chosen: Mapping[int, int]) -> float:
    return sum(demand.steps[chosen[demand.id]].bps for demand in demands if chosen[demand.id] >= 0)


def _improves(current: Mapping[int, int], better: Mapping[int, int]) -> bool:
    """Whether somebody gains: what the others lose for it is what priority wants."""
    return any(better[id] > at for id, at in current.items())


def _grant(demand: Demand, at: int) -> Grant:
    if at < 0:
        return Grant(None, StreamState.PAUSED, Reason.BANDWIDTH)
    if at + 1 < len(demand.steps):
        return Grant(demand.steps[at], StreamState.REDUCED, Reason.BANDWIDTH)
    return Grant(demand.steps[at], StreamState.OK)
