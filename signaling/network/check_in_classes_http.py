"""/api/v1/lessons/{lesson}/check-in: what a tutor does for a class, and what came of it for those who lead.

    GET, POST /api/v1/lessons/{lesson}/check-in/classes/{class}          pupils; checked in by the tutor
    GET       /api/v1/lessons/{lesson}/check-in/results[/{person}/picture]

Seats of a room are checked in by the roll call."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from classroom.lesson import LessonRoom
from classroom.model import ClassId, Lesson, PersonId, Role
from classroom.network.check_in import Found, Result, Way
from classroom.store import check_in as store_of
from classroom.store.check_in import CheckedIn
from signaling.access import CLAIMS
from signaling.keys import STORE
from signaling.network.check_in_http import EVIDENCE, IMAGE, class_of
from signaling.network.check_in_views import (
    CheckedInView,
    CheckInResults,
    ClassCheckIn,
    PupilList,
    PupilView,
    checked_in_view,
)
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, lesson_of, read, room_of


async def pupils(request: web.Request) -> web.Response:
    lesson = await lesson_of(request, request.match_info["lesson"])
    class_id = _own_class(request, lesson)
    there = _pupils(room_of(request, lesson.id), class_id)
    found = await read(request.app[STORE].network.read(store_of.of_lesson, lesson.id, class_id))
    done = {each.person: each for each in found}
    names = {PersonId(each.person): each.name for each in found} | there
    listed = [
        PupilView(
            person=person,
            name=name,
            online=person in there,
            checked_in=checked_in_view(done[person]) if person in done else None,
        )
        for person, name in sorted(names.items(), key=lambda each: (each[1], each[0]))
    ]
    return json_response(PupilList(pupils=listed))


async def check_in_class(request: web.Request) -> web.Response:
    asked, lesson, store = (
        await body(request, ClassCheckIn),
        await lesson_of(request, request.match_info["lesson"]),
        request.app[STORE],
    )
    claims, class_id = request[CLAIMS], _own_class(request, lesson)
    plan, now_ms = await read(store.network.read(store_of.find, lesson.id, class_id)), store.clock.unix_ms()
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
    lesson, claims = await lesson_of(request, request.match_info["lesson"]), request[CLAIMS]
    class_id = class_of(request, lesson) if claims.role == "tutor" else ClassId("")
    return json_response(CheckInResults(results=await _results(request, lesson, class_id)))


async def picture(request: web.Request) -> web.Response:
    lesson, store = await lesson_of(request, request.match_info["lesson"]), request.app[STORE]
    found = await read(store.network.read(store_of.person, lesson.id, request.match_info["person"]))
    if found is None or not found.picture:
        raise Problem("not-found")
    try:
        data = await asyncio.to_thread(request.app[EVIDENCE].path(found.picture).read_bytes)
    except OSError as error:
        raise Problem("not-found") from error
    return web.Response(body=data, content_type=IMAGE, headers={"Cache-Control": "no-store"})


def _own_class(request: web.Request, lesson: Lesson) -> ClassId:
    """That of the path; a tutor's is their own. Problem unknown-class, not-your-class."""
    class_id = ClassId(request.match_info["class"])
    if lesson.class_room(class_id) is None:
        raise Problem("unknown-class")
    if request[CLAIMS].role == "tutor" and class_of(request, lesson) != class_id:
        raise Problem("not-your-class")
    return class_id


async def _results(request: web.Request, lesson: Lesson, class_id: ClassId) -> list[CheckedInView]:
    found = await read(request.app[STORE].network.read(store_of.of_lesson, lesson.id, class_id))
    return [checked_in_view(each) for each in found]


def _pupils(room: LessonRoom | None, class_id: ClassId) -> dict[PersonId, str]:
    people = room.people if room is not None else ()
    return {
        each.id: each.person.name
        for each in people
        if each.role is Role.STUDENT and each.online and each.person.class_id == class_id
    }


_PATH: Final = "/api/v1/lessons/{lesson}/check-in"
_READ: Final = ("unknown-lesson", "not-ready")
_CLASS: Final = _PATH + "/classes/{class}"
_CLASS_PROBLEMS: Final = (*_READ, "unknown-class", "not-your-class")

OPERATIONS: Final = (
    Operation(
        id="check_in_pupils",
        method="GET",
        path=_CLASS,
        tag="lessons",
        handler=pupils,
        response=PupilList,
        problems=_CLASS_PROBLEMS,
    ),
    Operation(
        id="check_in_class",
        method="POST",
        path=_CLASS,
        tag="lessons",
        handler=check_in_class,
        request=ClassCheckIn,
        response=CheckInResults,
        problems=(
            *_CLASS_PROBLEMS,
            "bad-request",
            "unsupported-media-type",
            "too-large",
            "check-in-closed",
            "person-unknown",
        ),
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
