"""/api/v1/places: city, districts, schools and providers.

An organizer makes and changes what is within their place; heads of providers, supervisors and researchers see
it. Closing is on record, with its reason, and nothing is deleted: lessons and recordings go on naming what
was.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.model import ROOT, Office, Place, PlaceId, PlaceKind, is_place_id
from classroom.network.places import (
    MAX_REASON,
    BadPlace,
    place_name,
    reason_text,
    time_zone,
)
from classroom.store import network_places
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.office_views import PlaceKindName
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import CHANGED, SEEN, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body, query
from signaling.rest import json_response, read

SEERS: Final = frozenset({Office.ORGANIZER, Office.PROVIDER, Office.SUPERVISOR, Office.RESEARCHER})
"""Who see places and classes within theirs."""
MAKERS: Final = frozenset({Office.ORGANIZER})
ID_BYTES: Final = 9

Words = Annotated[str, Meta(max_length=200)]
"""Longer than any that is let in: what is too long is told in words."""
Reason = Annotated[str, Meta(max_length=4 * MAX_REASON)]


class NetworkPlace(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: PlaceKindName
    name: str
    parent: str
    """Empty: of a city."""
    above: list[str]
    """Ids of the places in which it stands, the city first."""
    timezone: str
    """Of the tz database: when its days begin, and how its times are printed."""
    closed_ms: int | None


class PlaceList(msgspec.Struct, frozen=True, kw_only=True):
    places: list[NetworkPlace]
    """By id; more with `?after=` the last one's."""


class PlacesQuery(msgspec.Struct, frozen=True, kw_only=True):
    parent: Id = ""
    """Directly in this one."""
    words: Words = ""
    """In the name."""
    closed: bool = False
    """These, too."""
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=network_places.PAGE)] = network_places.PAGE


class NewPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: PlaceKindName
    name: Words
    parent: Id = ""
    """Empty: of a city."""
    id: Id = ""
    """As other systems name it (letters, digits and the signs . _ -); empty: one is made."""
    timezone: Id = "Asia/Shanghai"


class PlaceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Words | None = None
    timezone: Id | None = None


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason
    """For the record."""


async def list_places(request: web.Request) -> web.Response:
    asked, principal = query(request, PlacesQuery), request[PRINCIPAL]
    found = await read(
        request.app[STORE].network.read(
            network_places.listed,
            principal.paths(SEERS),
            parent=PlaceId(asked.parent) if asked.parent else None,
            words=asked.words,
            closed=asked.closed,
            after=asked.after,
            limit=asked.limit,
        )
    )
    return json_response(PlaceList(places=[_view(place) for place in found]))


async def place(request: web.Request) -> web.Response:
    return json_response(_view(await place_reached(request, request.match_info["place"], SEERS)))


async def add_place(request: web.Request) -> web.Response:
    asked, principal, store = await body(request, NewPlace), request[PRINCIPAL], request.app[STORE]
    if asked.parent:
        await place_reached(request, asked.parent, MAKERS)
    elif not principal.reaches(MAKERS, ROOT):
        raise Problem("not-found")
    place_id = asked.id or f"{asked.kind}-{secrets.token_urlsafe(ID_BYTES)}"
    if not is_place_id(place_id):
        raise Problem("place-invalid", detail_kind="id")
    try:
        planned = Place(
            PlaceId(place_id),
            PlaceKind(asked.kind),
            place_name(asked.name),
            ROOT,
            PlaceId(asked.parent) if asked.parent else None,
            time_zone(asked.timezone),
        )
    except BadPlace as error:
        raise Problem("place-invalid", detail_kind=error.fault.value) from error
    made = await read(
        store.network.change(network_places.add, planned, store.clock.unix_ms(), principal.person)
    )
    if made is None:
        raise Problem("place-refused")
    return json_response(_view(made), status=201)


async def change_place(request: web.Request) -> web.Response:
    found = await place_reached(request, request.match_info["place"], MAKERS)
    asked, store = await body(request, PlaceChange, MERGE_PATCH), request.app[STORE]
    try:
        name = found.name if asked.name is None else place_name(asked.name)
        zone = found.timezone if asked.timezone is None else time_zone(asked.timezone)
    except BadPlace as error:
        raise Problem("place-invalid", detail_kind=error.fault.value) from error
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    changed = await read(
        store.network.change(network_places.change, found.id, now_ms, by, name=name, timezone=zone)
    )
    if changed is None:
        raise Problem("place-closed")
    return json_response(_view(changed))


async def close_place(request: web.Request) -> web.Response:
    """With its classes, and the offices that are held in it; those who belong to it keep their accounts."""
    found = await place_reached(request, request.match_info["place"], MAKERS)
    reason, store = await reason_of(request), request.app[STORE]
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not await read(store.network.change(network_places.close, found, now_ms, by, reason)):
        raise Problem("place-in-use" if found.closed_ms is None else "place-closed")
    return web.Response(status=204)


async def reason_of(request: web.Request) -> str:
    """Problem reason-needed."""
    try:
        return reason_text((await body(request, Closing)).reason)
    except BadPlace as error:
        raise Problem("reason-needed", limit=MAX_REASON) from error


def _view(found: Place) -> NetworkPlace:
    return NetworkPlace(
        id=found.id,
        kind=found.kind.value,
        name=found.name,
        parent=found.parent or "",
        above=list(found.above),
        timezone=found.timezone,
        closed_ms=found.closed_ms,
    )


_PLACES: Final = "/api/v1/places"
_PLACE: Final = _PLACES + "/{place}"

OPERATIONS: Final = (
    Operation(
        id="places",
        method="GET",
        path=_PLACES,
        tag="places",
        handler=list_places,
        query=PlacesQuery,
        response=PlaceList,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="add_place",
        method="POST",
        path=_PLACES,
        tag="places",
        handler=add_place,
        request=NewPlace,
        response=NetworkPlace,
        status=201,
        problems=(*CHANGED, "place-invalid", "place-refused"),
    ),
    Operation(
        id="place",
        method="GET",
        path=_PLACE,
        tag="places",
        handler=place,
        response=NetworkPlace,
        problems=SEEN,
    ),
    Operation(
        id="change_place",
        method="PATCH",
        path=_PLACE,
        tag="places",
        handler=change_place,
        request=PlaceChange,
        request_type=MERGE_PATCH,
        response=NetworkPlace,
        problems=(*CHANGED, "place-invalid", "place-closed"),
    ),
    Operation(
        id="close_place",
        method="POST",
        path=_PLACE + "/close",
        tag="places",
        handler=close_place,
        request=Closing,
        status=204,
        problems=(*CHANGED, "place-in-use", "place-closed", "reason-needed"),
    ),
)
