"""/api/v1/catalogue: the lessons that somebody may choose from, like a menu (课联网).

Everybody who is signed in may look; what of it they see is decided lesson by lesson
(`classroom.network.catalogue.sees`)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.library.words import asked as asked_words
from classroom.model import LessonId
from classroom.network.catalogue import GRADES, MAX_CAPACITY, onlooker
from classroom.network.model import Office
from classroom.network.offers import FACETS, Choice
from classroom.store.catalogue_search import Found, Listed
from signaling.keys import STORE
from signaling.lessons_http import UnixMs
from signaling.network.courses_views import CatalogueLesson, DeliveryName, KindName, listed_view
from signaling.network.principals import PRINCIPAL
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

Words = Annotated[str, Meta(max_length=200)]
MAX_PARALLEL: Final = 24
"""What can be compared side by side, with room to scroll."""


class CatalogueQuery(msgspec.Struct, frozen=True, kw_only=True):
    q: Words = ""
    subject: Words = ""
    grade: Annotated[int, Meta(ge=0, lt=GRADES.stop)] = 0
    kind: KindName | Literal[""] = ""
    master: Words = ""
    style: Words = ""
    provider: Words = ""
    district: Words = ""
    language: Words = ""
    delivery: DeliveryName | Literal[""] = ""
    topic: Words = ""
    course: Words = ""
    starts_from: UnixMs = 0
    starts_until: UnixMs = 0
    places: Annotated[int, Meta(ge=0, le=MAX_CAPACITY)] = 0
    after: Annotated[str, Meta(pattern=r"^(\d{1,15}\.\d{1,9})?$")] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 24
    counts: bool = True


class CatalogueCount(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    count: int


class CataloguePage(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[CatalogueLesson]
    """By when they begin."""
    total: int
    """0 where no counts were asked for."""
    facets: dict[str, list[CatalogueCount]]
    """The most frequent values of each filter; of one that is chosen as if it were not."""
    after: str
    """For the next page; empty: this was the last."""


class ParallelLessons(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[CatalogueLesson]
    """Of the same topic, by other masters or at other times, that begin later than now."""


async def search(request: web.Request) -> web.Response:
    asked = query(request, CatalogueQuery)
    words = asked_words(asked.q)
    if asked.q.strip() and not words:
        # Nothing in it that a text could have.
        return json_response(CataloguePage(lessons=[], total=0, facets={}, after=""))
    choice = Choice(
        who=onlooker(request[PRINCIPAL]),
        words=words,
        chosen={name: value for name in FACETS if (value := getattr(asked, name))},
        grade=asked.grade,
        topic=asked.topic,
        course=asked.course,
        # What is over is no menu any more.
        from_ms=asked.starts_from or request.app[STORE].clock.unix_ms(),
        until_ms=asked.starts_until,
        places=asked.places,
        after=_place(asked.after),
        limit=asked.limit,
    )
    found = await read(request.app[STORE].catalogue.search(choice, counts=asked.counts))
    return json_response(_page(found))


def _page(found: Found) -> CataloguePage:
    last = found.lessons[-1] if found.lessons and found.more else None
    return CataloguePage(
        lessons=[listed_view(each) for each in found.lessons],
        total=found.total,
        facets={
            name: [CatalogueCount(value=value, count=count) for value, count in values]
            for name, values in found.facets.items()
        },
        after=f"{last.offer.starts_ms}.{last.number}" if last else "",
    )


def _place(text: str) -> tuple[int, int] | None:
    at_ms, _, number = text.partition(".")
    return (int(at_ms), int(number)) if number else None


async def one(request: web.Request) -> web.Response:
    return json_response(listed_view(await seen_lesson(request)))


async def parallel(request: web.Request) -> web.Response:
    """Lessons that can be taken in place of this one."""
    listed = await seen_lesson(request)
    if not listed.course.topic:
        return json_response(ParallelLessons(lessons=[]))
    store = request.app[STORE]
    choice = Choice(
        who=onlooker(request[PRINCIPAL]),
        topic=listed.course.topic,
        from_ms=store.clock.unix_ms(),
        limit=MAX_PARALLEL + 1,
    )
    found = await read(store.catalogue.search(choice, counts=False))
    others = [each for each in found.lessons if each.offer.lesson != listed.offer.lesson]
    return json_response(ParallelLessons(lessons=[listed_view(each) for each in others[:MAX_PARALLEL]]))


async def seen_lesson(request: web.Request) -> Listed:
    """The lesson of the path, when they see it. Problem not-found."""
    lesson = LessonId(request.match_info["lesson"])
    found = await read(request.app[STORE].catalogue.seen(lesson, onlooker(request[PRINCIPAL])))
    if found is None:
        raise Problem("not-found")
    return found


KEPT_TO: Final = frozenset({Office.ORGANIZER, Office.PROVIDER, Office.MASTER, Office.SUPERVISOR})
LESSON: Final = "/api/v1/catalogue/{lesson}"

OPERATIONS: Final = (
    Operation(
        id="catalogue",
        method="GET",
        path="/api/v1/catalogue",
        tag="network",
        handler=search,
        query=CatalogueQuery,
        response=CataloguePage,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="catalogue_lesson",
        method="GET",
        path=LESSON,
        tag="network",
        handler=one,
        response=CatalogueLesson,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="parallel_lessons",
        method="GET",
        path=LESSON + "/parallel",
        tag="network",
        handler=parallel,
        response=ParallelLessons,
        problems=("not-found", "not-ready"),
    ),
)
