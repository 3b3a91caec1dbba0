"""The roll call: what each command does (see `classroom.handlers`), and who sees what of it; the rules are in
`roll`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from classroom.commands import MarkRoll, PersonCommand, SetRegister
from classroom.core import LessonCore
from classroom.events import RegisterSet, RollChanged, RollMarked, RollSeen
from classroom.model import Attendee, ClassRoom, Person, PersonId, Role
from classroom.phases import class_acted_for
from classroom.roll import (
    ClassRoll,
    checked_register,
    counts,
    marked,
    seats_of,
    unmarked,
    with_register,
)
from classroom.rules.reasons import Reason, Refused

_LEADS = (Role.MASTER, Role.ORGANIZER, Role.SUPERVISOR)


def _mark(core: LessonCore, attendee: Attendee, command: MarkRoll) -> None:
    room = class_acted_for(core, attendee, None)
    before = core.rolls.get(room.id, ClassRoll())
    seats, people = dict.fromkeys(command.seats), dict.fromkeys(command.people)
    if not seats.keys() <= set(seats_of(before, room)):
        raise Refused(Reason.SEAT_UNKNOWN)
    if not all(person in before.people or _is_pupil(core, room, person) for person in people):
        raise Refused(Reason.PERSON_UNKNOWN)
    if command.rest:
        seats |= dict.fromkeys(unmarked(before, room))
    now_ms = core.clock.unix_ms()
    after = marked(before, seats, people, command.mark, now_ms)
    if _same(before, after):
        return
    core.rolls[room.id] = after
    core.observe(
        RollMarked,
        class_id=room.id,
        mark=command.mark,
        seats=tuple(seats),
        people=tuple(people),
        actor=attendee.id,
    )
    changed = RollSeen(
        room.id,
        counts(after, room),
        seats={seat: after.seats.get(seat) for seat in seats},
        people={person: after.people.get(person) for person in people},
    )
    _tell(core, room, changed)


def _set_register(core: LessonCore, attendee: Attendee, command: SetRegister) -> None:
    room = class_acted_for(core, attendee, command.class_id)
    register = checked_register(command.pupils)
    before = core.rolls.get(room.id, ClassRoll())
    if register == before.register:
        return
    after = with_register(before, register, room)
    core.rolls[room.id] = after
    core.observe(RegisterSet, class_id=room.id, pupils=register, actor=attendee.id)
    gone = dict.fromkeys(before.seats.keys() - after.seats.keys())
    _tell(core, room, RollSeen(room.id, counts(after, room), register, seats=gone))


def _is_pupil(core: LessonCore, room: ClassRoom, person: PersonId) -> bool:
    attendee = core.roster.get(person)
    return attendee is not None and attendee.role is Role.STUDENT and attendee.person.class_id == room.id


def _same(before: ClassRoll, after: ClassRoll) -> bool:
    """Whether a second tap said nothing new; at what time it was said does not matter."""
    return all(
        {key: found.mark for key, found in old.items()} == {key: found.mark for key, found in new.items()}
        for old, new in ((before.seats, after.seats), (before.people, after.people))
    )


# --- who sees what ------------------------------------------------------------------------------------------


def rolls_seen_by(core: LessonCore, person: Person) -> tuple[RollSeen, ...]:
    """What a newcomer gets."""
    if person.role in _LEADS:
        known = ((room, core.rolls.get(room.id)) for room in core.lesson.classes)
        return tuple(RollSeen(room.id, counts(roll, room)) for room, roll in known if roll is not None)
    room = core.lesson.class_room(person.class_id)
    if person.role is not Role.TUTOR or room is None:
        return ()
    roll = core.rolls.get(room.id, ClassRoll())
    return (RollSeen(room.id, counts(roll, room), roll.register, roll.seats, roll.people),)


def _tell(core: LessonCore, room: ClassRoom, changed: RollSeen) -> None:
    numbers = RollChanged(RollSeen(room.id, changed.counts))
    for line in core.lines:
        if line.person.role is Role.TUTOR and line.person.class_id == room.id:
            line.deliver(RollChanged(changed))
        elif line.person.role in _LEADS:
            line.deliver(numbers)


HANDLERS: Mapping[type[PersonCommand], Callable[[LessonCore, Attendee, Any], None]] = {
    MarkRoll: _mark,
    SetRegister: _set_register,
}
