"""Which encodings of a publication somebody wants: the publisher is told to send those alone. Pure.

The lowest one is always wanted: it costs little, and whoever comes, or whose link gets thin, has a picture
while a better one begins. One that is wanted is switched on at once; one that is no longer wanted goes off
only after a while, so that a link that breathes does not switch a camera on and off.
"""

from __future__ import annotations

from collections.abc import Iterable

OFF_AFTER_S = 5.0
"""Longer than a subscriber stays on its old encoding while it waits for a keyframe of the new one."""


class LayerDemand:
    def __init__(self, encodings: int) -> None:
        """All of them are being sent at first."""
        self._unwanted_since: dict[int, float] = {}
        self.active = frozenset(range(max(encodings, 1)))
        """What the publisher is to send."""
        self._all = self.active

    def update(self, wanted: Iterable[int], now: float | None = None) -> bool:
        """wanted: indices; those that do not exist count as the best. now: seconds; without it only what is
        to be switched on is looked at. Whether `active` changed."""
        needed = {0, *(min(each, len(self._all) - 1) for each in wanted)}
        before = self.active
        self.active |= needed
        if now is not None:
            self._switch_off(needed, now)
        return self.active != before

    def _switch_off(self, needed: set[int], now: float) -> None:
        idle = self.active - needed
        self._unwanted_since = {each: self._unwanted_since.get(each, now) for each in idle}
        self.active -= {each for each in idle if now - self._unwanted_since[each] >= OFF_AFTER_S}
