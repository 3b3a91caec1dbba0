"""A term in small: a district's people are imported, a provider publishes a course on its page, a class
enrols, its lesson is given, checked in to, watched by a supervisor and rated; and what was not attended flows
back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from load_tests.server import ServerProcess
from signaling.auth import Tokens

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAPTOP, NARROW = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
MINUTE_MS, DAY_MS = 60_000, 86_400_000
PATIENCE_MS = 30_000
PEOPLE = """学校,年级,班级,姓名,账号,职务
东区第三小学,三年级,1班,王小明,pupil-1,学生
东区第三小学,三年级,1班,张小红,pupil-2,学生
东区第三小学,三年级,1班,李华,tutor-1,辅导教师
"""
TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


@pytest_asyncio.fixture(loop_scope="session")
async def term(network_people: Any, tmp_path: Path) -> AsyncIterator[Any]:
    async with ServerProcess(data=tmp_path / "data") as server:
        yield network_people(server)


def at(page: Page, name: str) -> Any:
    return page.get_by_test_id(name)


async def imported(term: Any) -> dict[str, str]:
    """Login -> person."""
    place = "/api/v1/imports"
    looked = await term.ask("demo-east-organizer", "POST", f"{place}/preview?place=demo-east", data=PEOPLE)
    assert (looked["rows"], looked["fault_count"]) == (3, 0)
    digest = looked["digest"]
    await term.ask("demo-east-organizer", "POST", f"{place}?place=demo-east&digest={digest}", data=PEOPLE)
    found = await term.ask("demo-east-organizer", "GET", "/api/v1/accounts?place=demo-east")
    return {each["login"]: each["person"] for each in found["accounts"]}


async def published(term: Any, now_ms: int) -> tuple[Page, str]:
    """The provider's page, and the lesson that was offered on it."""
    page = await term.page("demo-museum-provider", "/courses", LAPTOP)
    await at(page, "new-course").click()
    await at(page, "course-title").fill("光的折射")
    await at(page, "course-subject").fill("物理")
    await at(page, "course-master").select_option(label="李老师")
    await at(page, "course-save").click()
    await at(page, "publish").click()
    await expect(at(page, "close")).to_be_visible()
    await at(page, "new-lesson").click()
    soon = await page.evaluate(
        """(ms) => new Date(ms - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16)""",
        now_ms + 10 * MINUTE_MS,
    )
    await page.locator("input[type=datetime-local]").fill(soon)
    await at(page, "lesson-save").click()
    lesson = page.locator("[data-testid^=own-lesson-]")
    await expect(lesson).to_contain_text("剩100个名额")
    name = await lesson.get_attribute("data-testid")
    assert name is not None
    return page, name.removeprefix("own-lesson-")


async def lead(term: Any, lesson: str, deed: str) -> None:
    """What the master's buttons ask for."""
    entry = await term.ask("demo-museum-master", "POST", f"/api/v1/my/lessons/{lesson}/entry", json={})
    path = f"/api/v1/lessons/{lesson}/{deed}"
    await term.ask("", "POST", path, token=entry["token"], json={})


async def test_a_term_in_small(term: Any) -> None:
    now_ms = round(time.time() * 1000)
    people = await imported(term)
    times = {"from_ms": now_ms - DAY_MS, "until_ms": now_ms + DAY_MS}
    about = {"place": "demo-city", "name": "秋季学期", "quota": 200, "target": 1, "target_delivered": 0}
    await term.ask("demo-city-organizer", "PUT", "/api/v1/terms/autumn", json=times | about)
    provider, lesson = await published(term, now_ms)

    tutor = await term.page(people["tutor-1"], "/catalogue", LAPTOP)
    await at(tutor, f"lesson-{lesson}").get_by_role("link").click()
    await at(tutor, "page-course").get_by_test_id("enrol").click()
    await expect(at(tutor, "told")).to_have_text("1班已报名")
    await expect(at(tutor, "course-ratings")).to_contain_text("还没有评价")

    await lead(term, lesson, "start")
    opened = {"opens_ms": now_ms - 1, "late_ms": now_ms + DAY_MS // 4, "closes_ms": now_ms + DAY_MS // 3}
    token = Tokens.open(term.server.data).issue(
        role="master", person="demo-museum-master", lesson=lesson, now=time.time(), ttl_s=600
    )
    await term.ask("", "PUT", f"/api/v1/lessons/{lesson}/check-in", token=token, json=opened)
    entry = await term.ask(people["pupil-1"], "POST", f"/api/v1/my/lessons/{lesson}/entry", json={})
    pupil = await term.page(people["pupil-1"], "/timetable", NARROW)
    await at(pupil, "enter").click()
    await pupil.wait_for_url("**/join**")
    await at(pupil, "join-start").click()
    await pupil.locator("[data-testid=connection-state][data-state=online]").wait_for(state="attached")
    check_in = await pupil.context.new_page()
    await check_in.goto(f"{term.server.url}/check-in#token={entry['token']}")
    await at(check_in, "check-in").click()
    await at(check_in, "checked-in").wait_for()

    supervisor = await term.page("demo-city-supervisor", "/supervision", LAPTOP)
    await expect(supervisor.locator(f'[data-lesson="{lesson}"]')).to_be_visible()

    await lead(term, lesson, "end")
    await pupil.close()

    async def settled() -> bool:
        quotas = await term.ask("demo-museum-provider", "GET", "/api/v1/terms/autumn/quotas")
        return [each["booked"] for each in quotas["quotas"] if each["provider"] == "demo-museum"] == [1]

    await term.until(settled)
    await provider.reload()
    await expect(at(provider, "quota")).to_contain_text("已约1人次，共200人次，剩余199人次")
    await at(provider, "lessons").click()
    await expect(at(provider, f"own-lesson-{lesson}")).to_contain_text("实到1人")
    pupil = await term.page(people["pupil-1"], "/timetable", NARROW)
    await expect(at(pupil, "progress")).to_contain_text("已完成1次，目标1次")
    await expect(at(pupil, "progress")).to_contain_text("已达标")
    await at(pupil, "progress").locator("summary").click()
    await at(pupil, f"rate-{lesson}").click()
    for aspect in ("content", "teaching", "technique"):
        await at(pupil, f"stars-{aspect}-5").check()
    assert not await pupil.evaluate(TOO_WIDE)
    await at(pupil, "rate-send").click()
    await expect(at(pupil, "rated")).to_be_visible()
    await tutor.reload()
    await expect(at(tutor, "course-ratings")).to_contain_text("内容 5")
