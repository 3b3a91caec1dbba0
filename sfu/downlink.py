"""One subscriber's downlink: the engine's estimate -> what each subscription gets.

The allocator decides, here it is put into practice: the engine is told which layers and what to pause, and up
to where the link is worth probing; whoever wants to know hears of each subscription's state.

Cheap where nothing is scarce: as long as everybody has what is wished for, only an event of the engine or a
change of the subscriptions leads here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from .allocator import Allocator, Demand, Grant, StreamState

if TYPE_CHECKING:
    from .engine.engine import Engine

GOAL_MATERIAL = 0.1
"""A goal that moved by less is not told to the engine."""
DOUBTFUL_S = 1.5
"""Without an estimate after so long there will be none: everybody gets everything."""
ENOUGH = 1.25
"""Times all that is wished for: a link that carries so much takes the best from the first picture."""
SETTLING_S = 5.0
"""After a change of the subscriptions: their costs are being measured. By then a mean of them is right to 8 %
(layer_rates.WEIGHT), which is not material."""
PLENTY = 2.0
"""Times all that is wished for: what is measured so closely does not matter on such a link. Then a change of
what a thousand get is one look at each, and not one a second for SETTLING_S."""

_WORST_FIRST = (StreamState.PAUSED, StreamState.REDUCED)


class Served(Protocol):
    """What is sent: a subscription, or a slot."""

    @property
    def id(self) -> int: ...
    @property
    def paused(self) -> bool: ...
    @property
    def unlimited(self) -> bool:
        """It gets all that is wished for."""

    def demand(self) -> Demand: ...
    def grant(self, grant: Grant) -> None: ...


class Downlink:
    """Made with its transport. Time is an argument, in seconds."""

    def __init__(
        self,
        engine: Engine,
        transport: int,
        *,
        on_restless: Callable[[], None],
        on_state: Callable[[], None],
    ) -> None:
        """on_restless, on_state: hear when `tick` has something to look at, and of each change of `state`."""
        self._engine = engine
        self._on_restless = on_restless
        self._on_state = on_state
        self._transport = transport
        self._allocator = Allocator()
        self._goal_bps = 0.0
        self._settled_at: float | None = None
        self._shared: tuple[float | None, list[Demand]] | None = None
        """Of what the latest share-out was made, when time alone would not change it."""
        self._dirty = False
        self._doubtful_until: float | None = None
        self._unmeasured = False
        """Something is new: what it takes may not be known yet."""
        self.restless = False
        """Whether `tick` has anything to look at."""
        self.bps: float | None = None
        """The estimate; None: not known yet, and nobody is cut."""
        self.state = StreamState.OK
        """The worst of what is sent on it."""

    @property
    def doubtful(self) -> bool:
        """Whether a keyframe of the best picture might fill the link for a second: a new picture of several
        layers begins with its least, until the next share-out."""
        return self.bps is None or self.bps < ENOUGH * self._goal_bps

    def changed(self) -> None:
        """A subscription went or is wished otherwise: looked at with the next tick."""
        self._dirty = True
        self._stir()

    def added(self, served: Served) -> None:
        """A new one: all is sent until more is known, and what that is must be found out at once."""
        self._dirty = self._unmeasured = True
        self._stir()
        if served.paused:
            return
        self._goal_bps += served.demand().steps[-1].bps
        self._engine.set_bandwidth_goal(self._transport, self._goal_bps)

    def estimated(self, bps: float, now: float, subscriptions: Iterable[Served]) -> None:
        """The engine's estimate."""
        self.bps = bps
        self._stir()
        self.update(now, subscriptions)

    def tick(self, now: float, subscriptions: Iterable[Served]) -> None:
        """Once a second."""
        if self._dirty:
            self._settled_at = now + SETTLING_S
        if self._waits_for_estimate(now):
            return
        if self._dirty or self._unsettled(now):
            self.update(now, subscriptions)
        if self._plenty:
            self._settled_at = None
        self.restless = self._unsettled(now)
        self._unmeasured = self._unmeasured and self.restless

    @property
    def _plenty(self) -> bool:
        """Whatever the costs turn out to be. Without an estimate by now there will be none."""
        return self.bps is None or (not self._unmeasured and self.bps >= PLENTY * self._goal_bps)

    def _waits_for_estimate(self, now: float) -> bool:
        """While nothing is known, pictures stay as they began, for a moment."""
        if self.bps is not None:
            return False
        if self._doubtful_until is None:
            self._doubtful_until = now + DOUBTFUL_S
        return now < self._doubtful_until

    def _unsettled(self, now: float) -> bool:
        settling = self._settled_at is not None and now < self._settled_at
        return settling or (self.bps is not None and not self._allocator.settled)

    def update(self, now: float, subscriptions: Iterable[Served]) -> None:
        changed, self._dirty = self._dirty, False
        served: dict[int, Served] = {each.id: each for each in subscriptions if not each.paused}
        demands = [each.demand() for each in served.values()]
        if not changed and self._shared == (self.bps, demands):
            return
        if self._carries_all(served.values(), demands):
            self._allocator.all_fits(demands)
            self._aim()
            self._shared = (self.bps, demands)
            self._become(StreamState.OK)
            return
        grants = self._allocator.update(now, self.bps, demands)
        self._aim()
        for id, grant in grants.items():
            served[id].grant(grant)
        states = {grant.state for grant in grants.values()}
        self._shared = (self.bps, demands) if self._allocator.settled else None
        self._become(next((state for state in _WORST_FIRST if state in states), StreamState.OK))

    def _become(self, state: StreamState) -> None:
        if state is not self.state:
            self.state = state
            self._on_state()

    def _stir(self) -> None:
        if not self.restless:
            self.restless = True
            self._on_restless()

    def _carries_all(self, served: Iterable[Served], demands: Iterable[Demand]) -> bool:
        """Nearly always, and cheap: a change of what a thousand get is a thousand share-outs."""
        if not all(each.unlimited for each in served):
            return False
        return self.bps is None or sum(demand.steps[-1].bps for demand in demands) <= self.bps

    def _aim(self) -> None:
        goal = self._allocator.goal_bps
        if abs(goal - self._goal_bps) > GOAL_MATERIAL * self._goal_bps:
            self._goal_bps = goal
            self._engine.set_bandwidth_goal(self._transport, goal)


__all__ = ["Downlink", "StreamState"]
