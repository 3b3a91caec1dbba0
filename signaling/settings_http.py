"""/api/v1/lessons/{lesson}/settings and .../register: what may be done in a lesson, and who sits where in a
class; before anybody is in it and while it goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from classroom.commands import ChangeSettings, OfficeCommand, SetRegister
from classroom.model import ClassId, Lesson, PersonId
from classroom.phases import MAX_STAGE
from classroom.roll import MAX_SEATS
from classroom.talk.commands import Allow, LockLesson
from signaling.access import CLAIMS
from signaling.keys import STORE
from signaling.lessons_http import in_room
from signaling.messages_roll import PupilView
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body
from signaling.rest import json_response, lesson_of, read
from signaling.views_roll import pupils, register_view


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    stage_limit: int
    """At once on stage."""
    duck: bool
    """In local Q&A the master's sound reaches the classes, low."""
    resume_by_click: bool
    """After the master's line was lost the lesson resumes on the master's word, not by itself."""
    chat: bool
    """Pupils write to the lesson's and the class's chat."""
    hand: bool
    """Pupils raise their hands."""
    unmute: bool
    """Pupils open again by themselves what a moderator has closed."""
    screen: bool
    """Pupils share their screen while they are on stage."""
    locked: bool
    """No pupil comes in any more who has not been in."""
    recorded: bool
    """Not to be changed here: planned with the lesson, by an organizer, with a reason."""


class SettingsChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is (RFC 7396)."""

    stage_limit: Annotated[int, Meta(ge=1, le=MAX_STAGE)] | UnsetType = UNSET
    duck: bool | UnsetType = UNSET
    resume_by_click: bool | UnsetType = UNSET
    chat: bool | UnsetType = UNSET
    hand: bool | UnsetType = UNSET
    unmute: bool | UnsetType = UNSET
    screen: bool | UnsetType = UNSET
    locked: bool | UnsetType = UNSET


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pupils: Annotated[list[PupilView], Meta(max_length=MAX_SEATS)]
    """Who sits where, in order; empty: seats are numbered from 1 to the class's pupils."""


async def lesson_settings(request: web.Request) -> web.Response:
    return json_response(_settings(await lesson_of(request, request.match_info["lesson"])))


async def patch_settings(request: web.Request) -> web.Response:
    change = await body(request, SettingsChange, MERGE_PATCH)
    lesson = await lesson_of(request, request.match_info["lesson"])
    for command in _commands(change, lesson, PersonId(request[CLAIMS].person)):
        lesson = await in_room(request, command)
    return json_response(_settings(lesson))


async def register(request: web.Request) -> web.Response:
    lesson, class_id = await _class(request)
    found = await read(request.app[STORE].registers(lesson.id))
    return json_response(Register(pupils=register_view(found.get(class_id, ()))))


async def put_register(request: web.Request) -> web.Response:
    asked = await body(request, Register)
    _, class_id = await _class(request)
    command = SetRegister(PersonId(request[CLAIMS].person), class_id, pupils(asked.pupils))
    await in_room(request, command)
    return await register(request)


async def _class(request: web.Request) -> tuple[Lesson, ClassId]:
    lesson = await lesson_of(request, request.match_info["lesson"])
    class_id = ClassId(request.match_info["class"])
    if lesson.class_room(class_id) is None:
        raise Problem("unknown-class")
    return lesson, class_id


def _commands(change: SettingsChange, lesson: Lesson, actor: PersonId) -> list[OfficeCommand]:
    """What brings the lesson there; nothing for what is left out."""
    asked = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    floor = {name: asked[name] for name in ("stage_limit", "duck", "resume_by_click") if name in asked}
    rights = {name: asked[name] for name in ("chat", "hand", "unmute", "screen") if name in asked}
    commands: list[OfficeCommand] = []
    if floor:
        commands.append(ChangeSettings(actor, **floor))
    if rights:
        commands.append(Allow(actor, replace(lesson.conduct.allow, **rights)))
    if "locked" in asked:
        commands.append(LockLesson(actor, asked["locked"]))
    return commands


def _settings(lesson: Lesson) -> Settings:
    settings, allow = lesson.settings, lesson.conduct.allow
    return Settings(
        stage_limit=settings.stage_limit,
        duck=settings.duck,
        resume_by_click=settings.resume_by_click,
        chat=allow.chat,
        hand=allow.hand,
        unmute=allow.unmute,
        screen=allow.screen,
        locked=lesson.conduct.locked,
        recorded=lesson.recorded,
    )


_PATH: Final = "/api/v1/lessons/{lesson}/settings"
_REGISTER: Final = "/api/v1/lessons/{lesson}/classes/{class}/register"
_READING: Final = ("unknown-lesson", "not-ready")
_CHANGING: Final = (
    *_READING,
    "bad-request",
    "unsupported-media-type",
    "too-large",
    "role-may-not",
    "lesson-not-live",
    "lesson-ended",
    "lesson-cancelled",
)

OPERATIONS: Final = (
    Operation(
        id="lesson_settings",
        method="GET",
        path=_PATH,
        tag="lessons",
        handler=lesson_settings,
        response=Settings,
        problems=_READING,
    ),
    Operation(
        id="patch_settings",
        method="PATCH",
        path=_PATH,
        tag="lessons",
        handler=patch_settings,
        request=SettingsChange,
        request_type=MERGE_PATCH,
        response=Settings,
        problems=_CHANGING,
    ),
    Operation(
        id="register",
        method="GET",
        path=_REGISTER,
        tag="lessons",
        handler=register,
        response=Register,
        problems=(*_READING, "unknown-class"),
    ),
    Operation(
        id="put_register",
        method="PUT",
        path=_REGISTER,
        tag="lessons",
        handler=put_register,
        request=Register,
        response=Register,
        problems=(*_CHANGING, "unknown-class", "register-invalid"),
    ),
)
