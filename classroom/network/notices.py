"""What people are told of their lessons, in which language, and of what a letter comes by e-mail. Pure.

Everything that is told is told on the server's own pages; e-mail comes beside it, where somebody has an
address and has not said that they want none of that topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LANGUAGES: Final = ("zh-CN", "en")
DAY_MS: Final = 86_400_000

DELAYS_S: Final = (60.0, 300.0, 900.0, 3600.0)
"""Until a letter is tried again, after the first attempt in vain, the second, ...; then always the last: a
mail server that greylists takes it at the second, one that is away for a night at its first in the
morning."""
GIVE_UP_MS: Final = 3 * DAY_MS
"""A letter that could not be sent for so long would tell of what is over."""


class Topic(StrEnum):
    """By which people choose."""

    CANCELLED = "cancelled"
    """Lessons cancelled, or moved online, and that taken back."""
    CHANGED = "changed"
    """Another time, master, title or room."""
    SUBSTITUTES = "substitutes"
    PLACES = "places"
    """A place for who waited, or none."""
    SUPERVISION = "supervision"
    """Forms, and what becomes of the problems in them."""


TOPICS: Final[Mapping[str, Topic]] = {
    "cancel": Topic.CANCELLED,
    "online": Topic.CANCELLED,
    "undo": Topic.CANCELLED,
    "change": Topic.CHANGED,
    "substitute": Topic.SUBSTITUTES,
    "moved-up": Topic.PLACES,
    "lapsed": Topic.PLACES,
    "review-delivered": Topic.SUPERVISION,
    "problem-answered": Topic.SUPERVISION,
    "problem-closed": Topic.SUPERVISION,
    "problem-reopened": Topic.SUPERVISION,
    "problem-overdue": Topic.SUPERVISION,
    "negative-listed": Topic.SUPERVISION,
}
"""Kind of a notice -> topic."""


def names_lessons(kind: str) -> bool:
    """Whether a letter of it says which lessons it is about. Of supervision it says that there is something
    to be read, and where: a letter lies in boxes that no scope guards."""
    return TOPICS[kind] is not Topic.SUPERVISION


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Of somebody."""

    language: str = LANGUAGES[0]
    unwanted: frozenset[Topic] = frozenset()
    """Of these no e-mail is to come."""

    def wants(self, kind: str) -> bool:
        return TOPICS[kind] not in self.unwanted


def again_after_s(attempts: int) -> float:
    """Until the next attempt, after so many in vain (1: the first one)."""
    return DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
