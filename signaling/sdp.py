"""SDP as far as WebRTC, WHIP and WHEP need it: text <-> SessionDescription, pure.

RFC 8866 (grammar), 8839 (ICE), 6544 (TCP candidates), 8122 and 5763 (fingerprint, setup), 9143 (BUNDLE), 5576 (ssrc),
8851 and 8853 (rid, simulcast), 8285 (extmap), 8830 (msid). Offers and answers are made in jsep.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sfu.params import (
    Candidate,
    DtlsParameters,
    Encoding,
    Extension,
    IceParameters,
    Kind,
    MediaParameters,
    PayloadFormat,
)

MAX_LENGTH = 200_000
MAX_LINES = 5_000
MAX_SECTIONS = 64


class SdpError(Exception):
    """Bad input. str() is a sentence for people; `kind` is stable, one of:

    `not_sdp`, `sdp_too_large`, `bad_sdp` (a line that does not follow its grammar), `no_media`, `no_bundle`,
    `no_rtcp_mux`, `no_ice`, `no_fingerprint`, `bad_setup`, `bad_direction`, `answer_mismatch`."""

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
    protocol: str = "UDP/TLS/RTP/SAVPF"
    raw_formats: tuple[str, ...] = ()
    """The format list of the m-line as written."""
    direction: Direction = Direction.SENDRECV
    formats: tuple[PayloadFormat, ...] = ()
    """Codecs in the order of preference; rtx stands inside the format that it repeats."""
    extensions: tuple[tuple[Extension, int], ...] = ()
    """Those that we know; others are left out."""
    encodings: tuple[Encoding, ...] = ()
    msids: tuple[tuple[str, str], ...] = ()
    """(stream id, track id)."""
    cname: str = ""
    rtcp_mux: bool = True
    rtcp_rsize: bool = True
    ice: IceParameters | None = None
    dtls: DtlsParameters | None = None
    candidates: tuple[Candidate, ...] = ()
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
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class SessionDescription:
    session_id: str = "0"
    version: int = 0
    bundle: tuple[str, ...] = ()
    """mids of the BUNDLE group; empty: none."""
    ice_lite: bool = False
    sections: tuple[MediaSection, ...] = ()

    def section(self, mid: str) -> MediaSection | None:
        return next((section for section in self.sections if section.mid == mid), None)

    def __str__(self) -> str:
        """The text, with CRLF; parse(str(x)) == x."""
        raise NotImplementedError


def parse(text: str) -> SessionDescription:
    """Reads a description; attributes not known are left out. Raises only SdpError."""
    raise NotImplementedError
