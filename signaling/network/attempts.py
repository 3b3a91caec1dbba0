"""How often something may be tried in vain: by key, in memory, sans-IO.

What succeeds is given back (`forgive`), so a school whose thousand pupils sign in from one address is not
held up, and who guesses is.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from signaling.rate import Bucket

MAX_KEYS: Final = 20_000
"""Some 5 MB; the key that was used least lately is forgotten. Whoever brings so many keys has as many
addresses or knows as many logins."""


class Attempts:
    def __init__(self, *, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """False: too often; that one is not counted."""
        bucket = self._buckets.pop(key, None) or Bucket(
            burst=self._burst, per_second=self._per_second, now=now
        )
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        return bucket.take(now)

    def forgive(self, key: str) -> None:
        """The last one was not in vain."""
        if bucket := self._buckets.get(key):
            bucket.give_back()

    @property
    def retry_after(self) -> int:
        """Seconds until one more is free."""
        return math.ceil(1 / self._per_second)
