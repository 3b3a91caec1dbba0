"""The supervisors' wall in a browser: pictures, flags in words, a form that reaches the provider."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.demo_network import seed_demo_network
from classroom.store.engine import sqlite_url
from classroom.store.sign_ins import SignIn
from classroom.store.store import Store
from load_tests.scenarios.supervision_wall import Recording, classroom_keyframes
from load_tests.server import ServerProcess
from recorder.storage import Storage
from signaling.auth import Tokens
from signaling.network.principals import SIGN_IN_COOKIE, SIGN_IN_PREFIX, secret_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: rules } })
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].target.join(' ')} ${nodes[0].failureSummary}`)
}"""
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
TITLES = ("光的折射", "火箭为什么能飞", "认识细胞", "岩石的故事", "声音的秘密", "水的三态")
SCHOOLS = ("east-1", "east-2", "west-1", "west-2")


def lessons(now_ms: int) -> list[Lesson]:
    """Of the museum; the fifth has not begun."""
    made = []
    for number, title in enumerate(TITLES):
        school = SCHOOLS[number % 4]
        room = ClassRoom(ClassId(f"demo-{school}-c1"), "三年级1班", PersonId(f"demo-{school}-tutor"))
        late = number == 4
        made.append(
            Lesson(
                LessonId(f"lesson-{number}"),
                title,
                (room,),
                state=LessonState.SCHEDULED if late else LessonState.LIVE,
                starts_ms=now_ms - (20 if late else 3) * MINUTE_MS,
                started_ms=0 if late else now_ms - 2 * MINUTE_MS,
                master_id=PersonId("demo-museum-master"),
            )
        )
    return made


@dataclass
class District:
    server: ServerProcess
    secrets: dict[str, str]

    async def get(self, who: str, path: str) -> Any:
        return await self.ask("GET", who, path)

    async def ask(self, method: str, who: str, path: str, body: Any = None) -> Any:
        head, url = {"Authorization": f"Bearer {self.secrets[who]}"}, f"{self.server.url}{path}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, url, headers=head, json=body) as response,
        ):
            return await response.json()


async def sign_in(store: Store, person: str) -> str:
    secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), store.clock.unix_ms()
    one = SignIn(secret_hash(secret), PersonId(person), "password", now_ms, now_ms, now_ms + HOUR_MS, HOUR_MS)
    await store.network.change(sign_ins.begin, one, ROOT)
    return secret


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def district(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    data = tmp_path_factory.mktemp("wall")
    store = await Store.open(sqlite_url(data / "tongke.db"))
    await seed_demo_network(store)
    for lesson in lessons(store.clock.unix_ms()):
        await store.save_lesson(lesson)
    people = ("demo-city-supervisor", "demo-museum-provider", "demo-city-organizer")
    signed = {person: await sign_in(store, person) for person in people}
    await store.close()
    keyframes = classroom_keyframes(4)
    async with ServerProcess(data=data) as server:
        storage = Storage(data / "library")
        recordings = [Recording(storage, f"lesson-{number}", keyframes, number) for number in (0, 1, 2, 3)]

        async def record() -> None:
            while True:
                for each in recordings:
                    each.grow()
                await asyncio.sleep(0.5)

        tasks = [asyncio.create_task(record()), asyncio.create_task(lead(server, data))]
        yield District(server, signed)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def lead(server: ServerProcess, data: Path) -> None:
    """A master who is in, and sends nothing."""
    token = Tokens.open(data).issue(
        person="demo-museum-master",
        name="李老师",
        role="master",
        lesson="lesson-1",
        now=time.time(),
        ttl_s=600,
    )
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}/ws", protocols=("tongke.v1",)) as socket,
    ):
        await socket.send_json({"type": "hello", "token": token})
        while True:
            await socket.send_json({"type": "ping", "id": 1})
            await asyncio.sleep(5)


async def test_a_supervisor_looks_at_the_wall_and_delivers_a_form(district: District, visit: Any) -> None:
    person = await visit("/sign-in", size=(1440, 900), origin=district.server.url)
    page = person.page
    page.set_default_timeout(60_000)
    cookie = {"name": SIGN_IN_COOKIE, "value": district.secrets["demo-city-supervisor"]}
    await page.context.add_cookies([cookie | {"url": district.server.url}])
    await page.goto(f"{district.server.url}/supervision")
    await page.locator('[data-lesson="lesson-0"] img').wait_for()
    assert await page.get_by_test_id("wall-tile").count() == len(TITLES)
    await page.locator('[data-lesson="lesson-4"] .flag').wait_for()
    await page.locator('[data-flag="no_picture"]').wait_for()
    first = await page.locator('[data-lesson="lesson-0"] img').get_attribute("src")
    await page.wait_for_function(
        """(old) => document.querySelector('[data-lesson="lesson-0"] img')?.src !== old""", arg=first
    )
    await page.locator('[data-flag="no_picture"]').click()
    assert await page.get_by_test_id("wall-tile").count() == 1
    await page.locator('[data-flag="no_picture"]').click()
    await page.get_by_test_id("wall-place").select_option("/demo-city/demo-east/demo-east-1/")
    assert await page.get_by_test_id("wall-tile").count() == 2
    await page.get_by_test_id("wall-place").select_option("")

    await page.locator('[data-lesson="lesson-0"]').click()
    await page.get_by_test_id("review-form").wait_for()
    assert await page.get_by_test_id("deliver").is_disabled()
    for criterion in ("content", "teaching", "order", "safety", "technique"):
        await page.get_by_test_id(f"score-{criterion}-4").check()
    await page.get_by_test_id("review-text").fill("讲解清楚，互动充分。")
    await page.get_by_test_id("add-problem").click()
    await page.get_by_test_id("problem-text").fill("开课时没有点名")
    # Who looks at another lesson meanwhile finds the form as it was.
    await page.locator('[data-lesson="lesson-1"]').click()
    await page.get_by_test_id("add-problem").wait_for()
    assert await page.get_by_test_id("problem-text").count() == 0
    await page.locator('[data-lesson="lesson-0"]').click()
    assert await page.get_by_test_id("problem-text").input_value() == "开课时没有点名"
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []
    await page.get_by_test_id("language").click()
    await page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert await page.evaluate(FINDINGS, RULES) == []
    await page.get_by_test_id("deliver").click()
    await page.get_by_test_id("review-delivered").wait_for()
    told = await district.get("demo-museum-provider", "/api/v1/supervision/reviews")
    assert [each["lesson"] for each in told["reviews"]] == ["lesson-0"]
    assert await page.evaluate("() => window.violations") == []


async def test_one_click_opens_the_lesson_in_a_tab_of_its_own(district: District, visit: Any) -> None:
    person = await visit("/sign-in", size=(1440, 900), origin=district.server.url)
    page = person.page
    cookie = {"name": SIGN_IN_COOKIE, "value": district.secrets["demo-city-supervisor"]}
    await page.context.add_cookies([cookie | {"url": district.server.url}])
    await page.goto(f"{district.server.url}/supervision")
    await page.locator('[data-lesson="lesson-0"]').click()
    await page.locator('[data-testid="rewind"]:enabled').wait_for()
    async with page.expect_popup() as opened:
        await page.get_by_test_id("rewind").click()
    tab = await opened.value
    # The page takes the token out of its address as soon as it has it.
    await tab.wait_for_url(lambda url: "/library/lesson-0?at=0" in url and "token" not in url)
    await page.goto(f"{district.server.url}/supervision/of-nobody")
    refused = page.get_by_test_id("problem")
    await refused.wait_for()
    assert await refused.get_attribute("data-kind") == "not-found"


async def test_who_is_not_signed_in_is_asked_to(district: District, visit: Any) -> None:
    person = await visit("/supervision", origin=district.server.url)
    await person.page.wait_for_url("**/sign-in?to=/supervision*")


async def as_person(district: District, visit: Any, who: str, path: str, size: tuple[int, int]) -> Any:
    person = await visit("/sign-in", size=size, origin=district.server.url)
    cookie = {"name": SIGN_IN_COOKIE, "value": district.secrets[who], "url": district.server.url}
    await person.page.context.add_cookies([cookie])
    await person.page.goto(f"{district.server.url}{path}")
    person.page.set_default_timeout(60_000)
    return person.page


async def accessible(page: Any) -> None:
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []
    assert await page.evaluate("() => window.violations") == []


async def test_a_problem_is_answered_by_the_provider_and_seen_by_the_organizer(
    district: District, visit: Any
) -> None:
    scores = dict.fromkeys(("content", "teaching", "order", "safety", "technique"), 4)
    form = {"scores": scores, "problems": [{"kind": "late", "text": "晚开始十分钟", "at_ms": 1500}]}
    lesson = "/api/v1/supervision/lessons/lesson-2/reviews"
    made = await district.ask("POST", "demo-city-supervisor", lesson, form)

    page = await as_person(district, visit, "demo-museum-provider", "/reviews", (390, 844))
    await page.get_by_test_id("on-the-list").wait_for()
    await page.locator('[data-testid="received-review"] button', has_text="认识细胞").click()
    await page.get_by_test_id("opened-review").wait_for()
    await page.get_by_test_id("move-answer").click()
    await page.get_by_test_id("move-text").fill("已与班级约定提前十分钟开门")
    await accessible(page)
    await page.get_by_test_id("move-send").click()
    await page.get_by_test_id("opened-review").get_by_text("已与班级约定").wait_for()

    page = await as_person(district, visit, "demo-city-supervisor", "/reviews", (1280, 800))
    await page.get_by_test_id("part-problems").click()
    async with page.expect_popup() as opened:
        problem = page.get_by_test_id("review-problem").filter(has_text="晚开始十分钟")
        await problem.get_by_test_id("problem-minute").click()
    player = await opened.value
    await player.get_by_test_id("page-player").wait_for()
    assert "/library/lesson-2?at=1.5" in player.url

    page = await as_person(district, visit, "demo-city-organizer", "/dashboard", (1280, 800))
    await page.get_by_test_id("dashboard-table").wait_for()
    assert await page.locator("tbody tr").count() == len(TITLES)
    await accessible(page)
    await page.locator('[data-section="problems"]').click()
    await page.locator("td", has_text="已与班级约定提前十分钟开门").wait_for()
    await page.get_by_test_id("dashboard-place").select_option("demo-east")
    await page.get_by_test_id("dashboard-none").wait_for()
    async with page.expect_download() as file:
        await page.get_by_test_id("dashboard-csv").click()
    assert (await file.value).suggested_filename == "problems.csv"
    seen = await district.get("demo-city-supervisor", f"/api/v1/supervision/reviews/{made['id']}")
    assert (seen["seen_ms"] is not None, seen["problems"][0]["state"]) == (True, "answered")
