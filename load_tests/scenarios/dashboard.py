"""How long the organizers' dashboard takes over a thousand schools with two thousand lessons a day: by HTTP,
of a server whose database was filled with a month of them.

What is asked of today is looked up once for all who ask within some seconds; so the first who asks is
measured apart, by days that nobody has asked for."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from sqlalchemy import Table, insert, text

from classroom.network.dashboard import day_of
from classroom.network.model import TIMEZONE
from classroom.store import lesson_sums
from classroom.store.catalogue_tables import offers, quotas, terms
from classroom.store.engine import make_engine
from classroom.store.library_tables import library_items
from classroom.store.migrate import upgrade
from classroom.store.network_tables import accounts, appointments, places, school_classes, sign_ins
from classroom.store.supervision_tables import review_problems, reviews
from classroom.store.tables import classes, lessons, people, presence, quality_sums, refused_entries
from signaling.network.principals import secret_hash

from ..figures import Figure, Report
from ..process import usage
from ..report import machine
from ..server import ServerProcess
from .catalogue import Answered, secret_of
from .library import TOPICS

AT_ONCE: Final = 5_000
DISTRICTS, CLASSES_EACH, PROVIDERS = 20, 4, 20
TAKEN_BY = 3
"""Classes in a lesson: each with its room's device and its tutor, beside the master."""
DAY_MS, HOUR_MS, LENGTH_MS = 86_400_000, 3_600_000, 2_700_000
PROBLEMS = 5_000


@dataclass(frozen=True, slots=True)
class DashboardOptions:
    schools: int
    lessons: int
    """A day."""
    days: int
    rounds: int
    database: str
    """URL of an empty database; empty: SQLite in a directory of its own."""


@dataclass(frozen=True, slots=True)
class Month:
    """What is in the database, row by row; today is the last day of it."""

    options: DashboardOptions
    now_ms: int

    def rows(self) -> Iterator[tuple[Table, Iterator[dict[str, Any]]]]:
        yield places, self._places()
        yield school_classes, self._school_classes()
        yield people, ({"id": person, "name": person, "seen_ms": 0} for person, _ in self.organizers())
        yield accounts, self._accounts()
        yield appointments, self._appointments()
        yield sign_ins, self._sign_ins()
        yield terms, iter((self._term(),))
        yield quotas, self._quotas()
        yield lessons, map(self._lesson, self._numbers())
        yield offers, map(self._offer, self._numbers())
        yield classes, self._classes()
        yield presence, self._presence()
        yield quality_sums, self._quality()
        yield refused_entries, self._refused()
        yield library_items, map(self._item, self._numbers())
        yield reviews, map(self._review, range(PROBLEMS))
        yield review_problems, map(self._problem, range(PROBLEMS))

    def organizers(self) -> Iterator[tuple[str, str]]:
        """And the path of their place."""
        yield "of-city", "/c/"
        for number in range(DISTRICTS):
            yield f"of-d{number}", f"/c/d{number}/"
        for number in range(min(50, self.options.schools)):
            yield f"of-s{number}", self.school(number)

    def school(self, number: int) -> str:
        return f"/c/d{number % DISTRICTS}/s{number}/"

    def _numbers(self) -> range:
        return range(self.options.lessons * self.options.days)

    def starts_ms(self, number: int) -> int:
        """Evenly from eight in the morning to five."""
        day, of_day = divmod(number, self.options.lessons)
        begins, _ = day_of(None, TIMEZONE, self.now_ms)
        begins -= (self.options.days - 1 - day) * DAY_MS
        return begins + 8 * HOUR_MS + of_day * 9 * HOUR_MS // self.options.lessons

    def taken_by(self, number: int) -> list[tuple[str, int]]:
        """Classes, with the numbers of their schools."""
        chance = random.Random(number)
        found = chance.sample(range(self.options.schools * CLASSES_EACH), TAKEN_BY)
        return [(f"k{each}", each % self.options.schools) for each in found]

    def _places(self) -> Iterator[dict[str, Any]]:
        row = {"timezone": TIMEZONE, "made_ms": 1, "closed_ms": None}
        yield row | {"id": "c", "kind": "city", "parent_id": None, "path": "/c/", "name": "同课市"}
        for number in range(DISTRICTS):
            kind = {"kind": "district", "parent_id": "c", "path": f"/c/d{number}/"}
            yield row | kind | {"id": f"d{number}", "name": f"{number}区"}
        for number in range(self.options.schools):
            where = {"parent_id": f"d{number % DISTRICTS}", "path": self.school(number)}
            yield row | {"kind": "school", "id": f"s{number}", "name": f"第{number + 1}小学"} | where
        for number in range(PROVIDERS):
            where = {"parent_id": "c", "path": f"/c/p{number}/"}
            yield row | {"kind": "provider", "id": f"p{number}", "name": f"第{number + 1}科技馆"} | where

    def _school_classes(self) -> Iterator[dict[str, Any]]:
        about = {"grade": 3, "at_home": False, "pupils": 40, "tutor_id": None, "closed_ms": None}
        for number in range(self.options.schools * CLASSES_EACH):
            school = number % self.options.schools
            who = {"id": f"k{number}", "school_id": f"s{school}", "path": self.school(school)}
            yield about | who | {"name": f"{number}班"}

    def _accounts(self) -> Iterator[dict[str, Any]]:
        words = {"password_hash": "", "email": "", "issuer": "", "subject": "", "disabled_ms": None}
        for person, path in self.organizers():
            yield words | {"person_id": person, "path": path, "login": person, "made_ms": 1}

    def _appointments(self) -> Iterator[dict[str, Any]]:
        about = {"class_id": "", "course_id": "", "subject": "", "about_id": "", "from_ms": 0}
        ends = {"until_ms": None, "made_ms": 1, "made_by": "", "revoked_ms": None, "revoked_by": None}
        for person, path in self.organizers():
            where = {"place_id": path.split("/")[-2], "path": path}
            yield about | ends | where | {"id": f"{person}-o", "person_id": person, "office": "organizer"}

    def _sign_ins(self) -> Iterator[dict[str, Any]]:
        when = {"made_ms": self.now_ms, "seen_ms": self.now_ms, "ends_ms": self.now_ms + DAY_MS}
        for person, _ in self.organizers():
            who = {"secret_hash": secret_hash(secret_of(person)), "person_id": person, "way": "password"}
            yield when | who | {"idle_ms": DAY_MS, "ended_ms": None}

    def _term(self) -> dict[str, Any]:
        plan = {"id": "t", "place_id": "c", "path": "/c/", "name": "秋季", "quota": 10_000, "target": 5}
        times = {"from_ms": self.now_ms - 90 * DAY_MS, "until_ms": self.now_ms + 90 * DAY_MS, "made_ms": 1}
        return plan | times | {"target_delivered": 1, "delivered_grade": 7}

    def _quotas(self) -> Iterator[dict[str, Any]]:
        providers = [f"p{number}" for number in range(PROVIDERS)]
        for number, provider in enumerate((*providers, *(f"s{n}" for n in range(self.options.schools)))):
            row = {"term_id": "t", "provider_id": provider, "allowed": 10_000}
            yield row | {"booked": number * 7 % 10_000}

    def _lesson(self, number: int) -> dict[str, Any]:
        starts = self.starts_ms(number)
        began, over = starts <= self.now_ms, starts + LENGTH_MS <= self.now_ms
        state = "ended" if over else "live" if began else "scheduled"
        times = {"starts_ms": starts, "ends_ms": starts + LENGTH_MS, "started_ms": starts if began else 0}
        row: dict[str, Any] = {
            "id": f"l{number}",
            "title": TOPICS[number % len(TOPICS)],
            "state": state,
            "phase": "lecture",
        }
        row |= {"recorded": True, "shared": "{}", "master_id": None}
        return row | times | {"ended_ms": starts + LENGTH_MS if over else 0}

    def _offer(self, number: int) -> dict[str, Any]:
        starts = self.starts_ms(number)
        row: dict[str, Any] = {"number": number + 1, "lesson_id": f"l{number}", "course_id": "x"}
        row |= {"path": f"/c/p{number % PROVIDERS}/", "title": TOPICS[number % len(TOPICS)]}
        row |= {"starts_ms": starts, "ends_ms": starts + LENGTH_MS, "master_id": "", "master_name": ""}
        row |= {"delivery": "live", "capacity": 200, "taken": 120, "waiting": 0, "rooms": TAKEN_BY}
        row |= {"state": "open", "term_id": "t", "wanted": 0, "planned": 0, "changed_ms": 1}
        return row

    def _classes(self) -> Iterator[dict[str, Any]]:
        about = {"tutor_id": None, "school": "", "at_home": False, "pupils": 40}
        for number in self._numbers():
            for position, (class_id, _) in enumerate(self.taken_by(number)):
                where = {"lesson_id": f"l{number}", "id": class_id, "position": position, "name": class_id}
                yield about | where

    def _presence(self) -> Iterator[dict[str, Any]]:
        for number in self._numbers():
            starts = self.starts_ms(number)
            if starts > self.now_ms:
                continue
            who = [
                ("master", None),
                *((role, k) for k, _ in self.taken_by(number) for role in ("room", "tutor")),
            ]
            for seq, (role, class_id) in enumerate(who, 1):
                lost = (number + seq) % 50 == 0
                row = {"lesson_id": f"l{number}", "seq": seq, "person_id": f"{role}-{class_id}", "role": role}
                times = {"joined_ms": starts, "left_ms": starts + LENGTH_MS}
                yield row | times | {"class_id": class_id, "cause": "lost" if lost else "ended"}

    def _quality(self) -> Iterator[dict[str, Any]]:
        for number in self._numbers():
            for class_id, _ in self.taken_by(number):
                row = {"lesson_id": f"l{number}", "class_id": class_id, "seconds": 5_400, "frozen_s": 2}
                yield row | {"fair_s": number % 300, "poor_s": number % 60}

    def _refused(self) -> Iterator[dict[str, Any]]:
        for number in self._numbers()[::10]:
            row = {"id": f"r{number}", "lesson_id": f"l{number}", "person_id": "x", "role": "student"}
            yield row | {"at_ms": self.starts_ms(number), "reason": "lesson_full"}

    def _item(self, number: int) -> dict[str, Any]:
        row = {"number": number + 1, "id": f"i{number}", "lesson_id": f"l{number}", "state": "ready"}
        row |= {"title": "", "started_ms": self.starts_ms(number), "media": "x" * 1_000}
        return row | {"path": f"/c/p{number % PROVIDERS}/", "bytes": 500_000_000, "indexed_seq": 10**9}

    def _review(self, number: int) -> dict[str, Any]:
        row = {"id": f"v{number}", "lesson_id": f"l{number}", "path": f"/c/p{number % PROVIDERS}/"}
        row |= {"supervisor_id": "s", "credential_id": "", "item_id": "", "scores": "{}", "text": ""}
        return row | {"at_ms": number, "seen_ms": None, "seen_by": None}

    def _problem(self, number: int) -> dict[str, Any]:
        row = {"id": f"w{number}", "review_id": f"v{number}", "lesson_id": f"l{number}", "position": 0}
        row |= {"path": f"/c/p{number % PROVIDERS}/", "kind": "late", "text": "晚开始", "item_id": ""}
        row |= {"state": "closed" if number % 10 else "open", "opened_ms": number, "changed_ms": number}
        return row | {"item_ms": None, "changed_by": "s", "answer": "", "closing": ""}


async def dashboard(options: DashboardOptions) -> Report:
    place = machine()
    with tempfile.TemporaryDirectory(prefix="tongke-dashboard-") as directory:
        data = Path(directory)
        url = options.database or f"sqlite+aiosqlite:///{data / 'tongke.db'}"
        month = Month(options, round(time.time() * 1000))
        began = time.perf_counter()
        await _fill(url, month)
        filled_s = time.perf_counter() - began
        arguments = ["--database", options.database] if options.database else []
        async with (
            ServerProcess(data=data, arguments=arguments) as server,
            aiohttp.ClientSession(server.url) as session,
        ):
            asked = await _ask_all(session, month, server.pid)
    kind = "PostgreSQL" if options.database else "SQLite"
    title = f"{options.schools:,} schools, {options.lessons:,} lessons a day, {options.days} days in {kind}"
    figures = itertools.chain.from_iterable(
        (
            Figure(f"{key}_ms", row.name, row.median_ms, "ms"),
            Figure(f"{key}_p95_ms", "  p95", row.p95_ms, "ms"),
            Figure(f"{key}_cpu_ms", "  CPU of the server, mean", cpu_ms, "ms"),
        )
        for key, (row, cpu_ms) in asked.items()
    )
    return Report("dashboard", f"{title}, filled in {filled_s:.0f} s", place, tuple(figures))


async def _fill(url: str, month: Month) -> None:
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    for table, rows in month.rows():
        while batch := list(itertools.islice(rows, AT_ONCE)):
            async with engine.begin() as connection:
                await connection.execute(insert(table), batch)
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        # As the database of a server that has run for a night; and so what lessons came to is kept.
        await connection.execute(text("ANALYZE"))
    after_ms = 0
    while True:
        async with engine.begin() as connection:
            due = await connection.run_sync(lesson_sums.due, after_ms, month.now_ms)
            await lesson_sums.keep(connection, [each.lesson for each in due])
        if not due:
            break
        after_ms = due[-1].started_ms
    await engine.dispose()


async def _ask_all(
    session: aiohttp.ClientSession, month: Month, pid: int
) -> dict[str, tuple[Answered, float]]:
    rounds, days = month.options.rounds, _days(month)
    schools = [name for name, path in month.organizers() if path.count("/") == 4]
    districts = [f"of-d{number}" for number in range(DISTRICTS)]
    city, few = ["of-city"], max(3, rounds // 10)
    questions: dict[str, Question] = {
        "first": Question("a day that nobody has asked for, the city's", city, rounds, days=days),
        "city": Question("today, the city's", city, rounds),
        "district": Question("today, a district's", districts, rounds),
        "school": Question("today, a school's", schools, rounds),
        "table": Question("500 rows of lessons, the city's", city, rounds, path="/lessons"),
        "csv": Question("all lessons as CSV", city, rounds, path="/lessons/csv"),
        "xlsx": Question("all tables as XLSX", city, few, path=".xlsx"),
    }
    await _asked(session, Question("", city, 1))
    found = {}
    for key, question in questions.items():
        before_s = usage(pid).process_s
        answered = await _asked(session, question)
        found[key] = answered, 1000 * (usage(pid).process_s - before_s) / question.rounds
    return found


def _days(month: Month) -> Sequence[str]:
    """Of before today."""
    found = (month.now_ms / 1000 - back * DAY_MS / 1000 for back in range(1, month.options.days))
    return [time.strftime("%Y-%m-%d", time.gmtime(each + 8 * 3600)) for each in found]


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    people: Sequence[str]
    rounds: int
    days: Sequence[str] = ("",)
    path: str = ""


async def _asked(session: aiohttp.ClientSession, question: Question) -> Answered:
    times = []
    for number in range(question.rounds):
        person, day = (each[number % len(each)] for each in (question.people, question.days))
        head = {"Authorization": f"Bearer {secret_of(person)}", "Accept-Language": "en"}
        began = time.perf_counter()
        url = f"/api/v1/dashboard{question.path}"
        async with session.get(url, headers=head, params={"day": day}) as answer:
            body = await answer.read()
            assert answer.status == 200, body
        times.append(1000 * (time.perf_counter() - began))
    return Answered(question.name, sorted(times))
