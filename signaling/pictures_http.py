"""HTTP for pictures and captions of an item, beside its media.

    GET /media/{item}/poster.jpg          one picture; of a live item the present one
    GET /media/{item}/sprites.vtt         which part of which sheet shows a time (WebVTT)
    GET /media/{item}/sprites.{n}.jpg     a sheet of small pictures
    GET /media/{item}/captions.{lang}.vtt, .m3u8
    GET, PUT, DELETE /api/v1/library/{item}/captions[/{lang}]

Pictures are decoded by one thread, one at a time, so that a wall of live lessons has a fixed cost; what was
decoded is kept for POSTER_LIFE_S, and for ever once it cannot change.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from recorder import captions
from recorder.captions import BadCaptionsError
from recorder.library import Library, UnknownItemError
from recorder.live import OpenItem
from recorder.pictures import NoPictureError, Pictures
from recorder.playlist import with_query
from signaling.keys import LIBRARY, OPEN_ITEMS
from signaling.library_items_http import ITEM_PATH, seen_item
from signaling.media_access import MediaGrant
from signaling.media_token import PARAMETER, Purpose
from signaling.openapi import Operation
from signaling.partial_content import send_bytes
from signaling.pictures_ahead import POSTER, picture_path
from signaling.problems import Problem
from signaling.rest import json_response

Authorise = Callable[[web.Request, str, Purpose], Awaitable[MediaGrant]]
T = TypeVar("T")

JPEG: Final = "image/jpeg"
VTT: Final = "text/vtt"
POSTER_LIFE_S: Final = 5.0
"""Of a live lesson's picture: the wall asks for it so often."""
KEPT: Final = 2_000
"""Pictures of items in memory: of 20 kB each, 40 MB."""
QUEUE: Final = 64
"""Pictures waiting to be made; who comes then is sent away for a moment."""
FIXED: Final = {"Cache-Control": "private, max-age=86400", "X-Accel-Expires": "3600"}
PASSING: Final = {"Cache-Control": "no-cache", "X-Accel-Expires": str(int(POSTER_LIFE_S))}


class CaptionsView(msgspec.Struct, frozen=True, kw_only=True):
    language: str
    """BCP 47."""
    cues: int = 0
    """Of an upload: how many were read."""


class CaptionsList(msgspec.Struct, frozen=True, kw_only=True):
    captions: list[CaptionsView]


def add_picture_routes(app: web.Application, library: Library, authorise: Authorise) -> None:
    """Before `add_media_routes`, whose last route takes every other name."""
    handlers = _Handlers(library, authorise)
    app.router.add_get("/media/{item}/poster.jpg", handlers.poster)
    app.router.add_get("/media/{item}/sprites.vtt", handlers.thumbnails)
    app.router.add_get("/media/{item}/sprites.{number:[0-9]{1,5}}.jpg", handlers.sheet)
    app.router.add_get("/media/{item}/captions.{language}.vtt", handlers.captions)
    app.router.add_get("/media/{item}/captions.{language}.m3u8", handlers.captions_playlist)

    async def close(_: web.Application) -> None:
        handlers.studio.shutdown(cancel_futures=True)

    app.on_cleanup.append(close)


class _Handlers:
    def __init__(self, library: Library, authorise: Authorise) -> None:
        self._library = library
        self._authorise = authorise
        self.studio = ThreadPoolExecutor(1, "pictures")
        self._waiting = 0
        self._posters: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        """Item -> until when it is good (monotonic), and the picture."""
        self._making: dict[str, asyncio.Future[bytes]] = {}

    async def poster(self, request: web.Request) -> web.Response:
        item = await self._open(request)
        known = self._posters.get(item.header.id)
        if known is None or known[0] < time.monotonic():
            kept = picture_path(item.header.id, POSTER)
            data = b"" if item.live else await asyncio.to_thread(self._kept, kept)
            data = data or await self._once(item.header.id, self._pictures(item).poster)
            until = time.monotonic() + POSTER_LIFE_S if item.live else float("inf")
            self._posters[item.header.id] = known = until, data
            while len(self._posters) > KEPT:
                self._posters.popitem(last=False)
        etag = f'"poster-{len(known[1])}-{item.end_us if item.live else 0}"'
        return send_bytes(request, known[1], JPEG, etag, PASSING if item.live else FIXED)

    async def thumbnails(self, request: web.Request) -> web.Response:
        grant = await self._granted(request)
        item = await self._items(request, grant)
        text = self._pictures(item).thumbnails()
        if grant.token:
            text = text.replace(".jpg#", f".jpg?{PARAMETER}={grant.token}#")
        return web.Response(text=text, content_type=VTT, headers=PASSING)

    async def sheet(self, request: web.Request) -> web.Response:
        item, number = await self._open(request), int(request.match_info["number"])
        pictures, name = self._pictures(item), f"sprites.{number}.jpg"
        where = picture_path(item.header.id, name)
        final = pictures.complete(number)
        data = await asyncio.to_thread(self._kept, where) if final else b""
        if not data:
            data = await self._once(where, partial(pictures.sheet, number))
            if final:
                await asyncio.to_thread(self._keep, where, data)
        etag = f'"{name}-{len(data)}"'
        return send_bytes(request, data, JPEG, etag, FIXED if final else PASSING)

    async def captions(self, request: web.Request) -> web.Response:
        grant = await self._granted(request)
        where = captions.path(grant.item, _language(request))
        data = await asyncio.to_thread(self._kept, where)
        if not data:
            raise Problem("not-found")
        return web.Response(body=data, content_type=VTT, charset="utf-8", headers=PASSING)

    async def captions_playlist(self, request: web.Request) -> web.Response:
        grant = await self._granted(request)
        item = await self._items(request, grant)
        text = captions.playlist(_language(request), item.end_us)
        if grant.token:
            text = with_query(text, f"{PARAMETER}={grant.token}")
        return web.Response(text=text, content_type="application/vnd.apple.mpegurl", headers=PASSING)

    async def _once(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Made once for all who ask at the same time."""
        if (making := self._making.get(key)) is None:
            if len(self._making) >= QUEUE:
                raise Problem("busy", headers={"Retry-After": "2"})
            making = asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(self.studio, make))
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key, None))
        try:
            return await asyncio.shield(making)
        except NoPictureError:
            raise Problem("no-picture") from None
        except OSError as error:
            raise Problem("media-away", headers={"Retry-After": "5"}) from error

    def _pictures(self, item: OpenItem) -> Pictures:
        return Pictures(item, partial(self._library.media.read_range, item.header.id))

    def _kept(self, where: str) -> bytes:
        try:
            return self._library.storage.read(where)
        except OSError:
            return b""

    def _keep(self, where: str, data: bytes) -> None:
        try:
            self._library.storage.replace(where, data)
        except OSError:
            return  # it is made again when it is asked for

    async def _granted(self, request: web.Request) -> MediaGrant:
        return await self._authorise(request, request.match_info["item"], "play")

    async def _open(self, request: web.Request) -> OpenItem:
        return await self._items(request, await self._granted(request))

    async def _items(self, request: web.Request, grant: MediaGrant) -> OpenItem:
        try:
            return await request.app[OPEN_ITEMS].open(grant.item)
        except UnknownItemError:
            raise Problem("unknown-item", item=grant.item[:80]) from None


async def list_captions(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    found = await asyncio.to_thread(captions.languages, request.app[LIBRARY].storage, item.id)
    return json_response(CaptionsList(captions=[CaptionsView(language=each) for each in found]))


async def put_captions(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    language = _language(request)
    data = bytearray()
    async for piece in request.content.iter_chunked(65_536):
        data += piece
        if len(data) > captions.MAX_BYTES:
            raise Problem("too-large", limit=captions.MAX_BYTES)
    try:
        cues = await asyncio.to_thread(captions.put, request.app[LIBRARY], item.id, language, bytes(data))
    except BadCaptionsError as error:
        raise Problem("captions-invalid", reason=str(error)) from None
    except OSError as error:
        raise Problem("media-away", headers={"Retry-After": "5"}) from error
    return json_response(CaptionsView(language=language, cues=cues))


async def delete_captions(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    where = request.app[LIBRARY].path(item.id, f"captions.{_language(request)}.vtt")
    if not await asyncio.to_thread(where.is_file):
        raise Problem("not-found")
    await asyncio.to_thread(where.unlink, missing_ok=True)
    return web.Response(status=204)


def _language(request: web.Request) -> str:
    language = request.match_info["language"]
    if not captions.LANGUAGE.fullmatch(language):
        raise Problem("not-found")
    return language


OPERATIONS: Final = (
    Operation(
        id="captions",
        method="GET",
        path=ITEM_PATH + "/captions",
        tag="library",
        handler=list_captions,
        response=CaptionsList,
        problems=("item-not-allowed", "unknown-item", "not-ready"),
    ),
    Operation(
        id="put_captions",
        method="PUT",
        path=ITEM_PATH + "/captions/{language}",
        tag="library",
        handler=put_captions,
        request=VTT,
        response=CaptionsView,
        problems=("item-not-allowed", "unknown-item", "captions-invalid", "too-large", "media-away"),
    ),
    Operation(
        id="delete_captions",
        method="DELETE",
        path=ITEM_PATH + "/captions/{language}",
        tag="library",
        handler=delete_captions,
        status=204,
        problems=("item-not-allowed", "unknown-item", "not-found"),
    ),
)
