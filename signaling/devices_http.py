"""/api/v1/devices: room devices, paired once by a code on their screen, then let in by themselves.

A device's credential is `ID.SECRET`, good until an organizer revokes it; the database has only the secret's
hash. With it a device asks what to do (`device_now`): which lesson of its class is on, with a token to enter
it, or when the next one begins. A class of the same id and school is the same class in all its lessons.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.events import LeaveCause
from classroom.model import ClassId, ClassRoom, Lesson, PersonId
from classroom.rooms import lesson_next, lesson_now
from classroom.rules.words import person_name
from classroom.store.devices import ClassLesson, Device
from signaling.access import CLAIMS
from signaling.auth import Claims, bearer
from signaling.keys import PAIRINGS, SESSIONS, STORE, TOKENS
from signaling.message import Id, Name
from signaling.messages import Bye
from signaling.openapi import Operation
from signaling.pairing import DIGITS, SECRET_BYTES
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, lesson_of, read

log = logging.getLogger(__name__)

ID_BYTES: Final = 9
PAGE: Final = 500
"""Devices in one answer: some 100 KB."""
ENTRY_S: Final = 12 * 3600
"""Of the token for one lesson: a day of school. Who was revoked is kept out by name meanwhile."""


class PairingBegun(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    """Six digits, to show."""
    secret: str
    """To ask with; nobody else is to see it."""
    valid_s: int
    """For how long the code is good."""


class PairingState(msgspec.Struct, frozen=True, kw_only=True):
    credential: str
    """Empty: nobody has typed the code in yet. Given out once."""


class PairRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(pattern=rf"^[0-9]{{{DIGITS}}}$")]
    """As the device shows it."""
    name: Name = ""
    """Of the device, as rosters show it; empty: the class's."""


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    """Also its person id in lessons."""
    name: str
    school: str
    class_id: str
    paired_ms: int
    """Unix time in ms."""
    paired_by: str
    lesson: str
    """In which it was paired; empty: in none, but for a class of a school."""
    revoked_ms: int | None
    """null: it is let in."""
    revoked_by: str


class DeviceList(msgspec.Struct, frozen=True, kw_only=True):
    devices: list[DeviceView]
    """By id; more with `?after=` the last one's."""


class DevicesQuery(msgspec.Struct, frozen=True, kw_only=True):
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE)] = PAGE


class DeviceLesson(msgspec.Struct, frozen=True, kw_only=True):
    lesson: str
    title: str
    starts_ms: int
    """When it is planned to begin, Unix time in ms; 0: not planned."""
    token: str = ""
    """To enter it; empty while its doors are closed."""


class DeviceOrders(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    now: DeviceLesson | None
    """The lesson to be in."""
    next: DeviceLesson | None
    """null: none is planned."""


async def begin_pairing(request: web.Request) -> web.Response:
    pairing = request.app[PAIRINGS].begin(request.remote or "", time.monotonic())
    answer = PairingBegun(
        code=pairing.code, secret=pairing.secret, valid_s=int(pairing.until - time.monotonic())
    )
    return json_response(answer, status=201)


async def pairing(request: web.Request) -> web.Response:
    """Asked by the device, with the secret of its pairing."""
    secret = bearer(request)
    if not secret:
        raise Problem("token-missing")
    found = request.app[PAIRINGS].asked(secret, time.monotonic())
    return json_response(PairingState(credential=found.credential))


async def pair_device(request: web.Request) -> web.Response:
    """By the class's tutor, or an organizer, who sees the device's screen."""
    asked = await body(request, PairRequest)
    claims = request[CLAIMS]
    lesson = await lesson_of(request, request.match_info["lesson"])
    room = lesson.class_room(ClassId(request.match_info["class"]))
    if room is None:
        raise Problem("unknown-class")
    if claims.role == "tutor" and claims.class_id != room.id and room.tutor != claims.person:
        raise Problem("not-your-class")
    waiting = request.app[PAIRINGS].waiting(asked.code, claims.person, time.monotonic())
    secret, secret_hash = new_secret()
    device = _new_device(lesson, room, claims, asked.name, secret_hash)
    # First to the device, that no second one can be made of this code while the database is asked.
    request.app[PAIRINGS].pair(waiting, f"{device.id}.{secret}")
    await read(request.app[STORE].add_device(device))
    log.info("- device %s paired by %s for class %s", device.id, claims.person, room.id)
    return json_response(device_view(device), status=201)


async def devices(request: web.Request) -> web.Response:
    """Those that were revoked too."""
    asked = query(request, DevicesQuery)
    found = await read(request.app[STORE].devices(asked.after, asked.limit))
    return json_response(DeviceList(devices=[device_view(device) for device in found]))


async def revoke_device(request: web.Request) -> web.Response:
    """It is out at once, and not let in any more. Asked again, it is done already."""
    device = PersonId(request.match_info["device"])
    if await read(request.app[STORE].device(device)) is None:
        raise Problem("not-found")
    by = PersonId(request[CLAIMS].person)
    await read(request.app[STORE].revoke_device(device, by, _now_ms()))
    put_out(request.app, device, by)
    return web.Response(status=204)


def put_out(app: web.Application, device: PersonId, by: str) -> None:
    """A device that was revoked: out of its lesson, and no token that it still has counts any more."""
    app[TOKENS].revoked.add(device)
    log.info("- device %s revoked by %s", device, by)
    for session in app[SESSIONS]:
        if session.claims.person == device:
            session.end(Bye(reason="removed"), LeaveCause.REMOVED)


async def device_now(request: web.Request) -> web.Response:
    """What the device whose credential this is has to do."""
    device = await _known(request)
    found = await read(request.app[STORE].lessons_of_device(device))
    here, coming = lesson_now(found, _now_ms()), lesson_next(found, _now_ms())
    token = "" if here is None else _entry_token(request, device, here)
    return json_response(
        DeviceOrders(name=device.name, now=_lesson(here, token), next=_lesson(coming)),
    )


def new_secret() -> tuple[str, str]:
    """Of a device's credential, with what the database knows of it."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return secret, _hash(secret)


def _new_device(lesson: Lesson, room: ClassRoom, claims: Claims, name: str, secret_hash: str) -> Device:
    return Device(
        id=PersonId(f"room-{secrets.token_urlsafe(ID_BYTES)}"),
        name=person_name(name) or room.name,
        school=room.school,
        class_id=room.id,
        secret_hash=secret_hash,
        paired_ms=_now_ms(),
        paired_by=PersonId(claims.person),
        lesson_id=lesson.id,
    )


async def _known(request: web.Request) -> Device:
    """Problem: token-missing, device-unknown."""
    credential = bearer(request)
    if not credential:
        raise Problem("token-missing")
    identity, _, secret = credential.partition(".")
    device = await read(request.app[STORE].device(PersonId(identity)))
    if device is None or device.revoked_ms is not None:
        raise Problem("device-unknown")
    if not hmac.compare_digest(device.secret_hash, _hash(secret)):
        raise Problem("device-unknown")
    return device


def _entry_token(request: web.Request, device: Device, lesson: ClassLesson) -> str:
    return request.app[TOKENS].issue(
        person=device.id,
        role="room",
        lesson=lesson.id,
        class_id=device.class_id,
        name=device.name,
        now=time.time(),
        ttl_s=ENTRY_S,
    )


def _lesson(found: ClassLesson | None, token: str = "") -> DeviceLesson | None:
    if found is None:
        return None
    return DeviceLesson(lesson=found.id, title=found.title, starts_ms=found.starts_ms, token=token)


def device_view(device: Device) -> DeviceView:
    return DeviceView(
        id=device.id,
        name=device.name,
        school=device.school,
        class_id=device.class_id,
        paired_ms=device.paired_ms,
        paired_by=device.paired_by,
        lesson=device.lesson_id,
        revoked_ms=device.revoked_ms,
        revoked_by=device.revoked_by or "",
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


_PATH: Final = "/api/v1/devices"
_PROBLEMS: Final = ("bad-request", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="begin_pairing",
        method="POST",
        path=f"{_PATH}/pairing",
        tag="devices",
        handler=begin_pairing,
        response=PairingBegun,
        status=201,
        problems=("too-many-requests", "busy"),
    ),
    Operation(
        id="pairing",
        method="GET",
        path=f"{_PATH}/pairing",
        tag="devices",
        handler=pairing,
        response=PairingState,
        problems=("token-missing", "pairing-over"),
    ),
    Operation(
        id="pair_device",
        method="POST",
        path="/api/v1/lessons/{lesson}/classes/{class}/devices",
        tag="devices",
        handler=pair_device,
        request=PairRequest,
        response=DeviceView,
        status=201,
        problems=(
            *_PROBLEMS,
            "unsupported-media-type",
            "too-large",
            "unknown-lesson",
            "unknown-class",
            "not-your-class",
            "pairing-code-unknown",
            "too-many-requests",
        ),
    ),
    Operation(
        id="devices",
        method="GET",
        path=_PATH,
        tag="devices",
        handler=devices,
        query=DevicesQuery,
        response=DeviceList,
        problems=_PROBLEMS,
    ),
    Operation(
        id="revoke_device",
        method="DELETE",
        path=_PATH + "/{device}",
        tag="devices",
        handler=revoke_device,
        status=204,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="device_now",
        method="GET",
        path="/api/v1/device",
        tag="devices",
        handler=device_now,
        response=DeviceOrders,
        problems=("token-missing", "device-unknown", "not-ready"),
    ),
)
