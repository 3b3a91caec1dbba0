"""From the client's messages to the lesson's commands: those that say one thing each, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from classroom import commands
from classroom.commands import PersonCommand
from classroom.model import ClassId, ClassState, HandId, PersonId, Phase
from signaling import messages, views_roll, views_talk
from signaling import messages_floor as floor
from signaling import messages_roll as roll


def command(message: Any, actor: PersonId) -> PersonCommand:
    """What `actor` asks of the lesson by this message, which must be in ASKING."""
    return ASKING[type(message)](actor, message)


def _class(class_id: str | None) -> ClassId | None:
    return ClassId(class_id) if class_id else None


def _person(person_id: str | None) -> PersonId | None:
    return PersonId(person_id) if person_id else None


def _hand(hand_id: str) -> HandId | None:
    return HandId(hand_id) if hand_id else None


def _class_state(message: floor.PhaseClass) -> ClassState:
    if message.phase is not None:
        return ClassState.LOCAL_QA
    return ClassState.CATCH_UP if message.catch_up else ClassState.TOGETHER


ASKING: Final[Mapping[type, Callable[[PersonId, Any], PersonCommand]]] = {
    messages.HandRaise: lambda actor, m: commands.RaiseHand(actor, m.seat),
    messages.HandLower: lambda actor, m: commands.LowerHand(actor, _hand(m.hand)),
    messages.LessonStart: lambda actor, m: commands.StartLesson(actor),
    messages.LessonEnd: lambda actor, m: commands.EndLesson(actor),
    floor.HandAllDown: lambda actor, m: commands.LowerAllHands(actor),
    floor.PhaseSet: lambda actor, m: commands.SetPhase(actor, Phase(m.phase), m.seconds),
    floor.PhaseClass: lambda actor, m: commands.SetClassState(actor, _class(m.class_id), _class_state(m)),
    floor.LookIn: lambda actor, m: commands.LookIn(actor, _class(m.class_id)),
    floor.LessonResume: lambda actor, m: commands.Resume(actor),
    floor.LessonSettingsChange: lambda actor, m: commands.ChangeSettings(
        actor, m.stage_limit, m.duck, m.resume_by_click
    ),
    floor.ClassTutor: lambda actor, m: commands.TakeClass(actor, _class(m.class_id)),
    floor.ClassOnline: lambda actor, m: commands.MoveOnline(actor, _class(m.class_id)),
    floor.StageInvite: lambda actor, m: commands.Invite(actor, _person(m.person_id), _hand(m.hand_id)),
    floor.StageAccept: lambda actor, m: commands.AcceptStage(actor),
    floor.StageDecline: lambda actor, m: commands.DeclineStage(actor, _person(m.person_id)),
    floor.StageLeave: lambda actor, m: commands.LeaveStage(actor, _person(m.person_id)),
    floor.StageSpotlight: lambda actor, m: commands.Spotlight(actor, _person(m.person_id)),
    roll.RollMark: views_roll.mark_roll,
    roll.RollRegister: views_roll.set_register,
    **views_talk.COMMANDS,
}

REQUESTS: Final[Mapping[type[PersonCommand], str]] = {
    commands.RaiseHand: "hand.raise",
    commands.LowerHand: "hand.lower",
    commands.LowerAllHands: "hand.all_down",
    commands.Publish: "publish.offer",
    commands.Unpublish: "publish.offer",
    commands.Mute: "publish.mute",
    commands.StartLesson: "lesson.start",
    commands.EndLesson: "lesson.end",
    commands.SetPhase: "phase.set",
    commands.SetClassState: "phase.class",
    commands.LookIn: "look.in",
    commands.Resume: "lesson.resume",
    commands.ChangeSettings: "lesson.settings",
    commands.TakeClass: "class.tutor",
    commands.MoveOnline: "class.online",
    commands.Invite: "stage.invite",
    commands.AcceptStage: "stage.accept",
    commands.DeclineStage: "stage.decline",
    commands.LeaveStage: "stage.leave",
    commands.Spotlight: "stage.spotlight",
    commands.MarkRoll: "roll.mark",
    commands.SetRegister: "roll.register",
    **views_talk.REQUESTS,
}
"""A refused command -> the type of the message that asked for it."""
