"""HTTP for media: playlists of items (RFC 8216bis), their segments and parts, and one file to download.

    GET /media/{item}/index.m3u8               the multivariant playlist
    GET /media/{item}/{track}.m3u8             one track; ?_HLS_msn=&_HLS_part= waits, ?_HLS_skip=YES leaves
    out GET /media/{item}/{track}.{part}.....mp4   bytes that never change; the one that follows next is
    waited for GET /media/{item}/lesson.mp4               the whole, with Range
    GET /media/{item}/access                   204 or a refusal: for a cache in front that serves the rest

`authorise` is asked for every playlist and every byte, never once per page. What a
browser keeps, it keeps for its own user (`private`); a cache in front of the server asks `access` for each
viewer, and may keep answers for as long as X-Accel-Expires says (docs/OPERATIONS.md).

A player in the low-latency mode asks for a playlist, or a part, that is not there yet, and is answered when
it is. All who wait for an item wait for its one watcher (recorder.live).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web

from recorder import playlist
from recorder.boxes import BadBoxError, top_level
from recorder.export import ExportError, NothingToExportError, export
from recorder.fragments import silence
from recorder.library import TRACK_ID, Library, UnknownItemError
from recorder.live import LIVE_LEVEL, OpenItem, OpenItems, OpenTrack, Text
from recorder.playlist import BeyondLiveEdgeError, NothingRecordedError
from recorder.segments import TARGET_S, Segment
from signaling import byte_ranges
from signaling.keys import OPEN_ITEMS
from signaling.media_access import MediaGrant
from signaling.media_token import PARAMETER, Purpose
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
MAX_SILENCE_US: Final = TARGET_S * 1_000_000
"""Playlists never name a longer one."""
PATIENCE_S: Final = 3 * TARGET_S
"""So long a player waits for what does not come (6.2.5.2)."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""Of segments and parts sent last: the live edge of thirty lessons."""
GROWING: Final = {"Cache-Control": "no-cache", "X-Accel-Expires": "1"}
UNKEPT: Final = {"Cache-Control": "no-store"}
"""A file that still grows: a browser that keeps a range of it remembers the length too, and cuts later ranges
off there."""
WAITED_FOR: Final = {
    "Cache-Control": f"private, max-age={6 * TARGET_S}",
    "X-Accel-Expires": str(6 * TARGET_S),
}
"""A playlist of which the address says what it must have: it has it for ever."""
FIXED: Final = {"Cache-Control": "private, max-age=86400, immutable", "X-Accel-Expires": "86400"}
"""What was written never changes, but who may see it can."""
ALLOWED: Final = {"Cache-Control": "no-store", "X-Accel-Expires": "20"}
"""That somebody may see an item: a cache in front may believe it so long; a right that was withdrawn is gone
within a minute."""
_BYTES: Final = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.(?:(init)|([0-9]{1,15})(?:-([0-9]{1,15}))?)\.mp4")
_MICROSECONDS: Final = re.compile(r"[0-9]{1,15}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def add_media_routes(app: web.Application, library: Library, authorise: Authorise) -> None:
    """GET /media/{item}/... on `app`."""
    items = OpenItems(library)
    app[OPEN_ITEMS] = items
    handlers = _Handlers(library, items, authorise)
    app.router.add_get("/media/{item}/index.m3u8", handlers.index)
    app.router.add_get("/media/{item}/access", handlers.access)
    app.router.add_get("/media/{item}/" + EXPORTED, handlers.exported)
    app.router.add_get("/media/{item}/{track}.m3u8", handlers.playlist)
    app.router.add_get("/media/{item}/{track}.silence.mp4", handlers.silence)
    app.router.add_get("/media/{item}/{name}", handlers.media)

    async def close(_: web.Application) -> None:
        await items.close()

    app.on_cleanup.append(close)


class _Handlers:
    """Files are read in threads: a slow disk must not hold up signaling."""

    def __init__(self, library: Library, items: OpenItems, authorise: Authorise) -> None:
        self._library = library
        self._items = items
        self._authorise = authorise
        self._kept = _Kept()
        self._exporting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One export of an item at a time; whoever asks meanwhile gets the same file."""

    async def access(self, request: web.Request) -> web.Response:
        await self._authorised(request)
        return web.Response(status=204, headers=ALLOWED)

    async def index(self, request: web.Request) -> web.Response:
        """?video=TRACK chooses another picture; ?angles=all lists every picture, for our own player."""
        grant = await self._authorised(request)
        item = await self._open(grant)
        picture, angles = request.query.get("video", ""), request.query.get("angles", "")
        try:
            text = playlist.multivariant_playlist(item.tracks, picture, all_angles=angles == "all")
        except NothingRecordedError:
            raise Problem("nothing-recorded", headers={"Retry-After": "2"}) from None
        return _playlist(request, grant, Text.of(text, LIVE_LEVEL), GROWING)

    async def playlist(self, request: web.Request) -> web.Response:
        grant = await self._authorised(request)
        item = await self._open(grant)
        track = _track(item, request.match_info["track"])
        wanted = _wanted(request)
        if wanted is not None and item.live:
            await self._until(item, lambda: track.playlist.has(*wanted))
        text = item.text(track, skip=request.query.get("_HLS_skip") in ("YES", "v2"))
        return _playlist(request, grant, text, WAITED_FOR if wanted else GROWING)

    async def media(self, request: web.Request) -> web.Response:
        match = _BYTES.fullmatch(request.match_info["name"])
        item = await self._open(await self._authorised(request))
        if match is None:
            raise Problem("not-found")
        track, part = _track(item, match[1]), int(match[2])
        name = match[0]
        data = self._kept.get(item.header.id, name)
        if data is None:
            if match[3]:
                data = await self._init(item, track, part)
            elif match[5]:
                data = await self._segment(item, track, part, int(match[4]), int(match[5]))
            else:
                data = await self._piece(item, track, part, int(match[4]))
            self._kept.put(item.header.id, name, data)
        return _ranged(request, data, f'"{name}"')

    async def silence(self, request: web.Request) -> web.Response:
        """What stands in a sound playlist where nothing was recorded."""
        await self._authorised(request)
        if not TRACK_ID.fullmatch(request.match_info["track"]):
            raise Problem("not-found")
        start_us, end_us = (_microseconds(request, name) for name in ("from", "to"))
        if not 0 < end_us - start_us <= MAX_SILENCE_US:
            raise Problem("not-found")
        data = await asyncio.to_thread(silence, start_us, end_us)
        return _ranged(request, data, f'"silence.{start_us}-{end_us}"')

    async def exported(self, request: web.Request) -> web.FileResponse:
        grant = await self._authorised(request, "download" if "download" in request.query else "play")
        item_id = grant.item
        lock = self._exporting.setdefault(item_id, asyncio.Lock())
        async with lock:
            path = await self._whole_file(item_id)
        disposition = f'attachment; filename="{item_id}.mp4"' if "download" in request.query else "inline"
        lifetime = {"Cache-Control": "no-cache"} if path.name == EXPORTED else UNKEPT
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

    # --- bytes ----------------------------------------------------------------------------------------------

    async def _init(self, item: OpenItem, track: OpenTrack, part: int) -> bytes:
        known = track.parts.get(part)
        if known is None:
            raise Problem("not-found")
        return await self._read(item, track, part, 0, known.init)

    async def _segment(self, item: OpenItem, track: OpenTrack, part: int, start: int, end: int) -> bytes:
        segment = track.segmenter.table.holding(part, start)
        if segment is None or (segment.offset, segment.end) != (start, end):
            raise Problem("not-found")
        return await self._read_segment(item, track, segment)

    async def _piece(self, item: OpenItem, track: OpenTrack, part: int, offset: int) -> bytes:
        if offset == track.next_offset(part):
            await self._until(item, lambda: offset != track.next_offset(part))
        for piece in track.segmenter.open:
            if (piece.part, piece.offset) == (part, offset):
                return await self._read(item, track, part, offset, piece.length)
        segment = track.segmenter.table.holding(part, offset)
        if segment is None:
            raise Problem("not-found")
        data = await self._read_segment(item, track, segment)
        return _fragment(data, offset - segment.offset)

    async def _read_segment(self, item: OpenItem, track: OpenTrack, segment: Segment) -> bytes:
        name = playlist.segment_name(track.entry.track, segment)
        data = self._kept.get(item.header.id, name)
        if data is None:
            data = await self._read(item, track, segment.part, segment.offset, segment.length)
            self._kept.put(item.header.id, name, data)
        return data

    async def _read(self, item: OpenItem, track: OpenTrack, part: int, start: int, length: int) -> bytes:
        name = f"{track.entry.track}.{part}.mp4"
        try:
            data = await asyncio.to_thread(
                self._library.media.read_range, item.header.id, name, start, length
            )
        except FileNotFoundError:
            raise Problem("not-found") from None
        except OSError as error:
            raise Problem("media-away", headers={"Retry-After": "5"}) from error
        if len(data) < length:
            raise Problem("media-damaged")
        return data

    # --- who may, and when ----------------------------------------------------------------------------------

    async def _authorised(self, request: web.Request, purpose: Purpose = "play") -> MediaGrant:
        return await self._authorise(request, request.match_info["item"], purpose)

    async def _open(self, grant: MediaGrant) -> OpenItem:
        try:
            return await self._items.open(grant.item)
        except UnknownItemError:
            raise Problem("unknown-item", item=grant.item[:80]) from None

    async def _until(self, item: OpenItem, there: Callable[[], bool]) -> None:
        """Waits for what the next writes of the recorder bring."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while item.live and not there():
                    await item.changed()
        except BeyondLiveEdgeError:
            raise Problem("beyond-live-edge") from None
        except TimeoutError:
            raise Problem("playlist-late", headers={"Retry-After": "2"}) from None


class _Kept:
    """The bytes sent last: what is new at the live edge is wanted by all who watch."""

    def __init__(self) -> None:
        self._data: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._size = 0

    def get(self, item_id: str, name: str) -> bytes | None:
        data = self._data.get((item_id, name))
        if data is not None:
            self._data.move_to_end((item_id, name))
        return data

    def put(self, item_id: str, name: str, data: bytes) -> None:
        if (item_id, name) not in self._data:
            self._data[item_id, name] = data
            self._size += len(data)
        while self._size > KEPT_BYTES:
            _, oldest = self._data.popitem(last=False)
            self._size -= len(oldest)


def _track(item: OpenItem, name: str) -> OpenTrack:
    track = item.track(name)
    if track is None:
        raise Problem("not-found")
    return track


def _fragment(segment: bytes, offset: int) -> bytes:
    """The `moof` there and the `mdat` behind it."""
    try:
        boxes = top_level(segment)
    except BadBoxError as error:
        raise Problem("media-damaged") from error
    for header, body in pairwise(boxes):
        if header.start == offset and header.kind == b"moof":
            return segment[header.start : body.end]
    raise Problem("not-found")


def _wanted(request: web.Request) -> tuple[int, int | None] | None:
    """What the playlist must have: (segment, partial segment)."""
    numbers: list[int | None] = []
    for name in ("_HLS_msn", "_HLS_part"):
        text = request.query.get(name)
        if text is not None and not _NUMBER.fullmatch(text):
            raise Problem("beyond-live-edge")
        numbers.append(None if text is None else int(text))
    segment, part = numbers
    if segment is None and part is not None:
        raise Problem("beyond-live-edge")
    return None if segment is None else (segment, part)


def _microseconds(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    if not _MICROSECONDS.fullmatch(text):
        raise Problem("not-found")
    return int(text)


def _playlist(request: web.Request, grant: MediaGrant, text: Text, headers: dict[str, str]) -> web.Response:
    """For players that were given a token in the address, with it in every address."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    if grant.token:
        marked = playlist.with_query(text.plain.decode(), f"{PARAMETER}={grant.token}")
        return web.Response(body=marked.encode(), content_type=PLAYLIST, headers=headers)
    if text.gzipped and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=text.gzipped, content_type=PLAYLIST, headers=headers)
    return web.Response(body=text.plain, content_type=PLAYLIST, headers=headers)


def _ranged(request: web.Request, data: bytes, etag: str) -> web.Response:
    """Bytes that never change, or the range of them that is asked for (RFC 9110, 14.2)."""
    headers = {**FIXED, "ETag": etag, "Accept-Ranges": "bytes"}
    if byte_ranges.not_modified(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=headers)
    wanted = (
        request.headers.get("Range") if byte_ranges.applies(request.headers.get("If-Range"), etag) else None
    )
    try:
        span = byte_ranges.requested(wanted, len(data))
    except byte_ranges.UnsatisfiableError:
        raise Problem("range-unsatisfiable", headers={"Content-Range": f"bytes */{len(data)}"}) from None
    if span is None:
        return web.Response(body=data, content_type=MP4, headers=headers)
    headers["Content-Range"] = span.content_range(len(data))
    body = data[span.start : span.start + span.length]
    return web.Response(status=206, body=body, content_type=MP4, headers=headers)
