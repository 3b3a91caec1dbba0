"""How long the library takes to answer when it is large: lists, facets and searches over HTTP, of a server
whose database was filled with generated items."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.library.words import words
from classroom.store.engine import make_engine
from classroom.store.library_search import NOTED, WORDS
from classroom.store.library_tables import library_items, library_places
from classroom.store.migrate import upgrade
from recorder.library import ItemView
from signaling.auth import Tokens

from ..figures import Figure, Report
from ..report import machine
from ..server import ServerProcess

SUBJECTS = (
    "数学",
    "物理",
    "化学",
    "生物",
    "地理",
    "历史",
    "语文",
    "英语",
    "科学",
    "信息科技",
    "音乐",
    "美术",
)
TOPICS = (
    *("光合作用", "勾股定理", "电磁感应", "化学平衡", "板块构造", "唐诗欣赏", "二次函数", "浮力", "细胞分裂"),
    *(
        "月相变化",
        "丝绸之路",
        "排列组合",
        "氧化还原",
        "杠杆原理",
        "食物链",
        "光的折射",
        "天气系统",
        "机器学习",
    ),
)
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张"
SENTENCES = (
    *("为什么叶片是绿色的", "这一步怎么推导", "请再讲一遍", "老师好", "答案是十二"),
    *("电流方向怎么判断", "我们班有一个问题", "阴影部分", "密度和温度有关吗", "谢谢老师", "听得很清楚"),
)
FIRST_MS = 1_600_000_000_000
EVERY_MS = 900_000
AT_ONCE = 2_000
NOTED_EVERY = 20
"""Of so many items one has a supervisor's note."""


@dataclass(frozen=True, slots=True)
class LibraryOptions:
    items: int
    database: str
    """URL of an empty database; empty: SQLite in a directory of its own."""
    rounds: int


@dataclass(frozen=True, slots=True)
class Item:
    row: dict[str, Any]
    """Of library_items."""
    words: list[str]
    noted: list[str]
    """The same with a supervisor's note; empty: it has none."""
    school: str


def generated(count: int, seed: int = 1) -> Iterator[Item]:
    """The oldest first."""
    chance = random.Random(seed)
    for number in range(1, count + 1):
        subject, topic = chance.choice(SUBJECTS), chance.choice(TOPICS)
        master = f"{chance.choice(SURNAMES)}老师{chance.randrange(40)}"
        school = f"第{1 + chance.randrange(300)}中学"
        started_ms = FIRST_MS + number * EVERY_MS
        title = f"{subject}：{topic}（第{number}课）"
        chat = [f"{chance.choice(SENTENCES)}{chance.randrange(1000)}" for _ in range(12)]
        row = {
            "number": number,
            "id": f"item-{number}",
            "lesson_id": f"lesson-{number}",
            "title": title,
            "subject": subject,
            "provider": school,
            "district": f"{number % 16}区",
            "master": master,
            "people": master,
            "month": time.strftime("%Y-%m", time.gmtime(started_ms / 1000)),
            "state": "ready",
            "started_ms": started_ms,
            "duration_ms": 2_700_000,
            "complete": 1.0,
            "media": _media(number, title, started_ms),
            "indexed_seq": 0,
            "visibility": chance.choice(("lesson", "school", "school", "district", "all")),
        }
        texts = [title, subject, master, school, *chat]
        note = f"板书清晰，{chance.choice(SENTENCES)}"
        noted = [] if number % NOTED_EVERY else words([note, *texts])
        yield Item(row, words(texts), noted, school)


def _media(number: int, title: str, started_ms: int) -> str:
    started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(started_ms / 1000))
    view = ItemView(
        id=f"item-{number}",
        lesson=f"lesson-{number}",
        title=title,
        state="ready",
        started_at=started,
        duration_s=2700.0,
        tracks=[],
        complete=1.0,
    )
    return msgspec.json.encode(view).decode()


async def fill(url: str, count: int) -> None:
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    items = generated(count)
    while batch := list(itertools.islice(items, AT_ONCE)):
        await _insert(engine, batch)
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        # As a database that has run for a night.
        await connection.execute(text("ANALYZE"))
        if engine.dialect.name == "postgresql":
            tables = f"library_items, library_places, {WORDS}, {NOTED}"
            await connection.execute(text(f"VACUUM ANALYZE {tables}"))
    await engine.dispose()


async def _insert(engine: Any, batch: Sequence[Item]) -> None:
    async with engine.begin() as connection:
        await connection.execute(insert(library_items), [one.row for one in batch])
        places = [{"item_id": one.row["id"], "school": one.school} for one in batch]
        await connection.execute(insert(library_places), places)
        await _insert_words(connection, WORDS, {one.row["number"]: one.words for one in batch})
        noted = {one.row["number"]: one.noted for one in batch if one.noted}
        await _insert_words(connection, NOTED, noted)


async def _insert_words(connection: AsyncConnection, table: str, words: Mapping[int, list[str]]) -> None:
    """By number of the item, as `library_search.put_words`, many at once."""
    postgresql = connection.dialect.name == "postgresql"
    made = text(
        f"INSERT INTO {table} VALUES (:number, array_to_tsvector(CAST(:words AS text[])))"
        if postgresql
        else f"INSERT INTO {table} (rowid, words) VALUES (:number, :words)"
    )
    rows = [
        {"number": number, "words": found if postgresql else " ".join(found)}
        for number, found in words.items()
    ]
    await connection.execute(made, rows)


QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("newest", {}),
    ("second page", {"after": f"{FIRST_MS + 50_000 * EVERY_MS}-50000"}),
    ("one subject", {"subject": "物理"}),
    ("subject and month", {"subject": "数学", "month": "2021-03"}),
    ("search: rare, 第77777课", {"q": "第77777课"}),
    ("search: a topic, 合作用", {"q": "合作用"}),
    ("search: said by most, 老师", {"q": "老师"}),
    ("search: two words, 浮力 李老师", {"q": "浮力 李老师"}),
    ("search: in notes, 板书清晰", {"q": "板书清晰"}),
    ("search: nothing, 量子纠缠", {"q": "量子纠缠"}),
)
WHO: tuple[tuple[str, dict[str, Any]], ...] = (
    ("organizer", {"role": "organizer"}),
    ("supervisor", {"role": "supervisor", "scopes": ["district:3区"]}),
    ("teacher", {"role": "tutor", "scopes": ["school:第7中学", "district:3区"]}),
)


async def library(options: LibraryOptions) -> Report:
    place = machine()
    with tempfile.TemporaryDirectory(prefix="tongke-library-") as directory:
        data = Path(directory)
        url = options.database or f"sqlite+aiosqlite:///{data / 'tongke.db'}"
        began = time.perf_counter()
        await fill(url, options.items)
        filled_s = time.perf_counter() - began
        arguments = ["--database", options.database] if options.database else []
        async with ServerProcess(data=data, arguments=arguments) as server:
            rows = await _ask(server.url, Tokens.open(data), options.rounds)
    kind = "PostgreSQL" if options.database else "SQLite"
    figures = [
        Figure("slowest_median_ms", "the slowest question, median", max(r.median_ms for r in rows), "ms"),
        Figure("slowest_p95_ms", "the slowest question, p95", max(r.p95_ms for r in rows), "ms"),
    ]
    for number, row in enumerate(rows):
        figures.append(
            Figure(f"question_{number}_ms", f"{row.name} ({row.found:,} found)", row.median_ms, "ms")
        )
        figures.append(Figure(f"question_{number}_p95_ms", "  p95", row.p95_ms, "ms"))
    return Report(
        scenario="library",
        title=f"{options.items:,} items in {kind}, filled in {filled_s:.0f} s, {options.rounds} times each",
        machine=place,
        figures=tuple(figures),
    )


@dataclass(frozen=True, slots=True)
class Answered:
    name: str
    median_ms: float
    p95_ms: float
    found: int


async def _ask(url: str, tokens: Tokens, rounds: int) -> list[Answered]:
    rows = []
    async with aiohttp.ClientSession() as session:
        for who, claims in WHO:
            token = tokens.issue(
                person=who, lesson="none", now=time.time(), ttl_s=3600, **{"name": who, **claims}
            )
            headers = {"Authorization": f"Bearer {token}"}
            for name, parameters in QUESTIONS:
                times, found = [], 0
                for _ in range(rounds):
                    began = time.perf_counter()
                    address = f"{url}/api/v1/library?{urlencode({'limit': '24', **parameters})}"
                    async with session.get(address, headers=headers) as answer:
                        body = await answer.json()
                    times.append(1000 * (time.perf_counter() - began))
                    assert answer.status == 200, body
                    found = body["total"]
                    await asyncio.sleep(0.02)
                times.sort()
                p95 = times[min(len(times) - 1, 95 * len(times) // 100)]
                rows.append(Answered(f"{who}, {name}", times[len(times) // 2], p95, found))
    return rows
