"""POST /api/v1/join: from the link of a class that went online to a token of one's own.

The link is one for the whole class (`class.links`), since nobody hands out forty in an emergency; whoever
opens it says their name and becomes one pupil, whom the roster, the stage and attendance know apart from the
others. A link that has got about makes pupils by the hundred: from one address as many as a class has, from
all together as many as some classes.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import ClassId
from classroom.rules.words import person_name
from signaling.auth import bearer
from signaling.keys import TOKENS
from signaling.message import Name
from signaling.network.attempts import Attempts
from signaling.network.origin import caller_address
from signaling.network.sign_in import take
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, lesson_of

PERSON_BYTES: Final = 9


@dataclass(frozen=True)
class Joins:
    """How often a class's link may be used."""

    from_address: Attempts = field(default_factory=lambda: Attempts(burst=120, per_second=1.0))
    """A school's computer room: a class twice over, and one a second after it."""
    of_class: Attempts = field(default_factory=lambda: Attempts(burst=1_000, per_second=5.0))
    """Homes have an address each; what is over lets some pupils in every second."""

    def take(self, lesson: str, class_id: str, address: str, now: float) -> None:
        """Problem too-many-requests."""
        take(self.from_address, f"{address} {lesson} {class_id}", now)
        take(self.of_class, f"{lesson} {class_id}", now)


JOINS: Final[web.AppKey[Joins]] = web.AppKey("joins", Joins)


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
    request.app[JOINS].take(claims.lesson, claims.class_id, caller_address(request), time.monotonic())
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
            "too-many-requests",
            "not-ready",
            "too-large",
        ),
    ),
)
