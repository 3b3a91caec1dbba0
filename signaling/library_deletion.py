"""The deletion of an item's files: a signed statement stays in their place (`recorder.tombstone`)."""

from __future__ import annotations

from pathlib import Path

from classroom.store.library_items import ItemRecord
from recorder.library import Library
from recorder.signing import LedgerKey
from recorder.tombstone import Tombstone, bury


def bury_item(library: Library, data: Path, item: ItemRecord, at_ms: int, by: str, reason: str) -> None:
    """Again: goes on where it stopped. Raises OSError."""
    stone = Tombstone(item=item.id, lesson=item.lesson, at_ms=at_ms, by=by, reason=reason, seal="", key="")
    bury(library.storage, library.media, stone, LedgerKey.open(data))
