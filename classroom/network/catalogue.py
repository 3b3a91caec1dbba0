"""Courses and what they offer: values, what may be entered, and who sees what. Pure.

Terms: course 课程, lesson 课, topic 主题 (what parallel lessons have in common), paired schools 手拉手."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from classroom.model import LessonId, PersonId
from classroom.network.model import CourseId, Office, Path, Place, PlaceId, PlaceKind
from classroom.network.scope import Principal, within
from classroom.planning import MAX_LENGTH_MS, MAX_TITLE
from classroom.rules.words import has_controls

MAX_WORDS: Final = 80
"""Characters of a subject, a topic, a style: a line of a filter."""
MAX_SUMMARY: Final = 4000
MAX_NAMED: Final = 200
"""Places that one course is shown to by name; more are a district."""
MAX_CAPACITY: Final = 10_000
"""Persons of one lesson: a provider's quota of a whole term by default."""
MAX_HOME_CLASSES: Final = 50
MAX_HOME_SIZE: Final = 200
GRADES: Final = range(1, 13)

OVERSEERS: Final = frozenset(
    {Office.ORGANIZER, Office.PROVIDER, Office.MASTER, Office.SUPERVISOR, Office.RESEARCHER}
)
"""See all courses of their place, drafts as well."""


class CourseKind(StrEnum):
    LECTURE = "lecture"
    """科普报告"""
    SCIENCE_CLASS = "science-class"
    """科技课堂"""
    COACHING = "coaching"
    """科技辅导"""
    SCIENCE_SHOW = "science-show"
    """科学秀"""
    TEACHER_TRAINING = "teacher-training"
    """科技教师培训"""
    PRACTICE = "practice"
    """科学实践课程"""


class CourseVisibility(StrEnum):
    """To whom a published course is shown, beside the provider's own."""

    OWN = "own"
    NAMED = "named"
    PAIRED = "paired"
    DISTRICT = "district"
    CITY = "city"
    PUBLIC = "public"
    """Everybody who is signed in."""


class CourseState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    """Nobody new enrols; who is enrolled stays."""


class OfferState(StrEnum):
    OPEN = "open"
    CANCELLED = "cancelled"


class Delivery(StrEnum):
    LIVE = "live"
    TO_SCHOOL = "to-school"
    """送课到校"""


class CourseFault(StrEnum):
    """What is wrong with what was entered."""

    TITLE = "title"
    WORDS = "words"
    SUMMARY = "summary"
    GRADES = "grades"
    LANGUAGE = "language"
    NAMED = "named"
    """No place is named, or too many are."""
    DISTRICT = "district"
    """Shown to the district, or the city, of a provider that lies in none."""
    TIMES = "times"
    CAPACITY = "capacity"
    HOME = "home"
    """Too many at-home classes, or of no size, or a tutor has two."""


class BadCourse(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, fault: CourseFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Course:
    id: CourseId
    provider: PlaceId
    path: Path
    """The provider's."""
    provider_name: str
    title: str
    district: str = ""
    """In which the provider lies; empty: none."""
    city: str = ""
    subject: str = ""
    topic: str = ""
    kind: CourseKind = CourseKind.LECTURE
    grade_from: int = 1
    grade_to: int = 12
    master: str = ""
    """Person id."""
    master_name: str = ""
    style: str = ""
    """Of the teacher, in a few words."""
    language: str = "zh-CN"
    summary: str = ""
    visibility: CourseVisibility = CourseVisibility.OWN
    state: CourseState = CourseState.DRAFT
    named: frozenset[PlaceId] = frozenset()

    def checked(self) -> Course:
        """As it will be shown, without blanks around words. Raises BadCourse."""
        told = replace(
            self,
            title=_words(self.title, MAX_TITLE, CourseFault.TITLE, needed=True),
            subject=_words(self.subject, MAX_WORDS, CourseFault.WORDS),
            topic=_words(self.topic, MAX_WORDS, CourseFault.WORDS),
            master_name=_words(self.master_name, MAX_WORDS, CourseFault.WORDS),
            style=_words(self.style, MAX_WORDS, CourseFault.WORDS),
            summary=self.summary.strip(),
        )
        if len(told.summary) > MAX_SUMMARY or has_controls(told.summary.replace("\n", "")):
            raise BadCourse(CourseFault.SUMMARY)
        if self.grade_from not in GRADES or self.grade_to not in GRADES or self.grade_from > self.grade_to:
            raise BadCourse(CourseFault.GRADES)
        if not self.language or not all(part.isalnum() for part in self.language.split("-")):
            raise BadCourse(CourseFault.LANGUAGE)
        self._check_visibility()
        return told

    def _check_visibility(self) -> None:
        if len(self.named) > MAX_NAMED or (self.visibility is CourseVisibility.NAMED and not self.named):
            raise BadCourse(CourseFault.NAMED)
        needed = {CourseVisibility.DISTRICT: self.district, CourseVisibility.CITY: self.city}
        if not needed.get(self.visibility, "-"):
            raise BadCourse(CourseFault.DISTRICT)


@dataclass(frozen=True, slots=True)
class HomeClass:
    """Where those who enrol alone are put."""

    tutor: PersonId
    size: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class OfferPlan:
    """A course's lesson, as its provider enters it."""

    starts_ms: int
    ends_ms: int
    capacity: int
    title: str = ""
    """Empty: the course's."""
    master: str = ""
    """Person id; empty: the course's."""
    master_name: str = ""
    delivery: Delivery = Delivery.LIVE
    home: tuple[HomeClass, ...] = ()

    def checked(self) -> OfferPlan:
        """Raises BadCourse."""
        title = _words(self.title, MAX_TITLE, CourseFault.TITLE)
        if self.starts_ms <= 0 or not 0 < self.ends_ms - self.starts_ms <= MAX_LENGTH_MS:
            raise BadCourse(CourseFault.TIMES)
        if not 1 <= self.capacity <= MAX_CAPACITY:
            raise BadCourse(CourseFault.CAPACITY)
        tutors = {each.tutor for each in self.home}
        sizes = all(1 <= each.size <= MAX_HOME_SIZE for each in self.home)
        if len(self.home) > MAX_HOME_CLASSES or len(tutors) < len(self.home) or not sizes or "" in tutors:
            raise BadCourse(CourseFault.HOME)
        home = tuple(replace(each, name=_words(each.name, MAX_WORDS, CourseFault.HOME)) for each in self.home)
        return replace(self, title=title, home=home)


@dataclass(frozen=True, slots=True)
class Offer:
    """A lesson in the catalogue."""

    lesson: LessonId
    course: CourseId
    path: Path
    title: str
    starts_ms: int
    ends_ms: int
    master: str
    master_name: str
    delivery: Delivery
    capacity: int
    taken: int = 0
    waiting: int = 0
    state: OfferState = OfferState.OPEN
    attended: int | None = None
    """Persons who came; None: the lesson is not settled yet."""

    @property
    def left(self) -> int:
        return max(0, self.capacity - self.taken)


@dataclass(frozen=True, slots=True)
class Onlooker:
    """Who looks into the catalogue, or for whom somebody looks."""

    belongs: frozenset[Path] = frozenset()
    """The places where they have an office."""
    oversees: frozenset[Path] = frozenset()
    """The places of which they see all."""

    @property
    def own(self) -> frozenset[str]:
        """Ids of the places where they have an office."""
        return frozenset(path.split("/")[-2] for path in self.belongs if len(path) > 1)

    @property
    def around(self) -> frozenset[str]:
        """Those, and the places these lie in."""
        return frozenset(part for path in self.belongs for part in path.split("/")[1:-1])


def onlooker(principal: Principal) -> Onlooker:
    return Onlooker(
        frozenset(each.path for each in principal.appointments if not each.course),
        frozenset(principal.paths(OVERSEERS)),
    )


def sees(course: Course, who: Onlooker, pairs: Collection[str] = ()) -> bool:
    """pairs: ids of the schools that the provider is paired with."""
    if any(within(course.path, path) for path in who.oversees):
        return True
    if course.state is not CourseState.PUBLISHED:
        return False
    if any(within(path, course.path) for path in who.belongs):
        return True
    match course.visibility:
        case CourseVisibility.PUBLIC:
            return True
        case CourseVisibility.CITY:
            return course.city in who.around
        case CourseVisibility.DISTRICT:
            return course.district in who.around
        case CourseVisibility.NAMED:
            return not who.around.isdisjoint(course.named)
        case CourseVisibility.PAIRED:
            return not who.own.isdisjoint(pairs)
    return False


def district_of(place: Place) -> str:
    """The id of the district that a place is or lies in; empty: none."""
    if place.kind is PlaceKind.DISTRICT:
        return place.id
    # City, district, place: whatever lies directly in a city lies in no district.
    return place.above[1] if len(place.above) > 1 else ""


def city_of(place: Place) -> str:
    return place.id if place.kind is PlaceKind.CITY else (place.above[0] if place.above else "")


def _words(text: str, limit: int, fault: CourseFault, *, needed: bool = False) -> str:
    text = text.strip()
    if len(text) > limit or has_controls(text) or (needed and not text):
        raise BadCourse(fault)
    return text
