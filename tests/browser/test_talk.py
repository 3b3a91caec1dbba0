"""Talk in real browsers: a quiz, an announcement, the chats, the private line and order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(frozen=True)
class Talk:
    master: Any
    tutor: Any
    student: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talk(enter: Any) -> AsyncIterator[Talk]:
    master = await enter("master")
    await master.has("lesson-state", state="live")
    yield Talk(master, *await asyncio.gather(enter("tutor"), enter("student")))


async def say(person: Any, words: str, tab: str = "lesson") -> None:
    await person.at(f"chat-tab-{tab}").click()
    await person.at("chat-input").fill(words)
    await person.at("chat-send").click()


async def reads(person: Any, words: str) -> None:
    await person.at("chat-log").get_by_text(words).wait_for()


async def test_a_quiz_is_asked_answered_counted_and_shown(talk: Talk) -> None:
    await talk.master.at("quiz-new").click()
    await talk.master.at("quiz-question").fill("月食时，谁在中间？")
    for index, text in enumerate(("太阳", "地球", "月亮")):
        await talk.master.at("quiz-option-text").nth(index).fill(text)
    await talk.master.at("quiz-option-right").nth(1).click()
    await talk.master.at("quiz-ask").click()

    await talk.student.at("quiz-option").nth(1).click()
    await talk.student.at("quiz-answered").get_by_text("B. 地球").wait_for()
    for index, count in enumerate(("5", "30", "3")):
        await talk.tutor.at("quiz-tally-count").nth(index).locator("input").fill(count)
    await talk.tutor.at("quiz-tally").click()
    await talk.master.has("quiz-result", answered="39")
    await expect(talk.master.at("quiz-class")).to_have_count(2)
    assert await talk.student.at("quiz-result").count() == 0

    await talk.master.at("quiz-close").click()
    await talk.master.at("quiz-show").click()
    await talk.student.has("quiz-result", answered="39")
    await talk.student.at("quiz-result").get_by_text("✓ 正确").wait_for()


async def test_an_announcement_is_on_every_page_until_it_is_taken_down(talk: Talk) -> None:
    await talk.master.at("announce-new").click()
    await talk.master.at("announce-text").fill("下课前请完成问卷")
    await talk.master.at("announce-send").click()
    for person in (talk.master, talk.tutor, talk.student):
        await person.at("announcement").get_by_text("下课前请完成问卷").wait_for()
    await talk.master.page.get_by_role("button", name="撤下").click()
    await talk.student.at("announcement").wait_for(state="detached")


async def test_a_private_message_is_for_two(talk: Talk) -> None:
    await say(talk.tutor, "投影坏了", "private")
    await talk.master.has("chat-tab-private", unread="1")
    await talk.master.at("chat-tab-private").click()
    await reads(talk.master, "投影坏了")
    await say(talk.master, "大家都能看到吗")
    await reads(talk.student, "大家都能看到吗")
    assert await talk.student.at("chat-tab-private").count() == 0
    assert "投影坏了" not in await talk.student.at("chat-log").inner_text()


async def test_a_message_is_deleted_and_a_chat_is_closed(talk: Talk) -> None:
    await say(talk.student, "哈哈哈")
    await reads(talk.master, "哈哈哈")
    await talk.master.at("chat-message").filter(has_text="哈哈哈").get_by_test_id("chat-delete").click()
    await talk.student.at("chat-message").filter(has_text="哈哈哈").wait_for(state="detached")

    await talk.master.at("chat-close").click()
    await talk.student.at("chat-closed").wait_for()
    assert await talk.student.at("chat-input").count() == 0
    await talk.master.at("chat-close").click()
    await talk.student.at("chat-input").wait_for()


async def test_the_master_takes_a_tutors_call(talk: Talk) -> None:
    await talk.tutor.at("voice-call").click()
    await talk.master.at("voice-accept").click()
    for person in (talk.master, talk.tutor):
        await person.page.locator("[data-testid=voice] [data-accepted=true]").wait_for()
    await talk.tutor.at("voice-end").click()
    await talk.master.page.locator("[data-testid=voice] [data-accepted]").wait_for(state="detached")


async def test_what_pupils_may_do_and_who_is_in_is_kept_in_order(talk: Talk, link_of: Any) -> None:
    name = link_of("student").name
    await talk.master.at("order-open").click()
    await talk.master.at("allow-chat").click()
    await talk.student.at("chat-off").wait_for()
    await talk.master.at("allow-chat").click()
    await talk.student.at("chat-input").wait_for()

    person = talk.master.at("person").filter(has_text=name)
    await person.get_by_test_id("moderate-remove").click()
    await talk.student.page.locator("[data-testid=problem][data-kind=removed]").wait_for()
    await talk.master.at("removed").get_by_test_id("moderate-readmit").click()
    await talk.master.at("removed").wait_for(state="detached")
