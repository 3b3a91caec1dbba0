"""When two descriptions of a codec mean the same bytes, and who can decode what: the fmtp rules of each
codec, pure.

H264: RFC 6184, 8.1 and 8.2.2. VP9: RFC 9628. AV1: its RTP specification, 7.2. opus: RFC 7587.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import lru_cache

from .params import Codec, Kind

FORWARDED: dict[str, Codec] = {
    "opus": Codec("opus", 48_000, 2),
    "h264": Codec("H264", 90_000),
    "vp8": Codec("VP8", 90_000),
    "vp9": Codec("VP9", 90_000),
    "av1": Codec("AV1", 90_000),
}
"""Lower-case name -> what we forward, with the only clock rate and channels that its specification allows."""


class H264Profile(StrEnum):
    CONSTRAINED_BASELINE = "42e0"
    BASELINE = "4200"
    CONSTRAINED_HIGH = "640c"
    MAIN = "4d00"
    HIGH = "6400"
    UNSPECIFIED = ""
    """The description has neither profile-level-id nor packetization-mode, as GStreamer's often have. By
    RFC 6184 that were Baseline at level 1 in single NAL units, which nobody means: anything goes."""


P = H264Profile
SUPERSETS: dict[H264Profile, frozenset[H264Profile]] = {
    P.CONSTRAINED_BASELINE: frozenset({P.BASELINE, P.MAIN, P.CONSTRAINED_HIGH, P.HIGH}),
    P.BASELINE: frozenset(),
    P.CONSTRAINED_HIGH: frozenset({P.HIGH}),
    P.MAIN: frozenset({P.HIGH}),
    P.HIGH: frozenset(),
    P.UNSPECIFIED: frozenset(P),
}
"""Profile of a stream -> profiles whose decoders must decode it too (H.264, A.2)."""

PREFERENCE = (P.CONSTRAINED_BASELINE, P.BASELINE, P.CONSTRAINED_HIGH, P.MAIN, P.HIGH, P.UNSPECIFIED)
"""Which a publisher should use of several: the first is decoded by everything."""

MAX_COMPARED = 1024
"""Pairs of descriptions whose comparison is kept: each of a browser's twenty with each that is published."""
MAX_CANONICAL = 256
"""Answers that are kept: descriptions of codecs are few, those of ill-meaning publishers aside."""

LEVELS = (0x1F, 0x28, 0x33)
"""3.1 (720p30), 4.0 (1080p30) and 5.1 (2160p30): the levels that we name. Few, so that there are few
codecs."""


def h264_profile(codec: Codec) -> H264Profile | None:
    """The profile of its profile-level-id (RFC 6184, table 5); None for one that browsers do not decode, or
    that is not a profile-level-id."""
    text = codec.parameter("profile-level-id").lower()
    if not text:
        return P.BASELINE if codec.parameter("packetization-mode") else P.UNSPECIFIED
    if len(text) != 6 or any(digit not in "0123456789abcdef" for digit in text):
        return None
    idc, iop = text[:2], int(text[2:4], 16)
    match idc:
        case "42":
            return P.CONSTRAINED_BASELINE if iop & 0x40 else P.BASELINE
        case "4d":
            return P.CONSTRAINED_BASELINE if iop & 0x80 else P.MAIN
        case "58":
            return {0xC0: P.CONSTRAINED_BASELINE, 0x80: P.BASELINE}.get(iop & 0xC0)
        case "64":
            return {0x00: P.HIGH, 0x0C: P.CONSTRAINED_HIGH}.get(iop)
    return None


def h264_mode(codec: Codec) -> str:
    """packetization-mode; `1` where nothing is said (see UNSPECIFIED)."""
    default = "1" if h264_profile(codec) is P.UNSPECIFIED else "0"
    return codec.parameter("packetization-mode", default)


def h264_rank(codec: Codec) -> int | None:
    """Place in the order of preference, 0 first; None where it cannot be used: a profile that browsers do not
    decode, or packetization-mode 0, in which no keyframe larger than a packet can be sent."""
    profile = h264_profile(codec)
    if profile is None or h264_mode(codec) != "1":
        return None
    return PREFERENCE.index(profile)


@lru_cache(MAX_COMPARED)
def same_codec(one: Codec, other: Codec) -> bool:
    """Whether both stand for the same bytes. Of H264 the level does not matter: it may differ between the two
    directions, and is a promise about sizes, which nobody here keeps or breaks (RFC 6184, 8.2.2)."""
    if (one.name.lower(), one.clock_rate) != (other.name.lower(), other.clock_rate):
        return False
    if one.kind is Kind.AUDIO and one.channels != other.channels:
        return False
    return _variant(one) == _variant(other)


@lru_cache(MAX_COMPARED)
def decodes(receiver: Codec, stream: Codec) -> bool:
    """Whether who offers to receive `receiver` can decode `stream`."""
    if same_codec(receiver, stream):
        return True
    if not receiver.name.lower() == stream.name.lower() == "h264" or h264_mode(receiver) != h264_mode(stream):
        return False
    profile, accepted = h264_profile(stream), h264_profile(receiver)
    if profile is None or accepted is None:
        return False
    return accepted is P.UNSPECIFIED or accepted in SUPERSETS[profile]


def _variant(codec: Codec) -> tuple[str | None, ...]:
    match codec.name.lower():
        case "h264":
            return (h264_mode(codec), h264_profile(codec))
        case "vp9":
            return (codec.parameter("profile-id", "0"),)
        case "av1":
            return (codec.parameter("profile", "0"),)
    return ()


def red_of(payload_type: int) -> Codec:
    """Opus under this payload type, sent more than once (RFC 2198, 5)."""
    return Codec("red", 48_000, 2, ((f"{payload_type}/{payload_type}", ""),))


def is_red_of(codec: Codec, payload_type: int) -> bool:
    """Whether it is RED of that payload type alone, however many times."""
    if (codec.name.lower(), codec.clock_rate, codec.channels) != ("red", 48_000, 2) or len(codec.fmtp) != 1:
        return False
    return set(codec.fmtp[0][0].split("/")) == {str(payload_type)}


def forwarded(codec: Codec) -> bool:
    """Whether it is one that we forward, described as its specification demands."""
    known = FORWARDED.get(codec.name.lower())
    if known is None or (known.clock_rate, known.channels) != (codec.clock_rate, codec.channels):
        return False
    return decodes(canonical(codec), codec)


@lru_cache(MAX_CANONICAL)
def canonical(codec: Codec) -> Codec:
    """The same codec under one of a small, fixed number of descriptions, for those who receive it: what a
    publisher wrote into its fmtp beside what matters does not reach others. KeyError for a name that we do
    not forward."""
    return replace(FORWARDED[codec.name.lower()], fmtp=_canonical_fmtp(codec))


def _canonical_fmtp(codec: Codec) -> tuple[tuple[str, str], ...]:
    match codec.name.lower():
        case "h264":
            return _canonical_h264(codec)
        case "vp9":
            return (("profile-id", _one_of("0123", codec.parameter("profile-id", "0"))),)
        case "av1":
            return (("profile", _one_of("012", codec.parameter("profile", "0"))),)
        case "opus":
            flags = ("stereo", "sprop-stereo", "useinbandfec", "usedtx")
            return tuple((key, "1") for key in flags if codec.parameter(key) == "1")
    return ()


def _canonical_h264(codec: Codec) -> tuple[tuple[str, str], ...]:
    profile = h264_profile(codec) or P.CONSTRAINED_BASELINE
    if profile is P.UNSPECIFIED:
        profile = P.CONSTRAINED_BASELINE
    text = codec.parameter("profile-level-id") or "42e01f"
    level = int(text[4:], 16) if h264_profile(codec) else LEVELS[0]
    named = next((each for each in LEVELS if each >= level), LEVELS[-1])
    return (
        ("level-asymmetry-allowed", "1"),
        ("packetization-mode", "1"),
        ("profile-level-id", f"{profile.value}{named:02x}"),
    )


def _one_of(allowed: str, value: str) -> str:
    return value if len(value) == 1 and value in allowed else allowed[0]
