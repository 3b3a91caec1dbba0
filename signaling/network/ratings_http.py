"""/api/v1/ratings: what students and schools say of a lesson afterwards.

    PUT /api/v1/ratings/{lesson}/mine             of a student who took part, in a room or by themselves
    PUT /api/v1/ratings/{lesson}/schools/{school} of a school whose class took part, by its organizer
    GET /api/v1/ratings/{lesson}                  sums and words, for those who give or oversee it
    GET /api/v1/ratings/{lesson}/mine
    GET /api/v1/ratings                           of all lessons that the caller gives or oversees
    GET /api/v1/places/{place}/ratings            what a school can say now, and has said

Who reads what students said does not learn who said it; schools are named."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import Lesson, LessonId
from classroom.network.model import ROOT, Office
from classroom.network.ratings import (
    BEST_STARS,
    LEAST_STARS,
    MAX_TEXT,
    OPEN_MS,
    Absence,
    Aspect,
    BadRatingError,
    Rater,
    Rating,
    Summary,
    checked,
    is_open,
    summary,
)
from classroom.store import ratings
from classroom.store.ratings import Received
from signaling.keys import STORE
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import SEEN, place_reached
from signaling.network.supervision_access import GIVE, OVERSEE, Limit, places_of, reached_lesson
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

YEAR_MS: Final = 365 * 86_400_000
Stars = Annotated[int, Meta(ge=LEAST_STARS, le=BEST_STARS)]
AspectName = Literal["content", "teaching", "technique"]


class RatingBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stars: dict[AspectName, Stars]
    """All of them."""
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""


class RatingView(msgspec.Struct, frozen=True, kw_only=True):
    rater: Literal["student", "school"]
    school: str
    """Name of the school; empty of a student."""
    stars: dict[AspectName, int]
    text: str
    at_ms: int


class RatingSum(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    means: dict[AspectName, float]
    """Empty of none."""


class LessonRatings(msgspec.Struct, frozen=True, kw_only=True):
    students: RatingSum
    schools: RatingSum
    ratings: list[RatingView]
    """The latest first."""


class OwnRating(msgspec.Struct, frozen=True, kw_only=True):
    may_rate: bool
    """The lesson is over, not for long, and the caller took part."""
    rating: RatingView | None


class ReceivedRating(RatingView, frozen=True, kw_only=True):
    lesson: str
    title: str


class ProviderRatings(msgspec.Struct, frozen=True, kw_only=True):
    """Of the last year."""

    provider: str
    """Name; empty: nobody knows who gave the lessons."""
    students: RatingSum
    schools: RatingSum


class ReceivedRatings(msgspec.Struct, frozen=True, kw_only=True):
    providers: list[ProviderRatings]
    """With the first page only."""
    ratings: list[ReceivedRating]
    """The latest first."""
    next: str
    """For `after`; empty: there are no more."""


class SchoolLesson(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    ended_ms: int
    until_ms: int
    """It can be rated until then."""
    rating: RatingView | None
    """What the school said."""


class SchoolRatings(msgspec.Struct, frozen=True, kw_only=True):
    may_rate: bool
    """The caller is an organizer of this very school."""
    lessons: list[SchoolLesson]
    """In which classes of the school took part and which ended within a week, the latest first."""


class ReceivedQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: Annotated[str, Meta(pattern=r"^([0-9]{1,15}-[0-9]{1,4})?$")] = ""
    limit: Limit = 50


async def received_ratings(request: web.Request) -> web.Response:
    """For who gives lessons, at once, and for who oversees them; nobody changes what was said."""
    asked, network = query(request, ReceivedQuery), request.app[STORE].network
    paths = request[PRINCIPAL].paths(GIVE | OVERSEE)
    at_ms, _, skip = asked.after.partition("-")
    found = await read(
        network.read(
            ratings.received,
            paths,
            until_ms=int(at_ms) if at_ms else None,
            skip=int(skip or 0),
            limit=asked.limit,
        )
    )
    since_ms = request.app[STORE].clock.unix_ms() - YEAR_MS
    means = [] if asked.after else await read(network.read(ratings.means, paths, since_ms))
    return json_response(
        ReceivedRatings(
            providers=_providers(means), ratings=[_received(each) for each in found], next=_next(asked, found)
        )
    )


def _next(asked: ReceivedQuery, found: tuple[Received, ...]) -> str:
    if len(found) < asked.limit:
        return ""
    last = found[-1].rating.at_ms
    same = sum(each.rating.at_ms == last for each in found)
    at_ms, _, skip = asked.after.partition("-")
    before = int(skip) if at_ms == str(last) else 0
    return f"{last}-{same + before}"


def _providers(means: list[ratings.Means]) -> list[ProviderRatings]:
    names = {path: name for path, name, *_ in means}
    sums = {(path, rater): rating_sum(Summary(count, mean)) for path, _, rater, count, mean in means}
    none = RatingSum(count=0, means={})
    return [
        ProviderRatings(
            provider=name,
            students=sums.get((path, Rater.STUDENT), none),
            schools=sums.get((path, Rater.SCHOOL), none),
        )
        for path, name in names.items()
    ]


def _received(each: Received) -> ReceivedRating:
    shown = _view(each.rating, {each.rating.rater_id: each.school})
    return ReceivedRating(**msgspec.structs.asdict(shown), lesson=each.rating.lesson, title=each.title)


async def rate_mine(request: web.Request) -> web.Response:
    person = request[PRINCIPAL].person
    lesson = await _taken_part(request)
    return await _rate(request, lesson, Rater.STUDENT, person)


async def my_rating(request: web.Request) -> web.Response:
    lesson = await _taken_part(request)
    store, person = request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(ratings.one, lesson.id, Rater.STUDENT, person))
    shown = _view(found, {}) if found else None
    return json_response(OwnRating(may_rate=is_open(lesson, store.clock.unix_ms()), rating=shown))


async def rate_school(request: web.Request) -> web.Response:
    """By an organizer of that very school: whoever organizes a district does not speak for its schools."""
    store, name = request.app[STORE], request.match_info["school"]
    lesson = await read(store.lesson(LessonId(request.match_info["lesson"])))
    schools = await read(store.network.read(ratings.schools_of, request.match_info["lesson"]))
    held = {each.path for each in request[PRINCIPAL].of({Office.ORGANIZER})}
    if lesson is None or name not in schools or schools[name][0] not in held:
        raise Problem("not-found")
    return await _rate(request, lesson, Rater.SCHOOL, name)


async def school_ratings(request: web.Request) -> web.Response:
    place = await place_reached(request, request.match_info["place"], {Office.ORGANIZER})
    store = request.app[STORE]
    since_ms = store.clock.unix_ms() - OPEN_MS
    found = await read(store.network.read(ratings.ratable, place.id, since_ms))
    own = any(each.path == place.path for each in request[PRINCIPAL].of({Office.ORGANIZER}))
    lessons = [
        SchoolLesson(
            lesson=each.lesson,
            title=each.title,
            ended_ms=each.ended_ms,
            until_ms=each.ended_ms + OPEN_MS,
            rating=_view(each.rating, {place.id: place.name}) if each.rating else None,
        )
        for each in found
    ]
    return json_response(SchoolRatings(may_rate=own, lessons=lessons))


async def lesson_ratings(request: web.Request) -> web.Response:
    lesson, _ = await reached_lesson(request, GIVE | OVERSEE | {Office.MASTER})
    store = request.app[STORE]
    found = await read(store.network.read(ratings.of_lesson, lesson.id))
    schools = await read(store.network.read(ratings.schools_of, lesson.id))
    names = {school: name for school, (_, name) in schools.items()}
    return json_response(
        LessonRatings(
            students=_sum(found, Rater.STUDENT),
            schools=_sum(found, Rater.SCHOOL),
            ratings=[_view(each, names) for each in found],
        )
    )


async def _taken_part(request: web.Request) -> Lesson:
    """Problem not-found, whether there is no such lesson or the caller was in none of its classes;
    rating-not-there of who was not there with their class."""
    store, principal = request.app[STORE], request[PRINCIPAL]
    lesson = await read(store.lesson(LessonId(request.match_info["lesson"])))
    if lesson is None:
        raise Problem("not-found")
    why = await read(store.network.read(ratings.absence, lesson, principal.person, principal.name))
    if why is Absence.STRANGER:
        raise Problem("not-found")
    # Before its end nobody was absent.
    if why is not None and is_open(lesson, store.clock.unix_ms()):
        raise Problem("rating-not-there", detail_kind=why.value)
    return lesson


async def _rate(request: web.Request, lesson: Lesson, rater: Rater, rater_id: str) -> web.Response:
    asked, store = await body(request, RatingBody), request.app[STORE]
    now_ms = store.clock.unix_ms()
    if not is_open(lesson, now_ms):
        raise Problem("rating-closed")
    stars = {Aspect(name): given for name, given in asked.stars.items()}
    try:
        text = checked(stars, asked.text)
    except BadRatingError as error:
        raise Problem("rating-invalid") from error
    rating = Rating(lesson.id, rater, rater_id, stars, text, now_ms, request[PRINCIPAL].person)
    path = (await places_of(request, lesson.id)).gives or ROOT
    await read(store.network.change(ratings.put, rating, path))
    return json_response(OwnRating(may_rate=True, rating=_view(rating, {})))


def _sum(found: tuple[Rating, ...], rater: Rater) -> RatingSum:
    return rating_sum(summary([each for each in found if each.rater is rater]))


def rating_sum(made: Summary) -> RatingSum:
    return RatingSum(
        count=made.count, means={name.value: round(mean, 2) for name, mean in made.means.items()}
    )


def _view(each: Rating, schools: dict[str, str]) -> RatingView:
    return RatingView(
        rater=each.rater.value,
        school=schools.get(each.rater_id, "") if each.rater is Rater.SCHOOL else "",
        stars={name.value: given for name, given in each.stars.items()},
        text=each.text,
        at_ms=each.at_ms,
    )


_PATH: Final = "/api/v1/ratings/{lesson}"
_READ: Final = ("not-found", "not-ready")
_BODY: Final = (*_READ, "bad-request", "unsupported-media-type", "too-large", "foreign-page")
_RATE: Final = (*_BODY, "rating-closed", "rating-invalid")

OPERATIONS: Final = (
    Operation(
        id="received_ratings",
        method="GET",
        path="/api/v1/ratings",
        tag="supervision",
        handler=received_ratings,
        query=ReceivedQuery,
        response=ReceivedRatings,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="lesson_ratings",
        method="GET",
        path=_PATH,
        tag="supervision",
        handler=lesson_ratings,
        response=LessonRatings,
        problems=_READ,
    ),
    Operation(
        id="my_rating",
        method="GET",
        path=_PATH + "/mine",
        tag="supervision",
        handler=my_rating,
        response=OwnRating,
        problems=(*_READ, "rating-not-there"),
    ),
    Operation(
        id="rate_lesson",
        method="PUT",
        path=_PATH + "/mine",
        tag="supervision",
        handler=rate_mine,
        request=RatingBody,
        response=OwnRating,
        problems=(*_RATE, "rating-not-there"),
    ),
    Operation(
        id="rate_for_school",
        method="PUT",
        path=_PATH + "/schools/{school}",
        tag="supervision",
        handler=rate_school,
        request=RatingBody,
        response=OwnRating,
        problems=_RATE,
    ),
    Operation(
        id="school_ratings",
        method="GET",
        path="/api/v1/places/{place}/ratings",
        tag="supervision",
        handler=school_ratings,
        response=SchoolRatings,
        problems=SEEN,
    ),
)
