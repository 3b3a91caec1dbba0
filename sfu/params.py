"""The vocabulary of the media plane: what peers agree on, free of SDP, sockets and classrooms.

Names follow W3C WebRTC and ORTC (RTCRtpParameters), in snake_case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, NewType

TransportId = NewType("TransportId", int)
PublicationId = NewType("PublicationId", int)
SubscriptionId = NewType("SubscriptionId", int)


class Kind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class DtlsSetup(StrEnum):
    """`a=setup` of RFC 4145, as DTLS-SRTP (RFC 5763) uses it."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


class TransportState(StrEnum):
    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class Quality(StrEnum):
    """A participant's lines in one word."""

    GOOD = "good"
    FAIR = "fair"
    """Something is lost, late or smaller, and mostly made up for."""
    POOR = "poor"
    """Heard and seen as broken."""


class QualityReason(StrEnum):
    """Why it is not good."""

    NONE = ""
    INTERRUPTED = "interrupted"
    """Nothing has come from the peer for a while."""
    FROZEN = "frozen"
    """A picture stands still that should move."""
    LOSS_UP = "loss_up"
    """Much of what the peer sends is lost."""
    LOSS_DOWN = "loss_down"
    """Much of what is sent to the peer is lost."""
    BANDWIDTH = "bandwidth"
    """What is sent to the peer does not fit: pictures are smaller, or left out."""
    DELAY = "delay"
    """The round trip is long."""
    JITTER = "jitter"
    """What the peer sends arrives in gusts."""


class Extension(StrEnum):
    """RTP header extensions (RFC 8285) that the engine reads, writes or passes on."""

    MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
    RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
    DEPENDENCY_DESCRIPTOR = (
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
    )


@dataclass(frozen=True, slots=True)
class Codec:
    """A media codec as in `a=rtpmap` and `a=fmtp`, without a payload type."""

    name: str
    """Encoding name as registered (`opus`, `H264`, `VP8`, `VP9`, `AV1`); compared without case."""
    clock_rate: int
    """Hz."""
    channels: int = 1
    fmtp: tuple[tuple[str, str], ...] = ()
    """Format parameters in their order, keys in lower case."""

    @property
    def kind(self) -> Kind:
        return Kind.AUDIO if self.name.lower() in {"opus", "red", "pcmu", "pcma"} else Kind.VIDEO

    def parameter(self, name: str, default: str = "") -> str:
        return dict(self.fmtp).get(name, default)


@dataclass(frozen=True, slots=True)
class PayloadFormat:
    """A codec under the payload types of one m-line."""

    codec: Codec
    payload_type: int
    rtx_payload_type: int | None = None
    """Payload type of its retransmissions (RFC 4588), None where they are repeated as they were."""
    feedback: frozenset[str] = frozenset()
    """`a=rtcp-fb` values: `nack`, `nack pli`, `ccm fir`, `goog-remb`, `transport-cc`."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One layer of a publication: known by its SSRC, or by its RID until the SSRC is learnt."""

    ssrc: int | None = None
    rtx_ssrc: int | None = None
    rid: str | None = None


@dataclass(frozen=True, slots=True)
class MediaParameters:
    """One m-line after negotiation: how one publication or subscription looks on one transport."""

    kind: Kind
    mid: str
    formats: tuple[PayloadFormat, ...]
    """In the sender's order of preference: one codec, of sound also its RED. All of them share the
    m-line."""
    extensions: tuple[tuple[Extension, int], ...] = ()
    """Header extension and its id (1..14) on this transport."""
    encodings: tuple[Encoding, ...] = ()
    reduced_size_rtcp: bool = False
    """a=rtcp-rsize: feedback may go without a report in front (RFC 5506, 5)."""

    @property
    def codec(self) -> Codec:
        """What the media is, however it is wrapped (RED, RFC 2198)."""
        plain = (each.codec for each in self.formats if each.codec.name.lower() != "red")
        return next(plain, self.formats[0].codec)


@dataclass(frozen=True, slots=True)
class IceParameters:
    ufrag: str
    pwd: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    algorithm: str
    """Hash function name as in RFC 8122: `sha-256`."""
    value: str
    """Upper-case hex pairs with colons."""


@dataclass(frozen=True, slots=True)
class DtlsParameters:
    fingerprints: tuple[Fingerprint, ...]
    setup: DtlsSetup


@dataclass(frozen=True, slots=True)
class Candidate:
    """An ICE host candidate of this server (RFC 8839, RFC 6544 passive for TCP)."""

    host: str
    port: int
    protocol: str
    """`udp` or `tcp`."""
    priority: int
    foundation: str


@dataclass(frozen=True, slots=True)
class LocalParameters:
    """What a peer must know of one of our transports."""

    ice: IceParameters
    fingerprints: tuple[Fingerprint, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class RemoteParameters:
    """What a transport must know of its peer before the handshake."""

    dtls: DtlsParameters
    ice: IceParameters | None = None
    """Only for logs and restarts: a lite agent sends no checks of its own (RFC 8445, 6.1)."""


PacketPriority = Literal["normal", "high", "realtime"]


@dataclass(frozen=True, slots=True)
class SfuConfig:
    media_ips: tuple[str, ...] = ("127.0.0.1",)
    """Addresses put into candidates, IPv4 and IPv6."""
    media_port: int = 7000
    """UDP and TCP; 0 takes a free one."""
    bind_hosts: tuple[str, ...] = ()
    """Addresses to bind; empty: `media_ips` where they are this machine's, else the wildcard of their
    family (NAT)."""
    certificate_path: Path | None = None
    """PEM file with the DTLS certificate and its P-256 key, made there when missing; None: a new one for
    this run."""
    handshake_timeout_s: float = 15.0
    consent_timeout_s: float = 30.0
    """RFC 7675: no authenticated check for so long closes the transport."""
    packet_priority: PacketPriority = "normal"
    """What the packet thread asks of the system; without the permission it takes what it can get."""
