"""The kinds of events in a lesson's stream: a row per fact that belongs to it, and the only place to add one.

Every lesson has one ordered stream of events with numbers from 1; the writer makes it of the facts that the
lesson's room tells. A row says what the event is called, whom it is about or who did it, and what its body
holds. By default the first is the fact's `person`, else its `actor`, and the body is all that the fact has of
its own. What else a fact changes in tables of its own stands in `rows`.

Facts that are not in here are in no stream: supervision and quality never are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from classroom import events, roll
from classroom.events import Fact
from classroom.model import PersonId
from classroom.planning import plan_of
from classroom.store import talk_rows
from classroom.talk import facts

Body = dict[str, Any]

_COLUMNS: Final = ("lesson_id", "at_ms", "elapsed_ms", "person", "actor")
"""Of a fact: what has a column of its own."""


def _person(fact: Any) -> PersonId | None:
    person = getattr(fact, "person", None)
    found: PersonId | None = getattr(fact, "actor", None) if person is None else getattr(person, "id", person)
    return found


def _body(fact: Any) -> Body:
    body: Body = msgspec.to_builtins(fact)
    for column in _COLUMNS:
        body.pop(column, None)
    return body


def _state(fact: Any) -> Body:
    return {"state": fact.state} | ({"reason": fact.reason} if fact.reason else {})


def _plan(fact: Any) -> Body:
    plan: Body = msgspec.to_builtins(plan_of(fact.lesson))
    return plan | ({"reason": fact.reason} if fact.reason else {})


def _guest(fact: Any) -> PersonId | None:
    guest: PersonId | None = fact.guest
    return guest


def _of_guest(fact: Any) -> Body:
    """Whom it is about has a column; `by`: who did it, null: the lesson itself."""
    body = _body(fact)
    del body["guest"]
    return body | {"by": fact.actor}


class Kind(NamedTuple):
    name: str
    """NOUN.WHAT_HAPPENED, at most 32 characters; stable: others read it."""
    body: Callable[[Any], Body] = _body
    person: Callable[[Any], PersonId | None] = _person


STATE_KIND: Final = "lesson.state"
"""Of the events that say in which state a lesson is from then on."""
KINDS: Final[Mapping[type[Fact], Kind]] = {
    events.StateChanged: Kind(STATE_KIND, _state),
    events.LessonRevised: Kind("lesson.revised", _plan),
    events.PhaseChanged: Kind("lesson.phase"),
    events.TimerEnded: Kind("lesson.timer_ended"),
    events.PlanPassed: Kind("lesson.plan_passed"),
    events.SettingsChanged: Kind("lesson.settings"),
    events.MasterLost: Kind("master.lost"),
    events.MasterBack: Kind("master.back"),
    events.LessonResumed: Kind("master.resumed"),
    events.ClassStateChanged: Kind("class.phase"),
    events.ClassTaken: Kind("class.taken", person=lambda fact: fact.tutor),
    events.TutorAbsent: Kind("class.tutor_absent"),
    events.ClassMovedOnline: Kind("class.online"),
    events.RollMarked: Kind(roll.KIND),
    events.RegisterSet: Kind(
        "roll.registered", lambda fact: {"class_id": fact.class_id, "pupils": len(fact.pupils)}
    ),
    events.LookedIn: Kind("class.looked_in"),
    events.StageInvited: Kind("stage.invited", _of_guest, _guest),
    events.StageDeclined: Kind("stage.declined", _of_guest, _guest),
    events.StageEntered: Kind(
        "stage.entered",
        lambda fact: {"class_id": fact.member.class_id, "seat": fact.member.seat, "by": fact.actor},
        lambda fact: fact.member.person,
    ),
    events.StageLeft: Kind("stage.left", _of_guest, _guest),
    events.SpotlightChanged: Kind("stage.spotlight", _of_guest, _guest),
    events.PersonJoined: Kind(
        "person.joined", lambda fact: {"role": fact.person.role, "class_id": fact.person.class_id}
    ),
    events.PersonLeft: Kind("person.left"),
    events.TutorChanged: Kind(
        "class.tutor", lambda fact: {"class_id": fact.status.room.id, "tutor": fact.status.tutor}
    ),
    events.TrackPublished: Kind("track.published"),
    events.TrackUnpublished: Kind("track.unpublished"),
    events.TrackMuted: Kind("track.muted"),
    events.HandRaised: Kind(
        "hand.raised",
        lambda fact: {"id": fact.hand.id, "seat": fact.hand.seat},
        lambda fact: fact.hand.person,
    ),
    events.HandLowered: Kind("hand.lowered"),
    events.ChatWritten: Kind(
        "chat.written", lambda fact: {"id": fact.entry.id}, lambda fact: fact.entry.person
    ),
    facts.ChatDeleted: Kind("chat.deleted", lambda fact: {"id": fact.chat}),
    facts.AnnouncementMade: Kind("chat.announced", talk_rows.announcement_body, talk_rows.announcer),
    facts.Moderated: Kind("moderation.done", talk_rows.moderation_body, lambda fact: fact.actor),
    facts.HoldChanged: Kind(
        "moderation.own", lambda fact: {"source": fact.source, "held": fact.held}, lambda fact: fact.person
    ),
    facts.VoiceUsed: Kind("voice.used", talk_rows.voice_body),
    facts.QuizOpened: Kind("quiz.opened", lambda fact: {"id": fact.quiz.id, "kind": fact.quiz.question.kind}),
    facts.QuizAnswered: Kind("quiz.answered", talk_rows.answer_body),
    facts.QuizTallied: Kind("quiz.tallied", talk_rows.tally_body),
    facts.QuizClosed: Kind("quiz.closed", lambda fact: {"id": fact.quiz.id}),
    facts.QuizShown: Kind("quiz.shown", lambda fact: {"id": fact.quiz, "shown": fact.shown}),
    events.RecordingChanged: Kind("recording.state"),
    events.ClipMoved: Kind("library.clip"),
    events.ItemDeleted: Kind("library.deleted"),
    events.RecorderRouted: Kind("recording.routes"),
}


REVIEW_DELIVERED: Final = "review.delivered"
REVIEW_PROBLEM: Final = "review.problem"
BESIDE: Final = (REVIEW_DELIVERED, REVIEW_PROBLEM)
"""In no lesson's stream: only webhooks are told (`supervision_told`)."""


def names() -> tuple[str, ...]:
    """Of all kinds, in order."""
    return tuple(sorted({*(kind.name for kind in KINDS.values()), *BESIDE}))
