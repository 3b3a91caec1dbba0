"""The ledger of an item: what happened to it, in order, one line each. Only grows.

Times are microseconds of the item's clock. Which persons and sources the tracks are stands here; names do
not.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from recorder.control import EndCause, GapCause
from recorder.lines import NOT_JSON, read_lines


class Header(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """`item.json`: written once, before anything else of the item."""

    id: str
    lesson: str
    title: str
    started_ms: int
    """Unix time at which the item's clock shows 0."""
    version: int = 1
    """Of the layout of the item's files. 1: neither chained nor signed."""
    key: str = ""
    """Public key (Ed25519, base64url) of whoever signs the item."""


class _Entry(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True, frozen=True):
    pass


class Resumed(_Entry, tag="resumed", omit_defaults=True, kw_only=True, frozen=True):
    """The recorder process was started (again) for this item."""

    at_us: int


class TrackAdded(_Entry, tag="track", omit_defaults=True, kw_only=True, frozen=True):
    track: str
    person: str
    source: str
    kind: Literal["audio", "video"]
    at_us: int


class Began(_Entry, tag="began", omit_defaults=True, kw_only=True, frozen=True):
    """A stream of the track began."""

    track: str
    at_us: int


class Stopped(_Entry, tag="stopped", omit_defaults=True, kw_only=True, frozen=True):
    """The stream ended. Only what follows a `left` is not expected to be there."""

    track: str
    at_us: int
    cause: Literal["left", "muted", "network", "server", "policy"]
    error_us: int = 0
    """Greatest sync error while it was recorded: how far the media was from where the clocks say it
    belongs."""


class Muted(_Entry, tag="muted", omit_defaults=True, kw_only=True, frozen=True):
    track: str
    at_us: int
    muted: bool


class Gap(_Entry, tag="gap", omit_defaults=True, kw_only=True, frozen=True):
    """Media of the track is missing from `at_us` on."""

    track: str
    at_us: int
    duration_us: int
    cause: GapCause


class Rebuilt(_Entry, tag="rebuilt", omit_defaults=True, kw_only=True, frozen=True):
    """A file that was lost was made again from what is left, by `tongke library rebuild`."""

    file: str
    at_ms: int
    """Unix time."""


class Ended(_Entry, tag="ended", omit_defaults=True, kw_only=True, frozen=True):
    """The last line: the item is complete."""

    at_us: int
    cause: EndCause


VERSION = 2
"""Of the layout that is written."""

Entry = Resumed | TrackAdded | Began | Stopped | Muted | Gap | Rebuilt | Ended
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
_headers: msgspec.json.Decoder[Header] = msgspec.json.Decoder(Header)


def encode(entry: Entry | Header) -> bytes:
    return _encoder.encode(entry) + b"\n"


def body(entry: Entry) -> bytes:
    """For `chain.Chain.link`."""
    return _encoder.encode(entry)


def decode(data: bytes) -> tuple[list[Entry], int]:
    """(entries, length of the valid part of the data)."""
    return read_lines(data, _decoder)


def decode_header(data: bytes) -> Header | None:
    """None when it is not one."""
    try:
        return _headers.decode(data)
    except NOT_JSON:
        return None
