"""/api/v1/supervision: the result form (督查评价) and what comes of it.

    POST /api/v1/supervision/lessons/{lesson}/reviews     the form; the provider has it at once
    GET  /api/v1/supervision/unreviewed                   what the caller supervised, and said nothing of yet
    GET  /api/v1/supervision/reviews[/{review}]           of whom they concern, and whose they are
    GET  /api/v1/supervision/problems
    POST /api/v1/supervision/problems/{problem}/{move}    answer (the provider); close, reopen (who oversees)
    GET  /api/v1/supervision/negative-list                负面清单

Nothing of this is in any lesson's events, so those who are supervised do not hear of it while it goes on."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import LessonState
from classroom.network.model import ROOT, Office
from classroom.network.scope import Principal
from classroom.network.supervision import (
    BEST_SCORE,
    LEAST_SCORE,
    MAX_PROBLEM_TEXT,
    MAX_PROBLEMS,
    MAX_TEXT,
    BadFormError,
    Criterion,
    Form,
    NewProblem,
    ProblemKind,
    ProblemState,
    answer_due_ms,
    checked_form,
    credential_for,
)
from classroom.store import supervision_due, supervision_live, supervision_places, supervision_reviews
from classroom.store.supervision_live import NO_ITEM
from classroom.store.supervision_reviews import Problem as FoundProblem
from classroom.store.supervision_reviews import Review
from signaling.keys import STORE
from signaling.network.mail_dispatcher import LETTERS
from signaling.network.principals import PRINCIPAL
from signaling.network.supervision_access import (
    GIVE,
    OVERSEE,
    Cursor,
    IdText,
    Limit,
    before,
    cursor,
    reached_lesson,
)
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

ID_BYTES: Final = 12

Score = Annotated[int, Meta(ge=LEAST_SCORE, le=BEST_SCORE)]
CriterionName = Literal["content", "teaching", "order", "safety", "technique"]
KindName = Literal[
    "late",
    "other_teacher",
    "tutor_absent",
    "content",
    "safety",
    "order",
    "technique",
    "recording",
    "other",
]
StateName = Literal["open", "answered", "closed"]


class ProblemForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: KindName
    text: Annotated[str, Meta(min_length=1, max_length=MAX_PROBLEM_TEXT)]
    at_ms: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    """Where the recording shows it, on the item's clock."""


class ReviewForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    scores: dict[CriterionName, Score]
    """All of them."""
    text: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    problems: Annotated[list[ProblemForm], Meta(max_length=MAX_PROBLEMS)] = []


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    review: str
    lesson: str
    title: str
    """Of the lesson."""
    provider: str
    """Name of who gave it; empty: not known."""
    kind: KindName
    text: str
    item: str
    at_ms: int | None
    """Item clock."""
    state: StateName
    opened_ms: int
    changed_ms: int
    due_ms: int | None
    """Until when the provider is to answer; null: nothing is waited for."""
    answer: str
    """Of the provider."""
    closing: str
    """Why it was closed, or opened again."""


class ReviewView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    lesson: str
    title: str
    provider: str
    supervisor: str
    """Name."""
    mine: bool
    """The caller wrote it."""
    item: str
    scores: dict[CriterionName, int]
    text: str
    at_ms: int
    seen_ms: int | None
    """When somebody of the provider first looked at it."""
    problems: list[ProblemView] = []
    """Of one that is asked for by its id."""


class ReviewList(msgspec.Struct, frozen=True, kw_only=True):
    reviews: list[ReviewView]
    """The latest first."""
    next: str
    """For `after`; empty: there are no more."""
    unseen: int
    """Of those that are addressed to the caller: not looked at."""


class ReviewsQuery(msgspec.Struct, frozen=True, kw_only=True):
    lesson: IdText = ""
    after: Cursor = ""
    limit: Limit = 50


class ProblemList(msgspec.Struct, frozen=True, kw_only=True):
    problems: list[ProblemView]
    next: str


class ProblemsQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: StateName | Literal[""] = ""
    after: Cursor = ""
    limit: Limit = 50


class MoveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=MAX_PROBLEM_TEXT)]


class ListedView(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    """Place id; empty: nobody knows who gave the lessons."""
    name: str
    open: int
    answered: int
    """Answered by the provider, and not closed yet."""
    lessons: int
    oldest_ms: int


class NegativeList(msgspec.Struct, frozen=True, kw_only=True):
    providers: list[ListedView]
    """Most problems first."""


class DueView(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    provider: str
    """Name of who gave it; empty: not known."""
    started_ms: int
    ended_ms: int
    looked_ms: int
    """When the caller last came into it, or watched its recording."""
    item: str
    """The recording; empty: there is none."""


class DueList(msgspec.Struct, frozen=True, kw_only=True):
    lessons: list[DueView]
    """What the caller looked at last comes first."""


async def deliver(request: web.Request) -> web.Response:
    asked = await body(request, ReviewForm)
    lesson, places = await reached_lesson(request, {Office.SUPERVISOR})
    store, principal = request.app[STORE], request[PRINCIPAL]
    credential = credential_for(principal, {Office.SUPERVISOR}, places)
    assert credential is not None, "by which the lesson was reached"
    if lesson.state not in (LessonState.LIVE, LessonState.ENDED):
        raise Problem("review-too-early")
    form = _form(asked)
    item = await read(store.network.read(supervision_live.item, lesson.id))
    review = Review(
        id=secrets.token_urlsafe(ID_BYTES),
        lesson=lesson.id,
        path=places.gives or ROOT,
        supervisor=principal.person,
        credential=credential.id,
        item=item,
        scores=form.scores,
        text=form.text,
        at_ms=store.clock.unix_ms(),
    )
    ids = [secrets.token_urlsafe(ID_BYTES) for _ in form.problems]
    if not await read(store.network.change(supervision_reviews.deliver, review, form, ids)):
        raise Problem("review-delivered")
    _told(request)
    return await _one(request, review.id, status=201)


def _told(request: web.Request) -> None:
    """Webhooks and letters wait."""
    request.app[STORE].webhooks.written()
    request.app[LETTERS].news()


def _form(asked: ReviewForm) -> Form:
    problems = tuple(NewProblem(ProblemKind(each.kind), each.text, each.at_ms) for each in asked.problems)
    scores = {Criterion(name): score for name, score in asked.scores.items()}
    try:
        return checked_form(Form(scores, asked.text, problems))
    except BadFormError as error:
        raise Problem("review-invalid", detail_kind=error.field.partition(".")[0]) from error


async def reviews(request: web.Request) -> web.Response:
    """Those addressed to a provider's place, those of places that an organizer oversees, and one's own."""
    asked, principal, store = query(request, ReviewsQuery), request[PRINCIPAL], request.app[STORE]
    paths = principal.paths(GIVE | OVERSEE)
    found = await read(
        store.network.read(
            supervision_reviews.listed,
            paths,
            supervisor=principal.person,
            lesson=asked.lesson,
            before=before(asked.after),
            limit=asked.limit,
        )
    )
    unseen = await read(store.network.read(supervision_reviews.unseen, principal.paths(GIVE)))
    following = cursor(found[-1].at_ms, found[-1].id) if len(found) == asked.limit else ""
    listed = [_review(each, principal) for each in found]
    return json_response(ReviewList(reviews=listed, next=following, unseen=unseen))


async def unreviewed(request: web.Request) -> web.Response:
    """Lessons that are over, as long as the caller's credential reaches them."""
    store, principal = request.app[STORE], request[PRINCIPAL]
    await store.written()  # who has just come out of one
    found = await read(store.network.read(_due, principal))
    return json_response(DueList(lessons=list(found)))


async def _due(connection: AsyncConnection, principal: Principal) -> list[DueView]:
    found = await supervision_due.due(connection, principal.person)
    places = await supervision_places.lesson_places(connection, {each.lesson for each in found})
    reached = [each for each in found if credential_for(principal, {Office.SUPERVISOR}, places[each.lesson])]
    items = await supervision_live.items(connection, {each.lesson for each in reached})
    gives = {each.lesson: places[each.lesson].gives for each in reached}
    names = await supervision_places.names(connection, {path for path in gives.values() if path})
    return [
        DueView(
            **dataclasses.asdict(each),
            provider=names[path].name if (path := gives[each.lesson]) in names else "",
            item=items.get(each.lesson, NO_ITEM).id,
        )
        for each in reached
    ]


async def review(request: web.Request) -> web.Response:
    return await _one(request, request.match_info["review"])


async def _one(request: web.Request, name: str, status: int = 200) -> web.Response:
    principal, store = request[PRINCIPAL], request.app[STORE]
    found = await read(store.network.read(supervision_reviews.find, name))
    if found is None or not (
        found.supervisor == principal.person or principal.reaches(GIVE | OVERSEE, found.path)
    ):
        raise Problem("not-found")
    if found.seen_ms is None and principal.reaches(GIVE, found.path):
        now_ms = store.clock.unix_ms()
        await read(store.network.change(supervision_reviews.see, found.id, principal.person, now_ms))
    problems = await read(store.network.read(supervision_reviews.problems, (ROOT,), review=found.id))
    return json_response(_review(found, principal, problems), status=status)


async def problems(request: web.Request) -> web.Response:
    asked, principal, store = query(request, ProblemsQuery), request[PRINCIPAL], request.app[STORE]
    states = (ProblemState(asked.state),) if asked.state else ()
    found = await read(
        store.network.read(
            supervision_reviews.problems,
            principal.paths(GIVE | OVERSEE),
            supervisor=principal.person,
            states=states,
            before=before(asked.after),
            limit=asked.limit,
        )
    )
    following = cursor(found[-1].opened_ms, found[-1].id) if len(found) == asked.limit else ""
    return json_response(ProblemList(problems=[_problem(each) for each in found], next=following))


async def move_problem(request: web.Request) -> web.Response:
    """Who gives the lesson answers; who oversees it, or wrote the form, closes and opens again."""
    asked = await body(request, MoveBody)
    move, principal, store = request.match_info["move"], request[PRINCIPAL], request.app[STORE]
    found = await read(store.network.read(supervision_reviews.problem, request.match_info["problem"]))
    if found is None or move not in _MOVES:
        raise Problem("not-found")
    problem, author = found
    oversees = principal.reaches(OVERSEE, problem.path) or author == principal.person
    gives = principal.reaches(GIVE, problem.path)
    if not (oversees or gives):
        raise Problem("not-found")
    if not (gives if move == "answer" else oversees):
        raise Problem("problem-not-yours")
    text = asked.text.strip()
    if not text:
        raise Problem("review-invalid", detail_kind="text")
    now_ms = store.clock.unix_ms()
    moved = await read(
        store.network.change(supervision_reviews.move, problem, move, text, principal.person, now_ms)
    )
    if not moved:
        raise Problem("problem-state")
    _told(request)
    found = await read(store.network.read(supervision_reviews.problem, problem.id))
    assert found is not None, "problems stay"
    return json_response(_problem(found[0]))


_MOVES: Final = frozenset({"answer", "close", "reopen"})


async def negative_list(request: web.Request) -> web.Response:
    paths = request[PRINCIPAL].paths(OVERSEE)
    found = await read(request.app[STORE].network.read(supervision_reviews.negative_list, paths))
    return json_response(
        NegativeList(
            providers=[
                ListedView(
                    provider=each.provider,
                    name=each.name,
                    open=each.open,
                    answered=each.answered,
                    lessons=each.lessons,
                    oldest_ms=each.oldest_ms,
                )
                for each in found
            ]
        )
    )


def _review(each: Review, principal: Principal, problems: tuple[FoundProblem, ...] = ()) -> ReviewView:
    return ReviewView(
        id=each.id,
        lesson=each.lesson,
        title=each.title,
        provider=each.provider,
        supervisor=each.supervisor_name,
        mine=each.supervisor == principal.person,
        item=each.item,
        scores={name.value: score for name, score in each.scores.items()},
        text=each.text,
        at_ms=each.at_ms,
        seen_ms=each.seen_ms,
        problems=[_problem(one) for one in problems],
    )


def _problem(each: FoundProblem) -> ProblemView:
    return ProblemView(
        **_fields(each, ProblemView)
        | {
            "at_ms": each.item_ms,
            "kind": each.kind.value,
            "state": each.state.value,
            "due_ms": answer_due_ms(each.state, each.changed_ms),
        }
    )


def _fields(value: object, view: type[msgspec.Struct]) -> dict[str, Any]:
    names = (field.name for field in msgspec.structs.fields(view))
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


_READ: Final = ("not-found", "not-ready")
_BODY: Final = (*_READ, "bad-request", "unsupported-media-type", "too-large", "foreign-page")
_PREFIX: Final = "/api/v1/supervision"

OPERATIONS: Final = (
    Operation(
        id="deliver_review",
        method="POST",
        path=_PREFIX + "/lessons/{lesson}/reviews",
        tag="supervision",
        handler=deliver,
        request=ReviewForm,
        response=ReviewView,
        status=201,
        problems=(*_BODY, "review-invalid", "review-delivered", "review-too-early"),
    ),
    Operation(
        id="unreviewed",
        method="GET",
        path=_PREFIX + "/unreviewed",
        tag="supervision",
        handler=unreviewed,
        response=DueList,
        problems=("not-ready",),
    ),
    Operation(
        id="reviews",
        method="GET",
        path=_PREFIX + "/reviews",
        tag="supervision",
        handler=reviews,
        query=ReviewsQuery,
        response=ReviewList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="review",
        method="GET",
        path=_PREFIX + "/reviews/{review}",
        tag="supervision",
        handler=review,
        response=ReviewView,
        problems=_READ,
    ),
    Operation(
        id="problems",
        method="GET",
        path=_PREFIX + "/problems",
        tag="supervision",
        handler=problems,
        query=ProblemsQuery,
        response=ProblemList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="move_problem",
        method="POST",
        path=_PREFIX + "/problems/{problem}/{move}",
        tag="supervision",
        handler=move_problem,
        request=MoveBody,
        response=ProblemView,
        problems=(*_BODY, "problem-not-yours", "problem-state", "review-invalid"),
    ),
    Operation(
        id="negative_list",
        method="GET",
        path=_PREFIX + "/negative-list",
        tag="supervision",
        handler=negative_list,
        response=NegativeList,
        problems=("not-ready",),
    ),
)
