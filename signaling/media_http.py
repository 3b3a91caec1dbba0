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
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Final

from aiohttp import web

from recorder import playlist
from recorder.boxes import BadBoxError, top_level
from recorder.captions import subtitles
from recorder.fragments import silence
from recorder.library import TRACK_ID, Library, UnknownItemError
from recorder.live import LIVE_LEVEL, OpenItem, OpenItems, OpenTrack, Text
from recorder.playlist import BeyondLiveEdgeError, NothingRecordedError
from recorder.segments import LATE_US, TARGET_S, Segment
from signaling.keys import OPEN_FILES, OPEN_ITEMS
from signaling.media_access import MediaGrant
from signaling.media_token import PARAMETER, Purpose
from signaling.partial_content import OpenFiles, send_bytes, send_file, while_allowed
from signaling.problems import Problem

Authorise = Callable[[web.Request, str, Purpose], Awaitable[MediaGrant]]
"""(request, item id, purpose): what the caller may fetch, or raises the problem that they get; in a server
`media_access.authorise_media`."""

PLAYLIST: Final = "application/vnd.apple.mpegurl"
MP4: Final = "video/mp4"
SETTLED_US: Final = TARGET_S * 1_000_000 + LATE_US
"""Behind the live edge nothing is added to any track any more: every segment is complete, or a hole."""
MAX_SILENCE_US: Final = TARGET_S * 1_000_000
"""Playlists never name a longer one."""
PATIENCE_S: Final = 3 * TARGET_S
"""So long a player waits for what does not come (6.2.5.2)."""
KEPT_BYTES: Final = 32 * 1024 * 1024
"""Of segments and parts sent last: the live edge of thirty lessons."""
GROWING: Final = {"Cache-Control": "no-cache", "X-Accel-Expires": "1"}
WAITED_FOR: Final = {
    "Cache-Control": f"private, max-age={6 * TARGET_S}",
    "X-Accel-Expires": str(6 * TARGET_S),
}
"""A playlist of which the address says what it must have: it has it for ever."""
FIXED: Final = {"Cache-Control": "private, max-age=86400, immutable", "X-Accel-Expires": "86400"}
"""What was written never changes, but who may see it can."""
KEPT_BY_ITS_USER: Final = {"Cache-Control": "private, max-age=86400"}
ALLOWED: Final = {"Cache-Control": "no-store", "X-Accel-Expires": "20"}
"""That somebody may see an item: a cache in front may believe it so long; a right that was withdrawn is gone
within a minute."""
_BYTES: Final = re.compile(r"(t[0-9]{1,4})\.([0-9]{1,6})\.(?:(init)|([0-9]{1,15})(?:-([0-9]{1,15}))?)\.mp4")
_MICROSECONDS: Final = re.compile(r"[0-9]{1,15}")
_TAKES_GZIP: Final = re.compile(r"\bgzip\b(?![ \t]*;[ \t]*q=0(\.0*)?[ \t]*(,|$))")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def add_media_routes(app: web.Application, library: Library, authorise: Authorise) -> None:
    """GET /media/{item}/... on `app`."""
    items = OpenItems(library)
    app[OPEN_ITEMS] = items
    app[OPEN_FILES] = files = OpenFiles(library)
    handlers = _Handlers(library, items, files, authorise)
    app.router.add_get("/media/{item}/index.m3u8", handlers.index)
    app.router.add_get("/media/{item}/access", handlers.access)
    app.router.add_get("/media/{item}/lesson.mp4", handlers.whole)
    app.router.add_get("/media/{item}/{track}.m3u8", handlers.playlist)
    app.router.add_get("/media/{item}/{track}.silence.mp4", handlers.silence)
    app.router.add_get("/media/{item}/{name}", handlers.media)

    async def close(_: web.Application) -> None:
        await items.close()

    app.on_cleanup.append(close)


class _Handlers:
    """Files are read in threads: a slow disk must not hold up signaling."""

    def __init__(self, library: Library, items: OpenItems, files: OpenFiles, authorise: Authorise) -> None:
        self._library = library
        self._items = items
        self._authorise = authorise
        self._kept = _Kept()
        self._files = files

    async def access(self, request: web.Request) -> web.Response:
        await self._authorised(request)
        return web.Response(status=204, headers=ALLOWED)

    async def index(self, request: web.Request) -> web.Response:
        """?video=TRACK chooses another picture; ?angles=all lists every picture, for our own player."""
        grant = await self._authorised(request)
        item = await self._open(grant)
        picture, angles = request.query.get("video", ""), request.query.get("angles", "")
        own = angles == "all"  # our own page shows captions itself
        spoken = [] if own else await asyncio.to_thread(subtitles, self._library.storage, item.header.id)
        try:
            text = playlist.multivariant_playlist(item.tracks, picture, all_angles=own, subtitles=spoken)
        except NothingRecordedError:
            raise Problem("nothing-recorded", headers={"Retry-After": "2"}) from None
        return _playlist(request, grant, Text.of(text, LIVE_LEVEL), GROWING)

    async def playlist(self, request: web.Request) -> web.Response:
        grant = await self._authorised(request)
        item = await self._open(grant)
        track = _track(item, request.match_info["track"])
        wanted = _wanted(request)
        if item.live:
            track.tell()  # what is live changes in this thread
        elif not track.told:
            await asyncio.to_thread(track.tell)
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
        return send_bytes(request, data, MP4, f'"{name}"', FIXED)

    async def silence(self, request: web.Request) -> web.Response:
        """What stands in a sound playlist where nothing was recorded."""
        await self._authorised(request)
        if not TRACK_ID.fullmatch(request.match_info["track"]):
            raise Problem("not-found")
        start_us, end_us = (_microseconds(request, name) for name in ("from", "to"))
        if not 0 < end_us - start_us <= MAX_SILENCE_US:
            raise Problem("not-found")
        data = await asyncio.to_thread(silence, start_us, end_us)
        return send_bytes(request, data, MP4, f'"silence.{start_us}-{end_us}"', FIXED)

    async def whole(self, request: web.Request) -> web.StreamResponse:
        """One file. Of a lesson that goes on: ?until=, microseconds of the item's clock, so that an address
        always means the same bytes; without it the caller is sent to what there is now."""
        grant = await self._authorised(request, "download" if "download" in request.query else "play")
        item = await self._open(grant)
        until_us = _microseconds(request, "until") if "until" in request.query else None
        settled_us = item.end_us - SETTLED_US
        if item.live and settled_us <= 0:
            raise Problem("nothing-recorded", headers={"Retry-After": "2"})
        if item.live and (until_us is None or until_us > settled_us):
            raise web.HTTPTemporaryRedirect(request.rel_url.update_query(until=str(settled_us)))
        try:
            file = await self._files.layout(item, until_us)
        except NothingRecordedError:
            raise Problem("nothing-recorded", headers={"Retry-After": "2"}) from None
        except (OSError, BadBoxError) as error:
            raise _unreadable(error) from error
        shown = f'attachment; filename="{item.header.id}.mp4"' if "download" in request.query else "inline"
        async with while_allowed(request, grant.stands):
            return await send_file(request, file, {**KEPT_BY_ITS_USER, "Content-Disposition": shown})

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
        except OSError as error:
            raise _unreadable(error) from error
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
    if text.gzipped and _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=text.gzipped, content_type=PLAYLIST, headers=headers)
    return web.Response(body=text.plain, content_type=PLAYLIST, headers=headers)


def _unreadable(error: Exception) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem("not-found")
    if isinstance(error, OSError):
        return Problem("media-away", headers={"Retry-After": "5"})
    return Problem("media-damaged")
