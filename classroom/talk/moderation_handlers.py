"""Moderation: what each command does (see `classroom.handlers`); the rules are in `conduct`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from classroom.core import LessonCore
from classroom.events import LeaveCause, TrackMuted, TrackUnpublished
from classroom.membership import send_away
from classroom.model import (
    Attendee,
    ClassId,
    Conduct,
    Person,
    PersonId,
    Role,
    Source,
    Track,
    parse_source,
    source_kind,
)
from classroom.rules.reasons import Reason, Refused
from classroom.rules.talking import LEADS, may_moderate
from classroom.talk import conduct
from classroom.talk.commands import (
    Allow,
    LockLesson,
    MutePerson,
    ReadmitPerson,
    ReleaseSource,
    RemovePerson,
    StopSource,
)
from classroom.talk.events import Act, CalledToOrder, ConductChanged, RemovedChanged
from classroom.talk.facts import HoldChanged, Moderated


def change_conduct(
    core: LessonCore,
    changed: Conduct,
    act: Act,
    actor: Attendee,
    *,
    person: PersonId | None = None,
    source: Source | None = None,
    class_id: ClassId | None = None,
) -> None:
    """Nothing happens when it is what it was: a double click is one act."""
    before = core.lesson.conduct
    if changed == before:
        return
    _set(core, changed)
    core.observe(
        Moderated,
        act=act,
        actor=actor.id,
        person=person,
        source=source,
        class_id=class_id,
        conduct=changed,
    )


def _set(core: LessonCore, changed: Conduct) -> None:
    """Everybody is told what concerns everybody; holds are told to their owners, removals to those who
    lead."""
    before = core.lesson.conduct
    core.reroute(conduct=changed)
    if changed.allow != before.allow:
        core.change_lesson()  # and with it what each may send
    if replace(changed, holds=(), removed=()) != replace(before, holds=(), removed=()):
        core.lines.send(ConductChanged(changed))
    if changed.removed != before.removed:
        for line in core.lines:
            if line.person.role in LEADS:
                line.deliver(RemovedChanged(changed.removed))


def _target(core: LessonCore, actor: Attendee, person: PersonId) -> Attendee:
    target = core.roster.get(person)
    if target is None:
        raise Refused(Reason.PERSON_UNKNOWN)
    if not may_moderate(actor.person, target.person):
        raise Refused(Reason.PERSON_NOT_YOURS)
    return target


def _source(text: str) -> Source:
    try:
        return parse_source(text)
    except ValueError:
        raise Refused(Reason.SOURCE_UNKNOWN) from None


def _sends(target: Attendee, source: Source) -> bool:
    return any(track.source == source for track in target.tracks)


def _track(target: Attendee, source: Source) -> Track:
    track = next((track for track in target.tracks if track.source == source), None)
    if track is None:
        raise Refused(Reason.SOURCE_NOT_PUBLISHED)
    return track


def mute(core: LessonCore, attendee: Attendee, command: MutePerson) -> None:
    source = _source(command.source)
    target = _target(core, attendee, command.person)
    track = _track(target, source)
    kind = source_kind(source)
    known = conduct.hold_on(core.lesson.conduct, target.id, kind)
    if known is not None and not known.released:
        return
    changed = conduct.close(core.lesson.conduct, target.id, kind, stop=False)
    change_conduct(core, changed, Act.MUTED, attendee, person=target.id, source=source)
    set_muted(core, target, track, True)
    core.lines.deliver(target.id, CalledToOrder(Act.MUTED, source, attendee.id))


def stop(core: LessonCore, attendee: Attendee, command: StopSource) -> None:
    source = _source(command.source)
    target = _target(core, attendee, command.person)
    known = conduct.hold_on(core.lesson.conduct, target.id, source_kind(source))
    if known is not None and known.stopped and not known.released and not _sends(target, source):
        return
    track = _track(target, source)
    changed = conduct.close(core.lesson.conduct, target.id, source_kind(source), stop=True)
    change_conduct(core, changed, Act.STOPPED, attendee, person=target.id, source=source)
    core.put(replace(target, tracks=tuple(other for other in target.tracks if other is not track)))
    core.observe(
        TrackUnpublished,
        person=target.person,
        source=source,
        publication=track.publication,
        cause=LeaveCause.REMOVED,
    )
    core.lines.deliver(target.id, CalledToOrder(Act.STOPPED, source, attendee.id))
    core.tell_lesson(target.id)


def release(core: LessonCore, attendee: Attendee, command: ReleaseSource) -> None:
    source = _source(command.source)
    target = _target(core, attendee, command.person)
    changed = conduct.release(core.lesson.conduct, target.person, source_kind(source))
    if changed == core.lesson.conduct:
        return
    change_conduct(core, changed, Act.RELEASED, attendee, person=target.id, source=source)
    if target.role is Role.ENCODER and _sends(target, source):
        set_muted(core, target, _track(target, source), False)
    core.lines.deliver(target.id, CalledToOrder(Act.RELEASED, source, attendee.id))
    core.tell_lesson(target.id)


def remove(core: LessonCore, attendee: Attendee, command: RemovePerson) -> None:
    if conduct.is_removed(core.lesson.conduct, command.person):
        return
    target = _target(core, attendee, command.person)
    changed = conduct.remove(core.lesson.conduct, target.person)
    change_conduct(core, changed, Act.REMOVED, attendee, person=target.id)
    send_away(core, target.person, LeaveCause.REMOVED)


def readmit(core: LessonCore, attendee: Attendee, command: ReadmitPerson) -> None:
    changed = conduct.readmit(core.lesson.conduct, command.person)
    change_conduct(core, changed, Act.READMITTED, attendee, person=command.person)


def lock(core: LessonCore, attendee: Attendee, command: LockLesson) -> None:
    changed = replace(core.lesson.conduct, locked=command.locked)
    change_conduct(core, changed, Act.LOCKED if command.locked else Act.UNLOCKED, attendee)


def allow(core: LessonCore, attendee: Attendee, command: Allow) -> None:
    change_conduct(core, replace(core.lesson.conduct, allow=command.allow), Act.ALLOWED, attendee)


# --- what owners do -----------------------------------------------------------------------------------------


def open_again(core: LessonCore, person: Person, source: Source) -> None:
    """The owner opens what may be held. Raises Refused."""
    _change_hold(core, person, source, conduct.open_again(core.lesson.conduct, person, source_kind(source)))


def close_own(core: LessonCore, person: Person, source: Source) -> None:
    """A pupil mutes where pupils do not open by themselves: see `conduct`. Raises Refused."""
    if not conduct.may_mute_freely(core.lesson.conduct, person):
        closed = conduct.close(core.lesson.conduct, person.id, source_kind(source), stop=False)
        _change_hold(core, person, source, closed)


def _change_hold(core: LessonCore, person: Person, source: Source, changed: Conduct) -> None:
    if changed != core.lesson.conduct:
        _set(core, changed)
        held = conduct.hold_on(changed, person.id, source_kind(source)) is not None
        core.observe(HoldChanged, person=person.id, source=source, held=held, conduct=changed)


def published(core: LessonCore, person: Person, source: Source) -> bool:
    """A source is sent (anew): whether it begins muted. Raises Refused when it was stopped and its owner may
    not open it."""
    hold = conduct.hold_on(core.lesson.conduct, person.id, source_kind(source))
    if hold is None:
        return False
    if hold.stopped:
        open_again(core, person, source)
        return False
    return True


def set_muted(core: LessonCore, attendee: Attendee, track: Track, muted: bool) -> None:
    """Nothing happens when it is."""
    if track.muted == muted:
        return
    changed = replace(track, muted=muted)
    core.put(
        replace(attendee, tracks=tuple(changed if other is track else other for other in attendee.tracks))
    )
    core.observe(
        TrackMuted,
        person=attendee.person,
        source=track.source,
        publication=track.publication,
        muted=muted,
    )


HANDLERS: Mapping[type, Callable[[LessonCore, Attendee, Any], None]] = {
    MutePerson: mute,
    StopSource: stop,
    ReleaseSource: release,
    RemovePerson: remove,
    ReadmitPerson: readmit,
    LockLesson: lock,
    Allow: allow,
}
