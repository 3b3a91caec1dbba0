"""HTTP for the library's media: playlists, bytes, and one file to download.

`authorise` is asked for every playlist and every byte, never once per page.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web

from recorder import playlist
from recorder.export import ExportError, NothingToExportError, export
from recorder.fragments import silence
from recorder.library import TRACK_ID, ItemFiles, Library, TrackFiles, UnknownItemError
from recorder.playlist import NothingRecordedError
from signaling.media_access import MediaGrant
from signaling.media_token import Purpose
from signaling.problems import Problem

Authorise = Callable[[web.Request, str, Purpose], Awaitable[MediaGrant]]
"""(request, item id, purpose): what the caller may fetch, or raises the problem that they get; in a server
`media_access.authorise_media`."""

PLAYLIST: Final = "application/vnd.apple.mpegurl"
MP4: Final = "video/mp4"
EXPORTED: Final = "lesson.mp4"
"""In the item's directory: made when it is asked for, kept as long as the item."""
SNAPSHOT: Final = "lesson.live.mp4"
"""The same of a lesson that goes on: what there was when it was last made."""
SNAPSHOT_LIFE_S: Final = 20.0
"""So long the same snapshot is served: long enough for a player to fetch its ranges from one file."""
MAX_SILENCE_US: Final = playlist.TARGET_S * 1_000_000
"""Playlists never name a longer one."""
GROWING: Final = {"Cache-Control": "no-cache"}
UNKEPT: Final = {"Cache-Control": "no-store"}
"""A file that still grows: a browser that keeps a range of it remembers the length too, and cuts later ranges
off there."""
FIXED: Final = {"Cache-Control": "private, max-age=86400"}
"""What was written never changes, but who may see it can."""
_PART: Final = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.mp4")
_MICROSECONDS: Final = re.compile(r"[0-9]{1,15}")


def add_library_routes(app: web.Application, library: Library, authorise: Authorise) -> None:
    """GET /media/{item}/... on `app`."""
    handlers = _Handlers(library, authorise)
    app.router.add_get("/media/{item}/index.m3u8", handlers.index)
    app.router.add_get("/media/{item}/" + EXPORTED, handlers.exported)
    app.router.add_get("/media/{item}/{track}.m3u8", handlers.playlist)
    app.router.add_get("/media/{item}/{track}.silence.mp4", handlers.silence)
    app.router.add_get("/media/{item}/{part}", handlers.part)


class _Handlers:
    """Files are read in threads: a slow disk must not hold up signaling."""

    def __init__(self, library: Library, authorise: Authorise) -> None:
        self._library = library
        self._authorise = authorise
        self._exporting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One export of an item at a time; whoever asks meanwhile gets the same file."""

    async def index(self, request: web.Request) -> web.Response:
        """?video=TRACK chooses another picture; ?angles=all lists every picture, for our own player."""
        files = await self._files(request)
        picture, angles = request.query.get("video", ""), request.query.get("angles", "")
        try:
            text = playlist.multivariant_playlist(files, picture, all_angles=angles == "all")
        except NothingRecordedError:
            raise Problem("nothing-recorded", headers={"Retry-After": "2"}) from None
        return _playlist(text)

    async def playlist(self, request: web.Request) -> web.Response:
        files = await self._files(request)
        track = _track(files, request.match_info["track"])
        return _playlist(await asyncio.to_thread(playlist.media_playlist, files, track))

    async def part(self, request: web.Request) -> web.FileResponse:
        item_id = await self._authorised(request)
        match = _PART.fullmatch(request.match_info["part"])
        if match is None:
            raise Problem("not-found")
        path = self._library.part_path(item_id, match[1], int(match[2]))
        if not path.is_file():
            raise Problem("not-found")
        item = await asyncio.to_thread(self._library.item, item_id)
        lifetime = FIXED if item.state == "ready" else UNKEPT
        return web.FileResponse(path, headers={**lifetime, "Content-Type": MP4})

    async def silence(self, request: web.Request) -> web.Response:
        """What stands in a sound playlist where nothing was recorded."""
        await self._authorised(request)
        if not TRACK_ID.fullmatch(request.match_info["track"]):
            raise Problem("not-found")
        start_us, end_us = (_microseconds(request, name) for name in ("from", "to"))
        if not 0 < end_us - start_us <= MAX_SILENCE_US:
            raise Problem("not-found")
        data = await asyncio.to_thread(silence, start_us, end_us)
        return web.Response(body=data, content_type=MP4, headers=FIXED)

    async def exported(self, request: web.Request) -> web.FileResponse:
        item_id = await self._authorised(request, "download" if "download" in request.query else "play")
        lock = self._exporting.setdefault(item_id, asyncio.Lock())
        async with lock:
            path = await self._whole_file(item_id)
        disposition = f'attachment; filename="{item_id}.mp4"' if "download" in request.query else "inline"
        lifetime = GROWING if path.name == EXPORTED else UNKEPT
        headers = {**lifetime, "Content-Type": MP4, "Content-Disposition": disposition}
        return web.FileResponse(path, headers=headers)

    async def _whole_file(self, item_id: str) -> Path:
        """The item as one file; of a lesson that goes on, as it was a moment ago."""
        whole, snapshot = (self._library.path(item_id, name) for name in (EXPORTED, SNAPSHOT))
        item = await asyncio.to_thread(self._library.item, item_id)
        if item.state == "ready":
            if not whole.is_file():
                await self._export(item_id, whole)
                snapshot.unlink(missing_ok=True)
            return whole
        if not snapshot.is_file() or time.time() - snapshot.stat().st_mtime > SNAPSHOT_LIFE_S:
            await self._export(item_id, snapshot)
        return snapshot

    async def _export(self, item_id: str, path: Path) -> None:
        try:
            await asyncio.to_thread(export, self._library, item_id, path)
        except NothingToExportError:
            raise Problem("nothing-recorded") from None
        except ExportError as error:
            raise Problem("not-exported") from error

    async def _authorised(self, request: web.Request, purpose: Purpose = "play") -> str:
        """The item's id, once the caller may see it."""
        return (await self._authorise(request, request.match_info["item"], purpose)).item

    async def _files(self, request: web.Request) -> ItemFiles:
        item_id = await self._authorised(request)
        try:
            return await asyncio.to_thread(self._library.files, item_id)
        except UnknownItemError:
            raise Problem("unknown-item", item=item_id[:80]) from None


def _track(files: ItemFiles, name: str) -> TrackFiles:
    for track in files.tracks:
        if track.entry.track == name:
            return track
    raise Problem("not-found")


def _microseconds(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    if not _MICROSECONDS.fullmatch(text):
        raise Problem("not-found")
    return int(text)


def _playlist(text: str) -> web.Response:
    return web.Response(text=text, content_type=PLAYLIST, headers=GROWING)
