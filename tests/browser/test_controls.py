"""What people steer a lesson with: pointer, roll call, settings, a paired device, the organizer's page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLACE = """(at) => {
  const video = document.querySelector('[data-testid=video-main]')
  const box = video.getBoundingClientRect()
  const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight)
  const width = video.videoWidth * scale, height = video.videoHeight * scale
  const left = box.left + (box.width - width) / 2, top = box.top + (box.height - height) / 2
  if (at) return [left + at[0] * width, top + at[1] * height]
  const spot = document.querySelector('[data-testid=pointer] i').getBoundingClientRect()
  return [(spot.left + spot.width / 2 - left) / width, (spot.top + spot.height / 2 - top) / height]
}"""
"""From a place in the picture to one on the page; without: where in the picture the pointer stands."""


@dataclass(frozen=True)
class Lesson:
    master: Any
    tutor: Any
    student: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lesson(enter: Any) -> AsyncIterator[Lesson]:
    master = await enter("master", size=(1366, 768))
    await master.has("lesson-state", state="live")
    tutor, student = await asyncio.gather(enter("tutor", size=(390, 844)), enter("student", size=(1024, 768)))
    yield Lesson(master, tutor, student)


async def test_a_pointer_stands_at_the_same_place_of_the_picture_everywhere(lesson: Lesson) -> None:
    await asyncio.gather(lesson.student.sees_and_hears(), lesson.tutor.sees_and_hears())
    mouse, where = lesson.master.page.mouse, (0.25, 0.75)
    await mouse.move(*await lesson.master.page.evaluate(PLACE, [0.6, 0.4]))
    await mouse.down()
    await mouse.move(*await lesson.master.page.evaluate(PLACE, list(where)), steps=5)
    for person in (lesson.student, lesson.tutor, lesson.master):
        await person.has("pointer", shown="true")
        await person.page.wait_for_function(
            f"""([x, y]) => {{
              const [ax, ay] = ({PLACE})()
              return Math.abs(ax - x) < 0.02 && Math.abs(ay - y) < 0.02
            }}""",
            arg=list(where),
        )
    await mouse.up()
    for person in (lesson.student, lesson.tutor, lesson.master):
        await person.has("pointer", shown="false")


async def test_pupils_point_at_nothing_of_others(lesson: Lesson) -> None:
    mouse = lesson.student.page.mouse
    await mouse.move(*await lesson.student.page.evaluate(PLACE, [0.5, 0.5]))
    await mouse.down()
    await mouse.move(*await lesson.student.page.evaluate(PLACE, [0.6, 0.5]))
    await mouse.up()
    await lesson.student.has("pointer", shown="false")


async def test_the_tutor_calls_the_roll_with_one_thumb(lesson: Lesson) -> None:
    tutor = lesson.tutor
    await tutor.at("roll-open").click()
    await tutor.page.locator("[data-testid=roll-seat][data-seat='1']").click()
    await tutor.page.locator("[data-testid=roll-seat][data-seat='1'][data-mark=present]").wait_for()
    await tutor.at("roll-mode-late").click()
    await tutor.page.locator("[data-testid=roll-seat][data-seat='2']").click()
    await tutor.page.locator("[data-testid=roll-seat][data-seat='2'][data-mark=late]").wait_for()
    await tutor.at("roll-mode-absent").click()
    await tutor.page.locator("[data-testid=roll-seat][data-seat='3']").click()
    await tutor.at("roll-mode-present").click()
    await tutor.at("roll-rest").click()
    await tutor.page.locator("[data-testid=roll-seat][data-mark='']").first.wait_for(state="detached")
    row = lesson.master.page.locator("[data-testid=class-row][data-class=class-1]")
    await row.get_by_test_id("class-roll").get_by_text("43/44").wait_for()
    await tutor.page.keyboard.press("Escape")
    await tutor.has("roll-open", count="43/44")


async def test_the_master_sets_the_lesson(lesson: Lesson) -> None:
    master = lesson.master
    await master.at("order-open").click()
    await master.has("settings-recording", recorded="true")
    limit = master.at("settings-stage-limit").locator("input")
    await limit.fill("2")
    await limit.press("Enter")
    duck = master.at("settings-duck").get_by_role("switch")
    await master.at("settings-duck").click()
    await master.page.wait_for_function("e => e.checked", arg=await duck.element_handle())
    await master.page.keyboard.press("Escape")


async def test_a_room_device_is_paired_and_comes_in_by_itself(
    lesson: Lesson, visit: Any, link_of: Any
) -> None:
    device = await visit("/device", size=(1920, 1080))
    code = await device.at("device-code").get_attribute("data-code")
    tutor = lesson.tutor
    await tutor.at("pair-open").click()
    await tutor.at("pair-code").fill("000000" if code != "000000" else "000001")
    await tutor.at("pair-send").click()
    await tutor.at("pair-trouble").wait_for()
    await tutor.at("pair-code").fill(code)
    await tutor.at("pair-send").click()
    await tutor.at("pair-done").wait_for()
    await device.at("page-room").wait_for()
    await device.sees_and_hears()
    # After a power cut the browser opens its start page again.
    await device.page.goto(device.page.url.split("/lesson")[0] + "/device")
    await device.at("page-room").wait_for()

    organizer = await visit(link_of("organizer").path)
    await organizer.at("office-revoke").first.click()
    await device.at("device-code").wait_for()


async def test_a_code_that_died_with_the_server_is_replaced_by_itself(visit: Any) -> None:
    """Codes are in the memory of one server: one that was started anew knows none of their secrets."""
    device = await visit("/device", size=(1920, 1080))
    code = await device.at("device-code").get_attribute("data-code")

    async def of_another_server(route: Any) -> None:
        await route.continue_(headers={**route.request.headers, "authorization": "Bearer of-another-server"})

    await device.page.route("**/api/v1/devices/pairing", of_another_server, times=1)
    another = f"[data-testid=device-code]:not([data-code='{code}'])"
    await device.page.locator(another).wait_for()


async def test_an_organizer_plans_a_lesson_and_its_master_comes_in(
    visit: Any, link_of: Callable[..., Any], few_pictures: str
) -> None:
    organizer = await visit(link_of("organizer").path, size=(1366, 900))
    await organizer.at("page-organizer").wait_for()
    await organizer.at("office-plan").click()
    await organizer.at("plan-title").fill("认识月食")
    await organizer.at("plan-master").fill("赵老师")
    await organizer.at("plan-add-class").click()
    room = organizer.at("plan-class")
    await room.locator("input").nth(1).fill("钱老师")
    await organizer.at("plan-save").click()
    await organizer.has("office-lesson", state="scheduled")
    await organizer.at("office-edit").click()
    await organizer.at("plan-title").fill("认识日食")
    await organizer.at("plan-save").click()
    await organizer.at("office-lesson").get_by_text("认识日食").wait_for()
    # Changed, and not planned a second time.
    await organizer.page.get_by_text("认识月食").first.wait_for(state="detached")
    await organizer.at("office-open").click()
    await organizer.has("office-lesson", state="open")

    async def link(key: str) -> str:
        row = organizer.page.locator(f"[data-testid=link-row][data-key^='{key}']").first
        await row.get_by_test_id("link-copy").click()
        await organizer.page.locator(
            f"[data-testid=link-row][data-key^='{key}'][data-link*='#token=']"
        ).wait_for()
        return str(await row.get_attribute("data-link"))

    path = (await link("master")).split("/", 3)[3]
    master = await visit(f"/{path}", script=few_pictures)
    await master.page.get_by_text("赵老师").wait_for()
    await master.at("join-check").click()
    await master.at("join-start").click()
    await master.has("lesson-state", state="live")
    await organizer.has("office-lesson", state="live")

    await organizer.at("office-online").click()
    await organizer.at("office-confirm").click()
    joining = str(await organizer.at("office-join").get_attribute("data-link"))
    pupil = await visit(f"/{joining.split('/', 3)[3]}")
    await pupil.at("join-name").fill("小红")
    await pupil.at("join-name-next").click()
    await pupil.at("join-start").click()
    await pupil.at("page-student").wait_for()

    await organizer.at("office-edit").click()
    await organizer.at("plan-add-stand-by").click()
    await organizer.at("plan-stand-by").locator("input").fill("周老师")
    await organizer.at("plan-save").click()
    await organizer.at("office-stand-by").get_by_text("周老师").wait_for()
    stand_by = await visit(f"/{(await link('stand-by')).split('/', 3)[3]}", size=(390, 844))
    await stand_by.at("join-start").click()
    await stand_by.at("page-tutor").wait_for()

    await organizer.at("office-end").click()
    await organizer.at("office-confirm").click()
    await master.has("problem", kind="ended")
    await organizer.has("office-lesson", state="ended")
