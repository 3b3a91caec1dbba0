"""/api/v1: the token's own words, lessons, classes, and the cookie with which a browser fetches media."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.lesson import LessonRoom
from classroom.model import ClassesRecorded, ClassRoom, Lesson, LessonId
from classroom.model import LessonState as State
from classroom.planning import revision
from classroom.store.store import StoreUnavailable
from signaling.access import CLAIMS, Reach, reach_of
from signaling.keys import DIRECTORY, STORE
from signaling.message import Id, LessonState, Phase, Role
from signaling.messages import PersonView
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import JSON
from signaling.views import person_view

_Found = TypeVar("_Found")


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """What the token says of its bearer."""

    person: str
    name: str
    role: Role
    lesson: str
    class_id: str
    expires_at: int
    """Unix time in seconds."""


class ClassSummary(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    school: str
    tutor: str
    """Person id; empty: the class has none."""
    at_home: bool
    pupils: int
    """How many it has, as registered; 0: not known."""


class StandByTutor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tutor without a class of their own, who may take one over."""

    person: Id
    school: Annotated[str, Meta(max_length=80)] = ""
    """Whose classes; empty: all of the lesson."""


class LessonSummary(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    master: str
    """Person id of who is registered to lead it; empty: nobody yet."""
    state: LessonState
    phase: Phase
    recorded: bool
    record_classes: ClassesRecorded
    """What is recorded of each class's own Q&A."""
    starts_ms: int
    """When it is planned to begin, Unix time in ms; 0: not planned."""
    ends_ms: int
    started_ms: int
    """Unix time in ms; 0 before the lesson is live."""
    ended_ms: int


class LessonDetail(LessonSummary, frozen=True, kw_only=True):
    classes: list[ClassSummary]
    tutors: list[StandByTutor]
    """Who may take a class over without having one of their own."""
    without_tutor: list[str]
    """Ids of the classes that no tutor is with now; empty before the lesson is live, and after it."""


class LessonList(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[LessonSummary]


class PeopleList(msgspec.Struct, frozen=True, kw_only=True):
    people: list[PersonView]


class ClassList(msgspec.Struct, frozen=True, kw_only=True):
    classes: list[ClassSummary]


async def me(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    return json_response(
        Me(
            person=claims.person,
            name=claims.name,
            role=claims.role,
            lesson=claims.lesson,
            class_id=claims.class_id,
            expires_at=claims.exp,
        )
    )


async def lessons(request: web.Request) -> web.Response:
    """All for an organizer; for everybody else the one of the token."""
    claims = request[CLAIMS]
    if reach_of(claims, "lessons") is Reach.ALL:
        found = list(await read(request.app[STORE].lessons()))
    else:
        found = [await lesson_of(request, claims.lesson)]
    return json_response(LessonList(lessons=[LessonSummary(**_summary(lesson)) for lesson in found]))


async def lesson(request: web.Request) -> web.Response:
    found = await _lesson_in_path(request)
    return json_response(lesson_detail(found, room_of(request, found.id)), headers=etag(found))


async def classes(request: web.Request) -> web.Response:
    found = await _lesson_in_path(request)
    return json_response(ClassList(classes=[class_summary(room) for room in found.classes]))


async def people(request: web.Request) -> web.Response:
    """Who is in the lesson now: nobody, when its room is not open."""
    lesson_id = request.match_info["lesson"]
    await lesson_of(request, lesson_id)
    room = room_of(request, lesson_id)
    return json_response(
        PeopleList(people=[person_view(attendee) for attendee in room.people] if room else [])
    )


async def _lesson_in_path(request: web.Request) -> Lesson:
    return await lesson_of(request, request.match_info["lesson"])


async def lesson_of(request: web.Request, lesson_id: str) -> Lesson:
    """As it is now: of the room when it is open, else of the database."""
    if (room := room_of(request, lesson_id)) is not None:
        return room.lesson
    found = await read(request.app[STORE].lesson(LessonId(lesson_id)))
    if found is None:
        raise Problem("unknown-lesson", lesson=lesson_id)
    return found


def room_of(request: web.Request, lesson_id: str) -> LessonRoom | None:
    rooms = request.app[DIRECTORY].rooms()
    return next((room for room in rooms if room.lesson.id == lesson_id), None)


async def read(reading: Awaitable[_Found]) -> _Found:
    try:
        return await reading
    except StoreUnavailable as error:
        raise Problem("not-ready", reason=str(error)) from error


def etag(lesson: Lesson) -> dict[str, str]:
    """Of what is planned: not of what goes on in the lesson, or nobody could change a title while it does."""
    return {"ETag": f'"{revision(lesson)}"'}


def lesson_detail(lesson: Lesson, room: LessonRoom | None) -> LessonDetail:
    """room: the lesson's, where it is open."""
    tutored = {status.room.id for status in room.classes if status.tutor_online} if room else set()
    live = lesson.state is State.LIVE
    return LessonDetail(
        **_summary(lesson),
        classes=[class_summary(each) for each in lesson.classes],
        tutors=[StandByTutor(person=each.person, school=each.school) for each in lesson.standby],
        without_tutor=[each.id for each in lesson.classes if live and each.id not in tutored],
    )


def _summary(lesson: Lesson) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "title": lesson.title,
        "master": lesson.master_id or "",
        "state": lesson.state.value,
        "phase": lesson.phase.value,
        "recorded": lesson.recorded,
        "record_classes": lesson.record_classes,
        "starts_ms": lesson.starts_ms,
        "ends_ms": lesson.ends_ms,
        "started_ms": lesson.started_ms,
        "ended_ms": lesson.ended_ms,
    }


def class_summary(room: ClassRoom) -> ClassSummary:
    return ClassSummary(
        id=room.id,
        name=room.name,
        school=room.school,
        tutor=room.tutor or "",
        at_home=room.at_home,
        pupils=room.pupils,
    )


def json_response(
    body: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type=JSON,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


OPERATIONS: Final = (
    Operation(id="me", method="GET", path="/api/v1/me", tag="lessons", handler=me, response=Me),
    Operation(
        id="lessons",
        method="GET",
        path="/api/v1/lessons",
        tag="lessons",
        handler=lessons,
        response=LessonList,
        problems=("unknown-lesson", "not-ready"),
    ),
    Operation(
        id="lesson",
        method="GET",
        path="/api/v1/lessons/{lesson}",
        tag="lessons",
        handler=lesson,
        response=LessonDetail,
        problems=("unknown-lesson", "not-ready"),
    ),
    Operation(
        id="classes",
        method="GET",
        path="/api/v1/lessons/{lesson}/classes",
        tag="lessons",
        handler=classes,
        response=ClassList,
        problems=("unknown-lesson", "not-ready"),
    ),
    Operation(
        id="people",
        method="GET",
        path="/api/v1/lessons/{lesson}/people",
        tag="lessons",
        handler=people,
        response=PeopleList,
        problems=("unknown-lesson", "not-ready"),
    ),
)
