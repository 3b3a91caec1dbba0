"""GET /api/v1/places/{place}/audience: to whom a provider may show a course by name.

Who makes a course for named places has to find them, also those that they do not organize: the names of open
schools and districts of the provider's own city, and no more of them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.catalogue import MAX_NAMED
from classroom.network.model import ROOT, Path, Place, PlaceKind, is_place_id
from classroom.store import network_places
from signaling.keys import STORE
from signaling.network.courses_http import KEEPERS
from signaling.network.office_views import PlaceKindName
from signaling.network.places_http import Words
from signaling.network.reach import SEEN, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

PAGE: Final = 50
MAX_IDS: Final = 4_000
"""Characters of a list of ids: what an address carries."""


class AudienceQuery(msgspec.Struct, frozen=True, kw_only=True):
    words: Words = ""
    """In the name."""
    ids: Annotated[str, Meta(max_length=MAX_IDS)] = ""
    """These, with commas between them, in place of words."""


class AudiencePlace(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: PlaceKindName
    name: str


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    places: list[AudiencePlace]
    """By id; of words at most 50."""


async def audience(request: web.Request) -> web.Response:
    asked = query(request, AudienceQuery)
    place = await place_reached(request, request.match_info["place"], KEEPERS)
    network = request.app[STORE].network
    city = Path(f"{ROOT}{place.path.split('/')[1]}/")
    if asked.ids:
        ids = asked.ids.split(",")
        if len(ids) > MAX_NAMED:
            raise Problem("bad-request", reason=f"more than {MAX_NAMED} ids")
        known = await read(network.read(network_places.named, [each for each in ids if is_place_id(each)]))
        found = sorted((each for each in known.values() if each.path.startswith(city)), key=_id)
    else:
        listed = await read(network.read(network_places.listed, [city], words=asked.words))
        found = [each for each in listed if each.kind is not PlaceKind.PROVIDER][:PAGE]
    shown = [AudiencePlace(id=each.id, kind=each.kind.value, name=each.name) for each in found]
    return json_response(Audience(places=shown))


def _id(place: Place) -> str:
    return place.id


OPERATIONS: Final = (
    Operation(
        id="audience",
        method="GET",
        path="/api/v1/places/{place}/audience",
        tag="network",
        handler=audience,
        query=AudienceQuery,
        response=Audience,
        problems=SEEN,
    ),
)
