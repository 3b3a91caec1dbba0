"""/api/v1/lessons/{lesson}/check-in: opened by who leads, done by each from their own device, or for a class
by its tutor.

    GET, PUT /api/v1/lessons/{lesson}/check-in
    POST     /api/v1/lessons/{lesson}/check-in/me              position, or being in the live lesson
    PUT      /api/v1/lessons/{lesson}/check-in/me/picture      evidence, once
    POST     /api/v1/lessons/{lesson}/check-in/classes/{class} by the class's tutor
    GET      /api/v1/lessons/{lesson}/check-in/results[/{person}/picture]

Of a position only the distance from the place is kept. Seats of a room are checked in by the roll call."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.lesson import LessonRoom
from classroom.model import ClassId, Lesson, LessonState, PersonId, Role
from classroom.network.check_in import (
    GREATEST_RADIUS_M,
    LEAST_RADIUS_M,
    BadPlaceError,
    BadWindowError,
    CheckIn,
    Face,
    Found,
    Position,
    Refusal,
    Result,
    Way,
    checked_window,
    judge,
    spot,
)
from classroom.store import check_in as store_of
from classroom.store.check_in import CheckedIn
from recorder.photo import NotAPictureError, photo
from signaling.access import CLAIMS
from signaling.keys import STORE
from signaling.network.check_in_evidence import Evidence
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, lesson_of, read, room_of

EVIDENCE: Final[web.AppKey[Evidence]] = web.AppKey("evidence")
MAX_PICTURE: Final = 8 * 1024 * 1024
"""Bytes of an upload: what phones make of one picture."""
IMAGE: Final = "image/jpeg"

Milliseconds = Annotated[int, Meta(ge=0, le=10**14)]


class PlaceOfCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WGS 84, degrees."""

    latitude: float
    longitude: float
    radius_m: Annotated[int, Meta(ge=LEAST_RADIUS_M, le=GREATEST_RADIUS_M)]


class CheckInPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Unix times in ms."""

    opens_ms: Milliseconds
    closes_ms: Milliseconds
    late_ms: Milliseconds = 0
    """Who checks in from then on is late; 0: nobody is."""
    place: PlaceOfCheckIn | None = None
    """null: being in the live lesson is what counts."""
    picture: bool = False
    """Each is asked for a picture, as evidence."""


class CheckedInView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    class_id: str
    at_ms: int
    result: Literal["present", "late"]
    way: Literal["position", "presence", "tutor"]
    distance_m: int | None
    """From the place; null: no position was told."""
    picture: bool
    """There is evidence."""
    face: Literal["", "verified", "refused", "unverified"]
    """What the platform's face service said; empty: nothing was asked."""


class CheckInView(msgspec.Struct, frozen=True, kw_only=True):
    plan: CheckInPlan | None
    """null: nobody has opened it."""
    open: bool
    mine: CheckedInView | None
    server_ms: int


class PositionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    latitude: float
    longitude: float
    accuracy_m: Annotated[float, Meta(ge=0, le=10**8)]
    """As the device says (W3C Geolocation, 5.2)."""


class OwnCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    position: PositionBody | None = None


class ClassCheckIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    people: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=500)]
    """Of the class, and in the lesson now; empty: all of those."""


class CheckInResults(msgspec.Struct, frozen=True, kw_only=True):
    results: list[CheckedInView]
    """In the order in which they came."""


async def get(request: web.Request) -> web.Response:
    lesson = await _lesson(request)
    return await _answer(request, lesson)


async def put(request: web.Request) -> web.Response:
    asked, lesson, store = await body(request, CheckInPlan), await _lesson(request), request.app[STORE]
    if lesson.state in (LessonState.ENDED, LessonState.CANCELLED):
        raise Problem("lesson-ended")
    place, now_ms = asked.place, store.clock.unix_ms()
    try:
        plan = CheckIn(
            lesson=lesson.id,
            opens_ms=asked.opens_ms,
            late_ms=asked.late_ms or asked.closes_ms,
            closes_ms=asked.closes_ms,
            place=None if place is None else spot(place.latitude, place.longitude),
            radius_m=0 if place is None else place.radius_m,
            picture=asked.picture,
        )
        checked_window(plan, now_ms)
    except BadPlaceError as error:
        raise Problem("check-in-place", detail_kind=error.kind) from error
    except BadWindowError as error:
        raise Problem("check-in-window") from error
    await read(store.network.change(store_of.put, plan, request[CLAIMS].person))
    return await _answer(request, lesson)


async def check_in(request: web.Request) -> web.Response:
    asked, lesson, store = await body(request, OwnCheckIn), await _lesson(request), request.app[STORE]
    claims, now_ms = request[CLAIMS], store.clock.unix_ms()
    plan = await read(store.network.read(store_of.find, lesson.id))
    if plan is None:
        raise Problem("check-in-closed")
    told = asked.position
    try:
        position = None if told is None else Position(spot(told.latitude, told.longitude), told.accuracy_m)
    except BadPlaceError as error:
        raise Problem("check-in-place", detail_kind=error.kind) from error
    room = room_of(request, lesson.id)
    found = judge(plan, position, now_ms, inside=_inside(room, claims.person))
    if isinstance(found, Refusal):
        raise Problem(_REFUSED[found], detail_kind=_DETAIL.get(found, ""))
    one = CheckedIn(
        lesson=lesson.id,
        person=claims.person,
        class_id=claims.class_id,
        name=claims.name,
        at_ms=now_ms,
        found=found,
        accuracy_m=None if told is None else round(told.accuracy_m),
        by=claims.person,
    )
    await read(store.network.change(store_of.check_in, one))
    return await _answer(request, lesson)


_REFUSED: Final = {
    Refusal.EARLY: "check-in-closed",
    Refusal.OVER: "check-in-closed",
    Refusal.OUTSIDE: "check-in-outside",
    Refusal.VAGUE: "check-in-position",
    Refusal.NO_POSITION: "check-in-position",
}
_DETAIL: Final = {Refusal.EARLY: "early", Refusal.OVER: "over", Refusal.VAGUE: "vague"}


async def put_picture(request: web.Request) -> web.Response:
    """Of who has checked in, as long as the check-in is open; the first one stands."""
    lesson, store, claims = await _lesson(request), request.app[STORE], request[CLAIMS]
    network, evidence = store.network, request.app[EVIDENCE]
    plan = await read(network.read(store_of.find, lesson.id))
    now_ms = store.clock.unix_ms()
    if plan is None or not plan.is_open(now_ms):
        raise Problem("check-in-closed")
    mine = await read(network.read(store_of.person, lesson.id, claims.person))
    if mine is None or mine.picture:
        raise Problem("check-in-first" if mine is None else "check-in-picture-there")
    try:
        made = await asyncio.to_thread(photo, await _upload(request))
        name = await asyncio.to_thread(evidence.keep, made)
    except NotAPictureError as error:
        raise Problem("check-in-picture") from error
    except OSError as error:
        raise Problem("not-ready", reason=error.strerror or "disk") from error
    added = await read(
        network.change(store_of.add_picture, lesson.id, claims.person, name, evidence.until_ms(now_ms))
    )
    if not added:
        await asyncio.to_thread(evidence.drop, name)
        raise Problem("check-in-picture-there")
    face = await evidence.face(lesson.id, claims.person, made)
    if face is not Face.NONE:
        await read(network.change(store_of.found_face, lesson.id, claims.person, face))
    return await _answer(request, lesson)


async def _upload(request: web.Request) -> bytes:
    """Problem too-large, before more than that was read."""
    data = bytearray()
    async for piece in request.content.iter_chunked(65_536):
        data += piece
        if len(data) > MAX_PICTURE:
            raise Problem("too-large", limit=MAX_PICTURE)
    return bytes(data)


async def check_in_class(request: web.Request) -> web.Response:
    asked, lesson, store = await body(request, ClassCheckIn), await _lesson(request), request.app[STORE]
    claims, class_id = request[CLAIMS], ClassId(request.match_info["class"])
    if lesson.class_room(class_id) is None:
        raise Problem("unknown-class")
    if claims.role == "tutor" and claims.class_id != class_id:
        raise Problem("not-your-class")
    plan, now_ms = await read(store.network.read(store_of.find, lesson.id)), store.clock.unix_ms()
    if plan is None or not plan.is_open(now_ms):
        raise Problem("check-in-closed")
    there = _pupils(room_of(request, lesson.id), class_id)
    if unknown := set(asked.people) - set(there):
        raise Problem("person-unknown", person=min(unknown))
    result = Result.LATE if now_ms >= plan.late_ms else Result.PRESENT
    for person in asked.people or there:
        one = CheckedIn(
            lesson=lesson.id,
            person=person,
            class_id=class_id,
            name=there[PersonId(person)],
            at_ms=now_ms,
            found=Found(result, Way.TUTOR),
            by=claims.person,
        )
        await read(store.network.change(store_of.check_in, one))
    return json_response(CheckInResults(results=await _results(request, lesson, class_id)))


async def results(request: web.Request) -> web.Response:
    """A tutor sees the own class."""
    lesson, claims = await _lesson(request), request[CLAIMS]
    class_id = ClassId(claims.class_id) if claims.role == "tutor" else ClassId("")
    return json_response(CheckInResults(results=await _results(request, lesson, class_id)))


async def picture(request: web.Request) -> web.Response:
    lesson, store = await _lesson(request), request.app[STORE]
    found = await read(store.network.read(store_of.person, lesson.id, request.match_info["person"]))
    if found is None or not found.picture:
        raise Problem("not-found")
    try:
        data = await asyncio.to_thread(request.app[EVIDENCE].path(found.picture).read_bytes)
    except OSError as error:
        raise Problem("not-found") from error
    return web.Response(body=data, content_type=IMAGE, headers={"Cache-Control": "no-store"})


async def _lesson(request: web.Request) -> Lesson:
    return await lesson_of(request, request.match_info["lesson"])


async def _answer(request: web.Request, lesson: Lesson) -> web.Response:
    network, now_ms = request.app[STORE].network, request.app[STORE].clock.unix_ms()
    plan = await read(network.read(store_of.find, lesson.id))
    mine = await read(network.read(store_of.person, lesson.id, request[CLAIMS].person))
    return json_response(
        CheckInView(
            plan=None if plan is None else _plan(plan),
            open=plan is not None and plan.is_open(now_ms),
            mine=None if mine is None else checked_in_view(mine),
            server_ms=now_ms,
        )
    )


async def _results(request: web.Request, lesson: Lesson, class_id: ClassId) -> list[CheckedInView]:
    found = await read(request.app[STORE].network.read(store_of.of_lesson, lesson.id, class_id))
    return [checked_in_view(each) for each in found]


def _inside(room: LessonRoom | None, person: str) -> bool:
    if room is None or room.lesson.state is not LessonState.LIVE:
        return False
    return any(each.id == person and each.online for each in room.people)


def _pupils(room: LessonRoom | None, class_id: ClassId) -> dict[PersonId, str]:
    people = room.people if room is not None else ()
    return {
        each.id: each.person.name
        for each in people
        if each.role is Role.STUDENT and each.online and each.person.class_id == class_id
    }


def _plan(plan: CheckIn) -> CheckInPlan:
    place = None
    if (at := plan.place) is not None:
        place = PlaceOfCheckIn(latitude=at.latitude, longitude=at.longitude, radius_m=plan.radius_m)
    return CheckInPlan(
        opens_ms=plan.opens_ms,
        closes_ms=plan.closes_ms,
        late_ms=plan.late_ms,
        place=place,
        picture=plan.picture,
    )


def checked_in_view(one: CheckedIn) -> CheckedInView:
    return CheckedInView(
        person=one.person,
        name=one.name,
        class_id=one.class_id,
        at_ms=one.at_ms,
        result=one.found.result.value,
        way=one.found.way.value,
        distance_m=one.found.distance_m,
        picture=bool(one.picture),
        face=one.face.value,
    )


_PATH: Final = "/api/v1/lessons/{lesson}/check-in"
_READ: Final = ("unknown-lesson", "not-ready")
_BODY: Final = (*_READ, "bad-request", "unsupported-media-type", "too-large")

OPERATIONS: Final = (
    Operation(
        id="check_in_plan",
        method="GET",
        path=_PATH,
        tag="lessons",
        handler=get,
        response=CheckInView,
        problems=_READ,
    ),
    Operation(
        id="put_check_in",
        method="PUT",
        path=_PATH,
        tag="lessons",
        handler=put,
        request=CheckInPlan,
        response=CheckInView,
        problems=(*_BODY, "lesson-ended", "check-in-place", "check-in-window"),
    ),
    Operation(
        id="check_in",
        method="POST",
        path=_PATH + "/me",
        tag="lessons",
        handler=check_in,
        request=OwnCheckIn,
        response=CheckInView,
        problems=(*_BODY, "check-in-closed", "check-in-place", "check-in-outside", "check-in-position"),
    ),
    Operation(
        id="put_check_in_picture",
        method="PUT",
        path=_PATH + "/me/picture",
        tag="lessons",
        handler=put_picture,
        request=IMAGE,
        response=CheckInView,
        problems=(
            *_READ,
            "too-large",
            "check-in-closed",
            "check-in-first",
            "check-in-picture",
            "check-in-picture-there",
        ),
    ),
    Operation(
        id="check_in_class",
        method="POST",
        path=_PATH + "/classes/{class}",
        tag="lessons",
        handler=check_in_class,
        request=ClassCheckIn,
        response=CheckInResults,
        problems=(*_BODY, "unknown-class", "not-your-class", "check-in-closed", "person-unknown"),
    ),
    Operation(
        id="check_in_results",
        method="GET",
        path=_PATH + "/results",
        tag="lessons",
        handler=results,
        response=CheckInResults,
        problems=_READ,
    ),
    Operation(
        id="check_in_picture",
        method="GET",
        path=_PATH + "/results/{person}/picture",
        tag="lessons",
        handler=picture,
        response=IMAGE,
        problems=(*_READ, "not-found"),
    ),
)
