"""HTTP for films of items: /api/v1/library/{item}/compositions, /media/{item}/composed.mp4."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

import msgspec
from aiohttp import web

from signaling.compositions import Job, QueueFullError
from signaling.keys import COMPOSITIONS, MEDIA
from signaling.library_items_http import ITEM_PATH, seen_item
from signaling.openapi import Operation
from signaling.partial_content import AllowedFile
from signaling.problems import Problem
from signaling.rest import json_response

LESSON: Final = "lesson"
"""The one layout: the screen, the camera in its corner, the stage in a row."""
MP4: Final = "video/mp4"


class CompositionView(msgspec.Struct, frozen=True, kw_only=True):
    id: Literal["lesson"] = "lesson"
    state: Literal["queued", "running", "ready", "failed"]
    done: float
    """0 to 1."""
    reason: str = ""
    """Why it failed."""


class CompositionList(msgspec.Struct, frozen=True, kw_only=True):
    compositions: list[CompositionView]


async def compositions(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    job = request.app[COMPOSITIONS].job(item.id)
    return json_response(CompositionList(compositions=[_view(job)] if job else []))


async def compose(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    try:
        job = await request.app[COMPOSITIONS].ask(item.id)
    except QueueFullError:
        raise Problem("busy", headers={"Retry-After": "600"}) from None
    except OSError as error:
        raise Problem("media-away", headers={"Retry-After": "5"}) from error
    return json_response(_view(job), status=202)


async def delete_composition(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    try:
        if request.match_info["composition"] != LESSON:
            raise KeyError
        await request.app[COMPOSITIONS].cancel(item.id)
    except KeyError:
        raise Problem("not-found") from None
    return web.Response(status=204)


async def film(request: web.Request) -> web.FileResponse:
    """GET /media/{item}/composed.mp4, for those who may download."""
    grant = await request.app[MEDIA].authorise(request, request.match_info["item"], "download")
    path = request.app[COMPOSITIONS].film(grant.item)
    if not await asyncio.to_thread(path.is_file):
        raise Problem("not-found")
    headers = {
        "Cache-Control": "private, max-age=3600",
        "Content-Type": MP4,
        "Content-Disposition": f'attachment; filename="{grant.item}-composed.mp4"',
    }
    return AllowedFile(path, grant.stands, headers)


def _view(job: Job) -> CompositionView:
    return CompositionView(state=job.state, done=job.done, reason=job.reason)


OPERATIONS: Final = (
    Operation(
        id="compositions",
        method="GET",
        path=ITEM_PATH + "/compositions",
        tag="library",
        handler=compositions,
        response=CompositionList,
        problems=("item-not-allowed", "unknown-item", "not-ready"),
    ),
    Operation(
        id="compose",
        method="POST",
        path=ITEM_PATH + "/compositions",
        tag="library",
        handler=compose,
        response=CompositionView,
        status=202,
        problems=("item-not-allowed", "unknown-item", "busy", "media-away"),
    ),
    Operation(
        id="delete_composition",
        method="DELETE",
        path=ITEM_PATH + "/compositions/{composition}",
        tag="library",
        handler=delete_composition,
        status=204,
        problems=("item-not-allowed", "unknown-item", "not-found"),
    ),
)
