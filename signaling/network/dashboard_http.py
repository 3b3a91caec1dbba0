"""/api/v1/dashboard: what goes on in the places of an organizer today, and what needs somebody.

    GET /api/v1/dashboard                     figures of every section, and the places to choose from
    GET /api/v1/dashboard/{section}[/csv]     lessons, joins, quality, storage, quotas or problems as a table
    GET /api/v1/dashboard.xlsx                all of them, a sheet each

What a lesson shows here is of the lesson as a whole (how many were refused, whose connections broke), for
everybody to whose places it belongs; pupils are nowhere named."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.dashboard import (
    BROKEN,
    QuotaUse,
    Section,
    Standing,
    day_of,
    seen,
    standings,
    stored_within,
)
from classroom.network.model import TIMEZONE, Office, Path, Place, PlaceId
from classroom.network.supervision import ON_THE_LIST
from classroom.store import dashboard as store_of
from classroom.store import supervision_reviews
from classroom.store.supervision_reviews import Problem as FoundProblem
from signaling.attendance_table import Wording, csv_file, xlsx_file
from signaling.keys import LANGUAGE, STORE
from signaling.message import Id
from signaling.network.dashboard import DashboardBoard
from signaling.network.dashboard_table import Found, Kind, Value, columns, rows, table, text
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import place_reached
from signaling.network.wall_http import PlaceView
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

BOARD: Final[web.AppKey[DashboardBoard]] = web.AppKey("dashboard_board")
ORGANIZERS: Final = frozenset({Office.ORGANIZER})
CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS: Final = 500
"""On the page; files have all of them."""
MAX_PROBLEMS: Final = 2_000
MINUTE_S: Final = 60

_DAYS: Final = "|".join(
    (
        "20[0-9]{2}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])",
        "20[0-9]{2}-(0[469]|11)-(0[1-9]|[12][0-9]|30)",
        "20[0-9]{2}-02-(0[1-9]|1[0-9]|2[0-8])",
        "20([02468][048]|[13579][26])-02-29",
    )
)
"""Of this century's calendar, and no others."""
Date = Annotated[str, Meta(pattern=f"^({_DAYS})?$")]
SectionName = Literal["lessons", "joins", "quality", "storage", "quotas", "problems"]


class DashboardQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """In this place and all within it; empty: wherever the caller is an organizer."""
    day: Date = ""
    """As 2026-09-01, by the place's own clock; empty: today. What is stored, booked and open is as of now."""


class LessonFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Lessons of the day."""

    all: int
    live: int
    """Overrun ones, too."""
    overrun: int
    """Live, and should be over."""
    late: int
    """Should have begun."""
    waiting: int
    over: int
    cancelled: int
    missed: int
    """Never began."""


class JoinFigures(msgspec.Struct, frozen=True, kw_only=True):
    lessons: int
    """In which joining failed."""
    refused: int
    broken: int
    """Connections that went away and did not come back in time."""
    people: int
    """Who came in, at all."""


class QualityFigures(msgspec.Struct, frozen=True, kw_only=True):
    schools: int
    minutes: int
    """Of people, as measured."""
    good: float
    """0..1 of them."""
    poor: float
    worst: str
    """Name of the school whose people were reached worst; empty: none was reached badly."""


class StorageFigures(msgspec.Struct, frozen=True, kw_only=True):
    items: int
    live: int
    bytes: int


class QuotaFigures(msgspec.Struct, frozen=True, kw_only=True):
    providers: int
    nearly: int
    """Who have nine tenths of theirs booked, or more."""
    allowed: int
    booked: int


class ProblemFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of supervisors' forms, not closed."""

    open: int
    answered: int
    providers: int
    oldest_ms: int
    """0: there is none."""


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    at_ms: int
    from_ms: int
    until_ms: int
    """The day, Unix times in ms."""
    timezone: str
    places: list[PlaceView]
    """To choose from: where the caller stands, and what lies directly in it."""
    lessons: LessonFigures
    joins: JoinFigures
    quality: QualityFigures
    storage: StorageFigures
    quotas: QuotaFigures
    problems: ProblemFigures


class DashboardColumn(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    name: str
    """In the caller's language."""
    kind: Kind
    """`time`: Unix ms; `share`: 0..1."""


class DashboardTable(msgspec.Struct, frozen=True, kw_only=True):
    section: SectionName
    columns: list[DashboardColumn]
    rows: list[list[Value]]
    """null: nothing."""
    more: bool
    """There are more rows; the files have them."""


@dataclass(frozen=True, slots=True)
class Scope:
    paths: tuple[Path, ...]
    places: tuple[Place, ...]
    zone: str


def add_dashboard(app: web.Application) -> None:
    """What all dashboards of this server share."""
    board = app[BOARD] = DashboardBoard(app[STORE])

    async def close(_: web.Application) -> None:
        await board.close()

    app.on_cleanup.append(close)


async def dashboard(request: web.Request) -> web.Response:
    asked = query(request, DashboardQuery)
    scope = await _scope(request, asked.place)
    found = await _found(request, scope, asked.day)
    network = request.app[STORE].network
    quotas = await read(network.look(store_of.quota_sum, scope.paths, found.now_ms))
    problems = await read(network.look(store_of.problem_sum, scope.paths))
    return json_response(
        Dashboard(
            at_ms=found.now_ms,
            from_ms=found.day.from_ms,
            until_ms=found.day.until_ms,
            timezone=scope.zone,
            places=[_place(each) for each in scope.places],
            lessons=_lessons(found),
            joins=_joins(found),
            quality=_quality(found),
            storage=StorageFigures(
                items=sum(each.items for each in found.stored),
                live=sum(each.live for each in found.stored),
                bytes=sum(each.bytes for each in found.stored),
            ),
            quotas=QuotaFigures(**asdict(quotas)),
            problems=ProblemFigures(**asdict(problems)),
        )
    )


async def dashboard_table(request: web.Request) -> web.Response:
    asked, section = query(request, DashboardQuery), _section(request)
    found = await _found(request, await _scope(request, asked.place), asked.day, (section,))
    language = request[LANGUAGE]
    shown, all_rows = columns(section, found, language), rows(section, found)
    return json_response(
        DashboardTable(
            section=section.value,
            columns=[
                DashboardColumn(key=each.key, name=text(f"column.{each.key}", language), kind=each.kind)
                for each in shown
            ],
            rows=[[column.value(row) for column in shown] for row in all_rows[:MAX_ROWS]],
            more=len(all_rows) > MAX_ROWS or found.day.more,
        )
    )


async def dashboard_csv(request: web.Request) -> web.Response:
    asked, section = query(request, DashboardQuery), _section(request)
    scope = await _scope(request, asked.place)
    found = await _found(request, scope, asked.day, (section,))
    made = table(section, found, Wording(request[LANGUAGE], ZoneInfo(scope.zone)))
    return _file(request, await asyncio.to_thread(csv_file, made), CSV, f"{section}.csv")


async def dashboard_xlsx(request: web.Request) -> web.Response:
    asked = query(request, DashboardQuery)
    scope = await _scope(request, asked.place)
    found = await _found(request, scope, asked.day, tuple(Section))
    wording = Wording(request[LANGUAGE], ZoneInfo(scope.zone))
    made = [table(section, found, wording) for section in Section]
    return _file(request, await asyncio.to_thread(xlsx_file, made), XLSX, "dashboard.xlsx")


async def _scope(request: web.Request, place: str) -> Scope:
    """Problem not-found, not-ready."""
    paths = request[PRINCIPAL].paths(ORGANIZERS)
    chosen = None
    if place:
        chosen = await place_reached(request, place, ORGANIZERS)
        paths = (chosen.path,)
    asked = None if chosen is None else PlaceId(chosen.id)
    places = await read(request.app[STORE].network.look(store_of.scope, paths, asked))
    own = chosen or next(iter(places), None)
    return Scope(paths, places, own.timezone if own else TIMEZONE)


async def _found(request: web.Request, scope: Scope, day: str, listed: tuple[Section, ...] = ()) -> Found:
    """listed: of which sections the rows are wanted that are asked for each time."""
    store, board = request.app[STORE], request.app[BOARD]
    network, now_ms = store.network, store.clock.unix_ms()
    from_ms, until_ms = day_of(_date(day), scope.zone, now_ms)
    shown = seen(await read(board.day(from_ms, until_ms)), scope.paths)
    stored = stored_within(await read(board.stored()), scope.paths)
    quotas: tuple[QuotaUse, ...] = ()
    if Section.QUOTAS in listed:
        quotas = await read(network.look(store_of.quota_uses, scope.paths, now_ms))
    problems: tuple[FoundProblem, ...] = ()
    if Section.PROBLEMS in listed:
        problems = await read(
            network.read(supervision_reviews.problems, scope.paths, states=ON_THE_LIST, limit=MAX_PROBLEMS)
        )
    names = await read(board.names(shown.paths | {each.path for each in stored}))
    return Found(shown, stored, quotas, problems, now_ms, names)


def _section(request: web.Request) -> Section:
    """Problem not-found."""
    try:
        return Section(request.match_info["section"])
    except ValueError as error:
        raise Problem("not-found") from error


def _date(day: str) -> date | None:
    """Problem bad-request."""
    if not day:
        return None
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise Problem("bad-request", reason=str(error)) from error


def _lessons(found: Found) -> LessonFigures:
    counts = standings(found.day.lessons, found.now_ms)
    return LessonFigures(
        all=len(found.day.lessons),
        live=counts[Standing.LIVE] + counts[Standing.OVERRUN],
        overrun=counts[Standing.OVERRUN],
        late=counts[Standing.LATE],
        waiting=counts[Standing.WAITING],
        over=counts[Standing.OVER],
        cancelled=counts[Standing.CANCELLED],
        missed=counts[Standing.MISSED],
    )


def _joins(found: Found) -> JoinFigures:
    joins = found.day.joins
    return JoinFigures(
        lessons=len({each.lesson for each in joins}),
        refused=sum(each.times for each in joins if each.reason != BROKEN),
        broken=sum(each.times for each in joins if each.reason == BROKEN),
        people=sum(each.people for each in found.day.lessons),
    )


def _quality(found: Found) -> QualityFigures:
    schools = found.schools
    seconds = sum(each.seconds for each in schools)
    bad = sum(each.fair_s + each.poor_s for each in schools)
    poor = sum(each.poor_s for each in schools)
    return QualityFigures(
        schools=len(schools),
        minutes=round(seconds / MINUTE_S),
        good=round(1 - bad / seconds, 4) if seconds else 1.0,
        poor=round(poor / seconds, 4) if seconds else 0.0,
        worst=found.names.get(schools[0].school, "") if poor else "",
    )


def _place(each: Place) -> PlaceView:
    return PlaceView(id=each.id, kind=each.kind.value, name=each.name, path=each.path)


def _file(request: web.Request, body: bytes, media_type: str, name: str) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Language": request[LANGUAGE],
        "Vary": "Accept-Language",
    }
    response = web.Response(body=body, content_type=media_type, headers=headers)
    if media_type == CSV:
        response.charset = "utf-8"
    return response


_PATH: Final = "/api/v1/dashboard"
_SECTION: Final = _PATH + "/{section}"
_PROBLEMS: Final = ("bad-request", "not-found", "not-ready")

OPERATIONS: Final = tuple(
    Operation(
        id=name,
        method="GET",
        path=path,
        tag="supervision",
        handler=handler,
        query=DashboardQuery,
        response=response,
        problems=_PROBLEMS,
    )
    for name, path, handler, response in (
        ("dashboard", _PATH, dashboard, Dashboard),
        ("dashboard_xlsx", _PATH + ".xlsx", dashboard_xlsx, XLSX),
        ("dashboard_table", _SECTION, dashboard_table, DashboardTable),
        ("dashboard_csv", _SECTION + "/csv", dashboard_csv, CSV),
    )
)
