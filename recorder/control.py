"""What the server and the recorder process say to each other over the control socket.

One JSON object per line in both directions; `type` tells which. The media socket beside it (AF_UNIX,
SOCK_SEQPACKET) carries plain RTP and RTCP, one datagram per message; a track is known there by its SSRC.
"""

from __future__ import annotations

from typing import Literal

import msgspec

LINE_LIMIT_BYTES = 64 * 1024
"""Longest line read: a track with all its formats takes about 1 kB; more than this is not ours."""

EndCause = Literal["ended", "server"]
"""`ended`: the lesson ended. `server`: the server went away under it."""

GapCause = Literal["muted", "silent", "network", "server", "policy"]
"""Why there is nothing in a span of a track: its owner had muted it, or sent nothing without that (a capture
that stood still), packets were lost for good, this machine could not record it (crash, full disk), or it was
not to be recorded."""

RemovalCause = Literal["left", "muted", "network", "server", "policy"]
"""Why a publication ended. `left`: its owner stopped it on purpose, so what follows is not a gap."""


class ControlError(ValueError):
    """A line on the control socket that is not a message of ours."""


class Control(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True, frozen=True):
    """Base of all control messages."""


class Format(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One payload type of a track."""

    payload_type: int
    rtx_payload_type: int | None = None
    codec: str
    """Encoding name as registered, compared without case."""
    clock_rate: int
    """Hz."""
    channels: int = 1
    fmtp: dict[str, str] = {}


class ItemOpen(Control, tag="item.open", frozen=True, kw_only=True, omit_defaults=True):
    """Record into this item: make it, or go on with it after a restart of the process."""

    item: str
    lesson: str
    title: str
    started_ms: int
    """Unix time in ms at which the item's clock shows 0."""
    started_us: int
    """The same instant on CLOCK_MONOTONIC, in microseconds: a step of the wall clock moves nothing."""


class ItemClose(Control, tag="item.close", frozen=True, kw_only=True, omit_defaults=True):
    """Finish the item's files. Answered by `item.closed`."""

    item: str
    cause: EndCause = "ended"
    ended_us: int
    """CLOCK_MONOTONIC, microseconds."""


class TrackOpen(Control, tag="track.open", frozen=True, kw_only=True, omit_defaults=True):
    """Packets with this SSRC belong to that track of that item."""

    item: str
    person: str
    source: str
    kind: Literal["audio", "video"]
    ssrc: int
    rtx_ssrc: int = 0
    """0: lost packets are repeated as they were."""
    formats: list[Format]
    clock: str
    """Tracks with the same value share the sender's clock, so their sender reports can be compared."""


class TrackClose(Control, tag="track.close", frozen=True, kw_only=True, omit_defaults=True):
    """Nothing more comes with this SSRC."""

    ssrc: int
    cause: RemovalCause = "left"


class TrackMute(Control, tag="track.mute", frozen=True, kw_only=True, omit_defaults=True):
    """The owner muted or unmuted the track: a silence that is no fault."""

    item: str
    person: str
    source: str
    muted: bool


class Shutdown(Control, tag="shutdown", frozen=True, kw_only=True, omit_defaults=True):
    """Finish what is open and exit."""


class Ready(Control, tag="ready", frozen=True, kw_only=True, omit_defaults=True):
    """First message of the process."""

    pid: int


class ItemState(Control, tag="item.state", frozen=True, kw_only=True, omit_defaults=True):
    """Recording works, or fails and why. Sent at every change."""

    item: str
    state: Literal["on", "failing"]
    reason: str = ""
    """`disk_full`, `disk_error`, `overload`; empty when on."""


class ItemClosed(Control, tag="item.closed", frozen=True, kw_only=True, omit_defaults=True):
    """All files of the item are finished and on the disk."""

    item: str


class Status(Control, tag="status", frozen=True, kw_only=True, omit_defaults=True):
    """Once a second: the process lives. Counters never go down while it does."""

    counters: dict[str, int] = {}
    waiting_bytes: int = 0
    """Accepted, but not on the disk yet."""


ToRecorder = ItemOpen | ItemClose | TrackOpen | TrackClose | TrackMute | Shutdown
FromRecorder = Ready | ItemState | ItemClosed | Status

_encoder = msgspec.json.Encoder()
_to_recorder: msgspec.json.Decoder[ToRecorder] = msgspec.json.Decoder(ToRecorder)
_from_recorder: msgspec.json.Decoder[FromRecorder] = msgspec.json.Decoder(FromRecorder)


def encode(message: Control) -> bytes:
    """One line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_to_recorder(line: bytes) -> ToRecorder:
    """Raises ControlError."""
    try:
        return _to_recorder.decode(line)
    except msgspec.MsgspecError as error:
        raise ControlError(str(error)) from None


def decode_from_recorder(line: bytes) -> FromRecorder:
    """Raises ControlError."""
    try:
        return _from_recorder.decode(line)
    except msgspec.MsgspecError as error:
        raise ControlError(str(error)) from None
