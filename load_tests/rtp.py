"""RTP packets, sender reports and feedback of a publishing bot (RFC 3550, 8285, 4585). Pure.

Independent of the server's own code on purpose: a mistake made once must not cancel itself out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
EXTENSIONS = (MID, ABS_SEND_TIME, TRANSPORT_CC, AUDIO_LEVEL, RID)
AUDIO_ONLY, VIDEO_ONLY = frozenset({AUDIO_LEVEL}), frozenset({RID})

NTP_OFFSET_S = 2_208_988_800
"""1900 to 1970 (RFC 868)."""
SILENT_LEVEL = 80
"""-dBov: quieter is no voice (the V bit of RFC 6464)."""
RTPFB, PSFB, SENDER_REPORT = 205, 206, 200
FEEDBACK_NACK, FEEDBACK_PLI, FEEDBACK_FIR = 1, 1, 4


class BadRtcp(Exception):  # noqa: N818
    """Not a compound RTCP packet."""


@dataclass(slots=True)
class TransportSequence:
    """Transport-wide sequence numbers, one count over all streams of a transport."""

    next: int = 0

    def take(self) -> int:
        value, self.next = self.next, self.next + 1 & 0xFFFF
        return value


@dataclass(slots=True)
class Stream:
    """One SSRC being sent: builds its packets and keeps what its sender reports need."""

    ssrc: int
    payload_type: int
    mid: str
    extensions: dict[str, int]
    """URI -> id (1..14) as negotiated."""
    transport_sequence: TransportSequence
    sequence: int = 0
    rid: str = ""
    """Which encoding of a simulcast (RFC 8852)."""
    packets: int = 0
    octets: int = 0
    """Of payload, as a sender report counts."""

    def packet(
        self, payload: bytes, timestamp: int, marker: bool, now: float, level: int | None = None
    ) -> bytes:
        """One RTP packet; `now` in seconds goes into abs-send-time, `level` (0 loudest to 127) into the audio
        level (RFC 6464)."""
        extension = self._extension(now, level)
        first = 0x90 if extension else 0x80
        header = struct.pack(
            "!BBHII",
            first,
            marker << 7 | self.payload_type,
            self.sequence,
            timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        self.sequence = self.sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return header + extension + payload

    def _extension(self, now: float, level: int | None) -> bytes:
        """One-byte header form (RFC 8285, 4.2), padded to words; empty without extensions."""
        values = {
            MID: self.mid.encode(),
            ABS_SEND_TIME: (int(now * (1 << 18)) & 0xFFFFFF).to_bytes(3, "big"),
        }
        if self.rid:
            values[RID] = self.rid.encode()
        if level is not None:
            values[AUDIO_LEVEL] = bytes([(level < SILENT_LEVEL) << 7 | level])
        if TRANSPORT_CC in self.extensions:
            values[TRANSPORT_CC] = self.transport_sequence.take().to_bytes(2, "big")
        body = b"".join(
            bytes([self.extensions[uri] << 4 | len(value) - 1]) + value
            for uri, value in values.items()
            if uri in self.extensions
        )
        if not body:
            return b""
        body += bytes(-len(body) % 4)
        return struct.pack("!HH", 0xBEDE, len(body) // 4) + body

    def sender_report(self, timestamp: int, unix_time: float) -> bytes:
        """The sender report alone (RFC 3550, 6.4.1), as reduced-size RTCP allows."""
        ntp = int((unix_time + NTP_OFFSET_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
        body = struct.pack(
            "!IQIII",
            self.ssrc,
            ntp,
            timestamp & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )
        return struct.pack("!BBH", 0x80, SENDER_REPORT, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    ssrc: int


@dataclass(frozen=True, slots=True)
class Nack:
    ssrc: int
    sequences: tuple[int, ...]


def feedback(compound: bytes) -> Iterator[KeyframeRequest | Nack]:
    """What a compound RTCP packet asks of a sender: PLI and FIR as KeyframeRequest, generic NACK. Raises
    BadRtcp."""
    at = 0
    while at < len(compound):
        if len(compound) - at < 4 or compound[at] >> 6 != 2:
            raise BadRtcp("no RTCP header where one should be")
        first, kind, words = struct.unpack_from("!BBH", compound, at)
        packet = compound[at : at + 4 * (words + 1)]
        if len(packet) < 4 * (words + 1):
            raise BadRtcp("RTCP packet is longer than its datagram")
        at += len(packet)
        if kind in (RTPFB, PSFB) and len(packet) >= 12:
            yield from _requests(kind, first & 0x1F, packet)


def _requests(kind: int, form: int, packet: bytes) -> Iterator[KeyframeRequest | Nack]:
    (media_ssrc,) = struct.unpack_from("!I", packet, 8)
    if kind == PSFB and form == FEEDBACK_PLI:
        yield KeyframeRequest(media_ssrc)
    elif kind == PSFB and form == FEEDBACK_FIR:
        for at in range(12, len(packet) - 7, 8):
            yield KeyframeRequest(struct.unpack_from("!I", packet, at)[0])
    elif kind == RTPFB and form == FEEDBACK_NACK:
        lost: list[int] = []
        for at in range(12, len(packet) - 3, 4):
            first, mask = struct.unpack_from("!HH", packet, at)
            lost += [first] + [first + 1 + bit & 0xFFFF for bit in range(16) if mask >> bit & 1]
        yield Nack(media_ssrc, tuple(lost))
