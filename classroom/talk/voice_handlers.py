"""The private line: what each command does (see `classroom.handlers`); the rules are in `private_voice`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from classroom.core import LessonCore
from classroom.model import Attendee, PersonId, Role, VoiceCall
from classroom.rules.reasons import Reason, Refused
from classroom.talk import private_voice
from classroom.talk.commands import AcceptVoice, CallVoice, EndVoice
from classroom.talk.events import VoiceChanged
from classroom.talk.facts import VoiceStep, VoiceUsed
from classroom.talk.private_voice import Calls


def call(core: LessonCore, attendee: Attendee, command: CallVoice) -> None:
    other = _other(core, attendee, command.to)
    tutor, master = (attendee, other) if attendee.role is Role.TUTOR else (other, attendee)
    now_ms = core.clock.unix_ms()
    calls = private_voice.ring(
        core.lesson.calls, tutor=tutor.person, master=master.id, caller=attendee.id, now_ms=now_ms
    )
    _change(core, calls, attendee.id)


def accept(core: LessonCore, attendee: Attendee, command: AcceptVoice) -> None:
    rings = [
        ringing
        for ringing in private_voice.of_person(core.lesson.calls, attendee.id)
        if ringing.caller != attendee.id and command.caller in (None, ringing.caller)
    ]
    waiting = [ringing for ringing in rings if not ringing.accepted] or rings
    if not waiting:
        raise Refused(Reason.NO_CALL)
    caller = core.roster.get(waiting[0].caller)
    if caller is None or not caller.online:
        # Both were gone with the server, and the other one is not back yet.
        raise Refused(Reason.MASTER_ABSENT if attendee.role is Role.TUTOR else Reason.PERSON_UNKNOWN)
    calls = private_voice.accept(
        core.lesson.calls, tutor=waiting[0].tutor, callee=attendee.id, now_ms=core.clock.unix_ms()
    )
    _change(core, calls, attendee.id)


def end(core: LessonCore, attendee: Attendee, command: EndVoice) -> None:
    own = private_voice.of_person(core.lesson.calls, attendee.id)
    if command.other is not None:
        own = private_voice.of_person(own, command.other)
    meant = [one for one in own if one.accepted] or own
    _hang_up(core, meant, attendee.id)


def gone(core: LessonCore, person: PersonId) -> None:
    """Who is gone talks to nobody."""
    _hang_up(core, private_voice.of_person(core.lesson.calls, person), None)


def over(core: LessonCore) -> None:
    """So is the lesson."""
    _hang_up(core, core.lesson.calls, None)


def resume(core: LessonCore) -> None:
    """The room opens again: the lines of those who are expected back ring."""
    calls = tuple(
        one for one in core.lesson.calls if core.roster.get(one.tutor) and core.roster.get(one.master)
    )
    core.lesson_quietly(calls=())
    _change(core, private_voice.ring_again(calls, core.clock.unix_ms()), None)


def _other(core: LessonCore, caller: Attendee, to: PersonId | None) -> Attendee:
    """Who is called. Raises Refused."""
    if to is None and caller.role is Role.MASTER:
        raise Refused(Reason.PERSON_UNKNOWN)
    wanted = Role.MASTER if caller.role is Role.TUTOR else Role.TUTOR
    if to is not None:
        found = core.roster.get(to)
        if found is not None and found.role is not wanted:
            raise Refused(Reason.PERSON_NOT_YOURS)
    else:
        found = next((a for a in core.roster.everybody() if a.role is wanted and a.online), None)
    if found is None or not found.online:
        raise Refused(Reason.MASTER_ABSENT if wanted is Role.MASTER else Reason.PERSON_UNKNOWN)
    return found


def _hang_up(core: LessonCore, meant: Calls | list[VoiceCall], actor: PersonId | None) -> None:
    calls = core.lesson.calls
    for one in meant:
        calls = private_voice.hang_up(calls, one.tutor)
    _change(core, calls, actor)


def _change(core: LessonCore, calls: Calls, actor: PersonId | None) -> None:
    """Tells the two of each line that changed, keeps the record, and has ringing end in time."""
    before = core.lesson.calls
    if calls == before:
        return
    core.lesson_quietly(calls=calls)
    if [one for one in calls if one.accepted] != [one for one in before if one.accepted]:
        core.reroute()
    changed = [one for one in (*before, *calls) if (one in before) != (one in calls)]
    for one in changed:
        _note(core, one, actor)
    for person in dict.fromkeys(name for one in changed for name in (one.tutor, one.master)):
        core.lines.deliver(person, VoiceChanged(private_voice.of_person(calls, person)))


def _note(core: LessonCore, one: VoiceCall, actor: PersonId | None) -> None:
    now = private_voice.call_of(core.lesson.calls, one.tutor)
    if now is None:
        core.talk.cancel_timer(_timer(one))
        core.observe(VoiceUsed, step=VoiceStep.ENDED, call=one, actor=actor)
    elif now is not one:
        return  # it was ringing, and is told as it is now
    elif one.accepted:
        core.talk.cancel_timer(_timer(one))
        core.observe(VoiceUsed, step=VoiceStep.ACCEPTED, call=one, actor=actor)
    else:
        until = core.clock.now() + private_voice.RING_S
        core.talk.set_timer(_timer(one), core.later(until, lambda: _unanswered(core, one)))
        core.observe(VoiceUsed, step=VoiceStep.RANG, call=one, actor=actor)


def _unanswered(core: LessonCore, one: VoiceCall) -> None:
    if one in core.lesson.calls:
        _hang_up(core, [one], None)


def _timer(one: VoiceCall) -> str:
    return f"ring {one.tutor}"


HANDLERS: Mapping[type, Callable[[LessonCore, Attendee, Any], None]] = {
    CallVoice: call,
    AcceptVoice: accept,
    EndVoice: end,
}
