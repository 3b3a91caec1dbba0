"""The door to the library's bytes: every playlist, segment, picture, caption and download goes through
`authorise_media`.

Theory of operation
-------------------
Who asks is known by `Authorization: Bearer` (the caller's own token, or a media token, bound to item and
person), else by a media token as `?t=`, or as the cookie that a page was given for an item. What they are
allowed is not in the token: it is decided by `classroom.library.rules` from what is known of the item now.
That is read from the database once for all viewers of an item and kept for RIGHTS_LIFE_S; so a thousand
viewers fetching segments cost one small read every twenty seconds, and a right that was taken away ends
within that time even on another server of the same database, and at once on this one (`forget`).

While the database is away the last word stands: nobody can have taken a right away in it meanwhile. An item
of which nothing was ever read follows its lesson alone, as its files name it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from classroom.store.outbox import StoreUnavailable
from signaling.access import admit
from signaling.auth import Claims, bearer
from signaling.keys import MEDIA
from signaling.media_token import COOKIE, PARAMETER, MediaTokens, Purpose, is_media_token
from signaling.problems import Problem

RIGHTS_LIFE_S: Final = 20.0
"""What is known of an item is looked at again after this. The promise is a minute."""
MAX_ITEMS: Final = 4096
"""Items of which the rights are kept; more than are watched at once. Some 2 kB each."""
PICTURE: Final = ".jpg"
"""Of a list or a scrub bar: who sees it has not watched."""


async def _stands_always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class MediaGrant:
    """Somebody may fetch what they asked for."""

    item: str
    viewer: Viewer
    right: Right
    until: int
    """Unix time in s: when the credential ends."""
    token: str = ""
    """The media token of the address; empty: it came in a header."""
    stands: Callable[[], Awaitable[bool]] = field(default=_stands_always, compare=False)
    """Whether they still may, for what takes long to be sent."""

    @property
    def query(self) -> str:
        """What is to be appended to every address of the item: `?t=TOKEN`, or nothing."""
        return f"?{PARAMETER}={self.token}" if self.token else ""


class Holding(Protocol):
    """What of an item, or of a clip, decides who may see it."""

    def right(self, viewer: Viewer) -> Right | None: ...
    def may_download(self, viewer: Viewer) -> bool: ...


class Access(Protocol):
    """Where what decides comes from."""

    async def holding(self, item: str) -> Holding | None:
        """None: there is no such item. Raises StoreUnavailable."""


@dataclass(slots=True)
class _Known:
    holding: Holding | None
    read_at: float
    """By the monotonic clock."""


class MediaDoor:
    """One for the whole server."""

    def __init__(
        self,
        tokens: MediaTokens,
        access: Access,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        seen: Callable[[MediaGrant, Purpose], None] = lambda grant, purpose: None,
        revoked: Collection[str] = (),
    ) -> None:
        """seen: told of every request that was let in, but for pictures; revoked: `Tokens.revoked`."""
        self.tokens = tokens
        self._access = access
        self._wall = wall
        self._clock = clock
        self._seen = seen
        self._revoked = revoked
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Holding | None]] = {}

    async def authorise(self, request: web.Request, item: str, purpose: Purpose = "play") -> MediaGrant:
        """Raises Problem: those of the caller's own token; media-token-invalid, -expired, -other-item,
        -no-download; item-not-allowed (also of an item that there is not), unknown-item (only to who sees
        all), download-not-allowed, not-ready."""
        viewer, until, token, ends = self._who(request, item, purpose)
        holding = await self.holding(item)
        found = _right(holding, viewer, item)
        if purpose == "download" and not (holding is not None and holding.may_download(viewer)):
            raise Problem("download-not-allowed")
        stands = partial(self._stands, item, viewer, purpose, ends)
        grant = MediaGrant(item, viewer, found, until, token, stands)
        if not request.path.endswith(PICTURE):
            self._seen(grant, purpose)
        return grant

    async def _stands(self, item: str, viewer: Viewer, purpose: Purpose, ends: int) -> bool:
        """ends: Unix time in s, of the person's own token; 0: unknown."""
        if self._is_revoked(viewer):
            return False
        if ends and ends <= self._wall():
            return False
        try:
            holding = await self.holding(item)
        except Problem:
            return True  # the database is away: nobody has taken anything back in it
        if holding is None or holding.right(viewer) is None:
            return False
        return purpose != "download" or holding.may_download(viewer)

    def _is_revoked(self, viewer: Viewer) -> bool:
        return any(each in self._revoked for each in (viewer.person, viewer.credential, viewer.sign_in))

    async def right(self, viewer: Viewer, item: str) -> Right:
        """By which right the viewer may see the item. Raises Problem: item-not-allowed, unknown-item,
        not-ready."""
        return _right(await self.holding(item), viewer, item)

    async def holding(self, item: str) -> Holding | None:
        """What decides, at most RIGHTS_LIFE_S old. Raises Problem not-ready."""
        known = self._known.get(item)
        if known is not None and self._clock() - known.read_at < RIGHTS_LIFE_S:
            return known.holding
        # Those who ask while it is being read wait for the same answer.
        task = self._reading.get(item)
        if task is None:
            task = self._reading[item] = asyncio.create_task(self._read(item))
            task.add_done_callback(lambda _: self._reading.pop(item, None))
        try:
            return await asyncio.shield(task)
        except StoreUnavailable as error:
            if known is not None:
                return known.holding
            raise Problem("not-ready", reason=str(error)) from error

    def issue(self, viewer: Viewer, item: str, until: float, purpose: Purpose = "play") -> tuple[str, int]:
        """A token for who has been found to have the right; (token, when it ends in Unix s)."""
        return self.tokens.issue(viewer, item, now=self._wall(), until=until, purpose=purpose)

    def forget(self, item: str) -> None:
        """Something that decides has changed."""
        self._known.pop(item, None)
        self._reading.pop(item, None)

    async def _read(self, item: str) -> Holding | None:
        began = self._clock()
        found = await self._access.holding(item)
        if self._reading.get(item) is asyncio.current_task():
            self._known[item] = _Known(found, began)
            self._known.move_to_end(item)
            while len(self._known) > MAX_ITEMS:
                self._known.popitem(last=False)
        return found

    def _who(self, request: web.Request, item: str, purpose: Purpose) -> tuple[Viewer, int, str, int]:
        """And when the token ends, what of it stands in the address, and when the person's own token ends."""
        header = bearer(request)
        address = "" if header else request.query.get(PARAMETER, "")
        token = header or address or request.cookies.get(COOKIE, "")
        if token and (not header or is_media_token(header)):
            claims = self.tokens.verify(token, item, self._wall(), purpose)
            if self._is_revoked(claims.viewer):
                raise Problem("media-token-expired")
            return claims.viewer, claims.exp, address, claims.u
        own = admit(request, "media_index")
        return viewer_of(own), own.exp, "", own.exp


def _right(holding: Holding | None, viewer: Viewer, item: str) -> Right:
    found = None if holding is None else holding.right(viewer)
    if found is not None:
        return found
    # Whoever may not see all items learns nothing of which there are.
    if viewer.role is Role.ORGANIZER:
        raise Problem("unknown-item", item=item[:80])
    raise Problem("item-not-allowed", item=item[:80])


def viewer_of(claims: Claims) -> Viewer:
    role, scopes = Role(claims.role), frozenset(claims.scopes)
    return Viewer(
        claims.person, role, claims.lesson, claims.class_id, scopes, claims.credential, claims.sign_in
    )


def authorise_media(request: web.Request, item_id: str, purpose: Purpose = "play") -> Awaitable[MediaGrant]:
    """Whether the caller may fetch this of the item, for every playlist and every byte; see
    `MediaDoor.authorise`. `purpose`: "download" for what is taken away as a file."""
    return request.app[MEDIA].authorise(request, item_id, purpose)
