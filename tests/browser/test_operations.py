"""A district's day called off in a real browser: previewed, done, seen struck through on a phone, undone; a
substitute, declared on the timetable and approved by somebody else; a course changed and planned."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from classroom.model import PersonId
from classroom.network.model import ROOT
from classroom.store import sign_ins
from classroom.store.engine import make_engine, sqlite_url
from classroom.store.sign_ins import SignIn
from load_tests.server import ServerProcess
from signaling.network.principals import SIGN_IN_COOKIE, SIGN_IN_PREFIX, secret_hash

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FINDINGS = """async (rules) => (await axe.run(document, {
  resultTypes: ['violations'], runOnly: { type: 'tag', values: rules },
})).violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`))"""
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scroll'))
  .map((each) => each.outerHTML.slice(0, 120)).slice(-3)"""
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass
class Office:
    """A server with the demo network, and two lessons tomorrow in which a class is enrolled."""

    server: ServerProcess
    chromium: Browser
    contexts: list[BrowserContext]

    async def secret(self, person: str) -> str:
        """Signed in, past the password."""
        secret, now_ms = SIGN_IN_PREFIX + secrets.token_urlsafe(32), round(time.time() * 1000)
        made = SignIn(
            secret_hash=secret_hash(secret),
            person=PersonId(person),
            way="password",
            made_ms=now_ms,
            seen_ms=now_ms,
            ends_ms=now_ms + HOUR_MS,
            idle_ms=HOUR_MS,
        )
        engine = make_engine(sqlite_url(self.server.data / "tongke.db"), 30.0)
        async with engine.begin() as connection:
            await sign_ins.begin(connection, made, ROOT)
        await engine.dispose()
        return secret

    async def page(self, person: str, path: str, size: dict[str, int], language: str = "zh-CN") -> Page:
        context = await self.chromium.new_context(viewport=size, locale=language)  # type: ignore[arg-type]
        self.contexts.append(context)
        cookie = {"name": SIGN_IN_COOKIE, "value": await self.secret(person), "url": self.server.url}
        await context.add_cookies([cookie])  # type: ignore[list-item]
        page = await context.new_page()
        await page.goto(self.server.url + path)
        return page

    async def put(self, person: str, path: str, body: Any) -> None:
        headers = {"Authorization": f"Bearer {await self.secret(person)}"}
        async with (
            aiohttp.ClientSession(self.server.url, headers=headers) as session,
            session.put(path, json=body) as answer,
        ):
            assert answer.status < 300, await answer.text()

    async def plan(self) -> None:
        course = {"provider": "demo-east-1", "title": "光的折射", "master": "demo-east-1-master"}
        state = {"visibility": "district", "state": "published"}
        provider = "demo-east-1-provider"
        await self.put(provider, "/api/v1/courses/light", course | state)
        noon = time.localtime(time.time() + DAY_MS / 1000)
        starts_ms = round(time.mktime((*noon[:3], 9, 0, 0, 0, 0, -1)) * 1000)
        for number in range(2):
            times = {"starts_ms": starts_ms + number * 2 * HOUR_MS, "capacity": 80}
            times["ends_ms"] = times["starts_ms"] + HOUR_MS
            await self.put(provider, f"/api/v1/courses/light/lessons/l{number}", times)
            await self.put("demo-east-1-tutor", f"/api/v1/catalogue/l{number}/classes/demo-east-1-c1", {})


@pytest_asyncio.fixture(loop_scope="session")
async def office(chromium: Browser, tmp_path: Path) -> AsyncIterator[Office]:
    async with ServerProcess(data=tmp_path / "data") as server:
        made = Office(server, chromium, [])
        await made.plan()
        yield made
        for context in made.contexts:
            await context.close()


async def is_accessible(page: Page) -> None:
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []
    assert await page.evaluate(TOO_WIDE) == []


def at(page: Page, name: str) -> Any:
    return page.get_by_test_id(name)


async def changes_a_lesson_and_plans_a_series(office: Office) -> None:
    """By who answers for the course, at first by the keyboard. Nine o'clock here is 17:00 in Shanghai, by
    whose clock it is planned."""
    provider = await office.page("demo-east-1-provider", "/courses/light", LAPTOP)
    await at(provider, "to-course-timetable").click()
    await provider.wait_for_url("**/timetable")
    await provider.reload()
    form = at(provider, "change-form")
    await expect(at(form, "change-starts")).to_have_value(re.compile("T17:00$"))
    await expect(at(form, "operation-preview")).to_be_disabled()
    day = (await at(form, "change-starts").input_value())[:10]
    await at(form, "change-starts").fill(f"{day}T18:00")
    await at(form, "change-following").check()
    await at(form, "change-room").fill("301")
    await at(form, "change-reason").fill("考试")
    await at(form, "change-reason").press("Enter")
    seen = at(form, "operation-seen")
    await expect(seen.locator("s").first).to_contain_text("17:00")
    await expect(seen).to_contain_text("18:00")
    await is_accessible(provider)
    await at(form, "operation-go").click()
    await expect(at(provider, "operations-done")).to_contain_text("考试")
    await expect(at(form, "change-starts")).to_have_value(re.compile("T18:00$"))

    series = at(provider, "series-form")
    await at(series, "series-begin").click()
    await at(series, "series-at").fill("11:30")
    first = date.fromisoformat(await at(series, "series-first").input_value())
    await at(series, "series-last").fill(f"{first + timedelta(days=20)}")
    await at(series, "series-holiday").fill(f"{first + timedelta(days=7)}")
    await at(series, "series-skip").click()
    await at(series, "operation-preview").click()
    await expect(at(series, "operation-seen").locator(".lessons li")).to_have_count(2)
    await is_accessible(provider)
    await at(series, "operation-go").click()
    await expect(at(provider, "operations-done").locator("li")).to_have_count(2)
    for undone in (1, 2):
        await at(provider, "operation-undo").first.click()
        await expect(at(provider, "operations-done").get_by_text("已撤销")).to_have_count(undone)

    finder = await office.page("demo-east-organizer", "/operations", PHONE)
    await at(finder, "find-lesson").fill("折射")
    await at(finder, "find-lesson").press("Enter")
    await expect(at(finder, "found-lessons").locator("li")).to_have_count(2)
    await is_accessible(finder)
    await at(finder, "found-lessons").locator("a").last.click()
    await expect(at(finder, "change-lesson")).to_have_value("l1")
    await is_accessible(finder)


async def test_a_district_calls_a_day_off_and_takes_it_back(office: Office) -> None:
    organizer = await office.page("demo-east-organizer", "/operations", LAPTOP)
    await expect(at(organizer, "operation-place").locator("option").first).to_be_attached()
    await at(organizer, "operation-place").select_option("demo-east")
    await at(organizer, "operation-reason").fill("重污染天气红色预警")
    await is_accessible(organizer)
    # By the keyboard: Enter in a field shows what would be done, and nothing is done.
    await at(organizer, "operation-reason").press("Enter")
    await expect(at(organizer, "operation-seen")).to_contain_text("2")
    await is_accessible(organizer)
    await at(organizer, "operation-go").click()
    await expect(at(organizer, "operation-said")).to_be_visible()
    await is_accessible(organizer)

    parent = await office.page("demo-east-1-parent", "/timetable", PHONE)
    await expect(at(parent, "my-notices")).to_contain_text("重污染天气红色预警")
    await expect(at(parent, "entry-change").first).to_contain_text("停课")
    await is_accessible(parent)
    await at(parent, "notices-read").click()
    await at(parent, "notice-bell").click()
    await expect(at(parent, "notice-list").locator("li")).to_have_count(2)
    await is_accessible(parent)

    await at(organizer, "operation-undo").click()
    await expect(at(organizer, "operations-done")).to_contain_text("已撤销")
    await parent.reload()
    await expect(at(parent, "my-notices")).to_contain_text("恢复原安排")
    await expect(at(parent, "entry-change")).to_have_count(0)

    tutor = await office.page("demo-east-1-tutor", "/timetable", PHONE)
    await at(tutor, "substitute").first.click()
    await at(tutor, "substitute-reason").fill("生病")
    await at(tutor, "substitute-send").click()
    await expect(at(tutor, "substitute-declared")).to_be_visible()
    await organizer.reload()
    await expect(at(organizer, "substitute-list")).to_contain_text("褚老师")
    await is_accessible(organizer)
    await at(organizer, "substitute-approve").click()
    await expect(at(organizer, "substitute-list")).to_have_count(0)
    await changes_a_lesson_and_plans_a_series(office)
    other = await office.page("demo-east-1-tutor-home", "/timetable", PHONE, "en")
    await expect(at(other, "entry-change").first).to_contain_text("Substitute")

    me = await office.page("demo-east-1-parent", "/me", PHONE)
    await at(me, "notice-places").uncheck()
    await at(me, "notice-language").select_option("en")
    await at(me, "notice-save").click()
    await expect(at(me, "notice-ways").get_by_role("status")).to_be_visible()
    await is_accessible(me)
