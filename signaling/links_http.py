"""POST /api/v1/lessons/{lesson}/links: the link by which somebody comes into a lesson, made by an organizer.

A link is its bearer's: whoever has it is that person. So an organizer makes one for each person, for the
lesson's day, and it is in the log who made it for whom (ids, never names).
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final, Literal

import msgspec
from aiohttp import web

from classroom.model import ClassId, Lesson, PersonId
from classroom.rules.tutoring import stands_by
from classroom.rules.words import person_name
from signaling.access import CLAIMS
from signaling.keys import STORE, TOKENS
from signaling.message import Id, Name
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, lesson_of, read

log = logging.getLogger(__name__)

LinkRole = Literal["master", "tutor", "room", "student", "supervisor", "encoder"]
PERSON_BYTES: Final = 9
AFTER_S: Final = 12 * 3600
"""After its planned end a lesson's link is good for so long: it may overrun, and is looked at again."""
LONGEST_S: Final = 400 * 86400
"""A school year with room to spare."""
_OF_CLASSES: Final = frozenset({"tutor", "room", "student"})


class LinkRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: LinkRole
    person: Id = ""
    """Empty: the lesson's master or the class's tutor, where one is registered; else somebody new."""
    name: Name = ""
    """Empty: as the server knows them."""
    class_id: Id = ""
    """Of a tutor, a room or a pupil; a tutor who stands by (`person`) has none."""
    all: bool = False
    """Of pupils: one link for the whole class, whose bearers say their names (POST /api/v1/join)."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """For the link `/join#token=...`."""
    person: str
    """Empty: of a whole class."""
    name: str
    expires_at: int
    """Unix time in seconds."""


async def issue_link(request: web.Request) -> web.Response:
    asked = await body(request, LinkRequest)
    lesson = await lesson_of(request, request.match_info["lesson"])
    room = lesson.class_room(ClassId(asked.class_id)) if asked.class_id else None
    if asked.role in _OF_CLASSES and room is None and not _stands_by(lesson, asked):
        raise Problem("unknown-class")
    if asked.role not in _OF_CLASSES and asked.class_id:
        raise Problem("unknown-class")
    now = time.time()
    ttl_s = _ttl_s(lesson, now)
    if asked.all:
        return _class_link(request, asked, lesson, now)
    somebody_new = f"{asked.role}-{secrets.token_urlsafe(PERSON_BYTES)}"
    person = asked.person or _registered(lesson, asked) or somebody_new
    name = person_name(asked.name) or await _known_name(request, person)
    token = request.app[TOKENS].issue(
        person=person,
        role=asked.role,
        lesson=lesson.id,
        class_id=asked.class_id,
        name=name,
        now=now,
        ttl_s=ttl_s,
    )
    log.info("- link of lesson %s for %s %s by %s", lesson.id, asked.role, person, request[CLAIMS].person)
    answer = Link(token=token, person=person, name=name, expires_at=int(now + ttl_s))
    return json_response(answer, status=201)


def _class_link(request: web.Request, asked: LinkRequest, lesson: Lesson, now: float) -> web.Response:
    room = lesson.class_room(ClassId(asked.class_id))
    if asked.role != "student" or room is None or not room.at_home:
        raise Problem("unknown-class")
    ttl_s = _ttl_s(lesson, now)
    token = request.app[TOKENS].issue_join(lesson=lesson.id, class_id=asked.class_id, now=now, ttl_s=ttl_s)
    return json_response(Link(token=token, person="", name="", expires_at=int(now + ttl_s)), status=201)


def _stands_by(lesson: Lesson, asked: LinkRequest) -> bool:
    return asked.role == "tutor" and not asked.class_id and stands_by(lesson, PersonId(asked.person))


def _registered(lesson: Lesson, asked: LinkRequest) -> str:
    if asked.role == "master":
        return lesson.master_id or ""
    room = lesson.class_room(ClassId(asked.class_id))
    return (room.tutor or "") if asked.role == "tutor" and room else ""


async def _known_name(request: web.Request, person: str) -> str:
    known = await read(request.app[STORE].known_person(PersonId(person)))
    return known.name if known else ""


def _ttl_s(lesson: Lesson, now: float) -> float:
    """Until well after the lesson."""
    return min(LONGEST_S, max(0.0, max(lesson.starts_ms, lesson.ends_ms) / 1000 - now) + AFTER_S)


OPERATIONS: Final = (
    Operation(
        id="issue_link",
        method="POST",
        path="/api/v1/lessons/{lesson}/links",
        tag="lessons",
        handler=issue_link,
        request=LinkRequest,
        response=Link,
        status=201,
        problems=(
            *("bad-request", "unsupported-media-type", "too-large"),
            *("unknown-lesson", "unknown-class", "not-ready"),
        ),
    ),
)
