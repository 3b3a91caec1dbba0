"""Offers and answers (RFC 9429) between SDP text and the media plane's parameters; pure.

A publisher:    offer = read_offer(text)
                chosen = {section.mid: negotiate.answer_publication(section.parameters()) for ... that sends}
                transport.connect(remote_parameters(offer))
                text = answer_publish(offer, transport.local, chosen)
A WHEP viewer:  offer = read_offer(text); negotiate.answer_subscription(...)
                text = answer_watch(offer, transport.local, {mid: OfferedTrack(...)})
A subscriber:   lines = MediaLines()
                parameters = negotiate.offer_subscription(..., mid=lines.free_mid(kind))
                lines.put(OfferedTrack(parameters, stream, track))
                text = offer_subscribe(version, transport.local, lines)
                answer = read_answer(text, lines); transport.connect(remote_parameters(answer))
                for a track whose section is rejected or does not receive: nothing is sent; for the others
                transport.subscribe(publication, negotiate.accept_answer(parameters, section.parameters()))

All m-lines share one transport (BUNDLE, RFC 9143, policy max-bundle), so ICE and DTLS stand in each of them
and are read from the first that lives; our candidates stand in that one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from sfu.params import (
    DtlsParameters,
    DtlsSetup,
    Encoding,
    Kind,
    LocalParameters,
    MediaParameters,
    RemoteParameters,
)
from signaling.sdp import MAX_SECTIONS, PROTOCOL, Direction, MediaSection, SdpError, SessionDescription
from signaling.sdp_parser import parse

SESSION_ID = "1"
"""One for all: it need only be unique together with who wrote it (RFC 8866, 5.2), and a connection has one
writer."""


@dataclass(frozen=True, slots=True)
class OfferedTrack:
    """What one m-line of ours carries."""

    parameters: MediaParameters
    """With our ssrc and rtx_ssrc in encodings[0]."""
    stream: str
    """MediaStream id: tracks of one person share it, so that the browser plays them in sync; also the
    CNAME."""
    track: str


@dataclass(frozen=True, slots=True)
class Line:
    """One m-line of ours."""

    track: OfferedTrack
    """What it carries; when not active, what it carried last: an inactive m-line goes on declaring its
    codecs."""
    active: bool = True

    @property
    def mid(self) -> str:
        return self.track.parameters.mid

    @property
    def kind(self) -> Kind:
        return self.track.parameters.kind


class MediaLines:
    """The m-lines of one connection on which we offer: their order never changes, a released one is used
    again (RFC 9429, 5.2.2). At most sdp.MAX_SECTIONS."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def free_mid(self, kind: Kind) -> str:
        """The mid for the next track of this kind. SdpError `too_many_tracks` when there is no room."""
        for line in self:
            if line.kind == kind and not line.active:
                return line.mid
        if len(self) == MAX_SECTIONS:
            raise SdpError("too_many_tracks", f"One connection carries at most {MAX_SECTIONS} tracks.")
        return str(len(self))

    def put(self, track: OfferedTrack) -> None:
        """From the next offer on the m-line `track.parameters.mid`, one of `free_mid`, carries `track`.
        ValueError when that m-line is busy, or not the next, or of the other kind."""
        mid, kind = track.parameters.mid, track.parameters.kind
        line = self._lines.get(mid)
        if mid != str(len(self)) if line is None else line.active or line.kind != kind:
            raise ValueError(f"m-line {mid} cannot carry this {kind} track")
        self._lines[mid] = Line(track)

    def release(self, mid: str) -> None:
        """From the next offer on the m-line is inactive, and free. Idempotent."""
        if line := self._lines.get(mid):
            self._lines[mid] = replace(line, active=False)

    def __iter__(self) -> Iterator[Line]:
        """In the order of the m-lines."""
        return iter(tuple(self._lines.values()))

    def __len__(self) -> int:
        return len(self._lines)


# --- reading ------------------------------------------------------------------------------------


def read_offer(text: str) -> SessionDescription:
    """A client's offer, checked: BUNDLE, rtcp-mux, ICE credentials and a fingerprint are there. SdpError."""
    offer = parse(text)
    _check(offer)
    return offer


def read_answer(text: str, lines: MediaLines) -> SessionDescription:
    """A client's answer to offer_subscribe: the same checks, and the same m-lines in the same order.
    A track that it refused has a section that is `rejected`, or does not receive. SdpError."""
    answer = parse(text)
    expected = [(line.mid, str(line.kind)) for line in lines]
    if [(section.mid, section.media) for section in answer.sections] != expected:
        raise SdpError("answer_mismatch", "The answer has not the same m-lines as the offer.")
    if any(not section.rejected for section in answer.sections):
        _check(answer)
    if remote_setup(answer) is DtlsSetup.ACTPASS:
        raise SdpError("bad_setup", "An answer must say a=setup:active or a=setup:passive.")
    return answer


def remote_parameters(description: SessionDescription) -> RemoteParameters:
    """ICE and DTLS of the bundled transport, for Transport.connect. SdpError as in read_offer."""
    section = _transport_section(description)
    if section.ice is None:
        raise SdpError("no_ice", "The SDP has no a=ice-ufrag and a=ice-pwd.")
    if section.dtls is None:
        raise SdpError("no_fingerprint", "The SDP has no a=fingerprint: media is only taken encrypted.")
    return RemoteParameters(section.dtls, section.ice)


def remote_setup(description: SessionDescription) -> DtlsSetup | None:
    """The a=setup of the bundled transport; None where every m-line is rejected."""
    living = (section for section in description.sections if not section.rejected and section.dtls)
    section = next(living, None)
    return section.dtls.setup if section and section.dtls else None


def _transport_section(description: SessionDescription) -> MediaSection:
    """The m-line whose transport all share: the first of the BUNDLE group (RFC 9143, 7.2)."""
    living = [section for section in description.sections if not section.rejected]
    if not living:
        raise SdpError("no_media", "The SDP has no m-line that is in use.")
    order = {mid: place for place, mid in enumerate(description.bundle)}
    return min(living, key=lambda section: order.get(section.mid, len(order)))


def _check(description: SessionDescription) -> None:
    remote_parameters(description)
    media = [section for section in description.sections if section.kind and not section.rejected]
    if not media:
        raise SdpError("no_media", "The SDP has no m-line for audio or video.")
    if any(not section.mid or section.mid not in description.bundle for section in media) and (
        len(description.sections) > 1 or not media[0].mid
    ):
        raise SdpError("no_bundle", "All m-lines must have an a=mid and stand in one a=group:BUNDLE.")
    if any(not section.rtcp_mux for section in media):
        raise SdpError("no_rtcp_mux", "Every m-line must have a=rtcp-mux.")


# --- writing ------------------------------------------------------------------------------------


def answer_publish(
    offer: SessionDescription,
    local: LocalParameters,
    chosen: Mapping[str, MediaParameters],
    *,
    version: int = 1,
) -> str:
    """The answer to a client that sends. chosen: mid -> negotiate.answer_publication's result; an offered
    m-line that is not in it becomes inactive (rejected when it is neither audio nor video). version: grows
    with every answer of a connection. SdpError."""

    return _answer(offer, local, _receiving(chosen), version)


def answer_watch(
    offer: SessionDescription,
    local: LocalParameters,
    tracks: Mapping[str, OfferedTrack],
    *,
    version: int = 1,
) -> str:
    """The answer to a client that receives (WHEP). tracks: mid -> what we send on it; the others become
    inactive. SdpError."""

    return _answer(offer, local, _sending_all(tracks), version)


def answer_echo(
    offer: SessionDescription,
    local: LocalParameters,
    chosen: Mapping[str, MediaParameters],
    tracks: Mapping[str, OfferedTrack],
) -> str:
    """The answer to a client that sends on some m-lines and receives on others: answer_publish and
    answer_watch in one. SdpError."""
    receive, send = _receiving(chosen), _sending_all(tracks)
    return _answer(offer, local, lambda pen, section: receive(pen, section) or send(pen, section), version=1)


def offer_subscribe(version: int, local: LocalParameters, lines: MediaLines) -> str:
    """Our offer of all m-lines: sendonly those that carry something, inactive the others. version: grows
    with every offer of a connection (RFC 9429, 5.2.2)."""
    pen = _Pen(local, DtlsSetup.ACTPASS)
    return _describe(version, [_offered(pen, line) for line in lines], mixed=True)


def _answer(
    offer: SessionDescription,
    local: LocalParameters,
    fill: Callable[[_Pen, MediaSection], MediaSection | None],
    version: int,
) -> str:
    setup = remote_parameters(offer).dtls.setup
    pen = _Pen(local, DtlsSetup.ACTIVE if setup is DtlsSetup.PASSIVE else DtlsSetup.PASSIVE)
    sections = [_answered(pen, section, fill) for section in offer.sections]
    return _describe(version, sections, bundle=bool(offer.bundle), mixed=offer.mixed_extensions)


def _receiving(chosen: Mapping[str, MediaParameters]) -> Callable[[_Pen, MediaSection], MediaSection | None]:
    def receive(pen: _Pen, section: MediaSection) -> MediaSection | None:
        if (parameters := chosen.get(section.mid)) is None:
            return None
        rids = tuple(encoding for encoding in parameters.encodings if encoding.rid)
        return pen.answer(section, parameters, Direction.RECVONLY, rids)

    return receive


def _sending_all(tracks: Mapping[str, OfferedTrack]) -> Callable[[_Pen, MediaSection], MediaSection | None]:
    def send(pen: _Pen, section: MediaSection) -> MediaSection | None:
        if (track := tracks.get(section.mid)) is None:
            return None
        parameters = track.parameters
        return pen.answer(section, parameters, Direction.SENDONLY, parameters.encodings, track)

    return send


def _answered(
    pen: _Pen, section: MediaSection, fill: Callable[[_Pen, MediaSection], MediaSection | None]
) -> MediaSection:
    if section.rejected or section.kind is None:
        return MediaSection(
            media=section.media,
            mid=section.mid,
            port=0,
            protocol=section.protocol,
            raw_formats=section.raw_formats,
            direction=Direction.INACTIVE,
            rtcp_mux=False,
            rtcp_rsize=False,
        )
    return fill(pen, section) or pen.answer(section, section.parameters(), Direction.INACTIVE)


def _offered(pen: _Pen, line: Line) -> MediaSection:
    track = line.track
    parameters = track.parameters
    if line.active:
        return pen.media(line.mid, parameters, Direction.SENDONLY, parameters.encodings, track)
    return pen.media(line.mid, parameters, Direction.INACTIVE)


class _Pen:
    """Writes the m-lines of one description: all of them on its one transport, whose candidates stand in the
    first that lives."""

    def __init__(self, local: LocalParameters, setup: DtlsSetup) -> None:
        self._ice = local.ice
        self._dtls = DtlsParameters(local.fingerprints, setup)
        self._candidates = local.candidates

    def answer(
        self,
        section: MediaSection,
        parameters: MediaParameters,
        direction: Direction,
        encodings: tuple[Encoding, ...] = (),
        track: OfferedTrack | None = None,
    ) -> MediaSection:
        return self.media(
            section.mid,
            parameters,
            direction,
            encodings,
            track,
            protocol=section.protocol,
            rtcp_rsize=section.rtcp_rsize,
        )

    def media(
        self,
        mid: str,
        parameters: MediaParameters,
        direction: Direction,
        encodings: tuple[Encoding, ...] = (),
        track: OfferedTrack | None = None,
        *,
        protocol: str = PROTOCOL,
        rtcp_rsize: bool = True,
    ) -> MediaSection:
        candidates, self._candidates = self._candidates, ()
        return MediaSection(
            media=parameters.kind.value,
            mid=mid,
            protocol=protocol,
            direction=direction,
            formats=parameters.formats,
            extensions=parameters.extensions,
            encodings=encodings,
            msids=((track.stream, track.track),) if track else (),
            cname=track.stream if track else "",
            rtcp_rsize=rtcp_rsize,
            ice=self._ice,
            dtls=self._dtls,
            candidates=candidates,
            end_of_candidates=bool(candidates),
        )


def _describe(version: int, sections: list[MediaSection], *, mixed: bool, bundle: bool = True) -> str:
    mids = tuple(section.mid for section in sections if not section.rejected) if bundle else ()
    return str(
        SessionDescription(
            session_id=SESSION_ID,
            version=version,
            bundle=mids,
            ice_lite=True,
            mixed_extensions=mixed,
            sections=tuple(sections),
        )
    )
