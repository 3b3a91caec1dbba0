"""Who gives which office, and what belongs to each. Pure.

An organizer gives every office within their place, but one: nobody appoints the supervisors of their own
school. Of a school or a provider the credential comes from above; a district's and a city's is their own
affair. A provider's head names its masters.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from classroom.network.model import Appointment, Office, Path, Place, PlaceKind
from classroom.network.scope import Principal, within

MAX_SUBJECT: Final = 80
"""Characters: as subjects of the library."""
MAX_CREDENTIAL_MS: Final = 400 * 86_400_000
"""A supervisor's credential is good for a school year, with room to spare; then somebody says so anew."""

APPOINTERS: Final = frozenset({Office.ORGANIZER, Office.PROVIDER})

_ANYWHERE: Final = frozenset(PlaceKind)
_GIVING: Final = frozenset({PlaceKind.SCHOOL, PlaceKind.PROVIDER})
ABOVE_SCHOOLS: Final = frozenset({PlaceKind.CITY, PlaceKind.DISTRICT})
_IN_SCHOOLS: Final = frozenset({PlaceKind.SCHOOL})
HELD_IN: Final[Mapping[Office, frozenset[PlaceKind]]] = {
    Office.ORGANIZER: _ANYWHERE,
    Office.PROVIDER: _GIVING,
    Office.MASTER: _GIVING,
    Office.TUTOR: _IN_SCHOOLS,
    Office.STUDENT: _IN_SCHOOLS,
    Office.PARENT: _IN_SCHOOLS,
    Office.SUPERVISOR: _ANYWHERE,
    Office.RESEARCHER: ABOVE_SCHOOLS,
}
"""In which kinds of places."""


class AppointmentFault(StrEnum):
    """What is wrong with an appointment."""

    PLACE = "place"
    """No such office in a place of this kind."""
    CLASS = "class"
    """A student is of a class; of others only a tutor may be."""
    COURSE = "course"
    SUBJECT = "subject"
    ABOUT = "about"
    """A parent is somebody's."""
    TIMES = "times"
    """It ends before it begins; or is a supervisor's and ends too late, or never."""


class BadAppointment(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: AppointmentFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def may_appoint(principal: Principal, office: Office, place: Place) -> bool:
    """Also: may revoke it."""
    if office is Office.MASTER and principal.reaches({Office.PROVIDER}, place.path):
        return True
    if office is Office.SUPERVISOR and place.kind not in ABOVE_SCHOOLS:
        return any(
            within(place.path, each) and each != place.path for each in principal.paths({Office.ORGANIZER})
        )
    return principal.reaches({Office.ORGANIZER}, place.path)


def seen_offices(principal: Principal, path: Path) -> frozenset[Office]:
    """Whose appointments there somebody sees: all of them, or a provider's masters."""
    if principal.reaches({Office.ORGANIZER}, path):
        return frozenset(Office)
    return frozenset({Office.MASTER} if principal.reaches({Office.PROVIDER}, path) else ())


def check(made: Appointment, kind: PlaceKind) -> None:
    """Raises BadAppointment."""
    office = made.office
    if kind not in HELD_IN[office]:
        raise BadAppointment(AppointmentFault.PLACE)
    if (not made.class_id and office is Office.STUDENT) or (
        made.class_id and office not in (Office.STUDENT, Office.TUTOR)
    ):
        raise BadAppointment(AppointmentFault.CLASS)
    if made.course and office is not Office.SUPERVISOR:
        raise BadAppointment(AppointmentFault.COURSE)
    if bool(made.subject) is not (office is Office.RESEARCHER) or len(made.subject) > MAX_SUBJECT:
        raise BadAppointment(AppointmentFault.SUBJECT)
    if bool(made.about) is not (office is Office.PARENT) or (made.about and made.about == made.person):
        raise BadAppointment(AppointmentFault.ABOUT)
    _check_times(made)


def _check_times(made: Appointment) -> None:
    if made.until_ms is None:
        ends = made.office is not Office.SUPERVISOR
    else:
        ends = made.from_ms < made.until_ms and (
            made.office is not Office.SUPERVISOR or made.until_ms - made.from_ms <= MAX_CREDENTIAL_MS
        )
    if not ends:
        raise BadAppointment(AppointmentFault.TIMES)
