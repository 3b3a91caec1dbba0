"""How long things of the library are kept (保存期限), per provider and kind. Pure.

The most precise word counts: that of the provider, else that of all (`*`); without any, things are kept for
ever. A hold stops every deletion. What goes on (a live item) is never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ALL: Final = "*"
DAY_MS: Final = 86_400_000
MAX_DAYS: Final = 36_500


class Kept(StrEnum):
    """What kinds of things have a time of their own."""

    LESSON = "lesson"
    CLIP = "clip"
    """Published."""
    DRAFT = "draft"
    """A clip that is not, or not any more."""


Policies = Mapping[tuple[str, Kept], int]
"""(provider or `*`, kind) -> days; 0: for ever."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """A thing of the library, as retention sees it."""

    provider: str
    kind: Kept
    since_ms: int
    """When its time begins: an item's end, a clip's last change."""
    held: bool = False
    live: bool = False


def days(policies: Policies, provider: str, kind: Kept) -> int:
    """0: for ever."""
    return policies.get((provider, kind), policies.get((ALL, kind), 0))


def ends_ms(policies: Policies, thing: Keeping) -> int | None:
    """When its time is over, Unix ms; None: never, as things stand."""
    kept = days(policies, thing.provider, thing.kind)
    if not kept or thing.held or thing.live:
        return None
    return thing.since_ms + kept * DAY_MS


def is_over(policies: Policies, thing: Keeping, now_ms: int) -> bool:
    end = ends_ms(policies, thing)
    return end is not None and end <= now_ms
