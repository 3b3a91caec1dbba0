"""POST /api/v1/join: from the link of a class that went online to a token of one's own.

The link is one for the whole class (`class.links`), since nobody hands out forty in an emergency; whoever
opens it says their name and becomes one pupil, whom the roster, the stage and attendance know apart from the
others.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import ClassId
from classroom.rules.words import person_name
from signaling.auth import bearer
from signaling.keys import TOKENS
from signaling.message import Name
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, lesson_of

PERSON_BYTES: Final = 9


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    name: Annotated[Name, Meta(min_length=1)]
    """As the class knows the pupil."""


class JoinAnswer(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """Of one's own: keep it, it is the same person when the page is opened again."""
    person: str
    expires_at: int
    """Unix time in seconds."""


async def join(request: web.Request) -> web.Response:
    """Problem unknown-class: the class takes no pupils one by one."""
    now = time.time()
    claims = request.app[TOKENS].verify(bearer(request), now, join=True)
    name = person_name((await body(request, JoinRequest)).name)
    if not name:
        raise Problem("bad-request", reason="name")
    lesson = await lesson_of(request, claims.lesson)
    room = lesson.class_room(ClassId(claims.class_id))
    if room is None or not room.at_home:
        raise Problem("unknown-class")
    person = f"pupil-{secrets.token_urlsafe(PERSON_BYTES)}"
    token = request.app[TOKENS].issue(
        person=person,
        role="student",
        lesson=claims.lesson,
        class_id=claims.class_id,
        name=name,
        now=now,
        ttl_s=claims.exp - now,
    )
    return json_response(JoinAnswer(token=token, person=person, expires_at=claims.exp))


OPERATIONS: Final = (
    Operation(
        id="join",
        method="POST",
        path="/api/v1/join",
        tag="lessons",
        handler=join,
        request=JoinRequest,
        response=JoinAnswer,
        problems=(
            *("token-missing", "token-invalid", "token-expired"),
            "bad-request",
            "unsupported-media-type",
            "unknown-lesson",
            "unknown-class",
            "not-ready",
            "too-large",
        ),
    ),
)
