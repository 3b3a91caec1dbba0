"""What members hear of talk and order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from classroom.model import (
    Announcement,
    ChatId,
    Conduct,
    PersonId,
    QuizId,
    Removed,
    Source,
    VoiceCall,
)
from classroom.talk.quiz import Quiz, Result


class Act(StrEnum):
    """What a moderator did."""

    MUTED = "muted"
    STOPPED = "stopped"
    RELEASED = "released"
    REMOVED = "removed"
    READMITTED = "readmitted"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    CHAT_CLOSED = "chat_closed"
    CHAT_OPENED = "chat_opened"
    CHAT_DELETED = "chat_deleted"
    ALLOWED = "allowed"
    """What pupils may do was set anew."""


@dataclass(frozen=True, slots=True)
class ChatRemoved:
    """A message that this member has seen is no longer there."""

    chat: ChatId


@dataclass(frozen=True, slots=True)
class Announced:
    announcement: Announcement


@dataclass(frozen=True, slots=True)
class ConductChanged:
    """What pupils may do, closed chats, the lock."""

    conduct: Conduct


@dataclass(frozen=True, slots=True)
class CalledToOrder:
    """To whom it happened: a moderator muted, stopped or released something of theirs."""

    act: Act
    source: Source
    by: PersonId


@dataclass(frozen=True, slots=True)
class RemovedChanged:
    """To those who may let them in again: who is shut out."""

    removed: tuple[Removed, ...]


@dataclass(frozen=True, slots=True)
class VoiceChanged:
    """The private lines of this member, in the order in which they rang."""

    calls: tuple[VoiceCall, ...]


@dataclass(frozen=True, slots=True)
class QuizSeen:
    """A quiz as one member sees it."""

    quiz: Quiz
    """Without the answers."""
    choices: tuple[int, ...]
    """The member's own answer; empty: none."""
    result: Result | None
    """As far as the member may see it now."""


@dataclass(frozen=True, slots=True)
class QuizChanged:
    """A quiz was opened, closed or shown, or this member answered it."""

    seen: QuizSeen


@dataclass(frozen=True, slots=True)
class QuizCounted:
    """The result of a quiz has grown: to those who see it grow, at most every 200 ms."""

    quiz: QuizId
    result: Result


@dataclass(frozen=True, slots=True)
class TalkSnapshot:
    """What one member may know of talk and order at the moment of joining; chat apart."""

    announcements: tuple[Announcement, ...] = ()
    quizzes: tuple[QuizSeen, ...] = ()
    """In the order in which they were opened."""
    calls: tuple[VoiceCall, ...] = ()
    removed: tuple[Removed, ...] = ()


NO_TALK = TalkSnapshot()

TalkEvent = (
    ChatRemoved
    | Announced
    | ConductChanged
    | CalledToOrder
    | RemovedChanged
    | VoiceChanged
    | QuizChanged
    | QuizCounted
)
