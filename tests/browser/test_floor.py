"""The floor in real browsers: phases, a pupil on stage, a class in its own Q&A."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")


LATER = """([before, least]) => {
  const seconds = (text) =>
    text.match(/[\\d:]+/)[0].split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return seconds(document.querySelector('[data-testid=lesson-state]').innerText) >= seconds(before) + least
}"""
"""Whether the lesson's clock shows so many seconds more."""


@dataclass(frozen=True)
class Floor:
    master: Any
    tutor: Any
    student: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def floor(enter: Any) -> AsyncIterator[Floor]:
    master = await enter("master")
    await master.has("lesson-state", state="live")
    yield Floor(master, *await asyncio.gather(enter("tutor"), enter("student")))


async def test_the_master_sets_the_phase_of_all_with_a_timer(floor: Floor) -> None:
    await floor.master.at("phase-minutes").select_option("5")
    await floor.master.at("phase-local_qa").click()
    for person in (floor.tutor, floor.student):
        await person.has("situation", situation="local_qa")
        await person.at("phase-timer").wait_for()
    await floor.master.at("phase-lecture").click()
    await floor.student.has("situation", situation="lecture")
    await floor.student.sees_and_hears()


async def test_a_pupil_comes_on_stage_after_a_preview_and_goes_down(floor: Floor) -> None:
    await floor.student.at("hand-raise").click()
    await floor.master.at("hand-invite").click()
    await floor.student.at("video-preview").wait_for()
    await floor.student.at("stage-accept").click()
    await floor.master.has("stage", count="1")
    await floor.tutor.page.locator("[data-testid=video-inset][data-source=camera]").wait_for()
    await floor.master.at("stage-spotlight").click()
    await floor.tutor.page.locator("[data-testid=video-main][data-source=camera]").wait_for()
    await floor.student.at("stage-leave").click()
    await floor.master.at("stage").wait_for(state="detached")
    await floor.student.sees_and_hears()


async def test_a_pupil_may_decline(floor: Floor) -> None:
    await floor.student.at("hand-raise").click()
    await floor.master.at("hand-invite").click()
    await floor.student.at("stage-decline").click()
    await floor.student.at("invited").wait_for(state="detached")
    assert await floor.master.at("stage-member").count() == 0
    await floor.master.has("hands", count="0")


async def test_a_class_leaves_for_its_own_questions_and_comes_back(floor: Floor) -> None:
    await floor.tutor.at("class-leave").click()
    await floor.tutor.has("situation", situation="local_qa")
    await floor.master.has("class-state", state="local_qa")
    await floor.student.has("situation", situation="lecture")
    await floor.master.at("look-in").click()
    await floor.master.page.locator("[data-testid=look-in][aria-pressed=true]").wait_for()
    await floor.tutor.at("class-back").click()
    await floor.tutor.has("situation", situation="lecture")
    await floor.tutor.sees_and_hears()


async def test_a_class_catches_up_from_the_recording(floor: Floor) -> None:
    await floor.tutor.at("class-leave").click()
    await floor.tutor.has("situation", situation="local_qa")
    # What it missed is long enough for a page to begin with on a machine that does other things as well.
    clock = await floor.tutor.at("lesson-state").inner_text()
    await floor.tutor.page.wait_for_function(LATER, arg=[clock, 5])
    await floor.tutor.at("class-catch-up").click()
    await floor.tutor.has("situation", situation="catch_up")
    await floor.tutor.page.wait_for_function(
        "() => document.querySelector('[data-testid=catch-up] video')?.playbackRate === 1.25"
    )
    await floor.tutor.has("situation", situation="lecture")
    await floor.tutor.sees_and_hears()


async def test_a_class_goes_online_and_its_pupils_get_a_link(floor: Floor, enter: Any) -> None:
    """The other class, for it stays so: the tests of other files have the first one in its room."""
    tutor = await enter("tutor", 1)
    await tutor.at("class-online").click()
    await tutor.at("class-online-confirm").click()
    link = await tutor.at("class-link").get_attribute("data-link")
    context = await tutor.page.context.browser.new_context(locale="zh-CN")
    pupil = await context.new_page()
    await pupil.goto(link)
    await pupil.get_by_test_id("join-name").fill("小红")
    await pupil.get_by_test_id("join-name-next").click()
    await pupil.get_by_test_id("join-start").click()
    await pupil.get_by_test_id("situation").wait_for()
    await tutor.has("roster", online="1")
    await context.close()
