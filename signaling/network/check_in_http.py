"""/api/v1/lessons/{lesson}/check-in: opened by who leads, done by each from their own device, or for a class
by its tutor.

    GET, PUT /api/v1/lessons/{lesson}/check-in            of all, or of a class: each is at its own school
    POST     /api/v1/lessons/{lesson}/check-in/me         position, or being in the live lesson
    PUT      /api/v1/lessons/{lesson}/check-in/me/picture evidence, once

Of a position only the distance from the place is kept. What is done for a class stands in
`check_in_classes_http`."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from classroom.lesson import LessonRoom
from classroom.model import ClassId, Lesson, LessonState
from classroom.network.check_in import (
    BadPlaceError,
    BadWindowError,
    CheckIn,
    Face,
    Position,
    Refusal,
    checked_window,
    judge,
    spot,
)
from classroom.store import check_in as store_of
from classroom.store.check_in import CheckedIn
from recorder.photo import NotAPictureError, photo
from signaling.access import CLAIMS
from signaling.keys import CONFIG, STORE
from signaling.network.check_in_evidence import Evidence
from signaling.network.check_in_views import (
    CheckInPlan,
    CheckInQuery,
    CheckInView,
    OwnCheckIn,
    checked_in_view,
    place_view,
    plan_view,
)
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, lesson_of, read, room_of

OPENERS: Final = frozenset({"master", "tutor", "organizer"})
LEADERS: Final = frozenset({"master", "supervisor", "organizer"})
"""Of the lesson as a whole."""
EVIDENCE: Final[web.AppKey[Evidence]] = web.AppKey("evidence")
MAX_PICTURE: Final = 8 * 1024 * 1024
"""Bytes of an upload: what phones make of one picture."""
IMAGE: Final = "image/jpeg"


async def get(request: web.Request) -> web.Response:
    lesson = await _lesson(request)
    return await _answer(request, lesson)


async def put(request: web.Request) -> web.Response:
    asked, lesson, store = await body(request, CheckInPlan), await _lesson(request), request.app[STORE]
    class_id = opened_class(request, lesson)
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
            class_id=class_id,
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
    plan = await read(store.network.read(store_of.find, lesson.id, class_of(request, lesson)))
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
        class_id=class_of(request, lesson),
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
    plan = await read(network.read(store_of.find, lesson.id, class_of(request, lesson)))
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


async def _lesson(request: web.Request) -> Lesson:
    return await lesson_of(request, request.match_info["lesson"])


async def _answer(request: web.Request, lesson: Lesson) -> web.Response:
    network, now_ms = request.app[STORE].network, request.app[STORE].clock.unix_ms()
    class_id = class_of(request, lesson)
    plan = await read(network.read(store_of.find, lesson.id, class_id))
    mine = await read(network.read(store_of.person, lesson.id, request[CLAIMS].person))
    opens = request[CLAIMS].role in OPENERS and class_id
    school = await read(network.read(store_of.latest_place, class_id)) if opens else None
    return json_response(
        CheckInView(
            plan=None if plan is None else plan_view(plan),
            class_id="" if plan is None else plan.class_id,
            own_class="" if request[CLAIMS].role in LEADERS else class_id,
            open=plan is not None and plan.is_open(now_ms),
            mine=None if mine is None else checked_in_view(mine),
            server_ms=now_ms,
            evidence_days=request.app[CONFIG].evidence_days,
            school=place_view(school),
        )
    )


def class_of(request: web.Request, lesson: Lesson) -> ClassId:
    """Of the caller; who leads all of the lesson may ask for any, and has none of their own (empty). Who came
    in without saying of which class is of the one that took them in."""
    claims = request[CLAIMS]
    if claims.role in LEADERS:
        return ClassId(query(request, CheckInQuery).class_id)
    if claims.class_id:
        return ClassId(claims.class_id)
    room = room_of(request, lesson.id)
    people = room.people if room is not None else ()
    found = next((each.person.class_id for each in people if each.id == claims.person), None)
    return found or ClassId("")


def opened_class(request: web.Request, lesson: Lesson) -> ClassId:
    """For whom somebody opens it: a tutor for the own class. Problem unknown-class, not-your-class."""
    class_id, asked = class_of(request, lesson), query(request, CheckInQuery).class_id
    if request[CLAIMS].role == "tutor" and (not class_id or asked not in ("", class_id)):
        raise Problem("not-your-class")
    if class_id and lesson.class_room(class_id) is None:
        raise Problem("unknown-class")
    return class_id


def _inside(room: LessonRoom | None, person: str) -> bool:
    if room is None or room.lesson.state is not LessonState.LIVE:
        return False
    return any(each.id == person and each.online for each in room.people)


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
        query=CheckInQuery,
        response=CheckInView,
        problems=(*_READ, "bad-request"),
    ),
    Operation(
        id="put_check_in",
        method="PUT",
        path=_PATH,
        tag="lessons",
        handler=put,
        query=CheckInQuery,
        request=CheckInPlan,
        response=CheckInView,
        problems=(
            *_BODY,
            "unknown-class",
            "not-your-class",
            "lesson-ended",
            "check-in-place",
            "check-in-window",
        ),
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
)
