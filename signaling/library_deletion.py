"""Deletion in the library: on record first, then the files, of which a signed statement stays
(`recorder.tombstone`). By a person's word, or because a thing's time is over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

from classroom.library.clips import ClipState
from classroom.store.library import LibraryStore
from classroom.store.library_clips import Clip
from classroom.store.library_items import ItemRecord
from classroom.store.library_notes import Deed
from classroom.store.library_retention import Over
from recorder.library import Library
from recorder.signing import LedgerKey
from recorder.tombstone import Tombstone, bury
from signaling.clip_cutter import remove_files

RETENTION: Final = "retention"
"""Who deletes what is over its time."""
CLIPS: Final = "clips"
"""In the data directory."""


async def delete_item(
    store: LibraryStore,
    library: Library,
    data: Path,
    item: ItemRecord,
    now_ms: int,
    by: str,
    role: str,
    reason: str,
) -> None:
    """With its clips; those that were published only by a person's word. Raises StoreUnavailable, OSError."""
    await store.delete(item.id, at_ms=now_ms, by=by, reason=reason)
    await store.log(Deed(now_ms, item.id, "", by, role, "deleted", {"reason": reason}))
    for clip in await store.all_clips(item.id):
        if by != RETENTION or clip.state is not ClipState.PUBLISHED:
            await delete_clip(store, data, clip, now_ms, by, role, reason)
    await asyncio.to_thread(bury_item, library, data, item, now_ms, by, reason)


async def delete_clip(
    store: LibraryStore, data: Path, clip: Clip, now_ms: int, by: str, role: str, reason: str
) -> None:
    deed = Deed(now_ms, clip.item, clip.id, by, role, "clip-deleted", {"reason": reason})
    if await store.put_clip(replace(clip, deleted_ms=now_ms), deed):
        await asyncio.to_thread(remove_files, data / CLIPS, clip.id)


async def sweep(store: LibraryStore, library: Library, data: Path, now_ms: int) -> Over:
    """Deletes what is over its time, and tells what it was. Raises StoreUnavailable, OSError."""
    over = await store.over(now_ms)
    who = (now_ms, RETENTION, "server", RETENTION)
    for item in over.items:
        await delete_item(store, library, data, item, *who)
    for clip in over.clips:
        await delete_clip(store, data, clip, *who)
    return over


def bury_item(library: Library, data: Path, item: ItemRecord, at_ms: int, by: str, reason: str) -> None:
    """Again: goes on where it stopped. Raises OSError."""
    stone = Tombstone(item=item.id, lesson=item.lesson, at_ms=at_ms, by=by, reason=reason, seal="", key="")
    bury(library.storage, library.media, stone, LedgerKey.open(data))
