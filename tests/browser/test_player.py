"""The player's page on a lesson that a master's page sent: camera and screen, live and after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from load_tests.server import ServerProcess
from signaling.auth import Tokens
from signaling.message import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
LESSON = "angles"
PLAN = {"title": "平面镜成像", "classes": [{"id": "class-a", "name": "一班", "tutor": "t"}]}
VIDEO = "document.querySelector('[data-testid=player-video]')"
NEAR_LIVE = f"""() => {{
  const video = {VIDEO}
  const buffered = video?.buffered
  if (!buffered?.length || video.readyState < 3) return false
  return buffered.end(buffered.length - 1) - video.currentTime < 4 && video.currentTime > 3
}}"""
PLAYS = f"""([least, most]) => {{
  const video = {VIDEO}
  if (!video || video.readyState < 3 || !video.videoWidth || video.seeking) return false
  return video.currentTime >= least && video.currentTime <= most
}}"""
SHOWN = f"""() => {{
  const video = {VIDEO}
  if (!video?.videoWidth || video.seeking || video.readyState < 2) return null
  const canvas = Object.assign(document.createElement('canvas'), {{ width: 64, height: 36 }})
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0, 64, 36)
  const at = (x, y) => [...context.getImageData(x, y, 1, 1).data]
  const [red, green, blue] = at(32, 8)
  let tenths = 0
  for (let bit = 0; bit < 8; bit++) tenths |= (at(4 + 8 * bit, 30)[1] > 127) << bit
  const angle = blue > 120 && green < 100 ? 'screen' : green > 90 && blue < 90 ? 'camera' : ''
  const sound = video.webkitAudioDecodedByteCount
  return {{ angle, tenths, at: video.currentTime, sound, paused: video.paused }}
}}"""
"""Which picture is shown, and what its clock says."""
SHOWS = f"(angle) => {{ const shown = ({SHOWN})(); return shown?.angle === angle ? shown : null }}"
CAPTIONS = "WEBVTT\n\n00:00.000 --> 00:50.000\n像与物等大\n"
CAPTION = f"[...{VIDEO}.textTracks].find((each) => each.mode === 'showing')?.activeCues?.[0]?.text"
LEAST_S = 6
"""Of the lesson, before anybody looks at it."""
BEHIND_S = 10
"""Beyond what a page still calls live."""
IN_SYNC_TENTHS = 2
"""The clock's own step, and 80 ms."""


@dataclass(frozen=True)
class Recorded:
    """The lesson, as its master's page sends it."""

    master: Any
    item: str
    token: Callable[[Role], str]
    server: ServerProcess

    async def asks(self, method: str, path: str, **how: Any) -> Any:
        """What the library answers an organizer."""
        headers = {"Authorization": f"Bearer {self.token('organizer')}"} | how.pop("headers", {})
        url = f"{self.server.url}/api/v1/library/{self.item}{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, headers=headers, **how) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return None if answer.status == 204 else await answer.json()

    async def ends(self) -> None:
        """The lesson is over and its item complete. Idempotent."""
        if (await self.asks("GET", ""))["state"] == "live":
            await self.master.at("master-end").click()
            await self.master.at("master-end-confirm").click()
            while (await self.asks("GET", ""))["state"] == "live":
                await self.master.page.wait_for_timeout(200)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recorded(shared_server: ServerProcess, visit: Any, two_clocks: str) -> Recorded:
    issuer = Tokens.open(shared_server.data)

    def token(role: Role) -> str:
        return issuer.issue(
            person=f"{role}-a", role=role, lesson=LESSON, name=role, now=time.time(), ttl_s=600
        )

    headers = {"Authorization": f"Bearer {token('organizer')}"}
    async with aiohttp.ClientSession(shared_server.url, headers=headers) as http:
        async with http.put(f"/api/v1/lessons/{LESSON}", json=PLAN) as answer:
            assert answer.status in (200, 201), await answer.text()
        master = await visit(f"/join#token={token('master')}", script=two_clocks, size=(1366, 768))
        await master.at("join-check").click()
        await master.at("join-start").click()
        await master.has("recording-state", state="on")
        await master.at("toggle-screen").click()
        while True:
            async with http.get("/api/v1/library", params={"lesson": LESSON}) as answer:
                items = (await answer.json())["items"]
            if items and len(items[0]["tracks"]) >= 3 and items[0]["duration_s"] > LEAST_S:
                return Recorded(master, items[0]["id"], token, shared_server)
            await master.page.wait_for_timeout(200)


@pytest_asyncio.fixture(loop_scope="session")
async def player(recorded: Recorded, visit: Any) -> Any:
    """A tutor's page of the item."""
    page = await visit(f"/library/{recorded.item}#token={recorded.token('tutor')}", size=(1366, 768))
    page.page.set_default_timeout(PATIENCE_MS)
    await page.at("player-video").wait_for()
    return page


async def shows(player: Any, angle: str) -> dict[str, Any]:
    found: dict[str, Any] = await (await player.page.wait_for_function(SHOWS, arg=angle)).json_value()
    return found


async def choose(player: Any, name: str) -> None:
    await player.at("player-angle").click()
    await player.page.get_by_role("option", name=name).click()


async def test_a_live_lesson_is_seconds_behind_and_rewinds_to_its_first_second(player: Any) -> None:
    await player.page.wait_for_function(NEAR_LIVE)
    await shows(player, "camera")
    # So far behind that the way back to live is shown.
    await player.page.wait_for_function(f"() => {VIDEO}.currentTime > {BEHIND_S}")
    await player.page.evaluate(f"{VIDEO}.currentTime = 0")
    await player.page.wait_for_function(PLAYS, arg=[0, 5])
    await player.at("player-live").click()
    await player.page.wait_for_function(NEAR_LIVE)
    before = await shows(player, "camera")
    await choose(player, "屏幕")
    after = await shows(player, "screen")
    assert not after["paused"] and 0 <= after["at"] - before["at"] < 20
    await player.page.wait_for_function(
        f"(heard) => {VIDEO}.webkitAudioDecodedByteCount > heard", arg=after["sound"]
    )
    await player.page.wait_for_function(NEAR_LIVE)


async def test_angles_change_at_the_same_moment_of_the_lesson(recorded: Recorded, player: Any) -> None:
    await recorded.ends()
    await player.page.reload()
    await shows(player, "camera")
    item = await recorded.asks("GET", "")
    # Of what has both: where the screen was shared late, half of the lesson is before it.
    both_s = max(track["start_s"] for track in item["tracks"] if track["kind"] == "video")
    middle = (both_s + item["duration_s"]) / 2
    await player.page.evaluate(f"(at) => {{ {VIDEO}.pause(); {VIDEO}.currentTime = at }}", middle)
    await player.page.wait_for_function(PLAYS, arg=[middle - 0.1, middle + 0.1])
    camera = await shows(player, "camera")
    await choose(player, "屏幕")
    screen = await shows(player, "screen")
    assert screen["at"] == pytest.approx(camera["at"], abs=0.05)
    apart = (screen["tenths"] - camera["tenths"] + 128) % 256 - 128
    assert abs(apart) <= IN_SYNC_TENTHS


async def test_a_right_that_is_taken_away_ends_playing_with_words(recorded: Recorded, visit: Any) -> None:
    await recorded.ends()
    player = await visit(f"/library/{recorded.item}#token={recorded.token('tutor')}", size=(1366, 768))
    await player.page.clock.install()
    asked: list[Any] = []
    player.page.on("request", lambda request: asked.append(request) if "/media/" in request.url else None)
    await player.page.reload()
    player.page.set_default_timeout(PATIENCE_MS)
    await shows(player, "camera")
    own = recorded.token("tutor")
    for request in asked:  # nothing is fetched with what opens more than this item
        assert own.partition(".")[0] not in (await request.all_headers()).get("authorization", "x")
    await recorded.asks("PUT", "/grants/person/tutor-a", json={"allowed": False})
    try:
        # All of it lies in the page's buffer: it is the page that asks.
        await player.page.clock.fast_forward(40_000)
        await player.at("problem").get_by_text("不对您开放").wait_for()
        assert await player.at("player-video").count() == 0
    finally:
        await recorded.asks("DELETE", "/grants/person/tutor-a")


async def test_marks_captions_and_small_pictures_show_the_way(recorded: Recorded, visit: Any) -> None:
    await recorded.ends()
    pictures = recorded.server.data / "library" / recorded.item / ".pictures"
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not (pictures / "sprites.0.jpg").exists():  # made by themselves, before anybody asks
            await recorded.master.page.wait_for_timeout(200)
    link = f"/library/{recorded.item}#token={recorded.token('organizer')}"
    player = await visit(link, size=(1366, 768))
    player.page.set_default_timeout(PATIENCE_MS)
    await shows(player, "camera")
    middle = (await recorded.asks("GET", ""))["duration_s"] / 2
    await player.page.evaluate(f"(at) => {{ {VIDEO}.pause(); {VIDEO}.currentTime = at }}", middle)
    await player.page.wait_for_function(PLAYS, arg=[middle - 0.1, middle + 0.1])
    await player.at("mark-text").fill("虚像")
    await player.at("mark-text").press("Enter")
    mark = player.at("chapters").get_by_role("button", name="虚像")
    await mark.wait_for()
    await player.page.evaluate(f"{VIDEO}.currentTime = 0")
    await mark.click()
    await player.page.wait_for_function(PLAYS, arg=[middle - 0.1, middle + 0.1])
    captions = {"name": "lesson.zh-CN.vtt", "mimeType": "text/vtt", "buffer": CAPTIONS.encode()}
    await player.at("captions-file").set_input_files(captions)
    await player.at("captions-said").get_by_text("1").wait_for()
    await player.page.wait_for_function(f"() => {CAPTION} === '像与物等大'")
    async with player.page.expect_response("**/sprites.0.jpg*") as answered:
        await player.at("player-time").hover()
    assert (await (await answered.value).body())[:2] == b"\xff\xd8"
    await player.at("time-preview").wait_for()
