"""The library in a real browser: cards, search, filters, in both languages."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from load_tests.server import ServerProcess
from recorder import ledger
from recorder.item import header_path, ledger_path
from recorder.storage import Storage
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
ITEMS = (
    ("demo-1", "光合作用：叶片里的工厂", "2026-10-09T01:53:20.000Z", 2710.0, 1.0),
    ("demo-2", "勾股定理的三种证明", "2026-10-12T02:00:00.000Z", 2400.0, 0.93),
    ("demo-3", "Photosynthesis, part two", "2026-11-03T06:30:00.000Z", 2655.0, 1.0),
)


def fill(data: Path) -> None:
    storage = Storage(data / "library")
    for name, title, started, duration_s, complete in ITEMS:
        header = ledger.Header(id=name, lesson="demo", title=title, started_ms=1_760_000_000_000)
        storage.replace(header_path(name), ledger.encode(header))
        ended = ledger.Ended(at_us=round(duration_s * 1e6), cause="ended")
        storage.replace(ledger_path(name), ledger.encode(ended))
        view = {"id": name, "lesson": "demo", "title": title, "state": "ready", "tracks": []}
        rest = {"started_at": started, "duration_s": duration_s, "complete": complete}
        storage.replace(f"{name}/summary.json", json.dumps(view | rest).encode())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def library(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> AsyncIterator[Any]:
    """`await library(role, **claims)`: that person's library page."""
    data = tmp_path_factory.mktemp("library")
    fill(data)
    async with ServerProcess(data=data) as server:
        contexts = []

        async def visit(role: str, path: str = "/library", language: str = "zh-CN", **claims: Any) -> Page:
            tokens = Tokens.open(data)
            values = {"person": f"{role}-1", "name": role, "lesson": "demo"} | claims
            token = tokens.issue(role=role, now=time.time(), ttl_s=3600, **values)
            context = await chromium.new_context(locale=language, viewport={"width": 1366, "height": 768})
            contexts.append(context)
            page = await context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            await page.goto(f"{server.url}{path}#token={token}")
            return page

        yield visit
        for context in contexts:
            await context.close()


async def titles(page: Page) -> list[str]:
    return await page.locator("[data-testid=library-card] h2").all_inner_texts()


async def test_cards_search_and_filters(library: Any) -> None:
    page = await library("tutor", class_id="class-1")
    await page.locator("[data-item=demo-3]").wait_for()
    assert await titles(page) == [ITEMS[2][1], ITEMS[1][1], ITEMS[0][1]]
    await page.get_by_test_id("library-search").fill("合作用")
    await page.locator("[data-item=demo-3]").wait_for(state="detached")
    assert await titles(page) == [ITEMS[0][1]]
    await page.get_by_test_id("library-search").fill("量子")
    await page.locator("[data-item=demo-1]").wait_for(state="detached")
    await page.get_by_test_id("library-search").fill("")
    month = page.locator("[data-facet=month]", has_text="2026-11")
    await month.wait_for()
    # The months are those of the lessons, the counts those of what is found.
    assert await page.locator("[data-facet=month]").count() == 2
    await month.click()
    await page.locator("[data-item=demo-1]").wait_for(state="detached")
    assert await month.get_attribute("aria-pressed") == "true"


async def test_a_teacher_finds_the_micro_lessons(library: Any) -> None:
    page = await library("tutor", class_id="class-1")
    await page.get_by_test_id("library-clips").click()
    await page.get_by_test_id("page-clips").get_by_text("还没有微课").wait_for()


async def test_english_is_complete(library: Any) -> None:
    page = await library("student", language="en", class_id="class-1")
    await page.locator("[data-item=demo-1]").wait_for()
    words = await page.get_by_test_id("page-library").inner_text()
    assert "3 in all" in words and "library." not in words
