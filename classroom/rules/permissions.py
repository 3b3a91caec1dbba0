"""Who may ask for what, in which state of the lesson, and in which of its phases: two tables.

What they cannot say is for the handlers: a tutor acts for the own class, and only one of its tutors does."""

from __future__ import annotations

from collections.abc import Mapping

from classroom.commands import (
    AcceptStage,
    CancelLesson,
    ChangeSettings,
    DeclineStage,
    EndLesson,
    Invite,
    LeaveStage,
    LookIn,
    LowerAllHands,
    LowerHand,
    MarkRoll,
    MoveOnline,
    Mute,
    OfficeCommand,
    OpenLesson,
    PersonCommand,
    Publish,
    RaiseHand,
    RestoreLesson,
    Resume,
    ReviseLesson,
    Say,
    SetClassState,
    SetPhase,
    SetRegister,
    Spotlight,
    StartLesson,
    TakeClass,
    Unpublish,
)
from classroom.floor import TOGETHER_PHASES
from classroom.model import LessonState, Phase, Role
from classroom.rules.reasons import Reason
from classroom.rules.talking import LEADS
from classroom.talk.commands import (
    AcceptVoice,
    Allow,
    Announce,
    AnswerQuiz,
    CallVoice,
    CloseChat,
    CloseQuiz,
    DeleteChat,
    EndVoice,
    EnterTally,
    LockLesson,
    MutePerson,
    OpenQuiz,
    ReadmitPerson,
    ReleaseSource,
    RemovePerson,
    ShowQuiz,
    StopSource,
)

_S = LessonState
_INSIDE = frozenset({_S.OPEN, _S.LIVE})
_BEFORE = frozenset({_S.SCHEDULED, _S.OPEN})
_LIVE = frozenset({_S.LIVE})
_PLANNED = _BEFORE | _LIVE
"""An organizer sets a lesson up before anybody is in it."""
_ALWAYS = frozenset(LessonState)
_BEGUN = _BEFORE | _LIVE
_ENDED = _LIVE | {_S.ENDED}
_CANCELLED = _BEFORE | {_S.CANCELLED}
_MODERATORS = (Role.MASTER, Role.TUTOR, Role.ORGANIZER)
_SENDING = (Role.MASTER, Role.TUTOR, Role.ROOM, Role.STUDENT, Role.ENCODER)

_PERMISSIONS: Mapping[type[PersonCommand | OfficeCommand], Mapping[Role, frozenset[LessonState]]] = {
    RaiseHand: {Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE},
    LowerHand: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE},
    LowerAllHands: {Role.MASTER: _INSIDE},
    Say: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE, Role.ORGANIZER: _INSIDE},
    # What exactly, in which phase, is for the floor.
    Publish: dict.fromkeys(_SENDING, _INSIDE),
    Unpublish: dict.fromkeys(_SENDING, _ALWAYS),
    Mute: dict.fromkeys(_SENDING, _INSIDE),
    # What is so already may be asked for again: a double click, an answer that was lost.
    # An encoder too, on the master's behalf: going on air starts a lesson that has no page open anywhere.
    StartLesson: {Role.MASTER: _BEGUN, Role.ENCODER: _BEGUN},
    EndLesson: {Role.MASTER: _ENDED, Role.ORGANIZER: _ENDED},
    CancelLesson: {Role.ORGANIZER: _CANCELLED},
    RestoreLesson: {Role.ORGANIZER: _CANCELLED},
    # Whom and what exactly is for `talking` and `talk.conduct`.
    DeleteChat: dict.fromkeys(_MODERATORS, _INSIDE),
    CloseChat: dict.fromkeys(_MODERATORS, _INSIDE),
    Announce: dict.fromkeys(_MODERATORS, _INSIDE),
    MutePerson: dict.fromkeys(_MODERATORS, _INSIDE),
    StopSource: dict.fromkeys(_MODERATORS, _INSIDE),
    ReleaseSource: dict.fromkeys(_MODERATORS, _INSIDE),
    RemovePerson: dict.fromkeys(_MODERATORS, _INSIDE),
    ReadmitPerson: dict.fromkeys(LEADS, _INSIDE),
    LockLesson: {Role.MASTER: _INSIDE, Role.ORGANIZER: _PLANNED},
    Allow: {Role.MASTER: _INSIDE, Role.ORGANIZER: _PLANNED},
    CallVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    AcceptVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    EndVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    OpenQuiz: {Role.MASTER: _LIVE},
    CloseQuiz: {Role.MASTER: _LIVE},
    ShowQuiz: {Role.MASTER: _LIVE},
    AnswerQuiz: {Role.STUDENT: _LIVE},
    EnterTally: {Role.TUTOR: _LIVE},
    OpenLesson: {Role.MASTER: _BEFORE, Role.ORGANIZER: _BEFORE},
    ReviseLesson: {Role.ORGANIZER: _PLANNED},
    SetPhase: {Role.MASTER: _LIVE},
    SetClassState: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    # The one thing a supervisor may ask of a lesson: it changes nothing but what the supervisor receives.
    LookIn: {Role.MASTER: _LIVE, Role.SUPERVISOR: _LIVE},
    Resume: {Role.MASTER: _LIVE},
    ChangeSettings: {Role.MASTER: _INSIDE, Role.ORGANIZER: _PLANNED},
    TakeClass: {Role.TUTOR: _INSIDE},
    MoveOnline: {Role.TUTOR: _INSIDE, Role.ORGANIZER: _INSIDE},
    MarkRoll: {Role.TUTOR: _INSIDE},
    SetRegister: {Role.TUTOR: _INSIDE, Role.ORGANIZER: _PLANNED},
    Invite: {Role.MASTER: _LIVE},
    AcceptStage: {Role.TUTOR: _LIVE, Role.STUDENT: _LIVE},
    DeclineStage: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE, Role.STUDENT: _LIVE},
    LeaveStage: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE, Role.STUDENT: _LIVE},
    Spotlight: {Role.MASTER: _LIVE},
}

_PHASES: Mapping[type[PersonCommand | OfficeCommand], frozenset[Phase]] = {
    # In a break there is nothing but the board.
    RaiseHand: frozenset(Phase) - {Phase.BREAK},
    # A class leaves the others only while they are together.
    SetClassState: TOGETHER_PHASES,
    Invite: TOGETHER_PHASES,
    AcceptStage: TOGETHER_PHASES,
    LookIn: frozenset(Phase) - {Phase.BREAK},
}
"""What is bound to phases; everything else may be asked for in all of them."""

_STATE_REASONS: Mapping[LessonState, Reason] = {
    _S.SCHEDULED: Reason.LESSON_NOT_LIVE,
    _S.OPEN: Reason.LESSON_NOT_LIVE,
    _S.LIVE: Reason.LESSON_ALREADY_LIVE,
    _S.ENDED: Reason.LESSON_ENDED,
    _S.CANCELLED: Reason.LESSON_CANCELLED,
}


def refusal(
    command: type[PersonCommand | OfficeCommand], role: Role, state: LessonState, phase: Phase
) -> Reason | None:
    """Why somebody of this role may not ask for this in this state and phase; None when they may."""
    states = _PERMISSIONS[command].get(role)
    if states is None:
        return Reason.ROLE_MAY_NOT
    if state not in states:
        return _STATE_REASONS[state]
    return None if phase in _PHASES.get(command, frozenset(Phase)) else Reason.WRONG_PHASE
