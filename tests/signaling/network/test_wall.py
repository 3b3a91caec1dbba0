"""The wall over HTTP: who sees which lessons, flags, and pictures in one answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.store.library_items import ItemFacts
from signaling.network.wall_http import BOARD, WALL_PICTURES
from signaling.network.wall_pictures import WallPicture, _Shown

WALL = "/api/v1/supervision/wall"
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def looks_anew(district: Any) -> None:
    """What was found counts for two seconds: not here."""
    district.door.app[BOARD]._clock = iter(range(0, 10**6, 10)).__next__


async def add_lesson(district: Any, lesson: str, school: str, **more: Any) -> Lesson:
    values: dict[str, Any] = {"title": lesson, "state": LessonState.LIVE, "started_ms": district.now_ms}
    class_id = f"demo-{school}-c1"
    values["classes"] = (ClassRoom(ClassId(class_id), "三年级1班", PersonId(f"demo-{school}-tutor")),)
    made = Lesson(LessonId(lesson), **values | more)
    await district.store.save_lesson(made)
    return made


async def seen(person: Any, **query: str) -> set[str]:
    status, told = await person.get(WALL, **query)
    assert status == 200
    return {each["id"] for each in told["lessons"]}


async def pictures(person: Any, **query: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    url = person.door.url(f"{WALL}/pictures")
    head = {"Authorization": f"Bearer {person.secret}"}
    async with person.door.http.get(url, headers=head, params=query) as response:
        assert response.status == 200
        told, _, rest = (await response.read()).partition(b"\n")
    found = json.loads(told)
    made = {}
    for each in found["pictures"]:
        made[each["lesson"]], rest = rest[: each["bytes"]], rest[each["bytes"] :]
    assert not rest
    return found, made


async def test_each_sees_the_lessons_of_their_scope(district: Any) -> None:
    await add_lesson(district, "east", "east-1")
    await add_lesson(district, "west", "west-2")
    await add_lesson(district, "nowhere", "none")
    await add_lesson(district, "given", "none", master_id=PersonId("demo-west-1-master"))
    assert await seen(district["city-supervisor"]) == {"east", "west", "given"}
    assert await seen(district["east-supervisor"]) == {"east"}
    assert await seen(district["west-1-organizer"]) == {"given"}
    assert await seen(district.root) == {"east", "west", "nowhere", "given"}
    for other in ("museum-provider", "east-1-tutor", "east-1-student"):
        assert (await district[other].get(WALL))[0] == 403


async def test_what_is_live_and_what_should_be(district: Any) -> None:
    now = district.now_ms
    waits = {"state": LessonState.SCHEDULED, "started_ms": 0}
    await add_lesson(district, "late", "east-1", **waits, starts_ms=now - 10 * MINUTE_MS)
    await add_lesson(district, "soon", "east-1", **waits, starts_ms=now + MINUTE_MS)
    await add_lesson(district, "missed", "east-1", **waits, starts_ms=now - 600 * MINUTE_MS)
    await add_lesson(district, "over", "east-1", state=LessonState.ENDED, ended_ms=now)
    _, told = await district["east-supervisor"].get(WALL)
    assert [(each["id"], each["flags"]) for each in told["lessons"]] == [("late", ["not_begun"])]


async def test_a_lesson_is_told_with_its_places_and_flags(district: Any) -> None:
    lesson = await add_lesson(
        district, "optics", "east-1", master_id=PersonId("demo-museum-master"), state=LessonState.OPEN
    )
    await district.store.save_lesson(replace(lesson, state=LessonState.OPEN, started_ms=0))
    master = await district.door.join("master", lesson="optics", person="demo-museum-master", name="李老师")
    await master.say("lesson.start")
    await master.settled()
    await district.store.flush()
    _, told = await district["east-supervisor"].get(WALL)
    (one,) = told["lessons"]
    assert (one["master"], one["classes"], one["without_tutor"], one["state"]) == ("李老师", 1, 1, "live")
    names = {each["path"]: each["name"] for each in told["places"]}
    assert [names[one["provider"]], *(names[path] for path in one["schools"])] == [
        "同课科技馆",
        "东区第一小学",
    ]


async def test_what_a_recording_missed_lately_is_flagged(district: Any) -> None:
    now = district.now_ms
    for name, gap_ms in (("east", now - MINUTE_MS), ("west", now - 60 * MINUTE_MS)):
        await add_lesson(district, name, f"{name}-1", started_ms=now - 90 * MINUTE_MS)
        facts = ItemFacts(f"item-{name}", name, "", "live", now, 0, 0.9, "", gap_ms=gap_ms)
        await district.store.library.keep((facts,), now)
    _, told = await district["city-supervisor"].get(WALL)
    flagged = {each["id"]: "recording_gap" in each["flags"] for each in told["lessons"]}
    assert flagged == {"east": True, "west": False}


async def test_chosen_by_place_and_flag(district: Any) -> None:
    supervisor, late = district["city-supervisor"], district.now_ms - 30 * MINUTE_MS
    await add_lesson(district, "east", "east-1")
    await add_lesson(district, "west", "west-1", starts_ms=late)
    assert await seen(supervisor, place="/demo-city/demo-west/") == {"west"}
    assert await seen(supervisor, flag="late_start") == {"west"}
    assert (await supervisor.get(WALL, flag="nonsense"))[0] == 400


async def test_what_has_not_changed_is_not_sent_again(district: Any) -> None:
    await add_lesson(district, "east", "east-1")
    person = district["east-supervisor"]
    url, head = district.door.url(WALL), {"Authorization": f"Bearer {person.secret}"}
    async with district.door.http.get(url, headers=head) as first:
        tag = first.headers["ETag"]
    async with district.door.http.get(url, headers=head | {"If-None-Match": tag}) as again:
        assert again.status == 304


async def test_pictures_come_in_one_answer_and_each_once(district: Any) -> None:
    await add_lesson(district, "east", "east-1")
    await add_lesson(district, "west", "west-1")
    made = district.door.app[WALL_PICTURES]
    for number, lesson in enumerate(("east", "west"), 1):
        made._shown[lesson] = made_of(made, lesson, number)
    made._number = 2
    told, found = await pictures(district["city-supervisor"])
    assert found == {"east": b"jpeg of east", "west": b"jpeg of west"}
    assert (await pictures(district["east-supervisor"]))[1] == {"east": b"jpeg of east"}
    assert (await pictures(district["city-supervisor"], lesson="west"))[1] == {"west": b"jpeg of west"}
    assert (await pictures(district["city-supervisor"], after=told["next"]))[1] == {}
    made._shown["west"].picture = WallPicture("west", 3, 9_000, b"newer")
    made._number = 3
    told, found = await pictures(district["city-supervisor"], after=told["next"])
    assert (found, told["pictures"][0]["at_ms"]) == ({"west": b"newer"}, 9_000)
    for nonsense in ("other-99", "x", f"{made.epoch}-", f"{made.epoch}-9x"):
        assert len((await pictures(district["city-supervisor"], after=nonsense))[1]) == 2


def made_of(made: Any, lesson: str, number: int) -> Any:
    picture = WallPicture(lesson, number, 1_000, f"jpeg of {lesson}".encode())
    return _Shown(None, float("inf"), float("inf"), picture)  # type: ignore[arg-type]
