"""The store's door to what is known about the library: `store.library`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from classroom.library.clips import ClipStanding
from classroom.library.retention import Kept
from classroom.library.rules import Grant, Holding, Party, Viewer
from classroom.library.shelf import Choice
from classroom.library.spans import Span
from classroom.model import LessonId
from classroom.store import library_clips, library_items, library_notes, library_retention, library_texts
from classroom.store.library_clips import Clip, Notice
from classroom.store.library_items import ItemFacts, ItemRecord, Sender
from classroom.store.library_notes import Deed, Mark, Timeline, View, Watcher, Watching
from classroom.store.library_retention import Over, Policy
from classroom.store.library_search import Finder, Found
from classroom.store.outbox import Look, Transaction, Write

Told = tuple[str, str | None]
"""A notice: its kind, and the person whom it is for; None: those of the subject."""


class News(NamedTuple):
    """What there is to do in the library."""

    words: bool
    """There are items with something new to be found by."""
    deletions: bool
    """There are deletions of which nobody was told."""


class LibraryStore:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction, look: Look, write: Write) -> None:
        self._read = read
        self._change = change
        self._look = look
        self._write = write
        self._finder = Finder(read)

    # --- items ----------------------------------------------------------------------------------------------

    async def keep(self, facts: Sequence[ItemFacts], now_ms: int) -> None:
        """Brings the rows of these items to what their files say."""

        def work(connection: Connection) -> None:
            for one in facts:
                library_items.keep(connection, one, now_ms)

        await self._write(work)

    async def find(self, item: str) -> ItemRecord | None:
        """Deleted ones too."""
        return await self._read(lambda connection: library_items.find(connection, item))

    async def states(self) -> dict[str, str]:
        """Item -> state, of all."""
        return await self._read(library_items.states)

    async def holding(self, item: str) -> Holding | None:
        """What decides who may see the item; None: there is none."""
        return await self._read(lambda connection: library_items.holding(connection, item))

    async def schools(self, items: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By item: the schools of its classes."""
        return await self._read(lambda connection: library_items.schools_of(connection, items))

    async def senders(self, lesson: str) -> tuple[Sender, ...]:
        """All who were in the lesson: whose a recorded track may be."""
        return await self._read(lambda connection: library_items.senders(connection, LessonId(lesson)))

    async def change(self, item: str, values: Mapping[str, Any], now_ms: int) -> None:
        """Sets columns by an organizer's word."""
        await self._change(lambda connection: library_items.change(connection, item, values, now_ms))

    async def grants(self, item: str) -> tuple[Grant, ...]:
        return await self._read(lambda connection: library_items.grants(connection, item))

    async def put_grant(self, item: str, grant: Grant, *, by: str, at_ms: int) -> None:
        await self._change(
            lambda connection: library_items.put_grant(connection, item, grant, by=by, at_ms=at_ms)
        )

    async def drop_grant(self, item: str, party: Party, value: str, *, at_ms: int) -> bool:
        """False: there was none."""

        async def work(connection: Any) -> bool:
            await library_items.touch(connection, item, at_ms)
            return await library_items.drop_grant(connection, item, party, value)

        return await self._change(work)

    async def delete(self, item: str, *, at_ms: int, by: str, reason: str) -> None:
        """Its row stays, on record; nobody sees it or finds it any more."""
        await self._change(
            lambda connection: library_items.set_deleted(connection, item, at_ms=at_ms, by=by, reason=reason)
        )

    async def news(self) -> News:
        """Asked every other second: one way to the database and back for all of it."""
        return await self._look(
            lambda connection: News(
                library_texts.has_news(connection), library_items.has_untold_deletions(connection)
            )
        )

    async def untold_deletions(self) -> tuple[ItemRecord, ...]:
        """Those of whose deletion their lesson's stream does not say anything yet, the oldest first."""
        return await self._look(library_items.untold_deletions)

    async def hold(self, item: str, *, at_ms: int | None, by: str, reason: str = "") -> None:
        """Nothing deletes it; at_ms None: releases it."""
        await self._change(
            lambda connection: library_items.set_hold(connection, item, at_ms=at_ms, by=by, reason=reason)
        )

    async def verdict(self, item: str, state: str, at_ms: int) -> None:
        """What a check of its files found."""
        await self._change(lambda connection: library_items.set_verdict(connection, item, state, at_ms))

    # --- finding --------------------------------------------------------------------------------------------

    async def search(self, choice: Choice, words: str = "", *, counts: bool = True) -> Found:
        """A page of what the viewer may see and `choice` and `words` ask for; counts: with total and
        facets."""
        return await self._finder.search(choice, words, counts=counts)

    async def refresh(self) -> None:
        """Reads what has changed, which otherwise the next question has to wait for."""
        await self._finder.refresh()

    # --- what people add ------------------------------------------------------------------------------------

    async def timeline(self, item: ItemRecord) -> Timeline:
        """What chapters are made of."""
        return await self._read(lambda connection: library_notes.timeline(connection, item))

    async def add_mark(self, mark: Mark) -> bool:
        """False: the item has as many as it may."""
        return await self._change(lambda connection: library_notes.add_mark(connection, mark))

    async def marks(self, item: str) -> tuple[Mark, ...]:
        """By time."""
        return await self._read(lambda connection: library_notes.marks(connection, item))

    async def drop_mark(self, item: str, mark: str, at_ms: int) -> None:
        await self._change(lambda connection: library_notes.drop_mark(connection, item, mark, at_ms))

    async def watched(
        self, item: ItemRecord, watcher: Watcher, spans: Sequence[Span], position_ms: int, now_ms: int
    ) -> tuple[Span, ...]:
        """Adds what somebody watched; returns all of it."""
        return await self._change(
            lambda connection: library_notes.watched(
                connection, item.id, item.lesson, watcher, spans, position_ms, now_ms
            )
        )

    async def watching(self, item: str, person: str = "") -> tuple[Watching, ...]:
        """Who has watched an item, or what one of them has."""
        return await self._read(lambda connection: library_notes.watching(connection, item, person))

    async def watching_lesson(self, lesson: str) -> tuple[Watching, ...]:
        """Who has watched a lesson's items."""
        return await self._read(lambda connection: library_notes.watching_lesson(connection, lesson))

    async def watched_by(self, person: str) -> tuple[Watching, ...]:
        """What somebody has begun and not watched to its end, the latest first."""
        return await self._read(lambda connection: library_notes.watched_by(connection, person))

    async def put_views(self, views: Sequence[View]) -> None:
        await self._change(lambda connection: library_notes.put_views(connection, views))

    async def views(self, item: str) -> tuple[tuple[View, str], ...]:
        """With the person's name; the latest first."""
        return await self._read(lambda connection: library_notes.views(connection, item))

    async def log(self, deed: Deed) -> None:
        await self._change(lambda connection: library_notes.log(connection, deed))

    async def deeds(self, item: str = "", clip: str = "") -> tuple[Deed, ...]:
        """Who did what with an item or a clip, the oldest first."""
        return await self._read(lambda connection: library_notes.deeds(connection, item, clip))

    # --- micro-lessons --------------------------------------------------------------------------------------

    async def add_clip(self, clip: Clip, deed: Deed) -> bool:
        """False: too many of the author's wait to be cut."""

        async def work(connection: Any) -> bool:
            if not await library_clips.add(connection, clip):
                return False
            await library_notes.log(connection, deed)
            return True

        return await self._change(work)

    async def put_clip(self, clip: Clip, deed: Deed | None = None, notices: Sequence[Told] = ()) -> bool:
        """Changes it, on record, and brings it to people's notice, together or not at all. False: somebody
        else has changed it meanwhile."""

        async def work(connection: Any) -> bool:
            if not await library_clips.put(connection, clip):
                return False
            if deed is not None:
                await library_notes.log(connection, deed)
            for kind, person in notices:
                await library_clips.notify(connection, clip, kind, person=person, at_ms=clip.changed_ms)
            return True

        return await self._change(work)

    async def clip(self, clip: str) -> Clip | None:
        """Deleted ones too."""
        return await self._read(lambda connection: library_clips.find(connection, clip))

    async def standing(self, clip: str) -> ClipStanding | None:
        """What decides who may see a clip; None: there is none."""
        return await self._read(lambda connection: library_clips.standing(connection, clip))

    async def clips(self, viewer: Viewer, **chosen: Any) -> tuple[Clip, ...]:
        """Those that the viewer may see: `library_clips.listed`."""
        return await self._read(lambda connection: library_clips.listed(connection, viewer, **chosen))

    async def all_clips(self, item: str = "") -> tuple[Clip, ...]:
        return await self._read(lambda connection: library_clips.all_of(connection, item))

    async def uncut(self) -> tuple[Clip, ...]:
        """Those that wait to be cut, the oldest first."""
        return await self._read(library_clips.uncut)

    async def notices(self, viewer: Viewer) -> tuple[Notice, ...]:
        """The latest first."""
        return await self._read(lambda connection: library_clips.notices(connection, viewer))

    async def read_notices(self, viewer: Viewer, up_to: int, at_ms: int) -> None:
        await self._change(lambda connection: library_clips.read_notices(connection, viewer, up_to, at_ms))

    # --- retention ------------------------------------------------------------------------------------------

    async def policies(self) -> tuple[Policy, ...]:
        return await self._read(library_retention.policies)

    async def put_policy(self, policy: Policy) -> None:
        await self._change(lambda connection: library_retention.put(connection, policy))

    async def drop_policy(self, provider: str, kind: Kept) -> bool:
        """False: there was none."""
        return await self._change(lambda connection: library_retention.drop(connection, provider, kind))

    async def over(self, now_ms: int) -> Over:
        """What retention says is to go now."""
        return await self._read(lambda connection: library_retention.over(connection, now_ms))

    # --- words ----------------------------------------------------------------------------------------------

    async def index_words(self, limit: int) -> int:
        """Makes some of the items, of which there is something new, to be found by it; returns how many."""
        if not await self._look(library_texts.has_news):
            return 0
        return await self._change(lambda connection: library_texts.index_words(connection, limit))
