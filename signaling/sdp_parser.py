"""The reader of sdp.py: text from anybody -> SessionDescription, or SdpError and nothing else.

Each attribute that we know is one row of a table and one small method; a line is looked at once. Numbers go
through `_number`, words through `_token`, so that nothing unbounded, and no line break, gets from the text
into our own.

What says which codecs and header extensions there are is most of a description, and to the letter the same
of all browsers of one make and version. So the lines of an m-line that are nobody's own are read as one text,
once for all who send it (`_catalogue`), and what was made of them is shared: it never changes. Where anything
is wrong, the whole is read line by line, to say which.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn

from sfu.params import (
    Candidate,
    Codec,
    DtlsParameters,
    DtlsSetup,
    Encoding,
    Extension,
    Fingerprint,
    IceParameters,
    PayloadFormat,
)
from signaling.sdp import (
    MAX_LENGTH,
    MAX_LINES,
    MAX_SECTIONS,
    Direction,
    MediaSection,
    SdpError,
    SessionDescription,
)

MAX_TOKEN = 256
"""Characters of a mid, msid, ufrag, ...: the longest that any of the RFCs allows (ice-ufrag, RFC 8839,
5.4)."""
MAX_MID = 16
"""Characters: what fits a one-byte header extension (RFC 8285, 4.2)."""
MAX_ENCODINGS = 4
"""Layers of one track: browsers send up to 3."""
MAX_FMTP = 1_000
"""Characters; H264 with its parameter sets needs about 200."""
MAX_FINGERPRINTS = 8
"""aiortc sends 3, one for each hash function."""

DIGITS = re.compile(r"[0-9]+", re.ASCII)
TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+", re.ASCII)
ICE_CHARS = re.compile(r"[0-9A-Za-z+/\-_=]+", re.ASCII)
"""RFC 8839, 5.4 has `+` and `/`; `-`, `_` and `=` are in use all the same."""
NAME = re.compile(r"[0-9A-Za-z_.\-]{1,40}", re.ASCII)
MSID = re.compile(r"[^\s\x00-\x1f\x7f]{1,256}")
"""RFC 8830 wants a token of at most 64; WHIP clients send braces, slashes and colons too."""
RID = re.compile(r"[0-9A-Za-z_\-]{1,16}", re.ASCII)
FINGERPRINT = re.compile(r"([0-9A-Za-z\-]{1,16}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})", re.ASCII)
RTPMAP = re.compile(r"([0-9]{1,3}) +([0-9A-Za-z_.\-]{1,40})/([0-9]{1,8})(?:/([0-9]{1,2}))?", re.ASCII)
EXTMAP = re.compile(r"([0-9]{1,4})(?:/[a-z]+)? +(\S+)(?: .*)?", re.ASCII)
CANDIDATE = re.compile(
    r"([0-9A-Za-z+/]{1,32}) 1 (udp|tcp) ([0-9]{1,10}) ([0-9A-Fa-f:.]{1,45}) ([0-9]{1,5}) typ host(?: (.*))?",
    re.ASCII | re.IGNORECASE,
)

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OWN = (
    *("m=", "a=mid", "a=msid", "a=ssrc", "a=rid", "a=simulcast", "a=candidate"),
    *("a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", *(f"a={each}" for each in Direction)),
)
"""How lines of an m-line begin that are somebody's own; all others say the same whoever sends them."""
MAX_CATALOGUE = 10_000
"""Characters: Chromium writes about 4,000 for an m-line of video."""
MAX_CATALOGUES = 128
"""M-lines of different browsers, kept to be met again: some 30 kB each."""

DIRECTIONS = frozenset(Direction)
SETUPS = frozenset(DtlsSetup)
EXTENSIONS = frozenset(Extension)
STATIC = {0: Codec("PCMU", 8000), 8: Codec("PCMA", 8000)}
"""Payload types that may stand without an rtpmap (RFC 3551) and that a browser still offers."""
ALL_FORMATS = -1
"""`*` in a=rtcp-fb."""


def parse(text: str) -> SessionDescription:
    """Reads a description; attributes not known are left out. Raises only SdpError."""
    if len(text) > MAX_LENGTH:
        raise SdpError("sdp_too_large", f"The SDP has {len(text)} characters; at most {MAX_LENGTH} are read.")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[0].strip() != "v=0":
        raise SdpError("not_sdp", "This is not an SDP: it does not begin with the line v=0.")
    if len(lines) > MAX_LINES:
        raise SdpError("sdp_too_large", f"The SDP has {len(lines)} lines; at most {MAX_LINES} are read.")
    try:
        if "".join(lines).isprintable():
            return _read_at_once(lines)
    except (SdpError, _MalformedError):
        pass
    return _read(lines)


def _read_at_once(lines: list[str]) -> SessionDescription:
    """Raises SdpError or _MalformedError; `_read` tells where."""
    session = _Session()
    sections: list[_Section] = []
    catalogues: list[list[str]] = []
    for line in lines:
        if sections and not line.startswith(OWN):
            catalogues[-1].append(line)
        elif line.strip():
            _read_plain_line(line, session, sections)
            if len(catalogues) < len(sections):
                catalogues.append([])
    for section, catalogue in zip(sections, catalogues, strict=True):
        section.take("\n".join(catalogue))
    return _put_together(session, sections)


def _read(lines: list[str]) -> SessionDescription:
    session = _Session()
    sections: list[_Section] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            _read_line(line, session, sections)
        except _MalformedError as error:
            raise SdpError("bad_sdp", f"Line {number} of the SDP cannot be read: {error}.") from None
    return _put_together(session, sections)


def _put_together(session: _Session, sections: list[_Section]) -> SessionDescription:
    built = tuple(section.build(session) for section in sections)
    mids = [section.mid for section in built if section.mid]
    if len(set(mids)) != len(mids):
        raise SdpError("bad_sdp", "Two m-lines of the SDP have the same a=mid.")
    return SessionDescription(
        session.id, session.version, session.bundle, session.ice_lite, session.mixed_extensions, built
    )


def _read_line(line: str, session: _Session, sections: list[_Section]) -> None:
    if CONTROL.search(line):
        _malformed("it contains control characters")
    _read_plain_line(line, session, sections)


def _read_plain_line(line: str, session: _Session, sections: list[_Section]) -> None:
    if len(line) < 2 or line[1] != "=" or not line[0].islower():
        _malformed("it has not the form letter=value")
    kind, value = line[0], line[2:].strip()
    if kind == "m":
        if len(sections) == MAX_SECTIONS:
            raise SdpError("sdp_too_large", f"The SDP has more than {MAX_SECTIONS} m-lines.")
        sections.append(_media(value))
    elif kind == "o" and not sections:
        session.origin(value)
    elif kind == "a":
        name, _, rest = value.partition(":")
        owner: _Session | _Section = sections[-1] if sections else session
        owner.attribute(name, rest.strip())


class _MalformedError(Exception):
    """A line that does not follow its grammar; becomes an SdpError with the line's number."""


def _malformed(sentence: str) -> NoReturn:
    raise _MalformedError(sentence)


def _number(text: str, low: int, high: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        _malformed(f"{what} must be a number from {low} to {high}")
    return int(text)


def _token(pattern: re.Pattern[str], text: str, what: str, limit: int = MAX_TOKEN) -> str:
    if len(text) > limit or not pattern.fullmatch(text):
        _malformed(f"{what} has characters that it must not have, or more than {limit} of them")
    return text


def _media(value: str) -> _Section:
    fields = value.split()
    if len(fields) < 4:
        _malformed("an m-line needs media, port, protocol and formats")
    port = _number(fields[1].partition("/")[0], 0, 65535, "the port")
    media = _token(TOKEN, fields[0], "the kind of media", 32)
    protocol = "/".join(_token(TOKEN, part, "the protocol", 32) for part in fields[2].split("/"))
    formats = tuple(_token(TOKEN, part, "a format", 64) for part in fields[3:])
    if len(formats) > 128:
        _malformed("an m-line has at most 128 formats")
    return _Section(media=media, port=port, protocol=protocol, raw_formats=formats)


@dataclass(slots=True)
class _Level:
    """What may stand in the session's part as well as in an m-line."""

    ufrag: str = ""
    pwd: str = ""
    fingerprints: list[Fingerprint] = field(default_factory=list)
    setup: DtlsSetup | None = None
    direction: Direction | None = None
    extensions: dict[int, str] = field(default_factory=dict)
    """id -> URI, also of those that we do not know."""

    def read_ufrag(self, value: str) -> None:
        self.ufrag = _token(ICE_CHARS, value, "the ICE user fragment")

    def read_pwd(self, value: str) -> None:
        self.pwd = _token(ICE_CHARS, value, "the ICE password")

    def read_fingerprint(self, value: str) -> None:
        match = FINGERPRINT.fullmatch(value)
        if not match or len(self.fingerprints) == MAX_FINGERPRINTS:
            _malformed("a fingerprint is a hash function and its value as hex pairs with colons")
        self.fingerprints.append(Fingerprint(match[1].lower(), match[2].upper()))

    def read_setup(self, value: str) -> None:
        if value not in SETUPS:
            raise SdpError("bad_setup", "The SDP's a=setup is none of actpass, active and passive.")
        self.setup = DtlsSetup(value)

    def read_extension(self, value: str) -> None:
        match = EXTMAP.fullmatch(value)
        if not match:
            _malformed("a=extmap needs an id and a URI")
        number = _number(match[1], 1, 4351, "the id of a header extension")
        if self.extensions.setdefault(number, match[2]) != match[2]:
            _malformed(f"two header extensions have the id {number}")


@dataclass(slots=True)
class _Session(_Level):
    id: str = "0"
    version: int = 0
    bundle: tuple[str, ...] = ()
    ice_lite: bool = False
    mixed_extensions: bool = False

    def origin(self, value: str) -> None:
        fields = value.split()
        if len(fields) != 6:
            _malformed("o= needs six fields")
        self.id = _token(DIGITS, fields[1], "the session id", 20)
        self.version = int(_token(DIGITS, fields[2], "the session version", 20))

    def attribute(self, name: str, value: str) -> None:
        if name == "group":
            semantics, *mids = value.split()[: MAX_SECTIONS + 1] or [""]
            if semantics == "BUNDLE" and not self.bundle:
                self.bundle = tuple(_token(TOKEN, mid, "a mid", MAX_MID) for mid in mids)
        elif name == "ice-lite":
            self.ice_lite = True
        elif name == "extmap-allow-mixed":
            self.mixed_extensions = True
        elif name in DIRECTIONS:
            self.direction = Direction(name)
        elif reader := LEVEL_ATTRIBUTES.get(name):
            reader(self, value)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What the lines of an m-line say that are nobody's own."""

    formats: tuple[PayloadFormat, ...]
    extensions: dict[int, str]
    """Not to be changed, nor what follows."""
    known: tuple[tuple[Extension, int], ...]
    flags: set[str]


@lru_cache(MAX_CATALOGUES)
def _catalogue(media: str, raw_formats: tuple[str, ...], text: str) -> _Catalogue:
    """Raises _MalformedError."""
    section = _Section(media=media, raw_formats=raw_formats)
    for line in filter(str.strip, text.split("\n")):
        if line[2:3].isspace():
            _malformed("a blank in front may hide what is somebody's own")
        _read_plain_line(line, _Session(), [section])
    known = _known(section.extensions)
    return _Catalogue(section._formats(), section.extensions, known, section.flags)


@dataclass(slots=True)
class _Section(_Level):
    """An m-line while it is read: attributes by payload type and by SSRC, in any order."""

    media: str = ""
    port: int = 0
    protocol: str = ""
    raw_formats: tuple[str, ...] = ()
    mid: str = ""
    codecs: dict[int, Codec] = field(default_factory=dict)
    fmtp: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    feedback: dict[int, set[str]] = field(default_factory=dict)
    msids: list[tuple[str, str]] = field(default_factory=list)
    ssrcs: list[int] = field(default_factory=list)
    cname: str = ""
    repairs: dict[int, int] = field(default_factory=dict)
    """FID: SSRC -> SSRC of its retransmissions."""
    simulcast_ssrcs: list[int] = field(default_factory=list)
    rids: dict[str, list[str]] = field(default_factory=lambda: {"send": [], "recv": []})
    simulcast: dict[str, list[str]] = field(default_factory=lambda: {"send": [], "recv": []})
    candidates: list[Candidate] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    taken: _Catalogue | None = None
    """Codecs and header extensions that were read as a whole."""

    def take(self, text: str) -> None:
        """The lines that are nobody's own. Raises _MalformedError."""
        read = _catalogue if len(text) <= MAX_CATALOGUE else _catalogue.__wrapped__
        self.taken = read(self.media, self.raw_formats, text)
        self.flags |= self.taken.flags

    def attribute(self, name: str, value: str) -> None:
        if name in FLAGS:
            self.flags.add(name)
        elif name in DIRECTIONS:
            self.direction = Direction(name)
        elif reader := LEVEL_ATTRIBUTES.get(name):
            reader(self, value)
        elif section_reader := SECTION_ATTRIBUTES.get(name):
            section_reader(self, value)

    def read_mid(self, value: str) -> None:
        self.mid = _token(TOKEN, value, "the mid", MAX_MID)

    def read_rtpmap(self, value: str) -> None:
        match = RTPMAP.fullmatch(value)
        if not match:
            _malformed("a=rtpmap needs a payload type and NAME/CLOCKRATE[/CHANNELS]")
        clock_rate = _number(match[3], 1, 10_000_000, "the clock rate")
        channels = _number(match[4] or "1", 1, 32, "the number of channels")
        self.codecs[_payload_type(match[1])] = Codec(match[2], clock_rate, channels)

    def read_fmtp(self, value: str) -> None:
        number, _, rest = value.partition(" ")
        if len(rest) > MAX_FMTP:
            _malformed(f"format parameters have at most {MAX_FMTP} characters")
        pairs = (part.strip().partition("=") for part in rest.split(";") if part.strip())
        self.fmtp[_payload_type(number)] = tuple(
            (key.strip().lower(), text.strip()) for key, _, text in pairs if key.strip()
        )[:64]

    def read_feedback(self, value: str) -> None:
        number, _, rest = value.partition(" ")
        key = ALL_FORMATS if number == "*" else _payload_type(number)
        words = " ".join(_token(TOKEN, word, "the feedback", 32) for word in rest.split())
        if words:
            self.feedback.setdefault(key, set()).add(words)

    def read_msid(self, value: str) -> None:
        fields = [_token(MSID, part, "the msid") for part in value.split()]
        if not 1 <= len(fields) <= 2:
            _malformed("a=msid needs a stream id and at most one track id")
        pair = (fields[0], fields[1] if len(fields) == 2 else "")
        if pair not in self.msids and len(self.msids) < MAX_ENCODINGS:
            self.msids.append(pair)

    def read_ssrc(self, value: str) -> None:
        number, _, rest = value.partition(" ")
        ssrc = _ssrc(number)
        if ssrc not in self.ssrcs:
            self.ssrcs.append(ssrc)
        name, _, text = rest.partition(":")
        if name == "cname" and not self.cname:
            self.cname = _token(MSID, text.strip(), "the cname")

    def read_ssrc_group(self, value: str) -> None:
        semantics, *numbers = value.split() or [""]
        ssrcs = [_ssrc(number) for number in numbers]
        if semantics == "FID" and len(ssrcs) == 2:
            self.repairs[ssrcs[0]] = ssrcs[1]
        elif semantics == "SIM":
            self.simulcast_ssrcs = ssrcs

    def read_rid(self, value: str) -> None:
        fields = value.split()
        if len(fields) < 2 or fields[1] not in self.rids:
            _malformed("a=rid needs an id and send or recv")
        self.rids[fields[1]].append(_token(RID, fields[0], "the RID", 16))

    def read_simulcast(self, value: str) -> None:
        fields = value.split()
        if len(fields) not in {2, 4} or any(verb not in self.simulcast for verb in fields[::2]):
            _malformed("a=simulcast needs send or recv and a list of RIDs")
        for verb, streams in zip(fields[::2], fields[1::2], strict=True):
            # Of alternatives (a,b) the first is the sender's favourite; `~` means paused for now (RFC 8853,
            # 5.1).
            firsts = (stream.split(",")[0].removeprefix("~") for stream in streams.split(";"))
            self.simulcast[verb] = [_token(RID, rid, "the RID", 16) for rid in firsts]

    def read_candidate(self, value: str) -> None:
        """Of a peer's candidates we need none, so those of kinds that a server has not are left out."""
        match = CANDIDATE.fullmatch(value)
        if not match or (match[2].lower() == "tcp" and "tcptype passive" not in (match[6] or "")):
            return
        priority = _number(match[3], 1, 2**31 - 1, "the candidate's priority")
        port = _number(match[5], 0, 65535, "the candidate's port")
        self.candidates.append(Candidate(match[4], port, match[2].lower(), priority, match[1]))

    # --- putting it together --------------------------------------------------------------------

    def build(self, session: _Session) -> MediaSection:
        direction = self.direction or session.direction or Direction.SENDRECV
        encodings = self._encodings("send" if direction.sends else "recv")
        return MediaSection(
            media=self.media,
            mid=self.mid,
            # An offerer that insists on BUNDLE writes port 0 and means no refusal (RFC 9143, 6).
            port=self.port or (DISCARD_PORT if "bundle-only" in self.flags else 0),
            protocol=self.protocol,
            raw_formats=self.raw_formats,
            direction=direction,
            formats=self.taken.formats if self.taken else self._formats(),
            extensions=self._known_extensions(session),
            encodings=encodings,
            msids=tuple(self.msids),
            # It belongs to an SSRC (RFC 5576, 6.1); "-" stands for none.
            cname=self.cname if self.cname != "-" and any(each.ssrc for each in encodings) else "",
            rtcp_mux="rtcp-mux" in self.flags,
            rtcp_rsize="rtcp-rsize" in self.flags,
            ice=_ice(self, session),
            dtls=_dtls(self, session),
            candidates=tuple(self.candidates),
            end_of_candidates="end-of-candidates" in self.flags,
        )

    def _known_extensions(self, session: _Session) -> tuple[tuple[Extension, int], ...]:
        if self.taken is not None and not session.extensions:
            return self.taken.known
        return _known(session.extensions | (self.taken.extensions if self.taken else self.extensions))

    def _formats(self) -> tuple[PayloadFormat, ...]:
        if self.media not in {"audio", "video"}:
            return ()
        listed = [int(text) for text in self.raw_formats if text.isdigit() and int(text) < 128]
        codecs = {number: self.codecs.get(number) or STATIC.get(number) for number in dict.fromkeys(listed)}
        repairs = {
            dict(self.fmtp.get(number, ())).get("apt", ""): number
            for number, codec in codecs.items()
            if codec and codec.name.lower() == "rtx"
        }
        common = self.feedback.get(ALL_FORMATS, set())
        return tuple(
            PayloadFormat(
                codec=Codec(codec.name, codec.clock_rate, codec.channels, self.fmtp.get(number, ())),
                payload_type=number,
                rtx_payload_type=repairs.get(str(number)),
                feedback=frozenset(common | self.feedback.get(number, set())),
            )
            for number, codec in codecs.items()
            if codec and codec.name.lower() != "rtx"
        )

    def _encodings(self, verb: str) -> tuple[Encoding, ...]:
        if rids := [rid for rid in self.simulcast[verb] if rid in self.rids[verb]] or self.rids[verb]:
            return tuple(Encoding(rid=rid) for rid in dict.fromkeys(rids))[:MAX_ENCODINGS]
        if self.simulcast_ssrcs:
            ssrcs = self.simulcast_ssrcs
        elif self.repairs:
            ssrcs = list(self.repairs)
        else:
            ssrcs = self.ssrcs[:1]  # one track for an m-line (RFC 9429); a second SSRC without group is FEC
        return tuple(Encoding(ssrc, self.repairs.get(ssrc)) for ssrc in dict.fromkeys(ssrcs))[:MAX_ENCODINGS]


def _payload_type(text: str) -> int:
    return _number(text, 0, 127, "the payload type")


def _ssrc(text: str) -> int:
    return _number(text, 1, 2**32 - 1, "the SSRC")


def _known(extensions: dict[int, str]) -> tuple[tuple[Extension, int], ...]:
    """Ids above 14 need the two-byte form, which the engine does not read: left out, so never negotiated."""
    known = {uri: number for number, uri in extensions.items() if uri in EXTENSIONS and number <= 14}
    return tuple((Extension(uri), number) for uri, number in known.items())


def _ice(section: _Section, session: _Session) -> IceParameters | None:
    ufrag, pwd = section.ufrag or session.ufrag, section.pwd or session.pwd
    return IceParameters(ufrag, pwd) if ufrag and pwd else None


def _dtls(section: _Section, session: _Session) -> DtlsParameters | None:
    fingerprints = section.fingerprints or session.fingerprints
    setup = section.setup or session.setup or DtlsSetup.ACTPASS
    return DtlsParameters(tuple(fingerprints), setup) if fingerprints else None


FLAGS = {"rtcp-mux", "rtcp-rsize", "end-of-candidates", "bundle-only"}
DISCARD_PORT = 9
"""Stands for "a port, but ICE will tell" (RFC 8840, 4.1.1)."""

LEVEL_ATTRIBUTES: dict[str, Callable[[_Level, str], None]] = {
    "ice-ufrag": _Level.read_ufrag,
    "ice-pwd": _Level.read_pwd,
    "fingerprint": _Level.read_fingerprint,
    "setup": _Level.read_setup,
    "extmap": _Level.read_extension,
}

SECTION_ATTRIBUTES: dict[str, Callable[[_Section, str], None]] = {
    "mid": _Section.read_mid,
    "rtpmap": _Section.read_rtpmap,
    "fmtp": _Section.read_fmtp,
    "rtcp-fb": _Section.read_feedback,
    "msid": _Section.read_msid,
    "ssrc": _Section.read_ssrc,
    "ssrc-group": _Section.read_ssrc_group,
    "rid": _Section.read_rid,
    "simulcast": _Section.read_simulcast,
    "candidate": _Section.read_candidate,
}
