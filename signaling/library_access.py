"""What decides who may see an item or a clip, as the door of media asks for it."""

from __future__ import annotations

import asyncio

from classroom.library.rules import Holding
from classroom.store.library import LibraryStore
from recorder.library import Library, UnknownItemError


class LibraryAccess:
    """Implements media_access.Access."""

    def __init__(self, store: LibraryStore, files: Library) -> None:
        self._store = store
        self._files = files

    async def holding(self, item: str) -> Holding | None:
        """None: there is no such item. Raises StoreUnavailable."""
        found = await self._store.holding(item)
        return found or await self._of_files(item)

    async def _of_files(self, item: str) -> Holding | None:
        """An item that began a moment ago is not in the database yet: it follows its lesson."""
        try:
            return Holding(await asyncio.to_thread(self._files.lesson_of, item))
        except UnknownItemError:
            return None
