"""`application/trickle-ice-sdpfrag` (RFC 8840, 9): what a WHIP or WHEP client says in a PATCH, and our
answer. Pure.

We are an ICE-lite agent: we send no checks, so the client's candidates are of no use to us (RFC 8445, 2.5);
they are checked, counted and forgotten. What matters are new ICE credentials, which ask for an ICE restart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfu.params import IceParameters, LocalParameters
from signaling.sdp import candidate_attribute

MAX_LENGTH = 32_768
"""Characters. A client with many network interfaces sends some 50 candidates of 150 characters."""
MAX_LINES = 500

DEFAULT_MEDIA = "audio 9 UDP/TLS/RTP/SAVPF 0"
"""For a fragment without an m-line: everything is bundled, so it does not matter which it is."""

_LINE = re.compile(r"[a-z]=[^\x00-\x1f\x7f]*")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
"""RFC 8839, 5.4."""
_CANDIDATE = re.compile(r"[A-Za-z0-9+/]{1,32} \d{1,5} \S+ \d{1,10} \S+ \d{1,5} typ \S+( .*)?")
"""RFC 8839, 5.1: foundation component transport priority address port typ TYPE."""


class FragmentError(Exception):
    """Not a fragment; str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class IceFragment:
    """What a client's fragment says."""

    ice: IceParameters | None
    """None when it names no credentials, which then are the current ones."""
    media: str
    """The m-line that it speaks of, and so must the answer."""
    mid: str
    candidates: int
    end_of_candidates: bool


def parse(text: str) -> IceFragment:
    """Reads a client's fragment. Raises only FragmentError."""
    if len(text) > MAX_LENGTH:
        raise FragmentError(f"it has more than {MAX_LENGTH} characters")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise FragmentError(f"it has more than {MAX_LINES} lines")
    values: dict[str, list[str]] = {}
    for line in filter(None, lines):
        if not _LINE.fullmatch(line):
            raise FragmentError(f"a line is not TYPE=VALUE: {line[:80]!r}")
        key, value = _split(line)
        values.setdefault(key, []).append(value)
    if not values:
        raise FragmentError("it is empty")
    return _fragment(values)


def _split(line: str) -> tuple[str, str]:
    """("m", rest) for an m-line, ("a=NAME", value) for an attribute."""
    if not line.startswith("a="):
        return line[0], line[2:]
    name, _, value = line[2:].partition(":")
    return f"a={name}", value


def _fragment(values: dict[str, list[str]]) -> IceFragment:
    candidates = values.get("a=candidate", [])
    for candidate in candidates:
        if not _CANDIDATE.fullmatch(candidate):
            raise FragmentError(f"a candidate cannot be read: {candidate[:80]!r}")
    return IceFragment(
        ice=_credentials(values),
        media=values.get("m", [DEFAULT_MEDIA])[0],
        mid=values.get("a=mid", ["0"])[0],
        candidates=len(candidates),
        end_of_candidates="a=end-of-candidates" in values,
    )


def _credentials(values: dict[str, list[str]]) -> IceParameters | None:
    """The one pair of credentials; with BUNDLE several m-lines may repeat it, but not differ."""
    ufrags, passwords = set(values.get("a=ice-ufrag", [])), set(values.get("a=ice-pwd", []))
    if not ufrags and not passwords:
        return None
    if len(ufrags) != 1 or len(passwords) != 1:
        raise FragmentError("it needs one a=ice-ufrag and one a=ice-pwd")
    ufrag, password = ufrags.pop(), passwords.pop()
    if not _UFRAG.fullmatch(ufrag) or not _PWD.fullmatch(password):
        raise FragmentError(
            "a=ice-ufrag or a=ice-pwd is too short, too long, or has characters that ICE does not know"
        )
    return IceParameters(ufrag, password)


def answer(local: LocalParameters, fragment: IceFragment) -> str:
    """Our side after an ICE restart: new credentials and all candidates (RFC 9725, 4.3.3)."""
    lines = [
        "a=ice-lite",
        "a=ice-options:trickle ice2",
        f"a=group:BUNDLE {fragment.mid}",
        f"m={fragment.media}",
        f"a=mid:{fragment.mid}",
        f"a=ice-ufrag:{local.ice.ufrag}",
        f"a=ice-pwd:{local.ice.pwd}",
        *(f"a={candidate_attribute(candidate)}" for candidate in local.candidates),
        "a=end-of-candidates",
    ]
    return "".join(line + "\r\n" for line in lines)
