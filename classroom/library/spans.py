"""Which parts of an item somebody has watched: spans of its clock, merged and bounded. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Span = tuple[int, int]
"""From and to, ms of the item's clock."""

JOIN_MS: Final = 1_000
"""Two spans with less between them are one: a player reports where it is a few times a second."""
MAX_SPANS: Final = 200
"""Kept of one person and item, some 4 kB; the closest to each other are joined beyond it."""
MAX_REPORTED: Final = 100
"""In one report, of some seconds of watching."""


class BadSpans(Exception):  # noqa: N818 - an answer, not a fault of ours
    """A report that cannot be: a span that ends before it begins, or lies outside the item."""


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order, without overlaps, at most MAX_SPANS."""
    found: list[list[int]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= JOIN_MS:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    while len(found) > MAX_SPANS:
        at = min(range(1, len(found)), key=lambda i: found[i][0] - found[i - 1][1])
        found[at - 1][1] = found.pop(at)[1]
    return tuple((start, end) for start, end in found)


def checked(spans: Iterable[Span], duration_ms: int) -> tuple[Span, ...]:
    """A report's, cut at the item's end: a player may be a moment beyond it. Raises BadSpans."""
    given = tuple(spans)
    if len(given) > MAX_REPORTED:
        raise BadSpans
    for start, end in given:
        if not 0 <= start <= end or start > duration_ms + JOIN_MS:
            raise BadSpans
    return tuple((start, min(end, duration_ms)) for start, end in given if start < min(end, duration_ms))


def total_ms(spans: Iterable[Span]) -> int:
    """Of merged ones."""
    return sum(end - start for start, end in spans)
