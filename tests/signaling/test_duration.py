"""Durations as people write them."""

from __future__ import annotations

import pytest

from signaling.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("8h", 28800), ("7d", 604800), ("1h30m", 5400), (" 0.5S ", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "8 h", "-1", "1w", "1e3", "8h!", "1" * 41, "٣h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
