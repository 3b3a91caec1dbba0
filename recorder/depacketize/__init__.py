"""From RTP payloads in order to whole frames, one file per codec; never decoding."""

from __future__ import annotations

import base64
import binascii

from recorder.control import Format
from recorder.depacketize.av1 import Av1Depacketizer
from recorder.depacketize.frame import BadPayloadError, CodecConfig, Depacketizer, Frame, Payload
from recorder.depacketize.h264 import H264Depacketizer
from recorder.depacketize.opus import OpusDepacketizer
from recorder.depacketize.vp8 import Vp8Depacketizer
from recorder.depacketize.vp9 import Vp9Depacketizer

__all__ = ["BadPayloadError", "CodecConfig", "Depacketizer", "Frame", "Payload", "make_depacketizer"]


def make_depacketizer(format: Format) -> Depacketizer | None:
    """For one payload type; None for a codec that cannot be recorded."""
    match format.codec.lower():
        case "opus":
            return OpusDepacketizer(format.clock_rate)
        case "red":
            return OpusDepacketizer(format.clock_rate, red=True)
        case "h264":
            return H264Depacketizer(format.clock_rate, _parameter_sets(format))
        case "vp8":
            return Vp8Depacketizer(format.clock_rate)
        case "vp9":
            return Vp9Depacketizer(format.clock_rate)
        case "av1":
            return Av1Depacketizer(format.clock_rate)
    return None


def _parameter_sets(format: Format) -> tuple[bytes, ...]:
    """`sprop-parameter-sets` (RFC 6184, 8.1); what is malformed is left out, the stream repeats it."""
    found = []
    for text in format.fmtp.get("sprop-parameter-sets", "").split(","):
        try:
            found.append(base64.b64decode(text, validate=True))
        except binascii.Error:
            continue
    return tuple(unit for unit in found if unit)
