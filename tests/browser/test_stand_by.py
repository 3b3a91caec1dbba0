"""A class whose tutor is away: the organizer names who stands by, and the class has a tutor again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

TUTOR_2 = "[data-testid=class-row][data-tutor-online=true]"


async def planned(organizer: Any) -> None:
    """A lesson of two classes, whose tutors are to come."""
    await organizer.at("page-organizer").wait_for()
    await organizer.at("office-plan").click()
    await organizer.at("plan-title").fill("火山与地震")
    await organizer.at("plan-master").fill("孙老师")
    for number, tutor in enumerate(("冯老师", "陈老师")):
        await organizer.at("plan-add-class").click()
        await organizer.at("plan-class").nth(number).locator("input").nth(1).fill(tutor)
    await organizer.at("plan-save").click()
    await organizer.has("office-lesson", state="scheduled")
    await organizer.at("office-open").click()
    await organizer.has("office-lesson", state="open")


async def link(organizer: Any, key: str) -> str:
    """The address of that link, without the server's."""
    row = f"[data-testid=link-row][data-key^='{key}']"
    await organizer.page.locator(row).first.get_by_test_id("link-copy").click()
    await organizer.page.locator(f"{row}[data-link*='#token=']").wait_for()
    given = str(await organizer.page.locator(row).first.get_attribute("data-link"))
    return "/" + given.split("/", 3)[3]


async def test_a_stand_by_tutor_takes_a_class_over(
    visit: Any, link_of: Callable[..., Any], few_pictures: str
) -> None:
    organizer = await visit(link_of("organizer").path, size=(1366, 900))
    await planned(organizer)
    master = await visit(await link(organizer, "master"), script=few_pictures, size=(1366, 768))
    await master.at("join-check").click()
    await master.at("join-start").click()
    await master.has("lesson-state", state="live")

    # Now, in the middle of the lesson.
    await organizer.has("office-lesson", state="live")
    await organizer.at("office-edit").click()
    await organizer.at("plan-add-stand-by").click()
    await organizer.at("plan-stand-by").locator("input").fill("周老师")
    await organizer.at("plan-save").click()
    await organizer.at("office-stand-by").get_by_text("周老师").wait_for()

    tutor = await visit(await link(organizer, "stand-by"), size=(390, 844))
    await tutor.at("join-start").click()
    await tutor.at("stand-by").wait_for()
    await expect(tutor.at("stand-by-take")).to_have_count(2)
    taken = await tutor.at("stand-by-take").nth(1).get_attribute("data-class")
    await tutor.at("stand-by-take").nth(1).click()
    await tutor.page.locator(f"[data-testid=roster][data-class='{taken}']").wait_for()
    await expect(tutor.at("stand-by")).to_have_count(0)
    row = master.page.locator(f"{TUTOR_2}[data-class='{taken}']")
    await row.get_by_text("周老师").wait_for()
    await master.page.get_by_text("辅导教师现在是周老师").first.wait_for()
