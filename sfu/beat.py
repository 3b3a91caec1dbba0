"""Regular looks that fall on the same moments.

Whoever looks at something once a second wakes the event loop, and after a pause that costs more than most
looks do: the processor has forgotten everything. So looks are due at whole multiples of their periods, where
they meet.
"""

from __future__ import annotations


def beat(now: float, every_s: float) -> float:
    """The moment nearest to one period from now, between half and one and a half of one."""
    return (now / every_s + 1.5) // 1 * every_s
