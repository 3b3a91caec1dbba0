"""Pauses of many streams, told to the engine together.

When a thousand subscribers get something else in the same moment, each pause by itself would wait for the
packet thread's lock, which that thread holds most of the time just then. So what is asked for in one turn of
the event loop is told in one call at its end, or before, when it has become much: who comes first does not
wait for the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .params import SubscriptionId

if TYPE_CHECKING:
    from .engine.engine import Engine

AT_ONCE: Final = 64
"""Told in one call: some 10 microseconds under the lock."""

Defer = Callable[[Callable[[], None]], object]
"""Calls back soon."""


class Pauses:
    """One for all transports of an engine."""

    def __init__(self, engine: Engine, defer: Defer | None = None) -> None:
        """defer: None tells each at once."""
        self._engine = engine
        self._defer = defer
        self._waiting: dict[int, bool] = {}

    def set(self, subscription: SubscriptionId, paused: bool) -> None:
        if not self._waiting and self._defer is not None:
            self._defer(self.tell)
        self._waiting[subscription] = paused
        if self._defer is None or len(self._waiting) >= AT_ONCE:
            self.tell()

    def forget(self, subscription: SubscriptionId) -> None:
        """It has gone, or is going."""
        self._waiting.pop(subscription, None)

    def tell(self) -> None:
        """What waits; nothing when nothing does."""
        waiting, self._waiting = self._waiting, {}
        if waiting:
            self._engine.set_all_paused(waiting)
