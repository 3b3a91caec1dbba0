"""The stage (上台): who is asked, who consents, who is up, how often each class was.

Who comes up at once, and who is asked first:
- a pupil alone at home is asked, hand raised or not: their camera opens only after they said yes;
- a room (its device, or its tutor where it has none) whose tutor raised a hand has consented by that;
- a room that raised none is asked through its tutor, who may refuse for the class; where no tutor is there,
  the master decides.

An invitation keeps its place on stage free for a minute. Who accepts it lowers the hand by which they asked
to be called, and so does who declines it (the guest, or the tutor for them): the wish was answered. When the
master takes it back, or nobody answers, the hand keeps its place in the queue: that one was not.

Coming down, declining and taking back are done when they are so: asked for twice, they are done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from classroom.commands import AcceptStage, DeclineStage, Invite, LeaveStage, PersonCommand, Spotlight
from classroom.core import LessonCore
from classroom.events import (
    NoticeKind,
    SpotlightChanged,
    StageDeclined,
    StageEntered,
    StageInvited,
    StageLeft,
)
from classroom.model import (
    Attendee,
    ClassId,
    ClassState,
    Hand,
    HandId,
    Invitation,
    OnStage,
    PersonId,
    Role,
)
from classroom.rules.reasons import Reason, Refused

INVITATION_S: Final = 60.0
"""To look at oneself in the preview and decide; a master does not wait longer."""
STAGE_ROLES: Final = frozenset({Role.TUTOR, Role.ROOM, Role.STUDENT})


def clear_stage(core: LessonCore, class_id: ClassId | None = None) -> None:
    """Everybody of a class, or (None) of all, goes down, and their invitations are taken back."""
    for member in core.lesson.stage:
        if class_id is None or member.class_id == class_id:
            _go_down(core, member, None)
    for invited in core.lesson.invited:
        if class_id is None or invited.class_id == class_id:
            _drop_invitation(core, invited)


def leave_stage(core: LessonCore, person: PersonId) -> None:
    """Somebody has gone for good."""
    member, invited = core.lesson.staged(person), core.lesson.invitation(person)
    if member is not None:
        _go_down(core, member, None)
    if invited is not None:
        _drop_invitation(core, invited)


def arm_invitations(core: LessonCore) -> None:
    """So that the next one to expire does."""
    next_ms = min((invited.until_ms for invited in core.lesson.invited), default=None)
    wait_s = None if next_ms is None else max(0, next_ms - core.elapsed_ms()) / 1000
    core.alarm("invitations", wait_s, lambda: _expire(core))


def _expire(core: LessonCore) -> None:
    for invited in core.lesson.invited:
        if invited.until_ms <= core.elapsed_ms():
            _drop_invitation(core, invited)
            core.observe(StageDeclined, guest=invited.person, actor=None)
            core.notify(NoticeKind.STAGE_EXPIRED, invited.class_id, invited.person)
    arm_invitations(core)


def _invite(core: LessonCore, attendee: Attendee, command: Invite) -> None:
    hand = _hand(core, command.hand) if command.hand is not None else None
    guest = _guest(core, command.person, hand)
    if core.lesson.staged(guest.id) is not None:
        return
    room = core.lesson.class_room(guest.person.class_id)
    if room is not None and room.state is not ClassState.TOGETHER:
        raise Refused(Reason.CLASS_APART)
    others = [invited for invited in core.lesson.invited if invited.person != guest.id]
    if len(core.lesson.stage) + len(others) >= core.lesson.settings.stage_limit:
        raise Refused(Reason.STAGE_FULL)
    hand = hand or next(iter(_hands_behind(core, guest)), None)
    if _is_asked_first(core, guest, hand):
        _ask(core, guest, attendee.id)
    else:
        _come_up(core, guest, hand, attendee.id)


def _hand(core: LessonCore, hand_id: HandId) -> Hand:
    hand = core.hands.get(hand_id)
    if hand is None:
        raise Refused(Reason.HAND_UNKNOWN)
    return hand


def _guest(core: LessonCore, person: PersonId | None, hand: Hand | None) -> Attendee:
    """Who is meant: for the hand of a room, the room's device where there is one."""
    found = core.roster.get(person or (hand.person if hand is not None else PersonId("")))
    if found is not None and person is None and found.role is Role.TUTOR:
        found = core.roster.room_device(found.person.class_id) or found
    if found is None or not found.online or found.role not in STAGE_ROLES:
        raise Refused(Reason.CANNOT_BE_STAGED)
    return found


def _hands_behind(core: LessonCore, guest: Attendee) -> list[Hand]:
    """The raised hands that are answered when this one comes up: the own, or of a room those of its tutor."""
    if guest.role is Role.STUDENT:
        return core.hands.of(guest.id)
    tutor = core.roster.tutor(guest.person.class_id)
    return core.hands.of(tutor.id) if tutor is not None else []


def _answer_hand(core: LessonCore, guest: PersonId, actor: PersonId) -> None:
    """The oldest hand behind somebody who was called goes down."""
    attendee = core.roster.get(guest)
    hand = next(iter(_hands_behind(core, attendee)), None) if attendee is not None else None
    if hand is not None:
        core.lower_hand(hand, actor)


def _is_asked_first(core: LessonCore, guest: Attendee, hand: Hand | None) -> bool:
    if guest.role is Role.STUDENT:
        return True
    return hand is None and core.roster.tutor(guest.person.class_id) is not None


def _ask(core: LessonCore, guest: Attendee, actor: PersonId) -> None:
    if core.lesson.invitation(guest.id) is not None:
        return
    person = guest.person
    until_ms = core.elapsed_ms() + round(1000 * INVITATION_S)
    invited = Invitation(person.id, person.name, person.role, person.class_id, until_ms)
    core.change_stage(invited=(*core.lesson.invited, invited))
    core.observe(StageInvited, guest=person.id, class_id=person.class_id, actor=actor)
    arm_invitations(core)


def _come_up(core: LessonCore, guest: Attendee, hand: Hand | None, actor: PersonId) -> None:
    person, seat = guest.person, hand.seat if hand is not None else ""
    invited = core.lesson.invitation(person.id)
    if invited is not None:
        _drop_invitation(core, invited)
    member = OnStage(person.id, person.name, person.role, person.class_id, seat, core.elapsed_ms())
    core.change_stage(stage=(*core.lesson.stage, member))
    core.observe(StageEntered, member=member, actor=actor)
    room = core.lesson.class_room(person.class_id)
    if room is not None:
        core.change_class(replace(room, called=room.called + 1))
    if hand is not None:
        core.lower_hand(hand, actor)


def _accept(core: LessonCore, attendee: Attendee, _command: AcceptStage) -> None:
    invited = _invitation_for(core, attendee)
    if invited is None:
        if _staged_for(core, attendee) is not None:
            return
        raise Refused(Reason.NOT_INVITED)
    guest = core.roster.get(invited.person)
    if guest is None or not guest.online:
        raise Refused(Reason.CANNOT_BE_STAGED)
    if len(core.lesson.stage) >= core.lesson.settings.stage_limit:
        raise Refused(Reason.STAGE_FULL)
    _come_up(core, guest, next(iter(_hands_behind(core, guest)), None), attendee.id)


def _decline(core: LessonCore, attendee: Attendee, command: DeclineStage) -> None:
    person = command.person
    invited = _invitation_for(core, attendee) if person is None else core.lesson.invitation(person)
    if invited is None:
        return
    _check_speaks_for(core, attendee, invited.person, invited.class_id)
    _drop_invitation(core, invited)
    core.observe(StageDeclined, guest=invited.person, actor=attendee.id)
    if attendee.role is not Role.MASTER:
        core.notify(NoticeKind.STAGE_DECLINED, invited.class_id, invited.person)
        _answer_hand(core, invited.person, attendee.id)


def _leave(core: LessonCore, attendee: Attendee, command: LeaveStage) -> None:
    person = command.person
    member = _staged_for(core, attendee) if person is None else core.lesson.staged(person)
    if member is None:
        return
    _check_speaks_for(core, attendee, member.person, member.class_id)
    _go_down(core, member, attendee.id)


def _spotlight(core: LessonCore, attendee: Attendee, command: Spotlight) -> None:
    if command.person is not None and core.lesson.staged(command.person) is None:
        raise Refused(Reason.NOT_ON_STAGE)
    if command.person != core.lesson.spotlight:
        core.change_stage(spotlight=command.person)
        core.observe(SpotlightChanged, guest=command.person, actor=attendee.id)


def _check_speaks_for(
    core: LessonCore, attendee: Attendee, person: PersonId, class_id: ClassId | None
) -> None:
    """Everybody for themselves, the master for all, a class's tutor for the class."""
    if attendee.id == person or attendee.role is Role.MASTER:
        return
    tutor = core.roster.tutor(class_id)
    if tutor is None or tutor.id != attendee.id:
        raise Refused(Reason.NOT_YOUR_CLASS)


def _invitation_for(core: LessonCore, attendee: Attendee) -> Invitation | None:
    """The own one; a tutor's: that of the room too."""
    device = _own_room(core, attendee)
    own = core.lesson.invitation(attendee.id)
    return own if own is not None or device is None else core.lesson.invitation(device.id)


def _staged_for(core: LessonCore, attendee: Attendee) -> OnStage | None:
    device = _own_room(core, attendee)
    own = core.lesson.staged(attendee.id)
    return own if own is not None or device is None else core.lesson.staged(device.id)


def _own_room(core: LessonCore, attendee: Attendee) -> Attendee | None:
    """The device of the room that this tutor speaks for."""
    tutor = core.roster.tutor(attendee.person.class_id)
    if tutor is None or tutor.id != attendee.id:
        return None
    return core.roster.room_device(attendee.person.class_id)


def _go_down(core: LessonCore, member: OnStage, actor: PersonId | None) -> None:
    if core.lesson.spotlight == member.person:
        core.change_stage(spotlight=None)
    core.change_stage(stage=tuple(other for other in core.lesson.stage if other.person != member.person))
    core.observe(StageLeft, guest=member.person, class_id=member.class_id, actor=actor)


def _drop_invitation(core: LessonCore, invited: Invitation) -> None:
    kept = tuple(other for other in core.lesson.invited if other.person != invited.person)
    core.change_stage(invited=kept)
    arm_invitations(core)


HANDLERS: Mapping[type[PersonCommand], Callable[[LessonCore, Attendee, Any], None]] = {
    Invite: _invite,
    AcceptStage: _accept,
    DeclineStage: _decline,
    LeaveStage: _leave,
    Spotlight: _spotlight,
}
