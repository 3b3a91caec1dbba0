"""Ways into a lesson in a real browser: a relay and nothing else, a network check, a device that moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from load_tests.server import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_MS = 60_000
TRANSPORTS = ("udp", "tcp")

PAIR = """async () => {
  const connection = window.tongke.receiver()
  const stats = await connection.getStats()
  for (const s of stats.values()) {
    if (s.type !== 'candidate-pair' || !s.nominated || s.state !== 'succeeded') continue
    const local = stats.get(s.localCandidateId)
    if (local) return [local.candidateType, local.relayProtocol ?? '']
  }
  return null
}"""
FRAMES = """async () => {
  let frames = 0
  for (const s of (await window.tongke.receiver().getStats()).values())
    if (s.type === 'inbound-rtp' && s.kind === 'video') frames += s.framesDecoded ?? 0
  return frames
}"""
UFRAG = "() => window.tongke.%s().remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1]"
MOVES = "() => { window.tongke.%s().mine = true; dispatchEvent(new Event('online')) }"
STAYED = "() => window.tongke.%s().mine"


@asynccontextmanager
async def opened(chromium: Browser, url: str, script: str = "") -> AsyncIterator[Page]:
    context = await chromium.new_context(permissions=["camera", "microphone"], locale="zh-CN")
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = await context.new_page()
        await page.add_init_script(script)
        await page.goto(url)
        yield page
    finally:
        await context.close()


async def watches(page: Page, more: int = 10) -> None:
    """So many more decoded pictures."""
    await page.wait_for_function("() => window.tongke?.receiver?.()?.connectionState === 'connected'")
    begin = await page.evaluate(FRAMES)
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await page.evaluate(FRAMES) < begin + more:  # noqa: ASYNC110 - nothing could set an event
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=TRANSPORTS)
async def relayed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    coturn: Any,
    chromium: Browser,
    links_in: Any,
) -> AsyncIterator[tuple[str, Page, str]]:
    """The transport to the relay, a master on air, and the link of a class."""
    environment = {"TONGKE_TURN_URLS": coturn.url(request.param), "TONGKE_TURN_SECRET": coturn.secret}
    async with ServerProcess(data=tmp_path_factory.mktemp("relayed"), environment=environment) as server:
        links = {link.role: link.path for link in links_in(server)}
        async with opened(chromium, server.url + with_query(links["master"], "")) as master:
            await master.get_by_test_id("join-check").click()
            await master.get_by_test_id("join-start").click()
            yield request.param, master, server.url + with_query(links["student"], "force=relay")


def with_query(path: str, query: str) -> str:
    where, _, fragment = path.partition("#")
    return f"{where}?{query}#{fragment}"


async def test_a_lesson_through_the_relay_alone(relayed: tuple[str, Page, str], chromium: Browser) -> None:
    transport, _, link = relayed
    async with opened(chromium, link) as student:
        await student.get_by_test_id("join-start").click()
        await watches(student)
        # The reports of the pair may be told later than the first pictures.
        handle = await student.wait_for_function(PAIR)
        assert await handle.json_value() == ["relay", transport]


async def test_the_network_check_tries_every_way(relayed: tuple[str, Page, str], chromium: Browser) -> None:
    _, master, _ = relayed
    link = await master.evaluate("() => location.origin")
    token = await master.evaluate("() => sessionStorage.getItem('tongke.token')")
    async with opened(chromium, f"{link}/join#token={token}") as page:
        await page.get_by_test_id("join-check").click()
        for way in ("http", "udp", "tcp", "turn"):
            state = page.locator(f"[data-testid=network-way][data-way={way}][data-state=works]")
            await state.wait_for(state="attached")
        await page.locator("[data-testid=join-network][data-verdict=good]").wait_for(state="attached")


@pytest.mark.parametrize("side", ["receiver", "publisher"])
async def test_a_device_that_moves_keeps_its_connection(
    relayed: tuple[str, Page, str], chromium: Browser, side: str
) -> None:
    _, master, link = relayed
    async with opened(chromium, link.replace("force=relay", "")) as student:
        await student.get_by_test_id("join-start").click()
        await watches(student)
        mover = student if side == "receiver" else master
        ufrag = UFRAG % side
        before = await mover.evaluate(ufrag)
        await mover.evaluate(MOVES % side)
        await mover.wait_for_function(f"(before) => ({ufrag})() !== before", arg=before)
        await watches(student)
        assert await mover.evaluate(STAYED % side)
