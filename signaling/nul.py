"""NUL (U+0000): PostgreSQL stores no text with one and says so by an error, SQLite stores it, and no name, id
or sentence of anybody has one. So it stays at the door, wherever a text may come in."""

from __future__ import annotations

import re
from typing import Final

REASON: Final = "U+0000 in a text"
_IN_TEXT: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_IN_BYTES: Final = re.compile(_IN_TEXT.pattern.encode())


def in_json(raw: str | bytes) -> bool:
    """Written as an escape, since JSON has it in no other way (RFC 8259, 7); after an even number of
    backslashes, or it is five characters behind one."""
    if isinstance(raw, str):
        return "\\u0000" in raw and _IN_TEXT.search(raw) is not None
    return b"\\u0000" in raw and _IN_BYTES.search(raw) is not None


def in_address(part: str) -> bool:
    """Of a URL, as it was sent."""
    return "%00" in part
