"""People come and go by every way during a lesson, and nothing of them stays; `load_tests soak` goes on."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from load_tests.bot import Publisher
from load_tests.door import Door
from load_tests.dtls import Identity
from load_tests.media import Microphone
from load_tests.visitor import SMALL, send, watch
from load_tests.websocket import WebSocketDoor
from load_tests.whip import WhipClient
from recorder import supervisor
from signaling import keys
from signaling.app import Server, running
from signaling.auth import Tokens
from signaling.config import Config

WAYS = ("udp", "tcp", "websocket", "whip")
WARM_UP, CYCLES = 2, 8
"""Visits of each way before the first census, and after it."""
RESUME_S = 0.5
"""How long a lost page is waited for; those who leave are not lost."""
CONSENT_S = 5.0
"""How long a connection from which nothing comes is taken to live: longer than a busy machine pauses."""
POOLED = 5
"""Connections that SQLAlchemy's pool keeps when they have been used once; each has a thread and its files."""
CONNECTION_THREAD = "_connection_worker_thread"


class Classroom:
    """A server in this process, with a teacher on the air."""

    def __init__(self, server: Server, data: Path, doors: dict[str, Door], identity: Identity) -> None:
        self.server, self.doors, self.identity = server, doors, identity
        self._tokens = Tokens.open(data)
        self._database = str(data / "tongke.db")
        self._visitors = 0

    def token(self, role: str) -> str:
        self._visitors += 1
        person = f"{role}-{self._visitors}"
        return self._tokens.issue(
            person=person, role=role, lesson="demo", now=time.time(), ttl_s=600, name=person
        )

    async def visit(self, way: str, *, vanishes: bool) -> None:
        door = self.doors[way]
        if way == "whip":
            await send(self.identity, door, "demo", self.token("encoder"), vanishes=vanishes)
        else:
            await watch(way, self.identity, door, "demo", self.token("student"), vanishes=vanishes)

    def census(self) -> dict[str, int]:
        """What a server holds, down to tasks and file descriptors of its process. What grows to a bound as it
        is used is no leak: the event loop's own pool of threads, the database's of connections."""
        threads = [each.name for each in threading.enumerate() if not each.name.startswith("asyncio_")]
        connections = sum(CONNECTION_THREAD in name for name in threads)
        return {
            **self.server.app[keys.SFU].census(),
            "tasks": len(asyncio.all_tasks()),
            "threads": len(threads) - min(connections, POOLED),
            "descriptors": sum(1 for _ in self._open_files()),
        }

    def _open_files(self) -> Iterator[str]:
        """Those of the database come and go with its connections' threads, and later: SQLite closes none as
        long as another connection has a lock on the same file."""
        for descriptor in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                target = str(descriptor.readlink())
                if not target.startswith(self._database):
                    yield target


@asynccontextmanager
async def on_air(publisher: Publisher, door: Door, token: str) -> AsyncIterator[None]:
    await publisher.join(door, "demo", token)
    sending = asyncio.create_task(publisher.run())
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        await publisher.leave(door)


@pytest_asyncio.fixture
async def classroom(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Classroom]:
    shutil.copyfile(migrated_file, tmp_path / "tongke.db")
    # A spare recorder belongs to nobody who comes or goes, and would start in the middle of the count.
    monkeypatch.setattr(supervisor, "SPARE_AFTER_S", 3600.0)
    async with AsyncExitStack() as stack:
        config = Config(
            port=0,
            media_port=0,
            data=tmp_path,
            demo=True,
            resume_s=RESUME_S,
            consent_timeout_s=CONSENT_S,
        )
        server = await stack.enter_async_context(running(config))
        url = f"http://127.0.0.1:{server.port}"
        pages = await stack.enter_async_context(WebSocketDoor(url))
        http = await stack.enter_async_context(WhipClient(url))
        doors: dict[str, Door] = {"udp": http, "tcp": http, "websocket": pages, "whip": http}
        classroom = Classroom(server, tmp_path, doors, Identity())
        teacher = Publisher(classroom.identity, SMALL, Microphone())
        await stack.enter_async_context(on_air(teacher, http, classroom.token("encoder")))
        yield classroom


async def visits(classroom: Classroom, way: str, count: int, *, vanishes: bool) -> None:
    for _ in range(count):
        await classroom.visit(way, vanishes=vanishes)


async def nothing_stays(
    classroom: Classroom, before: dict[str, int], until: Callable[..., Awaitable[None]]
) -> None:
    def left() -> dict[str, int]:
        return {name: count for name, count in classroom.census().items() if count > before[name]}

    with contextlib.suppress(TimeoutError):
        await until(lambda: not left())
    assert left() == {}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_of_those_who_left_stays(
    classroom: Classroom, until: Callable[..., Awaitable[None]], way: str
) -> None:
    await visits(classroom, way, WARM_UP, vanishes=False)
    before = classroom.census()
    await visits(classroom, way, CYCLES, vanishes=False)
    await nothing_stays(classroom, before, until)


async def test_nothing_of_those_who_vanished_stays(
    classroom: Classroom, until: Callable[..., Awaitable[None]]
) -> None:
    """By every way, so that their connections are waited for at the same time."""
    for way in WAYS:
        await visits(classroom, way, WARM_UP, vanishes=False)
    before = classroom.census()
    for way in WAYS:
        await visits(classroom, way, CYCLES, vanishes=True)
    await nothing_stays(classroom, before, until)
