"""From an enrolment to what it counts for: a lesson that is over is settled, what was not attended flows
back, and whoever it is about sees how far they have come."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from classroom.network.check_in import Found, Result, Way
from classroom.store import check_in
from classroom.store.check_in import CheckedIn
from signaling.network.settlement import Settler

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
COURSE = {
    "provider": "demo-museum",
    "title": "光的折射",
    "subject": "物理",
    "master": "demo-museum-master",
    "visibility": "city",
    "state": "published",
}
CLASS, STUDENT = "demo-east-1-c1", "demo-east-1-student"


@pytest_asyncio.fixture
async def over(district: Any) -> Any:
    """A lesson of a term that was given to a class: one pupil checked in, and it is over."""
    now_ms, provider = district.now_ms, district["museum-provider"]
    term = {"place": "demo-city", "name": "秋季学期", "from_ms": now_ms - DAY_MS, "until_ms": now_ms + DAY_MS}
    asked = [
        district["city-organizer"].put("/api/v1/terms/autumn", term | {"target": 3, "delivered_grade": 3}),
        provider.put("/api/v1/courses/light", COURSE),
        provider.put(
            "/api/v1/courses/light/lessons/l1",
            {"starts_ms": now_ms + HOUR_MS, "ends_ms": now_ms + 2 * HOUR_MS, "capacity": 40},
        ),
        district["east-1-tutor"].put(f"/api/v1/catalogue/l1/classes/{CLASS}", {}),
    ]
    for each in asked:
        status, told = await each
        assert status == 201, told
    _, entry = await district["museum-master"].post("/api/v1/my/lessons/l1/entry")
    master = type(provider)(district.door, "demo-museum-master", entry["token"])
    for deed in ("start", "end"):
        status, told = await master.post(f"/api/v1/lessons/l1/{deed}")
        assert status == 200, told
    one = CheckedIn("l1", STUDENT, CLASS, "蒋小明", now_ms, Found(Result.PRESENT, Way.POSITION))
    await district.store.network.change(check_in.check_in, one)
    await district.store.written()
    # The server's own may have been faster.
    await Settler(district.store).settle_due()
    return district


async def booked(district: Any) -> int:
    _, told = await district["museum-provider"].get("/api/v1/terms/autumn/quotas")
    return next(each["booked"] for each in told["quotas"] if each["provider"] == "demo-museum")


async def test_who_came_counts_and_who_did_not_gives_back(over: Any) -> None:
    assert await booked(over) == 1
    _, told = await over["museum-provider"].get("/api/v1/courses/light/lessons")
    assert [(each["taken"], each["attended"]) for each in told["lessons"]] == [(40, 1)]
    # Once.
    assert await Settler(over.store).settle_due() == 0


async def test_pupils_and_parents_see_their_own(over: Any) -> None:
    for name in ("east-1-student", "east-1-parent"):
        status, told = await over[name].get("/api/v1/my/progress")
        assert status == 200
        [one] = told["people"]
        assert (one["person"], one["name"], one["mine"]) == (STUDENT, "蒋小明", name == "east-1-student")
        assert (one["class_name"], one["term"]["name"]) == ("三年级1班", "秋季学期")
        assert one["progress"] == {
            "target": 3,
            "target_delivered": 1,
            "done": 1,
            "caught_up": 0,
            "delivered": 0,
            "missed": 0,
            "minutes": 0,
            "reached": False,
            "subjects": [{"subject": "物理", "done": 1}],
        }
        assert [(each["lesson"], each["came"]) for each in one["lessons"]] == [("l1", "present")]
    # Who is no pupil has nothing to reach; whose pupil was not in it has done nothing.
    assert await over["east-1-tutor"].get("/api/v1/my/progress") == (200, {"people": []})
    _, told = await over["west-2-student"].get("/api/v1/my/progress")
    assert [each["progress"]["done"] for each in told["people"]] == [0]
    assert await over["east-1-student"].get("/api/v1/my/progress", term="spring") == (200, {"people": []})


async def test_tutors_see_their_class_and_organizers_their_school(over: Any) -> None:
    _, told = await over["east-1-tutor"].get(f"/api/v1/classes/{CLASS}/progress")
    assert (told["in_class"]["progress"]["done"], told["in_class"]["known"]) == (1, 1)
    assert [(each["person"], each["progress"]["done"]) for each in told["pupils"]] == [(STUDENT, 1)]
    for name in ("east-1-tutor-home", "east-1-student", "west-1-organizer", "museum-provider"):
        status, _ = await over[name].get(f"/api/v1/classes/{CLASS}/progress")
        assert status in (403, 404), name
    organizer = over["east-1-organizer"]
    status, told = await organizer.get("/api/v1/places/demo-east-1/progress", limit=1)
    assert (status, told["after"], told["subjects"]) == (200, CLASS, [{"subject": "物理", "done": 1}])
    assert [(each["class_id"], each["progress"]["done"]) for each in told["classes"]] == [(CLASS, 1)]
    _, told = await organizer.get("/api/v1/places/demo-east-1/progress", after=CLASS)
    assert ([each["class_id"] for each in told["classes"]], told["after"]) == (["demo-east-1-home"], "")
    assert (await organizer.get("/api/v1/places/demo-east-1/progress", term="spring"))[0] == 404


async def test_more_capacity_is_given_to_who_waits(district: Any) -> None:
    now_ms, provider = district.now_ms, district["museum-provider"]
    await provider.put("/api/v1/courses/light", COURSE)
    lesson = {"starts_ms": now_ms + HOUR_MS, "ends_ms": now_ms + 2 * HOUR_MS, "capacity": 39}
    await provider.put("/api/v1/courses/light/lessons/l1", lesson)
    _, made = await district["east-1-tutor"].put(f"/api/v1/catalogue/l1/classes/{CLASS}", {})
    assert made["state"] == "waiting"
    at = "/api/v1/courses/light/lessons/l1/capacity"
    status, told = await provider.put(at, {"capacity": 40})
    assert (status, told["taken"], told["waiting"]) == (200, 40, 0)
    _, told = await district["east-1-tutor"].get("/api/v1/my/notices")
    assert [each["kind"] for each in told["notices"]] == ["moved-up"]
    status, told = await provider.put(at, {"capacity": 10})
    assert (status, told["type"]) == (422, "/problems/course-invalid")
    assert (await district["east-1-provider"].put(at, {"capacity": 41}))[0] == 404
    await provider.put("/api/v1/courses/dark", COURSE)
    assert (await provider.put(at.replace("light", "dark"), {"capacity": 41}))[0] == 404
