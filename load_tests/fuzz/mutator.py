"""Inputs that are nearly right: where parsers have their mistakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

INTERESTING = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    192,
    200,
    201,
    205,
    206,
    240,
    254,
    255,
)
WIDE = (0, 1, 4, 255, 256, 1000, 2047, 2048, 4095, 4096, 32767, 32768, 65534, 65535)
LONG = (0, 1, 2**16, 2**24 - 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
MAX_BYTES = 4096
"""Longer than any datagram; of files, the pieces that a mutation touches are few anyway."""
MAX_STEPS = 6
"""Changes to one input: with more nothing of the example is left, and the first check refuses it."""
WORDS = (
    *(
        "0",
        "1",
        "-1",
        "65535",
        "65536",
        "4294967295",
        "4294967296",
        "9" * 400,
        "1e999",
        "NaN",
        "null",
        "true",
    ),
    *(
        "",
        " ",
        "\t",
        "\x00",
        "\r",
        "\u2028",
        "é",
        "\ud83d\ude00",
        "[]",
        "{}",
        '"',
        "\\",
        "/",
        ":",
        "=",
        ";",
        ",",
    ),
    *("a" * 300, "UDP/TLS/RTP/SAVPF", "application", "rtx", "red", "inactive", "~", "*", "../..", "%s"),
)


class Mutator:
    """Seeded; two of the same seed make the same inputs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._steps: tuple[Callable[[bytearray], None], ...] = (
            *(self._flip, self._set, self._set, self._set_wide, self._set_long, self._insert, self._delete),
            *(self._truncate, self._repeat, self._noise),
        )

    def bytes(self, examples: Sequence[bytes]) -> bytes:
        """A mutation of one of the examples, now and then with the end of another."""
        chance = self.random
        data = bytearray(chance.choice(examples))
        if chance.random() < 0.05:
            other = chance.choice(examples)
            data[self._at(data) :] = other[self._at(other) :]
        for _ in range(1 + int(chance.random() ** 2 * MAX_STEPS)):
            chance.choice(self._steps)(data)
        return bytes(data)

    def text(self, examples: Sequence[str]) -> str:
        """The same of text: by line, by word, or by byte."""
        chance = self.random
        text = chance.choice(examples)
        if chance.random() < 0.2:
            return self.bytes([text.encode("utf-8", "surrogatepass")]).decode("utf-8", "replace")
        for _ in range(1 + int(chance.random() ** 2 * MAX_STEPS)):
            text = self._change_lines(text, examples) if chance.random() < 0.5 else self._change_word(text)
        return text

    # --- bytes -----------------------------------------------------------------------------------------

    def _at(self, data: Sequence[int]) -> int:
        return self.random.randrange(len(data) + 1)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[self.random.randrange(len(data))] = self.random.choice(INTERESTING)

    def _set_wide(self, data: bytearray) -> None:
        at = self._at(data)
        data[at : at + 2] = self.random.choice(WIDE).to_bytes(2, "big")

    def _set_long(self, data: bytearray) -> None:
        at = self._at(data)
        data[at : at + 4] = self.random.choice(LONG).to_bytes(4, "big")

    def _insert(self, data: bytearray) -> None:
        at = self._at(data)
        if len(data) < MAX_BYTES:
            data[at:at] = self.random.randbytes(1 + self.random.randrange(8))

    def _delete(self, data: bytearray) -> None:
        at = self._at(data)
        del data[at : at + 1 + self.random.randrange(8)]

    def _truncate(self, data: bytearray) -> None:
        del data[self._at(data) :]

    def _repeat(self, data: bytearray) -> None:
        at = self._at(data)
        piece = data[at : at + 1 + self.random.randrange(32)]
        if len(data) < MAX_BYTES:
            data[at:at] = piece * (1 + self.random.randrange(4))

    def _noise(self, data: bytearray) -> None:
        at = self._at(data)
        length = 1 + self.random.randrange(16)
        data[at : at + length] = self.random.randbytes(length)

    # --- text ------------------------------------------------------------------------------------------

    def _change_lines(self, text: str, examples: Sequence[str]) -> str:
        chance = self.random
        lines = text.splitlines(keepends=True)
        if not lines:
            return chance.choice(examples)
        at, what = chance.randrange(len(lines)), chance.randrange(5)
        if what == 0:
            del lines[at]
        elif what == 1:
            lines[at:at] = lines[at : at + 1 + chance.randrange(20)]
        elif what == 2:
            lines[at:at] = [chance.choice(lines)]
        elif what == 3:
            lines[at:at] = [chance.choice(chance.choice(examples).splitlines(keepends=True) or [""])]
        else:
            chance.shuffle(lines)
        return "".join(lines)

    def _change_word(self, text: str) -> str:
        chance = self.random
        at = chance.randrange(len(text) + 1)
        while at and chance.random() < 0.8 and text[at - 1].isalnum():
            at -= 1
        end = at
        while end < len(text) and text[end].isalnum():
            end += 1
        return text[:at] + chance.choice(WORDS) + text[end if chance.random() < 0.7 else at :]
