"""Coming in and going out.

Who closes whom: a member that leaves takes its tracks with it; one that leaves for good its hands and its
place too. A lost one keeps both for a while, and so does one whose server goes (LOST, SERVER): after a
restart they come back to what they had. The end of the lesson takes everybody: tracks first, so that the
recorder has all of them closed before it hears of the end.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from classroom.core import LessonCore
from classroom.events import (
    Dismissed,
    EntryRefused,
    LeaveCause,
    ObservationEnded,
    ObservationStarted,
    PersonJoined,
    PersonLeft,
    Snapshot,
    TrackUnpublished,
)
from classroom.floor import NOTHING, may_publish
from classroom.lead import goes_off_air
from classroom.limits import PLACE_KEPT_S
from classroom.model import Attendee, LessonState, Person, PersonId, Role
from classroom.roll_handlers import rolls_seen_by
from classroom.rules.admission import admit
from classroom.rules.reasons import Reason, Refused
from classroom.rules.talking import LEADS, for_class
from classroom.rules.transitions import Move
from classroom.stage import clear_stage, leave_stage
from classroom.switchboard import Line, Member
from classroom.talk import quiz_handlers, voice_handlers
from classroom.talk.conduct import shut_out
from classroom.talk.events import TalkSnapshot
from classroom.talk.private_voice import of_person

log = logging.getLogger(__name__)


def join(core: LessonCore, person: Person, member: Member) -> Line:
    """Lets somebody in. Raises Refused."""
    if core.closed:
        raise Refused(Reason.CLOSED)
    supervises = person.role is Role.SUPERVISOR
    others = len(core.supervisors) if supervises else len(core.roster)
    try:
        reason = shut_out(core.lesson.conduct, person, known=person.id in core.talk.known)
        if reason is not None:
            raise Refused(reason)
        person = admit(core.lesson, person, core.present(person.id), others)
    except Refused as refused:
        core.observe(EntryRefused, person=person, reason=refused.reason)
        log.info("x lesson %s: %s may not come in: %s", core.lesson.id, person.id, refused.reason)
        raise
    _replace(core, person.id)
    core.lead.came(core, person.id)
    if supervises:
        core.supervisors[person.id] = Attendee(person)
        core.observe(ObservationStarted, person=person)
    else:
        _take_place(core, person)
    line = Line(person, member)
    core.lines.connect(line)
    core.arrived(person)
    log.info("< lesson %s: %s %s", core.lesson.id, person.role, person.id)
    return line


def leave(core: LessonCore, person_id: PersonId, member: Member, cause: LeaveCause) -> None:
    """Lets a member go, unless it is not the one that is in (any more)."""
    line = core.lines.get(person_id)
    if line is None or line.member is not member:
        return
    core.lines.disconnect(person_id)
    _go(core, line.person, cause)
    log.info("> lesson %s: %s %s", core.lesson.id, person_id, cause)


def send_away(core: LessonCore, person: Person, cause: LeaveCause) -> None:
    """Takes somebody out who has a place, connected or not."""
    attendee = core.roster.get(person.id)
    core.dismiss(person.id, Dismissed(cause))
    if attendee is not None and attendee.online:
        _go(core, person, cause)
    elif attendee is not None:
        _cancel_place(core, person.id)
        _give_up_place(core, person.id)


def everybody_out(
    core: LessonCore,
    cause: LeaveCause,
    move: Move | None = None,
    actor: PersonId | None = None,
    reason: str = "",
) -> None:
    """Ends the room's life: with a move of the lesson, or because the server goes."""
    if move is not None:
        voice_handlers.over(core)
        quiz_handlers.over(core)
    for attendee in core.roster.senders():
        _drop_tracks(core, attendee, cause)
    core.route_recorder()
    if cause is LeaveCause.ENDED:
        clear_stage(core)
        for hand in tuple(core.hands):
            core.lower_hand(hand, None)
    for attendee in tuple(core.roster.everybody()):
        if attendee.online:
            core.observe(PersonLeft, person=attendee.person, cause=cause)
    for supervisor in core.supervisors.values():
        core.observe(ObservationEnded, person=supervisor.person, cause=cause)
    if move is not None:
        core.move(move, actor, reason)
    core.forget_everybody()
    core.settle()
    for line in core.lines:
        line.route(NOTHING)
        core.dismiss(line.person.id, Dismissed(cause))


def start_lesson(core: LessonCore, actor: PersonId) -> None:
    if core.lesson.state is not LessonState.LIVE:
        core.move(Move.START, actor)


def end_lesson(core: LessonCore, actor: PersonId, reason: str = "") -> None:
    if core.lesson.state is not LessonState.ENDED:
        everybody_out(core, LeaveCause.ENDED, Move.END, actor, reason)


def cancel_lesson(core: LessonCore, actor: PersonId, reason: str = "") -> None:
    if core.lesson.state is not LessonState.CANCELLED:
        everybody_out(core, LeaveCause.ENDED, Move.CANCEL, actor, reason)


def _replace(core: LessonCore, person_id: PersonId) -> None:
    """Dismisses the member under whose id somebody comes in anew; their hands stay up."""
    line = core.lines.get(person_id)
    if line is None:
        return
    core.dismiss(person_id, Dismissed(LeaveCause.REPLACED))
    _go(core, line.person, LeaveCause.REPLACED)


def _take_place(core: LessonCore, person: Person) -> None:
    _cancel_place(core, person.id)
    kept = core.roster.get(person.id)
    if kept is not None and kept.person != person:
        # Under another name, role or class: somebody new to the lesson, who takes nothing over.
        _give_up_place(core, person.id)
    core.put(Attendee(person, looks_in=core.lesson.looked_into(person.id)))
    if person.role is Role.STUDENT:
        core.talk.known.add(person.id)
    core.observe(PersonJoined, person=person)
    if core.lesson.state is LessonState.SCHEDULED:
        core.move(Move.OPEN, person.id)


def _go(core: LessonCore, person: Person, cause: LeaveCause) -> None:
    if person.role is Role.SUPERVISOR:
        del core.supervisors[person.id]
        core.paces.pop(person.id, None)
        core.observe(ObservationEnded, person=person, cause=cause)
        return
    attendee = core.roster.get(person.id)
    assert attendee is not None, "a member without a place"
    voice_handlers.gone(core, person.id)
    core.lead.went(attendee)
    _drop_tracks(core, attendee, cause)
    core.observe(PersonLeft, person=person, cause=cause)
    core.put(replace(attendee, online=False, tracks=(), looks_in=None))
    if cause in (LeaveCause.LOST, LeaveCause.SERVER):
        keep_place(core, person.id)
    elif cause is not LeaveCause.REPLACED:
        _give_up_place(core, person.id)


def _cancel_place(core: LessonCore, person_id: PersonId) -> None:
    core.awaited.discard(person_id)
    timer = core.places.pop(person_id, None)
    if timer is not None:
        timer.cancel()


def keep_place(core: LessonCore, person_id: PersonId) -> None:
    """For who may be back in a moment."""
    until = core.clock.now() + PLACE_KEPT_S
    core.places[person_id] = core.later(until, lambda: _place_due(core, person_id))


def _place_due(core: LessonCore, person_id: PersonId) -> None:
    # A timer that fired just before its owner came back finds the place taken.
    if core.places.pop(person_id, None) is not None:
        core.awaited.discard(person_id)
        _give_up_place(core, person_id)


def _give_up_place(core: LessonCore, person_id: PersonId) -> None:
    for hand in core.hands.of(person_id):
        core.lower_hand(hand, None)
    leave_stage(core, person_id)
    goes_off_air(core, person_id)
    core.remember_look(person_id, None)
    core.roster.drop(person_id)
    core.paces.pop(person_id, None)
    core.chat.forget(person_id)


def _drop_tracks(core: LessonCore, attendee: Attendee, cause: LeaveCause) -> None:
    for track in attendee.tracks:
        core.observe(
            TrackUnpublished,
            person=attendee.person,
            source=track.source,
            publication=track.publication,
            cause=cause,
        )
    core.put(replace(attendee, tracks=()))


def snapshot(core: LessonCore, line: Line) -> Snapshot:
    """All that somebody who has come in may know."""
    present = core.present(line.person.id)
    assert present is not None, "a snapshot is for who is in"
    return Snapshot(
        me=present,
        lesson=core.lesson,
        may_publish=may_publish(core.lesson, line.person),
        people=core.roster.seen_by(line.audience),
        classes=core.roster.classes_seen_by(line.audience),
        hands=core.hands_seen_by(line.audience),
        chat=core.chat.seen_by(line.person),
        talk=talk_seen_by(core, line.person),
        rolls=rolls_seen_by(core, line.person),
        invited=core.invited_seen_by(line.audience),
    )


def talk_seen_by(core: LessonCore, person: Person) -> TalkSnapshot:
    """What a newcomer gets of talk and order."""
    return TalkSnapshot(
        announcements=tuple(a for a in core.talk.board.values() if for_class(person, a.class_id)),
        quizzes=quiz_handlers.listed(core, person),
        calls=of_person(core.lesson.calls, person.id),
        removed=core.lesson.conduct.removed if person.role in LEADS else (),
    )
