"""Reading bit fields and Exp-Golomb codes (ITU-T H.264, 9.1), most significant bit first."""

from __future__ import annotations

from recorder.depacketize.frame import BadPayloadError


class BitReader:
    """Raises BadPayloadError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def left(self) -> int:
        """Bits not read yet."""
        return self._left

    def read(self, bits: int) -> int:
        if bits > self._left:
            raise BadPayloadError("header cut off")
        self._left -= bits
        return self._value >> self._left & ((1 << bits) - 1)

    def ue(self) -> int:
        """Unsigned Exp-Golomb code."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise BadPayloadError("Exp-Golomb code too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def se(self) -> int:
        """Signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
