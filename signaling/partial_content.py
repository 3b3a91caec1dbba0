"""Answers to range requests (RFC 9110, section 14): bytes at hand, and files that are laid out but not
written."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from recorder.boxes import BadBoxError
from recorder.export import layout
from recorder.library import Library
from recorder.live import OpenItem
from recorder.remux import Mp4
from signaling import byte_ranges
from signaling.byte_ranges import Span
from signaling.problems import Problem

log = logging.getLogger(__name__)

MP4: Final = "video/mp4"
KEPT_FILES: Final = 16
"""Layouts kept in memory, the ones used last: of an eight-hour lesson one takes some 10 MB."""


Stands = Callable[[], Awaitable[bool]]
"""Whether who gets a file still may (`media_access.MediaGrant.stands`)."""
LOOK_S: Final = 2.0
"""A credential that was taken back is known after two more (`CredentialWatch`): out within five seconds."""


@asynccontextmanager
async def while_allowed(request: web.Request, stands: Stands) -> AsyncIterator[None]:
    """What is sent within is cut off when it may not be any more: a file of hours is on its way for long."""
    watch = asyncio.create_task(_cut(request, stands), name="download")
    try:
        yield
    finally:
        watch.cancel()


async def _cut(request: web.Request, stands: Stands) -> None:
    await asyncio.sleep(LOOK_S)  # who has just been let in needs no second look
    while await stands():  # noqa: ASYNC110 - a right has no event: it ends by the clock, too
        await asyncio.sleep(LOOK_S)
    log.info("x %s is cut off: who gets it may not any more", request.path)
    if request.transport is not None:
        request.transport.abort()


class AllowedFile(web.FileResponse):
    """A file of the disk, sent for as long as that is allowed."""

    def __init__(self, path: Path, stands: Stands, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers)
        self._stands = stands

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        assert isinstance(request, web.Request), "of an application"
        async with while_allowed(request, self._stands):
            return await super().prepare(request)


class OpenFiles:
    """Layouts of items as one file, each made once for all who ask."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._made: OrderedDict[tuple[str, int | None], asyncio.Future[Mp4]] = OrderedDict()

    async def layout(self, item: OpenItem, until_us: int | None) -> Mp4:
        """Raises NothingRecordedError, OSError, BadBoxError."""
        key = (item.header.id, until_us)
        known = self._made.get(key)
        if known is None or (known.done() and (known.cancelled() or known.exception() is not None)):
            known = asyncio.ensure_future(asyncio.to_thread(layout, self._library, item, until_us))
            self._made[key] = known
        self._made.move_to_end(key)
        while len(self._made) > KEPT_FILES:
            self._made.popitem(last=False)
        return await asyncio.shield(known)

    def forget(self, item_id: str) -> None:
        for key in [key for key in self._made if key[0] == item_id]:
            del self._made[key]


def send_bytes(
    request: web.Request, data: bytes, content_type: str, etag: str, headers: Mapping[str, str]
) -> web.Response:
    """All of the data, the range that is asked for, or word that nothing changed."""
    known = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    if byte_ranges.not_modified(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=known)
    span = _span(request, len(data), etag)
    if span is None:
        return web.Response(body=data, content_type=content_type, headers=known)
    known["Content-Range"] = span.content_range(len(data))
    body = data[span.start : span.start + span.length]
    return web.Response(status=206, body=body, content_type=content_type, headers=known)


async def send_file(request: web.Request, file: Mp4, headers: Mapping[str, str]) -> web.StreamResponse:
    """The same of a file of any length, read while it is sent. Raises Problem before the first byte; behind
    it what cannot be read ends the connection, so that nobody takes a part for the whole."""
    known = {**headers, "ETag": file.etag, "Accept-Ranges": "bytes", "Content-Type": MP4}
    if byte_ranges.not_modified(request.headers.get("If-None-Match"), file.etag):
        return web.Response(status=304, headers=known)
    span = _span(request, file.size, file.etag)
    if span is not None:
        known["Content-Range"] = span.content_range(file.size)
    wanted = span or Span(0, file.size)
    response = web.StreamResponse(status=206 if span else 200, headers=known)
    response.content_length = wanted.length
    pieces = file.read(wanted.start, wanted.length)
    try:
        piece = await asyncio.to_thread(next, pieces, b"")
        await response.prepare(request)
        while piece and request.method != "HEAD":
            await response.write(piece)
            piece = await asyncio.to_thread(next, pieces, b"")
    except (BadBoxError, OSError) as error:
        if not response.prepared:
            damaged = isinstance(error, BadBoxError)
            raise Problem("media-damaged" if damaged else "media-away") from error
        if isinstance(error, ConnectionError):
            raise  # the reader left
        log.error("x %s breaks off: %s", request.path, error)
        raise ConnectionResetError("what is to be sent cannot be read") from error
    return response


def _span(request: web.Request, size: int, etag: str) -> Span | None:
    usable = byte_ranges.applies(request.headers.get("If-Range"), etag)
    try:
        return byte_ranges.requested(request.headers.get("Range") if usable else None, size)
    except byte_ranges.UnsatisfiableError:
        raise Problem("range-unsatisfiable", headers={"Content-Range": f"bytes */{size}"}) from None
