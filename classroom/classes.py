"""Classes during a lesson: who tutors one, and a room class that becomes an at-home class.

Each class has exactly one tutor at a time (`Roster`): who took it over on record, while they are there; else
the registered one; else another tutor of the class who is there. A tutor whose class has one already keeps
the role and acts for nobody.

Who may take a class over is one rule (`rules.tutoring`). A tutor is in one class at a time: who takes over
another than their own leaves that one and comes in anew, by the same credential, as one of the class that
they took; it stays theirs until they take another, or the plan names another tutor. The class that they left
is without a tutor, and shown as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from classroom.commands import MoveOnline, PersonCommand, TakeClass
from classroom.core import LessonCore
from classroom.events import ClassMovedOnline, ClassTaken, ClassWentOnline, LeaveCause, NoticeKind
from classroom.membership import send_away
from classroom.model import Attendee, Role
from classroom.phases import class_acted_for
from classroom.rules.reasons import Reason, Refused
from classroom.rules.tutoring import may_take


def _take_class(core: LessonCore, attendee: Attendee, command: TakeClass) -> None:
    room = core.lesson.class_room(command.class_id or attendee.person.class_id)
    if room is None:
        raise Refused(Reason.UNKNOWN_CLASS)
    if not may_take(core.lesson, attendee.person, room):
        raise Refused(Reason.NOT_YOUR_CLASS)
    before = core.roster.tutor(room.id)
    if before is not None and before.id != attendee.id and attendee.id != room.tutor:
        raise Refused(Reason.TUTOR_PRESENT)
    moves = attendee.person.class_id != room.id
    # Coming from another class, also the registered tutor is there because they said so.
    stand_in = attendee.id if moves or attendee.id != room.tutor else None
    if room.stand_in == stand_in and not moves:
        return
    for other in core.lesson.classes:
        if other.stand_in == attendee.id and other.id != room.id:
            core.change_class(replace(other, stand_in=None))
    instead_of = next((who for who in (room.stand_in, room.tutor) if who not in (None, attendee.id)), None)
    core.change_class(replace(room, stand_in=stand_in))
    core.observe(ClassTaken, class_id=room.id, tutor=attendee.id, instead_of=instead_of)
    if moves:
        send_away(core, attendee.person, LeaveCause.MOVED)


def move_online(core: LessonCore, attendee: Attendee, command: MoveOnline) -> None:
    """Asked for again, the links are given again: they may have been lost in the hurry."""
    room = class_acted_for(core, attendee, command.class_id)
    if room.at_home:
        core.lines.deliver(attendee.id, ClassWentOnline(room))
        return
    room = replace(room, at_home=True)
    core.change_class(room)
    core.observe(ClassMovedOnline, class_id=room.id, actor=attendee.id)
    core.notify(NoticeKind.CLASS_ONLINE, room.id)
    tutor = core.roster.tutor(room.id)
    for line in core.lines:
        if line.person.role in (Role.MASTER, Role.ORGANIZER) or (tutor and line.person.id == tutor.id):
            line.deliver(ClassWentOnline(room))


HANDLERS: Mapping[type[PersonCommand], Callable[[LessonCore, Attendee, Any], None]] = {
    TakeClass: _take_class,
    MoveOnline: move_online,
}
