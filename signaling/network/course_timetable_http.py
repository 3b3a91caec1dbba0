"""/api/v1/courses/{course}/timetable: what a course has planned, for who may change it or plan a series: its
lessons that are to come, and what was done with them, by the clock of its provider's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from classroom.model import LessonId
from classroom.network.timetable_operations import Slot
from classroom.store import timetable_operations, timetable_slots
from signaling.keys import STORE
from signaling.network.timetable_operations_http import course_kept
from signaling.network.timetable_operations_views import OperationView, operation_views
from signaling.openapi import Operation
from signaling.rest import json_response, read

OPERATIONS_SHOWN: Final = 20


class PlannedLesson(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    starts_ms: int
    ends_ms: int
    """Unix times in ms."""
    master: str
    """Person id; empty: nobody yet."""
    master_name: str
    room: str
    """Where it is given, in words."""


class CourseTimetable(msgspec.Struct, frozen=True, kw_only=True):
    course: str
    title: str
    provider: str
    """Place id."""
    provider_name: str
    timezone: str
    """Of the provider's place: by its clock lessons are moved and series planned."""
    lessons: list[PlannedLesson]
    """That are to come, in order."""
    operations: list[OperationView]
    """Changes and series of this course, the latest first."""
    now_ms: int
    """By the server's clock, Unix time in ms."""


async def course_timetable(request: web.Request) -> web.Response:
    course, place = await course_kept(request, request.match_info["course"])
    store = request.app[STORE]
    now_ms = store.clock.unix_ms()
    coming = await read(store.network.read(timetable_slots.coming, course.id, now_ms))
    paths, limit = (place.path,), OPERATIONS_SHOWN
    done = await read(store.network.read(timetable_operations.listed, paths, None, limit, course.id))
    views = await read(store.network.read(operation_views, [each for _, each in done]))
    answer = CourseTimetable(
        course=course.id,
        title=course.title,
        provider=course.provider,
        provider_name=course.provider_name,
        timezone=place.timezone,
        lessons=_lessons(coming),
        operations=views,
        now_ms=now_ms,
    )
    return json_response(answer)


def _lessons(slots: Mapping[LessonId, Slot]) -> list[PlannedLesson]:
    return [
        PlannedLesson(
            lesson=lesson,
            title=slot.title,
            starts_ms=slot.starts_ms,
            ends_ms=slot.ends_ms,
            master=slot.master,
            master_name=slot.master_name,
            room=slot.room,
        )
        for lesson, slot in slots.items()
    ]


OPERATIONS: Final = (
    Operation(
        id="course_timetable",
        method="GET",
        path="/api/v1/courses/{course}/timetable",
        tag="network",
        handler=course_timetable,
        response=CourseTimetable,
        problems=("not-found", "not-ready"),
    ),
)
