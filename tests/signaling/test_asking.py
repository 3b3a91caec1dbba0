"""What pages say becomes what the lesson is asked for: complete over all messages there are."""

from __future__ import annotations

from typing import get_args

from classroom.commands import CancelLesson, PersonCommand, Say
from signaling import asking, messages, session
from signaling.codec import type_of

OF_THE_LINE = {
    *("hello", "ping", "leave", "quality.report", "pointer.move", "publish.offer", "publish.candidate"),
    *("publish.mute", "subscribe.answer", "subscribe.candidate", "subscribe.failed", "subscribe.restart"),
}
"""What is about the connection and its media, and asks nothing of the lesson by itself."""


def test_every_message_is_of_the_line_or_asks_the_lesson() -> None:
    kinds = {type_of(kind): kind for kind in get_args(messages.ClientMessage)}
    asked = {type_of(kind) for kind in asking.ASKING}
    assert asked | OF_THE_LINE >= set(kinds)
    assert not asked & OF_THE_LINE
    assert set(session._HANDLERS) == set(kinds.values())


def test_every_command_can_be_asked_for_and_its_refusal_names_the_message() -> None:
    """But for cancelling, which is an office's business."""
    commands = set(get_args(PersonCommand)) - {CancelLesson}
    assert commands <= set(asking.REQUESTS)
    tags = {type_of(kind) for kind in get_args(messages.ClientMessage)}
    assert {asking.REQUESTS[command] for command in commands} <= tags
    assert asking.REQUESTS[Say] == "chat.send"
