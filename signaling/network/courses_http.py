"""/api/v1/courses: what providers give, by those who answer for it; and the schools that are paired.

Courses and their lessons are PUT under ids that the caller chooses, so a request can be sent again after a
lost answer. A lesson that is offered is changed by operations on the timetable alone, since people are
enrolled in it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import Lesson, LessonId, PersonId
from classroom.network.catalogue import (
    MAX_CAPACITY,
    MAX_HOME_CLASSES,
    MAX_HOME_SIZE,
    MAX_NAMED,
    OVERSEERS,
    BadCourse,
    Course,
    CourseKind,
    CourseState,
    CourseVisibility,
    Delivery,
    HomeClass,
    OfferPlan,
    city_of,
    district_of,
    onlooker,
    sees,
)
from classroom.network.model import CourseId, Office, Place, PlaceId, PlaceKind
from classroom.network.ratings import Rater
from classroom.network.scope import Principal
from classroom.planning import BadPlan, Plan, planned
from classroom.store import course_ratings as store_of_ratings
from classroom.store import courses, network_appointments, network_places, people
from signaling import catalogue
from signaling.keys import STORE
from signaling.lessons_http import Title, UnixMs, new_id
from signaling.message import Id
from signaling.network.courses_views import (
    CourseList,
    CourseRatings,
    CourseStateName,
    CourseView,
    DeliveryName,
    KindName,
    OfferList,
    OfferView,
    VisibilityName,
    course_view,
    offer_view,
)
from signaling.network.enrolment_problems import conflict_problem
from signaling.network.principals import PRINCIPAL
from signaling.network.ratings_http import rating_sum
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

KEEPERS: Final = frozenset({Office.ORGANIZER, Office.PROVIDER})
"""Who answers for what a provider gives."""
Summary = Annotated[str, Meta(max_length=20_000)]
"""Longer than may be, so that the refusal can say so in words; but bounded."""


class CoursePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: Id
    """Place id; of a course that is there it cannot be changed."""
    title: Title
    subject: Title = ""
    topic: Title = ""
    """What lessons of several courses have in common that can be taken in place of each other."""
    kind: KindName = "lecture"
    grade_from: Annotated[int, Meta(ge=1, le=12)] = 1
    grade_to: Annotated[int, Meta(ge=1, le=12)] = 12
    master: Id = ""
    """Person id of somebody who holds the office of a master; empty: nobody yet."""
    style: Title = ""
    language: Annotated[str, Meta(max_length=16)] = "zh-CN"
    summary: Summary = ""
    visibility: VisibilityName = "own"
    state: CourseStateName = "draft"
    named: Annotated[list[Id], Meta(max_length=MAX_NAMED)] = []
    """Place ids, for the visibility `named`."""


class HomeClassPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tutor: Id
    size: Annotated[int, Meta(ge=1, le=MAX_HOME_SIZE)]
    name: Title = ""


class LessonOffer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    starts_ms: UnixMs
    ends_ms: UnixMs
    capacity: Annotated[int, Meta(ge=1, le=MAX_CAPACITY)]
    """In persons."""
    title: Title = ""
    """Empty: the course's."""
    master: Id = ""
    """Person id; empty: the course's."""
    delivery: DeliveryName = "live"
    home: Annotated[list[HomeClassPlan], Meta(max_length=MAX_HOME_CLASSES)] = []
    """Where those who enrol alone are put, in this order, each class with its online tutor."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    capacity: Annotated[int, Meta(ge=1, le=MAX_CAPACITY)]
    """In persons; of more than before those have some who wait."""


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=courses.PAGE)] = 50


class OffersQuery(msgspec.Struct, frozen=True, kw_only=True):
    after_ms: UnixMs = 0


class PairList(msgspec.Struct, frozen=True, kw_only=True):
    places: list[str]


async def put_course(request: web.Request) -> web.Response:
    asked = await body(request, CoursePlan)
    course_id = CourseId(new_id(request.match_info["course"]))
    principal, store = request[PRINCIPAL], request.app[STORE]
    place = await read(store.network.read(network_places.find, PlaceId(asked.provider)))
    if place is None or not principal.reaches(KEEPERS, place.path):
        raise Problem("not-found")
    if place.closed_ms is not None:
        raise Problem("course-invalid", detail_kind="provider")
    made = await read(store.network.read(_course, course_id, asked, place, store.clock.unix_ms()))
    done = await read(store.catalogue.put_course(made, store.clock.unix_ms(), principal.person))
    if done is None:
        raise Problem("not-found")
    return json_response(course_view(made, named=True), status=201 if done else 200)


async def _course(
    connection: AsyncConnection, course_id: CourseId, asked: CoursePlan, place: Place, now_ms: int
) -> Course:
    """Problem course-invalid."""
    named = await network_places.named(connection, asked.named)
    if len(named) < len(set(asked.named)):
        raise Problem("course-invalid", detail_kind="named")
    course = Course(
        id=course_id,
        provider=place.id,
        path=place.path,
        provider_name=place.name,
        title=asked.title,
        district=district_of(place),
        city=city_of(place),
        subject=asked.subject,
        topic=asked.topic,
        kind=CourseKind(asked.kind),
        grade_from=asked.grade_from,
        grade_to=asked.grade_to,
        master=asked.master,
        master_name=await _master_name(connection, asked.master, now_ms),
        style=asked.style,
        language=asked.language,
        summary=asked.summary,
        visibility=CourseVisibility(asked.visibility),
        state=CourseState(asked.state),
        named=frozenset(named),
    )
    try:
        return course.checked()
    except BadCourse as error:
        raise Problem("course-invalid", detail_kind=error.fault.value) from error


async def _master_name(connection: AsyncConnection, master: str, now_ms: int) -> str:
    """Problem course-invalid: not somebody who holds that office."""
    if not master:
        return ""
    await _check_office(connection, [master], Office.MASTER, now_ms)
    return (await people.names(connection, {PersonId(master)})).get(PersonId(master), "")


async def _check_office(connection: AsyncConnection, persons: list[str], office: Office, now_ms: int) -> None:
    held = await network_appointments.of_people(connection, [PersonId(each) for each in persons], now_ms)
    if not all(any(given.appointment.office is office for given in each) for each in held.values()):
        raise Problem("course-invalid", detail_kind=office.value)


async def list_courses(request: web.Request) -> web.Response:
    asked = query(request, PageQuery)
    paths = request[PRINCIPAL].paths(OVERSEERS)
    found = await read(request.app[STORE].catalogue.courses(paths, asked.after, asked.limit + 1))
    more = found[asked.limit - 1].id if len(found) > asked.limit else ""
    views = [course_view(each, named=True) for each in found[: asked.limit]]
    return json_response(CourseList(courses=views, after=more))


async def get_course(request: web.Request) -> web.Response:
    course = await _seen_course(request)
    keeper = request[PRINCIPAL].reaches(KEEPERS, course.path)
    return json_response(course_view(course, named=keeper, keeps=keeper))


async def list_lessons(request: web.Request) -> web.Response:
    asked = query(request, OffersQuery)
    course = await _seen_course(request)
    found = await read(request.app[STORE].catalogue.offers_of(course.id, asked.after_ms))
    return json_response(OfferList(lessons=[offer_view(each) for each in found]))


async def course_ratings(request: web.Request) -> web.Response:
    """What students and schools gave its lessons, for whoever may choose it; who gave what nobody learns."""
    course = await _seen_course(request)
    found = await read(request.app[STORE].network.read(store_of_ratings.of_course, course.id))
    return json_response(
        CourseRatings(
            students=rating_sum(found[Rater.STUDENT]),
            schools=rating_sum(found[Rater.SCHOOL]),
        )
    )


async def put_lesson(request: web.Request) -> web.Response:
    """Offers a lesson of a course; sent again it is the same lesson."""
    asked = await body(request, LessonOffer)
    course, store = await _kept_course(request), request.app[STORE]
    lesson, now_ms = LessonId(new_id(request.match_info["lesson"])), store.clock.unix_ms()
    plan = await read(store.network.read(_offer, asked, now_ms))
    if plan.starts_ms <= now_ms:
        raise Problem("course-invalid", detail_kind="past")
    made = _lesson(lesson, course, plan)
    try:
        added = await read(
            store.catalogue.add_offers(course, [(made, plan)], now_ms, request[PRINCIPAL].person)
        )
    except courses.MasterBusy as error:
        if not await read(store.catalogue.same_offer(course, lesson, plan)):
            raise conflict_problem("master", error.other) from error
        added = False
    if not added and not await read(store.catalogue.same_offer(course, lesson, plan)):
        raise Problem("lesson-there")
    found = await read(store.catalogue.offer(lesson))
    assert found is not None, "it was offered"
    return json_response(offer_view(found), status=201 if added else 200)


async def put_capacity(request: web.Request) -> web.Response:
    asked = await body(request, Capacity)
    course, store = await _kept_course(request), request.app[STORE]
    lesson, now_ms = LessonId(request.match_info["lesson"]), store.clock.unix_ms()
    known = await read(store.catalogue.offer(lesson))
    if known is None or known.course != course.id:
        raise Problem("not-found")
    by = request[PRINCIPAL].person
    changed = await read(store.catalogue.set_capacity(lesson, asked.capacity, now_ms, by))
    if changed is None:
        raise Problem("course-invalid", detail_kind="seats")
    return json_response(offer_view(changed))


async def _offer(connection: AsyncConnection, asked: LessonOffer, now_ms: int) -> OfferPlan:
    """Problem course-invalid."""
    name = await _master_name(connection, asked.master, now_ms)
    await _check_office(connection, [each.tutor for each in asked.home], Office.TUTOR, now_ms)
    home = tuple(
        HomeClass(PersonId(each.tutor), each.size, each.name.strip() or _home_name(number))
        for number, each in enumerate(asked.home, 1)
    )
    plan = OfferPlan(
        starts_ms=asked.starts_ms,
        ends_ms=asked.ends_ms,
        capacity=asked.capacity,
        title=asked.title,
        master=asked.master,
        master_name=name,
        delivery=Delivery(asked.delivery),
        home=home,
    )
    try:
        return plan.checked()
    except BadCourse as error:
        raise Problem("course-invalid", detail_kind=error.fault.value) from error


def _home_name(number: int) -> str:
    """Of a class at home that was given none; in the language of most who will read it."""
    return catalogue.text("network.home-class", catalogue.DEFAULT, number=number)


def _lesson(lesson: LessonId, course: Course, plan: OfferPlan) -> Lesson:
    master = PersonId(plan.master or course.master) or None
    made = Plan(plan.title or course.title, plan.starts_ms, plan.ends_ms, master=master)
    try:
        return planned(lesson, made.checked())
    except BadPlan as error:
        raise Problem("plan-invalid", detail_kind=error.fault.value) from error


async def _found_course(request: web.Request) -> Course:
    found = await read(request.app[STORE].catalogue.course(CourseId(request.match_info["course"])))
    if found is None:
        raise Problem("not-found")
    return found


async def _seen_course(request: web.Request) -> Course:
    found = await _found_course(request)
    pairs = await read(request.app[STORE].catalogue.pairs(found.provider))
    if not sees(found, onlooker(request[PRINCIPAL]), pairs):
        raise Problem("not-found")
    return found


async def _kept_course(request: web.Request) -> Course:
    found = await _found_course(request)
    if not request[PRINCIPAL].reaches(KEEPERS, found.path):
        raise Problem("not-found")
    return found


async def list_pairs(request: web.Request) -> web.Response:
    place = await _school(request, "place", request[PRINCIPAL])
    found = await read(request.app[STORE].catalogue.pairs(place.id))
    return json_response(PairList(places=sorted(found)))


async def put_pair(request: web.Request) -> web.Response:
    """By an organizer of both: a district's, a city's."""
    place, other = await _both(request)
    store = request.app[STORE]
    now_ms, by = store.clock.unix_ms(), request[PRINCIPAL].person
    await read(store.catalogue.pair(place.id, other.id, place.path, now_ms, by))
    return web.Response(status=204)


async def delete_pair(request: web.Request) -> web.Response:
    place, other = await _both(request)
    store = request.app[STORE]
    now_ms, by = store.clock.unix_ms(), request[PRINCIPAL].person
    if not await read(store.catalogue.unpair(place.id, other.id, place.path, now_ms, by)):
        raise Problem("not-found")
    return web.Response(status=204)


async def _both(request: web.Request) -> tuple[Place, Place]:
    place = await _school(request, "place", request[PRINCIPAL])
    other = await _school(request, "other", request[PRINCIPAL])
    if place.id == other.id:
        raise Problem("not-found")
    return place, other


async def _school(request: web.Request, name: str, principal: Principal) -> Place:
    place_id = PlaceId(request.match_info[name])
    found = await read(request.app[STORE].network.read(network_places.find, place_id))
    is_one = found is not None and found.kind in {PlaceKind.SCHOOL, PlaceKind.PROVIDER}
    if found is None or not is_one or not principal.reaches({Office.ORGANIZER}, found.path):
        raise Problem("not-found")
    return found


_COURSE: Final = "/api/v1/courses/{course}"
_PAIR: Final = "/api/v1/places/{place}/pairs"
_CHANGING: Final = ("bad-request", "unsupported-media-type", "not-found", "not-ready", "plan-invalid")

OPERATIONS: Final = (
    Operation(
        id="courses",
        method="GET",
        path="/api/v1/courses",
        tag="network",
        handler=list_courses,
        query=PageQuery,
        response=CourseList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="course",
        method="GET",
        path=_COURSE,
        tag="network",
        handler=get_course,
        response=CourseView,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="put_course",
        method="PUT",
        path=_COURSE,
        tag="network",
        handler=put_course,
        request=CoursePlan,
        response=CourseView,
        also=(201,),
        problems=(*_CHANGING, "course-invalid"),
    ),
    Operation(
        id="course_lessons",
        method="GET",
        path=_COURSE + "/lessons",
        tag="network",
        handler=list_lessons,
        query=OffersQuery,
        response=OfferList,
        problems=("bad-request", "not-found", "not-ready"),
    ),
    Operation(
        id="course_ratings",
        method="GET",
        path=_COURSE + "/ratings",
        tag="network",
        handler=course_ratings,
        response=CourseRatings,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="put_course_lesson",
        method="PUT",
        path=_COURSE + "/lessons/{lesson}",
        tag="network",
        handler=put_lesson,
        request=LessonOffer,
        response=OfferView,
        also=(201,),
        problems=(*_CHANGING, "course-invalid", "lesson-there", "timetable-conflict"),
    ),
    Operation(
        id="put_capacity",
        method="PUT",
        path=_COURSE + "/lessons/{lesson}/capacity",
        tag="network",
        handler=put_capacity,
        request=Capacity,
        response=OfferView,
        problems=("bad-request", "unsupported-media-type", "not-found", "not-ready", "course-invalid"),
    ),
    Operation(
        id="pairs",
        method="GET",
        path=_PAIR,
        tag="network",
        handler=list_pairs,
        response=PairList,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="put_pair",
        method="PUT",
        path=_PAIR + "/{other}",
        tag="network",
        handler=put_pair,
        status=204,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="delete_pair",
        method="DELETE",
        path=_PAIR + "/{other}",
        tag="network",
        handler=delete_pair,
        status=204,
        problems=("not-found", "not-ready"),
    ),
)
