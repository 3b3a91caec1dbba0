"""The nouns of the course network: places, offices and who somebody is in it. Values only.

Terms and their Chinese names: city 市, district 区, school 学校, provider 资源单位, office 职务,
appointment 任职, credential 督查凭证.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from classroom.model import ClassId, PersonId

PlaceId = NewType("PlaceId", str)
CourseId = NewType("CourseId", str)
Path = NewType("Path", str)
"""Where a place stands: the ids from the city down to it, as `/CITY/DISTRICT/SCHOOL/`. What is within a place
has a path that begins with the place's."""

ROOT: Final = Path("/")
"""The path of everything."""
_ID: Final = re.compile(r"[\w.-]{1,64}")
"""No slash, no blank: ids stand in paths and addresses."""


def is_place_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


class PlaceKind(StrEnum):
    CITY = "city"
    DISTRICT = "district"
    SCHOOL = "school"
    """May be a provider as well."""
    PROVIDER = "provider"
    """资源单位: a museum, a university, a company; no school, but it gives courses."""


ABOVE: Final = {
    PlaceKind.CITY: frozenset[PlaceKind](),
    PlaceKind.DISTRICT: frozenset({PlaceKind.CITY}),
    PlaceKind.SCHOOL: frozenset({PlaceKind.DISTRICT}),
    PlaceKind.PROVIDER: frozenset({PlaceKind.CITY, PlaceKind.DISTRICT}),
}
"""What a place of a kind stands in."""
TIMEZONE: Final = "Asia/Shanghai"
"""Of the tz database: of a place that says no other, and of who stands in none."""


@dataclass(frozen=True, slots=True)
class Place:
    id: PlaceId
    kind: PlaceKind
    name: str
    path: Path
    parent: PlaceId | None = None
    timezone: str = TIMEZONE
    """When its days begin."""

    closed_ms: int | None = None
    """Since when nothing new happens in it; None: it is open."""

    @property
    def above(self) -> tuple[PlaceId, ...]:
        """The places it stands in, the city first."""
        return tuple(PlaceId(part) for part in self.path.split("/")[1:-2])


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class of a school, whatever lessons it is in; there its id is the same."""

    id: ClassId
    school: PlaceId
    path: Path
    """The school's."""
    name: str
    grade: int = 0
    """1 to 12; 0: of no grade."""
    at_home: bool = False
    pupils: int = 0
    """As registered, whether or not they have accounts."""
    tutor: PersonId | None = None
    """辅导教师: its own, by default in each lesson."""
    closed_ms: int | None = None


class Office(StrEnum):
    """What somebody is in the course network. In a lesson they have a `classroom.model.Role`."""

    ORGANIZER = "organizer"
    """管理员: sets up what is within the place."""
    PROVIDER = "provider"
    """资源单位负责人: gives the courses of the place."""
    MASTER = "master"
    """名师: teaches courses of the place."""
    TUTOR = "tutor"
    """辅导教师: of the class, or of any of the school."""
    STUDENT = "student"
    """Of the class."""
    PARENT = "parent"
    """家长: of the person that the appointment names."""
    SUPERVISOR = "supervisor"
    """督查: the credential; within the place, or of one course."""
    RESEARCHER = "researcher"
    """教研员: of the subject, within the place."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """Somebody's office, where and from when to when: a role with its scope."""

    id: str
    person: PersonId
    office: Office
    path: Path
    """Within this place."""
    from_ms: int = 0
    until_ms: int | None = None
    """Unix times in ms; None: until it is revoked."""
    class_id: str = ""
    """Of a student always, of a tutor perhaps."""
    course: str = ""
    """Of a supervisor who may look at one course alone."""
    subject: str = ""
    """Of a researcher."""
    about: str = ""
    """Of a parent: the child's person id."""

    def holds(self, now_ms: int) -> bool:
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)
