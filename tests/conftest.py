"""What tests of several packages share: a free port, a clock of their own, a real server, a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from playwright.async_api import Browser, async_playwright

from load_tests.server import ServerProcess
from load_tests.server import free_port as find_free_port

# The same examples in every run: what a test finds it finds always. The fuzzers look further.
settings.register_profile("tongke", derandomize=True, deadline=None, database=None)
settings.load_profile("tongke")

CHROMIUM = "/usr/bin/chromium"
TURNSERVER = "turnserver"
TURN_SECRET = "north"
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--no-first-run",
]


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
    """`await until(condition, timeout_s=10)` for what no event tells: another thread's or process's state."""

    async def wait(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - nothing could set an event
                await asyncio.sleep(0.002)

    return wait


@pytest.fixture
def free_port() -> Callable[..., int]:
    """`free_port(host="127.0.0.1")`: a number free for UDP and TCP."""
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
        async with asyncio.timeout(20):
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


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """`tongke serve --demo` in a process of its own with an empty data directory; for one test."""
    async with ServerProcess(data=tmp_path / "data") as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
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
