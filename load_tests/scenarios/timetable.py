"""A district's day called off in one action: how long it takes, what the event loop does meanwhile, how soon
the lessons follow, and the way back; over HTTP, of a server whose database was filled with a generated
district."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from classroom.store.catalogue_tables import courses, enrolments, offers
from classroom.store.engine import make_engine
from classroom.store.migrate import upgrade
from classroom.store.network_tables import accounts, appointments, places, school_classes, sign_ins
from classroom.store.tables import lessons, people
from signaling.network.principals import SIGN_IN_PREFIX, secret_hash

from ..figures import Figure, Report
from ..report import machine
from ..server import ServerProcess

DAY_MS, LENGTH_MS = 86_400_000, 2_700_000
CLASSES_EACH, ALONE_EACH = 2, 4
"""Of a lesson: classes enrolled, and pupils at home."""
PROBE_EVERY_S = 0.005
FOLLOWED_S = 600.0
HEADERS = {"Accept-Language": "en"}
ORGANIZER = "organizer"


@dataclass(frozen=True, slots=True)
class TimetableOptions:
    schools: int
    lessons: int
    """Of the day."""
    database: str
    """URL of an empty database; empty: SQLite in a directory of its own."""


@dataclass(frozen=True, slots=True)
class Day:
    """What is in the database, row by row."""

    options: TimetableOptions
    now_ms: int

    def rows(self) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        yield places, list(self._places())
        yield school_classes, list(self._classes())
        yield people, [{"id": person, "name": person, "seen_ms": 0} for person in self._persons()]
        yield accounts, [self._account(person) for person in self._persons()]
        yield appointments, list(self._appointments())
        yield sign_ins, [self._sign_in()]
        yield courses, [self._course(number) for number in range(self.options.schools)]
        yield lessons, [self._lesson(number) for number in range(self.options.lessons)]
        yield offers, [self._offer(number) for number in range(self.options.lessons)]
        yield enrolments, list(self._enrolments())

    def _places(self) -> Iterator[dict[str, Any]]:
        row = {"timezone": "Asia/Shanghai", "made_ms": 1, "closed_ms": None}
        yield row | {"id": "c", "kind": "city", "parent_id": None, "path": "/c/", "name": "同课市"}
        yield row | {"id": "d", "kind": "district", "parent_id": "c", "path": "/c/d/", "name": "东区"}
        for number in range(self.options.schools):
            where = {"parent_id": "d", "path": _path(number), "name": f"第{number + 1}小学"}
            yield row | {"id": f"s{number}", "kind": "school"} | where

    def _classes(self) -> Iterator[dict[str, Any]]:
        for number in range(self.options.lessons * CLASSES_EACH):
            school = number % self.options.schools
            about = {"name": f"{number}班", "grade": 3, "at_home": False, "pupils": 40, "closed_ms": None}
            where = {"id": f"k{number}", "school_id": f"s{school}", "path": _path(school)}
            yield about | where | {"tutor_id": f"tutor-{number}"}

    def _persons(self) -> Iterator[str]:
        yield ORGANIZER
        for number in range(self.options.lessons):
            yield f"master-{number}"
        for number in range(self.options.lessons * CLASSES_EACH):
            yield f"tutor-{number}"
        for number in range(self.options.lessons * ALONE_EACH):
            yield f"pupil-{number}"
            yield f"parent-{number}"

    def _account(self, person: str) -> dict[str, Any]:
        # Parents and teachers have given an address.
        email = "" if person.startswith("pupil") else f"{person}@school.example"
        words = {"login": person, "password_hash": "", "email": email, "issuer": "", "subject": ""}
        return {"person_id": person, "path": "/c/d/", "made_ms": 1, "disabled_ms": None} | words

    def _appointments(self) -> Iterator[dict[str, Any]]:
        yield _office(ORGANIZER, "organizer", "/c/d/")
        for number in range(self.options.lessons * CLASSES_EACH):
            path = _path(number % self.options.schools)
            yield _office(f"tutor-{number}", "tutor", path, class_id=f"k{number}")
        for number in range(self.options.lessons * ALONE_EACH):
            yield _office(f"parent-{number}", "parent", "/c/d/", about=f"pupil-{number}")

    def _sign_in(self) -> dict[str, Any]:
        times = {"made_ms": self.now_ms, "seen_ms": self.now_ms, "ends_ms": self.now_ms + DAY_MS}
        who = {"secret_hash": secret_hash(SECRET), "person_id": ORGANIZER, "way": "password"}
        return times | who | {"idle_ms": DAY_MS, "ended_ms": None}

    def _course(self, number: int) -> dict[str, Any]:
        where = {"provider_id": f"s{number}", "path": _path(number), "provider_name": f"第{number + 1}小学"}
        words = {"title": "光的折射", "subject": "物理", "topic": "光", "style": "", "summary": ""}
        about = {"kind": "lecture", "grade_from": 1, "grade_to": 9, "language": "zh-CN"}
        states = {"visibility": "district", "state": "published", "district_id": "d", "city_id": "c"}
        made = {"made_ms": 1, "made_by": "", "changed_ms": 1, "master_id": "", "master_name": ""}
        return {"id": f"course-{number}"} | where | words | about | states | made

    def starts_ms(self, number: int) -> int:
        """In the course of eight hours, beginning in an hour."""
        return self.now_ms + 3_600_000 + number % 8 * 3_600_000

    def _times(self, number: int) -> dict[str, int]:
        return {"starts_ms": self.starts_ms(number), "ends_ms": self.starts_ms(number) + LENGTH_MS}

    def _lesson(self, number: int) -> dict[str, Any]:
        row = {"state": "scheduled", "phase": "lecture", "recorded": True, "started_ms": 0, "ended_ms": 0}
        name = {"id": f"lesson-{number}", "title": "光的折射", "shared": "{}", "master_id": None}
        return row | name | self._times(number)

    def _offer(self, number: int) -> dict[str, Any]:
        school = number % self.options.schools
        counts = {"capacity": 400, "taken": 80 + ALONE_EACH, "waiting": 0, "rooms": CLASSES_EACH}
        plan = {"wanted": 0, "planned": 0, "settled_ms": None, "changed_ms": 1, "term_id": ""}
        who = {"master_id": f"master-{number}", "master_name": "李老师", "delivery": "live"}
        name = {"lesson_id": f"lesson-{number}", "course_id": f"course-{school}", "path": _path(school)}
        return name | who | counts | plan | self._times(number) | {"title": "光的折射", "state": "open"}

    def _enrolments(self) -> Iterator[dict[str, Any]]:
        number = 0
        for lesson in range(self.options.lessons):
            for each in range(CLASSES_EACH):
                party = lesson * CLASSES_EACH + each
                yield self._enrolment(number, lesson, "class", f"k{party}", f"tutor-{party}")
                number += 1
            for each in range(ALONE_EACH):
                yield self._enrolment(number, lesson, "person", f"pupil-{lesson * ALONE_EACH + each}", "")
                number += 1

    def _enrolment(self, number: int, lesson: int, kind: str, party: str, tutor: str) -> dict[str, Any]:
        ids = {"id": f"e{number}", "lesson_id": f"lesson-{lesson}", "kind": kind, "party_id": party}
        class_id = party if kind == "class" else ""
        where = {"class_id": class_id, "path": _path(lesson % self.options.schools), "tutor_id": tutor}
        states = {"state": "enrolled", "waits_for": "", "online": False, "attended": None}
        made = {"made_ms": 1, "made_by": "", "ended_ms": None, "ended_by": None}
        places_taken = {"places": 40 if kind == "class" else 1}
        return ids | where | states | made | places_taken | self._times(lesson)


SECRET = f"{SIGN_IN_PREFIX}load-test-organizer"


def _path(school: int) -> str:
    return f"/c/d/s{school}/"


def _office(person: str, office: str, path: str, class_id: str = "", about: str = "") -> dict[str, Any]:
    where = {"place_id": path.split("/")[-2], "path": path, "class_id": class_id, "about_id": about}
    ends = {"from_ms": 0, "until_ms": None, "revoked_ms": None, "revoked_by": None}
    row = {"id": f"{person}-{office}", "person_id": person, "office": office, "course_id": "", "subject": ""}
    return row | where | ends | {"made_ms": 1, "made_by": ""}


async def _fill(engine: AsyncEngine, day: Day) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        for table, rows in day.rows():
            await connection.execute(insert(table), rows)


@dataclass(slots=True)
class Probe:
    """Asks again and again how the server is, while something else goes on."""

    session: aiohttp.ClientSession
    slowest_ms: float = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        task = asyncio.create_task(self._run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            began = time.perf_counter()
            async with self.session.get("/healthz") as answer:
                await answer.read()
            self.slowest_ms = max(self.slowest_ms, 1000 * (time.perf_counter() - began))
            await asyncio.sleep(PROBE_EVERY_S)


async def timetable(options: TimetableOptions) -> Report:
    place = machine()
    with tempfile.TemporaryDirectory(prefix="tongke-timetable-") as directory:
        data = Path(directory)
        url = options.database or f"sqlite+aiosqlite:///{data / 'tongke.db'}"
        engine = make_engine(url)
        day = Day(options, round(time.time() * 1000))
        await _fill(engine, day)
        arguments = ["--database", options.database] if options.database else []
        async with (
            ServerProcess(data=data, arguments=arguments) as server,
            aiohttp.ClientSession(server.url) as session,
        ):
            figures = [
                *await _step(engine, session, day, "preview", "the preview"),
                *await _step(engine, session, day, "cancel", "cancelled"),
                *await _step(engine, session, day, "undo", "undone"),
            ]
        await engine.dispose()
    kind = "PostgreSQL" if options.database else "SQLite"
    title = f"{options.lessons:,} lessons of a day in {options.schools:,} schools, in {kind}"
    return Report("timetable", title, place, tuple(figures))


async def _step(
    engine: AsyncEngine, session: aiohttp.ClientSession, day: Day, name: str, words: str
) -> list[Figure]:
    """An action: its time, what it did, the slowest answer to others meanwhile, and when all has followed."""
    span = {"action": "cancel", "place": "d", "from_ms": day.now_ms, "until_ms": day.now_ms + DAY_MS}
    body: dict[str, Any] = {"reason": "haze", "span": span}
    method, path = {
        "preview": ("POST", "/api/v1/operations/preview"),
        "cancel": ("PUT", "/api/v1/operations/haze"),
        "undo": ("POST", "/api/v1/operations/haze/undo"),
    }[name]
    headers = {"Authorization": f"Bearer {SECRET}"} | HEADERS
    probe, after = Probe(session), Probe(session)
    began = time.perf_counter()
    async with (
        probe.running(),
        session.request(method, path, json=None if name == "undo" else body, headers=headers) as got,
    ):
        told = await got.json()
    took_s = time.perf_counter() - began
    assert got.status == 200, told
    done = told["operation"]
    assert done["lessons"] == day.options.lessons, done
    figures = [
        Figure(f"{name}_s", f"{words}: {done['lessons']:,} lessons, {done['people']:,} people", took_s, "s"),
        Figure(f"{name}_stall_ms", "  slowest answer to others meanwhile", probe.slowest_ms, "ms"),
    ]
    if name == "preview":
        return figures
    async with after.running():
        await _followed(engine)
    followed_s = time.perf_counter() - began
    return [
        *figures,
        Figure(f"{name}_followed_s", "  until every lesson has followed", followed_s, "s"),
        Figure(f"{name}_followed_stall_ms", "  slowest answer meanwhile", after.slowest_ms, "ms"),
    ]


async def _followed(engine: AsyncEngine) -> None:
    query = select(func.count()).select_from(offers).where(offers.c.wanted != offers.c.planned)
    async with asyncio.timeout(FOLLOWED_S):
        while True:
            async with engine.connect() as connection:
                if not (await connection.execute(query)).scalar_one():
                    return
            await asyncio.sleep(0.1)
