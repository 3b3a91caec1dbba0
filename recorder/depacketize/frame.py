"""What every depacketizer takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""A picture larger than this is no picture: 4K intra frames stay below 2 MB."""


class BadPayloadError(ValueError):
    """A payload that its codec's RTP format does not allow."""


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """What a decoder must know before the first frame. A track gets a new part whenever it changes."""

    codec: str
    """`opus`, `h264`, `vp8`, `vp9`, `av1`."""
    rfc6381: str
    """The `codecs` parameter of RFC 6381: `avc1.42e01f`."""
    clock_rate: int
    channels: int = 0
    width: int = 0
    height: int = 0
    parameter_sets: tuple[bytes, ...] = ()
    """H.264: SPS and PPS without start codes. AV1: the sequence header OBU."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One access unit, or one audio packet."""

    timestamp: int
    """RTP timestamp, unwrapped."""
    data: bytes
    keyframe: bool
    arrival_us: int
    """When its last packet arrived."""
    config: CodecConfig
    lost_before: bool = False
    """Something that belongs between this frame and the one before is lost for good."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One packet in order, as a depacketizer takes it."""

    data: bytes
    timestamp: int
    """Unwrapped."""
    marker: bool
    arrival_us: int
    lost: bool
    """Packets before this one are lost for good."""


class Depacketizer(Protocol):
    wants_keyframe: bool
    """Nothing can be taken until a keyframe comes."""
    frames_dropped: int
    """Whole or partial frames thrown away after a loss."""
    malformed: int
    """Payloads that the format does not allow; treated like a loss."""

    def push(self, payload: Payload) -> list[Frame]:
        """Frames that this packet completes."""
