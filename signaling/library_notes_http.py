"""/api/v1/library/{item}/...: chapters and marks, what was watched and by whom, who fetched it, who did what.

Supervisors' marks are notes: they and organizers alone see them, and see that they were written.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.library.chapters import ItemClock, chapters
from classroom.library.spans import BadSpans, checked, total_ms
from classroom.model import Role
from classroom.rules.words import has_controls
from classroom.store.library_notes import Deed, Mark, Watcher, Watching
from signaling import catalogue
from signaling.access import CLAIMS
from signaling.auth import Claims
from signaling.keys import LANGUAGE, MEDIA, STORE
from signaling.library_items_http import ITEM_PATH, LIST_PATH, LibraryItem, item_view, seen_item
from signaling.media_access import viewer_of
from signaling.message import Role as RoleName
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, read

MAX_MARK: Final = 200
"""Characters: a line beside the scrub bar."""

Seconds = Annotated[float, Meta(ge=0, le=90_000)]


class ChapterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    at_s: float
    """Item clock."""
    kind: str
    title: str
    id: str = ""
    """Of a mark that somebody made."""
    by: str = ""
    """Who made it, by name."""
    supervision: bool = False
    """A note for supervisors and organizers only."""
    mine: bool = False


class ChapterList(msgspec.Struct, frozen=True, kw_only=True):
    chapters: list[ChapterView]


class MarkPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    at_s: Seconds
    text: Annotated[str, Meta(min_length=1, max_length=MAX_MARK)]


class WatchedReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    spans: Annotated[list[tuple[Seconds, Seconds]], Meta(max_length=100)]
    """From and to on the item's clock, in seconds: what was played since the last report."""
    position_s: Seconds
    """Where to go on."""


class WatchedView(msgspec.Struct, frozen=True, kw_only=True):
    spans: list[tuple[float, float]]
    watched_s: float
    position_s: float
    share: float
    """0..1 of the item."""


class WatcherView(WatchedView, frozen=True, kw_only=True):
    person: str
    name: str
    role: RoleName
    class_id: str
    began_ms: int
    updated_ms: int
    """Unix times in ms."""


class WatcherList(msgspec.Struct, frozen=True, kw_only=True):
    watchers: list[WatcherView]


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    item: LibraryItem
    position_s: float
    share: float


class ContinueList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Continued]
    """What was begun and not watched to its end, the latest first."""


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    role: RoleName
    kind: str
    """`view` or `download`."""
    began_ms: int
    last_ms: int
    requests: int


class VisitList(msgspec.Struct, frozen=True, kw_only=True):
    views: list[VisitView]


class DeedView(msgspec.Struct, frozen=True, kw_only=True):
    at_ms: int
    item: str
    clip: str
    person: str
    role: str
    action: str
    detail: dict[str, Any]


class DeedList(msgspec.Struct, frozen=True, kw_only=True):
    log: list[DeedView]
    """The oldest first."""


async def item_chapters(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    store = request.app[STORE].library
    timeline, marks = await read(store.timeline(item)), await read(store.marks(item.id))
    found: list[ChapterView] = []
    if timeline.lesson is not None:
        clock = ItemClock(timeline.lesson.started_ms, item.started_ms, item.duration_ms)
        for one in chapters(timeline.lesson, clock, timeline.events, timeline.questions):
            title = catalogue.text(f"chapter.{one.kind}", request[LANGUAGE], **one.values)
            found.append(ChapterView(at_s=one.at_ms / 1000, kind=one.kind.partition(".")[0], title=title))
    found += [_mark(mark, claims) for mark in marks if _reads(mark, claims)]
    found.sort(key=lambda chapter: chapter.at_s)
    return json_response(ChapterList(chapters=found))


async def add_mark(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    plan = await body(request, MarkPlan)
    text = plan.text.strip()
    at_ms = round(plan.at_s * 1000)
    if not text or has_controls(text):
        raise Problem("mark-invalid", limit=MAX_MARK)
    if at_ms > item.duration_ms:
        raise Problem("mark-beyond-end")
    mark = Mark(
        id=secrets.token_hex(8),
        item=item.id,
        at_ms=at_ms,
        text=text,
        supervision=claims.role == "supervisor",
        person=claims.person,
        name=claims.name,
        role=claims.role,
        made_ms=now_ms(),
    )
    if not await read(request.app[STORE].library.add_mark(mark)):
        raise Problem("too-many-marks")
    return json_response(_mark(mark, claims), status=201)


async def delete_mark(request: web.Request) -> web.Response:
    """One's own; an organizer's word deletes any."""
    claims, item = await seen_item(request)
    store = request.app[STORE].library
    marks = await read(store.marks(item.id))
    mark = next((one for one in marks if one.id == request.match_info["mark"]), None)
    if mark is None or not _reads(mark, claims):
        raise Problem("not-found")
    if mark.person != claims.person and claims.role != "organizer":
        raise Problem("mark-not-yours")
    await read(store.drop_mark(item.id, mark.id, now_ms()))
    return web.Response(status=204)


async def watched(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    report = await body(request, WatchedReport)
    try:
        spans = checked(((_ms(a), _ms(b)) for a, b in report.spans), item.duration_ms)
    except BadSpans:
        raise Problem("spans-invalid") from None
    watcher = Watcher(claims.person, claims.name, claims.role, claims.class_id)
    position = min(_ms(report.position_s), item.duration_ms)
    store = request.app[STORE].library
    all_spans = await read(store.watched(item, watcher, spans, position, now_ms()))
    share = min(1.0, total_ms(all_spans) / item.duration_ms) if item.duration_ms else 0.0
    return json_response(
        WatchedView(
            spans=[(a / 1000, b / 1000) for a, b in all_spans],
            watched_s=total_ms(all_spans) / 1000,
            position_s=position / 1000,
            share=round(share, 4),
        )
    )


async def watched_by_me(request: web.Request) -> web.Response:
    """What the caller has watched of an item; nothing yet: all zero."""
    claims, item = await seen_item(request)
    found = await read(request.app[STORE].library.watching(item.id, claims.person))
    if not found:
        return json_response(WatchedView(spans=[], watched_s=0, position_s=0, share=0))
    return json_response(WatchedView(**_watched(found[0])))


async def continued(request: web.Request) -> web.Response:
    claims: Claims = request[CLAIMS]
    store = request.app[STORE].library
    items = []
    for one in await read(store.watched_by(claims.person)):
        item = await read(store.find(one.item))
        if item is not None and await _may(request, one.item):
            view = item_view(request, claims, item, ())
            position, share = one.position_ms / 1000, round(one.share, 4)
            items.append(Continued(item=view, position_s=position, share=share))
    return json_response(ContinueList(items=items))


async def watchers(request: web.Request) -> web.Response:
    """A tutor sees those of the own class; supervisors are shown to supervisors and organizers alone."""
    claims, item = await seen_item(request)
    found = await read(request.app[STORE].library.watching(item.id))
    if claims.role == "tutor":
        found = tuple(one for one in found if one.class_id == claims.class_id)
    if not viewer_of(claims).reads_notes:
        found = tuple(one for one in found if one.role != Role.SUPERVISOR)
    return json_response(WatcherList(watchers=[_watcher(one) for one in found]))


async def item_views(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    found = await read(request.app[STORE].library.views(item.id))
    plain = ("person", "role", "kind", "began_ms", "last_ms", "requests")
    return json_response(
        VisitList(
            views=[
                VisitView(name=name, **{each: getattr(view, each) for each in plain}) for view, name in found
            ]
        )
    )


async def item_log(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    return json_response(deed_list(await read(request.app[STORE].library.deeds(item.id))))


def deed_list(deeds: tuple[Deed, ...]) -> DeedList:
    return DeedList(
        log=[DeedView(**{name: getattr(deed, name) for name in Deed.__slots__}) for deed in deeds]
    )


def deed(claims: Claims, action: str, *, item: str, clip: str = "", **detail: Any) -> Deed:
    """What the caller did, now."""
    return Deed(now_ms(), item, clip, claims.person, claims.role, action, detail)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _may(request: web.Request, item: str) -> bool:
    try:
        await request.app[MEDIA].right(viewer_of(request[CLAIMS]), item)
    except Problem:
        return False
    return True


def _reads(mark: Mark, claims: Claims) -> bool:
    return not mark.supervision or viewer_of(claims).reads_notes


def _mark(mark: Mark, claims: Claims) -> ChapterView:
    return ChapterView(
        at_s=mark.at_ms / 1000,
        kind="note" if mark.supervision else "mark",
        title=mark.text,
        id=mark.id,
        by=mark.name,
        supervision=mark.supervision,
        mine=mark.person == claims.person,
    )


def _watched(one: Watching) -> dict[str, Any]:
    return {
        "spans": [(a / 1000, b / 1000) for a, b in one.spans],
        "watched_s": one.watched_ms / 1000,
        "position_s": one.position_ms / 1000,
        "share": round(one.share, 4),
    }


def _watcher(one: Watching) -> WatcherView:
    plain = ("person", "name", "role", "class_id", "began_ms", "updated_ms")
    return WatcherView(**_watched(one), **{name: getattr(one, name) for name in plain})


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


_SEEN: Final = ("item-not-allowed", "unknown-item", "not-ready")
_BODY: Final = ("bad-request", "unsupported-media-type")


def _get(name: str, path: str, handler: Any, response: Any) -> Operation:
    return Operation(
        id=name,
        method="GET",
        path=path,
        tag="library",
        handler=handler,
        response=response,
        problems=_SEEN,
    )


OPERATIONS: Final = (
    _get("chapters", ITEM_PATH + "/chapters", item_chapters, ChapterList),
    Operation(
        id="add_mark",
        method="POST",
        path=ITEM_PATH + "/marks",
        tag="library",
        handler=add_mark,
        request=MarkPlan,
        response=ChapterView,
        status=201,
        problems=(*_SEEN, *_BODY, "mark-invalid", "mark-beyond-end", "too-many-marks"),
    ),
    Operation(
        id="delete_mark",
        method="DELETE",
        path=ITEM_PATH + "/marks/{mark}",
        tag="library",
        handler=delete_mark,
        status=204,
        problems=(*_SEEN, "not-found", "mark-not-yours"),
    ),
    Operation(
        id="watched",
        method="POST",
        path=ITEM_PATH + "/watched",
        tag="library",
        handler=watched,
        request=WatchedReport,
        response=WatchedView,
        problems=(*_SEEN, *_BODY, "spans-invalid"),
    ),
    _get("watched_by_me", ITEM_PATH + "/watched", watched_by_me, WatchedView),
    _get("watchers", ITEM_PATH + "/watchers", watchers, WatcherList),
    _get("item_views", ITEM_PATH + "/views", item_views, VisitList),
    _get("item_log", ITEM_PATH + "/log", item_log, DeedList),
    Operation(
        id="continued",
        method="GET",
        path=LIST_PATH + "/continue",
        tag="library",
        handler=continued,
        response=ContinueList,
        problems=("not-ready",),
    ),
)
