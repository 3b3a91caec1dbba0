"""What a receiving browser says back: transport-wide feedback, NACK, PLI, receiver reports. Pure.

Independent of the server's own code on purpose: a mistake made once must not cancel itself out.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

RECEIVER_REPORT, RTPFB, PSFB = 201, 205, 206
NACK, TRANSPORT_CC, PLI = 1, 15, 1
DELTA_US, REFERENCE_US = 250, 64_000
SYMBOLS_PER_CHUNK = 7
TWO_BIT_VECTOR = 0xC000
MISSING, SMALL_DELTA, LARGE_DELTA = 0, 1, 2
MAX_LARGE = 0x7FFF


def nack(sender: int, media: int, sequences: Sequence[int]) -> bytes:
    """RFC 4585, 6.2.1; sequence numbers ascending, 16 bits."""
    items: list[list[int]] = []
    for sequence in sequences:
        gap = sequence - items[-1][0] & 0xFFFF if items else 0
        if items and 0 < gap <= 16:
            items[-1][1] |= 1 << gap - 1
        else:
            items.append([sequence & 0xFFFF, 0])
    return _packet(
        NACK, RTPFB, struct.pack("!II", sender, media) + b"".join(struct.pack("!HH", *i) for i in items)
    )


def pli(sender: int, media: int) -> bytes:
    """RFC 4585, 6.3.1."""
    return _packet(PLI, PSFB, struct.pack("!II", sender, media))


def receiver_report(sender: int, blocks: Sequence[tuple[int, int, int, int, int]]) -> bytes:
    """RFC 3550, 6.4.2; blocks: (SSRC, fraction lost of 256, packets lost, highest number, jitter)."""
    body = b"".join(
        struct.pack("!IIIIII", ssrc, fraction << 24 | lost & 0xFFFFFF, highest & 0xFFFFFFFF, jitter, 0, 0)
        for ssrc, fraction, lost, highest, jitter in blocks
    )
    return _packet(len(blocks), RECEIVER_REPORT, struct.pack("!I", sender) + body)


def transport_feedback(sender: int, media: int, count: int, arrivals: Sequence[tuple[int, int]]) -> bytes:
    """draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. arrivals: (unwrapped sequence number,
    microseconds), ascending by number; what lies between them is missing."""
    base, last = arrivals[0][0], arrivals[-1][0]
    reference = arrivals[0][1] // REFERENCE_US
    symbols, deltas = [MISSING] * (last - base + 1), b""
    before_us = reference * REFERENCE_US
    for sequence, at_us in arrivals:
        delta = max(-MAX_LARGE, min(MAX_LARGE, round((at_us - before_us) / DELTA_US)))
        before_us += delta * DELTA_US
        small = 0 <= delta <= 255
        symbols[sequence - base] = SMALL_DELTA if small else LARGE_DELTA
        deltas += struct.pack("!B" if small else "!h", delta)
    head = struct.pack("!IIHH", sender, media, base & 0xFFFF, len(symbols))
    head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([count & 0xFF])
    return _packet(TRANSPORT_CC, RTPFB, head + _chunks(symbols) + deltas)


def _chunks(symbols: Sequence[int]) -> bytes:
    """Status vectors of two bits each."""
    result = b""
    for at in range(0, len(symbols), SYMBOLS_PER_CHUNK):
        word = TWO_BIT_VECTOR
        for place, symbol in enumerate(symbols[at : at + SYMBOLS_PER_CHUNK]):
            word |= symbol << 2 * (SYMBOLS_PER_CHUNK - 1 - place)
        result += struct.pack("!H", word)
    return result


def _packet(form: int, kind: int, body: bytes) -> bytes:
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    return struct.pack("!BBH", 0x80 | (0x20 if padding else 0) | form, kind, len(body) // 4) + body
