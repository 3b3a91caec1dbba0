"""What check-in asks and answers, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from classroom.network.check_in import GREATEST_RADIUS_M, LEAST_RADIUS_M, CheckIn
from classroom.store.check_in import CheckedIn
from signaling.message import Id

Milliseconds = Annotated[int, Meta(ge=0, le=10**14)]


class PlaceOfCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WGS 84, degrees."""

    latitude: float
    longitude: float
    radius_m: Annotated[int, Meta(ge=LEAST_RADIUS_M, le=GREATEST_RADIUS_M)]


class CheckInPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unix times in ms."""

    opens_ms: Milliseconds
    closes_ms: Milliseconds
    late_ms: Milliseconds = 0
    """Who checks in from then on is late; 0: nobody is."""
    place: PlaceOfCheckIn | None = None
    """null: being in the live lesson is what counts."""
    picture: bool = False
    """Each is asked for a picture, as evidence."""


class CheckedInView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    class_id: str
    at_ms: int
    result: Literal["present", "late"]
    way: Literal["position", "presence", "tutor"]
    distance_m: int | None
    """From the place; null: no position was told."""
    picture: bool
    """There is evidence."""
    picture_until_ms: int | None
    """When it is deleted; null: there is none (any more)."""
    face: Literal["", "verified", "refused", "unverified"]
    """What the platform's face service said; empty: nothing was asked."""


class CheckInView(msgspec.Struct, frozen=True, kw_only=True):
    plan: CheckInPlan | None
    """null: nobody has opened it."""
    class_id: str
    """Whose it is; empty: of all that have none of their own."""
    own_class: str
    """The caller's; empty: none, or all of the lesson."""
    open: bool
    mine: CheckedInView | None
    server_ms: int
    evidence_days: int
    """How long pictures are kept."""
    school: PlaceOfCheckIn | None
    """Where the class's school last checked in, for who opens it; null: not known."""


class PositionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    latitude: float
    longitude: float
    accuracy_m: Annotated[float, Meta(ge=0, le=10**8)]
    """As the device says (W3C Geolocation, 5.2)."""


class OwnCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    position: PositionBody | None = None


class ClassCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    people: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=500)]
    """Of the class, and in the lesson now; empty: all of those."""


class CheckInQuery(msgspec.Struct, frozen=True, kw_only=True):
    class_id: Id = ""
    """Of this class; a tutor's is their own, whatever is said."""


class PupilView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    online: bool
    """Is in the lesson now, and can be checked in by the tutor."""
    checked_in: CheckedInView | None


class PupilList(msgspec.Struct, frozen=True, kw_only=True):
    pupils: list[PupilView]
    """Of the class, by name: who is in the lesson, or has checked in."""


class CheckInResults(msgspec.Struct, frozen=True, kw_only=True):
    results: list[CheckedInView]
    """In the order in which they came."""


def place_view(plan: CheckIn | None) -> PlaceOfCheckIn | None:
    if plan is None or plan.place is None:
        return None
    at = plan.place
    return PlaceOfCheckIn(latitude=at.latitude, longitude=at.longitude, radius_m=plan.radius_m)


def plan_view(plan: CheckIn) -> CheckInPlan:
    return CheckInPlan(
        opens_ms=plan.opens_ms,
        closes_ms=plan.closes_ms,
        late_ms=plan.late_ms,
        place=place_view(plan),
        picture=plan.picture,
    )


def checked_in_view(one: CheckedIn) -> CheckedInView:
    return CheckedInView(
        person=one.person,
        name=one.name,
        class_id=one.class_id,
        at_ms=one.at_ms,
        result=one.found.result.value,
        way=one.found.way.value,
        distance_m=one.found.distance_m,
        picture=bool(one.picture),
        picture_until_ms=one.picture_until_ms,
        face=one.face.value,
    )
