"""The roll call (点名): which pupils of a class are there, as their tutor finds. Pure.

A class has seats: those of its register, with the names of who sits there; without a register as many as it
has pupils, numbered from 1. Pupils of a room are marked by seat, pupils at home by their person id, since
those come in by themselves. A mark is what the tutor says, and stands beside what the connections say
(`classroom.attendance`); the marks of a lesson are what its events `roll.marked` make of each other, in order
(`after`), so nothing else of them is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from classroom.model import ClassId, ClassRoom, PersonId
from classroom.rules.reasons import Reason, Refused
from classroom.rules.words import MAX_NAME_CHARACTERS, has_controls

MAX_SEATS: Final = 500
"""Of one class: ten of the largest that sit in one room, and what a quiz's tally may count."""
MAX_SEAT: Final = 32
"""Characters of a seat: `3排12号`."""

Key = TypeVar("Key", bound=str)

KIND: Final = "roll.marked"
"""Of the events that marks are made of (classroom.store.kinds)."""


class Mark(StrEnum):
    PRESENT = "present"
    LATE = "late"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Pupil:
    """A row of a class's register (名册)."""

    seat: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    mark: Mark
    at_ms: int
    """Unix time in ms."""


class Counts(NamedTuple):
    present: int
    late: int
    absent: int
    total: int
    """Seats and pupils at home who were marked."""


@dataclass(frozen=True, slots=True)
class ClassRoll:
    """Of one class."""

    register: tuple[Pupil, ...] = ()
    """Empty: seats are numbered."""
    seats: Mapping[str, Marked] = field(default_factory=dict)
    people: Mapping[PersonId, Marked] = field(default_factory=dict)


def seats_of(roll: ClassRoll, room: ClassRoom) -> tuple[str, ...]:
    """In order."""
    if roll.register:
        return tuple(pupil.seat for pupil in roll.register)
    return tuple(str(number) for number in range(1, min(room.pupils, MAX_SEATS) + 1))


def checked_register(pupils: Iterable[Pupil]) -> tuple[Pupil, ...]:
    """As it will be shown. Raises Refused."""
    checked = tuple(Pupil(pupil.seat.strip(), pupil.name.strip()) for pupil in pupils)
    if len(checked) > MAX_SEATS or len({pupil.seat for pupil in checked}) < len(checked):
        raise Refused(Reason.REGISTER_INVALID)
    for pupil in checked:
        if not 0 < len(pupil.seat) <= MAX_SEAT or len(pupil.name) > MAX_NAME_CHARACTERS:
            raise Refused(Reason.REGISTER_INVALID)
        if has_controls(pupil.seat) or has_controls(pupil.name):
            raise Refused(Reason.REGISTER_INVALID)
    return checked


def with_register(roll: ClassRoll, register: tuple[Pupil, ...], room: ClassRoom) -> ClassRoll:
    """Marks of seats that are no longer there are gone."""
    changed = replace(roll, register=register)
    kept = set(seats_of(changed, room))
    return replace(changed, seats={seat: marked for seat, marked in roll.seats.items() if seat in kept})


def unmarked(roll: ClassRoll, room: ClassRoom) -> tuple[str, ...]:
    """Seats of which nothing was said yet."""
    return tuple(seat for seat in seats_of(roll, room) if seat not in roll.seats)


def marked(
    roll: ClassRoll, seats: Iterable[str], people: Iterable[PersonId], mark: Mark | None, at_ms: int
) -> ClassRoll:
    """mark: None takes back what was said."""
    return replace(
        roll, seats=_marked(roll.seats, seats, mark, at_ms), people=_marked(roll.people, people, mark, at_ms)
    )


def counts(roll: ClassRoll, room: ClassRoom) -> Counts:
    marks = [found.mark for found in (*roll.seats.values(), *roll.people.values())]
    late = marks.count(Mark.LATE)
    total = len(seats_of(roll, room)) + len(roll.people)
    return Counts(marks.count(Mark.PRESENT) + late, late, marks.count(Mark.ABSENT), total)


def after(
    rolls: Mapping[ClassId, ClassRoll], body: Mapping[str, Any], at_ms: int
) -> dict[ClassId, ClassRoll]:
    """What the body of an event `roll.marked` makes of all classes' rolls."""
    class_id, said = ClassId(body["class_id"]), body["mark"]
    people = [PersonId(person) for person in body["people"]]
    roll = rolls.get(class_id, ClassRoll())
    return {**rolls, class_id: marked(roll, body["seats"], people, said and Mark(said), at_ms)}


def _marked(
    known: Mapping[Key, Marked], keys: Iterable[Key], mark: Mark | None, at_ms: int
) -> dict[Key, Marked]:
    changed = dict(known)
    for key in keys:
        if mark is None:
            changed.pop(key, None)
        else:
            changed[key] = Marked(mark, at_ms)
    return changed
