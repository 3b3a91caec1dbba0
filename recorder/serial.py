"""Serial number arithmetic (RFC 1982): counters that wrap, made into integers that do not."""

from __future__ import annotations


class Unwrapper:
    """Extends an n-bit counter, choosing the value nearest to the last one seen."""

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self._last: int | None = None

    def peek(self, value: int) -> int:
        """The extended value, without remembering it."""
        if self._last is None:
            return value
        half = self._modulus >> 1
        return self._last + ((value - self._last + half) % self._modulus - half)

    def unwrap(self, value: int) -> int:
        self._last = self.peek(value)
        return self._last
