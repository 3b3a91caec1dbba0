"""The composed film in the page: asked for, watched as it is made, going on after a restart, cancelled."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from load_tests.long_item import write_long_item
from load_tests.server import ServerProcess
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
SHORT, LONG = "short", "long"
FILM = "document.querySelector('[data-testid=film-video]')"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    data = tmp_path_factory.mktemp("film")
    write_long_item(data, SHORT, "demo", 4)
    write_long_item(data, LONG, "demo", 480)
    async with ServerProcess(data=data) as server:
        yield server


async def opened(school: ServerProcess, visit: Any, item: str) -> Page:
    token = Tokens.open(school.data).issue(
        person="o", role="organizer", lesson="demo", name="o", now=time.time(), ttl_s=600
    )
    found = await visit(f"/library/{item}#token={token}", size=(1366, 768), origin=school.url)
    found.page.set_default_timeout(PATIENCE_MS)
    page: Page = found.page
    return page


async def is_at(page: Page, *states: str) -> None:
    await page.locator(
        ",".join(f"[data-testid=player-film][data-state={each}]" for each in states)
    ).wait_for()


async def test_a_film_is_made_and_plays(school: ServerProcess, visit: Any) -> None:
    page = await opened(school, visit, SHORT)
    await page.get_by_test_id("player-compose").click()
    await is_at(page, "ready")
    await page.get_by_test_id("film-watch").click()
    await page.wait_for_function(
        f"() => {FILM}?.videoWidth === 1280 && {FILM}.currentTime > 1 && {FILM}.duration > 3.5"
    )
    await page.reload()
    await page.get_by_test_id("film-download").wait_for()


async def test_a_film_goes_on_after_a_restart_and_can_be_cancelled(school: ServerProcess, visit: Any) -> None:
    page = await opened(school, visit, LONG)
    await page.get_by_test_id("player-compose").click()
    await is_at(page, "running")
    await page.wait_for_function(
        "() => document.querySelector('[data-testid=player-film] progress').value > 0"
    )
    await school.restart()
    await page.reload()
    await is_at(page, "running")
    await page.get_by_test_id("film-cancel").click()
    await is_at(page, "none")
    assert not (school.data / "library" / LONG / ".composed").exists()
