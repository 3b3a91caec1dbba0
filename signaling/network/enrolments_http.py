"""Enrolling: a class as a whole with its tutor, a person alone; withdrawing; who is enrolled.

Who may speak for whom: for a class its tutors and the organizers of its school; for a person they themselves,
their parent, and the organizers of their school. Of a class or a person that they do not speak for they hear
what they would hear if there were none."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, LessonId, PersonId
from classroom.network.enrolment import (
    MAX_PLACES,
    Application,
    Enrolment,
    EnrolmentRefused,
    EnrolmentState,
    PartyKind,
    Refusal,
    Withdrawal,
)
from classroom.network.model import ROOT, Appointment, Office, Path, PlaceId, SchoolClass
from classroom.store import enrolments, network_appointments, network_classes, network_places, people
from classroom.store.enrolment_desk import Request
from signaling.keys import STORE
from signaling.lessons_http import UnixMs
from signaling.message import Id
from signaling.network.attempts import Attempts
from signaling.network.catalogue_http import KEPT_TO, LESSON, seen_lesson
from signaling.network.enrolment_problems import conflict_problem
from signaling.network.own_classes import own_class, tutors
from signaling.network.principals import PRINCIPAL
from signaling.network.sign_in import take
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

PAGE: Final = 200
_ALONE: Final = (Office.STUDENT, Office.TUTOR, Office.MASTER, Office.PROVIDER, Office.ORGANIZER)
"""As what somebody takes part alone: a pupil; else a teacher, in a training of teachers."""


@dataclass(frozen=True)
class EnrolmentDoor:
    by_person: Attempts = field(default_factory=lambda: Attempts(burst=60, per_second=1.0))
    """Enrolling and withdrawing: an organizer's afternoon with all classes of a school, no program's."""


ENROLMENTS: Final[web.AppKey[EnrolmentDoor]] = web.AppKey("enrolments", EnrolmentDoor)


class ClassEnrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    places: Annotated[int, Meta(ge=0, le=MAX_PLACES)] = 0
    """0: as many as the class has pupils."""
    tutor: Id = ""
    """Person id; empty: the class's own, else who asks."""
    waits: bool = True
    """Where there is no place, onto the waiting list."""
    instead_of: Id = ""
    """A lesson whose places are given up for these, both or neither: who gets none at once keeps them."""


class PersonEnrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waits: bool = True
    instead_of: Id = ""
    """As of a class."""


class EnrolmentView(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    kind: Literal["class", "person"]
    party: str
    """Class id, or person id."""
    name: str
    """Of the class or the person."""
    school: str
    """Its name."""
    class_id: str
    """In the lesson: of a person the class at home, empty while they wait."""
    tutor: str
    """Person id."""
    places: int
    state: Literal["enrolled", "waiting", "withdrawn", "lapsed"]
    waits_for: Literal["", "place", "home", "quota"]
    ahead: int
    """Of who waits: how many wait before them."""
    starts_ms: int
    ends_ms: int
    made_ms: int
    """Unix times in ms."""


class EnrolmentList(msgspec.Struct, frozen=True, kw_only=True):
    enrolments: list[EnrolmentView]
    """In the order in which they came."""
    after: int
    """For the next page; 0: this was the last."""


class EnrolmentsQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: UnixMs = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = 100


async def enrol_class(request: web.Request) -> web.Response:
    asked = await body(request, ClassEnrolment)
    found = await own_class(request)
    _take(request)
    principal = request[PRINCIPAL]
    own = principal.person if tutors(principal, found) else PersonId("")
    tutor = PersonId(asked.tutor) or found.tutor or own
    if not tutor or (tutor != own and not await _is_tutor(request, tutor, found)):
        raise Problem("enrolment-invalid", detail_kind="tutor")
    places = asked.places or found.pupils
    if not 1 <= places <= MAX_PLACES:
        raise Problem("enrolment-invalid", detail_kind="places")
    return await _enrol(
        request,
        Application(
            lesson=LessonId(request.match_info["lesson"]),
            kind=PartyKind.CLASS,
            party=found.id,
            path=found.path,
            places=places,
            by=principal.person,
            tutor=tutor,
            waits=asked.waits,
            instead_of=LessonId(asked.instead_of) if asked.instead_of else None,
        ),
    )


async def withdraw_class(request: web.Request) -> web.Response:
    found = await own_class(request)
    return await _withdraw(request, found.id)


async def enrol_person(request: web.Request) -> web.Response:
    asked = await body(request, PersonEnrolment)
    held = await _own_person(request)
    _take(request)
    return await _enrol(
        request,
        Application(
            lesson=LessonId(request.match_info["lesson"]),
            kind=PartyKind.PERSON,
            party=held.person,
            path=held.path,
            places=1,
            by=request[PRINCIPAL].person,
            class_id=held.class_id if held.office is Office.STUDENT else "",
            waits=asked.waits,
            instead_of=LessonId(asked.instead_of) if asked.instead_of else None,
        ),
    )


async def withdraw_person(request: web.Request) -> web.Response:
    held = await _own_person(request)
    return await _withdraw(request, held.person)


async def list_enrolments(request: web.Request) -> web.Response:
    """All of the lesson for who answers for it; else those of one's own schools."""
    asked = query(request, EnrolmentsQuery)
    listed = await seen_lesson(request)
    principal, store = request[PRINCIPAL], request.app[STORE]
    all_of_it = principal.reaches(KEPT_TO, listed.offer.path)
    paths = (ROOT,) if all_of_it else principal.paths({Office.ORGANIZER})
    found = await read(
        store.catalogue.enrolments_of(listed.offer.lesson, paths, asked.after, asked.limit + 1)
    )
    shown = found[: asked.limit]
    views = await read(store.network.read(_views, shown))
    after = shown[-1].number if len(found) > asked.limit else 0
    return json_response(EnrolmentList(enrolments=views, after=after))


async def _is_tutor(request: web.Request, tutor: PersonId, found: SchoolClass) -> bool:
    """Somebody who may stand beside the class: any tutor of its school."""
    store = request.app[STORE]
    held = await read(store.network.look(network_appointments.held, tutor, store.clock.unix_ms()))
    return any(each.office is Office.TUTOR and each.path == found.path for each in held)


async def _own_person(request: web.Request) -> Appointment:
    """As what the person of the path takes part, if the caller speaks for them. Problem not-found."""
    person, principal, store = PersonId(request.match_info["person"]), request[PRINCIPAL], request.app[STORE]
    held = await read(store.network.look(network_appointments.held, person, store.clock.unix_ms()))
    mine = person == principal.person or any(each.about == person for each in principal.of({Office.PARENT}))
    for office in _ALONE:
        for each in held:
            if each.office is office and (mine or principal.reaches({Office.ORGANIZER}, each.path)):
                return each
    raise Problem("not-found")


def _take(request: web.Request) -> None:
    """Problem too-many-requests."""
    take(request.app[ENROLMENTS].by_person, request[PRINCIPAL].person, time.monotonic())


async def _enrol(request: web.Request, asked: Application) -> web.Response:
    now_ms = request.app[STORE].clock.unix_ms()
    made = await _ask(request, asked, now_ms)
    new = made.made_ms == now_ms and not made.number
    return json_response(await _view(request, made), status=201 if new else 200)


async def _withdraw(request: web.Request, party: str) -> web.Response:
    _take(request)
    lesson = LessonId(request.match_info["lesson"])
    asked = Withdrawal(lesson, party, request[PRINCIPAL].person)
    await _ask(request, asked, request.app[STORE].clock.unix_ms())
    return web.Response(status=204)


async def _ask(request: web.Request, asked: Request, now_ms: int) -> Enrolment:
    catalogue = request.app[STORE].catalogue
    try:
        return await read(catalogue.ask(asked, now_ms))
    except EnrolmentRefused as refused:
        if refused.refusal is Refusal.UNKNOWN:
            raise Problem("not-found") from refused
        if refused.conflict is None:
            kept = isinstance(asked, Application) and asked.instead_of and refused.refusal is Refusal.FULL
            raise Problem(refused.refusal.value, detail_kind="kept" if kept else "") from refused
        other = await read(catalogue.offer(refused.conflict.lesson))
        zone = await _timezone(request, asked.path) if isinstance(asked, Application) else ""
        raise conflict_problem(refused.conflict.who.value, other, zone) from refused


async def _timezone(request: web.Request, path: Path) -> str:
    place = PlaceId(path.split("/")[-2])
    found = await read(request.app[STORE].network.read(network_places.find, place))
    return found.timezone if found else "UTC"


async def _view(request: web.Request, each: Enrolment) -> EnrolmentView:
    return _shown(each, await read(request.app[STORE].network.look(enrolments.told, each)))


async def _views(connection: AsyncConnection, found: tuple[Enrolment, ...]) -> list[EnrolmentView]:
    """In their order, so that who waits before whom can be counted."""
    classes = await network_classes.named(
        connection, {each.party for each in found if each.kind is PartyKind.CLASS}
    )
    persons = {PersonId(each.party) for each in found if each.kind is PartyKind.PERSON}
    names = await people.names(connection, persons)
    places = await network_places.named(connection, {each.path.split("/")[-2] for each in found})
    views, waiting = [], 0
    for each in found:
        in_class = classes.get(ClassId(each.party))
        place = places.get(PlaceId(each.path.split("/")[-2]))
        waits = each.state is EnrolmentState.WAITING
        told = enrolments.Told(
            in_class.name if in_class else names.get(PersonId(each.party), ""),
            place.name if place else "",
            waiting if waits else 0,
        )
        views.append(_shown(each, told))
        waiting += waits
    return views


def _shown(each: Enrolment, told: enrolments.Told) -> EnrolmentView:
    return EnrolmentView(
        lesson=each.lesson,
        kind=each.kind.value,
        party=each.party,
        name=told.name,
        school=told.school,
        class_id=each.class_id,
        tutor=each.tutor,
        places=each.places,
        state=each.state.value,
        waits_for=each.waits_for.value,
        ahead=told.ahead,
        starts_ms=each.starts_ms,
        ends_ms=each.ends_ms,
        made_ms=each.made_ms,
    )


_CLASS: Final = LESSON + "/classes/{class}"
_PERSON: Final = LESSON + "/people/{person}"
_ENROLLING: Final = (
    *("bad-request", "unsupported-media-type", "not-found", "not-ready", "too-many-requests"),
    *("enrolment-invalid", "offer-cancelled", "enrolment-closed", "timetable-conflict", "offer-full"),
    "not-enrolled",
)
_WITHDRAWING: Final = ("not-found", "not-ready", "not-enrolled", "enrolment-closed", "too-many-requests")

OPERATIONS: Final = (
    Operation(
        id="enrol_class",
        method="PUT",
        path=_CLASS,
        tag="network",
        handler=enrol_class,
        request=ClassEnrolment,
        response=EnrolmentView,
        also=(201,),
        problems=_ENROLLING,
    ),
    Operation(
        id="withdraw_class",
        method="DELETE",
        path=_CLASS,
        tag="network",
        handler=withdraw_class,
        status=204,
        problems=_WITHDRAWING,
    ),
    Operation(
        id="enrol_person",
        method="PUT",
        path=_PERSON,
        tag="network",
        handler=enrol_person,
        request=PersonEnrolment,
        response=EnrolmentView,
        also=(201,),
        problems=(*_ENROLLING, "no-home-class"),
    ),
    Operation(
        id="withdraw_person",
        method="DELETE",
        path=_PERSON,
        tag="network",
        handler=withdraw_person,
        status=204,
        problems=_WITHDRAWING,
    ),
    Operation(
        id="enrolments",
        method="GET",
        path=LESSON + "/enrolments",
        tag="network",
        handler=list_enrolments,
        query=EnrolmentsQuery,
        response=EnrolmentList,
        problems=("bad-request", "not-found", "not-ready"),
    ),
)
