"""/api/v1/lessons/{lesson}/attendance, as JSON, CSV and XLSX: who was there, for those who lead a lesson."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import tzinfo
from typing import Annotated, Final, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.attendance import Attendance, ClassAttendance, Report
from classroom.model import ClassId, Lesson, PersonId, Role
from classroom.store import check_in
from classroom.store.check_in import CheckedIn
from classroom.store.library_notes import Watching
from signaling.attendance_table import Table, Wording, class_table, csv_file, people_table, xlsx_file
from signaling.keys import CONFIG, LANGUAGE, STORE
from signaling.message import Role as RoleName
from signaling.messages_roll import Mark
from signaling.network.check_in_views import CheckedInView, checked_in_view
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, lesson_of, read

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Zone = Annotated[str, Meta(max_length=64)]


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """Unix times in ms."""

    from_ms: int
    to_ms: int


class StayView(msgspec.Struct, frozen=True, kw_only=True):
    """From coming in to leaving for good."""

    from_ms: int
    to_ms: int | None
    """null: still in."""
    gaps: list[SpanView]
    """In which the connection was lost."""


class PersonAttendance(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    role: RoleName
    class_id: str
    present: bool
    """Was there while the lesson was live. False of a registered tutor who never came."""
    late: bool
    left_early: bool
    """False as long as the lesson goes on."""
    called: Mark | None
    """What the tutor found in the roll call; null: nothing."""
    present_ms: int
    """Connected while the lesson was live; gaps do not count."""
    stays: list[StayView]
    checked_in: CheckedInView | None
    """签到; null: they have not."""
    caught_up: bool
    """补课: was absent, and has watched enough of the recording (setting `catch_up_share`)."""
    watched: float
    """0..1 of the recording."""


class RollCounts(msgspec.Struct, frozen=True, kw_only=True):
    present: int
    """Those who came late are among them."""
    late: int
    absent: int
    total: int
    """Seats, and pupils at home who were marked."""


class ClassAttendanceView(msgspec.Struct, frozen=True, kw_only=True):
    class_id: str
    students: int
    """Who joined by themselves, at any time."""
    present: int
    late: int
    left_early: int
    covered_ms: int
    """In which anybody of the class was there, while the lesson was live."""
    tutored_ms: int
    """In which a tutor of it was there."""
    called: RollCounts
    """What its tutor found in the roll call."""


class SeatAttendance(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil of a room, as the tutor found."""

    class_id: str
    seat: str
    name: str
    mark: Mark
    at_ms: int


class AttendanceReport(msgspec.Struct, frozen=True, kw_only=True):
    began_ms: int | None
    """null: the lesson has not begun."""
    ended_ms: int | None
    """null: it has not ended; the rest is as of now."""
    started_late_ms: int
    """After it was planned to begin."""
    people: list[PersonAttendance]
    classes: list[ClassAttendanceView]
    seats: list[SeatAttendance]
    """Of rooms, those that were marked."""


class CsvQuery(msgspec.Struct, frozen=True, kw_only=True):
    by: Literal["person", "class"] = "person"
    zone: Zone = ""


class XlsxQuery(msgspec.Struct, frozen=True, kw_only=True):
    zone: Zone = ""


async def attendance(request: web.Request) -> web.Response:
    _, report, names = await _report(request)
    shares, checked_in = await _watched(request), await _checked_in(request)
    least = request.app[CONFIG].catch_up_share
    return json_response(
        AttendanceReport(
            began_ms=report.began_ms,
            ended_ms=report.ended_ms,
            started_late_ms=report.started_late_ms,
            people=[
                _person(
                    one,
                    names.get(one.person, ""),
                    report,
                    shares.get(one.person, 0.0),
                    least,
                    checked_in.get(one.person),
                )
                for one in report.people
            ],
            classes=[_class(one) for one in report.classes],
            seats=[
                SeatAttendance(
                    class_id=one.class_id,
                    seat=one.seat,
                    name=one.name,
                    mark=one.marked.mark.value,
                    at_ms=one.marked.at_ms,
                )
                for one in report.seats()
            ],
        )
    )


async def attendance_csv(request: web.Request) -> web.Response:
    asked = query(request, CsvQuery)
    people, classes = await _tables(request, asked.zone)
    return _file(request, csv_file(people if asked.by == "person" else classes), CSV, "csv")


async def attendance_xlsx(request: web.Request) -> web.Response:
    tables = await _tables(request, query(request, XlsxQuery).zone)
    return _file(request, await asyncio.to_thread(xlsx_file, tables), XLSX, "xlsx")


async def _report(request: web.Request) -> tuple[Lesson, Report, dict[PersonId, str]]:
    lesson = await lesson_of(request, request.match_info["lesson"])
    store = request.app[STORE]
    report, names = await read(store.attendance(lesson, store.clock.unix_ms()))
    watching = await read(request.app[STORE].library.watching_lesson(lesson.id))
    known = {one.person for one in report.people}
    absent: dict[PersonId, Watching | CheckedIn] = {
        PersonId(one.person): one for one in watching if one.role == Role.STUDENT
    }
    absent |= await _checked_in(request)
    # Who was never in the lesson, and has watched the recording or checked in: nobody else knows of them.
    never = tuple(
        Attendance(
            person, Role.STUDENT, (one.class_id and ClassId(one.class_id)) or None, (), 0, False, False
        )
        for person, one in absent.items()
        if person not in known
    )
    names = {person: one.name for person, one in absent.items()} | names
    return lesson, replace(report, people=(*report.people, *never)), names


async def _checked_in(request: web.Request) -> dict[PersonId, CheckedIn]:
    found = await read(request.app[STORE].network.read(check_in.of_lesson, request.match_info["lesson"]))
    return {PersonId(one.person): one for one in found}


async def _watched(request: web.Request) -> dict[PersonId, float]:
    """How much of the lesson's recording each has watched, 0..1."""
    shares: dict[PersonId, float] = {}
    for one in await read(request.app[STORE].library.watching_lesson(request.match_info["lesson"])):
        person = PersonId(one.person)
        shares[person] = max(one.share, shares.get(person, 0.0))
    return shares


async def _tables(request: web.Request, zone: str) -> tuple[Table, Table]:
    wording = Wording(request[LANGUAGE], _zone(zone))
    lesson, report, names = await _report(request)
    least, shares = request.app[CONFIG].catch_up_share, await _watched(request)
    caught_up = {person for person, share in shares.items() if share >= least}
    ways = {person: one.found.way for person, one in (await _checked_in(request)).items()}
    return people_table(lesson, report, names, wording, caught_up, ways), class_table(lesson, report, wording)


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        # ZoneInfoNotFoundError is a KeyError; odd names end in the file system.
        raise Problem("zone-unknown", zone=name) from error


def _file(request: web.Request, body: bytes, media_type: str, ending: str) -> web.Response:
    name = f"{request.match_info['lesson']}.attendance.{ending}"
    headers = {
        "Cache-Control": "no-store",
        # RFC 6266, 4.3: a name of any characters.
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Language": request[LANGUAGE],
        "Vary": "Accept-Language",
    }
    response = web.Response(body=body, content_type=media_type, headers=headers)
    if media_type == CSV:
        response.charset = "utf-8"
    return response


def _person(
    one: Attendance, name: str, report: Report, share: float, least: float, checked_in: CheckedIn | None
) -> PersonAttendance:
    called = report.called(one)
    return PersonAttendance(
        person=one.person,
        name=name,
        role=one.role.value,
        class_id=one.class_id or "",
        present=one.present,
        late=one.late,
        left_early=one.left_early,
        called=called.mark.value if called else None,
        present_ms=one.present_ms,
        stays=[msgspec.convert(msgspec.to_builtins(stay), StayView) for stay in one.stays],
        checked_in=None if checked_in is None else checked_in_view(checked_in),
        caught_up=not one.present and share >= least,
        watched=round(share, 4),
    )


def _class(one: ClassAttendance) -> ClassAttendanceView:
    fields = {name: getattr(one, name) for name in ClassAttendance.__slots__}
    return ClassAttendanceView(**fields | {"called": RollCounts(**one.called._asdict())})


_PATH: Final = "/api/v1/lessons/{lesson}/attendance"
_PROBLEMS: Final = ("bad-request", "zone-unknown", "unknown-lesson", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="attendance",
        method="GET",
        path=_PATH,
        tag="lessons",
        handler=attendance,
        response=AttendanceReport,
        problems=("unknown-lesson", "not-ready"),
    ),
    Operation(
        id="attendance_csv",
        method="GET",
        path=_PATH + ".csv",
        tag="lessons",
        handler=attendance_csv,
        query=CsvQuery,
        response=CSV,
        problems=_PROBLEMS,
    ),
    Operation(
        id="attendance_xlsx",
        method="GET",
        path=_PATH + ".xlsx",
        tag="lessons",
        handler=attendance_xlsx,
        query=XlsxQuery,
        response=XLSX,
        problems=_PROBLEMS,
    ),
)
