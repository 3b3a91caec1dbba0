"""The player's page in a real browser: seconds behind live, and rewound to the first one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from load_tests.server import TONGKE, ServerProcess
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 45_000
PLAYS = """([least, most]) => {
  const video = document.querySelector('[data-testid=player-video]')
  if (!video || video.readyState < 3 || !video.videoWidth) return false
  return video.currentTime >= least && video.currentTime <= most && !video.seeking
}"""
NEAR_LIVE = """() => {
  const video = document.querySelector('[data-testid=player-video]')
  const buffered = video?.buffered
  if (!buffered?.length || video.readyState < 3) return false
  return buffered.end(buffered.length - 1) - video.currentTime < 4 && video.currentTime > 3
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def publishing(server: ServerProcess) -> AsyncIterator[None]:
    """A lesson goes on."""
    place = ("--lesson", "demo", "--url", server.url, "--data", str(server.data))
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", "test", *place), stdout=asyncio.subprocess.DEVNULL
    )
    yield
    process.terminate()
    await process.wait()


async def opened(chromium: Browser, server: ServerProcess) -> Page:
    """The page of the one item, once it has media."""
    token = Tokens.open(server.data).issue(
        person="o", role="organizer", lesson="demo", now=time.time(), ttl_s=3600
    )
    async with asyncio.timeout(PATIENCE_MS / 1000):
        # The recorder's files are another process's: nothing tells of them here.
        while not (found := list((server.data / "library").glob("*/t1.jsonl"))):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    page = await (await chromium.new_context()).new_page()
    await page.goto(f"{server.url}/join#token={token}")
    await page.goto(f"{server.url}/library/{found[0].parent.name}")
    await page.evaluate("document.querySelector('[data-testid=player-video]')?.play()")
    return page


async def test_a_live_lesson_is_seconds_behind_and_can_be_rewound(
    chromium: Browser, server: ServerProcess, publishing: None
) -> None:
    page = await opened(chromium, server)
    await page.wait_for_function(NEAR_LIVE, timeout=PATIENCE_MS)
    await page.evaluate("document.querySelector('[data-testid=player-video]').currentTime = 1")
    await page.wait_for_function(PLAYS, arg=[1, 6], timeout=PATIENCE_MS)
    await page.get_by_test_id("player-time").wait_for(timeout=PATIENCE_MS)
    poster = await page.request.get(page.url.replace("/library/", "/media/") + "/poster.jpg")
    assert poster.headers["content-type"] == "image/jpeg"
    await page.context.close()
