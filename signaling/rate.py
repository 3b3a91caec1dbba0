"""How often somebody may do something: a token bucket (as in RFC 2697's committed burst). Pure."""

from __future__ import annotations


class Bucket:
    """Holds up to `burst` permits, refilled at `per_second`."""

    def __init__(self, *, burst: float, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._level = burst
        self._at = now

    def take(self, now: float, permits: float = 1.0) -> bool:
        """Takes permits; False, and none is taken, when there are not so many."""
        self._level = min(self._burst, self._level + (now - self._at) * self._per_second)
        self._at = now
        if self._level < permits:
            return False
        self._level -= permits
        return True

    def give_back(self, permits: float = 1.0) -> None:
        """What was taken for nothing."""
        self._level = min(self._burst, self._level + permits)
