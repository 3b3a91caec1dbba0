"""A lesson by keyboard alone: what has the focus shows it, dialogs keep it and give it back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST_TABS = 80
"""More stops than any page has: what is not reached by then is not reached."""
FOCUSED = """() => {
  const at = document.activeElement
  const ring = at?.closest('.el-input__wrapper, .el-checkbox, .el-switch') ?? at
  const { outlineStyle, outlineWidth } = getComputedStyle(ring)
  const named = at.closest('[data-testid]:is(button, input, label, select, textarea, a, div)')
  const outlined = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
  return { testid: named?.dataset.testid ?? '', seen: at === document.body || outlined,
    what: at.outerHTML.slice(0, 160) }
}"""


async def tab_to(person: Any, test_id: str, key: str = "Tab") -> None:
    """Presses Tab until this has the focus; everything on the way shows that it has it."""
    stops = []
    for _ in range(MOST_TABS):
        await person.page.keyboard.press(key)
        at = await person.page.evaluate(FOCUSED)
        assert at["seen"], f"has the focus, and does not show it: {at['what']}"
        if at["testid"] == test_id:
            return
        stops.append(at["testid"] or at["what"])
    pytest.fail(f"{test_id} is not reached: {stops}")


async def press(person: Any, test_id: str, key: str = "Enter") -> None:
    await tab_to(person, test_id)
    await person.page.keyboard.press(key)


async def hears(person: Any, words: str, urgent: bool = False) -> None:
    region = person.at("spoken-urgent" if urgent else "spoken")
    await region.get_by_text(words).first.wait_for(state="attached")


@dataclass(frozen=True)
class Two:
    master: Any
    student: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(visit: Any, link_of: Any, few_pictures: str) -> AsyncIterator[Two]:
    """In by keyboard."""
    master = await visit(link_of("master").path, script=few_pictures)
    await master.at("join-check").wait_for()
    await press(master, "join-check")
    await master.at("join-preview").wait_for()
    await press(master, "join-start")
    await master.has("lesson-state", state="live")
    student = await visit(link_of("student").path, script=few_pictures)
    await student.at("join-start").wait_for()
    await press(student, "join-start")
    await student.has("lesson-state", state="live")
    yield Two(master, student)


async def test_a_new_page_begins_at_its_top_and_has_a_title(people: Two) -> None:
    assert await people.student.page.title() == "示范课：光的折射 · 同课"
    await tab_to(people.student, "language")


async def test_a_pupil_raises_a_hand_comes_on_stage_and_goes_down(people: Two) -> None:
    master, student = people.master, people.student
    await press(student, "hand-raise")
    await hears(master, "举手")
    await hears(student, "已举手，等老师请你")
    await student.page.locator("[data-testid=hand-lower]:focus").wait_for()
    await press(master, "hand-invite")
    await hears(student, "老师请您上台", urgent=True)
    await press(student, "stage-accept")
    await student.at("on-stage").wait_for()
    # The button that was pressed is gone; the keyboard is still where it was.
    await student.page.locator("[aria-label='学生操作'] button:focus, .own button:focus").first.wait_for()
    await press(student, "stage-leave")
    await hears(student, "您已下台")


async def test_the_master_sets_the_phase(people: Two) -> None:
    await press(people.master, "phase-interaction", "Space")
    await hears(people.student, "现在：互动")
    await press(people.master, "phase-lecture")
    await hears(people.student, "现在：主讲")


async def test_a_dialog_keeps_the_focus_and_gives_it_back(people: Two) -> None:
    master = people.master
    await press(master, "quiz-new")
    dialog = master.page.get_by_role("dialog")
    await dialog.wait_for()
    await tab_to(master, "quiz-ask")
    for _ in range(3):
        await master.page.keyboard.press("Tab")
        assert await dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
    await master.page.keyboard.press("Escape")
    await dialog.wait_for(state="detached")
    await master.page.locator("[data-testid=quiz-new]:focus").wait_for()


async def test_a_quiz_is_asked_answered_and_closed(people: Two) -> None:
    master, student = people.master, people.student
    await press(master, "quiz-new")
    await tab_to(master, "quiz-question")
    await master.page.keyboard.type("月食时，谁在中间？")
    for words in ("太阳", "地球"):
        await tab_to(master, "quiz-option-text")
        await master.page.keyboard.type(words)
    await press(master, "quiz-ask")
    await hears(student, "测验：月食时，谁在中间？")
    await press(student, "quiz-option")
    await student.at("quiz-answered").wait_for()
    await press(master, "quiz-close")
    await hears(student, "测验已结束")


async def test_a_line_of_chat(people: Two) -> None:
    await tab_to(people.student, "chat-input")
    await people.student.page.keyboard.type("听得很清楚")
    await people.student.page.keyboard.press("Enter")
    await people.master.at("chat-log").get_by_text("听得很清楚").wait_for()


@pytest.mark.parametrize("role", ["master", "student"])
async def test_every_control_has_a_name(people: Two, role: str) -> None:
    """What a screen reader is given: one heading of the page, landmarks, and nothing without a name."""
    tree = await getattr(people, role).page.locator("body").aria_snapshot()
    lines = [line.strip() for line in tree.splitlines()]
    controls = ("button", "textbox", "link", "combobox", "tab", "checkbox", "switch", "meter", "dialog")
    assert [line for line in lines if line.removeprefix("- ").rstrip(":") in controls] == []
    assert sum("heading" in line and "[level=1]" in line for line in lines) == 1
    assert any(line.startswith("- main") for line in lines)
