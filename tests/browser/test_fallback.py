"""A page whose media is blocked, UDP and TCP both: it watches the live playlist, says so, and goes back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from load_tests.cable import MediaLine
from load_tests.server import ServerProcess
from signaling.auth import Tokens
from signaling.message import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

LESSON, CLASS = "fallback", "class-f"
PLAN = {"title": "光的反射", "classes": [{"id": CLASS, "name": "居家班", "tutor": "t", "at_home": True}]}
PLAYS = """(before) => {
  const video = document.querySelector('[data-testid=fallback-video]')
  if (!video?.videoWidth || video.muted) return 0
  return video.currentTime > before + 1 ? video.currentTime : 0
}"""
SHOWS_SCREEN = """() => {
  const video = document.querySelector('[data-testid=fallback-video]')
  if (!video?.videoWidth) return false
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 })
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0, 16, 9)
  const [red, green, blue] = context.getImageData(1, 1, 1, 1).data
  return blue > 120 && red < 100 && green < 100
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(shared_server: ServerProcess) -> Callable[[Role], str]:
    """The link of a person of this role in a lesson that is planned."""
    issuer = Tokens.open(shared_server.data)

    def token(role: Role) -> str:
        claims: dict[str, Any] = {"person": f"{role}-f", "role": role, "lesson": LESSON, "name": role}
        class_id = CLASS if role == "student" else ""
        return issuer.issue(now=time.time(), ttl_s=600, class_id=class_id, **claims)

    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {token('organizer')}"}
        url = f"{shared_server.url}/api/v1/lessons/{LESSON}"
        async with http.put(url, json=PLAN, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
    return lambda role: f"/join#token={token(role)}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def master(visit: Any, address: Callable[[Role], str], two_clocks: str) -> Any:
    """On air with camera and microphone; a screen to share is there."""
    master = await visit(address("master"), script=two_clocks, size=(1366, 768))
    await master.at("join-check").click()
    await master.at("join-start").click()
    await master.has("recording-state", state="on")
    return master


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def media(shared_server: ServerProcess) -> AsyncIterator[MediaLine]:
    """Lets nothing through."""
    media = MediaLine(shared_server.media_port)
    media.broken = True
    media.open()
    yield media
    media.close()


async def test_blocked_media_falls_back_to_the_playlist_and_returns(
    master: Any, media: MediaLine, visit: Any, address: Callable[[Role], str]
) -> None:
    pupil = await visit(address("student"), script=media.script, size=(1024, 768))
    await pupil.at("join-start").click()
    await pupil.at("live-fallback").wait_for()
    await pupil.page.get_by_text("学校网络不让实时音视频通过，现改用网页方式观看").wait_for()
    before = await (await pupil.page.wait_for_function(PLAYS, arg=0)).json_value()
    assert media.lost > 0
    assert (await pupil.received()).frames == 0
    await master.at("toggle-screen").click()
    await pupil.page.wait_for_function(SHOWS_SCREEN)
    await pupil.page.wait_for_function(PLAYS, arg=before)
    media.broken = False
    await pupil.at("live-fallback").wait_for(state="detached", timeout=60_000)
    await pupil.sees_and_hears()
