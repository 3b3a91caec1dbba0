"""Which codec, which payload types, which header extensions: pure functions over MediaParameters (no SDP).

Three meetings, after mediasoup's ORTC:

- `answer_publication`: a client offers what it sends; we take one codec of it under the client's numbers.
- `offer_subscription`: we offer a publication to a client under numbers of our own (`PayloadTypes`, one table
  for each connection), and `accept_answer` says what the client took of it.
- `answer_subscription`: a client offers to receive (WHEP); we send the publication under the client's
  numbers.

Media is forwarded, never transcoded, so the codec of a publication is the codec of all its subscriptions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from .codecs import canonical, decodes, forwarded, h264_rank, is_red_of, red_of, same_codec
from .params import Codec, Encoding, Extension, Kind, MediaParameters, PayloadFormat

VIDEO_PREFERENCE: tuple[str, ...] = ("H264", "VP8", "VP9", "AV1")
"""H264 first: it can be stored and played by HTTP as it is, and room devices decode it in hardware."""
AUDIO_PREFERENCE: tuple[str, ...] = ("opus",)

RECEIVED_EXTENSIONS = frozenset(Extension)
SENT_EXTENSIONS: dict[Extension, int] = {
    Extension.MID: 1,
    Extension.ABS_SEND_TIME: 2,
    Extension.TRANSPORT_CC: 3,
    Extension.AUDIO_LEVEL: 4,
    Extension.VIDEO_ORIENTATION: 5,
    Extension.DEPENDENCY_DESCRIPTOR: 6,
}
"""What we offer to send, and under which ids: the same on every connection."""
WRITTEN_EXTENSIONS = frozenset({Extension.MID, Extension.ABS_SEND_TIME, Extension.TRANSPORT_CC})
"""What the engine writes itself; the others can only be passed on where the publisher sends them."""
PASSED_ON = frozenset({Extension.AUDIO_LEVEL, Extension.VIDEO_ORIENTATION, Extension.DEPENDENCY_DESCRIPTOR})
DESCRIBED_CODECS = frozenset({"av1", "h264"})
"""Codecs of which only the dependency descriptor tells the layers; VP8 and VP9 do so in their payload."""

AUDIO_FEEDBACK = frozenset({"nack", "transport-cc"})
VIDEO_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"})

FIRST_PAYLOAD_TYPES: dict[str, int] = {"opus": 111, "red": 63, "h264": 102, "vp8": 96, "vp9": 98, "av1": 45}
"""Where each codec stands on our connections unless it is taken: the numbers that Chromium uses. The one
after it is its rtx."""
MAX_ANSWERS = 128
"""Answers that are kept: what browsers offer for the publications that there are, some 30 kB each."""
DYNAMIC_PAYLOAD_TYPES = (*range(96, 128), *range(35, 64))
"""Free for any codec with rtcp-mux (RFC 5761, 4; RFC 9429, 5.2.1)."""
OTHER_PAYLOAD_TYPES = tuple(
    number
    for number in DYNAMIC_PAYLOAD_TYPES
    if number not in {first + step for first in FIRST_PAYLOAD_TYPES.values() for step in (0, 1)}
)
"""Where no codec stands by itself."""


VOICE = MediaParameters(
    kind=Kind.AUDIO,
    mid="",
    formats=(
        PayloadFormat(Codec("opus", 48_000, 2, (("useinbandfec", "1"),)), 111),
        PayloadFormat(red_of(111), 63),
    ),
    extensions=((Extension.AUDIO_LEVEL, 1),),
)
"""Anybody's microphone."""


class NegotiationError(Exception):
    """There is no way to agree. `kind` is stable (`no_common_codec`, `too_many_codecs`); str() is a
    sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


# --- a client publishes ------------------------------------------------------------------------


def answer_publication(
    offered: MediaParameters, *, video_preference: Sequence[str] = VIDEO_PREFERENCE
) -> MediaParameters:
    """What we take of one offered m-line: one codec with its retransmissions (of sound also its RED, before
    or behind it as the client has it: it sends the first), the extensions and the feedback that we know,
    all encodings. Raises NegotiationError `no_common_codec`."""
    preference = AUDIO_PREFERENCE if offered.kind is Kind.AUDIO else video_preference
    chosen = _preferred(offered, preference)
    if chosen is None:
        raise _no_common_codec(offered, preference)
    return MediaParameters(
        kind=offered.kind,
        mid=offered.mid,
        formats=tuple(
            replace(each, feedback=_feedback(offered.kind, each))
            for each in offered.formats
            if each is chosen or is_red_of(each.codec, chosen.payload_type)
        ),
        extensions=tuple(
            (uri, number) for uri, number in offered.extensions if uri in _received(chosen.codec)
        ),
        encodings=offered.encodings,
        reduced_size_rtcp=offered.reduced_size_rtcp,
    )


def _received(codec: Codec) -> frozenset[Extension]:
    if codec.name.lower() in DESCRIBED_CODECS:
        return RECEIVED_EXTENSIONS
    return RECEIVED_EXTENSIONS - {Extension.DEPENDENCY_DESCRIPTOR}


def _preferred(offered: MediaParameters, preference: Sequence[str]) -> PayloadFormat | None:
    for name in preference:
        named = (each for each in offered.formats if each.codec.name.lower() == name.lower())
        candidates = [each for each in named if forwarded(each.codec)]
        if name.upper() == "H264":
            candidates = [each for each in candidates if h264_rank(each.codec) is not None]
            # Stable: the client's own order within a rank.
            candidates.sort(key=lambda each: h264_rank(each.codec) or 0)
        if candidates:
            return candidates[0]
    return None


def _feedback(kind: Kind, offered: PayloadFormat) -> frozenset[str]:
    return offered.feedback & (AUDIO_FEEDBACK if kind is Kind.AUDIO else VIDEO_FEEDBACK)


def _no_common_codec(offered: MediaParameters, wanted: Sequence[str]) -> NegotiationError:
    names = ", ".join(dict.fromkeys(each.codec.name for each in offered.formats)) or "nothing"
    sentence = f"No codec in common for {offered.kind}: offered {names}; possible {', '.join(wanted)}."
    return NegotiationError("no_common_codec", sentence)


# --- we offer to a subscriber ------------------------------------------------------------------


class PayloadTypes:
    """The payload types of one connection on which we offer: a codec keeps its numbers as long as the
    connection lives, and two never share one (RFC 9143, 9.1: a payload type means the same in all bundled
    m-lines)."""

    def __init__(self) -> None:
        self._numbers: dict[Codec, tuple[int, int | None]] = {}
        self._used: set[int] = set()

    def take(self, codec: Codec) -> tuple[int, int | None]:
        """(payload type, rtx payload type; None for audio). Raises NegotiationError `too_many_codecs`."""
        if codec not in self._numbers:
            free = self._free(codec)
            number = self._use(free)
            self._numbers[codec] = (number, self._use(free) if codec.kind is Kind.VIDEO else None)
        return self._numbers[codec]

    def _free(self, codec: Codec) -> Iterator[int]:
        first = FIRST_PAYLOAD_TYPES.get(codec.name.lower(), 96)
        wanted = (first, first + 1) if codec.kind is Kind.VIDEO else (first,)
        return (number for number in (*wanted, *OTHER_PAYLOAD_TYPES) if number not in self._used)

    def _use(self, free: Iterator[int]) -> int:
        number = next(free, None)
        if number is None:
            raise NegotiationError("too_many_codecs", "No payload type is left on this connection.")
        self._used.add(number)
        return number


def offer_subscription(
    publication: MediaParameters,
    numbers: PayloadTypes,
    *,
    mid: str,
    ssrc: int,
    rtx_ssrc: int,
    decodable: Collection[str] = (),
) -> MediaParameters:
    """What we offer a subscriber of `publication`. ssrc, rtx_ssrc: of our sending (the latter for video
    only). decodable: names of the video codecs that the client can decode; empty: all. Raises
    NegotiationError `no_common_codec`, `too_many_codecs`."""
    codec, sent = canonical(publication.codec), sendable(publication)
    wanted = {name.lower() for name in decodable}
    if codec.kind is Kind.VIDEO and wanted and codec.name.lower() not in wanted:
        raise _no_common_codec(publication, tuple(decodable))
    feedback = AUDIO_FEEDBACK if publication.kind is Kind.AUDIO else VIDEO_FEEDBACK
    number, rtx = numbers.take(codec)
    formats = [PayloadFormat(codec, number, rtx, feedback)]
    if len(publication.formats) > 1:
        red = red_of(number)
        formats.append(PayloadFormat(red, numbers.take(red)[0], None, feedback))
    return MediaParameters(
        kind=publication.kind,
        mid=mid,
        formats=tuple(formats),
        extensions=tuple((uri, number) for uri, number in SENT_EXTENSIONS.items() if uri in sent),
        encodings=(_encoding(publication.kind, ssrc, rtx_ssrc),),
    )


def offer_voice(numbers: PayloadTypes, *, mid: str, ssrc: int) -> MediaParameters:
    """What we offer for one place of a group of microphones, whoever has it: Opus, and RED of it for those
    who send that. Raises NegotiationError `too_many_codecs`."""
    return offer_subscription(VOICE, numbers, mid=mid, ssrc=ssrc, rtx_ssrc=0)


def sendable(publication: MediaParameters) -> frozenset[Extension]:
    """The header extensions that subscribers of `publication` can be sent."""
    return WRITTEN_EXTENSIONS | ({uri for uri, _ in publication.extensions} & PASSED_ON)


def _encoding(kind: Kind, ssrc: int, rtx_ssrc: int) -> Encoding:
    return Encoding(ssrc=ssrc, rtx_ssrc=rtx_ssrc if kind is Kind.VIDEO else None)


def accept_answer(offered: MediaParameters, answered: MediaParameters) -> MediaParameters:
    """`offered` cut down to the formats, the feedback and the extensions that the client's answer took.
    Raises NegotiationError `no_common_codec`."""
    taken = {each.payload_type: each for each in answered.formats}
    formats = tuple(
        replace(
            each,
            rtx_payload_type=taken[each.payload_type].rtx_payload_type and each.rtx_payload_type,
            feedback=each.feedback & taken[each.payload_type].feedback,
        )
        for each in offered.formats
        if each.payload_type in taken
    )
    if not formats:
        raise _no_common_codec(answered, [each.codec.name for each in offered.formats])
    known = dict(answered.extensions)
    extensions = tuple((uri, number) for uri, number in offered.extensions if known.get(uri) == number)
    return replace(offered, formats=formats, extensions=extensions)


# --- a client offers to receive (WHEP) ---------------------------------------------------------


def answer_subscription(
    publication: MediaParameters, offered: MediaParameters, *, ssrc: int, rtx_ssrc: int
) -> MediaParameters:
    """`publication` under the payload types and extension ids of the client's recvonly m-line.
    Raises NegotiationError `no_common_codec`."""
    codec, red = publication.codec, len(publication.formats) > 1
    formats = _receivable(codec, offered.kind, offered.formats, red)
    if not formats or publication.kind is not offered.kind:
        raise _no_common_codec(offered, [codec.name])
    rtx_used = any(each.rtx_payload_type is not None for each in formats)
    sent = sendable(publication)
    return MediaParameters(
        kind=publication.kind,
        mid=offered.mid,
        formats=formats,
        extensions=tuple((uri, number) for uri, number in offered.extensions if uri in sent),
        encodings=(Encoding(ssrc, rtx_ssrc if rtx_used else None),),
    )


@lru_cache(MAX_ANSWERS)
def _receivable(
    codec: Codec, kind: Kind, offered: tuple[PayloadFormat, ...], red: bool
) -> tuple[PayloadFormat, ...]:
    """The client's format for `codec`: an exact match before a profile that includes it; of sound with its
    RED if that is sent. In the answer stands the client's own fmtp: what it is ready to receive."""
    exact = (each for each in offered if same_codec(each.codec, codec))
    wider = (each for each in offered if decodes(each.codec, codec))
    match = next(exact, None) or next(wider, None)
    if match is None:
        return ()
    beside = (each for each in offered if red and is_red_of(each.codec, match.payload_type))
    return tuple(replace(each, feedback=_feedback(kind, each)) for each in (match, *(tuple(beside)[:1])))
