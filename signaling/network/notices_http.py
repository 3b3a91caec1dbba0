"""/api/v1/my/notices: what somebody is told of lessons that they are in or wait for."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.notices import NoticeSettings, Topic
from classroom.store import mail_outbox, notices
from signaling.keys import CONFIG, STORE
from signaling.lessons_http import UnixMs
from signaling.network.principals import PRINCIPAL
from signaling.network.timetable_operations_views import OperationSlot, slot_view
from signaling.openapi import Operation
from signaling.requests import body, query
from signaling.rest import json_response, read

TopicName = Literal["cancelled", "changed", "substitutes", "places", "supervision"]


class MyNoticesQuery(msgspec.Struct, frozen=True, kw_only=True):
    before: UnixMs = 0
    limit: Annotated[int, Meta(ge=1, le=notices.PAGE)] = 30


class MyNotice(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    kind: Literal[
        "moved-up",
        "lapsed",
        "cancel",
        "online",
        "change",
        "substitute",
        "undo",
        "review-delivered",
        "problem-answered",
        "problem-closed",
        "problem-reopened",
        "problem-overdue",
        "negative-listed",
    ]
    """Off the waiting list: there is a place; or for good, since there was another lesson by then. Or what
    was done with the lesson; and that this was undone. Of supervision: to who gives the lesson;
    `problem-answered` to the supervisor, `problem-overdue` to both, `negative-listed` to organizers, too."""
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


class MyNoticeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    language: Literal["zh-CN", "en"]
    """In which one is told by e-mail."""
    unwanted: Annotated[list[TopicName], Meta(max_length=len(Topic))]
    """Of these no e-mail is to come."""


class MyNoticeWays(msgspec.Struct, frozen=True, kw_only=True):
    settings: MyNoticeSettings
    email: str
    """To which letters go; empty: there is no address."""
    sent: bool
    """This server sends e-mail."""


async def my_notice_settings(request: web.Request) -> web.Response:
    return await _ways(request)


async def put_my_notice_settings(request: web.Request) -> web.Response:
    asked = await body(request, MyNoticeSettings)
    settings = NoticeSettings(asked.language, frozenset(map(Topic, asked.unwanted)))
    network, person = request.app[STORE].network, request[PRINCIPAL].person
    await read(network.change(mail_outbox.put_settings, person, settings))
    return await _ways(request)


async def _ways(request: web.Request) -> web.Response:
    network, person = request.app[STORE].network, request[PRINCIPAL].person
    known = await read(network.read(mail_outbox.settings_of, person))
    settings = MyNoticeSettings(
        language=known.language,  # type: ignore[arg-type]  # of two
        unwanted=sorted(topic.value for topic in known.unwanted),
    )
    email = await read(network.read(mail_outbox.address_of, person))
    sent = bool(request.app[CONFIG].smtp_host)
    return json_response(MyNoticeWays(settings=settings, email=email, sent=sent))


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
_SETTINGS: Final = "/api/v1/my/notice-settings"

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
    Operation(
        id="my_notice_settings",
        method="GET",
        path=_SETTINGS,
        tag="network",
        handler=my_notice_settings,
        response=MyNoticeWays,
        problems=("not-ready",),
    ),
    Operation(
        id="put_my_notice_settings",
        method="PUT",
        path=_SETTINGS,
        tag="network",
        handler=put_my_notice_settings,
        request=MyNoticeSettings,
        response=MyNoticeWays,
        problems=("bad-request", "unsupported-media-type", "not-ready"),
    ),
)
