"""Who may see an item of the library, and by which right. Pure; the only place that says so.

Theory of operation
-------------------
An item follows its lesson: whoever has a token of the lesson may see it. Beyond that an organizer says to
whom it is shown: to the schools that took part, to the district, to everybody with a token of this server;
and single people, classes, schools or districts may be let in or shut out by name. The order is that of
`Holding.right`:

    gone          nobody sees what was deleted
    organizer     sees everything
    shut out      by name, and nothing below helps
    supervisor    all that lies within the scope of the token, `district:*`: everything; without a scope, and
                  whom the course network let in to a lesson, that lesson
    lesson        has a token of the lesson; who was sent out of it sees it again when it is over
    let in        by name
    shown         school, district, everybody

What a person is (role, lesson, class, scopes) is what their token says. A token is believed for minutes, so a
right that is taken away ends with the next look at these rules, not with the token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from classroom.model import Role

SCHOOL = "school"
DISTRICT = "district"
SUBJECT = "subject"
"""Teaches it: published micro-lessons of the subject are brought to their notice."""
REVIEW = "review"
"""教研员: reviews micro-lessons of the subject; `*`: of all."""
SCOPE_KINDS = (SCHOOL, DISTRICT, SUBJECT, REVIEW)
ANY = "*"
"""Of a supervisor's districts, of a researcher's subjects: all."""

TEACHERS = frozenset({Role.MASTER, Role.TUTOR, Role.SUPERVISOR, Role.ORGANIZER})
SUPERVISION = frozenset({Role.SUPERVISOR, Role.ORGANIZER})
"""Supervisors' notes are for them alone, of the items that they may see."""


class Visibility(StrEnum):
    """To whom an item is shown beside the people of its lesson."""

    LESSON = "lesson"
    """Nobody else."""
    SCHOOL = "school"
    """The schools of its classes, and its provider."""
    DISTRICT = "district"
    """Those, and the district."""
    ALL = "all"
    """Everybody who has a token of this server."""


class Party(StrEnum):
    """What kind of thing is let in or shut out by name."""

    PERSON = "person"
    CLASS = "class"
    SCHOOL = "school"
    DISTRICT = "district"


class Right(StrEnum):
    """Why somebody may see an item."""

    ORGANIZER = "organizer"
    SUPERVISOR = "supervisor"
    LESSON = "lesson"
    GRANTED = "granted"
    SCHOOL = "school"
    DISTRICT = "district"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, as their token says."""

    person: str
    role: Role
    lesson: str
    class_id: str = ""
    scopes: frozenset[str] = frozenset()
    """`KIND:VALUE`, see SCOPE_KINDS."""
    credential: str = ""
    """Of a supervisor who was let in to this lesson alone."""
    sign_in: str = ""
    """By which the token was given; nothing hangs on it but the token's end."""

    def values(self, kind: str) -> frozenset[str]:
        """Of the scopes of a kind."""
        return frozenset(scope.partition(":")[2] for scope in self.scopes if scope.startswith(f"{kind}:"))

    def reviews(self, subject: str) -> bool:
        """Whether they review micro-lessons of the subject."""
        if self.role is Role.ORGANIZER:
            return True
        return self.role in TEACHERS and not self.values(REVIEW).isdisjoint({subject, ANY})

    @property
    def teaches(self) -> bool:
        return self.role in TEACHERS

    @property
    def reads_notes(self) -> bool:
        """Whether supervisors' notes are for them: to be read, and to find items by."""
        return self.role in SUPERVISION


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody is let in (`allowed`) or shut out by name."""

    party: Party
    value: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Holding:
    """What of an item decides who may see it."""

    lesson: str
    visibility: Visibility = Visibility.LESSON
    provider: str = ""
    district: str = ""
    schools: frozenset[str] = frozenset()
    """Of the classes that took part."""
    grants: tuple[Grant, ...] = ()
    removed: frozenset[str] = frozenset()
    """Who was sent out of the lesson, while it goes on."""
    deleted: bool = False
    downloads: bool = True
    """Others than organizers and supervisors may take it away as a file."""

    def right(self, viewer: Viewer) -> Right | None:
        """By which right the viewer may see the item; None: not at all."""
        if self.deleted:
            return None
        if viewer.role is Role.ORGANIZER:
            return Right.ORGANIZER
        named = _named(viewer, self.grants)
        if named is False:
            return None
        if viewer.role is Role.SUPERVISOR and _in_scope(viewer, self):
            return Right.SUPERVISOR
        if viewer.lesson == self.lesson and viewer.person not in self.removed:
            return Right.LESSON
        return Right.GRANTED if named else _shown(viewer, self)

    def may_download(self, viewer: Viewer) -> bool:
        """Of somebody who may see it: whether they may take it away as a file."""
        return self.downloads or viewer.role in (Role.ORGANIZER, Role.SUPERVISOR)


def _named(viewer: Viewer, grants: Iterable[Grant]) -> bool | None:
    """The most precise word about the viewer; of two that are equal the refusal."""
    about = {
        Party.PERSON: frozenset({viewer.person}),
        Party.CLASS: frozenset({viewer.class_id} - {""}),
        Party.SCHOOL: viewer.values(SCHOOL),
        Party.DISTRICT: viewer.values(DISTRICT),
    }
    for party in Party:
        said = {grant.allowed for grant in grants if grant.party is party and grant.value in about[party]}
        if said:
            return False not in said
    return None


def _in_scope(viewer: Viewer, holding: Holding) -> bool:
    if viewer.lesson == holding.lesson:
        return True
    if viewer.credential:
        return False
    schools, districts = viewer.values(SCHOOL), viewer.values(DISTRICT)
    return ANY in districts or bool(schools & _places(holding)) or holding.district in districts - {""}


def _shown(viewer: Viewer, holding: Holding) -> Right | None:
    if holding.visibility is Visibility.ALL:
        return Right.OPEN
    if holding.visibility is Visibility.LESSON:
        return None
    if viewer.values(SCHOOL) & _places(holding):
        return Right.SCHOOL
    if holding.visibility is Visibility.DISTRICT and holding.district in viewer.values(DISTRICT) - {""}:
        return Right.DISTRICT
    return None


def _places(holding: Holding) -> frozenset[str]:
    return (holding.schools | {holding.provider}) - {""}
