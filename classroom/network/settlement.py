"""What is left of a lesson's enrolments once it is over: who came, and which places flow back to the
provider's quota (滚动释放). Pure.

Theory of operation
-------------------
A lesson is settled once. Of somebody three things can be known, and the surest one counts: that they were
connected while the lesson was live; what their tutor found in the roll call; that they checked in by
themselves. A device's own word is the weakest, so a tutor who marks somebody as absent is believed.

Of a class that sits in a room few are known by name. Its tutor may have called the roll by seats: then as
many came as were found. Else, when its tutor or the room's screen was in the lesson, the class came as it was
booked: who brings forty pupils before a screen is not to answer for each. Of a class at home, or of a room
that was not there, as many came as came by themselves; pupils of a class at home who are known and left no
trace are absent.

A lesson that never took place (cancelled, or nobody began it and nobody checked in) gives all its places
back, and nobody was absent from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, PersonId, Role
from classroom.network.check_in import Result
from classroom.network.enrolment import Enrolment, EnrolmentState, PartyKind
from classroom.network.timetable import MINUTE_MS
from classroom.roll import Mark

UNDONE_MS: Final = 11 * MINUTE_MS
"""A cancelled lesson waits for so long: the cancelling may be undone within ten minutes."""


class Came(StrEnum):
    PRESENT = "present"
    LATE = "late"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class CheckedInAs:
    """What somebody's own check-in, or their tutor's for them, says."""

    class_id: ClassId
    result: Result


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of who was there."""

    report: Report
    checked_in: Mapping[PersonId, CheckedInAs] = field(default_factory=dict)
    """Until the lesson was over."""
    at_home: Collection[str] = frozenset()
    """Ids of the lesson's classes that take part from home."""
    pupils: Mapping[str, Collection[PersonId]] = field(default_factory=dict)
    """Of these classes: who is known to be in them."""

    @property
    def took_place(self) -> bool:
        if self.report.began_ms is not None or self.checked_in:
            return True
        return any(found.seats or found.people for found in self.report.rolls.values())


@dataclass(frozen=True, slots=True)
class Attended:
    """A class's or a person's part in a lesson that is over."""

    party: str
    kind: PartyKind
    class_id: str
    """At school: of a person who enrolled alone empty."""
    path: str
    came: Came
    minutes: int
    """Of a class: in which anybody of it was there."""
    persons: int
    """Who came."""


@dataclass(frozen=True, slots=True)
class Settlement:
    attended: Mapping[str, int]
    """Id of an enrolment -> how many came."""
    parts: tuple[Attended, ...]
    """One of each party."""
    booked: int

    @property
    def came(self) -> int:
        return sum(self.attended.values())

    @property
    def released(self) -> int:
        """Person-times that flow back."""
        return self.booked - self.came


def settle(enrolled: Iterable[Enrolment], evidence: Evidence | None) -> Settlement:
    """Of the enrolments that stand with places. evidence: None: it was cancelled."""
    seated = [each for each in enrolled if each.state is EnrolmentState.ENROLLED]
    booked = sum(each.places for each in seated)
    if evidence is None or not evidence.took_place:
        return Settlement({each.id: 0 for each in seated}, (), booked)
    witness = _Witness(evidence)
    attended: dict[str, int] = {}
    parts: dict[str, Attended] = {}
    # Who enrolled alone is themselves first, whatever class they are in as well.
    for each in sorted(seated, key=lambda each: each.kind is PartyKind.CLASS):
        found = witness.class_(each) if each.kind is PartyKind.CLASS else iter((witness.alone(each),))
        for part in found:
            parts.setdefault(part.party, part)
        attended[each.id] = parts[each.party].persons
    return Settlement(attended, tuple(parts.values()), booked)


class _Witness:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._people: dict[PersonId, Attendance] = {}
        self._in_class: dict[str, set[PersonId]] = {}
        self._rooms: set[str] = set()
        """Classes whose tutor or room was there."""
        for one in evidence.report.people:
            if one.role in (Role.TUTOR, Role.ROOM) and one.present:
                self._rooms.add(one.class_id or "")
            if one.role is Role.STUDENT:
                self._people[one.person] = one
                self._in_class.setdefault(one.class_id or "", set()).add(one.person)
        for person, checked in evidence.checked_in.items():
            self._in_class.setdefault(checked.class_id, set()).add(person)
        self._marks: dict[PersonId, Mark] = {}
        for class_id, roll in evidence.report.rolls.items():
            self._in_class.setdefault(class_id, set()).update(roll.people)
            self._marks |= {person: marked.mark for person, marked in roll.people.items()}
        self._classes = {each.class_id: each for each in evidence.report.classes}

    def alone(self, enrolment: Enrolment) -> Attended:
        person = PersonId(enrolment.party)
        return self._part(person, "", enrolment.path, self._covered(enrolment.class_id))

    def class_(self, enrolment: Enrolment) -> Iterator[Attended]:
        """The class itself, then who of it is known."""
        class_id = enrolment.class_id
        minutes = self._covered(class_id)
        at_home = enrolment.online or class_id in self._evidence.at_home
        known = self._in_class.get(class_id, set()) | set(
            self._evidence.pupils.get(class_id, ()) if at_home else ()
        )
        people = [self._part(person, class_id, enrolment.path, minutes) for person in sorted(known)]
        persons = min(enrolment.places, self._persons(class_id, people, enrolment.places, at_home=at_home))
        came = Came.PRESENT if persons else Came.ABSENT
        yield Attended(
            class_id, PartyKind.CLASS, class_id, enrolment.path, came, minutes if persons else 0, persons
        )
        yield from people

    def _persons(self, class_id: ClassId, people: list[Attended], booked: int, *, at_home: bool) -> int:
        known = sum(each.persons for each in people)
        roll = self._evidence.report.rolls.get(class_id)
        if roll is not None and roll.seats:
            in_room = sum(marked.mark is not Mark.ABSENT for marked in roll.seats.values())
            connected = sum(self._connected(PersonId(each.party)) is not None for each in people)
            # Who checked in by themselves in the room sits on one of its seats.
            return max(known, in_room + connected)
        return booked if class_id in self._rooms and not at_home else known

    def _part(self, person: PersonId, class_id: str, path: str, covered: int) -> Attended:
        connected = self._connected(person)
        came = self._came(person, connected)
        minutes = covered
        if connected is not None:
            minutes = round(connected.present_ms / MINUTE_MS)
        present = came is not Came.ABSENT
        kind = PartyKind.PERSON
        return Attended(person, kind, class_id, path, came, minutes if present else 0, int(present))

    def _came(self, person: PersonId, connected: Attendance | None) -> Came:
        if connected is not None:
            return Came.LATE if connected.late else Came.PRESENT
        if person in self._marks:
            return Came(self._marks[person].value)
        checked = self._evidence.checked_in.get(person)
        return Came.ABSENT if checked is None else Came(checked.result.value)

    def _connected(self, person: PersonId) -> Attendance | None:
        """Whoever was there while the lesson was live."""
        found = self._people.get(person)
        return found if found is not None and found.present else None

    def _covered(self, class_id: str) -> int:
        found: ClassAttendance | None = self._classes.get(ClassId(class_id))
        return 0 if found is None else round(found.covered_ms / MINUTE_MS)
