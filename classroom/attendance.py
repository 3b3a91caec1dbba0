"""Attendance (考勤): who was in a lesson, from when to when, derived from its stream of events. Pure.

Theory of operation
-------------------
Coming in and going out make spells: from a `person.joined` to the `person.left` that ends it. Whoever is
lost (their connection, their page, our server) and comes back has not left: those spells are one stay with a
gap in between. Who leaves on purpose and comes again has two stays.

Events may be missing (the database was away), come twice or in any order; their numbers tell. A coming in
without a going out ends at the next coming in of the same person, or with the lesson; a going out without a
coming in says nothing.

What counts is the lesson while it was live: who sat in front of the closed door early is not more present
than others, and who came and went before the lesson was absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from classroom import roll
from classroom.events import LeaveCause
from classroom.model import ClassId, ClassRoom, Lesson, PersonId, Role
from classroom.roll import ClassRoll, Counts, Marked, Pupil

LATE_MS: Final = 5 * 60_000
"""Who comes more than this after the lesson began is late: shorter is a slow tablet, not a late pupil."""
EARLY_MS: Final = 5 * 60_000
"""Who goes more than this before its end left early."""

JOINED: Final = "person.joined"
LEFT: Final = "person.left"
KINDS: Final = (JOINED, LEFT, roll.KIND)
"""The kinds of events that attendance is derived from."""

_COMES_BACK: Final = frozenset({LeaveCause.LOST, LeaveCause.REPLACED, LeaveCause.SERVER, LeaveCause.MOVED})


class StreamEvent(Protocol):
    """What is read of an event (classroom.store.kinds)."""

    @property
    def seq(self) -> int: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def person(self) -> PersonId | None: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """From a Unix time in ms to a later one."""

    from_ms: int
    to_ms: int

    @property
    def ms(self) -> int:
        return self.to_ms - self.from_ms


@dataclass(frozen=True, slots=True)
class Stay:
    """From coming in to leaving for good."""

    from_ms: int
    to_ms: int | None
    """None: still in."""
    gaps: tuple[Span, ...]
    """In which the connection was lost."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """Of one person."""

    person: PersonId
    role: Role
    class_id: ClassId | None
    stays: tuple[Stay, ...]
    present_ms: int
    """Connected while the lesson was live; gaps do not count."""
    late: bool
    left_early: bool
    """False as long as the lesson goes on."""

    @property
    def present(self) -> bool:
        return self.present_ms > 0

    @property
    def gaps(self) -> int:
        return sum(len(stay.gaps) for stay in self.stays)

    @property
    def first_ms(self) -> int | None:
        return self.stays[0].from_ms if self.stays else None

    @property
    def last_ms(self) -> int | None:
        """When they were last there; None: still in, or never."""
        return self.stays[-1].to_ms if self.stays else None


@dataclass(frozen=True, slots=True)
class ClassAttendance:
    """Of one class of the lesson."""

    class_id: ClassId
    students: int
    """Who came at all, joining by themselves."""
    present: int
    late: int
    left_early: int
    covered_ms: int
    """In which anybody of the class was there."""
    tutored_ms: int
    """In which a tutor of the class was there."""
    called: Counts
    """What its tutor found in the roll call, in the room and at home."""


class SeatCalled(NamedTuple):
    """A pupil of a room, as the tutor found."""

    class_id: ClassId
    seat: str
    name: str
    """Empty: not in the register."""
    marked: Marked


@dataclass(frozen=True, slots=True)
class Report:
    began_ms: int | None
    """None: the lesson has not begun."""
    ended_ms: int | None
    """None: it goes on."""
    started_late_ms: int
    """After it was planned to begin; 0 when there was no plan, or it began in time."""
    people: tuple[Attendance, ...]
    """By class in the lesson's order, those without one first; in each by first coming. Registered tutors
    who never came are in."""
    classes: tuple[ClassAttendance, ...]
    rolls: Mapping[ClassId, ClassRoll]
    """What tutors found in the roll call: beside what the connections say, of pupils of a room all that is
    known."""

    def called(self, one: Attendance) -> Marked | None:
        """What the tutor found of somebody who came by themselves."""
        found = self.rolls.get(one.class_id) if one.class_id else None
        return found.people.get(one.person) if found else None

    def seats(self) -> Iterator[SeatCalled]:
        """Of rooms, those of which something was said, class by class."""
        for class_id, found in self.rolls.items():
            names = {pupil.seat: pupil.name for pupil in found.register}
            for seat, marked in found.seats.items():
                yield SeatCalled(class_id, seat, names.get(seat, ""), marked)

    @property
    def length_ms(self) -> int:
        return 0 if self.began_ms is None or self.ended_ms is None else self.ended_ms - self.began_ms


@dataclass(slots=True)
class _Spell:
    from_ms: int
    to_ms: int | None = None
    cause: LeaveCause | None = None


@dataclass(slots=True)
class _Traces:
    """What the stream says of one person; role and class as they last came."""

    role: Role
    class_id: ClassId | None
    spells: list[_Spell]


def attendance(
    lesson: Lesson,
    events: Iterable[StreamEvent],
    now_ms: int,
    registers: Mapping[ClassId, tuple[Pupil, ...]] = {},
) -> Report:
    """events: those of KINDS at least, in any order. now_ms: Unix time, for a lesson that goes on. registers:
    who sits where."""
    events = tuple(events)
    traces = _traces(events)
    rolls = _rolls(lesson, events, registers)
    window = _window(lesson, now_ms)
    over = bool(lesson.ended_ms)
    if over:
        _all_out(traces, lesson.ended_ms)
    people = [_attendance(person, found, window, over, now_ms) for person, found in traces.items()]
    people += _absent_tutors(lesson, traces)
    order = {room.id: position for position, room in enumerate(lesson.classes)}
    people.sort(key=lambda one: order.get(one.class_id, -1) if one.class_id else -1)
    return Report(
        began_ms=lesson.started_ms or None,
        ended_ms=lesson.ended_ms or None,
        started_late_ms=max(0, lesson.started_ms - lesson.starts_ms) if lesson.starts_ms else 0,
        people=tuple(people),
        classes=tuple(
            _class_attendance(
                room,
                [one for one in people if one.class_id == room.id],
                window,
                now_ms,
                rolls.get(room.id, ClassRoll()),
            )
            for room in lesson.classes
        ),
        rolls=rolls,
    )


def _rolls(
    lesson: Lesson, events: Iterable[StreamEvent], registers: Mapping[ClassId, tuple[Pupil, ...]]
) -> dict[ClassId, ClassRoll]:
    by_number = {event.seq: event for event in events if event.kind == roll.KIND}
    found: dict[ClassId, ClassRoll] = {}
    for _, event in sorted(by_number.items()):
        found = roll.after(found, event.body, event.at_ms)
    for room in lesson.classes:
        if room.id in registers:
            found[room.id] = roll.with_register(found.get(room.id, ClassRoll()), registers[room.id], room)
    return found


def _traces(events: Iterable[StreamEvent]) -> dict[PersonId, _Traces]:
    """By person, in the order they first came."""
    found: dict[PersonId, _Traces] = {}
    comings = (JOINED, LEFT)
    by_number = {event.seq: event for event in events if event.kind in comings and event.person is not None}
    for _, event in sorted(by_number.items()):
        assert event.person is not None
        if event.kind == JOINED:
            _came(found, event.person, event)
        elif event.person in found:
            _went(found[event.person], event)
    return found


def _came(found: dict[PersonId, _Traces], person: PersonId, event: StreamEvent) -> None:
    role, class_id = Role(event.body["role"]), event.body.get("class_id")
    traces = found.setdefault(person, _Traces(role, None, []))
    traces.role, traces.class_id = role, class_id and ClassId(class_id)
    last = traces.spells[-1] if traces.spells else None
    at_ms = event.at_ms
    if last is not None:
        if last.to_ms is None:
            # That they went was lost; where the connection was in between, nobody knows.
            last.to_ms, last.cause = max(last.from_ms, at_ms), LeaveCause.REPLACED
        # A clock that was set back makes nobody be there twice.
        at_ms = max(at_ms, last.to_ms)
    traces.spells.append(_Spell(at_ms))


def _went(traces: _Traces, event: StreamEvent) -> None:
    last = traces.spells[-1]
    if last.to_ms is None:
        last.to_ms = max(last.from_ms, event.at_ms)
        last.cause = LeaveCause(event.body.get("cause", LeaveCause.LEFT))


def _all_out(traces: Mapping[PersonId, _Traces], ended_ms: int) -> None:
    for found in traces.values():
        last = found.spells[-1]
        if last.to_ms is None:
            last.to_ms, last.cause = max(last.from_ms, ended_ms), LeaveCause.ENDED


def _window(lesson: Lesson, now_ms: int) -> Span:
    """While the lesson was live; empty before."""
    if not lesson.started_ms:
        return Span(now_ms, now_ms)
    return Span(lesson.started_ms, max(lesson.started_ms, lesson.ended_ms or now_ms))


def _attendance(person: PersonId, found: _Traces, window: Span, over: bool, now_ms: int) -> Attendance:
    stays = _stays(found.spells)
    inside = _overlap(_spans(stays, now_ms), window)
    late = bool(inside) and inside[0].from_ms > window.from_ms + LATE_MS
    left_early = over and bool(inside) and inside[-1].to_ms < window.to_ms - EARLY_MS
    present_ms = sum(span.ms for span in inside)
    return Attendance(person, found.role, found.class_id, stays, present_ms, late, left_early)


def _stays(spells: Sequence[_Spell]) -> tuple[Stay, ...]:
    stays: list[Stay] = []
    comes_back = False
    for spell in spells:
        if stays and comes_back:
            last = stays[-1]
            assert last.to_ms is not None
            gap = (Span(last.to_ms, spell.from_ms),) if spell.from_ms > last.to_ms else ()
            stays[-1] = Stay(last.from_ms, spell.to_ms, (*last.gaps, *gap))
        else:
            stays.append(Stay(spell.from_ms, spell.to_ms, ()))
        comes_back = spell.cause in _COMES_BACK
    return tuple(stays)


def _spans(stays: Iterable[Stay], now_ms: int) -> list[Span]:
    """In which somebody was connected, in order."""
    spans = []
    for stay in stays:
        from_ms = stay.from_ms
        for gap in stay.gaps:
            spans.append(Span(from_ms, gap.from_ms))
            from_ms = gap.to_ms
        spans.append(Span(from_ms, max(from_ms, now_ms) if stay.to_ms is None else stay.to_ms))
    return spans


def _overlap(spans: Iterable[Span], window: Span) -> list[Span]:
    """What of them lies inside the window."""
    cut = (Span(max(span.from_ms, window.from_ms), min(span.to_ms, window.to_ms)) for span in spans)
    return [span for span in cut if span.ms > 0]


def _absent_tutors(lesson: Lesson, traces: Mapping[PersonId, _Traces]) -> list[Attendance]:
    registered = {room.tutor: room.id for room in lesson.classes if room.tutor is not None}
    return [
        Attendance(tutor, Role.TUTOR, class_id, (), 0, late=False, left_early=False)
        for tutor, class_id in registered.items()
        if tutor not in traces
    ]


def _class_attendance(
    room: ClassRoom, people: Sequence[Attendance], window: Span, now_ms: int, called: ClassRoll
) -> ClassAttendance:
    students = [one for one in people if one.role is Role.STUDENT]
    return ClassAttendance(
        class_id=room.id,
        students=len(students),
        present=sum(one.present for one in students),
        late=sum(one.late for one in students),
        left_early=sum(one.left_early for one in students),
        covered_ms=_together_ms(people, window, now_ms),
        tutored_ms=_together_ms([one for one in people if one.role is Role.TUTOR], window, now_ms),
        called=roll.counts(called, room),
    )


def _together_ms(people: Iterable[Attendance], window: Span, now_ms: int) -> int:
    """In which at least one of them was there."""
    spans = sorted(
        (span for one in people for span in _overlap(_spans(one.stays, now_ms), window)),
        key=lambda span: span.from_ms,
    )
    covered_ms, until_ms = 0, window.from_ms
    for span in spans:
        covered_ms += max(0, span.to_ms - max(span.from_ms, until_ms))
        until_ms = max(until_ms, span.to_ms)
    return covered_ms
