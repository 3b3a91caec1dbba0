"""Offers and answers (RFC 9429) between a SessionDescription and the media plane's parameters; pure.

A publisher:   offer = read_offer(text); for section in offer.sections: negotiate.answer_publication(section.parameters())
               transport.connect(remote_parameters(offer)); text = answer_publish(offer, transport.local, chosen)
A WHEP viewer: offer = read_offer(text); negotiate.answer_subscription(...); text = answer_watch(offer, local, tracks)
A subscriber:  lines = MediaLines(); mid = lines.take(kind); negotiate.offer_subscription(..., mid=mid)
               lines.fill(mid, OfferedTrack(parameters, stream, track)); text = offer_subscribe(version, local, lines)
               answer = read_answer(text, lines); transport.connect(remote_parameters(answer))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfu.params import Kind, LocalParameters, MediaParameters, RemoteParameters

from .sdp import SessionDescription


@dataclass(frozen=True, slots=True)
class OfferedTrack:
    """What one m-line of ours carries."""

    parameters: MediaParameters
    """With our ssrc and rtx_ssrc in encodings[0]."""
    stream: str
    """MediaStream id: tracks of one person share it, so that the browser plays them in sync."""
    track: str


class MediaLines:
    """The m-lines of one connection on which we offer: their order never changes, a released one is used again
    (RFC 9429, 5.2.2). At most sdp.MAX_SECTIONS."""

    def take(self, kind: Kind) -> str:
        """The mid of a free m-line of this kind. SdpError `too_many_tracks` when there is no room."""
        raise NotImplementedError

    def fill(self, mid: str, track: OfferedTrack) -> None:
        """Says what the m-line carries from the next offer on. KeyError when `mid` was not taken."""
        raise NotImplementedError

    def release(self, mid: str) -> None:
        """From the next offer on the m-line is inactive, and free. Idempotent."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[str, Kind, OfferedTrack | None]]:
        """(mid, kind, track or None for an inactive one) in the order of the m-lines."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


def read_offer(text: str) -> SessionDescription:
    """A client's offer, checked: BUNDLE, rtcp-mux, ICE credentials and a fingerprint are there. Raises SdpError."""
    raise NotImplementedError


def read_answer(text: str, lines: MediaLines) -> SessionDescription:
    """A client's answer to offer_subscribe: the same checks, and the same m-lines in the same order.
    A track that it refused has a section that is `rejected`, or does not receive. Raises SdpError."""
    raise NotImplementedError


def remote_parameters(description: SessionDescription) -> RemoteParameters:
    """ICE and DTLS of the bundled transport, for Transport.connect. SdpError as in read_offer."""
    raise NotImplementedError


def answer_publish(
    offer: SessionDescription,
    local: LocalParameters,
    chosen: Mapping[str, MediaParameters],
    *,
    version: int = 1,
) -> str:
    """The answer to a client that sends. chosen: mid -> negotiate.answer_publication's result; an offered m-line that
    is not in it becomes inactive (rejected when it is not audio or video). Raises SdpError."""
    raise NotImplementedError


def answer_watch(
    offer: SessionDescription, local: LocalParameters, tracks: Mapping[str, OfferedTrack], *, version: int = 1
) -> str:
    """The answer to a client that receives (WHEP). tracks: mid -> what we send on it. Raises SdpError."""
    raise NotImplementedError


def offer_subscribe(version: int, local: LocalParameters, lines: MediaLines) -> str:
    """Our offer of all m-lines: sendonly those that carry something, inactive the others."""
    raise NotImplementedError
