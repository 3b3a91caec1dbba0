"""What places and classes are called, and where they stand. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from classroom.rules.words import has_controls

MAX_NAME: Final = 80
"""Characters: the protocol's limit for a name."""
MAX_REASON: Final = 500
MAX_GRADE: Final = 12
MAX_PUPILS: Final = 500
"""Of a class: nobody's has more, and a slip of the pen has."""


class PlaceFault(StrEnum):
    NAME = "name"
    TIMEZONE = "timezone"
    REASON = "reason"


class BadPlace(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: PlaceFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def place_name(text: str) -> str:
    """Of a place or class, without blanks around it. Raises BadPlace."""
    name = text.strip()
    if not name or len(name) > MAX_NAME or has_controls(name):
        raise BadPlace(PlaceFault.NAME)
    return name


def reason_text(text: str) -> str:
    """Why something was closed, disabled or revoked: nothing goes on record without. Raises BadPlace."""
    reason = text.strip()
    if not reason or len(reason) > MAX_REASON or has_controls(reason.replace("\n", "")):
        raise BadPlace(PlaceFault.REASON)
    return reason


def time_zone(text: str) -> str:
    """A name of the tz database. Raises BadPlace."""
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise BadPlace(PlaceFault.TIMEZONE) from None
