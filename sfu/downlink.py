"""One subscriber's downlink: the engine's estimate -> what each subscription gets.

The allocator decides, here it is put into practice: the engine is told which layers and what to pause, and up
to where the link is worth probing; whoever wants to know hears of each subscription's state.

Cheap where nothing is scarce: as long as everybody has what is wished for, only an event of the engine or a
change of the subscriptions leads here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from .allocator import Allocator, Demand, Step, StreamState
from .params import Kind

if TYPE_CHECKING:
    from .engine.engine import Engine
    from .media import Subscription

GOAL_MATERIAL = 0.1
"""A goal that moved by less is not told to the engine."""
NOTHING = Step(0, 0.0)
SETTLING_S = 10.0
"""After a change of the subscriptions: their costs are being measured."""


class Downlink:
    """Made with its transport. Time is an argument, in seconds."""

    def __init__(self, engine: Engine, transport: int) -> None:
        self._engine = engine
        self._transport = transport
        self._allocator = Allocator()
        self._goal_bps = 0.0
        self._settled_at: float | None = None
        self._dirty = False
        self.restless = False
        """Whether `tick` has anything to look at."""
        self.bps: float | None = None
        """The estimate; None: not known yet, and nobody is cut."""

    def changed(self) -> None:
        """A subscription went or is wished otherwise: looked at with the next tick."""
        self._dirty = self.restless = True

    def added(self, subscription: Subscription) -> None:
        """A new one: all is sent until more is known, and what that is must be found out at once."""
        self._dirty = self.restless = True
        if subscription.publication.loudest is None:
            self._goal_bps += self._demand(subscription).steps[-1].bps
            self._engine.set_bandwidth_goal(self._transport, self._goal_bps)

    def estimated(self, bps: float, now: float, subscriptions: Iterable[Subscription]) -> None:
        """The engine's estimate."""
        self.bps = bps
        self.restless = True
        self.update(now, subscriptions)

    def tick(self, now: float, subscriptions: Iterable[Subscription]) -> None:
        """Once a second."""
        if self._dirty:
            self._settled_at = now + SETTLING_S
        if self._dirty or self._unsettled(now):
            self.update(now, subscriptions)
        self.restless = self._unsettled(now)

    def _unsettled(self, now: float) -> bool:
        settling = self._settled_at is not None and now < self._settled_at
        return settling or (self.bps is not None and not self._allocator.settled)

    def update(self, now: float, subscriptions: Iterable[Subscription]) -> None:
        self._dirty = False
        served: dict[int, Subscription] = {each.id: each for each in subscriptions if not each.paused}
        demands = _heard([(each, self._demand(each)) for each in served.values()])
        grants = self._allocator.update(now, self.bps, demands)
        self._aim()
        for id, grant in grants.items():
            served[id].grant(grant)

    def _aim(self) -> None:
        goal = self._allocator.goal_bps
        if abs(goal - self._goal_bps) > GOAL_MATERIAL * self._goal_bps:
            self._goal_bps = goal
            self._engine.set_bandwidth_goal(self._transport, goal)

    @staticmethod
    def _demand(subscription: Subscription) -> Demand:
        publication = subscription.publication
        return Demand(
            id=subscription.id,
            priority=subscription.priority,
            steps=publication.rates.steps(highest=subscription.wished_layer),
            audio=publication.parameters.kind is Kind.AUDIO,
        )


def _heard(found: list[tuple[Subscription, Demand]]) -> list[Demand]:
    """Of microphones of which only the loudest are forwarded, room for as many as that, and no more."""
    voices = [pair for pair in found if pair[0].publication.loudest is not None]
    voices.sort(key=lambda pair: pair[1].steps[-1].bps, reverse=True)
    silent = {demand.id for at, (each, demand) in enumerate(voices) if at >= (each.publication.loudest or 0)}
    return [replace(each, steps=(NOTHING,)) if each.id in silent else each for _, each in found]


__all__ = ["Downlink", "StreamState"]
