"""/api/v1/appointments: offices given, seen and revoked; supervisors' credentials are among them."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.appointing import (
    APPOINTERS,
    MAX_SUBJECT,
    BadAppointment,
    check,
    may_appoint,
    seen_offices,
)
from classroom.network.model import Appointment, Office, PlaceId
from classroom.network.scope import Principal
from classroom.store import network_appointments, network_places, people
from classroom.store.network_appointments import Given
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.office_views import OfficeName, OfficeView, office_views
from signaling.network.places_http import Closing, reason_of
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import CHANGED, SEEN, account_reached, is_id, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

ID_BYTES: Final = 9
MAX_MS: Final = 1 << 53
"""What JSON's numbers carry whole in every language."""
Milliseconds = Annotated[int, Meta(ge=0, le=MAX_MS)]


class AppointmentView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    office: OfficeView
    made_ms: int
    made_by: str
    revoked_ms: int | None
    revoked_by: str


class AppointmentList(msgspec.Struct, frozen=True, kw_only=True):
    appointments: list[AppointmentView]
    """By id; more with `?after=` the last one's."""


class AppointmentsQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """In this place and all within it; empty: in all that the caller reaches."""
    office: OfficeName | None = None
    person: Id = ""
    class_id: Id = ""
    over: bool = False
    """Those that were revoked or have ended, too."""
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=network_appointments.PAGE)] = network_appointments.PAGE


class NewAppointment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: Id
    office: OfficeName
    place: Id
    class_id: Id = ""
    """Of a student; of a tutor: of this class alone."""
    course: Id = ""
    """Of a supervisor: for this one alone."""
    subject: Annotated[str, Meta(max_length=4 * MAX_SUBJECT)] = ""
    """Of a researcher."""
    about: Id = ""
    """Of a parent: the child's person id."""
    from_ms: Milliseconds | None = None
    """null: from now on."""
    until_ms: Milliseconds | None = None
    """Unix times in ms; null: until it is revoked, which a supervisor's credential cannot be without."""


async def list_appointments(request: web.Request) -> web.Response:
    asked, store = query(request, AppointmentsQuery), request.app[STORE]
    if asked.place:
        place = await place_reached(request, asked.place, APPOINTERS)
        seen = {place.path: seen_offices(request[PRINCIPAL], place.path)}
    else:
        paths = request[PRINCIPAL].paths(APPOINTERS)
        seen = {path: seen_offices(request[PRINCIPAL], path) for path in paths}
    now_ms = store.clock.unix_ms()
    found = await read(
        store.network.read(
            network_appointments.listed,
            seen,
            office=Office(asked.office) if asked.office else None,
            person=asked.person,
            class_id=asked.class_id,
            over=asked.over,
            now_ms=now_ms,
            after=asked.after,
            limit=asked.limit,
        )
    )
    views = await read(store.network.read(_views, found))
    return json_response(AppointmentList(appointments=views))


async def appoint(request: web.Request) -> web.Response:
    asked, store, principal = await body(request, NewAppointment), request.app[STORE], request[PRINCIPAL]
    office = Office(asked.office)
    place = await place_reached(request, asked.place, APPOINTERS)
    if not may_appoint(principal, office, place):
        raise Problem("appointment-not-yours")
    person = await account_reached(request, asked.person, APPOINTERS)
    if asked.about:
        await account_reached(request, asked.about, APPOINTERS)
    now_ms = store.clock.unix_ms()
    planned = Appointment(
        id=secrets.token_urlsafe(ID_BYTES),
        person=person.person,
        office=office,
        path=place.path,
        from_ms=now_ms if asked.from_ms is None else asked.from_ms,
        until_ms=asked.until_ms,
        class_id=asked.class_id,
        course=asked.course,
        subject=asked.subject.strip(),
        about=asked.about,
    )
    if not all(not each or is_id(each) for each in (asked.class_id, asked.course, planned.subject)):
        raise Problem("appointment-refused")
    try:
        check(planned, place.kind)
    except BadAppointment as error:
        raise Problem("appointment-invalid", detail_kind=error.fault.value) from error
    given = await read(
        store.network.change(network_appointments.appoint, planned, place.id, now_ms, principal.person)
    )
    if given is None:
        raise Problem("appointment-refused")
    (view,) = await read(store.network.read(_views, (given,)))
    return json_response(view, status=201)


async def revoke_appointment(request: web.Request) -> web.Response:
    """Out at their next request. Asked again, it is done already."""
    store, principal, asked = request.app[STORE], request[PRINCIPAL], request.match_info["appointment"]
    found = await read(store.network.read(_found, asked, principal)) if is_id(asked) else None
    if found is None:
        raise Problem("not-found")
    reason = await reason_of(request)
    if found.appointment.person == principal.person and found.appointment.office is Office.ORGANIZER:
        raise Problem("account-own")
    now_ms = store.clock.unix_ms()
    await read(store.network.change(network_appointments.revoke, found, now_ms, principal.person, reason))
    return web.Response(status=204)


async def _found(connection: AsyncConnection, appointment: str, principal: Principal) -> Given | None:
    """One that the caller may revoke."""
    found = await network_appointments.find(connection, appointment)
    if found is None:
        return None
    place = await network_places.find(connection, PlaceId(found.place))
    if place is None or not may_appoint(principal, found.appointment.office, place):
        return None
    return found


async def _views(connection: AsyncConnection, found: tuple[Given, ...]) -> list[AppointmentView]:
    offices = await office_views(connection, [given.appointment for given in found])
    names = await people.names(connection, {PersonId(given.appointment.person) for given in found})
    return [
        AppointmentView(
            person=given.appointment.person,
            name=names.get(given.appointment.person, ""),
            office=office,
            made_ms=given.made_ms,
            made_by=given.made_by,
            revoked_ms=given.revoked_ms,
            revoked_by=given.revoked_by,
        )
        for given, office in zip(found, offices, strict=True)
    ]


_PATH: Final = "/api/v1/appointments"

OPERATIONS: Final = (
    Operation(
        id="appointments",
        method="GET",
        path=_PATH,
        tag="accounts",
        handler=list_appointments,
        query=AppointmentsQuery,
        response=AppointmentList,
        problems=SEEN,
    ),
    Operation(
        id="appoint",
        method="POST",
        path=_PATH,
        tag="accounts",
        handler=appoint,
        request=NewAppointment,
        response=AppointmentView,
        status=201,
        problems=(*CHANGED, "appointment-not-yours", "appointment-invalid", "appointment-refused"),
    ),
    Operation(
        id="revoke_appointment",
        method="POST",
        path=_PATH + "/{appointment}/revoke",
        tag="accounts",
        handler=revoke_appointment,
        request=Closing,
        status=204,
        problems=(*CHANGED, "reason-needed", "account-own"),
    ),
)
