"""Durations as people write them: `90`, `90s`, `15m`, `8h`, `7d`, `1h30m`."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_WHOLE: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[dhms])+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms])")

MAX_LENGTH: Final = 40
"""Characters; longer ones are no durations."""


def parse_duration(text: str) -> float:
    """Seconds; a bare number means seconds. ValueError for anything else."""
    text = text.strip().lower()
    if len(text) > MAX_LENGTH:
        raise ValueError("too long for a duration")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a duration such as 90s, 15m or 8h")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
