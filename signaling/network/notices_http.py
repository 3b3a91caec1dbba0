"""/api/v1/my/notices: what somebody is told of lessons that they are in or wait for."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.store import notices
from signaling.keys import STORE
from signaling.lessons_http import UnixMs
from signaling.network.principals import PRINCIPAL
from signaling.network.timetable_operations_views import OperationSlot, slot_view
from signaling.openapi import Operation
from signaling.requests import body, query
from signaling.rest import json_response, read


class MyNoticesQuery(msgspec.Struct, frozen=True, kw_only=True):
    before: UnixMs = 0
    limit: Annotated[int, Meta(ge=1, le=notices.PAGE)] = 30


class MyNotice(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    kind: Literal["moved-up", "lapsed", "cancel", "online", "change", "substitute", "undo"]
    """Off the waiting list: there is a place; or for good, since there was another lesson by then. Or what
    was done with the lesson; and that this was undone."""
    lesson: str
    title: str
    starts_ms: int
    at_ms: int
    """Unix times in ms."""
    read: bool
    reason: str
    """Of what was done with the lesson."""
    before: OperationSlot | None
    after: OperationSlot | None
    """What the lesson was before that, and what it became; null: nothing was done with it."""


class MyNotices(msgspec.Struct, frozen=True, kw_only=True):
    notices: list[MyNotice]
    """The latest first; more with `?before=` the last one's number."""


class MyNoticesRead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    up_to: UnixMs
    """A number."""


async def my_notices(request: web.Request) -> web.Response:
    asked = query(request, MyNoticesQuery)
    store, person = request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(notices.listed, person, asked.before or None, asked.limit))
    views = [
        MyNotice(
            number=each.number,
            kind=each.kind,  # type: ignore[arg-type]  # of these
            lesson=each.lesson,
            title=each.title,
            starts_ms=each.starts_ms,
            at_ms=each.at_ms,
            read=each.read,
            reason=each.reason,
            before=slot_view(each.before) if each.before else None,
            after=slot_view(each.after) if each.after else None,
        )
        for each in found
    ]
    return json_response(MyNotices(notices=views))


async def read_my_notices(request: web.Request) -> web.Response:
    asked = await body(request, MyNoticesRead)
    store, person = request.app[STORE], request[PRINCIPAL].person
    await read(store.network.change(notices.mark_read, person, asked.up_to, store.clock.unix_ms()))
    return web.Response(status=204)


_PATH: Final = "/api/v1/my/notices"

OPERATIONS: Final = (
    Operation(
        id="my_notices",
        method="GET",
        path=_PATH,
        tag="network",
        handler=my_notices,
        query=MyNoticesQuery,
        response=MyNotices,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="read_my_notices",
        method="POST",
        path=_PATH,
        tag="network",
        handler=read_my_notices,
        request=MyNoticesRead,
        status=204,
        problems=("bad-request", "unsupported-media-type", "not-ready"),
    ),
)
