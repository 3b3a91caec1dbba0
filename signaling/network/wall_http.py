"""/api/v1/supervision/wall: the lessons that are live now, for those who oversee them, and their pictures.

    GET /api/v1/supervision/wall            lessons in scope, with flags
    GET /api/v1/supervision/wall/pictures   what is newer than what the page has, in one answer

The answer of pictures is a line of JSON (`PicturesHead`), then the JPEGs in its order, one behind the
other."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.model import Path
from classroom.network.scope import Principal, within
from classroom.network.supervision import reaches_lesson
from classroom.network.wall import Flag
from classroom.store.supervision_places import PlaceName
from signaling.keys import DIRECTORY, LIBRARY, STORE
from signaling.message import LessonState, Phase
from signaling.network.principals import PRINCIPAL
from signaling.network.supervision_access import OVERSEE, IdText
from signaling.network.wall import LiveLesson, Wall, WallBoard
from signaling.network.wall_pictures import WallPictures
from signaling.openapi import Operation
from signaling.requests import JSON, query
from signaling.rest import read

PICTURES: Final = "application/octet-stream"
BOARD: Final[web.AppKey[WallBoard]] = web.AppKey("wall_board")
WALL_PICTURES: Final[web.AppKey[WallPictures]] = web.AppKey("wall_pictures")

FlagName = Literal[
    "not_begun",
    "master_absent",
    "other_teacher",
    "no_picture",
    "no_sound",
    "tutor_absent",
    "recording_gap",
    "not_recorded",
    "late_start",
]


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: Literal["city", "district", "school", "provider"]
    name: str
    path: str
    """The ids from the city down to it."""


class WallLesson(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    state: LessonState
    phase: Phase
    starts_ms: int
    """When it was planned to begin, Unix time in ms; 0: not planned."""
    started_ms: int
    """0: it has not begun."""
    provider: str
    """Path of the place that gives it; empty: not known."""
    schools: list[str]
    """Paths of the places whose classes take it."""
    master: str
    """Who leads now; empty: nobody is there."""
    classes: int
    without_tutor: int
    pupils: int
    """Who joined by themselves."""
    flags: list[FlagName]
    """What weighs most first."""
    item: str
    """The recording, from which to rewind; empty: there is none."""


class WallList(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[WallLesson]
    places: list[PlaceView]
    """Those that the lessons belong to."""


class WallQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Annotated[str, Meta(max_length=300)] = ""
    flag: FlagName | Literal[""] = ""


class PicturesQuery(msgspec.Struct, frozen=True, kw_only=True):
    lesson: IdText = ""
    after: Annotated[str, Meta(max_length=40)] = ""


class PictureHead(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    at_ms: int
    """Item clock."""
    bytes: int


class PicturesHead(msgspec.Struct, frozen=True, kw_only=True):
    next: str
    """For `after`: what the page has by then."""
    pictures: list[PictureHead]


def add_wall(app: web.Application) -> None:
    """What all walls of this server share."""
    app[BOARD] = WallBoard(app[STORE], app[DIRECTORY].rooms)
    pictures = app[WALL_PICTURES] = WallPictures(app[LIBRARY].storage)

    async def running(_: web.Application) -> AsyncIterator[None]:
        pictures.start()
        yield
        await pictures.close()

    app.cleanup_ctx.append(running)


async def wall(request: web.Request) -> web.StreamResponse:
    asked = query(request, WallQuery)
    found = await read(request.app[BOARD].wall())
    lessons = _seen(found, request[PRINCIPAL])
    if asked.place:
        lessons = [each for each in lessons if any(within(p, Path(asked.place)) for p in each.places.all)]
    if asked.flag:
        lessons = [each for each in lessons if asked.flag in each.flags]
    body = msgspec.json.encode(
        WallList(lessons=[_view(each) for each in lessons], places=_places(found, lessons))
    )
    etag = f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type=JSON, headers=headers)
    response.enable_compression()
    return response


async def pictures(request: web.Request) -> web.Response:
    """Only of lessons that are looked at are pictures made: to ask is to want them."""
    asked = query(request, PicturesQuery)
    lessons = _seen(await read(request.app[BOARD].wall()), request[PRINCIPAL])
    if asked.lesson:
        lessons = [each for each in lessons if each.lesson.id == asked.lesson]
    made = request.app[WALL_PICTURES]
    made.want({each.lesson.id: each.item for each in lessons if each.item})
    newer = made.newer((each.lesson.id for each in lessons), _number(asked.after, made.epoch))
    head = PicturesHead(
        next=f"{made.epoch}-{made.highest}",
        pictures=[PictureHead(lesson=each.lesson, at_ms=each.at_ms, bytes=len(each.data)) for each in newer],
    )
    body = b"".join([msgspec.json.encode(head), b"\n", *(each.data for each in newer)])
    return web.Response(body=body, content_type=PICTURES, headers={"Cache-Control": "no-store"})


def _number(after: str, epoch: str) -> int:
    """Of another server, or of before this one was started anew, nothing is believed: all is newer."""
    made, _, number = after.partition("-")
    known = made == epoch and number.isascii() and number.isdecimal() and len(number) < 16
    return int(number) if known else 0


def _seen(found: Wall, principal: Principal) -> list[LiveLesson]:
    return [each for each in found.lessons if reaches_lesson(principal, OVERSEE, each.places)]


def _places(found: Wall, lessons: Iterable[LiveLesson]) -> list[PlaceView]:
    paths = sorted({path for each in lessons for path in each.places.all})
    return [_place(path, found.names[path]) for path in paths if path in found.names]


def _place(path: Path, name: PlaceName) -> PlaceView:
    return PlaceView(id=name.id, kind=name.kind.value, name=name.name, path=path)


def _view(each: LiveLesson) -> WallLesson:
    lesson = each.lesson
    return WallLesson(
        id=lesson.id,
        title=lesson.title,
        state=lesson.state.value,
        phase=lesson.phase.value,
        starts_ms=lesson.starts_ms,
        started_ms=lesson.started_ms,
        provider=each.places.gives or "",
        schools=list(each.places.takes),
        master=each.master,
        classes=each.classes,
        without_tutor=each.without_tutor,
        pupils=each.pupils,
        flags=[_FLAGS[flag] for flag in each.flags],
        item=each.item,
    )


_FLAGS: Final[dict[Flag, FlagName]] = {flag: flag.value for flag in Flag}

OPERATIONS: Final = (
    Operation(
        id="wall",
        method="GET",
        path="/api/v1/supervision/wall",
        tag="supervision",
        handler=wall,
        query=WallQuery,
        response=WallList,
        also=(304,),
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="wall_pictures",
        method="GET",
        path="/api/v1/supervision/wall/pictures",
        tag="supervision",
        handler=pictures,
        query=PicturesQuery,
        response=PICTURES,
        problems=("bad-request", "not-ready"),
    ),
)
