"""/api/v1/my: one's own timetable, the way into its lessons, and the secret address of its calendar."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Final, Literal

import msgspec
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.rules import DISTRICT, SCHOOL
from classroom.model import LessonId, PersonId
from classroom.network.model import PlaceId, PlaceKind
from classroom.network.scope import Principal
from classroom.network.timetable import OVERRUN_MS, Entry
from classroom.store import network_classes, network_places, people, timetable_operations, timetables
from classroom.store.timetable_operations import Latest
from signaling.access import Handler
from signaling.keys import STORE, TOKENS
from signaling.lessons_http import UnixMs
from signaling.network.calendar_feed import TYPE, FeedEntry, calendar
from signaling.network.courses_http import KEEPERS
from signaling.network.enrolment_plans import LessonPlanner
from signaling.network.principals import PRINCIPAL, secret_hash, sign_in_of
from signaling.network.timetable_operations_views import OperationKindName, slot_view
from signaling.network.timetable_views import TimetableChange, TimetableEntry
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

PLANNER: Final[web.AppKey[LessonPlanner]] = web.AppKey("lesson_planner", LessonPlanner)
DAY_MS: Final = 86_400_000
MAX_SPAN_MS: Final = 400 * DAY_MS
"""Of one answer: a school year."""
FEED_BACK_MS, FEED_AHEAD_MS = 60 * DAY_MS, 400 * DAY_MS
"""What a calendar shows: the last weeks, and all that is planned."""
FEED_MAX_AGE_S: Final = 300
"""A lesson that is cancelled is told by a notice; calendars ask once an hour at the best."""
SECRET_BYTES: Final = 24


class TimetableQuery(msgspec.Struct, frozen=True, kw_only=True):
    starts_from: UnixMs = 0
    starts_until: UnixMs = 0


class Timetable(msgspec.Struct, frozen=True, kw_only=True):
    entries: list[TimetableEntry]
    """By when they begin."""
    now_ms: int
    """By the server's clock."""


class EntryPass(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """For the page `/join#token=...`."""
    role: Literal["master", "tutor", "student"]
    class_id: str
    expires_at: int
    """Unix time in seconds."""


class CalendarAddress(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Of the calendar on this server. It is told this once: whoever knows it reads the timetable."""


class CalendarState(msgspec.Struct, frozen=True, kw_only=True):
    since_ms: int
    """When the address was made, Unix time in ms; 0: there is none."""


async def my_timetable(request: web.Request) -> web.Response:
    """One's own lessons, and one's children's; from today on where nothing else is asked for."""
    asked = query(request, TimetableQuery)
    store, person = request.app[STORE], request[PRINCIPAL].person
    now_ms = store.clock.unix_ms()
    from_ms = asked.starts_from or now_ms - DAY_MS
    until_ms = min(asked.starts_until or from_ms + MAX_SPAN_MS, from_ms + MAX_SPAN_MS)
    found = await read(store.network.read(timetables.of_person, person, now_ms, from_ms, until_ms))
    entries = await read(store.network.read(_views, found, person, now_ms, request[PRINCIPAL]))
    return json_response(Timetable(entries=entries, now_ms=now_ms))


async def _views(
    connection: AsyncConnection,
    found: tuple[Entry, ...],
    person: PersonId,
    now_ms: int,
    principal: Principal | None = None,
) -> list[TimetableEntry]:
    """principal: who asks; of a calendar's address nobody does."""
    names = await people.names(connection, {PersonId(each.person) for each in found})
    changes = await timetable_operations.latest(connection, {each.lesson for each in found})
    classes = await network_classes.named(connection, {each.class_id for each in found if each.class_id})
    return [
        TimetableEntry(
            lesson=each.lesson,
            title=each.title,
            course=each.course,
            role=each.role.value,  # type: ignore[arg-type]  # of three
            person=each.person,
            mine=each.person == person,
            name=names.get(PersonId(each.person), ""),
            class_id=each.class_id,
            class_name=classes[each.class_id].name if each.class_id in classes else "",
            state=each.state.value,  # type: ignore[arg-type]  # it stands
            cancelled=each.cancelled,
            master_name=each.master_name,
            provider_name=each.provider_name,
            delivery=each.delivery.value,
            lesson_state=each.lesson_state.value,
            starts_ms=each.starts_ms,
            ends_ms=each.ends_ms,
            door_opens_ms=each.door_opens_ms,
            open=each.person == person and each.refusal(now_ms) is None,
            room=each.room,
            online=each.online,
            keeps=principal is not None and principal.reaches(KEEPERS, each.path),
            change=_change(changes.get(each.lesson)),
        )
        for each in found
    ]


def _change(latest: Latest | None) -> TimetableChange | None:
    if latest is None:
        return None
    kind: OperationKindName = latest.kind.value
    return TimetableChange(
        kind=kind,
        reason=latest.reason,
        made_ms=latest.made_ms,
        before=slot_view(latest.before),
    )


async def enter(request: web.Request) -> web.Response:
    """The token by which somebody comes into a lesson of theirs; asked for anew each time."""
    store, principal = request.app[STORE], request[PRINCIPAL]
    lesson, now_ms = LessonId(request.match_info["lesson"]), store.clock.unix_ms()
    entry = await _own(request, lesson, now_ms)
    if refusal := entry.refusal(now_ms):
        raise Problem(refusal.value, title=entry.title)
    await read(request.app[PLANNER].now(lesson))
    scopes = await read(store.network.read(_scopes, principal))
    now, ends_ms = time.time(), max(entry.ends_ms, now_ms) + OVERRUN_MS
    ttl_s = (ends_ms - now_ms) / 1000
    token = request.app[TOKENS].issue(
        person=principal.person,
        role=entry.role.value,
        lesson=lesson,
        class_id=entry.class_id,
        name=principal.name,
        now=now,
        ttl_s=ttl_s,
        scopes=scopes,
        sign_in=sign_in_of(request),
    )
    answer = EntryPass(
        token=token,
        role=entry.role.value,  # type: ignore[arg-type]  # of three
        class_id=entry.class_id,
        expires_at=int(now + ttl_s),
    )
    return json_response(answer, status=201)


async def _own(request: web.Request, lesson: LessonId, now_ms: int) -> Entry:
    """Problem not-found."""
    store, person = request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(timetables.of_person, person, now_ms, 0, 0, lesson=lesson))
    for entry in found:
        if entry.person == person:
            return entry
    raise Problem("not-found")


async def _scopes(connection: AsyncConnection, principal: Principal) -> tuple[str, ...]:
    """What of the library is theirs beside this lesson: their schools' and districts'."""
    ids = {PlaceId(part) for each in principal.appointments for part in each.path.split("/")[1:-1]}
    found = await network_places.named(connection, ids)
    kinds = {PlaceKind.SCHOOL: SCHOOL, PlaceKind.PROVIDER: SCHOOL, PlaceKind.DISTRICT: DISTRICT}
    told = (f"{kinds[place.kind]}:{place.name}" for place in found.values() if place.kind in kinds)
    return tuple(sorted(told))


async def make_calendar(request: web.Request) -> web.Response:
    """A new secret address; the one before leads nowhere any more."""
    store, person = request.app[STORE], request[PRINCIPAL].person
    secret = secrets.token_urlsafe(SECRET_BYTES)
    await read(store.network.change(timetables.put_feed, person, secret_hash(secret), store.clock.unix_ms()))
    return json_response(CalendarAddress(path=f"/calendar/{secret}.ics"), status=201)


async def my_calendar(request: web.Request) -> web.Response:
    store = request.app[STORE]
    since_ms = await read(store.network.read(timetables.feed_since, request[PRINCIPAL].person))
    return json_response(CalendarState(since_ms=since_ms or 0))


async def drop_calendar(request: web.Request) -> web.Response:
    store = request.app[STORE]
    await read(store.network.change(timetables.drop_feed, request[PRINCIPAL].person))
    return web.Response(status=204)


async def calendar_feed(request: web.Request) -> web.Response:
    """RFC 5545; for calendars, which cannot sign in."""
    store = request.app[STORE]
    owner = await read(store.network.read(timetables.feed_owner, secret_hash(request.match_info["secret"])))
    if owner is None:
        raise Problem("not-found")
    now_ms = store.clock.unix_ms()
    found = await read(
        store.network.read(timetables.of_person, owner, now_ms, now_ms - FEED_BACK_MS, now_ms + FEED_AHEAD_MS)
    )
    entries = await read(store.network.read(_views, found, owner, now_ms))
    feed = await read(store.network.read(_feed, found, entries))
    page = str(request.url.with_path("/timetable").with_query(None))
    # Of a school year some 50 ms: not of those who are in a lesson.
    text = await asyncio.to_thread(calendar, feed, owner, page)
    headers = {"Cache-Control": f"private, max-age={FEED_MAX_AGE_S}"}
    return web.Response(body=text, content_type=TYPE, charset="utf-8", headers=headers)


async def _feed(
    connection: AsyncConnection, found: tuple[Entry, ...], entries: list[TimetableEntry]
) -> list[FeedEntry]:
    changes = await timetable_operations.changes(connection, {each.lesson for each in found})
    places = await network_places.named(connection, {_place(each) for each in found})
    zones = {str(place.id): place.timezone for place in places.values()}
    return [
        FeedEntry(entry, each.changed_ms, changes.get(each.lesson, 0), zones.get(_place(each), "UTC"))
        for each, entry in zip(found, entries, strict=True)
    ]


def _place(entry: Entry) -> str:
    """Where it is given."""
    return entry.path.split("/")[-2]


_MY: Final = "/api/v1/my"


def _calendar(
    name: str, method: str, handler: Handler, response: type | None, status: int = 200
) -> Operation:
    """What is done with the address of one's own calendar."""
    return Operation(
        id=name,
        method=method,
        path=f"{_MY}/calendar",
        tag="network",
        handler=handler,
        response=response,
        status=status,
        problems=("not-ready",),
    )


OPERATIONS: Final = (
    Operation(
        id="my_timetable",
        method="GET",
        path=f"{_MY}/timetable",
        tag="network",
        handler=my_timetable,
        query=TimetableQuery,
        response=Timetable,
        problems=("bad-request", "not-ready"),
    ),
    Operation(
        id="enter_lesson",
        method="POST",
        path=f"{_MY}/lessons/{{lesson}}/entry",
        tag="network",
        handler=enter,
        response=EntryPass,
        status=201,
        problems=("not-found", "not-ready", "offer-cancelled", "still-waiting", "door-closed"),
    ),
    _calendar("my_calendar", "GET", my_calendar, CalendarState),
    _calendar("make_calendar", "POST", make_calendar, CalendarAddress, 201),
    _calendar("drop_calendar", "DELETE", drop_calendar, None, 204),
    Operation(
        id="calendar_feed",
        method="GET",
        path="/calendar/{secret}.ics",
        tag="network",
        handler=calendar_feed,
        response=TYPE,
        problems=("not-found", "not-ready"),
    ),
)
