"""/api/v1/supervision: into a lesson by credential, and the record of who supervised.

    POST /api/v1/supervision/lessons/{lesson}/entry       a token for the lesson, as its supervisor
    POST /api/v1/supervision/problems/{problem}/recording a token for where the recording shows a problem
    GET  /api/v1/supervision/observations                 who supervised what, and who was not let in

Nothing of this is in any lesson's events."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final, Literal

import msgspec
from aiohttp import web

from classroom.model import LessonId, LessonState
from classroom.network.model import Appointment, Office
from classroom.network.supervision import LessonPlaces, credential_for
from classroom.store import supervision_live, supervision_reviews
from classroom.store.supervision_live import Observation
from signaling.keys import STORE, TOKENS
from signaling.network.principals import PRINCIPAL, sign_in_of
from signaling.network.supervision_access import GIVE, OVERSEE, IdText, places_of, reached_lesson
from signaling.network.supervision_watch import ENTRY_S
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

REFUSALS_KEPT: Final = 1_000
REFUSED_AGAIN_S: Final = 60.0
"""Whoever knocks again and again is on record once a minute."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """For this lesson and its recording, as a supervisor."""
    expires_at: int
    """Unix time in seconds: with the credential at the latest."""
    item: str
    """The recording; empty: there is none."""
    live: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """For the lesson and its recording: of who supervises as a supervisor, else as one of its people."""
    expires_at: int
    item: str
    at_ms: int | None
    """Item clock: where it shows the problem; null: of the whole lesson."""


class ObservationView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    lesson: str
    title: str
    person: str
    name: str
    started_ms: int
    ended_ms: int | None
    """null: goes on."""
    refused: str
    """Why somebody was not let in, or was sent out; empty: an observation."""


class ObservationList(msgspec.Struct, frozen=True, kw_only=True):
    observations: list[ObservationView]
    """The latest first."""


class ObservationsQuery(msgspec.Struct, frozen=True, kw_only=True):
    lesson: IdText = ""


class Refusals:
    """Who was refused lately, so that whoever asks again and again does not fill the record."""

    def __init__(self) -> None:
        self._at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_new(self, person: str, lesson: str, now: float) -> bool:
        last = self._at.pop((person, lesson), float("-inf"))
        self._at[person, lesson] = last if now - last < REFUSED_AGAIN_S else now
        while len(self._at) > REFUSALS_KEPT:
            self._at.popitem(last=False)
        return now - last >= REFUSED_AGAIN_S


REFUSALS: Final[web.AppKey[Refusals]] = web.AppKey("supervision_refusals")


async def enter(request: web.Request) -> web.Response:
    store, principal = request.app[STORE], request[PRINCIPAL]
    lesson = await read(store.lesson(LessonId(request.match_info["lesson"])))
    if lesson is None:
        raise Problem("not-found")
    credential = credential_for(principal, {Office.SUPERVISOR}, await places_of(request, lesson.id))
    if credential is None:
        if request.app[REFUSALS].is_new(principal.person, lesson.id, time.monotonic()):
            refused = (lesson.id, principal.person, "no_credential", store.clock.unix_ms())
            await read(store.network.change(supervision_live.refuse, *refused))
        raise Problem("not-found")
    token, ends = _token(request, "supervisor", lesson.id, credential)
    item = await read(store.network.read(supervision_live.item, lesson.id))
    live = lesson.state not in (LessonState.ENDED, LessonState.CANCELLED)
    return json_response(Entry(token=token, expires_at=ends, item=item, live=live))


def _token(
    request: web.Request, role: Literal["supervisor", "student"], lesson: str, credential: Appointment
) -> tuple[str, int]:
    """Of the caller, by one of their offices, and when it ends: with the office at the latest."""
    principal, now = request[PRINCIPAL], time.time()
    ends = now + ENTRY_S if credential.until_ms is None else min(now + ENTRY_S, credential.until_ms / 1000)
    token = request.app[TOKENS].issue(
        person=principal.person,
        name=principal.name,
        role=role,
        lesson=lesson,
        now=now,
        ttl_s=ends - now,
        credential=credential.id,
        sign_in=sign_in_of(request),
    )
    return token, int(ends)


async def show(request: web.Request) -> web.Response:
    """To whom the problem concerns. Those who give or organize are nobody in the lesson: once it is over they
    see what its pupils see, and there is nothing else that they could do there."""
    store, principal = request.app[STORE], request[PRINCIPAL]
    found = await read(store.network.read(supervision_reviews.problem, request.match_info["problem"]))
    if found is None:
        raise Problem("not-found")
    problem, author = found
    lesson = await read(store.lesson(LessonId(problem.lesson)))
    concerned = author == principal.person or principal.reaches(GIVE | OVERSEE, problem.path)
    if lesson is None or not concerned:
        raise Problem("not-found")
    # Of a form that was delivered in a lesson's first seconds the recording was not known yet.
    item = problem.item or await read(store.network.read(supervision_live.item, lesson.id))
    if not item:
        raise Problem("recording-not-shown", detail_kind="none")
    credential = credential_for(principal, {Office.SUPERVISOR}, await places_of(request, lesson.id))
    if credential is not None:
        token, ends = _token(request, "supervisor", lesson.id, credential)
    else:
        credential = credential_for(principal, GIVE | OVERSEE, LessonPlaces(gives=problem.path))
        if credential is None:
            raise Problem("not-found")
        if lesson.state is not LessonState.ENDED:
            raise Problem("recording-not-shown")
        token, ends = _token(request, "student", lesson.id, credential)
    return json_response(Shown(token=token, expires_at=ends, item=item, at_ms=problem.item_ms))


async def observations(request: web.Request) -> web.Response:
    """Of one lesson: for the organizers who reach it."""
    asked = query(request, ObservationsQuery)
    if not asked.lesson:
        raise Problem("not-found")
    lesson, _ = await reached_lesson(request, {Office.ORGANIZER}, asked.lesson)
    store = request.app[STORE]
    await store.written()
    found = await read(store.network.read(supervision_live.observed, (lesson.id,)))
    return json_response(ObservationList(observations=[_observation(each) for each in found]))


def _observation(each: Observation) -> ObservationView:
    names = (field.name for field in msgspec.structs.fields(ObservationView))
    return ObservationView(**{name: getattr(each, name) for name in names})


_READ: Final = ("not-found", "not-ready")
_BODY: Final = (*_READ, "bad-request", "unsupported-media-type", "too-large", "foreign-page")
_PREFIX: Final = "/api/v1/supervision"

OPERATIONS: Final = (
    Operation(
        id="supervise",
        method="POST",
        path=_PREFIX + "/lessons/{lesson}/entry",
        tag="supervision",
        handler=enter,
        response=Entry,
        problems=(*_READ, "foreign-page"),
    ),
    Operation(
        id="show_problem",
        method="POST",
        path=_PREFIX + "/problems/{problem}/recording",
        tag="supervision",
        handler=show,
        response=Shown,
        problems=(*_READ, "foreign-page", "recording-not-shown"),
    ),
    Operation(
        id="observations",
        method="GET",
        path=_PREFIX + "/observations",
        tag="supervision",
        handler=observations,
        query=ObservationsQuery,
        response=ObservationList,
        problems=(*_READ, "bad-request"),
    ),
)
