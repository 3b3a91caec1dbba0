"""Micro-lessons cut in the page out of a recorded lesson of eight minutes, and the way until they are seen; a
lesson that was left in the middle goes on there."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from typing import Any

import av
import pytest
import pytest_asyncio
from playwright.async_api import Page

from load_tests.long_item import CYCLE_FRAMES, FPS, write_long_item
from load_tests.server import ServerProcess
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
ITEM, SECONDS, SUBJECT = "long", 480, "物理"
RARE, RARE_S = "rare", 10
"""Its keyframes are so far apart: segments of it begin without one."""
BAR_STEP, WIDTH = 5, 320
"""The picture's white begins so many pixels further right in each frame, of a cycle of four seconds."""
VIDEO = "document.querySelector('[data-testid=player-video]')"
BAR = f"""() => {{
  const canvas = Object.assign(document.createElement('canvas'), {{ width: {WIDTH}, height: 1 }})
  const context = canvas.getContext('2d')
  context.drawImage({VIDEO}, 0, 90, {WIDTH}, 1, 0, 0, {WIDTH}, 1)
  const row = context.getImageData(0, 0, {WIDTH}, 1).data
  return row.filter((value, place) => place % 4 === 0 && value < 100).length
}}"""
"""Where the white begins in the picture that is shown."""
STANDS = f"""(at) => {{
  const video = {VIDEO}
  return video?.readyState >= 2 && !video.seeking && Math.abs(video.currentTime - at) < 0.5
}}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(tmp_path_factory: pytest.TempPathFactory, visit: Any) -> AsyncIterator[Any]:
    """`await people("tutor", "/library/long", **claims)`: a page of somebody of the school."""
    data = tmp_path_factory.mktemp("clips")
    write_long_item(data, ITEM, "demo", SECONDS)
    write_long_item(data, RARE, "demo", 4 * RARE_S, RARE_S * FPS)
    async with ServerProcess(data=data) as server:

        async def open_page(person: str, path: str, role: str = "tutor", **claims: Any) -> Page:
            values: dict[str, Any] = {"person": person, "role": role, "name": person, "lesson": "demo"}
            token = Tokens.open(data).issue(now=time.time(), ttl_s=600, **(values | claims))
            opened = await visit(f"{path}#token={token}", size=(1366, 768), origin=server.url)
            opened.page.set_default_timeout(PATIENCE_MS)
            page: Page = opened.page
            return page

        yield open_page


async def go(page: Page, seconds: float) -> None:
    await page.wait_for_function(f"() => {VIDEO}?.readyState >= 1")
    await page.evaluate(f"(at) => {{ {VIDEO}.pause(); {VIDEO}.currentTime = at }}", seconds)
    await page.wait_for_function(STANDS, arg=seconds)


async def choose(page: Page, start_s: float, end_s: float) -> None:
    if await page.get_by_test_id("clip-start").count() == 0:
        await page.get_by_test_id("clip-open").click()
    for seconds, point in ((start_s, "clip-start"), (end_s, "clip-end")):
        await go(page, seconds)
        await page.get_by_test_id("clip-maker").get_by_test_id(point).click()


async def describe(page: Page, title: str) -> None:
    await page.get_by_test_id("clip-title").fill(title)
    await page.get_by_test_id("clip-subject").fill(SUBJECT)
    await page.get_by_test_id("clip-key-point").fill("入射角等于反射角")


async def made(page: Page, title: str, *, exact: bool) -> None:
    await describe(page, title)
    box = page.get_by_test_id("clip-exact").get_by_role("checkbox")
    if await box.is_checked() is not exact:
        await page.get_by_test_id("clip-exact").click()
    await page.get_by_test_id("clip-send").click()
    await page.get_by_test_id("clip-said").get_by_text("已送审").wait_for()


def clip(page: Page, title: str) -> Any:
    return page.get_by_test_id("clip").filter(has_text=title)


async def file_of(page: Page, title: str) -> bytes:
    """Of a clip, once it is cut."""
    video = clip(page, title).locator("video")
    await video.wait_for()
    source = await video.get_attribute("src")
    answer = await page.request.get(page.url.split("/library")[0] + (source or ""))
    assert answer.ok
    return bytes(await answer.body())


def decoded(data: bytes) -> tuple[int, int, float]:
    """Of the first picture: which of the cycle it is; how many pictures there are; seconds of sound."""
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(video=0))
    with av.open(io.BytesIO(data)) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    line = frames[0].to_ndarray(format="gray")[90]
    return int((line < 100).sum()) // BAR_STEP, len(frames), samples / 48_000


async def until_there(page: Page, found: Any) -> None:
    """What a page that was left told may come a moment after the next one has asked."""
    while await found.count() == 0:
        await page.reload()
        await page.get_by_test_id("library-total").wait_for()


async def test_a_clip_begins_where_it_was_asked_to(people: Any) -> None:
    """Exactly, by encoding its edge anew, or at the keyframe before it: one every four seconds."""
    page = await people("author", f"/library/{ITEM}")
    for exact, title in ((True, "精确"), (False, "关键帧")):
        await choose(page, 61.3, 66.3)
        start, end = [
            await page.get_by_test_id("clip-maker").locator(".point").nth(n).inner_text() for n in (0, 1)
        ]
        assert (start, end) == ("00:01:01", "00:01:06")
        await made(page, title, exact=exact)
    await page.get_by_test_id("clip-said").get_by_role("link").click()
    first, count, sound_s = decoded(await file_of(page, "精确"))
    assert first == pytest.approx(round(61.3 * FPS) % CYCLE_FRAMES, abs=1)
    assert count == pytest.approx(5 * FPS, abs=2)
    assert sound_s == pytest.approx(5, abs=0.1)
    first, count, sound_s = decoded(await file_of(page, "关键帧"))
    assert first == 0
    assert count == pytest.approx(6.3 * FPS, abs=2)
    assert sound_s == pytest.approx(6.3, abs=0.1)


async def test_six_minutes_are_too_long_and_nothing_is_sent(people: Any) -> None:
    page = await people("author", f"/library/{ITEM}")
    await choose(page, 60, 420)
    await describe(page, "太长")
    await page.get_by_test_id("clip-maker").get_by_text("微课最长 5 分钟，请缩短。").wait_for()
    assert await page.get_by_test_id("clip-send").is_disabled()


async def test_a_clip_is_reviewed_returned_and_published(people: Any) -> None:
    page = await people("author", f"/library/{ITEM}")
    await choose(page, 100, 104)
    await made(page, "反射定律", exact=True)
    reviewer = await people("reviewer", "/library/clips", scopes=[f"review:{SUBJECT}"])
    found = clip(reviewer, "反射定律")
    await found.locator("video").wait_for()
    assert await found.locator("[data-move=return]").is_disabled()
    await found.get_by_test_id("clip-remark").fill("请从法线讲起")
    await found.locator("[data-move=return]").click()
    await found.get_by_text("已退回").wait_for()
    author = await people("author", "/library/clips")
    own = clip(author, "反射定律")
    await own.get_by_text("请从法线讲起").wait_for()
    await own.locator("[data-move=submit]").click()
    await own.get_by_text("待审核").wait_for()
    await reviewer.reload()
    stranger = await people("stranger", "/library/clips", class_id="class-1")
    await stranger.get_by_test_id("page-clips").wait_for()
    assert await clip(stranger, "反射定律").count() == 0
    await found.locator("[data-move=approve]").click()
    await found.locator("[data-move=publish]").click()
    await found.get_by_text("已发布").wait_for()
    await stranger.reload()
    await stranger.wait_for_function(
        "() => document.querySelector('[data-testid=clip] video')?.readyState >= 1"
    )
    await clip(stranger, "反射定律").wait_for()


async def test_a_lesson_that_was_left_goes_on_where_it_was(people: Any) -> None:
    """Who watches ten seconds of it has begun; at twice the speed, to be there sooner."""
    page = await people("pupil", f"/library/{ITEM}", role="student", class_id="class-1")
    await go(page, 200)
    await page.evaluate(f"{VIDEO}.playbackRate = 2; {VIDEO}.play()")
    await page.wait_for_function(f"() => {VIDEO}.currentTime > 212")
    left = await page.evaluate(f"{VIDEO}.currentTime")
    await page.goto(page.url.split("/library")[0] + "/library")
    card = page.get_by_test_id("library-continue").get_by_test_id("library-card")
    await until_there(page, card)
    await card.click()
    await page.wait_for_function(
        f"(left) => {VIDEO}?.readyState >= 3 && Math.abs({VIDEO}.currentTime - left) < 6", arg=left
    )


@pytest.mark.parametrize("at_s", [8.0, 27.5])
async def test_one_stops_at_any_second_however_rare_keyframes_are(people: Any, at_s: float) -> None:
    page = await people("tutor", f"/library/{RARE}")
    await go(page, at_s)
    shown = round(await page.evaluate(f"{VIDEO}.currentTime") * FPS)
    assert abs(await page.evaluate(BAR) - shown % (RARE_S * FPS) * BAR_STEP % WIDTH) <= BAR_STEP
    assert await page.evaluate(f"{VIDEO}.paused")


async def test_who_goes_to_another_second_while_it_plays_sees_that_second(people: Any) -> None:
    page = await people("tutor", f"/library/{RARE}")
    await page.wait_for_function(f"() => {VIDEO}?.readyState >= 1")
    await page.evaluate(f"() => {{ {VIDEO}.muted = true; return {VIDEO}.play() }}")
    await page.evaluate(f"{VIDEO}.currentTime = 27.5")
    first = await page.wait_for_function(
        f"""() => {{
          const video = {VIDEO}
          return video.readyState >= 3 && !video.seeking && !video.paused && video.currentTime
        }}"""
    )
    assert 27.5 <= await first.json_value() < 29
