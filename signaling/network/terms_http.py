"""/api/v1/terms: terms of cities and districts, what students are to reach in them, the providers' quotas."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network import terms as rules
from classroom.network.model import Office, PlaceId, PlaceKind
from classroom.network.terms import BadTerm, Quota, Target, Term
from classroom.store import network_places
from signaling.keys import STORE
from signaling.lessons_http import Title, UnixMs, new_id
from signaling.message import Id
from signaling.network.principals import PRINCIPAL
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

_ORGANIZER: Final = frozenset({Office.ORGANIZER})
_KEEPERS: Final = frozenset({Office.ORGANIZER, Office.PROVIDER})
_OF_TERMS: Final = frozenset({PlaceKind.CITY, PlaceKind.DISTRICT})
Count = Annotated[int, Meta(ge=0, le=rules.MAX_TARGET)]
Persons = Annotated[int, Meta(ge=0, le=rules.MAX_QUOTA)]


class TermPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    place: Id
    """Of a city or district."""
    name: Title
    from_ms: UnixMs
    until_ms: UnixMs
    """Unix times in ms; of a term that is there they cannot be changed."""
    quota: Persons = rules.QUOTA
    """Person-times of each provider that is given none of its own."""
    target: Count = rules.TARGET
    """Activities of each student,"""
    target_delivered: Count = rules.TARGET_DELIVERED
    """so many of them delivered to school,"""
    delivered_grade: Annotated[int, Meta(ge=0, le=12)] = rules.DELIVERED_GRADE
    """for this grade; 0: for none."""


class TermView(TermPlan, frozen=True, kw_only=True):
    id: str


class TermList(msgspec.Struct, frozen=True, kw_only=True):
    terms: list[TermView]
    """The latest first."""


class QuotaPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    allowed: Persons


class QuotaView(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    """Place id."""
    name: str
    allowed: int
    booked: int
    left: int
    """In person-times; what was given back is left again."""


class QuotaList(msgspec.Struct, frozen=True, kw_only=True):
    quotas: list[QuotaView]
    after: str
    """For the next page; empty: this was the last."""


class QuotaQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


async def list_terms(request: web.Request) -> web.Response:
    """Those that hold where the caller belongs."""
    principal = request[PRINCIPAL]
    paths = tuple({each.path for each in principal.appointments})
    found = await read(request.app[STORE].catalogue.terms(paths))
    return json_response(TermList(terms=[_view(each) for each in found]))


async def put_term(request: web.Request) -> web.Response:
    asked = await body(request, TermPlan)
    principal, store = request[PRINCIPAL], request.app[STORE]
    place = await read(store.network.read(network_places.find, PlaceId(asked.place)))
    if place is None or not principal.reaches(_ORGANIZER, place.path):
        raise Problem("not-found")
    if place.kind not in _OF_TERMS:
        raise Problem("term-invalid", detail_kind="place")
    try:
        term = Term(
            id=new_id(request.match_info["term"]),
            place=place.id,
            path=place.path,
            name=asked.name,
            from_ms=asked.from_ms,
            until_ms=asked.until_ms,
            quota=asked.quota,
            target=Target(asked.target, asked.target_delivered, asked.delivered_grade),
        ).checked()
    except BadTerm as error:
        raise Problem("term-invalid", detail_kind=str(error)) from error
    known = await read(store.catalogue.term(term.id))
    if known is not None and not principal.reaches(_ORGANIZER, known.path):
        raise Problem("not-found")
    made = await read(store.catalogue.put_term(term, store.clock.unix_ms(), principal.person))
    if made is None:
        raise Problem("term-invalid", detail_kind="fixed")
    return json_response(_view(term), status=201 if made else 200)


async def list_quotas(request: web.Request) -> web.Response:
    """Of the providers that the caller answers for."""
    asked = query(request, QuotaQuery)
    term, store = await _term(request), request.app[STORE]
    paths = request[PRINCIPAL].paths(_KEEPERS)
    found = await read(store.catalogue.quotas(term.id, paths, asked.after, asked.limit + 1))
    shown = found[: asked.limit]
    after = shown[-1][0].provider if len(found) > asked.limit else ""
    return json_response(QuotaList(quotas=[_quota(*each) for each in shown], after=after))


async def put_quota(request: web.Request) -> web.Response:
    """By an organizer of the term's place: nobody gives themselves more."""
    asked = await body(request, QuotaPlan)
    term, store, principal = await _term(request), request.app[STORE], request[PRINCIPAL]
    place_id = PlaceId(request.match_info["provider"])
    place = await read(store.network.read(network_places.find, place_id))
    reached = principal.reaches(_ORGANIZER, term.path)
    if place is None or not reached or not place.path.startswith(term.path):
        raise Problem("not-found")
    quota = Quota(term.id, place.id, asked.allowed, 0)
    now_ms = store.clock.unix_ms()
    found = await read(store.catalogue.set_quota(quota, place.path, now_ms, principal.person))
    return json_response(_quota(found, place.name))


async def _term(request: web.Request) -> Term:
    """Of the caller's own places, or of what these lie in. Problem not-found."""
    found = await read(request.app[STORE].catalogue.term(request.match_info["term"]))
    if found is not None:
        for each in request[PRINCIPAL].of(_KEEPERS):
            if each.path.startswith(found.path) or found.path.startswith(each.path):
                return found
    raise Problem("not-found")


def _quota(quota: Quota, name: str) -> QuotaView:
    return QuotaView(
        provider=quota.provider, name=name, allowed=quota.allowed, booked=quota.booked, left=quota.left
    )


def _view(term: Term) -> TermView:
    return TermView(
        id=term.id,
        place=term.place,
        name=term.name,
        from_ms=term.from_ms,
        until_ms=term.until_ms,
        quota=term.quota,
        target=term.target.activities,
        target_delivered=term.target.delivered,
        delivered_grade=term.target.delivered_grade,
    )


_TERM: Final = "/api/v1/terms/{term}"
_QUOTAS: Final = _TERM + "/quotas"
_CHANGING: Final = ("bad-request", "unsupported-media-type", "not-found", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="terms",
        method="GET",
        path="/api/v1/terms",
        tag="network",
        handler=list_terms,
        response=TermList,
        problems=("not-ready",),
    ),
    Operation(
        id="put_term",
        method="PUT",
        path=_TERM,
        tag="network",
        handler=put_term,
        request=TermPlan,
        response=TermView,
        also=(201,),
        problems=(*_CHANGING, "plan-invalid", "term-invalid"),
    ),
    Operation(
        id="quotas",
        method="GET",
        path=_QUOTAS,
        tag="network",
        handler=list_quotas,
        query=QuotaQuery,
        response=QuotaList,
        problems=("bad-request", "not-found", "not-ready"),
    ),
    Operation(
        id="put_quota",
        method="PUT",
        path=_QUOTAS + "/{provider}",
        tag="network",
        handler=put_quota,
        request=QuotaPlan,
        response=QuotaView,
        problems=_CHANGING,
    ),
)
