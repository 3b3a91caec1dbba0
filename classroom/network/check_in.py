"""Check-in (签到): whether somebody is where the lesson is, when it is. Pure.

Who leads opens it for a time window, with a place or without. Somebody has checked in who was within the
radius, by the position that their own device tells; or who is in the live lesson. A device's position is a
claim, not a proof: with it stand how precise the device said it was, the picture that was taken, and what the
face service of the platform said of it.

Distances are those on a sphere (haversine; mean radius of the earth, IUGG): within 0.5 % of those on the
ellipsoid, and a phone indoors is wrong by tens of metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

EARTH_M: Final = 6_371_008.8
MOST_NORTHERN: Final = 73.0
"""Degrees. No school lies beyond, and every longitude of China is more (73.5 to 135): so two numbers that
were swapped are told from a place in China."""
LEAST_RADIUS_M, GREATEST_RADIUS_M = 20, 5_000
"""A classroom building; the grounds of a science camp."""
TOLERANCE_M: Final = 50.0
"""At most so much of a device's own imprecision counts for it."""
VAGUE_M: Final = 1_000.0
"""A position less precise than that is the network operator's guess, not the device's."""
LONGEST_MS: Final = 12 * 3_600_000
"""Of a window: a lesson is of one day."""
LONGEST_AHEAD_MS: Final = 30 * 86_400_000


class BadPlaceError(ValueError):
    """Latitude and longitude that are none; `kind` says how: `range`, `swapped`, `radius`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Spot:
    """WGS 84, degrees."""

    latitude: float
    longitude: float


def spot(latitude: float, longitude: float) -> Spot:
    """Checked. Raises BadPlaceError."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise BadPlaceError("range")
    if abs(latitude) > MOST_NORTHERN:
        raise BadPlaceError("swapped" if abs(longitude) <= MOST_NORTHERN else "range")
    if abs(longitude) > 180:
        raise BadPlaceError("range")
    return Spot(latitude, longitude)


def distance_m(one: Spot, other: Spot) -> float:
    lat1, lat2 = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude)
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(across / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))


class BadWindowError(ValueError):
    """Times that are no window."""


@dataclass(frozen=True, slots=True)
class CheckIn:
    """What was opened for a lesson, or for a class in it, whose pupils have that one. Unix times in ms."""

    lesson: str
    opens_ms: int
    late_ms: int
    """Who checks in from then on is late."""
    closes_ms: int
    place: Spot | None = None
    """None: being in the live lesson is what counts."""
    radius_m: int = 0
    picture: bool = False
    """A picture from the own camera is asked for, as evidence."""
    class_id: str = ""
    """Empty: for all that have none of their own."""

    def is_open(self, now_ms: int) -> bool:
        return self.opens_ms <= now_ms < self.closes_ms


def checked_window(check_in: CheckIn, now_ms: int) -> CheckIn:
    """Raises BadWindowError, BadPlaceError."""
    if not check_in.opens_ms <= check_in.late_ms <= check_in.closes_ms:
        raise BadWindowError("order")
    if not 0 < check_in.closes_ms - check_in.opens_ms <= LONGEST_MS:
        raise BadWindowError("length")
    if check_in.opens_ms > now_ms + LONGEST_AHEAD_MS:
        raise BadWindowError("ahead")
    if check_in.place is not None and not LEAST_RADIUS_M <= check_in.radius_m <= GREATEST_RADIUS_M:
        raise BadPlaceError("radius")
    return check_in


class Way(StrEnum):
    """By what somebody checked in."""

    POSITION = "position"
    PRESENCE = "presence"
    """In the live lesson."""
    TUTOR = "tutor"
    """Their tutor said so."""


class Result(StrEnum):
    PRESENT = "present"
    LATE = "late"


class Face(StrEnum):
    """What the platform's own face service said of the picture."""

    NONE = ""
    """There is no picture, or no service."""
    VERIFIED = "verified"
    REFUSED = "refused"
    UNVERIFIED = "unverified"
    """It did not answer in time, or not in its words."""


class Refusal(StrEnum):
    EARLY = "early"
    OVER = "over"
    OUTSIDE = "outside"
    VAGUE = "vague"
    """The device does not know where it is."""
    NO_POSITION = "no_position"
    """None was told, and they are not in the live lesson either."""


@dataclass(frozen=True, slots=True)
class Position:
    """What the device says."""

    spot: Spot
    accuracy_m: float
    """Radius in which it is with 95 % (W3C Geolocation, 5.2)."""


@dataclass(frozen=True, slots=True)
class Found:
    result: Result
    way: Way
    distance_m: int | None = None
    """From the place."""


def judge(check_in: CheckIn, position: Position | None, now_ms: int, *, inside: bool) -> Found | Refusal:
    """Of somebody who checks in now; inside: they are connected to the lesson, and it is live."""
    if now_ms < check_in.opens_ms:
        return Refusal.EARLY
    if now_ms >= check_in.closes_ms:
        return Refusal.OVER
    result = Result.LATE if now_ms >= check_in.late_ms else Result.PRESENT
    if check_in.place is None or position is None:
        return Found(result, Way.PRESENCE) if inside else Refusal.NO_POSITION
    away = distance_m(check_in.place, position.spot)
    if away - min(position.accuracy_m, TOLERANCE_M) <= check_in.radius_m and position.accuracy_m <= VAGUE_M:
        return Found(result, Way.POSITION, round(away))
    if inside:
        return Found(result, Way.PRESENCE, round(away))
    return Refusal.VAGUE if position.accuracy_m > VAGUE_M else Refusal.OUTSIDE
