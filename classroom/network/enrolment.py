"""Who gets places in which lesson: the checks, the waiting list, what flows back. Pure.

Theory of operation
-------------------
Enrolments come in bursts: the moment a lesson of a famous master opens, hundreds ask for its last places. So
they are decided many at a time (`classroom.store.enrolments`): one transaction takes the lessons, timetables
and quotas that a group of requests is about out of the database, hands them to a `Desk`, and writes what the
desk says has changed. The desk takes the requests one after the other, each on top of those before it; it
knows nothing of databases, so its rules can be tried by the thousand.

Places are counted in persons, and each is counted three times: in the lesson (`Seats.taken` of its capacity),
in the provider's quota of the term, and, of who enrols alone, in the at-home class they are put into. What
finds no room in one of them waits. Whenever places come free the waiting list moves up: in its order, but
whoever needs more than there is lets the next ones pass, since a place that stays empty helps nobody. Who
waits keeps no other lesson from being taken; who is busy by the time places come free is taken off the list.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.catalogue import Course, OfferState, Onlooker, sees
from classroom.network.model import Path
from classroom.planning import MAX_CLASSES

MAX_WAITING: Final = 2_000
"""Who wait for one lesson: who comes later has no hopes."""
MAX_PLACES: Final = 200
"""Of one class, as everywhere."""


class PartyKind(StrEnum):
    CLASS = "class"
    """A whole class with its tutor."""
    PERSON = "person"
    """Somebody alone, who is put into an at-home class."""


class EnrolmentState(StrEnum):
    ENROLLED = "enrolled"
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Taken off the waiting list: by the time places came free there was another lesson."""


STANDING: Final = frozenset({EnrolmentState.ENROLLED, EnrolmentState.WAITING})


class WaitsFor(StrEnum):
    NOTHING = ""
    PLACE = "place"
    HOME = "home"
    """A place in an at-home class."""
    QUOTA = "quota"
    """The provider's quota of the term."""


class Refusal(StrEnum):
    """Why not, as the kinds of problems are called."""

    UNKNOWN = "unknown-lesson"
    CANCELLED = "offer-cancelled"
    CLOSED = "enrolment-closed"
    """The lesson has begun, or its course takes nobody any more."""
    CONFLICT = "timetable-conflict"
    NO_HOME = "no-home-class"
    """Nobody can take part alone."""
    PLACES = "places-invalid"
    FULL = "offer-full"
    """Who asks would not wait, or the waiting list is full, too."""
    NOT_ENROLLED = "not-enrolled"


class Who(StrEnum):
    """Who is busy at that time."""

    CLASS = "class"
    TUTOR = "tutor"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands in the way."""

    who: Who
    lesson: LessonId
    starts_ms: int
    ends_ms: int


class EnrolmentRefused(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, refusal: Refusal, conflict: Conflict | None = None) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.conflict = conflict


@dataclass(frozen=True, slots=True)
class Application:
    """Who wants places."""

    lesson: LessonId
    kind: PartyKind
    party: str
    """The class's id, or the person's."""
    path: Path
    """The school's."""
    places: int
    by: PersonId
    tutor: str = ""
    """Person id of the class's."""
    class_id: str = ""
    """Of a person: their class at school, whose lessons are theirs."""
    waits: bool = True
    """They would wait."""
    instead_of: LessonId | None = None
    """Whose places they give up for these; they keep them unless they get these at once."""

    @property
    def lessons(self) -> tuple[LessonId, ...]:
        return (self.lesson, self.instead_of) if self.instead_of else (self.lesson,)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    lesson: LessonId
    party: str
    by: PersonId

    @property
    def lessons(self) -> tuple[LessonId, ...]:
        return (self.lesson,)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """There is, or may be, more room than there was: whoever waits for it moves up."""

    lesson: LessonId

    @property
    def lessons(self) -> tuple[LessonId, ...]:
        return (self.lesson,)


@dataclass(frozen=True, slots=True)
class Enrolment:
    id: str
    lesson: LessonId
    kind: PartyKind
    party: str
    class_id: ClassId
    """Of a class its own; of a person the at-home class, empty while they wait."""
    path: Path
    places: int
    tutor: str
    state: EnrolmentState
    starts_ms: int
    ends_ms: int
    made_ms: int
    made_by: PersonId
    waits_for: WaitsFor = WaitsFor.NOTHING
    ended_ms: int | None = None
    ended_by: str = ""
    number: int = 0
    """In the order in which they came; 0: not written yet."""
    online: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody has a lesson."""

    lesson: LessonId
    starts_ms: int
    ends_ms: int


@dataclass(slots=True)
class Home:
    """An at-home class of a lesson."""

    class_id: ClassId
    tutor: str
    size: int
    taken: int = 0
    name: str = ""


@dataclass(slots=True)
class Seats:
    """A lesson, as far as places are concerned. The desk counts in it."""

    lesson: LessonId
    course: Course
    starts_ms: int
    ends_ms: int
    capacity: int
    taken: int = 0
    waiting: int = 0
    rooms: int = 0
    state: OfferState = OfferState.OPEN
    term: str = ""
    """Empty: no term, and so no quota."""
    homes: list[Home] = field(default_factory=list)
    pairs: frozenset[str] = frozenset()
    """Ids of the schools that the provider is paired with."""
    settled: bool = False
    """It is over, perhaps earlier than it was planned."""

    def is_over(self, now_ms: int) -> bool:
        """Or has begun: nobody comes or goes any more."""
        return self.settled or self.starts_ms <= now_ms

    @property
    def quota(self) -> tuple[str, str]:
        return self.term, self.course.provider


@dataclass(slots=True)
class Quota:
    allowed: int
    booked: int = 0


@dataclass(slots=True)
class Desk:
    """Made of what is in the database; says what of it has changed."""

    seats: dict[LessonId, Seats] = field(default_factory=dict)
    quotas: dict[tuple[str, str], Quota] = field(default_factory=dict)
    busy: defaultdict[str, list[Busy]] = field(default_factory=lambda: defaultdict(list))
    """By id of a class or a person: the lessons in which they have places, or that they tutor."""
    standing: dict[tuple[LessonId, str], Enrolment] = field(default_factory=dict)
    """Who has places or waits, by lesson and party: of those who ask, and who waits for what they ask for."""
    changed: dict[str, Enrolment] = field(default_factory=dict)
    """By id: new enrolments, and those that are not as they were."""
    promoted: list[Enrolment] = field(default_factory=list)
    """Who has moved up, or was taken off the waiting list."""

    def enrol(self, asked: Application, new_id: str, now_ms: int) -> Enrolment:
        """Who is enrolled or waits already is so still. Raises EnrolmentRefused; then they have what they
        had."""
        seats = self.seats.get(asked.lesson)
        if seats is None or not sees(seats.course, Onlooker(frozenset({asked.path})), seats.pairs):
            raise EnrolmentRefused(Refusal.UNKNOWN)
        known = self.standing.get((asked.lesson, asked.party))
        if asked.instead_of and asked.instead_of != asked.lesson:
            return self._exchange(seats, asked, known, new_id, now_ms)
        if known:
            return known
        self._check(seats, asked, now_ms)
        made = _made(seats, asked, new_id, now_ms)
        lacking = self._lacking(seats, made)
        if lacking is WaitsFor.NOTHING:
            return self._seat(seats, made)
        if not asked.waits or seats.waiting >= MAX_WAITING:
            raise EnrolmentRefused(Refusal.FULL)
        seats.waiting += asked.places
        return self._note(replace(made, waits_for=lacking))

    def _exchange(
        self, seats: Seats, asked: Application, known: Enrolment | None, new_id: str, now_ms: int
    ) -> Enrolment:
        """One lesson for another: looked at as if what is given up were given up already, since it may be
        what stands in the way."""
        assert asked.instead_of is not None, "else it is no exchange"
        given_up = self.standing.get((asked.instead_of, asked.party))
        other = self.seats.get(asked.instead_of)
        if given_up is None or other is None:
            if known is not None and known.state is EnrolmentState.ENROLLED:
                return known  # the same request sent again
            raise EnrolmentRefused(Refusal.NOT_ENROLLED)
        enrolled = given_up.state is EnrolmentState.ENROLLED
        if enrolled and other.is_over(now_ms):
            raise EnrolmentRefused(Refusal.CLOSED)
        if enrolled:
            self._give_back(other, given_up)
        try:
            taken = self._take_at_once(seats, asked, known, new_id, now_ms)
        except EnrolmentRefused:
            if enrolled:
                self._occupy(other, given_up)
            raise
        if not enrolled:
            other.waiting -= given_up.places
        self._close(given_up, EnrolmentState.WITHDRAWN, asked.by, now_ms)
        self.move_up(asked.instead_of, now_ms)
        return taken

    def _take_at_once(
        self, seats: Seats, asked: Application, known: Enrolment | None, new_id: str, now_ms: int
    ) -> Enrolment:
        if known is not None and known.state is EnrolmentState.ENROLLED:
            return known
        self._check(seats, asked, now_ms)
        made = known or _made(seats, asked, new_id, now_ms)
        if self._lacking(seats, made) is not WaitsFor.NOTHING:
            raise EnrolmentRefused(Refusal.FULL)
        if known is not None:
            seats.waiting -= known.places
        return self._seat(seats, made)

    def withdraw(self, asked: Withdrawal, now_ms: int) -> Enrolment:
        """Gives places back, or leaves the waiting list; who waits moves up. Raises EnrolmentRefused."""
        found = self.standing.get((asked.lesson, asked.party))
        seats = self.seats.get(asked.lesson)
        if found is None or seats is None:
            raise EnrolmentRefused(Refusal.NOT_ENROLLED)
        if found.state is EnrolmentState.ENROLLED and seats.is_over(now_ms):
            raise EnrolmentRefused(Refusal.CLOSED)
        ended = self._end(seats, found, EnrolmentState.WITHDRAWN, asked.by, now_ms)
        self.move_up(asked.lesson, now_ms)
        return ended

    def move_up(self, lesson: LessonId, now_ms: int) -> None:
        """Gives what is free to those who wait."""
        seats = self.seats.get(lesson)
        if seats is None or seats.state is not OfferState.OPEN or seats.is_over(now_ms):
            return
        waiting = (each for each in self.standing.values() if each.lesson == lesson)
        waiting = (each for each in waiting if each.state is EnrolmentState.WAITING)
        for each in sorted(waiting, key=lambda each: each.number or float("inf")):
            lacking = self._lacking(seats, each)
            if lacking is not WaitsFor.NOTHING:
                if lacking is not each.waits_for:
                    self._note(replace(each, waits_for=lacking))
                continue
            if self._conflict(seats, each.kind, each.party, each.tutor, ""):
                lapsed = self._end(seats, each, EnrolmentState.LAPSED, PersonId(""), now_ms)
                self.promoted.append(lapsed)
            else:
                seats.waiting -= each.places
                self.promoted.append(self._seat(seats, each))

    def _check(self, seats: Seats, asked: Application, now_ms: int) -> None:
        if seats.state is OfferState.CANCELLED:
            raise EnrolmentRefused(Refusal.CANCELLED)
        if seats.is_over(now_ms):
            raise EnrolmentRefused(Refusal.CLOSED)
        if not 1 <= asked.places <= MAX_PLACES:
            raise EnrolmentRefused(Refusal.PLACES)
        if asked.kind is PartyKind.PERSON and not seats.homes:
            raise EnrolmentRefused(Refusal.NO_HOME)
        conflict = self._conflict(seats, asked.kind, asked.party, asked.tutor, asked.class_id)
        if conflict:
            raise EnrolmentRefused(Refusal.CONFLICT, conflict)

    def _conflict(
        self, seats: Seats, kind: PartyKind, party: str, tutor: str, class_id: str
    ) -> Conflict | None:
        own = Who.CLASS if kind is PartyKind.CLASS else Who.PERSON
        for who, name in ((own, party), (Who.TUTOR, tutor), (Who.CLASS, class_id)):
            for busy in self.busy[name] if name else ():
                # A tutor is in one class at a time, so not in two of one lesson either.
                if busy.starts_ms < seats.ends_ms and seats.starts_ms < busy.ends_ms:
                    return Conflict(who, busy.lesson, busy.starts_ms, busy.ends_ms)
        return None

    def _lacking(self, seats: Seats, asked: Enrolment) -> WaitsFor:
        if seats.taken + asked.places > seats.capacity:
            return WaitsFor.PLACE
        if asked.kind is PartyKind.CLASS and seats.rooms + len(seats.homes) >= MAX_CLASSES:
            return WaitsFor.PLACE
        if asked.kind is PartyKind.PERSON and _home(seats) is None:
            return WaitsFor.HOME
        quota = self.quotas.get(seats.quota)
        if quota is not None and quota.booked + asked.places > quota.allowed:
            return WaitsFor.QUOTA
        return WaitsFor.NOTHING

    def _seat(self, seats: Seats, asked: Enrolment) -> Enrolment:
        seated = replace(asked, state=EnrolmentState.ENROLLED, waits_for=WaitsFor.NOTHING)
        if asked.kind is PartyKind.PERSON:
            home = _home(seats)
            assert home is not None, "nothing is lacking"
            seated = replace(seated, class_id=home.class_id, tutor="")
        self._occupy(seats, seated)
        return self._note(seated)

    def _occupy(self, seats: Seats, seated: Enrolment) -> None:
        self._count(seats, seated, 1)
        for name in (seated.party, seated.tutor):
            if name:
                self.busy[name].append(Busy(seats.lesson, seats.starts_ms, seats.ends_ms))

    def _end(
        self, seats: Seats, found: Enrolment, state: EnrolmentState, by: PersonId, now_ms: int
    ) -> Enrolment:
        if found.state is EnrolmentState.WAITING:
            seats.waiting -= found.places
        else:
            self._give_back(seats, found)
        return self._close(found, state, by, now_ms)

    def _close(self, found: Enrolment, state: EnrolmentState, by: PersonId, now_ms: int) -> Enrolment:
        ended = replace(found, state=state, waits_for=WaitsFor.NOTHING, ended_ms=now_ms, ended_by=by)
        self._note(ended)
        del self.standing[found.lesson, found.party]
        return ended

    def _give_back(self, seats: Seats, found: Enrolment) -> None:
        self._count(seats, found, -1)
        for name in (found.party, found.tutor):
            kept = (each for each in self.busy[name] if each.lesson != found.lesson)
            self.busy[name] = list(kept)

    def _count(self, seats: Seats, one: Enrolment, sign: int) -> None:
        """In all that places are counted in."""
        seats.taken += sign * one.places
        if (quota := self.quotas.get(seats.quota)) is not None:
            quota.booked += sign * one.places
        if one.kind is PartyKind.CLASS:
            seats.rooms += sign
        for home in seats.homes:
            if one.kind is PartyKind.PERSON and home.class_id == one.class_id:
                home.taken += sign

    def _note(self, enrolment: Enrolment) -> Enrolment:
        self.changed[enrolment.id] = enrolment
        self.standing[enrolment.lesson, enrolment.party] = enrolment
        return enrolment


def _made(seats: Seats, asked: Application, new_id: str, now_ms: int) -> Enrolment:
    return Enrolment(
        id=new_id,
        lesson=asked.lesson,
        kind=asked.kind,
        party=asked.party,
        class_id=ClassId(asked.party if asked.kind is PartyKind.CLASS else ""),
        path=asked.path,
        places=asked.places,
        tutor=asked.tutor if asked.kind is PartyKind.CLASS else "",
        state=EnrolmentState.WAITING,
        starts_ms=seats.starts_ms,
        ends_ms=seats.ends_ms,
        made_ms=now_ms,
        made_by=asked.by,
    )


def _home(seats: Seats) -> Home | None:
    """The first with room: classes fill up one after the other, so that the last ones need not be held."""
    return next((home for home in seats.homes if home.taken < home.size), None)
