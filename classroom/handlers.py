"""What each command of a person does: one function per command, in one table.

A handler first finds out whether it may (raising Refused), then changes; so that what is refused changes
nothing. What is so already is not refused, and is not done again: a second click, or a message that is sent
again because its answer was lost, comes to the same and is told to nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from classroom import classes, phases, roll_handlers, stage
from classroom.commands import (
    CancelLesson,
    EndLesson,
    LowerAllHands,
    LowerHand,
    Mute,
    PersonCommand,
    Publish,
    RaiseHand,
    Say,
    StartLesson,
    Unpublish,
)
from classroom.core import LessonCore
from classroom.events import (
    HandRaised,
    LeaveCause,
    TrackPublished,
    TrackUnpublished,
)
from classroom.floor import may_publish
from classroom.lead import goes_off_air, goes_on_air
from classroom.membership import cancel_lesson, end_lesson, start_lesson
from classroom.model import (
    Attendee,
    Hand,
    HandId,
    Person,
    Role,
    Source,
    Track,
    parse_source,
    source_kind,
)
from classroom.rules.permissions import refusal
from classroom.rules.reasons import Reason, Refused
from classroom.rules.words import seat_name
from classroom.talk import chat_handlers, quiz_handlers, voice_handlers
from classroom.talk import moderation_handlers as moderation
from classroom.talk.commands import Announce

MAX_TRACKS_PER_PERSON = 16
"""Camera, microphone, screen and its sound, and room for an encoder with several programmes."""

_UNPACED = (Say, Announce, Unpublish, StartLesson, EndLesson, CancelLesson)
"""Chat has a pace of its own; a track that is gone must be told whatever the pace."""


def handle(core: LessonCore, command: PersonCommand) -> None:
    """Carries a command out. Raises Refused, and then nothing changed."""
    attendee = core.present(command.actor)
    if attendee is None or not attendee.online:
        raise Refused(Reason.NOT_JOINED)
    reason = refusal(type(command), attendee.role, core.lesson.state, core.lesson.phase)
    if reason is not None:
        raise Refused(reason)
    if not isinstance(command, _UNPACED) and not core.pace(attendee.id).actions.take(core.clock.now()):
        raise Refused(Reason.TOO_FAST)
    _HANDLERS[type(command)](core, attendee, command)


def _raise_hand(core: LessonCore, attendee: Attendee, command: RaiseHand) -> None:
    seat = seat_name(command.seat)
    if seat and attendee.role is not Role.TUTOR:
        raise Refused(Reason.SEAT_NOT_ALLOWED)
    if attendee.role is Role.STUDENT and not core.lesson.conduct.allow.hand:
        raise Refused(Reason.HAND_NOT_ALLOWED)
    if core.hands.raised(attendee.id, seat) is not None:
        return
    person = attendee.person
    hand = Hand(HandId(core.new_id()), person.id, person.name, person.class_id, seat, core.elapsed_ms())
    core.raise_hand(hand)
    core.observe(HandRaised, hand=hand)


def _lower_hand(core: LessonCore, attendee: Attendee, command: LowerHand) -> None:
    for hand in core.hands.to_lower(attendee.person, command.hand):
        core.lower_hand(hand, attendee.id)


def _lower_all(core: LessonCore, attendee: Attendee, _command: LowerAllHands) -> None:
    for hand in tuple(core.hands):
        core.lower_hand(hand, attendee.id)


def _publish(core: LessonCore, attendee: Attendee, command: Publish) -> None:
    source = _publishable(core, attendee, command)
    replaced = _track(attendee, source)
    kept = tuple(track for track in attendee.tracks if track is not replaced)
    if len(kept) >= MAX_TRACKS_PER_PERSON:
        raise Refused(Reason.SOURCE_NOT_ALLOWED)
    if replaced is not None:
        if replaced.publication == command.publication:
            return
        _track_gone(core, attendee.person, replaced, LeaveCause.REPLACED)
    muted = moderation.published(core, attendee.person, source)
    core.put(replace(attendee, tracks=(*kept, Track(source, command.publication, muted))))
    goes_on_air(core, attendee.person)
    core.observe(TrackPublished, person=attendee.person, source=source, publication=command.publication)


def _publishable(core: LessonCore, attendee: Attendee, command: Publish) -> Source:
    try:
        source = parse_source(command.source)
    except ValueError:
        raise Refused(Reason.SOURCE_UNKNOWN) from None
    if source_kind(source) not in may_publish(core.lesson, attendee.person):
        raise Refused(Reason.SOURCE_NOT_ALLOWED)
    if attendee.role is Role.ENCODER and any(
        other.role is Role.ENCODER and other.id != attendee.id and _track(other, source)
        for other in core.roster.senders()
    ):
        raise Refused(Reason.NAME_TAKEN)
    return source


def _unpublish(core: LessonCore, attendee: Attendee, command: Unpublish) -> None:
    gone = next((track for track in attendee.tracks if track.publication == command.publication), None)
    if gone is not None:
        kept = tuple(track for track in attendee.tracks if track is not gone)
        core.put(replace(attendee, tracks=kept))
        if not kept and attendee.id not in core.lead.silent:  # else it is the line that has failed
            goes_off_air(core, attendee.id)
        _track_gone(core, attendee.person, gone, LeaveCause.LEFT)


def _mute(core: LessonCore, attendee: Attendee, command: Mute) -> None:
    track = _track(attendee, command.source)
    if track is None:
        raise Refused(Reason.SOURCE_NOT_PUBLISHED)
    if track.muted == command.muted:
        return
    if command.muted:
        moderation.close_own(core, attendee.person, track.source)
    else:
        moderation.open_again(core, attendee.person, track.source)
    moderation.set_muted(core, attendee, track, command.muted)


def _track(attendee: Attendee, source: Source) -> Track | None:
    return next((track for track in attendee.tracks if track.source == source), None)


def _track_gone(core: LessonCore, person: Person, track: Track, cause: LeaveCause) -> None:
    core.observe(
        TrackUnpublished, person=person, source=track.source, publication=track.publication, cause=cause
    )


_HANDLERS: Mapping[type[PersonCommand], Callable[[LessonCore, Attendee, Any], None]] = {
    RaiseHand: _raise_hand,
    LowerHand: _lower_hand,
    LowerAllHands: _lower_all,
    Publish: _publish,
    Unpublish: _unpublish,
    Mute: _mute,
    StartLesson: lambda core, attendee, _command: start_lesson(core, attendee.id),
    EndLesson: lambda core, attendee, _command: end_lesson(core, attendee.id),
    CancelLesson: lambda core, attendee, command: cancel_lesson(core, attendee.id, command.reason),
    **chat_handlers.HANDLERS,
    **moderation.HANDLERS,
    **voice_handlers.HANDLERS,
    **quiz_handlers.HANDLERS,
    **phases.HANDLERS,
    **stage.HANDLERS,
    **classes.HANDLERS,
    **roll_handlers.HANDLERS,
}
