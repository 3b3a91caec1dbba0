"""/api/v1/classes, /api/v1/places/{place}/classes: the classes of schools, whatever lessons they are in.

Who makes, sees and closes them is as with places (`places_http`)."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import ClassId, PersonId
from classroom.network.model import Office, PlaceId, SchoolClass, is_place_id
from classroom.network.places import MAX_GRADE, MAX_PUPILS, BadPlace, place_name
from classroom.store import network_appointments, network_classes
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.places_http import ID_BYTES, MAKERS, SEERS, Closing, Words, reason_of
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import CHANGED, SEEN, class_reached, is_id, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body, query
from signaling.rest import json_response, read


class SchoolClassView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    school: str
    name: str
    grade: int
    """1 to 12; 0: of no grade."""
    at_home: bool
    pupils: int
    """As registered."""
    tutor: str
    """Person id; empty: none."""
    closed_ms: int | None


class SchoolClassList(msgspec.Struct, frozen=True, kw_only=True):
    classes: list[SchoolClassView]
    """By id; more with `?after=` the last one's."""


class ClassesQuery(msgspec.Struct, frozen=True, kw_only=True):
    closed: bool = False
    """These, too."""
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=network_classes.PAGE)] = network_classes.PAGE


Grade = Annotated[int, Meta(ge=0, le=MAX_GRADE)]
Pupils = Annotated[int, Meta(ge=0, le=MAX_PUPILS)]


class NewClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Words
    grade: Grade = 0
    at_home: bool = False
    pupils: Pupils = 0
    tutor: Id = ""
    """Person id of one of the school's tutors."""
    id: Id = ""
    """Empty: one is made."""


class ClassChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Words | None = None
    grade: Grade | None = None
    at_home: bool | None = None
    pupils: Pupils | None = None
    tutor: Id | None = None
    """Empty: none."""


async def list_classes(request: web.Request) -> web.Response:
    """Of a place and all within it."""
    found = await place_reached(request, request.match_info["place"], SEERS)
    asked = query(request, ClassesQuery)
    classes = await read(
        request.app[STORE].network.read(
            network_classes.listed, (found.path,), closed=asked.closed, after=asked.after, limit=asked.limit
        )
    )
    return json_response(SchoolClassList(classes=[_class_view(each) for each in classes]))


async def school_class(request: web.Request) -> web.Response:
    return json_response(_class_view(await class_reached(request, request.match_info["class"], SEERS)))


async def add_class(request: web.Request) -> web.Response:
    school = await place_reached(request, request.match_info["place"], MAKERS)
    asked, store = await body(request, NewClass), request.app[STORE]
    class_id = asked.id or f"class-{secrets.token_urlsafe(ID_BYTES)}"
    if not is_place_id(class_id):
        raise Problem("place-invalid", detail_kind="id")
    planned = SchoolClass(
        id=ClassId(class_id),
        school=school.id,
        path=school.path,
        name=_class_name(asked.name),
        grade=asked.grade,
        at_home=asked.at_home,
        pupils=asked.pupils,
        tutor=await _tutor(request, school.id, asked.tutor),
    )
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    made = await read(store.network.change(network_classes.add, planned, now_ms, by))
    if made is None:
        raise Problem("place-refused")
    return json_response(_class_view(made), status=201)


async def change_class(request: web.Request) -> web.Response:
    found = await class_reached(request, request.match_info["class"], MAKERS)
    asked, store = await body(request, ClassChange, MERGE_PATCH), request.app[STORE]
    changed = SchoolClass(
        id=found.id,
        school=found.school,
        path=found.path,
        name=found.name if asked.name is None else _class_name(asked.name),
        grade=found.grade if asked.grade is None else asked.grade,
        at_home=found.at_home if asked.at_home is None else asked.at_home,
        pupils=found.pupils if asked.pupils is None else asked.pupils,
        tutor=found.tutor if asked.tutor is None else await _tutor(request, found.school, asked.tutor),
    )
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not await read(store.network.change(network_classes.change, changed, now_ms, by)):
        raise Problem("place-closed")
    return json_response(_class_view(changed))


async def close_class(request: web.Request) -> web.Response:
    """Its pupils and tutors are of no class from then on."""
    found = await class_reached(request, request.match_info["class"], MAKERS)
    reason, store = await reason_of(request), request.app[STORE]
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not await read(store.network.change(network_classes.close, found, now_ms, by, reason)):
        raise Problem("place-closed")
    return web.Response(status=204)


def _class_name(text: str) -> str:
    try:
        return place_name(text)
    except BadPlace as error:
        raise Problem("place-invalid", detail_kind=error.fault.value) from error


async def _tutor(request: web.Request, school: PlaceId, person: str) -> PersonId | None:
    """Somebody who holds that office in the school. Problem place-invalid."""
    if not person:
        return None
    store = request.app[STORE]
    if is_id(person):
        tutor = PersonId(person)
        held = await read(store.network.read(network_appointments.of_people, (tutor,), store.clock.unix_ms()))
        if any(given.place == school and given.appointment.office is Office.TUTOR for given in held[tutor]):
            return tutor
    raise Problem("place-invalid", detail_kind="tutor")


def _class_view(found: SchoolClass) -> SchoolClassView:
    return SchoolClassView(
        id=found.id,
        school=found.school,
        name=found.name,
        grade=found.grade,
        at_home=found.at_home,
        pupils=found.pupils,
        tutor=found.tutor or "",
        closed_ms=found.closed_ms,
    )


_CLASSES: Final = "/api/v1/places/{place}/classes"
_CLASS: Final = "/api/v1/classes/{class}"

OPERATIONS: Final = (
    Operation(
        id="school_classes",
        method="GET",
        path=_CLASSES,
        tag="places",
        handler=list_classes,
        query=ClassesQuery,
        response=SchoolClassList,
        problems=SEEN,
    ),
    Operation(
        id="add_school_class",
        method="POST",
        path=_CLASSES,
        tag="places",
        handler=add_class,
        request=NewClass,
        response=SchoolClassView,
        status=201,
        problems=(*CHANGED, "place-invalid", "place-refused"),
    ),
    Operation(
        id="school_class",
        method="GET",
        path=_CLASS,
        tag="places",
        handler=school_class,
        response=SchoolClassView,
        problems=SEEN,
    ),
    Operation(
        id="change_school_class",
        method="PATCH",
        path=_CLASS,
        tag="places",
        handler=change_class,
        request=ClassChange,
        request_type=MERGE_PATCH,
        response=SchoolClassView,
        problems=(*CHANGED, "place-invalid", "place-closed"),
    ),
    Operation(
        id="close_school_class",
        method="POST",
        path=_CLASS + "/close",
        tag="places",
        handler=close_class,
        request=Closing,
        status=204,
        problems=(*CHANGED, "place-closed", "reason-needed"),
    ),
)
