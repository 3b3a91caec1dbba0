"""What is asked of a lesson from outside its room: by an organizer's office or a school's platform.

Whoever asks has a role, but no place in the lesson. The same table of permissions holds
(`rules.permissions`), and all happens in the room's own task, so that it cannot cross what those inside do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from classroom import phases, roll_handlers
from classroom.classes import move_online
from classroom.clock import Clock
from classroom.commands import (
    CancelLesson,
    ChangeSettings,
    EndLesson,
    FromOffice,
    MoveOnline,
    OfficeCommand,
    OpenLesson,
    PersonCommand,
    RestoreLesson,
    ReviseLesson,
    SetRegister,
    StartLesson,
)
from classroom.core import LessonCore, Observer
from classroom.events import LessonRevised
from classroom.membership import cancel_lesson, end_lesson, start_lesson
from classroom.model import Attendee, Lesson, LessonState, Person, Role
from classroom.planning import plan_of, revised, revision
from classroom.restart import arm_plan
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Reason, Refused
from classroom.rules.transitions import Move
from classroom.talk import moderation_handlers
from classroom.talk.commands import Allow, LockLesson
from classroom.talk.conduct import without_classes

AT_REST: Final = frozenset({LessonState.SCHEDULED, LessonState.CANCELLED})
"""Of a lesson in such a state nothing is known but its plan: nobody was in yet, or they were let go."""


class _Never:
    """A timer of a room that is closed: when it opens it sets its own."""

    def cancel(self) -> None:
        pass


def carry_out_closed(
    lesson: Lesson, commands: Iterable[OfficeCommand], clock: Clock, observer: Observer
) -> None:
    """What the office asks of a lesson at rest whose room is closed: by the same rules, without a room. The
    observer hears of it. Raises Refused; what was asked for before it has been done."""
    assert lesson.state in AT_REST, "its room would know more than its plan"
    core = LessonCore(lesson, clock, lambda when, callback: _Never(), [observer])
    for command in commands:
        carry_out(core, FromOffice(Role.ORGANIZER, command))
        core.settle()


def carry_out(core: LessonCore, asked: FromOffice) -> None:
    """Raises Refused, and then nothing changed."""
    command = asked.command
    reason = refusal(type(command), asked.role, core.lesson.state, core.lesson.phase)
    if reason is not None:
        raise Refused(reason)
    _HANDLERS[type(command)](core, command)


def _open(core: LessonCore, command: OpenLesson) -> None:
    if core.lesson.state is LessonState.SCHEDULED:
        core.move(Move.OPEN, command.actor)


def _end(core: LessonCore, command: EndLesson) -> None:
    if not (command.if_empty and any(each.online for each in core.roster.everybody())):
        end_lesson(core, command.actor, command.reason)


def _restore(core: LessonCore, command: RestoreLesson) -> None:
    if core.lesson.state is LessonState.CANCELLED:
        core.move(Move.RESTORE, command.actor)
        arm_plan(core)


def _revise(core: LessonCore, command: ReviseLesson) -> None:
    before = core.lesson
    if command.expected and command.expected != revision(before):
        raise Refused(Reason.CHANGED_MEANWHILE)
    if command.plan == plan_of(before):
        return
    lesson = revised(before, command.plan)
    if lesson.recorded != before.recorded and before.state is LessonState.LIVE:
        raise Refused(Reason.LESSON_ALREADY_LIVE)
    planned_out = [room.id for room in before.classes if lesson.class_room(room.id) is None]
    if any(core.roster.is_used(class_id) for class_id in planned_out):
        # All else may change under people: a class that is added, renamed, or gets another tutor.
        raise Refused(Reason.CLASS_IN_USE)
    core.change_floor(
        title=lesson.title,
        starts_ms=lesson.starts_ms,
        ends_ms=lesson.ends_ms,
        recorded=lesson.recorded,
        record_classes=lesson.record_classes,
        master_id=lesson.master_id,
        standby=lesson.standby,
        classes=lesson.classes,
        conduct=without_classes(lesson.conduct, planned_out),
    )
    core.replan(planned_out)
    arm_plan(core)
    core.observe(LessonRevised, lesson=core.lesson, actor=command.actor, reason=command.reason)


def _move_online(core: LessonCore, command: MoveOnline) -> None:
    move_online(core, Attendee(Person(command.actor, "", Role.ORGANIZER)), command)


def _as_inside(kind: type[PersonCommand]) -> Callable[[LessonCore, Any], None]:
    """What is done as by an organizer who is in the lesson."""
    handler = _INSIDE[kind]

    def done(core: LessonCore, command: Any) -> None:
        handler(core, Attendee(Person(command.actor, "", Role.ORGANIZER)), command)

    return done


_INSIDE = {**phases.HANDLERS, **moderation_handlers.HANDLERS, **roll_handlers.HANDLERS}

_HANDLERS: Mapping[type[OfficeCommand], Callable[[LessonCore, Any], None]] = {
    OpenLesson: _open,
    StartLesson: lambda core, command: start_lesson(core, command.actor),
    EndLesson: _end,
    CancelLesson: lambda core, command: cancel_lesson(core, command.actor, command.reason),
    RestoreLesson: _restore,
    ReviseLesson: _revise,
    MoveOnline: _move_online,
    ChangeSettings: _as_inside(ChangeSettings),
    Allow: _as_inside(Allow),
    LockLesson: _as_inside(LockLesson),
    SetRegister: _as_inside(SetRegister),
}
