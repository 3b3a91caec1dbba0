"""A whole lesson on five pages in real Chromium, from the doors to the recording.

The master comes through a cable that the test can cut: HTTP, the WebSocket and the media. The tutor and the
pupil are of one class, at home; the room device is of another, so there is always one that goes on. Every
page of those who watch is looked at twenty times a second for a stage without picture and without words.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from load_tests.cable import Cable
from load_tests.server import ServerProcess
from signaling.auth import Tokens
from signaling.message import Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

LESSON = "whole"
HOME, ROOM = "class-home", "class-room"
PLAN = {
    "title": "光的折射",
    "classes": [
        {"id": HOME, "name": "居家班", "tutor": "tutor", "at_home": True, "pupils": 12},
        {"id": ROOM, "name": "三（1）班", "tutor": "teacher"},
    ],
}
PEOPLE: dict[str, tuple[Role, str, str]] = {
    "master": ("master", "李老师", ""),
    "tutor": ("tutor", "王老师", HOME),
    "room": ("room", "三（1）班教室", ROOM),
    "pupil": ("student", "小明", HOME),
    "supervisor": ("supervisor", "督查员", ""),
}
WINDOWS: dict[str, dict[str, Any]] = {
    "master": {"size": (1366, 768)},
    "tutor": {"size": (390, 844), "device": {"has_touch": True, "is_mobile": True}},
    "room": {"size": (1920, 1080)},
    "pupil": {"size": (1024, 768), "device": {"has_touch": True}},
    "supervisor": {"size": (1440, 900), "lang": "en"},
}
MASTER = ("master/camera", "master/microphone")
TUTOR = ("tutor/camera", "tutor/microphone")
PATIENCE_S = 60
A_SECOND_OF_SOUND = 50
"""Packets of 20 ms."""

DARK = """(() => {
  const seen = (element) => element && element.checkVisibility() && element.getBoundingClientRect().height > 0
  const lit = () => {
    if (!document.querySelector('[data-testid^=page-]')) return true
    if ([...document.querySelectorAll('[data-testid=stage-words]')].some(seen)) return true
    const shown = document.querySelectorAll('[data-testid=stage-view] video, [data-testid=stage-view] canvas')
    return [...shown].some((each) => seen(each) && (each.readyState ?? 4) >= 2)
  }
  window.darkMoments = []
  let dark = 0
  setInterval(() => {
    dark = lit() ? 0 : dark + 1
    if (dark === 2) window.darkMoments.push(document.body.innerText)
  }, 50)
})()"""
"""Notes each time when the stage has neither a picture nor words for a tenth of a second."""


@dataclass(frozen=True)
class Lesson:
    master: Any
    tutor: Any
    room: Any
    pupil: Any
    supervisor: Any


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tokens(shared_server: ServerProcess) -> dict[str, str]:
    """Of the people of a lesson that is planned for them, by name."""
    issuer = Tokens.open(shared_server.data)

    def token(person: str, role: Role, name: str, class_id: str) -> str:
        return issuer.issue(
            person=person, role=role, lesson=LESSON, name=name, class_id=class_id, now=time.time(), ttl_s=600
        )

    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {token('office', 'organizer', '', '')}"}
        url = f"{shared_server.url}/api/v1/lessons/{LESSON}"
        async with http.put(url, json=PLAN, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
    return {person: token(person, *claims) for person, claims in PEOPLE.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cable(shared_server: ServerProcess) -> AsyncIterator[Cable]:
    async with Cable(shared_server.port, shared_server.media_port) as cable:
        yield cable


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lesson(shared_server: ServerProcess, cable: Cable, tokens: dict[str, str], visit: Any) -> Lesson:
    """Everybody stands before the door."""

    async def open_page(person: str) -> Any:
        origin, script = (cable.url, cable.media.script) if person == "master" else (shared_server.url, DARK)
        address = f"/join#token={tokens[person]}"
        return await visit(address, script=script, origin=origin, **WINDOWS[person])

    return Lesson(*await asyncio.gather(*map(open_page, PEOPLE)))


async def test_a_whole_lesson(lesson: Lesson, cable: Cable) -> None:
    await the_doors(lesson)
    await a_lecture(lesson)
    await one_class_leaves_for_its_own_questions(lesson)
    await it_comes_back(lesson)
    await a_pupil_comes_on_stage(lesson)
    await a_quiz(lesson)
    cable.cut()
    await the_classes_go_on_by_themselves(lesson)
    cable.mend()
    await the_master_is_back(lesson)
    await nothing_was_dark(lesson)
    await the_lesson_ends(lesson)
    await the_recording_plays(lesson)


async def the_doors(lesson: Lesson) -> None:
    """Everybody is told of the recording; who sends tries their devices; who is early reads why they wait."""
    for person in everybody(lesson):
        await person.at("recording-notice").wait_for()
    for person in (lesson.tutor, lesson.room):
        await person.at("join-check").click()
        await person.at("join-preview").wait_for()
    for person in (lesson.tutor, lesson.room, lesson.pupil, lesson.supervisor):
        await person.at("join-start").click()
        await person.at("stage-words").wait_for()
    await says(lesson.pupil, "还没有上课")
    await says(lesson.supervisor, "The lesson has not started")
    await lesson.master.at("join-check").click()
    await lesson.master.at("join-preview").wait_for()
    await lesson.master.at("join-start").click()
    await lesson.master.has("lesson-state", state="live")


async def a_lecture(lesson: Lesson) -> None:
    watching = (lesson.tutor, lesson.room, lesson.pupil, lesson.supervisor)
    await asyncio.gather(*(person.gets(*MASTER) for person in watching))
    await asyncio.gather(*(person.at("stage-words").wait_for(state="detached") for person in watching))
    await lesson.master.has("recording-state", state="on")
    await lesson.master.page.locator("[data-testid=class-picture][data-flow=flowing]").first.wait_for()
    for person in (lesson.master, lesson.tutor, lesson.pupil):
        assert PEOPLE["supervisor"][1] not in await person.page.locator("body").inner_text()


async def one_class_leaves_for_its_own_questions(lesson: Lesson) -> None:
    """Its pupil hears the tutor and not the master; the other class and the supervisor hear the master go on,
    and nobody else the tutor."""
    await lesson.tutor.at("class-leave").click()
    await lesson.pupil.has("situation", situation="local_qa")
    await says(lesson.pupil, "本班答疑中")
    await lesson.pupil.gets(*TUTOR)
    await hears_only(lesson.pupil, "tutor/microphone")
    for person in (lesson.room, lesson.supervisor):
        await person.gets("master/camera")
        await hears_only(person, "master/microphone")
    await lesson.master.has("class-state", state="local_qa")
    await lesson.room.has("lesson-state", phase="lecture")


async def it_comes_back(lesson: Lesson) -> None:
    await lesson.tutor.at("class-back").click()
    for person in (lesson.tutor, lesson.pupil):
        await person.has("situation", situation="lecture")
        await person.gets(*MASTER)
    await lesson.pupil.at("stage-words").wait_for(state="detached")
    await hears_only(lesson.pupil, "master/microphone")


async def a_pupil_comes_on_stage(lesson: Lesson) -> None:
    await lesson.pupil.at("hand-raise").click()
    await lesson.master.at("hand").get_by_text("小明").wait_for()
    await lesson.master.at("hand-invite").click()
    await lesson.pupil.at("video-preview").wait_for()
    await lesson.master.at("stage-invited").wait_for()
    assert "pupil/camera" not in await lesson.room.streams(), "before the pupil said yes"
    await lesson.pupil.at("stage-accept").click()
    others = (lesson.master, lesson.tutor, lesson.room, lesson.supervisor)
    await asyncio.gather(*(person.gets("pupil/camera", "/voice") for person in others))
    await lesson.room.page.locator("[data-person=pupil][data-flow=flowing]").wait_for()
    await lesson.pupil.at("stage-leave").click()
    await lesson.master.at("stage-member").wait_for(state="detached")
    await lesson.room.page.locator("video[data-person=pupil]").wait_for(state="detached")


async def a_quiz(lesson: Lesson) -> None:
    """The pupil answers on their own device, the tutor counts for those without."""
    await lesson.master.at("quiz-new").click()
    await lesson.master.at("quiz-question").fill("光从空气斜射入水中，折射角比入射角")
    for index, text in enumerate(("大", "小")):
        await lesson.master.at("quiz-option-text").nth(index).fill(text)
    await lesson.master.at("quiz-option-right").nth(1).click()
    await lesson.master.at("quiz-ask").click()
    await lesson.pupil.at("quiz-option").nth(1).click()
    await lesson.pupil.at("quiz-answered").wait_for()
    for index, count in enumerate(("2", "7")):
        await lesson.tutor.at("quiz-tally-count").nth(index).locator("input").fill(count)
    await lesson.tutor.at("quiz-tally").click()
    await lesson.master.has("quiz-result", answered="10")
    await lesson.master.at("quiz-close").click()
    await lesson.master.at("quiz-show").click()
    await lesson.pupil.has("quiz-result", answered="10")
    await lesson.pupil.at("quiz-result").get_by_text("✓ 正确").wait_for()


async def the_classes_go_on_by_themselves(lesson: Lesson) -> None:
    """With their tutor on stage and the last picture held; every page says why."""
    await lesson.pupil.has("situation", situation="take_over")
    await says(lesson.pupil, "主讲老师网络中断，正在恢复，课堂由本班老师继续")
    await says(lesson.room, "主讲老师网络中断，正在恢复，课堂由本班老师继续")
    await says(lesson.supervisor, "The master teacher’s line is interrupted")
    await lesson.pupil.gets(*TUTOR)
    await lesson.pupil.has("video-main", person="tutor", flow="flowing")
    for person in (lesson.pupil, lesson.room):
        await person.has("held-picture", person="master")
    await lesson.master.has("connection-state", state="reconnecting")


async def the_master_is_back(lesson: Lesson) -> None:
    await lesson.master.has("connection-state", state="online")
    for person in (lesson.tutor, lesson.room, lesson.pupil, lesson.supervisor):
        await person.gets(*MASTER)
        await person.has("video-main", person="master", flow="flowing")
        await person.at("stage-words").wait_for(state="detached")
    await lesson.pupil.has("situation", situation="lecture")
    await hears_only(lesson.pupil, "master/microphone")


async def nothing_was_dark(lesson: Lesson) -> None:
    for person in (lesson.tutor, lesson.room, lesson.pupil, lesson.supervisor):
        assert await person.page.evaluate("window.darkMoments") == []


async def the_lesson_ends(lesson: Lesson) -> None:
    await lesson.master.at("master-end").click()
    await lesson.master.at("master-end-confirm").click()
    for person in everybody(lesson):
        await person.has("problem", kind="ended")
    assert "已下课" in await lesson.room.page.locator("body").inner_text()


async def the_recording_plays(lesson: Lesson) -> None:
    await lesson.master.page.get_by_role("link", name="活动影像库").click()
    await lesson.master.at("library-card").filter(has_text=PLAN["title"]).click()
    await lesson.master.at("page-player").wait_for()
    await lesson.master.page.wait_for_function(
        """() => {
          const video = document.querySelector('[data-testid=player-video]')
          return video && video.videoWidth > 0 && video.currentTime > 2 && video.duration > 10
        }"""
    )


async def says(person: Any, words: str) -> None:
    await person.page.get_by_text(words).first.wait_for()


async def hears_only(person: Any, name: str) -> None:
    """Waits for a second of this voice in which not a packet of another came."""
    async with asyncio.timeout(PATIENCE_S):
        voices = sounds(await person.streams())
        while True:
            now = sounds(await person.gets(name))
            if any(packets != voices.get(each) for each, packets in now.items() if each != name):
                voices = now
            elif now[name] >= voices.get(name, 0) + A_SECOND_OF_SOUND:
                return


def sounds(streams: dict[str, Any]) -> dict[str, int]:
    """Packets of each that is no picture."""
    return {name: stream.packets for name, stream in streams.items() if not stream.frames}


def everybody(lesson: Lesson) -> tuple[Any, ...]:
    return (lesson.master, lesson.tutor, lesson.room, lesson.pupil, lesson.supervisor)
