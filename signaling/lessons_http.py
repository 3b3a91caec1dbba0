"""/api/v1/lessons: made, planned anew, opened, started, ended, cancelled, by organizers and a school's
platform.

Creating is a PUT under an id that the caller chooses, so it can be sent again after a lost answer: the same
plan twice is one lesson. A plan is changed with If-Match and the ETag that its reader was given: of two
organizers who change one lesson, the second is told (412). What is done with a lesson that is there goes
through its room, whether anybody is in it or not (classroom.office).
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from classroom.commands import (
    CancelLesson,
    EndLesson,
    FromOffice,
    MoveOnline,
    OfficeCommand,
    OpenLesson,
    ReviseLesson,
    StartLesson,
)
from classroom.directory import UnknownLesson
from classroom.model import ClassesRecorded, ClassId, Lesson, LessonId, PersonId, Role, StandBy
from classroom.planning import (
    MAX_CLASSES,
    MAX_STANDBY,
    BadPlan,
    Plan,
    PlannedClass,
    plan_of,
    planned,
    revision,
)
from classroom.rules.reasons import Refused
from classroom.talk.quiz import MAX_CLASS_SIZE
from signaling.access import CLAIMS, Handler
from signaling.auth import JOIN_LINK_S
from signaling.keys import DIRECTORY, STORE, TOKENS
from signaling.message import Id
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body
from signaling.rest import (
    ClassSummary,
    LessonDetail,
    StandByTutor,
    class_summary,
    etag,
    json_response,
    lesson_detail,
    lesson_of,
    read,
    room_of,
)

NEW_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
"""Of what is made here: unreserved in a URL (RFC 3986, 2.3), so that it looks the same everywhere."""
MAX_MS: Final = 2**53
"""What JSON's numbers hold exactly."""

Title = Annotated[str, Meta(max_length=1000)]
"""Longer than may be, so that the refusal can say so in words; but bounded."""
UnixMs = Annotated[int, Meta(ge=0, le=MAX_MS)]


class ClassPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Title
    tutor: Id = ""
    """Person id of the registered tutor; empty: none."""
    school: Title = ""
    at_home: bool = False
    """Its pupils join one by one."""
    pupils: Annotated[int, Meta(ge=0, le=MAX_CLASS_SIZE)] = 0
    """How many it has; 0: not known."""


class ClassPlanWithId(ClassPlan, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Id


StandBys = Annotated[list[StandByTutor], Meta(max_length=MAX_STANDBY)]
Classes = Annotated[list[ClassPlanWithId], Meta(max_length=MAX_CLASSES)]


class LessonPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: Title
    master: Id = ""
    """Person id of who is registered to lead it; empty: nobody yet."""
    starts_ms: UnixMs = 0
    """When it is planned to begin, Unix time in ms; 0: not planned."""
    ends_ms: UnixMs = 0
    recorded: bool = True
    record_classes: ClassesRecorded = ClassesRecorded.NOTHING
    """What is recorded of each class's own Q&A: nothing, tutor and room, pupils' sound as well, or all."""
    reason: Title = ""
    """Why it is not recorded; on record."""
    classes: Classes = []
    tutors: StandBys = []
    """Who may take a class over without having one of their own."""


class LessonChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is (RFC 7396)."""

    title: Title | UnsetType = UNSET
    master: Id | UnsetType = UNSET
    starts_ms: UnixMs | UnsetType = UNSET
    ends_ms: UnixMs | UnsetType = UNSET
    recorded: bool | UnsetType = UNSET
    record_classes: ClassesRecorded | UnsetType = UNSET
    reason: Title = ""
    """Why it is not recorded; on record."""
    classes: Classes | UnsetType = UNSET
    tutors: StandBys | UnsetType = UNSET


class OnlineClass(ClassSummary, frozen=True, kw_only=True):
    join_token: str
    """For its pupils' link, `/join#token=...`: whoever opens it says their name (POST /api/v1/join)."""
    expires_at: int
    """Unix time in seconds."""


async def put_lesson(request: web.Request) -> web.Response:
    """Makes a lesson, or plans one anew as a whole."""
    asked = await body(request, LessonPlan)
    lesson_id = LessonId(new_id(request.match_info["lesson"]))
    classes = _classes(asked.classes)
    plan = _checked(_plan(asked, classes), asked.reason)
    if "If-Match" not in request.headers:
        made = planned(lesson_id, plan)
        if await read(request.app[STORE].add_lesson(made)):
            return _answer(request, made, status=201)
        if request.headers.get("If-None-Match", "").strip() == "*":
            raise Problem("precondition-failed")
    found = await lesson_of(request, lesson_id)
    if plan == plan_of(found):
        return _answer(request, found)
    return _answer(request, await _revise(request, plan, asked.reason))


async def patch_lesson(request: web.Request) -> web.Response:
    """Changes parts of a plan."""
    change = await body(request, LessonChange, MERGE_PATCH)
    before = plan_of(await lesson_of(request, request.match_info["lesson"]))
    changed: dict[str, Any] = {
        name: getattr(change, name)
        for name in ("title", "starts_ms", "ends_ms", "recorded", "record_classes")
        if getattr(change, name) is not UNSET
    }
    if change.master is not UNSET:
        changed["master"] = PersonId(change.master) if change.master else None
    if change.classes is not UNSET:
        changed["classes"] = _classes(change.classes)
    if change.tutors is not UNSET:
        changed["standby"] = _standby(change.tutors)
    plan = replace(before, **changed)
    if not before.recorded and not plan.recorded:
        # The reason is on record already.
        plan = replace(_checked(replace(plan, recorded=True), ""), recorded=False)
    else:
        plan = _checked(plan, change.reason)
    return _answer(request, await _revise(request, plan, change.reason))


async def get_class(request: web.Request) -> web.Response:
    found = await lesson_of(request, request.match_info["lesson"])
    room = found.class_room(ClassId(request.match_info["class"]))
    if room is None:
        raise Problem("unknown-class")
    return json_response(class_summary(room), headers=etag(found))


async def put_class(request: web.Request) -> web.Response:
    """Adds a class to a lesson, or plans it anew."""
    asked = await body(request, ClassPlan)
    class_id = ClassId(new_id(request.match_info["class"]))
    found = await lesson_of(request, request.match_info["lesson"])
    before = plan_of(found)
    planned_class = _class(class_id, asked)
    known = found.class_room(class_id) is not None
    kept = tuple(planned_class if room.id == class_id else room for room in before.classes)
    plan = _checked(replace(before, classes=kept if known else (*kept, planned_class)), _NO_NEWS)
    changed = found if plan == before else await _revise(request, plan, expected=revision(found))
    room = changed.class_room(class_id)
    assert room is not None, "it was planned"
    return json_response(class_summary(room), status=200 if known else 201, headers=etag(changed))


async def delete_class(request: web.Request) -> web.Response:
    """Takes a class out of a lesson."""
    class_id = ClassId(request.match_info["class"])
    found = await lesson_of(request, request.match_info["lesson"])
    if found.class_room(class_id) is None:
        raise Problem("unknown-class")
    before = plan_of(found)
    plan = replace(before, classes=tuple(room for room in before.classes if room.id != class_id))
    changed = await _revise(request, plan, expected=revision(found))
    return web.Response(status=204, headers=etag(changed))


async def open_lesson(request: web.Request) -> web.Response:
    """Opens the doors before anybody has come."""
    return await _ask(request, OpenLesson(_actor(request)))


async def start_lesson(request: web.Request) -> web.Response:
    return await _ask(request, StartLesson(_actor(request)))


async def end_lesson(request: web.Request) -> web.Response:
    return await _ask(request, EndLesson(_actor(request)))


async def cancel_lesson(request: web.Request) -> web.Response:
    return await _ask(request, CancelLesson(_actor(request)))


async def online_class(request: web.Request) -> web.Response:
    """The emergency switch: a room class becomes an at-home class, for the rest of the lesson."""
    class_id = ClassId(request.match_info["class"])
    found = await in_room(request, MoveOnline(_actor(request), class_id))
    room = found.class_room(class_id)
    assert room is not None, "it went online"
    now = time.time()
    token = request.app[TOKENS].issue_join(lesson=found.id, class_id=class_id, now=now)
    answer = OnlineClass(
        **msgspec.structs.asdict(class_summary(room)), join_token=token, expires_at=int(now + JOIN_LINK_S)
    )
    return json_response(answer, headers=etag(found))


_NO_NEWS: Final = "."
"""Of a plan whose recording is not what changes: its reason is on record already."""


def new_id(text: str) -> str:
    """The id of something that is made. Problem plan-invalid."""
    if not NEW_ID.fullmatch(text):
        raise Problem("plan-invalid", detail_kind="id")
    return text


def _plan(asked: LessonPlan, classes: tuple[PlannedClass, ...]) -> Plan:
    master = PersonId(asked.master) if asked.master else None
    return Plan(
        title=asked.title,
        starts_ms=asked.starts_ms,
        ends_ms=asked.ends_ms,
        recorded=asked.recorded,
        record_classes=asked.record_classes,
        classes=classes,
        master=master,
        standby=_standby(asked.tutors),
    )


def _classes(asked: list[ClassPlanWithId]) -> tuple[PlannedClass, ...]:
    return tuple(_class(ClassId(new_id(room.id)), room) for room in asked)


def _standby(asked: list[StandByTutor]) -> tuple[StandBy, ...]:
    return tuple(StandBy(PersonId(tutor.person), tutor.school) for tutor in asked)


def _class(class_id: ClassId, asked: ClassPlan) -> PlannedClass:
    tutor = PersonId(asked.tutor) if asked.tutor else None
    return PlannedClass(class_id, asked.name, tutor, asked.school, asked.at_home, asked.pupils)


def _checked(plan: Plan, reason: str) -> Plan:
    try:
        return plan.checked(reason)
    except BadPlan as error:
        raise Problem("plan-invalid", detail_kind=error.fault.value) from error


def _actor(request: web.Request) -> PersonId:
    return PersonId(request[CLAIMS].person)


async def _revise(request: web.Request, plan: Plan, reason: str = "", expected: str = "") -> Lesson:
    """Plans the lesson in the path anew; expected: where its reader need not have said so by If-Match."""
    match = request.headers.get("If-Match", "").strip()
    if not match and not expected:
        raise Problem("precondition-required")
    if match and match != "*":
        expected = match.strip('"')
    return await in_room(request, ReviseLesson(_actor(request), plan, expected, reason))


async def _ask(request: web.Request, command: OfficeCommand) -> web.Response:
    return _answer(request, await in_room(request, command))


async def in_room(request: web.Request, command: OfficeCommand) -> Lesson:
    """Has it done, and on the disk; the lesson as it is then."""
    lesson_id = LessonId(request.match_info["lesson"])
    try:
        room = await read(request.app[DIRECTORY].open_room(lesson_id))
        await room.ask(FromOffice(Role(request[CLAIMS].role), command))
    except UnknownLesson as error:
        raise Problem("unknown-lesson", lesson=lesson_id) from error
    except Refused as error:
        raise Problem.of_rule(error.reason) from error
    await read(request.app[STORE].written())
    return room.lesson


def _answer(request: web.Request, lesson: Lesson, status: int = 200) -> web.Response:
    headers = etag(lesson)
    if status == 201:
        headers["Location"] = f"/api/v1/lessons/{lesson.id}"
    detail = lesson_detail(lesson, room_of(request, lesson.id))
    return json_response(detail, status=status, headers=headers)


_LESSON: Final = "/api/v1/lessons/{lesson}"
_CLASS: Final = _LESSON + "/classes/{class}"
_READING: Final = ("unknown-lesson", "not-ready")
_CHANGING: Final = (
    *_READING,
    "bad-request",
    "unsupported-media-type",
    "plan-invalid",
    "precondition-required",
    "precondition-failed",
    "changed-meanwhile",
    "class-in-use",
    "lesson-already-live",
    "lesson-ended",
    "lesson-cancelled",
)


def _move(name: str, handler: Handler, *problems: str) -> Operation:
    """Something that is done with a lesson."""
    return Operation(
        id=f"{name}_lesson",
        method="POST",
        path=f"{_LESSON}/{name}",
        tag="lessons",
        handler=handler,
        response=LessonDetail,
        problems=(*_READING, "role-may-not", "lesson-ended", "lesson-cancelled", *problems),
    )


OPERATIONS: Final = (
    Operation(
        id="put_lesson",
        method="PUT",
        path=_LESSON,
        tag="lessons",
        handler=put_lesson,
        headers=("If-Match", "If-None-Match"),
        request=LessonPlan,
        response=LessonDetail,
        also=(201,),
        problems=_CHANGING,
    ),
    Operation(
        id="patch_lesson",
        method="PATCH",
        path=_LESSON,
        tag="lessons",
        handler=patch_lesson,
        headers=("If-Match",),
        request=LessonChange,
        request_type=MERGE_PATCH,
        response=LessonDetail,
        problems=_CHANGING,
    ),
    _move("open", open_lesson, "lesson-already-live"),
    _move("start", start_lesson, "lesson-already-live"),
    _move("end", end_lesson, "lesson-not-live"),
    _move("cancel", cancel_lesson, "lesson-already-live"),
    Operation(
        id="class",
        method="GET",
        path=_CLASS,
        tag="lessons",
        handler=get_class,
        response=ClassSummary,
        problems=(*_READING, "unknown-class"),
    ),
    Operation(
        id="put_class",
        method="PUT",
        path=_CLASS,
        tag="lessons",
        handler=put_class,
        headers=("If-Match",),
        request=ClassPlan,
        response=ClassSummary,
        also=(201,),
        problems=_CHANGING,
    ),
    Operation(
        id="online_class",
        method="POST",
        path=_CLASS + "/online",
        tag="lessons",
        handler=online_class,
        response=OnlineClass,
        problems=(*(*_READING, "unknown-class", "lesson-not-live", "lesson-ended", "lesson-cancelled"),),
    ),
    Operation(
        id="delete_class",
        method="DELETE",
        path=_CLASS,
        tag="lessons",
        handler=delete_class,
        headers=("If-Match",),
        status=204,
        problems=(*_CHANGING, "unknown-class"),
    ),
)
