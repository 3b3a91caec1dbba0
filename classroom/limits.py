"""How often: token buckets. Time is an argument. And for how long a place is kept."""

from __future__ import annotations

from typing import NamedTuple


class Rate(NamedTuple):
    burst: int
    """So many at once."""
    per_second: float
    """So many in the long run."""


CHAT = Rate(burst=5, per_second=1.0)
"""Nobody types a sentence a second for long; five cover a quick exchange."""
ACTIONS = Rate(burst=20, per_second=5.0)
"""Hands, tracks and mutes of one person: a tutor may raise hands for a row of seats in one go."""
LESSON_CHAT = Rate(burst=100, per_second=20.0)
"""Of all together: nobody reads more than that, and each message goes out to every member."""


PLACE_KEPT_S = 60.0
"""For who was lost, after the door has waited in vain for the connection to resume: long enough to reload a
page or restart a tablet, short enough that a list of people is true."""


class TokenBucket:
    """Takes up to `rate.burst` at once and `rate.per_second` in the long run."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Whether one more is within the rate; if it is, it counts."""
        self._tokens += max(0.0, now - self._filled_at) * self._rate.per_second
        self._tokens = min(self._tokens, self._rate.burst)
        self._filled_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
