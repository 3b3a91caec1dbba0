"""The catalogue and the timetable in a real browser: a tutor finds a lesson, compares, enrols the class in
one click; a pupil finds it on the phone and goes in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from load_tests.server import ServerProcess

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
HOUR_MS = 3_600_000
COURSES = (
    ("light", "光的折射", "物理", "光学", "李老师", "动手实验", "从一杯水里的筷子说起，人人动手。"),
    ("mirror", "镜子里的世界", "物理", "光学", "李老师", "故事引入", "为什么左右相反，上下却不相反？"),
    ("plants", "植物怎样吃饭", "生物", "光合作用", "李老师", "小组探究", "一片叶子里的工厂。"),
)


async def publish(network: Any) -> None:
    now_ms = round(time.time() * 1000)
    for number, (course, title, subject, topic, _, style, summary) in enumerate(COURSES):
        about = {"provider": "demo-museum", "title": title, "subject": subject, "topic": topic}
        look = {"style": style, "summary": summary, "visibility": "city", "state": "published"}
        path, grades = f"/api/v1/courses/{course}", {"grade_from": 3, "grade_to": 6}
        await network.ask("demo-museum-provider", "PUT", path, json=about | look | grades)
        starts_ms = now_ms + HOUR_MS // 4 + number * 2 * HOUR_MS
        lesson = {"starts_ms": starts_ms, "ends_ms": starts_ms + HOUR_MS, "capacity": 60}
        home = {"home": [{"tutor": "demo-west-2-tutor-home", "size": 20}]}
        await network.ask("demo-museum-provider", "PUT", f"{path}/lessons/{course}-1", json=lesson | home)


@pytest_asyncio.fixture(loop_scope="session")
async def network(network_people: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """The demo network, and some courses in it."""
    async with ServerProcess(data=tmp_path / "data") as server:
        made = network_people(server)
        await publish(made)
        yield made


async def is_accessible(page: Page) -> None:
    await page.evaluate(AXE.read_text() + "\n;0")
    assert await page.evaluate(FINDINGS, RULES) == []


def at(page: Page, name: str) -> Any:
    return page.get_by_test_id(name)


async def test_from_the_menu_into_the_lesson(network: Any) -> None:
    tutor = await network.page("demo-east-1-tutor", "/catalogue", LAPTOP)
    row = at(tutor, "lesson-light-1")
    await expect(row).to_contain_text("剩60个名额")
    await at(tutor, "filter-subject-物理").click()
    await expect(at(tutor, "lesson-plants-1")).to_have_count(0)
    await row.get_by_role("button", name="同主题的课").click()
    await expect(at(tutor, "compare")).to_contain_text("镜子里的世界")
    await is_accessible(tutor)
    await at(tutor, "compare").get_by_role("button", name="关闭").click()
    await row.get_by_test_id("enrol").click()
    await expect(row.get_by_test_id("told")).to_have_text("三年级1班已报名")
    await expect(row).to_contain_text("剩20个名额")
    await expect(row.get_by_test_id("withdraw")).to_have_text("取消报名：三年级1班")
    # What stands in the way is named: another class of the same size would have to wait.
    other = await network.page("demo-east-2-tutor", "/catalogue", LAPTOP)
    await at(other, "lesson-light-1").get_by_test_id("enrol").click()
    await expect(at(other, "lesson-light-1").get_by_test_id("told")).to_contain_text("候补第1位")
    pupil = await network.page("demo-east-1-student", "/timetable", PHONE)
    await expect(at(pupil, "timetable-next")).to_contain_text("光的折射")
    assert await pupil.evaluate(TOO_WIDE) == []
    await is_accessible(pupil)
    await at(pupil, "enter").click()
    await pupil.wait_for_url("**/join**")
    await expect(pupil.locator("main")).to_contain_text("蒋小明")


async def test_in_english_and_narrow(network: Any) -> None:
    parent = await network.page("demo-west-1-parent", "/catalogue", {"width": 320, "height": 568}, "en-GB")
    await expect(at(parent, "lesson-light-1")).to_contain_text("60 places left")
    assert await parent.evaluate(TOO_WIDE) == []
    await is_accessible(parent)
    await at(parent, "lesson-light-1").get_by_test_id("enrol").click()
    await expect(at(parent, "lesson-light-1").get_by_test_id("told")).to_contain_text("is enrolled")
    await at(parent, "lesson-light-1").get_by_role("link").click()
    await expect(at(parent, "course-about")).to_contain_text("动手实验")
    await expect(at(parent, "compare")).to_contain_text("镜子里的世界")
    assert await parent.evaluate(TOO_WIDE) == []
    await is_accessible(parent)
    await parent.go_back()
    await at(parent, "to-timetable").click()
    await expect(at(parent, "timetable-next")).to_contain_text("蒋小明")
    assert await parent.evaluate(TOO_WIDE) == []
    await is_accessible(parent)
    await at(parent, "calendar-make").click()
    await expect(at(parent, "calendar-address")).to_contain_text(".ics")


async def test_who_is_not_signed_in_signs_in_first(network: Any) -> None:
    context = await network.context("")
    page = await context.new_page()
    await page.goto(network.server.url + "/timetable")
    await expect(at(page, "page-sign-in")).to_be_visible()


async def test_who_has_moved_up_is_told(network: Any) -> None:
    first = await network.page("demo-east-1-tutor", "/catalogue", LAPTOP)
    await at(first, "lesson-plants-1").get_by_test_id("enrol").click()
    await expect(at(first, "lesson-plants-1").get_by_test_id("withdraw")).to_be_visible()
    second = await network.page("demo-east-2-tutor", "/catalogue", LAPTOP)
    await at(second, "lesson-plants-1").get_by_test_id("enrol").click()
    await expect(at(second, "lesson-plants-1").get_by_test_id("told")).to_contain_text("候补第1位")
    await at(first, "lesson-plants-1").get_by_test_id("withdraw").click()
    await expect(at(first, "lesson-plants-1").get_by_test_id("told")).to_contain_text("已取消报名")
    await at(second, "to-timetable").click()
    await expect(at(second, "my-notices")).to_contain_text("植物怎样吃饭")
    await is_accessible(second)
