"""RTCP (RFC 3550, 4585, 5104) as the packet path reads and writes it; for tests and tools."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from typing_extensions import Buffer

class SenderInfo(TypedDict):
    """RFC 3550, 6.4.1."""

    ntp: int
    """32.32 fixed point, seconds since 1900."""
    rtp_timestamp: int
    packets: int
    octets: int

class ReportBlock(TypedDict):
    """RFC 3550, 6.4.1."""

    ssrc: int
    fraction_lost: int
    """Of 256."""
    cumulative_lost: int
    """24 bits, signed."""
    highest_sequence: int
    jitter: int
    """Timestamp units."""
    last_sr: int
    """Middle 32 bits of an NTP time."""
    delay_since_last_sr: int
    """1/65536 s."""

class RtcpPacket(TypedDict):
    type: int
    count: int
    """RC or FMT."""
    ssrc: int
    media_ssrc: int
    body: bytes
    """After the header and the SSRCs named above, without padding."""
    report_blocks: list[ReportBlock]
    sender_info: NotRequired[SenderInfo]
    remb: NotRequired[int]
    """Bits per second."""

def parse_compound(data: Buffer) -> tuple[list[RtcpPacket], bool]:
    """The packets up to the first malformed one, and whether there was none such."""

def build_sr(ssrc: int, ntp: int, rtp_timestamp: int, packets: int, octets: int) -> bytes: ...
def build_rr(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes: ...
def build_sdes_cname(ssrc: int, cname: bytes) -> bytes:
    """Longer names than 255 bytes are cut."""

def build_bye(ssrc: int) -> bytes: ...
def build_pli(ssrc: int, media_ssrc: int) -> bytes: ...
def build_fir(ssrc: int, media_ssrc: int, sequence: int) -> bytes: ...
def build_nack(ssrc: int, media_ssrc: int, lost: Sequence[int]) -> bytes:
    """lost: at most 256 sequence numbers, ascending modulo 2^16."""

def build_remb(ssrc: int, bits_per_second: int, ssrcs: Sequence[int]) -> bytes: ...
