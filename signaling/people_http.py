"""/api/v1/people: whom the server knows by name, for organizers.

Who comes into a lesson says their name by their token; a school's platform may also tell names ahead, so that
a list of absent tutors names them. Nothing but the name is kept.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import PersonId
from classroom.rules.words import person_name
from classroom.store.people import KnownPerson
from signaling.keys import STORE
from signaling.message import Id, Name
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

PAGE: Final = 500
"""People in one answer: some 60 KB."""
MAX_ID: Final = 64


class PersonPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[Name, Meta(min_length=1)]


class KnownPersonView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    seen_ms: int
    """When they last came into a lesson, Unix time in ms; 0: never."""


class KnownPeople(msgspec.Struct, frozen=True, kw_only=True):
    people: list[KnownPersonView]
    """By id; more with `?after=` the last one's."""


class PeopleQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE


async def known_people(request: web.Request) -> web.Response:
    asked = query(request, PeopleQuery)
    found = await read(request.app[STORE].known_people(asked.after, asked.limit))
    return json_response(KnownPeople(people=[_view(person) for person in found]))


async def known_person(request: web.Request) -> web.Response:
    return json_response(_view(await _found(request)))


async def put_person(request: web.Request) -> web.Response:
    """Says what somebody is called."""
    name = person_name((await body(request, PersonPlan)).name)
    person = request.match_info["person"]
    if not name or len(person) > MAX_ID or not person.isprintable():
        raise Problem("person-invalid")
    made = await read(request.app[STORE].name_person(PersonId(person), name))
    return json_response(_view(await _found(request)), status=201 if made else 200)


async def _found(request: web.Request) -> KnownPerson:
    found = await read(request.app[STORE].known_person(PersonId(request.match_info["person"])))
    if found is None:
        raise Problem("not-found")
    return found


def _view(found: KnownPerson) -> KnownPersonView:
    return KnownPersonView(id=found.id, name=found.name, seen_ms=found.seen_ms)


_PATH: Final = "/api/v1/people"
_ONE: Final = _PATH + "/{person}"

OPERATIONS: Final = (
    Operation(
        id="known_people",
        method="GET",
        path=_PATH,
        tag="people",
        handler=known_people,
        query=PeopleQuery,
        response=KnownPeople,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="known_person",
        method="GET",
        path=_ONE,
        tag="people",
        handler=known_person,
        response=KnownPersonView,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="put_person",
        method="PUT",
        path=_ONE,
        tag="people",
        handler=put_person,
        request=PersonPlan,
        response=KnownPersonView,
        also=(201,),
        problems=("bad-request", "unsupported-media-type", "person-invalid", "not-ready", "not-found"),
    ),
)
