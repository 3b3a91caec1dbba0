"""Who reaches what: one rule for every route and every byte of the course network. Pure.

An office reaches what lies within its place. Nobody reaches a place beside theirs, nor the one above it: of a
school's organizer another school of the same district is as far away as one of another city."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from classroom.model import PersonId
from classroom.network.model import ROOT, Appointment, Office, Path


@dataclass(frozen=True, slots=True)
class Shown:
    """By what somebody is signed in."""

    way: str
    """`password`, `openid` or `invitation`."""
    second_factor: bool
    """Of their account a code is asked for, too."""
    proved_ms: int
    """When they last showed that it is they; Unix time in ms."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is signed in, with the offices that they hold now."""

    person: PersonId
    name: str
    appointments: tuple[Appointment, ...] = ()
    shown: Shown | None = None
    """None: a token, by the signing key."""

    def has(self, offices: Collection[Office]) -> bool:
        """One of these, wherever."""
        return any(each.office in offices for each in self.appointments)

    def reaches(self, offices: Collection[Office], path: Path) -> bool:
        """One of these offices, in a place that has the path within it, for all that is there: an appointment
        for a course alone reaches no place."""
        return any(not each.course and within(path, each.path) for each in self.of(offices))

    def of(self, offices: Collection[Office]) -> tuple[Appointment, ...]:
        return tuple(each for each in self.appointments if each.office in offices)

    def paths(self, offices: Collection[Office]) -> tuple[Path, ...]:
        """The places that they reach by one of these, none within another."""
        return topmost(each.path for each in self.of(offices) if not each.course)


def within(path: Path, place: Path) -> bool:
    """A place is within itself."""
    return path.startswith(place)


def within_any(path: Path, places: tuple[Path, ...]) -> bool:
    return path.startswith(places)


def topmost(paths: Iterable[Path]) -> tuple[Path, ...]:
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(within(path, other) for other in kept):
            kept.append(path)
    return tuple(kept)


def everything(person: PersonId, name: str) -> Principal:
    """An organizer of all: who holds the signing key, by a token of theirs."""
    return Principal(person, name, (Appointment("", person, Office.ORGANIZER, ROOT),))
