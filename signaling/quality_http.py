"""/api/v1/lessons/{lesson}/quality: how well everybody was reached, for those who answer for a lesson."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import PersonId
from classroom.quality import Second, StreamFigures, Summary
from classroom.store.reader import PersonQuality, StoredPeriod
from sfu.quality import Finding
from signaling.keys import QUALITY, STORE
from signaling.message import QualityReason
from signaling.openapi import Operation
from signaling.requests import query
from signaling.rest import json_response, lesson_of, read

MAX_MS: Final = 2**53
"""What JSON's numbers hold exactly."""


class PersonFigures(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    started_ms: int
    """Unix time in ms."""
    ended_ms: int
    figures: Summary


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody's page says at the moment."""

    person: str
    level: str
    reason: QualityReason


class LessonQuality(msgspec.Struct, frozen=True, kw_only=True):
    people: list[PersonFigures]
    """On record, by person id; the last minute of a lesson that goes on is not in it yet."""
    now: list[Now]
    """Of those who are in."""


class PeriodView(msgspec.Struct, frozen=True, kw_only=True):
    started_ms: int
    figures: Summary
    seconds: tuple[Second, ...]
    """One after the other, from `started_ms`."""
    streams: list[StreamFigures]


class PersonQualityView(msgspec.Struct, frozen=True, kw_only=True):
    periods: list[PeriodView]
    """At most an hour; more with `?after_ms=` the last one's `started_ms`."""


class PersonQualityQuery(msgspec.Struct, frozen=True, kw_only=True):
    after_ms: Annotated[int, Meta(ge=0, le=MAX_MS)] = 0


async def lesson_quality(request: web.Request) -> web.Response:
    """How well everybody was reached, and is now."""
    lesson = (await lesson_of(request, request.match_info["lesson"])).id
    people = await read(request.app[STORE].quality(lesson))
    now = sorted(request.app[QUALITY].shown(lesson).items())
    return json_response(
        LessonQuality(
            people=[_person(each) for each in people],
            now=[_now(person, found) for person, found in now],
        )
    )


async def person_quality(request: web.Request) -> web.Response:
    """One person's lesson, second by second."""
    lesson = (await lesson_of(request, request.match_info["lesson"])).id
    after_ms = query(request, PersonQualityQuery).after_ms
    person = PersonId(request.match_info["person"])
    periods = await read(request.app[STORE].quality_of(lesson, person, after_ms))
    return json_response(PersonQualityView(periods=[_period(each) for each in periods]))


def _person(found: PersonQuality) -> PersonFigures:
    return PersonFigures(
        person=found.person,
        started_ms=found.started_ms,
        ended_ms=found.ended_ms,
        figures=found.figures,
    )


def _now(person: PersonId, found: Finding) -> Now:
    return Now(person=person, level=found.level.value, reason=found.reason.value)


def _period(found: StoredPeriod) -> PeriodView:
    return PeriodView(
        started_ms=found.started_ms,
        figures=found.figures,
        seconds=found.seconds,
        streams=[StreamFigures(**msgspec.structs.asdict(each)) for each in found.streams],
    )


OPERATIONS: Final = (
    Operation(
        id="lesson_quality",
        method="GET",
        path="/api/v1/lessons/{lesson}/quality",
        tag="lessons",
        handler=lesson_quality,
        response=LessonQuality,
        problems=("unknown-lesson", "not-ready"),
    ),
    Operation(
        id="person_quality",
        method="GET",
        path="/api/v1/lessons/{lesson}/quality/{person}",
        tag="lessons",
        handler=person_quality,
        query=PersonQualityQuery,
        response=PersonQualityView,
        problems=("bad-request", "unknown-lesson", "not-ready"),
    ),
)
