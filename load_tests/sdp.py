"""The offer of a bot and what it must know of the answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .rtp import AUDIO_ONLY, EXTENSIONS, TRANSPORT_CC, VIDEO_ONLY

MAX_ANSWER_OCTETS = 200_000
DISCARD_PORT = 9
"""In an m-line: no port is told (RFC 8840, 4.1.1)."""
AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 111, 102, 103
RTX = f"a=rtpmap:{RTX_PAYLOAD_TYPE} rtx/90000\na=fmtp:{RTX_PAYLOAD_TYPE} apt={VIDEO_PAYLOAD_TYPE}"
"""RFC 4588: for who repairs."""

OFFER = """\
v=0
o=- {session} 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS bot
m=audio {port} UDP/TLS/RTP/SAVPF 111
{common}
{audio_extensions}
a=mid:0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 transport-cc
{audio_source}
m=video {port} UDP/TLS/RTP/SAVPF 102{rtx_number}
{common}
{video_extensions}
a=mid:1
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 transport-cc
{rtx}
{video_source}
"""

COMMON = """\
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=rtcp-mux
a=rtcp-rsize
a={direction}
{extensions}"""


class BadAnswer(Exception):  # noqa: N818
    """The server's answer lacks something; the text says what."""


@dataclass(frozen=True, slots=True)
class LocalParameters:
    """What a bot says of itself."""

    ufrag: str
    pwd: str
    fingerprint: str
    """SHA-256 of its certificate, hex pairs with colons."""
    transport_cc: bool = True
    """It sends transport-wide feedback. One that says so and does not would be taken for a dead link."""
    port: int = DISCARD_PORT
    """Of its UDP socket."""


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    kind: str
    mid: str
    accepted: bool
    payload_type: int
    extensions: Mapping[str, int]
    """URI -> id."""


@dataclass(frozen=True, slots=True)
class Answer:
    ufrag: str
    pwd: str
    fingerprint_algorithm: str
    fingerprint: str
    setup: str
    """`passive` or `active`: the server's part in the DTLS handshake."""
    address: tuple[str, int]
    """Its first UDP candidate."""
    media: tuple[MediaAnswer, ...]
    tcp_address: tuple[str, int] | None = None
    """Its first passive TCP candidate (RFC 6544)."""

    def of(self, kind: str) -> MediaAnswer:
        """Its accepted m-line of this kind. Raises BadAnswer."""
        for media in self.media:
            if media.kind == kind and media.accepted:
                return media
        raise BadAnswer(f"the answer takes no {kind}")


def offer(
    local: LocalParameters,
    direction: str,
    ssrcs: Mapping[str, int] | None = None,
    rids: Sequence[str] = (),
) -> str:
    """One audio and one video m-line, `sendonly` (with their SSRCs by kind) or `recvonly`, in one bundle.
    rids: encodings of a simulcast, worst first (RFC 8853); then the video has no SSRC in the SDP."""
    ssrcs = ssrcs or {}
    repairs = local.transport_cc and direction == "recvonly"
    known = [uri for uri in EXTENSIONS if local.transport_cc or uri != TRANSPORT_CC]
    extensions = {uri: f"a=extmap:{number} {uri}" for number, uri in enumerate(known, 1)}
    common = COMMON.format(
        ufrag=local.ufrag,
        pwd=local.pwd,
        fingerprint=local.fingerprint,
        direction=direction,
        extensions="\n".join(line for uri, line in extensions.items() if uri not in AUDIO_ONLY | VIDEO_ONLY),
    )
    text = OFFER.format(
        session=int(local.fingerprint[:8].replace(":", ""), 16),
        common=common,
        rtx=RTX if repairs else "",
        rtx_number=f" {RTX_PAYLOAD_TYPE}" if repairs else "",
        port=local.port,
        audio_extensions="\n".join(line for uri, line in extensions.items() if uri in AUDIO_ONLY),
        video_extensions="\n".join(line for uri, line in extensions.items() if uri in VIDEO_ONLY and rids),
        audio_source=_source(ssrcs.get("audio"), "microphone"),
        video_source=_simulcast(rids) if rids else _source(ssrcs.get("video"), "camera"),
    )
    lines = (line for line in text.splitlines() if line and (local.transport_cc or not _is_feedback(line)))
    return "".join(f"{line}\r\n" for line in lines)


def _simulcast(rids: Sequence[str]) -> str:
    return "\n".join(
        ["a=msid:bot camera", *(f"a=rid:{rid} send" for rid in rids), f"a=simulcast:send {';'.join(rids)}"]
    )


def _is_feedback(line: str) -> bool:
    return line.startswith("a=rtcp-fb:") and line.endswith(" transport-cc")


def _source(ssrc: int | None, track: str) -> str:
    return "" if ssrc is None else f"a=msid:bot {track}\na=ssrc:{ssrc} cname:bot"


def parse_answer(text: str) -> Answer:
    """Reads an answer (RFC 8866). Raises BadAnswer, which names what is missing."""
    if len(text) > MAX_ANSWER_OCTETS:
        raise BadAnswer("the answer is larger than any answer can be")
    session, *sections = re.split(r"^(?=m=)", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    if not sections:
        raise BadAnswer("the answer has no m-line")
    bundled = session + sections[0]
    algorithm, fingerprint = _attribute(bundled, "fingerprint").split(" ", 1)
    return Answer(
        ufrag=_attribute(bundled, "ice-ufrag"),
        pwd=_attribute(bundled, "ice-pwd"),
        fingerprint_algorithm=algorithm.lower(),
        fingerprint=fingerprint.strip().upper(),
        setup=_attribute(bundled, "setup"),
        address=_udp_candidate(text),
        media=tuple(_media(section) for section in sections),
        tcp_address=_tcp_candidate(text),
    )


def local_parameters(offer: str) -> LocalParameters:
    """What an offer of `offer` says of its bot. Raises BadAnswer when it was made by somebody else."""
    line = re.search(r"^m=\w+ (\d+) ", offer, flags=re.MULTILINE)
    return LocalParameters(
        ufrag=_attribute(offer, "ice-ufrag"),
        pwd=_attribute(offer, "ice-pwd"),
        fingerprint=_attribute(offer, "fingerprint").removeprefix("sha-256 "),
        transport_cc=TRANSPORT_CC in offer,
        port=int(line[1]) if line else DISCARD_PORT,
    )


def offered_ssrcs(offer: str) -> list[tuple[int, str]]:
    """(SSRC, mid) of all that a server offers; the retransmission streams' too."""
    _, *sections = re.split(r"^(?=m=)", offer.replace("\r\n", "\n"), flags=re.MULTILINE)
    found = []
    for section in sections:
        mid = re.search(r"^a=mid:(\S+)", section, re.MULTILINE)
        numbers = {int(number) for number in re.findall(r"^a=ssrc:(\d+)", section, re.MULTILINE)}
        found += [(number, mid[1]) for number in sorted(numbers) if mid]
    return found


def answer_to(offer: str, local: LocalParameters | None) -> str:
    """Takes all that a server offers, each m-line with its Opus or H.264 and without retransmission streams;
    None: turns all of it down. Raises BadAnswer."""
    _, *sections = re.split(r"^(?=m=)", offer.replace("\r\n", "\n"), flags=re.MULTILINE)
    lines = [_answered(section, local) for section in sections]
    mids = " ".join(mid for mid, _ in lines if mid)
    head = [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        "a=msid-semantic: WMS *",
    ]
    return "".join(f"{line}\r\n" for line in [*head, *(line for _, section in lines for line in section)])


def _answered(section: str, local: LocalParameters | None) -> tuple[str, list[str]]:
    """(mid, or empty for one that is refused; lines) of the answer to one m-line."""
    line = re.match(r"m=(\w+) (\d+) (\S+) ", section)
    codec = re.search(r"^a=rtpmap:(\d+) (?:opus|H264)/", section, re.MULTILINE | re.IGNORECASE)
    if line is None:
        raise BadAnswer("an m-line of the offer cannot be read")
    mid = f"a=mid:{_attribute(section, 'mid')}"
    inactive = re.search(r"^a=inactive", section, re.MULTILINE)
    if local is None or line[2] == "0" or codec is None or inactive:
        return "", [
            f"m={line[1]} 0 {line[3]} {codec[1] if codec else 0}",
            "c=IN IP4 0.0.0.0",
            mid,
            "a=inactive",
        ]
    kept = re.findall(rf"^a=(?:rtpmap|fmtp|rtcp-fb):{codec[1]} .+$", section, flags=re.MULTILINE)
    extensions = re.findall(r"^a=extmap:\d+(?:/\w+)? \S+", section, flags=re.MULTILINE)
    return mid.removeprefix("a=mid:"), [
        f"m={line[1]} 9 {line[3]} {codec[1]}",
        *("c=IN IP4 0.0.0.0", f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.pwd}"),
        *(f"a=fingerprint:sha-256 {local.fingerprint}", "a=setup:active", "a=rtcp-mux", "a=rtcp-rsize"),
        *(mid, "a=recvonly"),
        *(line for line in kept if local.transport_cc or not _is_feedback(line)),
        *(line for line in extensions if _known(line.rpartition(" ")[2], local)),
    ]


def _attribute(section: str, name: str) -> str:
    found = re.search(rf"^a={name}:(.+)$", section, flags=re.MULTILINE)
    if found is None:
        raise BadAnswer(f"the answer has no a={name}")
    return found[1].strip()


def _known(uri: str, local: LocalParameters) -> bool:
    return uri in EXTENSIONS and (local.transport_cc or uri != TRANSPORT_CC)


def _udp_candidate(text: str) -> tuple[str, int]:
    found = re.search(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", text, _LINES)
    if found is None:
        raise BadAnswer("the answer has no UDP host candidate")
    return found[1], int(found[2])


def _tcp_candidate(text: str) -> tuple[str, int] | None:
    found = re.search(r"^a=candidate:\S+ 1 tcp \d+ (\S+) (\d+) typ host tcptype passive", text, _LINES)
    return (found[1], int(found[2])) if found else None


_LINES = re.MULTILINE | re.IGNORECASE


def _media(section: str) -> MediaAnswer:
    line = re.match(r"m=(\w+) (\d+) \S+ (\d+)", section)
    if line is None:
        raise BadAnswer("an m-line of the answer cannot be read")
    extensions = re.findall(r"^a=extmap:(\d+)(?:/\w+)? (\S+)", section, flags=re.MULTILINE)
    return MediaAnswer(
        kind=line[1],
        mid=_attribute(section, "mid") if line[2] != "0" else "",
        accepted=line[2] != "0" and "a=inactive" not in section,
        payload_type=_payload_type(section, int(line[3])),
        extensions={uri: int(number) for number, uri in extensions},
    )


def _payload_type(section: str, first: int) -> int:
    """Of Opus or H.264, which is all that a bot takes: a server that offers may name others first."""
    codec = re.search(r"^a=rtpmap:(\d+) (?:opus|H264)/", section, _LINES)
    return int(codec[1]) if codec else first
