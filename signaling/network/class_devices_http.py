"""/api/v1/classes/{class}/devices: room devices of the classes of schools. Paired by who speaks for one,
a device comes into every lesson in which the class is enrolled, from its timetable, until it is revoked.

What the device itself does (showing the code, asking what is on) is `signaling.devices_http`."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import LessonId, PersonId
from classroom.network.model import Office
from classroom.rules.words import person_name
from classroom.store import devices
from classroom.store.devices import Device
from signaling.devices_http import PAGE, DeviceList, DeviceView, PairRequest, device_view, new_secret, put_out
from signaling.keys import PAIRINGS, STORE
from signaling.message import Id
from signaling.network.own_classes import own_class
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import CHANGED, SEEN, is_id, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

log = logging.getLogger(__name__)

KEEPERS: Final = frozenset({Office.ORGANIZER})
ID_BYTES: Final = 9


class ClassDevicesQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE


async def pair_class_device(request: web.Request) -> web.Response:
    """By a tutor of the class or an organizer, who sees the device's screen."""
    room, principal, store = await own_class(request), request[PRINCIPAL], request.app[STORE]
    asked = await body(request, PairRequest)
    waiting = request.app[PAIRINGS].waiting(asked.code, principal.person, time.monotonic())
    secret, secret_hash = new_secret()
    device = Device(
        id=PersonId(f"room-{secrets.token_urlsafe(ID_BYTES)}"),
        name=person_name(asked.name) or room.name,
        school="",
        class_id=room.id,
        secret_hash=secret_hash,
        paired_ms=store.clock.unix_ms(),
        paired_by=principal.person,
        lesson_id=LessonId(""),
    )
    # First to the device, that no second one can be made of this code while the database is asked.
    request.app[PAIRINGS].pair(waiting, f"{device.id}.{secret}")
    await read(store.network.change(devices.add_to_class, device, room.path))
    log.info("- device %s paired by %s for class %s", device.id, principal.person, room.id)
    return json_response(device_view(device), status=201)


async def class_devices(request: web.Request) -> web.Response:
    """Of the classes of a place and all within it; those that were revoked too."""
    place = await place_reached(request, request.match_info["place"], KEEPERS)
    asked = query(request, ClassDevicesQuery)
    found = await read(
        request.app[STORE].network.read(devices.listed_within, place.path, asked.after, asked.limit)
    )
    return json_response(DeviceList(devices=[device_view(device) for device in found]))


async def revoke_class_device(request: web.Request) -> web.Response:
    """It is out at once, and not let in any more. Asked again, it is done already."""
    place = await place_reached(request, request.match_info["place"], KEEPERS)
    asked, store = request.match_info["device"], request.app[STORE]
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not is_id(asked) or not await read(
        store.network.change(devices.revoke_within, asked, place.path, by, now_ms)
    ):
        raise Problem("not-found")
    put_out(request.app, PersonId(asked), by)
    return web.Response(status=204)


OPERATIONS: Final = (
    Operation(
        id="pair_class_device",
        method="POST",
        path="/api/v1/classes/{class}/devices",
        tag="devices",
        handler=pair_class_device,
        request=PairRequest,
        response=DeviceView,
        status=201,
        problems=(*CHANGED, "pairing-code-unknown", "too-many-requests"),
    ),
    Operation(
        id="class_devices",
        method="GET",
        path="/api/v1/places/{place}/devices",
        tag="devices",
        handler=class_devices,
        query=ClassDevicesQuery,
        response=DeviceList,
        problems=SEEN,
    ),
    Operation(
        id="revoke_class_device",
        method="DELETE",
        path="/api/v1/places/{place}/devices/{device}",
        tag="devices",
        handler=revoke_class_device,
        status=204,
        problems=(*SEEN, "foreign-page"),
    ),
)
