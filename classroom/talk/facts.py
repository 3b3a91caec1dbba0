"""What observers hear of talk and order, in order, for the record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from classroom.events import Fact
from classroom.model import (
    Announcement,
    ChatId,
    ClassId,
    Conduct,
    PersonId,
    QuizId,
    Source,
    VoiceCall,
)
from classroom.talk.events import Act
from classroom.talk.quiz import Answer, Quiz, Tally


class VoiceStep(StrEnum):
    RANG = "rang"
    ACCEPTED = "accepted"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDeleted(Fact):
    chat: ChatId
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementMade(Fact):
    announcement: Announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderated(Fact):
    """Order was kept, or what is allowed was changed."""

    act: Act
    actor: PersonId
    person: PersonId | None = None
    """Whom it was done to."""
    source: Source | None = None
    class_id: ClassId | None = None
    """Whose chat."""
    conduct: Conduct
    """As it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldChanged(Fact):
    """Its owner opened again what a moderator had closed; or closed it where only a moderator can release
    it."""

    person: PersonId
    source: Source
    held: bool
    conduct: Conduct


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceUsed(Fact):
    step: VoiceStep
    call: VoiceCall
    actor: PersonId | None
    """None: nobody took it up in time, or one of the two went away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizOpened(Fact):
    quiz: Quiz
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizAnswered(Fact):
    quiz: QuizId
    person: PersonId
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizTallied(Fact):
    quiz: QuizId
    class_id: ClassId
    tally: Tally
    actor: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizClosed(Fact):
    quiz: Quiz
    actor: PersonId | None
    """None: its time was over, or the lesson's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuizShown(Fact):
    quiz: QuizId
    shown: bool
    actor: PersonId
