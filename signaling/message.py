"""What all messages of the protocol are made of: the two bases and the words that several of them use.

The messages themselves are in `messages.py` (connection, media, roster) and in the `messages_*.py` that it
gathers.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=2000)]
Name = Annotated[str, Meta(max_length=80)]
Id = Annotated[str, Meta(max_length=64)]
Sdp = Annotated[str, Meta(max_length=200_000)]

Role = Literal["master", "tutor", "room", "student", "supervisor", "encoder", "organizer"]
Phase = Literal["lecture", "local_qa", "interaction", "break"]
LessonState = Literal["scheduled", "open", "live", "ended", "cancelled"]
QualityReason = Literal["", "interrupted", "frozen", "loss_up", "loss_down", "bandwidth", "delay", "jitter"]
"""Nothing comes from the client; a picture stands still; loss of what the client sends, of what it gets; what
it gets does not fit; a long round trip; what it sends comes in gusts."""
Source = Annotated[str, Meta(max_length=64)]
"""`camera`, `microphone`, `screen`, `screen_audio`; an encoder's are `NAME.video` and `NAME.audio`."""


class Message(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True, frozen=True):
    """Base of all messages. Unknown fields are ignored, an unknown type is an `error`."""


class ServerMessage(Message, frozen=True, kw_only=True):
    """`seq` counts the messages of one session; a resumed session goes on from `hello.last_seq`. `welcome`,
    `pong` and `bye` are not counted: they belong to one connection."""

    seq: int = 0
