"""Who may ask for what, and in which state of the lesson: one table."""

from __future__ import annotations

from collections.abc import Mapping

from classroom.commands import (
    CancelLesson,
    EndLesson,
    LowerHand,
    Mute,
    OfficeCommand,
    OpenLesson,
    PersonCommand,
    Publish,
    RaiseHand,
    ReviseLesson,
    Say,
    StartLesson,
    Unpublish,
)
from classroom.model import LessonState, Role
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
_ALWAYS = frozenset(LessonState)
_MODERATORS = (Role.MASTER, Role.TUTOR, Role.ORGANIZER)

_PERMISSIONS: Mapping[type[PersonCommand | OfficeCommand], Mapping[Role, frozenset[LessonState]]] = {
    RaiseHand: {Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE},
    LowerHand: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE},
    Say: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE, Role.ORGANIZER: _INSIDE},
    # What exactly, in which phase, is for the floor.
    Publish: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE, Role.ENCODER: _INSIDE},
    Unpublish: {Role.MASTER: _ALWAYS, Role.TUTOR: _ALWAYS, Role.STUDENT: _ALWAYS, Role.ENCODER: _ALWAYS},
    Mute: {Role.MASTER: _INSIDE, Role.TUTOR: _INSIDE, Role.STUDENT: _INSIDE, Role.ENCODER: _INSIDE},
    # An encoder too, on the master's behalf: going on air starts a lesson that has no page open anywhere.
    StartLesson: {Role.MASTER: _BEFORE, Role.ENCODER: _BEFORE},
    EndLesson: {Role.MASTER: _LIVE, Role.ORGANIZER: _LIVE},
    CancelLesson: {Role.ORGANIZER: _BEFORE},
    # Whom and what exactly is for `talking` and `talk.conduct`.
    DeleteChat: dict.fromkeys(_MODERATORS, _INSIDE),
    CloseChat: dict.fromkeys(_MODERATORS, _INSIDE),
    Announce: dict.fromkeys(_MODERATORS, _INSIDE),
    MutePerson: dict.fromkeys(_MODERATORS, _INSIDE),
    StopSource: dict.fromkeys(_MODERATORS, _INSIDE),
    ReleaseSource: dict.fromkeys(_MODERATORS, _INSIDE),
    RemovePerson: dict.fromkeys(_MODERATORS, _INSIDE),
    ReadmitPerson: dict.fromkeys(LEADS, _INSIDE),
    LockLesson: dict.fromkeys(LEADS, _INSIDE),
    Allow: dict.fromkeys(LEADS, _INSIDE),
    CallVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    AcceptVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    EndVoice: {Role.MASTER: _LIVE, Role.TUTOR: _LIVE},
    OpenQuiz: {Role.MASTER: _LIVE},
    CloseQuiz: {Role.MASTER: _LIVE},
    ShowQuiz: {Role.MASTER: _LIVE},
    AnswerQuiz: {Role.STUDENT: _LIVE},
    EnterTally: {Role.TUTOR: _LIVE},
    OpenLesson: {Role.MASTER: _BEFORE, Role.ORGANIZER: _BEFORE},
    ReviseLesson: {Role.ORGANIZER: _BEFORE | _LIVE},
}

_STATE_REASONS: Mapping[LessonState, Reason] = {
    _S.SCHEDULED: Reason.LESSON_NOT_LIVE,
    _S.OPEN: Reason.LESSON_NOT_LIVE,
    _S.LIVE: Reason.LESSON_ALREADY_LIVE,
    _S.ENDED: Reason.LESSON_ENDED,
    _S.CANCELLED: Reason.LESSON_CANCELLED,
}


def refusal(command: type[PersonCommand | OfficeCommand], role: Role, state: LessonState) -> Reason | None:
    """Why somebody of this role may not ask for this in this state; None when they may."""
    states = _PERMISSIONS[command].get(role)
    if states is None:
        return Reason.ROLE_MAY_NOT
    return None if state in states else _STATE_REASONS[state]
