"""Operations on the timetable over HTTP, and what of them reaches lessons, timetables and streams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from classroom.model import LessonId
from signaling.network.timetable_http import PLANNER

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PLACE, COURSE = "demo-east-1", "light"
CLASS = "/api/v1/catalogue/l1/classes/demo-west-1-c1"


@pytest_asyncio.fixture
async def lessons(district: Any) -> int:
    """Of the school `east-1`, tomorrow: `l1`, in which a class of the other district is enrolled, and `l2`,
    two hours later. When the first begins."""
    provider = district["east-1-provider"]
    course = {
        "provider": PLACE,
        "title": "光的折射",
        "visibility": "public",
        "state": "published",
        "master": "demo-east-1-master",
    }
    assert (await provider.put(f"/api/v1/courses/{COURSE}", course))[0] == 201
    starts_ms: int = district.now_ms + DAY_MS
    for name, later_ms in (("l1", 0), ("l2", 2 * HOUR_MS)):
        times = {"starts_ms": starts_ms + later_ms, "ends_ms": starts_ms + later_ms + HOUR_MS}
        status, told = await provider.put(
            f"/api/v1/courses/{COURSE}/lessons/{name}", times | {"capacity": 80}
        )
        assert status == 201, told
    assert (await district["west-1-tutor"].put(CLASS, {}))[0] == 201
    return starts_ms


def cancel(district: Any, place: str = "demo-east", **change: Any) -> dict[str, Any]:
    times = {"from_ms": district.now_ms, "until_ms": district.now_ms + 3 * DAY_MS}
    return {"reason": "重污染天气", "span": {"action": "cancel", "place": place} | times | change}


async def follow(district: Any, lesson: str = "l1") -> Any:
    """The lesson, once it has followed the catalogue."""
    await district.door.app[PLANNER].now(LessonId(lesson))
    _, told = await district.root.get(f"/api/v1/lessons/{lesson}")
    return told


async def entry(person: Any, lesson: str = "l1") -> Any:
    _, told = await person.get("/api/v1/my/timetable")
    [found] = [each for each in told["entries"] if each["lesson"] == lesson]
    return found


async def test_a_district_cancels_and_takes_it_back(district: Any, lessons: int) -> None:
    organizer, tutor = district["east-organizer"], district["west-1-tutor"]
    status, seen = await organizer.post("/api/v1/operations/preview", cancel(district))
    assert status == 200, seen
    counted = seen["operation"]
    assert (counted["lessons"], counted["classes"], counted["people"]) == (2, 1, 4)
    assert [each["lesson"] for each in seen["shown"]] == ["l1", "l2"]
    assert (seen["conflicts"], seen["elsewhere"]) == ([], 0)
    assert not (await entry(tutor))["cancelled"]
    body = cancel(district)
    status, done = await organizer.put("/api/v1/operations/haze", body)
    assert status == 200, done
    assert (done["operation"]["people"], done["operation"]["made_by_name"]) == (4, "周管理员")
    assert await organizer.put("/api/v1/operations/haze", body) == (status, done)
    told = await entry(tutor)
    assert told["cancelled"] and told["change"]["reason"] == "重污染天气"
    status, refused = await tutor.post("/api/v1/my/lessons/l1/entry")
    assert (status, refused["type"]) == (409, "/problems/offer-cancelled")
    assert (await follow(district))["state"] == "cancelled"
    _, events = await district.root.get("/api/v1/lessons/l1/events")
    assert events["events"][-1]["body"] == {"state": "cancelled", "reason": "重污染天气"}
    _, noticed = await district["west-1-parent"].get("/api/v1/my/notices")
    assert [(each["kind"], each["reason"]) for each in noticed["notices"]] == [("cancel", "重污染天气")]
    status, undone = await organizer.post("/api/v1/operations/haze/undo")
    assert (status, undone["operation"]["undone_by_name"]) == (200, "周管理员")
    told = await entry(tutor)
    assert (told["cancelled"], told["change"]) == (False, None)
    plan = await follow(district)
    assert (plan["state"], [each["id"] for each in plan["classes"]]) == ("scheduled", ["demo-west-1-c1"])
    status, refused = await organizer.post("/api/v1/operations/haze/undo")
    assert (status, refused["type"]) == (409, "/problems/undo-refused")
    assert refused["detail"] == "It was undone before."


async def test_a_class_takes_part_from_home(district: Any, lessons: int) -> None:
    organizer = district["west-organizer"]
    body = cancel(district, "demo-west", action="online")
    status, _ = await district["west-1-provider"].put("/api/v1/operations/snow", body)
    assert status == 404
    status, done = await organizer.put("/api/v1/operations/snow", body)
    assert (status, done["operation"]["classes"]) == (200, 1)
    assert [each["at_home"] for each in (await follow(district))["classes"]] == [True]
    assert (await entry(district["west-1-student"]))["online"]
    await organizer.post("/api/v1/operations/snow/undo")
    assert [each["at_home"] for each in (await follow(district))["classes"]] == [False]


async def test_a_lesson_is_moved_and_says_where_it_was(district: Any, lessons: int) -> None:
    provider = district["east-1-provider"]
    change = {"course": COURSE, "lesson": "l1", "starts_ms": lessons + 2 * HOUR_MS, "room": "301"}
    body = {"reason": "考试", "change": change}
    status, seen = await provider.post("/api/v1/operations/preview", body)
    assert status == 200, seen
    assert [(each["who"], each["name"]) for each in seen["conflicts"]] == [("master", "陈老师")]
    status, refused = await provider.put("/api/v1/operations/exam", body)
    assert (status, refused["type"]) == (409, "/problems/timetable-conflict")
    change["starts_ms"] = lessons + DAY_MS
    status, done = await provider.put("/api/v1/operations/exam", body)
    assert status == 200, done
    told = await entry(district["west-1-student"])
    assert (told["starts_ms"], told["room"]) == (lessons + DAY_MS, "301")
    assert told["change"]["before"]["starts_ms"] == lessons
    assert (await follow(district))["starts_ms"] == lessons + DAY_MS


async def test_a_series_over_a_term(district: Any, lessons: int) -> None:
    first = (datetime.now(UTC) + timedelta(days=7)).date()
    series = {"course": COURSE, "minutes": 40, "capacity": 80, "at": "09:00", "first": f"{first}"}
    series |= {"last": f"{first + timedelta(days=20)}", "weekdays": [first.isoweekday()]}
    provider = district["east-1-provider"]
    status, done = await provider.put("/api/v1/operations/weekly", {"series": series})
    assert (status, done["operation"]["lessons"]) == (200, 3), done
    assert [each["lesson"] for each in done["shown"]] == ["weekly-1", "weekly-2", "weekly-3"]
    _, offered = await provider.get(f"/api/v1/courses/{COURSE}/lessons")
    assert len(offered["lessons"]) == 5
    _, listed = await provider.get("/api/v1/operations")
    assert [each["id"] for each in listed["operations"]] == ["weekly"]


async def test_what_a_course_has_planned_is_for_who_answers_for_it(district: Any, lessons: int) -> None:
    provider, path = district["east-1-provider"], f"/api/v1/courses/{COURSE}/timetable"
    body = {"reason": "考试", "change": {"course": COURSE, "lesson": "l1", "following": True, "room": "301"}}
    assert (await provider.put("/api/v1/operations/exam", body))[0] == 200
    status, told = await provider.get(path)
    assert (status, told["timezone"], told["provider"]) == (200, "Asia/Shanghai", PLACE), told
    assert [(each["lesson"], each["room"]) for each in told["lessons"]] == [("l1", "301"), ("l2", "301")]
    assert [(each["id"], each["lessons"]) for each in told["operations"]] == [("exam", 2)]
    assert (await provider.get(f"/api/v1/courses/{COURSE}"))[1]["keeps"]
    tutor = district["west-1-tutor"]
    assert not (await tutor.get(f"/api/v1/courses/{COURSE}"))[1]["keeps"]
    assert not (await entry(tutor))["keeps"]
    assert (await district["west-1-provider"].get(path))[0] == 404
    assert (await provider.get("/api/v1/courses/none/timetable"))[0] == 404


async def test_a_substitute_teaches_once_somebody_else_has_approved(district: Any, lessons: int) -> None:
    tutor, other = district["west-1-tutor"], district["west-1-tutor-home"]
    wish = {"lesson": "l1", "class_id": "demo-west-1-c1", "reason": "生病"}
    path = "/api/v1/substitutes"
    _, told = await tutor.get(f"{path}/candidates", lesson="l1", class_id="demo-west-1-c1")
    assert told["candidates"] == [{"person": other.id, "name": "卫老师"}]
    assert (await district["east-1-tutor"].post(path, wish | {"person": other.id}))[0] == 404
    status, made = await tutor.post(path, wish | {"person": other.id})
    assert (status, made["state"], made["mine"], made["decides"]) == (201, "declared", True, False), made
    one = f"{path}/{made['id']}"
    assert (await tutor.post(f"{one}/approve"))[0] == 404
    organizer = district["west-1-organizer"]
    _, listed = await organizer.get(path, state="declared")
    assert [(each["id"], each["decides"]) for each in listed["substitutes"]] == [(made["id"], True)]
    status, done = await organizer.post(f"{one}/approve")
    assert (status, done["state"], done["decided_by_name"]) == (200, "approved", "王管理员"), done
    assert [each["tutor"] for each in (await follow(district))["classes"]] == [other.id]
    assert (await entry(other))["role"] == "tutor"
    replaced = district.door.parts.tokens.replaced
    assert list(replaced) == [("l1", tutor.id)]
    status, refused = await organizer.post(f"{one}/decline")
    assert (status, refused["type"]) == (409, "/problems/substitute-refused")
    assert (await organizer.post(f"/api/v1/operations/{done['operation']}/undo"))[0] == 200
    assert list(replaced) == [("l1", other.id)]
    assert [each["tutor"] for each in (await follow(district))["classes"]] == [tutor.id]


async def test_everybody_says_how_they_are_told(district: Any) -> None:
    parent = district["east-1-parent"]
    path = "/api/v1/my/notice-settings"
    assert await parent.get(path) == (
        200,
        {"settings": {"language": "zh-CN", "unwanted": []}, "email": "", "sent": False},
    )
    wished = {"language": "en", "unwanted": ["changed", "places"]}
    for _ in range(2):
        status, told = await parent.put(path, wished)
        assert (status, told["settings"]) == (200, wished)
    assert (await parent.get(path))[1]["settings"] == wished
    assert (await district["east-2-parent"].get(path))[1]["settings"]["unwanted"] == []
    assert (await parent.put(path, {"language": "xx", "unwanted": []}))[0] == 400


async def test_what_is_asked_wrongly_is_said_in_words(district: Any, lessons: int) -> None:
    organizer = district["east-organizer"]
    for body, words in (
        ({"reason": "x"}, "No lesson is concerned"),
        (cancel(district) | {"reason": " "}, "A reason is needed"),
        (cancel(district, until_ms=0), "The span of time must end"),
        (cancel(district, "demo-east-2"), "No lesson is concerned"),
    ):
        status, told = await organizer.put("/api/v1/operations/wrong", body)
        assert (status, told["type"]) == (422, "/problems/operation-invalid"), told
        assert told["detail"].startswith(words)
