"""The decoder configuration of H.264 in ISO media files (`avcC`, ISO/IEC 14496-15, 5.3.3.1), taken apart
and put together. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

LENGTH_SIZE = 4
SPS, PPS = 7, 8
_START = b"\x00\x00\x01"


class BadConfigurationError(ValueError):
    """Not an `avcC`, or one that ends too early."""


@dataclass(frozen=True, slots=True)
class AvcConfiguration:
    head: bytes
    """Version, profile, compatibility, level."""
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    tail: bytes = b""
    """What High profiles say of colours."""

    @classmethod
    def parse(cls, data: bytes) -> AvcConfiguration:
        """Raises BadConfigurationError."""
        try:
            if data[0] != 1 or data[4] & 3 != LENGTH_SIZE - 1:
                raise BadConfigurationError("not an avcC with lengths of four bytes")
            sps, at = _sets(data, 6, data[5] & 31)
            pps, at = _sets(data, at + 1, data[at])
        except IndexError as error:
            raise BadConfigurationError("the avcC ends too early") from error
        return cls(data[:4], sps, pps, data[at:])

    @property
    def profile(self) -> int:
        return self.head[1]

    @property
    def ids(self) -> frozenset[int]:
        """Numbers of parameter sets that are taken: of both kinds, since encoders give them the same."""
        sps = {unsigned(unit[4:]) for unit in self.sps if len(unit) > 4}
        return frozenset(sps | {unsigned(unit[1:]) for unit in self.pps if len(unit) > 1})

    def joined(self, sps: tuple[bytes, ...], pps: tuple[bytes, ...]) -> AvcConfiguration:
        """With more parameter sets; the level of the highest."""
        level = max([self.head[3], *(unit[3] for unit in sps)])
        head = self.head[:3] + bytes([level])
        return replace(self, head=head, sps=self.sps + sps, pps=self.pps + pps)

    def __bytes__(self) -> bytes:
        out = self.head + bytes([0xFC | (LENGTH_SIZE - 1), 0xE0 | len(self.sps)])
        out += b"".join(len(unit).to_bytes(2, "big") + unit for unit in self.sps) + bytes([len(self.pps)])
        return out + b"".join(len(unit).to_bytes(2, "big") + unit for unit in self.pps) + self.tail


def _sets(data: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    found = []
    for _ in range(count):
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + length > len(data):
            raise BadConfigurationError("the avcC ends too early")
        found.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return tuple(found), at


def unsigned(data: bytes) -> int:
    """The first ue(v) of ISO/IEC 14496-10, 9.1; 0 where there is none."""
    bits = "".join(f"{byte:08b}" for byte in data[:8])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1


def units(data: bytes) -> Iterator[bytes]:
    """The NAL units of a byte stream with start codes (annex B)."""
    at = data.find(_START)
    while at >= 0:
        following = data.find(_START, at + 3)
        unit = data[at + 3 : following if following >= 0 else len(data)]
        # A start code may have a fourth byte, which stands before it.
        yield unit.rstrip(b"\x00") if following >= 0 else unit
        at = following


def with_lengths(data: bytes) -> bytes:
    """A byte stream with start codes as it stands in ISO media files, without parameter sets."""
    kept = [unit for unit in units(data) if unit and unit[0] & 31 not in (SPS, PPS, 9)]
    return b"".join(len(unit).to_bytes(LENGTH_SIZE, "big") + unit for unit in kept)
