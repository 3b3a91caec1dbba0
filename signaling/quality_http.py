"""/api/v1/lessons/{lesson}/quality: how well everybody was reached, for those who answer for a lesson."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import PersonId
from classroom.quality import Second, StreamPeriod, Summary
from classroom.store.reader import PersonQuality, StoredPeriod
from sfu.quality import Finding
from signaling.keys import QUALITY, STORE
from signaling.message import QualityReason
from signaling.openapi import Operation
from signaling.requests import query
from signaling.rest import json_response, lesson_of, read

MAX_MS: Final = 2**53
"""What JSON's numbers hold exactly."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of a span of time. Means of what is known; fractions 0..1."""

    seconds: int
    """Measured; the rest is good."""
    fair_s: int
    poor_s: int
    frozen_s: int
    """Seconds in which a picture stood still while its sender sent."""
    reason: QualityReason
    """What made the worst of it."""
    up_kbps: int
    """From the person."""
    down_kbps: int
    lost_up: float
    """Before repair."""
    lost_down: float
    round_trip_ms: int
    """0: not known."""


class PersonFigures(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    started_ms: int
    """Unix time in ms."""
    ended_ms: int
    figures: Figures


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


class SecondFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts are right to 2.5 %."""

    level: str
    reason: QualityReason
    up_kbps: int
    down_kbps: int
    lost_up: float
    lost_down: float
    round_trip_ms: int
    jitter_ms: int
    estimate_kbps: int
    """What the downlink carries; 0: not known."""
    layer: int
    """Sent of the largest picture; -1: none, or it waits."""
    frozen: int
    """Pictures that stood still."""


class StreamFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One track by the person, or one to the person, over the period."""

    person: str
    """Who sends it."""
    source: str
    sent: bool
    """To the person."""
    kbps: int
    lost: float
    repaired: int
    """Repeats: that came of it, or were sent of it."""
    asked: int
    """Packets asked for again."""
    pictures_asked: int
    left_out: int
    """Pictures left out because they would have come too late."""
    round_trip_ms: int
    jitter_ms: int
    layer: int
    """At the end of the period; -1: nothing of it."""
    wanted: int
    paused: bool


class PeriodView(msgspec.Struct, frozen=True, kw_only=True):
    started_ms: int
    figures: Figures
    seconds: list[SecondFigures]
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


def _figures(summary: Summary) -> Figures:
    return msgspec.convert(msgspec.to_builtins(summary), Figures)


def _person(found: PersonQuality) -> PersonFigures:
    return PersonFigures(
        person=found.person,
        started_ms=found.started_ms,
        ended_ms=found.ended_ms,
        figures=_figures(found.figures),
    )


def _now(person: PersonId, found: Finding) -> Now:
    return Now(person=person, level=found.level.value, reason=found.reason.value)


def _period(found: StoredPeriod) -> PeriodView:
    return PeriodView(
        started_ms=found.started_ms,
        figures=_figures(found.figures),
        seconds=[_second(each) for each in found.seconds],
        streams=[_stream(each) for each in found.streams],
    )


def _second(found: Second) -> SecondFigures:
    return SecondFigures(**found._asdict() | {"level": found.level.value, "reason": found.reason.value})


def _stream(found: StreamPeriod) -> StreamFigures:
    return StreamFigures(**msgspec.structs.asdict(found))


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
