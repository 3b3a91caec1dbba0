"""Lessons that follow the catalogue: many in one go, without rooms that nobody needs; and nobody comes into
one that has not followed yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
import pytest_asyncio

from classroom.model import LessonId
from classroom.store import enrolment_plans
from classroom.store.store import StoreUnavailable
from signaling.keys import DIRECTORY
from signaling.network.timetable_http import PLANNER

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
COURSE = "/api/v1/courses/light"
LESSONS = tuple(LessonId(f"l{number}") for number in range(1, 6))
CLASS = "demo-west-1-c1"
SAFETY_S = 30.0


@pytest_asyncio.fixture
async def planner(district: Any) -> Any:
    """Of a school with five lessons tomorrow; a class is enrolled in the first."""
    provider = district["east-1-provider"]
    course = {"provider": "demo-east-1", "title": "光的折射", "visibility": "public", "state": "published"}
    assert (await provider.put(COURSE, course))[0] == 201
    for number, name in enumerate(LESSONS):
        starts_ms = district.now_ms + DAY_MS + number * HOUR_MS
        plan = {"starts_ms": starts_ms, "ends_ms": starts_ms + HOUR_MS // 2, "capacity": 80}
        assert (await provider.put(f"{COURSE}/lessons/{name}", plan))[0] == 201
    assert (await district["west-1-tutor"].put(f"/api/v1/catalogue/l1/classes/{CLASS}", {}))[0] == 201
    planner = district.door.app[PLANNER]
    await planner.now(LESSONS[0])
    return planner


async def cancel(district: Any) -> None:
    span = {"from_ms": district.now_ms, "until_ms": district.now_ms + 3 * DAY_MS}
    body = {"reason": "重污染天气", "span": {"action": "cancel", "place": "demo-east"} | span}
    status, told = await district["east-organizer"].put("/api/v1/operations/haze", body)
    assert (status, told["operation"]["lessons"]) == (200, len(LESSONS)), told


async def all_followed(district: Any, planner: Any) -> None:
    async with asyncio.timeout(SAFETY_S):
        await asyncio.gather(*map(planner.now, LESSONS))
    assert await district.store.network.read(enrolment_plans.due) == ()


async def states(district: Any, lessons: Iterable[LessonId] = LESSONS) -> list[str]:
    return [(await district.store.lesson(each)).state for each in lessons]


async def test_a_day_is_followed_without_rooms_and_back(district: Any, planner: Any) -> None:
    directory = district.door.app[DIRECTORY]
    assert directory.rooms() == ()
    await cancel(district)
    await all_followed(district, planner)
    assert await states(district) == ["cancelled"] * 5
    assert (await district["east-organizer"].post("/api/v1/operations/haze/undo"))[0] == 200
    await all_followed(district, planner)
    assert await states(district) == ["scheduled"] * 5
    assert directory.rooms() == ()
    stream = await district.store.events(LESSONS[0], kinds=("lesson.state",))
    assert [(each.seq, each.body["state"]) for each in stream] == [(2, "cancelled"), (3, "scheduled")]
    [room] = (await district.store.lesson(LESSONS[0])).classes
    assert room.id == CLASS


async def test_who_is_in_is_told_and_let_go_and_nobody_comes_in(district: Any, planner: Any) -> None:
    door = district.door
    token = door.token("tutor", lesson="l1", class_id=CLASS)
    tutor = await door.socket()
    await tutor.say("hello", token=token)
    await tutor.expect("welcome")
    await cancel(district)
    # A door that is opened at once, before the lessons have had their half second.
    other = await door.socket()
    await other.say("hello", token=door.token("master", lesson="l2"), language="zh-CN")
    refused = await other.expect("error")
    assert refused["kind"] == "lesson-cancelled"
    assert "重污染天气" in refused["detail"]
    while (await tutor.expect("lesson"))["state"] != "cancelled":
        pass
    assert (await tutor.expect("bye"))["reason"] == "ended"
    again = await door.socket()
    await again.say("hello", token=token)
    assert (await again.expect("error"))["kind"] == "lesson-cancelled"


async def test_a_fault_in_one_lesson_is_not_the_others(
    district: Any, planner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = district.store.begin_closed

    async def begun(lessons: Any) -> Any:
        if LESSONS[2] in lessons:
            raise ZeroDivisionError
        return await begin(lessons)

    monkeypatch.setattr(district.store, "begin_closed", begun)
    await cancel(district)
    async with asyncio.timeout(SAFETY_S):
        found = await asyncio.gather(*map(planner.now, LESSONS), return_exceptions=True)
    assert [type(each) for each in found].count(ZeroDivisionError) == 1
    assert (await states(district)).count("cancelled") == 4


async def test_a_database_that_is_away_is_asked_again(
    district: Any, planner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(lessons: Any) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(district.store, "begin_closed", away)
        await cancel(district)
        with pytest.raises(StoreUnavailable):
            await planner.now(LESSONS[0])
        # Who comes in meanwhile is not kept waiting for it.
        await planner.caught_up(LESSONS[0])
    await all_followed(district, planner)
    assert await states(district) == ["cancelled"] * 5
