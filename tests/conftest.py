"""What tests of several packages share: a free port, a clock of their own, a real server, a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from load_tests.server import ServerProcess
from load_tests.server import free_port as find_free_port

CHROMIUM = "/usr/bin/chromium"
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
