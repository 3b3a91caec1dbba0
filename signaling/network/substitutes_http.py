"""/api/v1/substitutes: who is to teach instead of who is registered; declared, and decided by somebody else.

Who declares: of a class its tutors and the organizers of its school; of a lesson its master and who answers
for what the provider gives. Who decides: the organizers of the school, and who answers for the lesson; nobody
what they have declared. Approved, it is an operation that can be undone like any other; the tokens of who was
replaced let nobody into the lesson any more."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.model import Office
from classroom.network.scope import Principal
from classroom.network.substitutes import (
    Substitution,
    SubstitutionMove,
    SubstitutionRefused,
    SubstitutionState,
)
from classroom.network.timetable_operations import BadOperation, Slot, checked_reason
from classroom.store import network_classes, people, substitutions
from classroom.store.substitutions import Post
from classroom.store.timetable_slots import Clashes
from signaling.keys import STORE, TOKENS
from signaling.lessons_http import Title, UnixMs
from signaling.message import Id
from signaling.network.courses_http import KEEPERS
from signaling.network.enrolment_problems import span
from signaling.network.mail_dispatcher import LETTERS
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import is_id
from signaling.network.timetable_operations_views import OperationSlot, slot_view
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

_ORGANIZER: Final = frozenset({Office.ORGANIZER})
ID_BYTES: Final = 12
StateName = Literal["declared", "approved", "declined", "withdrawn", "undone"]


class SubstituteWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lesson: Id
    class_id: Annotated[str, Meta(max_length=64)] = ""
    """Whose tutor is replaced; empty: the lesson's master."""
    person: Id
    reason: Title


class SubstituteView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    lesson: str
    slot: OperationSlot
    """The lesson as it is now."""
    class_id: str
    class_name: str
    """Empty: the master is replaced."""
    instead_of_name: str
    """Empty: nobody was registered."""
    person: str
    name: str
    reason: str
    state: StateName
    made_ms: int
    made_by_name: str
    decided_ms: int | None
    decided_by_name: str
    operation: str
    """By which it can be undone; empty: it was not approved."""
    mine: bool
    """The caller has declared it."""
    decides: bool
    """The caller may approve or decline it."""


class SubstituteList(msgspec.Struct, frozen=True, kw_only=True):
    substitutes: list[SubstituteView]
    before: int
    """For the next page; 0: this was the last."""


class SubstitutesQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["", "declared", "approved", "declined", "withdrawn", "undone"] = ""
    before: UnixMs = 0
    limit: Annotated[int, Meta(ge=1, le=substitutions.PAGE)] = 30


class CandidatesQuery(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    class_id: str = ""


class SubstituteCandidate(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str


class SubstituteCandidates(msgspec.Struct, frozen=True, kw_only=True):
    candidates: list[SubstituteCandidate]


async def declare_substitute(request: web.Request) -> web.Response:
    asked = await body(request, SubstituteWish)
    post = await _own_post(request, asked.lesson, asked.class_id)
    store, principal = request.app[STORE], request[PRINCIPAL]
    try:
        reason = checked_reason(asked.reason)
    except BadOperation as error:
        raise Problem("operation-invalid", detail_kind=error.fault.value) from error
    made = Substitution(
        id=secrets.token_urlsafe(ID_BYTES),
        lesson=post.lesson,
        class_id=post.class_id,
        path=post.path,
        instead_of=post.teacher,
        person=PersonId(asked.person),
        reason=reason,
        state=SubstitutionState.DECLARED,
        made_ms=store.clock.unix_ms(),
        made_by=principal.person,
    )
    try:
        await read(store.network.change(substitutions.declare, made))
    except SubstitutionRefused as error:
        raise Problem("substitute-refused", detail_kind=error.refusal.value) from error
    return await _answer(request, made, post, status=201)


async def decide_substitute(request: web.Request) -> web.Response:
    found, post = await _found(request)
    move = SubstitutionMove(request.match_info["move"])
    principal, store = request[PRINCIPAL], request.app[STORE]
    if move is not SubstitutionMove.WITHDRAW and not _decides(principal, post):
        raise Problem("not-found")
    now_ms = store.clock.unix_ms()
    try:
        done = await read(
            store.network.change(substitutions.decide, found.id, move, now_ms, principal.person)
        )
    except SubstitutionRefused as error:
        raise Problem("substitute-refused", detail_kind=error.refusal.value) from error
    except Clashes as clashes:
        first = clashes.found[0]
        when = span(first.starts_ms, first.ends_ms, "Asia/Shanghai")
        raise Problem("timetable-conflict", detail_kind=first.who, title=first.title, when=when) from clashes
    if done.operation:
        request.app[TOKENS].replaced[done.lesson, done.instead_of] = int(time.time())
        request.app[TOKENS].replaced.pop((done.lesson, str(done.person)), None)
        store.catalogue.on_changed([done.lesson])
        request.app[LETTERS].news()
    return await _answer(request, done, post)


async def list_substitutes(request: web.Request) -> web.Response:
    asked, store, principal = query(request, SubstitutesQuery), request.app[STORE], request[PRINCIPAL]
    paths = principal.paths(KEEPERS)
    found = await read(
        store.network.read(
            substitutions.listed,
            paths,
            principal.person,
            state=asked.state,
            before=asked.before or None,
            limit=asked.limit + 1,
        )
    )
    shown = found[: asked.limit]
    views = []
    for _, each, slot in shown:
        post = await read(store.network.read(substitutions.post_of, each.lesson, each.class_id))
        views.append(await read(store.network.read(_view, each, slot, principal, post)))
    before = shown[-1][0] if len(found) > asked.limit else 0
    return json_response(SubstituteList(substitutes=views, before=before))


async def substitute_candidates(request: web.Request) -> web.Response:
    """Who might teach instead; whether they are free is seen when it is approved."""
    asked = query(request, CandidatesQuery)
    post = await _own_post(request, asked.lesson, asked.class_id)
    store = request.app[STORE]
    found = await read(store.network.read(substitutions.candidates, post, store.clock.unix_ms()))
    names = await read(store.network.read(people.names, set(found)))
    views = [SubstituteCandidate(person=each, name=names.get(each, "")) for each in found]
    return json_response(SubstituteCandidates(candidates=views))


async def _own_post(request: web.Request, lesson: str, class_id: str) -> Post:
    """For which the caller may declare somebody. Problem not-found."""
    post = None
    if is_id(lesson) and (not class_id or is_id(class_id)):
        network = request.app[STORE].network
        post = await read(network.read(substitutions.post_of, LessonId(lesson), ClassId(class_id)))
    if post is None or not _declares(request[PRINCIPAL], post):
        raise Problem("not-found")
    return post


def _declares(principal: Principal, post: Post) -> bool:
    if principal.person == post.teacher or _decides(principal, post):
        return True
    tutors = principal.of({Office.TUTOR}) if post.class_id else ()
    return any(each.path == post.path and each.class_id in ("", post.class_id) for each in tutors)


def _decides(principal: Principal, post: Post) -> bool:
    of_school = bool(post.class_id) and principal.reaches(_ORGANIZER, post.path)
    return of_school or principal.reaches(KEEPERS, post.provider)


async def _found(request: web.Request) -> tuple[Substitution, Post]:
    """Problem not-found."""
    network, name = request.app[STORE].network, request.match_info["substitute"]
    found = await read(network.read(substitutions.find, name)) if is_id(name) else None
    moves = request.match_info["move"] in set(SubstitutionMove)
    if found is None or not moves:
        raise Problem("not-found")
    post = await read(network.read(substitutions.post_of, found.lesson, found.class_id))
    principal = request[PRINCIPAL]
    if post is None or not (found.made_by == principal.person or _decides(principal, post)):
        raise Problem("not-found")
    return found, post


async def _answer(request: web.Request, found: Substitution, post: Post, status: int = 200) -> web.Response:
    store = request.app[STORE]
    view = await read(store.network.read(_view, found, post.slot, request[PRINCIPAL], post))
    return json_response(view, status=status)


async def _view(
    connection: AsyncConnection, found: Substitution, slot: Slot, principal: Principal, post: Post | None
) -> SubstituteView:
    persons = (found.person, found.instead_of, found.made_by, found.decided_by)
    names = await people.names(connection, {PersonId(each) for each in persons if each})
    classes = await network_classes.named(connection, {found.class_id} - {""})
    room = classes.get(found.class_id)
    waits = found.state is SubstitutionState.DECLARED and found.made_by != principal.person
    return SubstituteView(
        id=found.id,
        lesson=found.lesson,
        slot=slot_view(replace(slot, tutors={})),
        class_id=found.class_id,
        class_name=room.name if room else found.class_id,
        instead_of_name=names.get(PersonId(found.instead_of), ""),
        person=found.person,
        name=names.get(found.person, ""),
        reason=found.reason,
        state=found.state.value,
        made_ms=found.made_ms,
        made_by_name=names.get(found.made_by, ""),
        decided_ms=found.decided_ms,
        decided_by_name=names.get(PersonId(found.decided_by), ""),
        operation=found.operation,
        mine=found.made_by == principal.person,
        decides=waits and post is not None and _decides(principal, post),
    )


_PATH: Final = "/api/v1/substitutes"

OPERATIONS: Final = (
    Operation(
        id="substitutes",
        method="GET",
        path=_PATH,
        tag="network",
        handler=list_substitutes,
        query=SubstitutesQuery,
        response=SubstituteList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="substitute_candidates",
        method="GET",
        path=f"{_PATH}/candidates",
        tag="network",
        handler=substitute_candidates,
        query=CandidatesQuery,
        response=SubstituteCandidates,
        problems=("bad-request", "not-found", "not-ready"),
    ),
    Operation(
        id="declare_substitute",
        method="POST",
        path=_PATH,
        tag="network",
        handler=declare_substitute,
        request=SubstituteWish,
        response=SubstituteView,
        status=201,
        problems=(
            *("bad-request", "unsupported-media-type", "not-found", "not-ready"),
            *("operation-invalid", "substitute-refused"),
        ),
    ),
    Operation(
        id="decide_substitute",
        method="POST",
        path=_PATH + "/{substitute}/{move}",
        tag="network",
        handler=decide_substitute,
        response=SubstituteView,
        problems=("not-found", "not-ready", "substitute-refused", "timetable-conflict"),
    ),
)
