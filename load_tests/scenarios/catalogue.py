"""How long the catalogue and enrolling take when there is much of both: searches and filters with counts,
enrolments with all their checks one by one, and a storm of them for the last places of one lesson; over HTTP,
of a server whose database was filled with generated lessons and enrolments."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import Table, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from classroom.store.catalogue_tables import courses, enrolments, home_classes, offers, quotas, terms
from classroom.store.engine import make_engine
from classroom.store.migrate import upgrade
from classroom.store.network_tables import accounts, appointments, places, school_classes, sign_ins
from classroom.store.tables import lessons, people
from signaling.network.principals import SIGN_IN_PREFIX, secret_hash

from ..figures import Figure, Report
from ..report import machine
from ..server import ServerProcess
from .library import SUBJECTS, SURNAMES, TOPICS

AT_ONCE = 5_000
FIRST_REVISION = "0013"
"""Of the database that has a catalogue."""
LESSONS_EACH = 10
"""Of a course."""
DISTRICTS, SCHOOLS, CLASSES = 16, 320, 6_400
PUPILS = 250_000
DAY_MS, LENGTH_MS = 86_400_000, 2_700_000
SPREAD_MS = 180 * DAY_MS
"""Lessons begin within so long: a term, with what is planned of the next."""
HOT, HOT_PLACES = "hot", 100
KINDS = ("lecture", "science-class", "coaching", "science-show", "teacher-training", "practice")
VISIBILITIES = ("own", "district", "district", "city", "city", "public")
STYLES = ("动手实验", "启发提问", "故事引入", "小组探究", "")
HEADERS = {"Accept-Language": "en"}


@dataclass(frozen=True, slots=True)
class CatalogueOptions:
    lessons: int
    enrolments: int
    database: str
    """URL of an empty database; empty: SQLite in a directory of its own."""
    rounds: int
    storm: int
    """Enrolments in a second for the last 100 places."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What is in the database, row by row; times are counted from `now_ms`."""

    options: CatalogueOptions
    now_ms: int

    def rows(self) -> Iterator[tuple[Table, Iterator[dict[str, Any]]]]:
        yield places, self._places()
        yield school_classes, self._classes()
        yield people, ({"id": person, "name": person, "seen_ms": 0} for person, _ in self._persons())
        yield accounts, self._accounts()
        yield appointments, self._appointments()
        yield sign_ins, self._sign_ins()
        yield terms, iter((self._term(),))
        yield quotas, self._quotas()
        yield courses, self._courses()
        yield lessons, self._lessons()
        yield offers, self._offers()
        yield home_classes, iter((self._home(),))
        yield enrolments, self._enrolments()

    def _places(self) -> Iterator[dict[str, Any]]:
        row = {"timezone": "Asia/Shanghai", "made_ms": 1, "closed_ms": None}
        yield row | {"id": "c", "kind": "city", "parent_id": None, "path": "/c/", "name": "同课市"}
        for number in range(DISTRICTS):
            name = f"d{number}"
            kind = {"kind": "district", "parent_id": "c", "path": f"/c/{name}/"}
            yield row | kind | {"id": name, "name": f"{number}区"}
        for number in range(SCHOOLS):
            district, name = f"d{number % DISTRICTS}", f"s{number}"
            kind = {"kind": "school", "parent_id": district, "path": school_path(number)}
            yield row | kind | {"id": name, "name": f"第{number + 1}中学"}

    def _classes(self) -> Iterator[dict[str, Any]]:
        for number in range(CLASSES):
            school = number % SCHOOLS
            yield {
                "id": f"k{number}",
                "school_id": f"s{school}",
                "path": school_path(school),
                "name": f"{number // SCHOOLS + 1}班",
                "grade": 1 + number % 12,
                "at_home": False,
                "pupils": 40,
                "tutor_id": f"tutor-{number}",
                "closed_ms": None,
            }

    def _persons(self) -> Iterator[tuple[str, int]]:
        """Each school's organizer."""
        return ((f"organizer-{number}", number) for number in range(SCHOOLS))

    def _accounts(self) -> Iterator[dict[str, Any]]:
        for person, school in self._persons():
            words = {"password_hash": "", "email": "", "issuer": "", "subject": ""}
            who = {"person_id": person, "path": school_path(school), "login": person}
            yield words | who | {"made_ms": 1, "disabled_ms": None}

    def _appointments(self) -> Iterator[dict[str, Any]]:
        for person, school in self._persons():
            yield _office(person, school, "organizer", "")
        for number in range(CLASSES):
            yield _office(f"tutor-{number}", number % SCHOOLS, "tutor", f"k{number}")

    def _sign_ins(self) -> Iterator[dict[str, Any]]:
        for person, _ in self._persons():
            yield {
                "secret_hash": secret_hash(secret_of(person)),
                "person_id": person,
                "way": "password",
                "made_ms": self.now_ms,
                "seen_ms": self.now_ms,
                "ends_ms": self.now_ms + DAY_MS,
                "idle_ms": DAY_MS,
                "ended_ms": None,
            }

    def _term(self) -> dict[str, Any]:
        times = {"from_ms": self.now_ms - DAY_MS, "until_ms": self.now_ms + 2 * SPREAD_MS, "made_ms": 1}
        target = {"quota": 10_000_000, "target": 5, "target_delivered": 1, "delivered_grade": 7}
        return {"id": "term", "place_id": "c", "path": "/c/", "name": "Term"} | times | target

    def _quotas(self) -> Iterator[dict[str, Any]]:
        for number in range(SCHOOLS):
            row = {"term_id": "term", "provider_id": f"s{number}"}
            yield row | {"allowed": 10_000_000, "booked": 0}

    def _courses(self) -> Iterator[dict[str, Any]]:
        chance = random.Random(1)
        for number in range(self.options.lessons // LESSONS_EACH):
            subject, topic, school = chance.choice(SUBJECTS), chance.choice(TOPICS), number % SCHOOLS
            grade = chance.randrange(1, 10)
            yield {
                "id": f"course-{number}",
                "provider_id": f"s{school}",
                "path": school_path(school),
                "provider_name": f"第{school + 1}中学",
                "district_id": f"d{school % DISTRICTS}",
                "city_id": "c",
                "title": f"{subject}：{topic}（第{number}讲）",
                "subject": subject,
                "topic": topic,
                "kind": chance.choice(KINDS),
                "grade_from": grade,
                "grade_to": grade + chance.randrange(3),
                "master_id": "",
                "master_name": master_of(number),
                "style": chance.choice(STYLES),
                "language": "zh-CN",
                "summary": f"{topic}是怎么回事？带上纸和笔，一起来看。" * 3,
                "visibility": chance.choice(VISIBILITIES) if number else "city",
                "state": "published",
                "made_ms": 1,
                "made_by": "",
                "changed_ms": 1,
            }

    def starts_ms(self, number: int) -> int:
        return self.now_ms + DAY_MS + number * SPREAD_MS // self.options.lessons

    def _lessons(self) -> Iterator[dict[str, Any]]:
        row = {"state": "scheduled", "phase": "lecture", "recorded": True, "started_ms": 0, "ended_ms": 0}
        for number, lesson in self._numbered():
            starts_ms = self.starts_ms(number)
            times = {"starts_ms": starts_ms, "ends_ms": starts_ms + LENGTH_MS}
            yield row | times | {"id": lesson, "title": lesson, "shared": "{}", "master_id": None}

    def _numbered(self) -> Iterator[tuple[int, str]]:
        yield from ((number, f"lesson-{number}") for number in range(self.options.lessons))
        yield self.options.lessons, HOT

    def _offers(self) -> Iterator[dict[str, Any]]:
        taken = self.options.enrolments // self.options.lessons
        for number, lesson in self._numbered():
            starts_ms, hot = self.starts_ms(number), lesson == HOT
            course = 0 if hot else number // LESSONS_EACH
            school = course % SCHOOLS
            yield {
                "number": number + 1,
                "lesson_id": lesson,
                "course_id": f"course-{course}",
                "path": school_path(school),
                "title": f"第{number % LESSONS_EACH + 1}课",
                "starts_ms": starts_ms,
                "ends_ms": starts_ms + LENGTH_MS,
                "master_id": "",
                "master_name": master_of(course),
                "delivery": "live" if number % 7 else "to-school",
                "capacity": HOT_PLACES if hot else 400,
                "taken": 0 if hot else taken,
                "waiting": 0,
                "rooms": 0,
                "state": "open",
                "term_id": "term",
                "wanted": 0,
                "planned": 0,
                "changed_ms": 1,
            }

    def _home(self) -> dict[str, Any]:
        row = {"lesson_id": HOT, "class_id": "hot-home", "position": 0, "name": "居家班"}
        return row | {"tutor_id": "online", "size": 10, "taken": 0}

    def _enrolments(self) -> Iterator[dict[str, Any]]:
        each = self.options.enrolments // self.options.lessons
        for number in range(self.options.enrolments):
            lesson, place = divmod(number, each)
            pupil = (lesson * each + place) % PUPILS
            school = pupil % SCHOOLS
            starts_ms = self.starts_ms(lesson)
            yield {
                "number": number + 1,
                "id": f"e{number}",
                "lesson_id": f"lesson-{lesson}",
                "kind": "person",
                "party_id": f"pupil-{pupil}",
                "class_id": "",
                "path": school_path(school),
                "tutor_id": "",
                "places": 1,
                "state": "enrolled",
                "waits_for": "",
                "starts_ms": starts_ms,
                "ends_ms": starts_ms + LENGTH_MS,
                "made_ms": 1,
                "made_by": "",
                "ended_ms": None,
                "ended_by": None,
                "online": False,
                "attended": None,
            }


def master_of(course: int) -> str:
    """One of some eight hundred, in no order that an index could like."""
    number = course * 7_919
    return f"{SURNAMES[number % len(SURNAMES)]}老师{number // len(SURNAMES) % 40}"


def school_path(number: int) -> str:
    return f"/c/d{number % DISTRICTS}/s{number}/"


def secret_of(person: str) -> str:
    return f"{SIGN_IN_PREFIX}load-test-{person}"


def _office(person: str, school: int, office: str, class_id: str) -> dict[str, Any]:
    where = {"place_id": f"s{school}", "path": school_path(school), "class_id": class_id}
    about = {"course_id": "", "subject": "", "about_id": "", "from_ms": 0, "until_ms": None, "made_ms": 1}
    ends = {"made_by": "", "revoked_ms": None, "revoked_by": None}
    return {"id": f"{person}-{office}", "person_id": person, "office": office} | where | about | ends


async def fill(url: str, generated: Generated) -> float:
    """As it was when there first was a catalogue, then brought to what it is now: how long that took in s."""
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, FIRST_REVISION)
    for table, rows in generated.rows():
        await _insert(engine, table, rows)
    began = time.perf_counter()
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    migrated_s = time.perf_counter() - began
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        # As a database that has run for a night; and numbers that come next are behind those given here.
        await connection.execute(text("ANALYZE"))
        if engine.dialect.name == "postgresql":
            for name in ("offers", "enrolments"):
                last = f"(SELECT max(number) FROM {name})"
                await connection.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{name}', 'number'), {last})")
                )
    await engine.dispose()
    return migrated_s


async def _insert(engine: AsyncEngine, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while batch := list(itertools.islice(rows, AT_ONCE)):
        async with engine.begin() as connection:
            await connection.execute(insert(table), batch)


NOTHING = "量子纠缠"
ENOUGH = 10_000
"""Lessons, for each other question to find one."""
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("what comes next", {}),
    ("subject and grade", {"subject": "物理", "grade": "7"}),
    ("kind, places left, one month", {"kind": "practice", "places": "40", "month": "1"}),
    ("one teacher", {"master": "李老师7"}),
    ("search: a topic, 光的折射", {"q": "光的折射"}),
    ("search: said by most, 老师", {"q": "老师"}),
    ("search: rare, 第777讲", {"q": "第777讲"}),
    ("search with filters, 浮力", {"q": "浮力", "kind": "lecture", "grade": "5"}),
    ("search: nothing, 量子纠缠", {"q": NOTHING}),
)


async def catalogue(options: CatalogueOptions) -> Report:
    place = machine()
    with tempfile.TemporaryDirectory(prefix="tongke-catalogue-") as directory:
        data = Path(directory)
        url = options.database or f"sqlite+aiosqlite:///{data / 'tongke.db'}"
        generated = Generated(options, round(time.time() * 1000))
        began = time.perf_counter()
        migrated_s = await fill(url, generated)
        filled_s = time.perf_counter() - began
        arguments = ["--database", options.database] if options.database else []
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            ServerProcess(data=data, arguments=arguments) as server,
            aiohttp.ClientSession(server.url, connector=connector) as session,
        ):
            await _warm(session)
            asked = await _search(session, options, generated)
            alone = await _enrol(session, options)
            storm = await _storm(session, options)
    kind = "PostgreSQL" if options.database else "SQLite"
    title = f"{options.lessons:,} lessons and {options.enrolments:,} enrolments in {kind}"
    figures = [
        Figure("migrated_s", "migrations since the first catalogue", migrated_s, "s"),
        Figure("slowest_p95_ms", "the slowest question, p95", max(row.p95_ms for row in asked), "ms"),
        *itertools.chain.from_iterable(_figures(f"question_{n}", row) for n, row in enumerate(asked)),
        *_figures("enrol", alone),
        *_figures("storm", storm),
    ]
    return Report("catalogue", f"{title}, filled in {filled_s:.0f} s", place, tuple(figures))


@dataclass(frozen=True, slots=True)
class Answered:
    name: str
    times_ms: Sequence[float]
    """Rising."""

    @property
    def median_ms(self) -> float:
        return self.times_ms[len(self.times_ms) // 2]

    @property
    def p95_ms(self) -> float:
        return self.times_ms[min(len(self.times_ms) - 1, 95 * len(self.times_ms) // 100)]


def _figures(key: str, row: Answered) -> tuple[Figure, Figure]:
    return (
        Figure(f"{key}_ms", row.name, row.median_ms, "ms"),
        Figure(f"{key}_p95_ms", "  p95", row.p95_ms, "ms"),
    )


def _as(person: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret_of(person)}"} | HEADERS


async def _timed(ask: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    told = await ask()
    return 1000 * (time.perf_counter() - began), told


async def _warm(session: aiohttp.ClientSession) -> None:
    """Until the catalogue has been read."""
    async with session.get("/api/v1/catalogue", headers=_as("organizer-0")) as answer:
        assert answer.status == 200, await answer.text()


async def _search(
    session: aiohttp.ClientSession, options: CatalogueOptions, generated: Generated
) -> list[Answered]:
    rows = []
    for name, parameters in QUESTIONS:
        asked = {"limit": "24", **parameters}
        if asked.pop("month", ""):
            asked["starts_from"] = str(generated.now_ms + 30 * DAY_MS)
            asked["starts_until"] = str(generated.now_ms + 60 * DAY_MS)
        times, found = [], 0
        for number in range(options.rounds):
            who = f"organizer-{number % SCHOOLS}"

            async def ask(asked: dict[str, str] = asked, who: str = who) -> Any:
                async with session.get(f"/api/v1/catalogue?{urlencode(asked)}", headers=_as(who)) as answer:
                    body = await answer.json()
                    assert answer.status == 200, body
                    return body

            took_ms, body = await _timed(ask)
            times.append(took_ms)
            found = max(found, body["total"])
            await asyncio.sleep(0.02)
        # A question that finds nothing by mistake is quick, and says nothing.
        assert found or asked.get("q") == NOTHING or options.lessons < ENOUGH, name
        rows.append(Answered(f"{name} (up to {found:,} found)", sorted(times)))
    return rows


async def _put(session: aiohttp.ClientSession, lesson: str, number: int, body: dict[str, Any]) -> str:
    """What became of it: a state, or a problem."""
    path = f"/api/v1/catalogue/{lesson}/classes/k{number}"
    async with session.put(path, json=body, headers=_as(f"organizer-{number % SCHOOLS}")) as answer:
        told = await answer.json(content_type=None)
        return str(told.get("state") or told["type"])


async def _enrol(session: aiohttp.ClientSession, options: CatalogueOptions) -> Answered:
    """One after the other: each with all checks, and a commit to itself. What is measured are those that got
    places; a refusal costs less."""
    chance = random.Random(2)
    times, results = [], Counter[str]()
    for _ in range(10 * options.rounds):
        lesson, number = f"lesson-{chance.randrange(options.lessons)}", chance.randrange(CLASSES)

        async def ask(lesson: str = lesson, number: int = number) -> str:
            return await _put(session, lesson, number, {})

        took_ms, result = await _timed(ask)
        results[result.removeprefix("/problems/")] += 1
        if result == "enrolled":
            times.append(took_ms)
    return Answered(f"enrol a class: {_told(results)}", sorted(times))


async def _storm(session: aiohttp.ClientSession, options: CatalogueOptions) -> Answered:
    """So many in a second, evenly, for the last places of one lesson."""
    clock = asyncio.get_running_loop().time
    began = clock()

    async def one(number: int) -> tuple[float, str]:
        due = began + number / options.storm
        await asyncio.sleep(due - clock())
        result = await _put(session, HOT, number, {"places": 1})
        # Since it was due: a machine that is too busy to ask in time has made somebody wait, too.
        return 1000 * (clock() - due), result

    found = await asyncio.gather(*(one(number) for number in range(options.storm)))
    results = Counter(result.removeprefix("/problems/") for _, result in found)
    times = sorted(took_ms for took_ms, _ in found)
    return Answered(f"{options.storm} in a second for {HOT_PLACES} places: {_told(results)}", times)


def _told(results: Counter[str]) -> str:
    return ", ".join(f"{count:,} {result}" for result, count in results.most_common())
