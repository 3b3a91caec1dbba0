"""SDP as far as WebRTC, WHIP and WHEP need it: text <-> SessionDescription, pure.

RFC 8866 (grammar), 8839 (ICE), 6544 (TCP candidates), 8122 and 5763 (fingerprint, setup), 9143 (BUNDLE),
5576 (ssrc), 8851 and 8853 (rid, simulcast), 8285 (extmap), 8830 (msid). Offers and answers are made in
jsep.py; the reader is in sdp_parser.py.

Theory of operation. A description is a list of m-lines; everything that WebRTC lets stand once for the
whole session (ICE credentials, fingerprints, setup, extmap, direction) is merged into each m-line while
reading, so nobody has to look in two places. Retransmission formats (`rtx`) are folded into the format that
they repeat, a=ssrc, a=ssrc-group and a=rid into encodings. What we do not know is left out, as RFC 8866,
5.13 asks for; what we know but cannot read is an SdpError. Writing is the mirror image: parse(str(x)) == x.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from sfu.params import (
    Candidate,
    Codec,
    DtlsParameters,
    Encoding,
    Extension,
    IceParameters,
    Kind,
    MediaParameters,
    PayloadFormat,
)

MAX_LENGTH = 200_000
"""Characters. Chromium needs about 3,000 for an m-line of video; the rest is room for 64 of them."""
MAX_LINES = 8_000
"""Chromium writes about 110 lines for an m-line of video."""
MAX_TEXTS = 256
"""Of codecs and header extensions, kept to be written again: a lesson has a handful, some 1 kB each."""
MAX_CANDIDATES = 16
"""Lists of candidates, kept to be written again: a server has one."""
MAX_SECTIONS = 64
"""M-lines: what the largest wall of pictures (48) and its voices take on one connection."""


PROTOCOL = "UDP/TLS/RTP/SAVPF"
"""Of all media of WebRTC (RFC 9429, 5.1.2)."""


class SdpError(Exception):
    """Bad input. str() is a sentence for people; `kind` is stable, one of:

    `not_sdp`, `sdp_too_large`, `bad_sdp` (a line does not follow its grammar), `no_media`, `no_bundle`,
    `no_rtcp_mux`, `no_ice`, `no_fingerprint`, `bad_setup`, `answer_mismatch`, `too_many_tracks`."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Direction(StrEnum):
    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        return self in {Direction.SENDRECV, Direction.RECVONLY}


@dataclass(frozen=True, slots=True)
class MediaSection:
    """One m-line with its attributes; session-level ICE, DTLS and extmap are already merged into it."""

    media: str
    """`audio`, `video`, `application`, ... as written."""
    mid: str
    port: int = 9
    """0: rejected."""
    protocol: str = PROTOCOL
    raw_formats: tuple[str, ...] = field(default=(), compare=False)
    """The format list of the m-line as it was read; written again only where `formats` is empty."""
    direction: Direction = Direction.SENDRECV
    formats: tuple[PayloadFormat, ...] = ()
    """Codecs in the order of preference; rtx stands inside the format that it repeats."""
    extensions: tuple[tuple[Extension, int], ...] = ()
    """Those that we know, with ids that fit the one-byte form (1..14)."""
    encodings: tuple[Encoding, ...] = ()
    """What this end sends; in a section that only receives: what it is ready to receive by RID."""
    msids: tuple[tuple[str, str], ...] = ()
    """(stream id, track id)."""
    cname: str = ""
    rtcp_mux: bool = True
    rtcp_rsize: bool = True
    ice: IceParameters | None = None
    dtls: DtlsParameters | None = None
    candidates: tuple[Candidate, ...] = ()
    """Host candidates for UDP and passive TCP: the kinds that a server has. A lite agent needs none of its
    peer's."""
    end_of_candidates: bool = False

    @property
    def rejected(self) -> bool:
        return self.port == 0

    @property
    def kind(self) -> Kind | None:
        """None for what is neither audio nor video (data channels)."""
        return Kind(self.media) if self.media in {"audio", "video"} else None

    def parameters(self) -> MediaParameters:
        """For sfu.negotiate. ValueError when `kind` is None."""
        return MediaParameters(
            Kind(self.media), self.mid, self.formats, self.extensions, self.encodings, self.rtcp_rsize
        )


@dataclass(frozen=True, slots=True)
class SessionDescription:
    session_id: str = "0"
    version: int = 0
    bundle: tuple[str, ...] = ()
    """mids of the BUNDLE group; empty: none."""
    ice_lite: bool = False
    mixed_extensions: bool = False
    """`a=extmap-allow-mixed` (RFC 8285, 6): header extensions of more than 16 bytes may come and go."""
    sections: tuple[MediaSection, ...] = ()

    def section(self, mid: str) -> MediaSection | None:
        return next((section for section in self.sections if section.mid == mid), None)

    def __str__(self) -> str:
        """The text, with CRLF; parse(str(x)) == x."""
        return _text(_session_lines(self)) + "".join(_section_texts(self.sections))


# --- writing ------------------------------------------------------------------------------------


def _session_lines(description: SessionDescription) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {description.session_id} {description.version} IN IP4 127.0.0.1"
    yield "s=-"
    yield "t=0 0"
    if description.bundle:
        yield "a=group:BUNDLE " + " ".join(description.bundle)
    if description.ice_lite:
        yield "a=ice-lite"
    if description.mixed_extensions:
        yield "a=extmap-allow-mixed"
    yield "a=msid-semantic: WMS *"


def _text(lines: Iterable[str]) -> str:
    return "".join([f"{line}\r\n" for line in lines])


def _section_texts(sections: Iterable[MediaSection]) -> Iterator[str]:
    """What the sections of a bundle have in common, their transport, is written once."""
    ice, dtls, transport = None, None, ""
    for section in sections:
        if section.ice is not ice or section.dtls is not dtls:
            ice, dtls = section.ice, section.dtls
            transport = _text(_transport_lines(ice, dtls))
        yield _section_text(section, transport)


def _section_text(section: MediaSection, transport: str) -> str:
    numbers, media = _media_text(section.extensions, section.formats)
    numbers = numbers or " ".join(section.raw_formats) or "0"
    return (
        f"m={section.media} {section.port} {section.protocol} {numbers}\r\nc=IN IP4 0.0.0.0\r\n"
        + (f"a=mid:{section.mid}\r\n" if section.mid else "")
        + f"a={section.direction}\r\n"
        + transport
        + _text(_other_lines(section))
        + media
        + _text(_encoding_lines(section))
    )


def _transport_lines(ice: IceParameters | None, dtls: DtlsParameters | None) -> Iterator[str]:
    if ice:
        yield f"a=ice-ufrag:{ice.ufrag}"
        yield f"a=ice-pwd:{ice.pwd}"
    if dtls:
        for fingerprint in dtls.fingerprints:
            yield f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}"
        yield f"a=setup:{dtls.setup}"


def _other_lines(section: MediaSection) -> Iterator[str]:
    if section.candidates:
        yield from _candidate_lines(section.candidates)
    if section.end_of_candidates:
        yield "a=end-of-candidates"
    for stream, track in section.msids:
        yield f"a=msid:{stream} {track}".rstrip()
    if section.rtcp_mux:
        yield "a=rtcp-mux"
    if section.rtcp_rsize:
        yield "a=rtcp-rsize"


@lru_cache(MAX_CANDIDATES)
def _candidate_lines(candidates: tuple[Candidate, ...]) -> tuple[str, ...]:
    return tuple("a=" + candidate_attribute(candidate) for candidate in candidates)


def candidate_attribute(candidate: Candidate) -> str:
    """`candidate:...` as in RFC 8839, 5.1, without `a=`. TCP candidates of ours are passive (RFC 6544)."""
    tail = " tcptype passive" if candidate.protocol == "tcp" else ""
    return (
        f"candidate:{candidate.foundation} 1 {candidate.protocol} {candidate.priority} "
        f"{candidate.host} {candidate.port} typ host{tail}"
    )


@lru_cache(MAX_TEXTS)
def _media_text(
    extensions: tuple[tuple[Extension, int], ...], formats: tuple[PayloadFormat, ...]
) -> tuple[str, str]:
    """What does not depend on whom it is for: most of an offer, and the same for a whole lesson. The payload
    types as the m-line lists them, and the lines that say what they are."""
    numbers = [number for each in formats for number in (each.payload_type, each.rtx_payload_type)]
    lines = [f"a=extmap:{number} {extension}" for extension, number in extensions]
    return (
        " ".join(str(number) for number in numbers if number is not None),
        _text([*lines, *(line for each in formats for line in _format_lines(each))]),
    )


def _format_lines(payload_format: PayloadFormat) -> Iterator[str]:
    number, codec = payload_format.payload_type, payload_format.codec
    yield f"a=rtpmap:{number} {_rtpmap(codec)}"
    for feedback in sorted(payload_format.feedback):
        yield f"a=rtcp-fb:{number} {feedback}"
    if codec.fmtp:
        yield f"a=fmtp:{number} " + ";".join(f"{key}={value}" if value else key for key, value in codec.fmtp)
    if payload_format.rtx_payload_type is not None:
        yield f"a=rtpmap:{payload_format.rtx_payload_type} rtx/{codec.clock_rate}"
        yield f"a=fmtp:{payload_format.rtx_payload_type} apt={number}"


def _rtpmap(codec: Codec) -> str:
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    return f"{codec.name}/{codec.clock_rate}{channels}"


def _encoding_lines(section: MediaSection) -> Iterator[str]:
    rids = [encoding.rid for encoding in section.encodings if encoding.rid]
    if rids:
        verb = "send" if section.direction.sends else "recv"
        for rid in rids:
            yield f"a=rid:{rid} {verb}"
        yield f"a=simulcast:{verb} " + ";".join(rids)
    known = [(encoding.ssrc, encoding.rtx_ssrc) for encoding in section.encodings if encoding.ssrc]
    if len(known) > 1:
        yield "a=ssrc-group:SIM " + " ".join(str(ssrc) for ssrc, _ in known)
    for ssrc, rtx_ssrc in known:
        if rtx_ssrc:
            yield f"a=ssrc-group:FID {ssrc} {rtx_ssrc}"
    of_each = [f"cname:{section.cname or '-'}"]
    of_each += [f"msid:{stream} {track}".rstrip() for stream, track in section.msids]
    for number in (number for pair in known for number in pair if number):
        for attribute in of_each:
            yield f"a=ssrc:{number} {attribute}"
