"""The read side of the library: what is recorded, from the files alone, while it is being recorded and after.

Nothing here asks the recorder process: an item is its directory, so it can be listed and played while the process
is away, and by `tongke library` without a server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec


class UnknownItemError(LookupError):
    """No item with that id in this library."""


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    """A span of a track that is missing."""

    start_s: float
    """Item clock, seconds."""
    duration_s: float
    cause: str
    """`muted`, `network`, `server` or `policy`."""


class TrackView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    kind: Literal["audio", "video"]
    codec: str
    """As in RFC 6381: `avc1.42e01f`, `vp08.00.10.08`, `opus`. Of the latest part."""
    duration_s: float
    """Recorded media, gaps not counted."""
    gaps: list[GapView]
    person: str = ""
    source: str = ""
    start_s: float = 0.0
    """Item clock at the first sample, seconds."""
    width: int = 0
    height: int = 0


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded lesson as `/api/v1/library` shows it."""

    id: str
    lesson: str
    title: str
    state: Literal["live", "ready"]
    started_at: str
    """RFC 3339, UTC."""
    duration_s: float
    tracks: list[TrackView]
    complete: float
    """0..1: covered time over expected time of all tracks; what their owners muted counts as covered."""


class Library:
    """The items under one data directory. Cheap to make; holds no open file."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "library"

    def items(self, lesson: str = "") -> list[ItemView]:
        """Newest first; of one lesson, or of all."""
        raise NotImplementedError

    def item(self, item_id: str) -> ItemView:
        """Raises UnknownItemError."""
        raise NotImplementedError
