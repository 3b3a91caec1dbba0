"""The roll call between the wire and the classroom. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from classroom import commands, events
from classroom.model import PersonId
from classroom.roll import Mark, Marked, Pupil
from signaling.messages_roll import (
    MarkView,
    PupilView,
    RollChanged,
    RollMark,
    RollRegister,
    RollView,
)


def mark_roll(actor: PersonId, message: RollMark) -> commands.MarkRoll:
    return commands.MarkRoll(
        actor,
        Mark(message.mark) if message.mark else None,
        tuple(message.seats),
        tuple(PersonId(person) for person in message.people),
        message.rest,
    )


def set_register(actor: PersonId, message: RollRegister) -> commands.SetRegister:
    return commands.SetRegister(actor, None, pupils(message.pupils))


def pupils(views: Iterable[PupilView]) -> tuple[Pupil, ...]:
    return tuple(Pupil(view.seat, view.name) for view in views)


def register_view(register: Iterable[Pupil]) -> list[PupilView]:
    return [PupilView(seat=pupil.seat, name=pupil.name) for pupil in register]


def roll_view(seen: events.RollSeen) -> RollView:
    seats = [_mark(found, seat=seat) for seat, found in seen.seats.items()]
    people = [_mark(found, person=person) for person, found in seen.people.items()]
    return RollView(
        class_id=seen.class_id,
        present=seen.counts.present,
        late=seen.counts.late,
        absent=seen.counts.absent,
        total=seen.counts.total,
        register=None if seen.register is None else register_view(seen.register),
        marks=[*seats, *people],
    )


def roll_changed(event: events.RollChanged) -> RollChanged:
    return RollChanged(roll=roll_view(event.roll))


def _mark(found: Marked | None, seat: str = "", person: str = "") -> MarkView:
    if found is None:
        return MarkView(seat=seat, person=person)
    return MarkView(seat=seat, person=person, mark=found.mark.value, at_ms=found.at_ms)
