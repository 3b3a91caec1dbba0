"""Why something was refused: stable keys. The texts people read are in the catalogue of the door."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    ROLE_MAY_NOT = "role_may_not"
    """Nobody of this role may do this, in any state of the lesson."""
    LESSON_NOT_LIVE = "lesson_not_live"
    LESSON_ALREADY_LIVE = "lesson_already_live"
    LESSON_ENDED = "lesson_ended"
    LESSON_CANCELLED = "lesson_cancelled"
    NOT_JOINED = "not_joined"
    """Who asks is not (or no longer) in the lesson."""
    LESSON_FULL = "lesson_full"
    CLASS_REQUIRED = "class_required"
    """A tutor or student without a class, and no class of the lesson takes them."""
    UNKNOWN_CLASS = "unknown_class"
    """The class named does not take part in this lesson."""
    NAME_TAKEN = "name_taken"
    """Another encoder publishes under this name."""
    ROLE_CHANGED = "role_changed"
    """The same person is in this lesson under another role or class."""
    SOURCE_UNKNOWN = "source_unknown"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    """This person may not send this, or not in this phase."""
    SOURCE_NOT_PUBLISHED = "source_not_published"
    SEAT_NOT_ALLOWED = "seat_not_allowed"
    """Only a tutor raises hands for seats."""
    SEAT_INVALID = "seat_invalid"
    """Too long, or with control characters."""
    TOO_MANY_HANDS = "too_many_hands"
    HAND_UNKNOWN = "hand_unknown"
    HAND_NOT_YOURS = "hand_not_yours"
    CHAT_EMPTY = "chat_empty"
    CHAT_TOO_LONG = "chat_too_long"
    CHAT_CONTROL_CHARACTERS = "chat_control_characters"
    TOO_FAST = "too_fast"
    """More often than a person does it by hand; wait a moment."""
    BUSY = "busy"
    """The lesson has too much to do at the moment; nothing was done."""
    INTERNAL = "internal"
    """A fault of ours; it is in the log."""
    CLOSED = "closed"
    """The server is closing the lesson's room."""


class Refused(Exception):  # noqa: N818 - the word the house uses; it is an answer, not a fault
    """What was asked for is not allowed; nothing changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
