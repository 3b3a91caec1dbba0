"""Phases: of all, and of one class by itself; their timers; looking in.

A phase for all that is not together (local Q&A, break) ends what classes have of their own, empties the stage
and takes invitations back: when the classes come together again nobody's camera opens by itself. A timer's
end is told, and the phase stays: a teacher in the middle of a sentence decides, not a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from classroom.commands import ChangeSettings, LookIn, PersonCommand, Resume, SetClassState, SetPhase
from classroom.core import LessonCore
from classroom.events import (
    ClassStateChanged,
    LessonResumed,
    LookedIn,
    NoticeKind,
    PhaseChanged,
    SettingsChanged,
    TimerEnded,
)
from classroom.floor import TOGETHER_PHASES, is_apart
from classroom.lead import goes_off_air
from classroom.model import (
    Attendee,
    ClassId,
    ClassRoom,
    ClassState,
    MasterState,
    PersonId,
    PhaseTimer,
    Role,
)
from classroom.rules.reasons import Reason, Refused
from classroom.stage import clear_stage

MAX_PHASE_S: Final = 4 * 3600
"""Half a day of school: more is a slip of the finger."""
MAX_STAGE: Final = 12
"""More pictures than this nobody tells apart, and no school's line carries them."""
DOUBLE_CLICK_MS: Final = 1000
"""A timer that is set to the same time again within this was clicked twice; later it is wound up again."""
CATCH_UP_RATE: Final = 1.25
"""How fast a class plays what it missed: faster, and speech is no longer easy to follow."""


def class_acted_for(core: LessonCore, attendee: Attendee, class_id: ClassId | None) -> ClassRoom:
    """The class that a request is about. A tutor acts for the own class, while it is theirs; others name
    one. Raises Refused."""
    room = core.lesson.class_room(class_id or attendee.person.class_id)
    if room is None:
        raise Refused(Reason.UNKNOWN_CLASS)
    if attendee.role is Role.TUTOR and core.roster.tutors()[room.id] != attendee.id:
        raise Refused(Reason.NOT_YOUR_CLASS)
    return room


def _set_phase(core: LessonCore, attendee: Attendee, command: SetPhase) -> None:
    if not 0 <= command.seconds <= MAX_PHASE_S:
        raise Refused(Reason.PHASE_TIME_INVALID)
    lesson, now_ms = core.lesson, core.elapsed_ms()
    if command.phase is lesson.phase and _is_set(lesson.timer, command.seconds, now_ms):
        return
    if command.phase not in TOGETHER_PHASES:
        clear_stage(core)
        for room in lesson.classes:
            _place_class(core, room, ClassState.TOGETHER, None)
    timer = PhaseTimer(command.seconds, now_ms + 1000 * command.seconds) if command.seconds else None
    since_ms = lesson.phase_since_ms if command.phase is lesson.phase else now_ms
    core.change_floor(phase=command.phase, phase_since_ms=since_ms, timer=timer)
    core.observe(PhaseChanged, phase=command.phase, actor=attendee.id, seconds=command.seconds)
    arm_timer(core)


def _is_set(timer: PhaseTimer | None, seconds: int, now_ms: int) -> bool:
    """Whether the timer is as asked for: none, or set to that a moment ago."""
    if timer is None or not seconds:
        return timer is None and not seconds
    set_ms = timer.ends_ms - 1000 * timer.seconds
    return timer.seconds == seconds and now_ms - set_ms < DOUBLE_CLICK_MS


def arm_timer(core: LessonCore) -> None:
    """So that the end of the phase's time is told, if it is still to come."""
    timer = core.lesson.timer
    left_ms = timer.ends_ms - core.elapsed_ms() if timer is not None else 0
    core.alarm("phase", left_ms / 1000 if left_ms > 0 else None, lambda: _time_is_over(core))


def _time_is_over(core: LessonCore) -> None:
    core.observe(TimerEnded, phase=core.lesson.phase)
    core.notify(NoticeKind.TIMER_ENDED)


def _set_class_state(core: LessonCore, attendee: Attendee, command: SetClassState) -> None:
    room = class_acted_for(core, attendee, command.class_id)
    if command.state is ClassState.CATCH_UP:
        if room.state is ClassState.TOGETHER:
            raise Refused(Reason.CLASS_NOT_APART)
        if not core.lesson.recorded:
            raise Refused(Reason.NOT_RECORDED)
    if command.state is ClassState.LOCAL_QA:
        clear_stage(core, room.id)
    _place_class(core, room, command.state, attendee.id)


def _place_class(core: LessonCore, room: ClassRoom, state: ClassState, actor: PersonId | None) -> None:
    if room.state is state:
        return
    now_ms = core.elapsed_ms()
    left_ms = 0 if state is ClassState.TOGETHER else _left_ms(room, now_ms)
    core.change_class(replace(room, state=state, state_since_ms=now_ms, left_ms=left_ms))
    core.observe(ClassStateChanged, class_id=room.id, state=state, actor=actor)
    arm_catch_up(core, room.id)


def _left_ms(room: ClassRoom, now_ms: int) -> int:
    """From where there is something to catch up."""
    if room.state is ClassState.TOGETHER:
        return now_ms
    if room.state is ClassState.LOCAL_QA:
        return room.left_ms
    return min(now_ms, room.left_ms + round(CATCH_UP_RATE * (now_ms - room.state_since_ms)))


def arm_catch_up(core: LessonCore, class_id: ClassId) -> None:
    """A class that plays faster than the lesson goes has caught up at a known time; then it is with the
    others."""
    room = core.lesson.class_room(class_id)
    assert room is not None, "a class of this lesson"
    wait_s: float | None = None
    if room.state is ClassState.CATCH_UP:
        behind_ms = room.state_since_ms - room.left_ms
        due_ms = room.state_since_ms + behind_ms / (CATCH_UP_RATE - 1)
        wait_s = max(0.0, due_ms - core.elapsed_ms()) / 1000
    core.alarm(f"catch up {class_id}", wait_s, lambda: _caught_up(core, class_id))


def _caught_up(core: LessonCore, class_id: ClassId) -> None:
    room = core.lesson.class_room(class_id)
    if room is not None and room.state is ClassState.CATCH_UP:
        _place_class(core, room, ClassState.TOGETHER, None)


def _look_in(core: LessonCore, attendee: Attendee, command: LookIn) -> None:
    class_id = command.class_id
    if class_id is not None:
        if core.lesson.class_room(class_id) is None:
            raise Refused(Reason.UNKNOWN_CLASS)
        if not is_apart(core.lesson, class_id):
            raise Refused(Reason.CLASS_NOT_APART)
    if attendee.looks_in == class_id:
        return
    core.look(attendee, class_id)
    if attendee.role is not Role.SUPERVISOR:
        core.observe(LookedIn, class_id=class_id, actor=attendee.id)


def _resume(core: LessonCore, attendee: Attendee, _command: Resume) -> None:
    if core.lesson.master is MasterState.HERE:
        return
    if core.lesson.master is MasterState.LOST:
        if attendee.tracks:
            raise Refused(Reason.MASTER_NOT_BACK)
        # Who sends nothing is there when they say so: there are no media to wait for.
        core.lead.heard(attendee.id)
        goes_off_air(core, attendee.id)
    core.change_floor(master=MasterState.HERE)
    core.observe(LessonResumed, actor=attendee.id)
    core.notify(NoticeKind.RESUMED)


def _change_settings(core: LessonCore, attendee: Attendee, command: ChangeSettings) -> None:
    wanted = {
        "stage_limit": command.stage_limit,
        "duck": command.duck,
        "resume_by_click": command.resume_by_click,
    }
    if command.stage_limit is not None and not 1 <= command.stage_limit <= MAX_STAGE:
        raise Refused(Reason.STAGE_LIMIT_INVALID)
    changed: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    settings = replace(core.lesson.settings, **changed)
    if settings == core.lesson.settings:
        return
    core.change_floor(settings=settings)
    core.observe(SettingsChanged, settings=settings, actor=attendee.id)


HANDLERS: Mapping[type[PersonCommand], Callable[[LessonCore, Attendee, Any], None]] = {
    SetPhase: _set_phase,
    SetClassState: _set_class_state,
    LookIn: _look_in,
    Resume: _resume,
    ChangeSettings: _change_settings,
}
