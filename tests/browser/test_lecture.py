"""A lecture in real browsers: a master, a class, a home student and a supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEWERS = ("tutor", "student", "supervisor")


@dataclass(frozen=True)
class Lecture:
    master: Any
    tutor: Any
    student: Any
    supervisor: Any

    @property
    def viewers(self) -> tuple[Any, ...]:
        return self.tutor, self.student, self.supervisor


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lecture(enter: Any) -> AsyncIterator[Lecture]:
    """Everybody is in; the master sends H.264."""
    master = await enter("master", script="")
    await master.has("lesson-state", state="live")
    people = await asyncio.gather(*(enter(role, script="") for role in VIEWERS))
    yield Lecture(master, *people)


async def test_everybody_sees_and_hears_the_master(lecture: Lecture) -> None:
    for received in await asyncio.gather(*(viewer.sees_and_hears() for viewer in lecture.viewers)):
        assert (received.codec, received.protocol) == ("video/H264", "udp")


async def test_everybody_is_told_how_well_they_are_reached_and_the_master_of_each_class(
    lecture: Lecture,
) -> None:
    """The server's verdict, by whatever it is on the machine that tests."""
    for person in (lecture.master, lecture.student):
        badge = person.page.locator("[data-testid=connection-state]:not([data-quality=''])")
        await badge.wait_for()
    wall = lecture.master.page.locator("[data-testid=class-row]:not([data-quality=''])")
    await wall.first.wait_for()


async def test_nobody_sees_the_supervisor(lecture: Lecture, link_of: Any) -> None:
    for role, person in (("master", lecture.master), ("tutor", lecture.tutor), ("student", lecture.student)):
        text = await person.at(f"page-{role}").inner_text()
        assert link_of("supervisor").name not in text
        assert text


async def test_chat_reaches_everybody(lecture: Lecture) -> None:
    words = "老师好"
    await lecture.student.at("chat-input").fill(words)
    await lecture.student.at("chat-send").click()
    for person in (lecture.master, lecture.tutor):
        await person.at("chat-log").get_by_text(words).wait_for()


async def test_a_hand_is_seen_by_the_master_until_it_is_lowered(lecture: Lecture) -> None:
    await lecture.student.at("hand-raise").click()
    await lecture.master.has("hands", count="1")
    await lecture.student.at("hand-lower").click()
    await lecture.master.has("hands", count="0")


async def test_a_reload_comes_back_into_the_lecture(lecture: Lecture) -> None:
    await lecture.student.page.reload()
    await lecture.student.has("connection-state", state="online")
    # A browser may keep a reloaded page silent until it is touched, and the page asks for that touch.
    await lecture.student.page.mouse.click(400, 300)
    await lecture.student.sees_and_hears()


async def test_the_picture_goes_on_while_the_socket_is_lost(lecture: Lecture, line: Any) -> None:
    tutor = lecture.tutor
    await tutor.page.evaluate("() => { window.tongke.receiver().before = true }")
    line.cut()
    try:
        await tutor.has("connection-state", state="reconnecting")
        await tutor.sees_and_hears()
    finally:
        line.mend()
    await tutor.has("connection-state", state="online")
    await tutor.sees_and_hears()
    assert await tutor.page.evaluate("() => window.tongke.receiver().before"), "a new connection was made"


async def test_a_browser_without_udp_gets_in_by_tcp(lecture: Lecture, enter: Any) -> None:
    second_class = await enter("tutor", 1, script="", force="tcp")
    received = await second_class.sees_and_hears()
    assert received.protocol == "tcp"
    await second_class.page.close()


async def test_a_master_who_comes_back_from_a_browser_without_h264_is_seen_again(
    lecture: Lecture, enter: Any, without_h264: str
) -> None:
    await lecture.master.page.close()
    await enter("master", script=without_h264)
    for viewer in lecture.viewers:
        await viewer.becomes(lambda now: now.codec == "video/VP8")
    await asyncio.gather(*(viewer.sees_and_hears() for viewer in lecture.viewers))
