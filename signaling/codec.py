"""Frames <-> messages: the one place where bytes of a WebSocket become types. Pure.

`decode` raises only Problem: `malformed` or `unknown-type`; `request_of` tells what it would have been.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from signaling import nul
from signaling.message import ServerMessage
from signaling.messages import ClientMessage
from signaling.problems import Problem

MAX_FRAME: Final = 256 * 1024
"""Bytes of a message from a client: the largest, an offer, may have 200,000 characters of SDP."""
MAX_REASON: Final = 200
"""Characters of a decoder's complaint that are passed on."""

_FINAL_TEXT: Final = 0x81
_SHORT_FRAME: Final = 125
_TWO_BYTE_LENGTH: Final = 126
_MAX_TWO_BYTE_LENGTH: Final = 0xFFFF
_EIGHT_BYTE_LENGTH: Final = 127

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


class _Tagged(msgspec.Struct):
    type: str = ""


_tagged = msgspec.json.Decoder(_Tagged)
_TYPES: Final = frozenset(kind.__struct_config__.tag for kind in ClientMessage.__args__)


def encode(message: ServerMessage) -> bytes:
    """One frame of text, UTF-8."""
    return _encoder.encode(message)


class Encoded(NamedTuple):
    """A sequenced message that is the same for many but for its `seq`."""

    head: bytes
    """Up to where `seq` stands."""
    rest: bytes

    def numbered(self, seq: int) -> bytes:
        """As `encode` would have it."""
        return b'%b,"seq":%d%b' % (self.head, seq, self.rest)


def encode_once(message: ServerMessage) -> Encoded:
    """message: without a `seq`."""
    frame, head = encode(message), b'{"type":"%b"' % type_of(message).encode()
    return Encoded(head, frame[len(head) :])


def text_frame(payload: bytes) -> bytes:
    """The bytes of a text frame as a server sends it: whole, without a mask (RFC 6455, 5.2)."""
    size = len(payload)
    if size <= _SHORT_FRAME:
        return bytes((_FINAL_TEXT, size)) + payload
    if size <= _MAX_TWO_BYTE_LENGTH:
        return bytes((_FINAL_TEXT, _TWO_BYTE_LENGTH)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL_TEXT, _EIGHT_BYTE_LENGTH)) + size.to_bytes(8, "big") + payload


def decode(frame: str) -> ClientMessage:
    """The message in a text frame. Raises Problem `malformed` or `unknown-type`."""
    if nul.in_json(frame):
        raise Problem("malformed", reason=nul.REASON)
    try:
        return _decoder.decode(frame)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        name = request_of(frame)
        if name and name not in _TYPES:
            raise Problem("unknown-type", name=name) from None
        raise Problem("malformed", reason=str(error)[:MAX_REASON]) from None


def request_of(frame: str) -> str:
    """The `type` of a frame that could not be decoded, as far as it has one; at most 64 characters."""
    try:
        return _tagged.decode(frame).type[:64]
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return ""


def type_of(message: ClientMessage | ServerMessage) -> str:
    """The tag of a message."""
    return str(message.__struct_config__.tag)
