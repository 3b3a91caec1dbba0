"""How long a district's people take to be looked at and imported, and what the server does meanwhile: how
long the longest of many small questions waited, which is how long nothing else went on."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from signaling.auth import Tokens

from ..figures import Figure, Report
from ..process import memory
from ..report import machine
from ..server import ServerProcess
from ..target import ScenarioFailed

PUPILS_OF_CLASS, CLASSES_OF_SCHOOL = 40, 25
ASKED_EVERY_S = 0.005
TOKEN_S = 3600
HEADS = "学校,年级,班级,姓名,账号,职务\n"
SURNAMES = "王李张刘陈杨黄赵吴周"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    rows: int
    encoding: str
    database: str
    """URL of an empty database; empty: SQLite in a directory of its own."""


def people(rows: int) -> Iterator[str]:
    """A district's pupils, class by class, with a tutor in each first place."""
    for number in range(rows):
        room, seat = divmod(number, PUPILS_OF_CLASS)
        school, in_school = divmod(room, CLASSES_OF_SCHOOL)
        grade = 1 + in_school // 3
        office = "学生" if seat else "辅导教师"
        name = f"{SURNAMES[number % 10]}{number}"
        yield f"第{school + 1}中学,{grade},{grade}年级{in_school % 3 + 1}班,{name},n{number:07},{office}\n"


@dataclass(slots=True)
class Waited:
    """The longest answers to a question that costs nothing."""

    longest_ms: float = 0.0


@asynccontextmanager
async def asking(session: aiohttp.ClientSession) -> AsyncIterator[Waited]:
    waited = Waited()

    async def ask() -> None:
        while True:
            began = time.perf_counter()
            async with session.get("/healthz") as answer:
                await answer.read()
            waited.longest_ms = max(waited.longest_ms, 1000 * (time.perf_counter() - began))
            await asyncio.sleep(ASKED_EVERY_S)

    task = asyncio.create_task(ask())
    try:
        yield waited
    finally:
        task.cancel()
        await asyncio.wait([task])


async def imports(options: ImportOptions) -> Report:
    place = machine()
    file = (HEADS + "".join(people(options.rows))).encode(options.encoding)
    arguments = ["--database", options.database] if options.database else []
    with tempfile.TemporaryDirectory(prefix="tongke-import-") as directory:
        data = Path(directory)
        async with ServerProcess(data=data, arguments=arguments) as server:
            token = Tokens.open(data).issue(
                person="organizer", role="organizer", lesson="none", now=time.time(), ttl_s=TOKEN_S
            )
            headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
            connector = aiohttp.TCPConnector(limit=0)
            timeout = aiohttp.ClientTimeout(total=TOKEN_S)
            async with aiohttp.ClientSession(
                server.url, headers=headers, connector=connector, timeout=timeout
            ) as session:
                figures = await _measured(session, server.pid, file)
    kind = "PostgreSQL" if options.database else "SQLite"
    title = f"{options.rows:,} rows, {len(file) / 1e6:.1f} MB of CSV ({options.encoding}), {kind}"
    return Report("import", title, place, tuple(figures))


async def _measured(session: aiohttp.ClientSession, pid: int, file: bytes) -> list[Figure]:
    for made in (
        {"kind": "city", "id": "c", "name": "同课市"},
        {"kind": "district", "id": "d", "name": "东区", "parent": "c"},
    ):
        async with session.post("/api/v1/places", json=made) as answer:
            if answer.status != 201:
                raise ScenarioFailed(await answer.text())
    figures = []
    async with asking(session) as quiet:
        await asyncio.sleep(2)
    figures.append(Figure("quiet_longest_ms", "longest answer with nothing to do", quiet.longest_ms, "ms"))
    digest, before = "", memory(pid).rss_octets
    for key, label in (("look", "looked at"), ("take", "taken"), ("again", "looked at again")):
        path = f"/api/v1/imports{'' if key == 'take' else '/preview'}"
        began = time.perf_counter()
        async with asking(session) as waited:
            told = await _sent(session, path, {"place": "d"} | ({"digest": digest} if digest else {}), file)
        digest = told["digest"]
        figures += [
            Figure(f"{key}_s", label, time.perf_counter() - began, "s"),
            Figure(f"{key}_longest_ms", "  longest answer meanwhile", waited.longest_ms, "ms"),
        ]
    more = (memory(pid).rss_octets - before) / 1e6
    return [*figures, Figure("memory_mb", "memory of the server, more than before", more, "MB")]


async def _sent(
    session: aiohttp.ClientSession, path: str, query: dict[str, str], file: bytes
) -> dict[str, Any]:
    """Raises ScenarioFailed."""
    async with session.post(path, params=query, data=file) as answer:
        told: dict[str, Any] = await answer.json(content_type=None)
    if answer.status != 200 or told["fault_count"]:
        raise ScenarioFailed(str(told)[:400])
    return told
