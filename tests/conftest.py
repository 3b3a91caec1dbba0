"""What tests of several packages share: a free port, a clock of their own, a real server, a real browser."""

from __future__ import annotations

import asyncio
import gc
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from playwright.async_api import Browser, async_playwright
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from load_tests.server import ServerProcess
from load_tests.server import free_port as find_free_port

# The same examples in every run: what a test finds it finds always. The fuzzers look further.
settings.register_profile("tongke", derandomize=True, deadline=None, database=None)
settings.load_profile("tongke")

CHROMIUM = "/usr/bin/chromium"
TURNSERVER = "turnserver"
TURN_SECRET = "north"
POSTGRES_ROLE = "tongke"
POSTGRES_INITDB = ("--no-sync", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions")
POSTGRES_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
)
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--no-first-run",
    # Popups of an address bar that nobody sees are pages of their own: a second of processor for each window.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,"
    # Chromium reads this switch once: what Playwright's own names is named again.
    "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,MediaRouter,OptimizationHints,NetworkTimeServiceQuerying,"
    "LensOverlay,PaintHolding,DestroyProfileOnBrowserClose,ThirdPartyStoragePartitioning",
]


WITH_A_BROWSER = (
    "tests/browser/",
    "tests/signaling/test_real_chromium.py",
    "tests/signaling/test_real_layers.py",
)
WAITING = (
    *("tests/scenarios/", "tests/load_tests/test_scenarios.py", "tests/recorder/test_supervisor.py"),
    *("tests/signaling/test_real_clients.py", "tests/signaling/test_real_coturn.py"),
)
"""For real time to pass, mostly: media is sent, processes start."""
FIRST = (
    "tests/browser/test_accessibility.py",
    "tests/browser/test_whip_whep.py",
    "tests/browser/test_whole_lesson.py",
    # A film is made at the lowest priority: when those who wait have ended.
    "tests/browser/test_film.py",
    "tests/browser/test_supervision.py",
    "tests/browser/test_clips.py",
    "tests/signaling/test_real_layers.py",
    # They wait, while the browsers that are busiest have the processors.
    "tests/load_tests/test_scenarios.py",
    "tests/scenarios/test_churn.py",
    "tests/scenarios/test_encoder_to_library.py",
    "tests/recorder/test_supervisor.py",
    "tests/scenarios/test_server_killed.py",
    "tests/scenarios/test_master_lost.py",
    "tests/scenarios/test_postgresql.py",
    "tests/classroom/store/test_restart_stateful.py",
)
"""What takes longest, so that at the end nobody waits for it: xdist keeps files of few tests for last."""


class InLanes(LoadFileScheduling):
    """`--dist loadfile` with two lanes apart: the first process has the browsers, as one wants more than a
    processor and two at once wait for each other; of three or more, the last one has what waits. Who is done
    takes what the others have left, but for the lane of those who wait: it leaves the processors to them."""

    def _lane(self, node: WorkerController) -> tuple[bool, bool]:
        """Whether it browses, and whether it waits."""
        number = int(node.gateway.id.removeprefix("gw"))
        return number == 0, 2 <= number == self.numnodes - 1

    def _own(self, node: WorkerController) -> list[str]:
        apart = self.numnodes > 2
        return [
            file
            for file in self.workqueue
            if (file.startswith(WITH_A_BROWSER), apart and file.startswith(WAITING)) == self._lane(node)
        ]

    def _assign_work_unit(self, node: WorkerController) -> None:
        own = self._own(node)
        chosen = min(own or self.workqueue, key=lambda file: (*FIRST, file).index(file))
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._lane(node)[1] and not self._own(node):
            node.shutdown()
        else:
            super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return InLanes(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Among what is loaded for thousands of tests there is no garbage, now or later: looking for it takes a
    quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@dataclass
class VirtualClock:
    """Time as an argument: starts at one second, moves only when told."""

    now_us: int = 1_000_000

    @property
    def now(self) -> float:
        """Seconds."""
        return self.now_us / 1e6

    def advance(self, seconds: float) -> float:
        self.now_us += round(seconds * 1e6)
        return self.now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """`await until(condition, timeout_s=30)` for what no event tells: another thread's or process's state."""

    async def wait(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - nothing could set an event
                await asyncio.sleep(0.002)

    return wait


@pytest.fixture(scope="session")
def free_port() -> Callable[..., int]:
    """`free_port(host="127.0.0.1")`: a number free for UDP and TCP, which nobody takes by chance."""
    return find_free_port


@dataclass(frozen=True)
class Coturn:
    """A real TURN server on the loopback interface."""

    port: int
    secret: str
    log: Path

    def url(self, transport: str) -> str:
        return f"turn:127.0.0.1:{self.port}?transport={transport}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def coturn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Coturn]:
    """Debian's coturn with the REST scheme, for the whole run; it may relay to this machine alone."""
    directory = tmp_path_factory.mktemp("coturn")
    found = Coturn(find_free_port(), TURN_SECRET, directory / "turnserver.log")
    with found.log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(TURNSERVER, "-n", "-v", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"),
            *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"),
            *("--listening-port", str(found.port), "--realm", "tongke"),
            *("--use-auth-secret", "--static-auth-secret", found.secret),
            *(
                "--userdb",
                str(directory / "turndb"),
                "--pidfile",
                str(directory / "pid"),
                "--log-file",
                "stdout",
            ),
            stdout=output,
            stderr=output,
        )
    try:
        async with asyncio.timeout(30):
            while not await _listens(found.port):
                assert process.returncode is None, found.log.read_text()
                await asyncio.sleep(0.02)
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass(frozen=True)
class Postgres:
    """A real PostgreSQL on the loopback interface, with nothing in it."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql://{POSTGRES_ROLE}@127.0.0.1:{self.port}/{database}"

    def run(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As another program would, on a connection of its own; also from inside a running loop."""

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [tuple(row) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, ask()).result()


def _postgres_program(name: str) -> str:
    """Debian keeps the server's programs out of the path; the newest version's."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(installed[-1]) if installed else name


def _somebody_unprivileged(directory: str) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: options of subprocess for another user, who gets the directory."""
    if os.getuid() != 0:
        return {}
    somebody = pwd.getpwnam("nobody")
    os.chown(directory, somebody.pw_uid, somebody.pw_gid)
    return {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": ()}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Debian's PostgreSQL for the whole run, in a directory of its own; nothing it does waits for a disk."""
    found = Postgres(find_free_port())
    with tempfile.TemporaryDirectory(prefix="tongke-postgres-") as directory:
        options: dict[str, Any] = {"cwd": directory, **_somebody_unprivileged(directory)}
        data, log = Path(directory, "data"), Path(directory, "log")
        subprocess.run(
            [_postgres_program("initdb"), "-D", data, "-U", POSTGRES_ROLE, *POSTGRES_INITDB],
            stdout=subprocess.DEVNULL,
            check=True,
            **options,
        )
        settings = (*POSTGRES_SETTINGS, f"port={found.port}")
        command = [_postgres_program("postgres"), "-D", data, *(part for s in settings for part in ("-c", s))]
        with log.open("wb") as output, subprocess.Popen(command, stderr=output, **options) as process:
            try:
                _wait_for_postgres(found, process, log)
                yield found
            finally:
                # "Fast": whoever is still connected is thrown out.
                process.send_signal(signal.SIGINT)


def _wait_for_postgres(found: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            found.run("SELECT 1")
            return
        except (OSError, asyncpg.PostgresError):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.02)


class CompiledOnce(dict[tuple[Any, ...], Any]):
    """What SQLAlchemy has compiled for one engine serves every engine of its kind: it tells them apart by
    their dialects, of which each engine has one of its own."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


@pytest.fixture(scope="session")
def compiled_once() -> Iterator[None]:
    """Stores are opened a thousand times: compiling their statements was a quarter of those tests' work."""
    # Here, because the engine's tests also run without the packages above it.
    from classroom.store import engine

    with pytest.MonkeyPatch.context() as patch:
        options = {"compiled_cache": CompiledOnce()}
        for name in ("create_engine", "create_async_engine"):
            patch.setattr(engine, name, partial(getattr(engine, name), execution_options=options))
        yield


@pytest.fixture(scope="session")
def migrated_file(compiled_once: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables and no rows: copying it is ten times as fast as making it."""
    from sqlalchemy import create_engine

    from classroom.store.migrate import upgrade

    file = tmp_path_factory.mktemp("migrated") / "tongke.db"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    return file


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the demo school and the demo network."""
    from classroom.store.demo import seed_demo
    from classroom.store.demo_network import seed_demo_network
    from classroom.store.engine import sqlite_url
    from classroom.store.store import Store

    file = tmp_path_factory.mktemp("demo") / "tongke.db"
    shutil.copyfile(migrated_file, file)
    store = await Store.open(sqlite_url(file))
    await seed_demo(store)
    await seed_demo_network(store)
    await store.close()
    return file


@pytest.fixture(scope="session")
def begun(demo_file: Path) -> Iterator[None]:
    """Servers from here on find a database as their first start would have left it: that is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServerProcess, "database", demo_file)
        yield


@pytest_asyncio.fixture
async def server(begun: None, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """`tongke serve --demo` in a process of its own with a data directory of its own; for one test."""
    async with ServerProcess(data=tmp_path / "data") as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_server(
    begun: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """The same, for all tests that leave nothing behind in it (mark them `asyncio(loop_scope="session")`)."""
    async with ServerProcess(data=tmp_path_factory.mktemp("shared-server")) as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One real Chromium for the whole run, with fake devices; tests open contexts of their own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=CHROMIUM_FLAGS, headless=True
        )
        yield browser
        await browser.close()
