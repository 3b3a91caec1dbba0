"""RTP and RTCP on the media socket, read and written (RFC 3550, RFC 4585, RFC 4588).

The server speaks plain RTP here, but what it forwards began with strangers: everything is checked against the
datagram's length, and only BadPacketError leaves this file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

RTCP_SR = 200
RTCP_RR = 201
RTCP_BYE = 203
RTCP_RTPFB = 205
RTCP_PSFB = 206
FMT_NACK = 1
"""Generic NACK: RFC 4585, 6.2.1."""
FMT_PLI = 1
"""Picture loss indication: RFC 4585, 6.3.1."""

NTP_EPOCH_S = 2_208_988_800
"""Unix time 0 in NTP seconds (RFC 5905)."""

NACKS_PER_PACKET = 100
"""FCI entries of one NACK: 12 + 400 bytes stay below every MTU."""


class BadPacketError(ValueError):
    """Not RTP or RTCP as the RFCs have it."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    ssrc: int
    payload_type: int
    sequence: int
    """16 bits as on the wire."""
    timestamp: int
    """32 bits as on the wire."""
    marker: bool
    payload: bytes
    """Padding taken off."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp_us: int
    """Sender's wall clock as Unix time in microseconds."""
    timestamp: int
    """RTP timestamp of the same instant, 32 bits."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    ssrc: int


def is_rtcp(datagram: bytes) -> bool:
    """RFC 5761, section 4: by the second byte."""
    return len(datagram) >= 2 and 192 <= datagram[1] <= 223


def parse_rtp(datagram: bytes) -> RtpPacket:
    """RFC 3550, 5.1. Raises BadPacketError."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        raise BadPacketError("not RTP version 2")
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
    start = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > len(datagram):
            raise BadPacketError("header extension cut off")
        start += 4 + 4 * struct.unpack_from("!H", datagram, start + 2)[0]
    end = len(datagram)
    if first & 0x20:
        padding = datagram[-1]
        if padding == 0:
            raise BadPacketError("padding of length 0")
        end -= padding
    if start > end:
        raise BadPacketError("header longer than the packet")
    return RtpPacket(ssrc, second & 0x7F, sequence, timestamp, bool(second & 0x80), datagram[start:end])


def unwrap_rtx(packet: RtpPacket, ssrc: int, payload_type: int) -> RtpPacket | None:
    """The original of a retransmission (RFC 4588, section 4); None for an empty one (a bandwidth probe).

    Raises BadPacketError.
    """
    if not packet.payload:
        return None
    if len(packet.payload) < 2:
        raise BadPacketError("retransmission without its original sequence number")
    (sequence,) = struct.unpack_from("!H", packet.payload)
    return replace(
        packet, ssrc=ssrc, payload_type=payload_type, sequence=sequence, payload=packet.payload[2:]
    )


def parse_rtcp(datagram: bytes) -> list[SenderReport | Goodbye]:
    """The sender reports and goodbyes of a compound packet (RFC 3550, 6.4.1 and 6.6). Raises
    BadPacketError."""
    found: list[SenderReport | Goodbye] = []
    offset = 0
    while offset < len(datagram):
        if offset + 4 > len(datagram) or datagram[offset] >> 6 != 2:
            raise BadPacketError("not RTCP version 2")
        first, kind, words = struct.unpack_from("!BBH", datagram, offset)
        end = offset + 4 + 4 * words
        if end > len(datagram):
            raise BadPacketError("RTCP packet cut off")
        found += _read_rtcp(kind, first & 0x1F, datagram[offset + 4 : end])
        offset = end
    return found


def _read_rtcp(kind: int, count: int, body: bytes) -> Iterable[SenderReport | Goodbye]:
    if kind == RTCP_SR:
        if len(body) < 24:
            raise BadPacketError("sender report cut off")
        ssrc, seconds, fraction, timestamp = struct.unpack_from("!IIII", body)
        yield SenderReport(
            ssrc, (seconds - NTP_EPOCH_S) * 1_000_000 + (fraction * 1_000_000 >> 32), timestamp
        )
    elif kind == RTCP_BYE:
        if len(body) < 4 * count:
            raise BadPacketError("goodbye cut off")
        for (ssrc,) in struct.iter_unpack("!I", body[: 4 * count]):
            yield Goodbye(ssrc)


def build_nack(sender_ssrc: int, media_ssrc: int, lost: Sequence[int]) -> bytes:
    """Generic NACK for ascending sequence numbers (modulo 2^16), at most what fits one packet (RFC 4585,
    6.2.1)."""
    entries: list[tuple[int, int]] = []
    for sequence in lost:
        ahead = (sequence - entries[-1][0]) & 0xFFFF if entries else 0
        if entries and 1 <= ahead <= 16:
            entries[-1] = (entries[-1][0], entries[-1][1] | 1 << (ahead - 1))
        elif len(entries) < NACKS_PER_PACKET:
            entries.append((sequence & 0xFFFF, 0))
        else:
            break
    header = struct.pack("!BBHII", 0x80 | FMT_NACK, RTCP_RTPFB, 2 + len(entries), sender_ssrc, media_ssrc)
    return header + b"".join(struct.pack("!HH", *entry) for entry in entries)


def build_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """RFC 4585, 6.3.1."""
    return struct.pack("!BBHII", 0x80 | FMT_PLI, RTCP_PSFB, 2, sender_ssrc, media_ssrc)
