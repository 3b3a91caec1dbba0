"""Files of one JSON object per line, which only grow: how they are read when a line is torn or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

T = TypeVar("T")

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at bytes that are not JSON of the type asked for: three kinds, by where it notices."""


def read_lines(data: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[list[T], int]:
    """(entries, length up to the end of the last one). A line that is not ours is passed over, so that one
    damaged byte does not hide what comes after it."""
    end = data.rfind(b"\n") + 1
    try:
        entries = decoder.decode_lines(data[:end])
        if len(entries) == data.count(b"\n", 0, end):
            return entries, end
    except NOT_JSON:
        pass
    return _read_damaged(data, decoder)


def _read_damaged(data: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[list[T], int]:
    """Line by line, which takes several times as long."""
    entries: list[T] = []
    valid = 0
    for entry, end in each_line(data, decoder):
        if entry is not None:
            entries.append(entry)
            valid = end
    return entries, valid


def each_line(data: bytes, decoder: msgspec.json.Decoder[T]) -> Iterator[tuple[T | None, int]]:
    """(entry, or None where it is not one; where the line ends) for every line that ends at all."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        try:
            yield decoder.decode(data[start:end]), end + 1
        except NOT_JSON:
            yield None, end + 1
        start = end + 1
