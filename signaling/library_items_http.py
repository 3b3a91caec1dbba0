"""/api/v1/library: what there is to see, found by words and facets; one item; tokens for its media.

Who asks sees what the rules of the items show them (`classroom.library.rules`). Every item comes with the
addresses of its playlist and its picture, each with a token bound to item and person (`media_token`).
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.library.rules import Holding, Visibility
from classroom.library.shelf import FACETS, Choice
from classroom.store.library_items import ItemRecord
from recorder.library import ItemView, UnknownItemError
from signaling.access import CLAIMS
from signaling.auth import Claims
from signaling.keys import CONFIG, KEEPER, LIBRARY, MEDIA, STORE
from signaling.media_access import viewer_of
from signaling.media_token import COOKIE, PARAMETER
from signaling.message import Id
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

LIST_PATH: Final = "/api/v1/library"
ITEM_PATH: Final = LIST_PATH + "/{item}"
PAGE: Final = 50
MAX_PAGE: Final = 100
MAX_QUESTION: Final = 200

Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]


class LibraryQuery(msgspec.Struct, frozen=True, kw_only=True):
    lesson: Id = ""
    q: Annotated[str, Meta(max_length=MAX_QUESTION)] = ""
    subject: Word = ""
    provider: Word = ""
    master: Word = ""
    month: Annotated[str, Meta(pattern=r"^(\d{4}-\d{2})?$")] = ""
    state: Literal["", "live", "ready"] = ""
    after: Annotated[str, Meta(pattern=r"^(\d{1,15}-\d{1,9})?$")] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = PAGE


class SenderView(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tracks are, in words."""

    person: str
    name: str
    """Of who taught; pupils' names are not told."""
    class_name: str


class LibraryItem(ItemView, frozen=True, kw_only=True):
    """One recorded lesson, as one person sees it."""

    subject: str = ""
    grade: str = ""
    provider: str = ""
    district: str = ""
    master: str = ""
    people: list[str] = msgspec.field(default_factory=list)
    """Who taught, by name."""
    schools: list[str] = msgspec.field(default_factory=list)
    """Of the classes that took part."""
    visibility: Literal["lesson", "school", "district", "all"] = "lesson"
    downloads: bool = True
    held: bool = False
    """Kept whatever retention says."""
    verdict: str = ""
    """What the last check of the files found: `complete`, `incomplete`, `changed`; empty: none yet."""
    senders: list[SenderView] = msgspec.field(default_factory=list)
    """Of one item alone: who was in the lesson and has a track; empty in lists."""
    playlist: str = ""
    """Address of the playlist, with a token for it."""
    poster: str = ""
    expires_at: int = 0
    """Unix time in seconds: when the token in the addresses ends."""


class FacetValue(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    count: int


class LibraryList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[LibraryItem]
    """Newest first."""
    next: str
    """For `after`; empty: there are no more."""
    total: int
    """Of the first page only, as `facets`."""
    facets: dict[str, list[FacetValue]]


class MediaTokenView(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    expires_at: int
    """Unix time in seconds."""
    playlist: str
    poster: str
    download: str
    """Address of the whole as one file; empty: not allowed."""


async def library(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    asked = query(request, LibraryQuery)
    if asked.lesson:
        await read(request.app[KEEPER].look())
    chosen = {name: getattr(asked, name) for name in FACETS}
    choice = Choice(
        viewer=viewer_of(claims),
        lesson=asked.lesson,
        chosen={name: value for name, value in chosen.items() if value},
        state=asked.state,
        after=_place(asked.after),
        limit=asked.limit,
    )
    store = request.app[STORE].library
    found = await read(store.search(choice, asked.q, counts=not asked.after))
    if asked.lesson and asked.lesson != claims.lesson and not found.items and claims.role != "organizer":
        # Of a lesson that is not theirs nobody learns whether it was recorded.
        raise Problem("wrong-lesson", lesson=asked.lesson)
    schools = await read(store.schools([item.id for item in found.items]))
    return json_response(
        LibraryList(
            items=[item_view(request, claims, one, schools.get(one.id, ())) for one in found.items],
            next=_cursor(found.items[-1]) if found.more else "",
            total=found.total,
            facets={
                name: [FacetValue(value=value, count=count) for value, count in values]
                for name, values in found.facets.items()
            },
        )
    )


async def library_item(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    files = request.app[LIBRARY]
    try:
        media = await asyncio.to_thread(files.item, item.id)
    except UnknownItemError:
        media = None
    store = request.app[STORE].library
    schools = (await read(store.schools([item.id]))).get(item.id, ())
    view = item_view(request, claims, item, schools, media)
    recorded = {track.person for track in view.tracks}
    senders = [
        SenderView(person=one.person, name=one.name, class_name=one.class_name)
        for one in await read(store.senders(item.lesson))
        if one.person in recorded
    ]
    return json_response(msgspec.structs.replace(view, senders=senders))


async def media_token(request: web.Request) -> web.Response:
    """A new token for an item's media, before the one there is ends; also as a cookie, for what a page
    fetches without script. Pages ask twice a minute, so the database is not read for it."""
    claims, item = request[CLAIMS], request.match_info["item"]
    viewer = viewer_of(claims)
    door = request.app[MEDIA]
    await door.right(viewer, item)
    holding = await door.holding(item)
    if not isinstance(holding, Holding):
        raise Problem("unknown-item", item=item[:80])
    token, expires = door.issue(viewer, item, claims.exp)
    taken, _ = door.issue(viewer, item, claims.exp, "download")
    download = f"/media/{item}/lesson.mp4?download&{PARAMETER}={taken}"
    response = json_response(
        MediaTokenView(
            token=token,
            expires_at=expires,
            playlist=_address(item, "index.m3u8", token),
            poster=_address(item, "poster.jpg", token),
            download=download if holding.may_download(viewer) else "",
        )
    )
    response.set_cookie(
        COOKIE,
        taken,
        path=f"/media/{item}",
        max_age=max(0, expires - int(time.time())),
        httponly=True,
        samesite="Strict",
        secure=request.app[CONFIG].tls,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def seen_item(request: web.Request) -> tuple[Claims, ItemRecord]:
    """Who asks, and the item of the path, once they may see it. Raises Problem: item-not-allowed,
    unknown-item, not-ready."""
    claims = request[CLAIMS]
    item = request.match_info["item"]
    await request.app[MEDIA].right(viewer_of(claims), item)
    found = await read(request.app[STORE].library.find(item))
    if found is None:
        # Its files are there, and nobody has looked at them yet.
        await read(request.app[KEEPER].look())
        found = await read(request.app[STORE].library.find(item))
    if found is None:
        raise Problem("unknown-item", item=item[:80])
    return claims, found


def item_view(
    request: web.Request,
    claims: Claims,
    item: ItemRecord,
    schools: tuple[str, ...],
    media: ItemView | None = None,
) -> LibraryItem:
    media = media or msgspec.json.decode(item.media, type=ItemView)
    token, expires = request.app[MEDIA].issue(viewer_of(claims), item.id, claims.exp)
    values = msgspec.structs.asdict(media) | {
        "title": item.title,
        "subject": item.subject,
        "grade": item.grade,
        "provider": item.provider,
        "district": item.district,
        "master": item.master,
        "people": list(item.people),
        "schools": list(schools),
        "visibility": Visibility(item.visibility).value,
        "downloads": item.downloads,
        "held": item.hold_ms is not None,
        "verdict": item.verdict,
        "playlist": _address(item.id, "index.m3u8", token),
        "poster": _address(item.id, "poster.jpg", token),
        "expires_at": expires,
    }
    return LibraryItem(**values)


def _address(item: str, name: str, token: str) -> str:
    return f"/media/{item}/{name}?{PARAMETER}={token}"


def _cursor(item: ItemRecord) -> str:
    return f"{item.started_ms}-{item.number}"


def _place(cursor: str) -> tuple[int, int] | None:
    if not cursor:
        return None
    started_ms, _, number = cursor.partition("-")
    return int(started_ms), int(number)


OPERATIONS: Final = (
    Operation(
        id="library",
        method="GET",
        path=LIST_PATH,
        tag="library",
        handler=library,
        query=LibraryQuery,
        response=LibraryList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="library_item",
        method="GET",
        path=ITEM_PATH,
        tag="library",
        handler=library_item,
        response=LibraryItem,
        problems=("item-not-allowed", "unknown-item", "not-ready"),
    ),
    Operation(
        id="media_token",
        method="POST",
        path=ITEM_PATH + "/token",
        tag="library",
        handler=media_token,
        response=MediaTokenView,
        problems=("item-not-allowed", "unknown-item", "not-ready"),
    ),
)
