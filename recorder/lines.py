"""Files of one JSON object per line, which only grow: how they are read when the last line may be torn."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at bytes that are not JSON of the type asked for: three kinds, by where it notices."""


def read_lines(data: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[list[T], int]:
    """(entries, length of the valid part). Reading ends at the first line that is torn or not ours."""
    entries: list[T] = []
    valid = 0
    while (end := data.find(b"\n", valid)) >= 0:
        try:
            entries.append(decoder.decode(data[valid:end]))
        except NOT_JSON:
            break
        valid = end + 1
    return entries, valid
