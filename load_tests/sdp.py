"""The offer of a bot and what it must know of the answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .rtp import EXTENSIONS

MAX_ANSWER_OCTETS = 200_000
AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE = 111, 102

OFFER = """\
v=0
o=- {session} 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS bot
m=audio 9 UDP/TLS/RTP/SAVPF 111
{common}
a=mid:0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 transport-cc
{audio_source}
m=video 9 UDP/TLS/RTP/SAVPF 102
{common}
a=mid:1
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=rtcp-fb:102 ccm fir
a=rtcp-fb:102 transport-cc
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

    def of(self, kind: str) -> MediaAnswer:
        """Its accepted m-line of this kind. Raises BadAnswer."""
        for media in self.media:
            if media.kind == kind and media.accepted:
                return media
        raise BadAnswer(f"the answer takes no {kind}")


def offer(local: LocalParameters, direction: str, ssrcs: Mapping[str, int] | None = None) -> str:
    """One audio and one video m-line, `sendonly` (with their SSRCs by kind) or `recvonly`, in one bundle."""
    ssrcs = ssrcs or {}
    common = COMMON.format(
        ufrag=local.ufrag,
        pwd=local.pwd,
        fingerprint=local.fingerprint,
        direction=direction,
        extensions="\n".join(f"a=extmap:{number} {uri}" for number, uri in enumerate(EXTENSIONS, 1)),
    )
    text = OFFER.format(
        session=int(local.fingerprint[:8].replace(":", ""), 16),
        common=common,
        audio_source=_source(ssrcs.get("audio"), "microphone"),
        video_source=_source(ssrcs.get("video"), "camera"),
    )
    return "".join(f"{line}\r\n" for line in text.splitlines() if line)


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
    )


def _attribute(section: str, name: str) -> str:
    found = re.search(rf"^a={name}:(.+)$", section, flags=re.MULTILINE)
    if found is None:
        raise BadAnswer(f"the answer has no a={name}")
    return found[1].strip()


def _udp_candidate(text: str) -> tuple[str, int]:
    found = re.search(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", text, re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise BadAnswer("the answer has no UDP host candidate")
    return found[1], int(found[2])


def _media(section: str) -> MediaAnswer:
    line = re.match(r"m=(\w+) (\d+) \S+ (\d+)", section)
    if line is None:
        raise BadAnswer("an m-line of the answer cannot be read")
    extensions = re.findall(r"^a=extmap:(\d+)(?:/\w+)? (\S+)", section, flags=re.MULTILINE)
    return MediaAnswer(
        kind=line[1],
        mid=_attribute(section, "mid") if line[2] != "0" else "",
        accepted=line[2] != "0" and "a=inactive" not in section,
        payload_type=int(line[3]),
        extensions={uri: int(number) for number, uri in extensions},
    )
