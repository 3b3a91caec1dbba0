"""Check-in on a phone: position, picture, and what is said when somebody is elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from load_tests.server import ServerProcess
from recorder.pictures import jpeg
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = (390, 844)
SCHOOL = {"latitude": 39.9042, "longitude": 116.4074}
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: rules } })
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].target.join(' ')} ${nodes[0].failureSummary}`)
}"""


@dataclass
class School:
    server: ServerProcess
    tokens: Tokens

    def token(self, role: Any, **claims: Any) -> str:
        values = {"person": f"{role}-1", "name": "小明", "lesson": "demo", "class_id": "class-1"}
        return self.tokens.issue(role=role, now=time.time(), ttl_s=600, **(values | claims))

    async def open(self) -> None:
        now = int(time.time() * 1000)
        plan = {"opens_ms": now - 60_000, "late_ms": now + 600_000, "closes_ms": now + 1_800_000}
        plan |= {"picture": True, "place": SCHOOL | {"radius_m": 200}}
        head = {"Authorization": f"Bearer {self.token('master')}"}
        url = f"{self.server.url}/api/v1/lessons/demo/check-in"
        async with aiohttp.ClientSession() as http, http.put(url, json=plan, headers=head) as response:
            assert response.status == 200, await response.text()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[School]:
    data = tmp_path_factory.mktemp("check-in")
    async with ServerProcess(data=data) as server:
        yield School(server, Tokens.open(data))


def picture() -> bytes:
    return jpeg(np.full((1600, 1200, 3), 120, np.uint8))


async def accessible(page: Any) -> None:
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []


async def test_a_student_checks_in_with_a_picture(school: School, visit: Any) -> None:
    token = school.token("student")
    person = await visit(f"/check-in#token={token}", size=PHONE, origin=school.server.url)
    page = person.page
    await page.context.grant_permissions(["geolocation"], origin=school.server.url)
    await page.context.set_geolocation(SCHOOL | {"latitude": SCHOOL["latitude"] + 1, "accuracy": 10})
    await page.get_by_role("button", name="重试").wait_for()
    await school.open()
    await page.get_by_role("button", name="重试").click()
    button = page.get_by_test_id("check-in")
    await button.click()
    await page.get_by_test_id("check-in-trouble").wait_for()
    assert "签到范围" in await page.get_by_test_id("check-in-trouble").inner_text()
    await accessible(page)
    await page.context.set_geolocation(SCHOOL | {"accuracy": 10})
    await button.click()
    await page.get_by_test_id("checked-in").wait_for()
    sent = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    await page.get_by_test_id("picture").set_input_files(sent)
    await page.get_by_test_id("picture-sent").wait_for()
    await accessible(page)
    await page.get_by_test_id("language").click()
    await page.wait_for_function("() => document.documentElement.lang === 'en'")
    await accessible(page)
    assert await page.evaluate("() => window.violations") == []
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@asynccontextmanager
async def in_the_lesson(school: School, **claims: Any) -> AsyncIterator[None]:
    """A student, without a page; who says nothing for a while is taken for lost."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{school.server.url}/ws", protocols=("tongke.v1",)) as socket,
    ):
        await socket.send_json({"type": "hello", "token": school.token("student", **claims)})
        assert (await socket.receive_json())["type"] == "welcome"

        async def stay() -> None:
            while True:
                await socket.send_json({"type": "ping", "id": 1})
                await asyncio.sleep(2)

        staying = asyncio.create_task(stay())
        yield
        staying.cancel()
        with suppress(asyncio.CancelledError):
            await staying


async def test_a_tutor_opens_it_where_they_stand_and_checks_in_the_class(school: School, visit: Any) -> None:
    person = await visit(f"/check-in#token={school.token('tutor')}", size=PHONE, origin=school.server.url)
    page = person.page
    await page.context.grant_permissions(["geolocation"], origin=school.server.url)
    await page.context.set_geolocation(SCHOOL | {"accuracy": 10})
    async with in_the_lesson(school, person="s1", name="小红"):
        await page.reload()
        await page.get_by_test_id("open-check-in").wait_for()
        await page.locator("details").evaluate("(each) => { each.open = true }")
        await page.get_by_test_id("where-here").check()
        await page.locator('[data-testid="check-in-start"]:enabled').click()
        await page.locator('[data-testid="check-in-plan"].open').wait_for()
        await page.get_by_test_id("check-in-all").click()
        await page.get_by_test_id("check-in-results").get_by_text("小红").wait_for()
        await accessible(page)
    assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
