"""What decides who may see an item or a clip, as the door of media asks for it."""

from __future__ import annotations

import asyncio
from typing import Final

from classroom.library.clips import ClipStanding
from classroom.library.rules import Holding
from classroom.store.library import LibraryStore
from recorder.library import Library, UnknownItemError

CLIP: Final = "clip-"
"""What the ids of clips begin with; a lesson may be called so as well."""


class LibraryAccess:
    """Implements media_access.Access."""

    def __init__(self, store: LibraryStore, files: Library) -> None:
        self._store = store
        self._files = files

    async def holding(self, item: str) -> Holding | ClipStanding | None:
        """Of an item, or of a clip; None: there is no such thing. Raises StoreUnavailable."""
        if item.startswith(CLIP):
            standing = await self._store.standing(item)
            if standing is not None:
                return standing
        found = await self._store.holding(item)
        return found or await self._of_files(item)

    async def _of_files(self, item: str) -> Holding | None:
        """An item that began a moment ago is not in the database yet: it follows its lesson."""
        try:
            return Holding(await asyncio.to_thread(self._files.lesson_of, item))
        except UnknownItemError:
            return None
