"""What an import will do: the rows of a table against what is known of the place. Pure.

The preview and the import itself make the same plan, the latter within its transaction: what was changed in
between counts, and one fault is enough for nothing to be done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account
from classroom.network.appointing import ABOVE_SCHOOLS, AppointmentFault, BadAppointment, check
from classroom.network.importing import Entry, Fault, RowFault
from classroom.network.model import (
    Appointment,
    Office,
    Path,
    Place,
    PlaceId,
    PlaceKind,
    SchoolClass,
)
from classroom.network.places import MAX_PUPILS
from classroom.network.scope import within

NewId = Callable[[str], str]
"""An id that nobody has: of what kind."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows about a table's rows, and all schools and classes of the place."""

    place: Place
    """Into which is imported."""
    places: tuple[Place, ...] = ()
    """Open ones within it, and itself."""
    classes: tuple[SchoolClass, ...] = ()
    """Open ones within it."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By login; wherever they belong."""
    appointments: Mapping[PersonId, tuple[Appointment, ...]] = field(default_factory=dict)
    """Not revoked, of those."""
    from_above: bool = False
    """Who imports is an organizer of a place above, too: only they name supervisors of a school."""


@dataclass(slots=True)
class ImportPlan:
    schools: list[Place] = field(default_factory=list)
    classes: list[SchoolClass] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    renamed: list[Account] = field(default_factory=list)
    """With another name or e-mail than they had."""
    appointments: list[Appointment] = field(default_factory=list)
    revoked: list[Appointment] = field(default_factory=list)
    """Of students who are in another class now."""
    unchanged: int = 0
    """Rows that say what is known."""
    faults: list[Fault] = field(default_factory=list)


def plan(entries: Iterable[Entry], known: Known, now_ms: int, new_id: NewId) -> ImportPlan:
    planner = _Planner(known, now_ms, new_id)
    # A child may stand below its parents in the table.
    parents = []
    for entry in entries:
        if entry.office is Office.PARENT:
            parents.append(entry)
        else:
            planner.take(entry)
    for entry in parents:
        planner.take(entry)
    return planner.finish()


class _Planner:
    def __init__(self, known: Known, now_ms: int, new_id: NewId) -> None:
        self._known = known
        self._now_ms = now_ms
        self._new_id = new_id
        self._plan = ImportPlan()
        self._names = Counter(place.name for place in known.places)
        self._places = {place.name: place for place in known.places}
        self._classes = {(each.school, each.name): each for each in known.classes}
        self._new: dict[str, Account] = {}
        self._seen: set[PersonId] = set()
        self._in_class: dict[PersonId, set[str]] = {}
        """Classes that the table puts a student into."""
        self._pupils: Counter[ClassId] = Counter()
        self._tutors: dict[ClassId, set[PersonId]] = {}

    def take(self, entry: Entry) -> None:
        place = self._place(entry)
        if isinstance(place, Fault):
            self._plan.faults.append(place)
            return
        account = self._account(entry, place)
        if isinstance(account, Fault):
            self._plan.faults.append(account)
            return
        if entry.office is Office.SUPERVISOR and not self._may_name_supervisors(place):
            self._plan.faults.append(Fault(entry.row, RowFault.CREDENTIAL, entry.login))
            return
        if (child := self._child(entry)) is None:
            self._plan.faults.append(Fault(entry.row, RowFault.CHILD_UNKNOWN, entry.child))
            return
        office = Appointment(
            id="",
            person=account.person,
            office=entry.office,
            path=place.path,
            from_ms=self._now_ms,
            until_ms=None if entry.until is None else end_of_day_ms(entry.until, place.timezone),
            class_id=entry.class_name,
            subject=entry.subject,
            about=child,
        )
        try:
            check(office, place.kind)
        except BadAppointment as error:
            late = error.fault is AppointmentFault.TIMES
            fault, value = (RowFault.UNTIL, str(entry.until)) if late else (RowFault.OFFICE, entry.office)
            self._plan.faults.append(Fault(entry.row, fault, value))
            return
        self._appoint(office, self._class(entry, place))

    def finish(self) -> ImportPlan:
        """Who is in another class now leaves the old one; new classes know their pupils and their tutor."""
        for person, classes in self._in_class.items():
            for held in self._known.appointments.get(person, ()):
                ours = within(held.path, self._known.place.path)
                if held.office is Office.STUDENT and ours and held.class_id not in classes:
                    self._plan.revoked.append(held)
        for at, made in enumerate(self._plan.classes):
            tutors = self._tutors.get(made.id, set())
            tutor = next(iter(tutors)) if len(tutors) == 1 else None
            self._plan.classes[at] = replace(made, pupils=min(MAX_PUPILS, self._pupils[made.id]), tutor=tutor)
        return self._plan

    def _place(self, entry: Entry) -> Place | Fault:
        """Where the office is held: the school of this name, known or made."""
        into = self._known.place
        if not entry.school or entry.school == into.name:
            return into
        if self._names[entry.school] > 1:
            return Fault(entry.row, RowFault.SCHOOL_TWICE, entry.school)
        if (found := self._places.get(entry.school)) is not None:
            return found
        if into.kind is not PlaceKind.DISTRICT:
            return Fault(entry.row, RowFault.SCHOOL_UNKNOWN, entry.school)
        place_id = PlaceId(self._new_id("school"))
        made = Place(
            place_id, PlaceKind.SCHOOL, entry.school, Path(f"{into.path}{place_id}/"), into.id, into.timezone
        )
        self._places[entry.school] = made
        self._plan.schools.append(made)
        return made

    def _account(self, entry: Entry, place: Place) -> Account | Fault:
        known = self._known.accounts.get(entry.login)
        if known is None:
            if (made := self._new.get(entry.login)) is None:
                person = PersonId(self._new_id("p"))
                made = Account(person, entry.name, place.path, entry.login, entry.email)
                self._new[entry.login] = made
                self._plan.accounts.append(made)
            return made
        if not within(known.path, self._known.place.path) or known.disabled_ms is not None:
            return Fault(entry.row, RowFault.LOGIN_TAKEN, entry.login)
        email = entry.email or known.email
        if known.person not in self._seen and (known.name, known.email) != (entry.name, email):
            self._plan.renamed.append(replace(known, name=entry.name, email=email))
        self._seen.add(known.person)
        return known

    def _may_name_supervisors(self, place: Place) -> bool:
        """`appointing.may_appoint`, of an organizer of the place into which is imported."""
        into = self._known.place
        return place.path != into.path or place.kind in ABOVE_SCHOOLS or self._known.from_above

    def _child(self, entry: Entry) -> str | None:
        """Person id of a parent's child: a student in the table, or one of the place. Empty: of none is
        asked."""
        if not entry.child:
            return ""
        known = self._known.accounts.get(entry.child) or self._new.get(entry.child)
        if known is None or not within(known.path, self._known.place.path):
            return None
        held = self._known.appointments.get(known.person, ())
        student = known.person in self._in_class or any(each.office is Office.STUDENT for each in held)
        return known.person if student and known.disabled_ms is None else None

    def _class(self, entry: Entry, school: Place) -> ClassId:
        """Its id; empty: of no class."""
        if not entry.class_name:
            return ClassId("")
        found = self._classes.get((school.id, entry.class_name))
        if found is None:
            class_id = ClassId(self._new_id("class"))
            found = SchoolClass(class_id, school.id, school.path, entry.class_name, entry.grade)
            self._classes[school.id, entry.class_name] = found
            self._plan.classes.append(found)
        return found.id

    def _appoint(self, checked: Appointment, class_id: ClassId) -> None:
        if checked.office is Office.STUDENT:
            self._in_class.setdefault(checked.person, set()).add(class_id)
            self._pupils[class_id] += 1
        elif class_id:
            self._tutors.setdefault(class_id, set()).add(checked.person)
        held = self._known.appointments.get(checked.person, ())
        if held and any(_same(each, _given(checked, "", class_id), self._now_ms) for each in held):
            self._plan.unchanged += 1
        else:
            self._plan.appointments.append(_given(checked, self._new_id("o"), class_id))


def _given(checked: Appointment, name: str, class_id: ClassId) -> Appointment:
    """As `replace` makes it, in a quarter of the time."""
    return Appointment(
        name,
        checked.person,
        checked.office,
        checked.path,
        checked.from_ms,
        checked.until_ms,
        class_id,
        checked.course,
        checked.subject,
        checked.about,
    )


def _same(held: Appointment, wished: Appointment, now_ms: int) -> bool:
    return held.holds(now_ms) and _what(held) == _what(wished)


def _what(office: Appointment) -> tuple[object, ...]:
    """A credential with another end is another one."""
    of = (office.office, office.path, office.class_id, office.subject, office.about)
    return (*of, office.until_ms if office.office is Office.SUPERVISOR else None)


def end_of_day_ms(last: date, timezone: str) -> int:
    """When the day after begins there, as Unix time in ms."""
    midnight = datetime.combine(last + timedelta(days=1), time(), ZoneInfo(timezone))
    return round(midnight.timestamp() * 1000)
