"""The composed film in the page: asked for, watched as it is made, going on after a restart, cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page

from load_tests.long_item import write_long_item
from load_tests.server import ServerProcess
from signaling.auth import Tokens
from signaling.message import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 180_000
"""What makes a film has the lowest priority: beside other tests it gets what they leave."""
TOGETHER_S = 5.0
"""Screen, camera and stage: more than a segment."""
SHORT, LONG = "short", "long"
LESSON = "layout"
PLAN = {"title": "平面镜成像", "classes": [{"id": "home", "name": "居家", "at_home": True}]}
FILM = "document.querySelector('[data-testid=film-video]')"


BLUE, GREEN, RED = "screen", "camera", "pupil"
"""What is painted in these colours."""
PARTS = f"""() => {{
  const video = {FILM}
  if (!video?.videoWidth || video.seeking || video.readyState < 2) return null
  const canvas = Object.assign(document.createElement('canvas'), {{ width: 1920, height: 1080 }})
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0)
  const at = ([x, y]) => {{
    const [red, green, blue] = context.getImageData(x, y, 1, 1).data
    if (Math.max(red, green, blue) < 40) return 'nothing'
    if (blue > 150 && red < 90) return '{BLUE}'
    if (green > 90 && red < 90 && blue < 90) return '{GREEN}'
    return red > 120 && green < 90 && blue < 90 ? '{RED}' : ''
  }}
  const points = {{
    screenCorners: [[12, 147], [1428, 147]].map(at),
    screenMiddle: at([720, 400]),
    above: at([720, 60]),
    camera: [[1456, 150], [1904, 150], [1680, 250]].map(at),
    pupil: [[1456, 420], [1904, 420], [1680, 520]].map(at),
    below: at([1680, 800]),
  }}
  return points
}}"""
"""What is seen where each part belongs, and beside it: in the upper two thirds, where colours are painted."""
WHOLE = {
    "screenCorners": [BLUE] * 2,
    "screenMiddle": BLUE,
    "above": "nothing",
    "camera": [GREEN] * 3,
    "pupil": [RED] * 3,
    "below": "nothing",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    data = tmp_path_factory.mktemp("film")
    write_long_item(data, SHORT, "demo", 4)
    write_long_item(data, LONG, "demo", 480)
    async with ServerProcess(data=data) as server:
        yield server


def token_of(school: ServerProcess, role: Role, lesson: str = "demo", class_id: str = "") -> str:
    return Tokens.open(school.data).issue(
        person=role, role=role, lesson=lesson, name=role, class_id=class_id, now=time.time(), ttl_s=600
    )


async def opened(school: ServerProcess, visit: Any, item: str) -> Page:
    token = token_of(school, "organizer")
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
        f"() => {FILM}?.videoWidth === 1920 && {FILM}.currentTime > 1 && {FILM}.duration > 3.5"
    )
    await page.reload()
    await page.get_by_test_id("film-download").wait_for()


async def ask(school: ServerProcess, method: str, path: str, **how: Any) -> Any:
    headers = {"Authorization": f"Bearer {token_of(school, 'organizer')}"}
    async with (
        aiohttp.ClientSession(school.url, headers=headers) as http,
        http.request(method, path, **how) as answer,
    ):
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def recorded(school: ServerProcess, visit: Any, two_clocks: str) -> str:
    """A lesson with the master's camera, a pupil on stage, and then the screen: the id of its item."""
    await ask(school, "PUT", f"/api/v1/lessons/{LESSON}", json=PLAN)

    async def enter(role: Role, class_id: str, script: str) -> Any:
        link = f"/join#token={token_of(school, role, LESSON, class_id)}"
        return await visit(link, script=script, origin=school.url, size=(1366, 768))

    async def item(good: Callable[[Any], bool]) -> str:
        while True:
            items = (await ask(school, "GET", "/api/v1/library", params={"lesson": LESSON}))["items"]
            if items and good(items[0]):
                return str(items[0]["id"])
            await master.page.wait_for_timeout(200)

    master = await enter("master", "", two_clocks)
    await master.at("join-check").click()
    await master.at("join-start").click()
    await master.has("recording-state", state="on")
    pupil = await enter("student", "home", two_clocks.replace("#0a8f2a", "#d01414"))
    await pupil.at("join-start").click()
    await pupil.at("hand-raise").click()
    await master.at("hand-invite").click()
    await pupil.at("video-preview").wait_for()  # who says yes before it is heard only
    await pupil.at("stage-accept").click()
    await master.at("toggle-screen").click()
    pictures = {"camera": 0.0, "screen": TOGETHER_S}

    def together(one: Any) -> bool:
        videos = [track for track in one["tracks"] if track["kind"] == "video"]
        enough = all(track["duration_s"] >= pictures[track["source"]] for track in videos)
        return len(videos) == 3 and enough

    async with asyncio.timeout(2 * PATIENCE_MS / 1000):
        await item(together)
        await master.at("master-end").click()
        await master.at("master-end-confirm").click()
        found = await item(lambda one: one["state"] == "ready")
    await master.page.close()
    await pupil.page.close()
    return found


async def test_nothing_covers_the_slide_and_nobody_is_missing(
    school: ServerProcess, visit: Any, two_clocks: str
) -> None:
    item = await recorded(school, visit, two_clocks)
    page = await opened(school, visit, item)
    await page.get_by_test_id("player-compose").click()
    await is_at(page, "ready")
    await page.get_by_test_id("film-watch").click()
    tracks = (await ask(school, "GET", f"/api/v1/library/{item}"))["tracks"]
    begins = max(track["start_s"] for track in tracks if track["kind"] == "video")
    for after in (1.0, TOGETHER_S / 2, TOGETHER_S - 0.5):
        await page.wait_for_function(f"() => {FILM}?.readyState >= 1")
        await page.evaluate(f"(at) => {{ {FILM}.pause(); {FILM}.currentTime = at }}", begins + after)
        seen = await (await page.wait_for_function(PARTS)).json_value()
        assert seen == WHOLE, (after, seen)


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
