"""Range requests (RFC 9110, section 14) for what is not a file. Pure.

One range is answered as 206; several, by their union's first where they overlap, are more than any player
asks for: section 14.2 lets a server ignore them, and the whole is sent. What is no range at all is ignored as
well, as the same section asks; a range that lies outside is 416.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class UnsatisfiableError(ValueError):
    """No byte of what there is was asked for: 416."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `start + length - 1`."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def requested(header: str | None, size: int) -> Span | None:
    """What a Range header asks for of `size` bytes; None: the whole. Raises UnsatisfiableError."""
    match = _ONE.fullmatch(header) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    first, last = (int(text) if text else None for text in match.groups())
    if first is None:
        assert last is not None
        if not last or not size:
            raise UnsatisfiableError(header)
        return Span(max(0, size - last), min(last, size))
    if last is not None and last < first:
        return None  # not a range (14.1.1), so there is none
    if first >= size:
        raise UnsatisfiableError(header)
    end = size if last is None else min(size, last + 1)
    return Span(first, end - first)


def applies(if_range: str | None, etag: str) -> bool:
    """Whether If-Range lets the range be used (13.1.5): the same entity tag, and a strong one. A date never
    does: nothing here has one."""
    return if_range is None or (if_range.strip() == etag and not etag.startswith("W/"))


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """13.1.2; weak comparison."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    wanted = etag.removeprefix("W/")
    return any(each.strip().removeprefix("W/") == wanted for each in if_none_match.split(","))
