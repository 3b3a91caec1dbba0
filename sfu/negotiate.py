"""Which codec, which payload types, which header extensions: pure functions over MediaParameters (no SDP).

Three meetings, after mediasoup's ORTC:

- `answer_publication`: a client offers what it sends; we take one codec of it under the client's numbers.
- `offer_subscription`: we offer a publication to a client under numbers of our own (`PayloadTypes`, one per connection).
- `answer_subscription`: a client offers to receive (WHEP); we send the publication under the client's numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .params import Codec, MediaParameters

VIDEO_PREFERENCE: tuple[str, ...] = ("H264", "VP8", "VP9", "AV1")


class NegotiationError(Exception):
    """There is no way to agree. `kind` is stable (`no_common_codec`, `too_many_codecs`); str() is a sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def same_codec(one: Codec, other: Codec) -> bool:
    """Whether what is sent as `one` can be decoded as `other` (RFC 6184, 8.2.2 for H264: profile and packetization)."""
    raise NotImplementedError


def answer_publication(
    offered: MediaParameters, *, video_preference: Sequence[str] = VIDEO_PREFERENCE
) -> MediaParameters:
    """What we take of one offered m-line: one codec with its retransmissions, the extensions and feedback we know,
    all encodings. Raises NegotiationError `no_common_codec`."""
    raise NotImplementedError


class PayloadTypes:
    """The payload types of one connection on which we offer: a codec keeps its numbers, two never share one
    (RFC 9143, 9.1: a payload type means the same in all bundled m-lines)."""

    def take(self, codec: Codec) -> tuple[int, int | None]:
        """(payload type, rtx payload type or None). Raises NegotiationError `too_many_codecs`."""
        raise NotImplementedError


def offer_subscription(
    publication: MediaParameters,
    numbers: PayloadTypes,
    *,
    mid: str,
    ssrc: int,
    rtx_ssrc: int,
    decodable: Collection[str] = (),
) -> MediaParameters:
    """What we offer a subscriber of `publication`. ssrc, rtx_ssrc: of our sending (rtx for video only).
    decodable: names of the video codecs the client can decode; empty: all. Raises NegotiationError `no_common_codec`."""
    raise NotImplementedError


def accept_answer(offered: MediaParameters, answered: MediaParameters) -> MediaParameters:
    """`offered` cut down to the formats, feedback and extensions that the client's answer took.
    Raises NegotiationError `no_common_codec`."""
    raise NotImplementedError


def answer_subscription(
    publication: MediaParameters, offered: MediaParameters, *, ssrc: int, rtx_ssrc: int
) -> MediaParameters:
    """WHEP: `publication` under the payload types and extension ids of the client's recvonly m-line.
    Raises NegotiationError `no_common_codec`."""
    raise NotImplementedError
