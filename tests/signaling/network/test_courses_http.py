"""Courses and their lessons over HTTP: made by who answers for the provider, seen by whom they are for."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.network.ratings import Rater, Rating
from classroom.store import ratings

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
COURSE = {
    "provider": "demo-museum",
    "title": "光的折射",
    "subject": "物理",
    "topic": "光学",
    "kind": "science-class",
    "grade_from": 3,
    "grade_to": 6,
    "master": "demo-museum-master",
    "style": "动手实验",
    "summary": "从一杯水里的筷子说起。",
    "visibility": "city",
    "state": "published",
}


def lesson(district: Any, **change: Any) -> dict[str, Any]:
    starts_ms = district.now_ms + DAY_MS
    return {"starts_ms": starts_ms, "ends_ms": starts_ms + HOUR_MS, "capacity": 80} | change


async def publish(district: Any, course: str = "light", **change: Any) -> None:
    status, told = await district["museum-provider"].put(f"/api/v1/courses/{course}", COURSE | change)
    assert status in {200, 201}, told


async def test_a_provider_makes_a_course_and_offers_a_lesson(district: Any) -> None:
    provider = district["museum-provider"]
    status, made = await provider.put("/api/v1/courses/light", COURSE)
    assert status == 201
    assert made["provider_name"] == "同课科技馆"
    assert made["master_name"] == "李老师"
    assert (await provider.put("/api/v1/courses/light", COURSE | {"title": "光"}))[0] == 200
    body = lesson(district)
    status, offered = await provider.put("/api/v1/courses/light/lessons/l1", body)
    assert status == 201
    assert (offered["title"], offered["left"], offered["master"]) == ("光", 80, "demo-museum-master")
    # Sent again it is the same; another one of this id there cannot be.
    assert await provider.put("/api/v1/courses/light/lessons/l1", body) == (200, offered)
    status, told = await provider.put("/api/v1/courses/light/lessons/l1", body | {"capacity": 81})
    assert status == 409
    status, told = await provider.get("/api/v1/courses/light/lessons")
    assert told == {"lessons": [offered]}
    # It is a lesson like any other.
    status, planned = await district.root.get("/api/v1/lessons/l1")
    assert (planned["master"], planned["starts_ms"]) == ("demo-museum-master", body["starts_ms"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"title": " "}, "course-invalid"),
        ({"grade_from": 7}, "course-invalid"),
        ({"visibility": "named"}, "course-invalid"),
        ({"visibility": "named", "named": ["nowhere"]}, "course-invalid"),
        ({"visibility": "district"}, "course-invalid"),
        ({"master": "demo-east-1-tutor"}, "course-invalid"),
        ({"master": "nobody"}, "course-invalid"),
        ({"kind": "party"}, "bad-request"),
        ({"price": 3}, "bad-request"),
        ({"provider": "nowhere"}, "not-found"),
        ({"provider": "demo-east-1"}, "not-found"),
    ],
)
async def test_what_no_course_can_be(district: Any, change: dict[str, Any], problem: str) -> None:
    _, told = await district["museum-provider"].put("/api/v1/courses/light", COURSE | change)
    assert told["type"] == f"/problems/{problem}"
    assert told["detail"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"starts_ms": 1, "ends_ms": 2}, "course-invalid"),
        ({"ends_ms": 1}, "course-invalid"),
        ({"capacity": 0}, "bad-request"),
        ({"master": "demo-east-1-tutor"}, "course-invalid"),
        ({"home": [{"tutor": "demo-east-1-master", "size": 5}]}, "course-invalid"),
        ({"home": [{"tutor": "demo-east-1-tutor", "size": 5}] * 2}, "course-invalid"),
    ],
)
async def test_what_no_lesson_can_be(district: Any, change: dict[str, Any], problem: str) -> None:
    await publish(district)
    path = "/api/v1/courses/light/lessons/l1"
    _, told = await district["museum-provider"].put(path, lesson(district, **change))
    assert told["type"] == f"/problems/{problem}"


async def test_a_master_leads_one_lesson_at_a_time(district: Any) -> None:
    await publish(district)
    provider = district["museum-provider"]
    await provider.put("/api/v1/courses/light/lessons/l1", lesson(district))
    status, told = await provider.put("/api/v1/courses/light/lessons/l2", lesson(district))
    assert (status, told["type"]) == (409, "/problems/timetable-conflict")
    assert "光的折射" in told["detail"]


async def test_a_course_of_others_is_not_there(district: Any) -> None:
    await publish(district, visibility="own", state="draft")
    for name in ("east-1-provider", "east-organizer", "east-1-tutor", "east-1-student"):
        somebody = district[name]
        assert (await somebody.get("/api/v1/courses/light"))[0] == 404
        assert (await somebody.get("/api/v1/courses/light/lessons"))[0] == 404
        status, _ = await somebody.put("/api/v1/courses/light", COURSE | {"provider": "demo-east-1"})
        assert status in {403, 404}
    for name in ("museum-provider", "museum-master", "city-organizer", "city-supervisor"):
        assert (await district[name].get("/api/v1/courses/light"))[0] == 200
        _, told = await district[name].get("/api/v1/courses")
        assert [each["id"] for each in told["courses"]] == ["light"]


async def test_lists_go_page_by_page(district: Any) -> None:
    for number in range(5):
        await publish(district, f"course-{number}")
    found, after = [], ""
    while True:
        _, told = await district["museum-provider"].get("/api/v1/courses", after=after, limit=2)
        found += [each["id"] for each in told["courses"]]
        if not (after := told["after"]):
            break
    assert found == [f"course-{number}" for number in range(5)]
    assert (await district["east-1-provider"].get("/api/v1/courses"))[1]["courses"] == []


async def test_pairs_are_made_by_who_answers_for_both(district: Any) -> None:
    path = "/api/v1/places/demo-east-1/pairs/demo-west-1"
    for name in ("east-1-organizer", "east-organizer", "west-organizer"):
        assert (await district[name].put(path, {}))[0] == 404
    organizer = district["city-organizer"]
    assert (await organizer.put(path, {}))[0] == 204
    assert (await organizer.put(path, {}))[0] == 204
    _, told = await district["west-1-organizer"].get("/api/v1/places/demo-west-1/pairs")
    assert told == {"places": ["demo-east-1"]}
    assert (await organizer.put("/api/v1/places/demo-east-1/pairs/demo-east-1", {}))[0] == 404
    assert (await organizer.delete(path))[0] == 204
    assert (await organizer.delete(path))[0] == 404


async def test_terms_and_quotas(district: Any) -> None:
    now_ms = district.now_ms
    term = {"place": "demo-city", "name": "秋季", "from_ms": now_ms, "until_ms": now_ms + 100 * DAY_MS}
    organizer = district["city-organizer"]
    assert (await district["east-organizer"].put("/api/v1/terms/autumn", term))[0] == 404
    assert (await organizer.put("/api/v1/terms/autumn", term | {"place": "demo-museum"}))[0] == 422
    status, made = await organizer.put("/api/v1/terms/autumn", term)
    assert (status, made["quota"], made["target"], made["target_delivered"]) == (201, 10_000, 5, 1)
    changed = term | {"until_ms": now_ms + DAY_MS}
    status, told = await organizer.put("/api/v1/terms/autumn", changed)
    assert (status, told["type"]) == (422, "/problems/term-invalid")
    for somebody in district.everybody:
        assert (await somebody.get("/api/v1/terms"))[1] == {"terms": [made]}
    await publish(district)
    provider = district["museum-provider"]
    await provider.put("/api/v1/courses/light/lessons/l1", lesson(district))
    quotas = "/api/v1/terms/autumn/quotas"
    museum = {"provider": "demo-museum", "name": "同课科技馆", "allowed": 10_000, "booked": 0, "left": 10_000}
    for name in ("museum-provider", "city-organizer"):
        assert (await district[name].get(quotas))[1]["quotas"] == [museum]
    assert (await district["east-1-provider"].get(quotas))[1]["quotas"] == []
    assert (await provider.put(f"{quotas}/demo-museum", {"allowed": 50_000}))[0] == 403
    assert (await district["east-organizer"].put(f"{quotas}/demo-museum", {"allowed": 1}))[0] == 404
    status, told = await organizer.put(f"{quotas}/demo-museum", {"allowed": 20})
    assert (status, told) == (200, museum | {"allowed": 20, "left": 20})


async def test_what_was_said_of_its_lessons_stands_at_the_course(district: Any) -> None:
    await publish(district)
    await district["museum-provider"].put("/api/v1/courses/light/lessons/l1", lesson(district))
    stars = ({"content": 5, "teaching": 4, "technique": 3}, {"content": 4, "teaching": 4, "technique": 4})
    for number, given in enumerate(stars):
        rating = Rating("l1", Rater.STUDENT, f"p{number}", given, "", 1, f"p{number}")
        await district.store.network.change(ratings.put, rating, "/demo-city/demo-museum/")
    _, told = await district["east-1-student"].get("/api/v1/courses/light/ratings")
    assert told == {
        "students": {"count": 2, "means": {"content": 4.5, "teaching": 4.0, "technique": 3.5}},
        "schools": {"count": 0, "means": {}},
    }
    await publish(district, visibility="own")
    assert (await district["east-1-student"].get("/api/v1/courses/light/ratings"))[0] == 404


async def test_a_course_is_shown_to_places_found_by_their_names(district: Any) -> None:
    provider = district["museum-provider"]
    url = "/api/v1/places/demo-museum/audience"
    _, told = await provider.get(url, words="东区")
    assert [each["id"] for each in told["places"]] == ["demo-east", "demo-east-1", "demo-east-2"]
    await publish(district, visibility="named", named=["demo-east-1"])
    _, told = await provider.get(url, ids="demo-west-1,demo-east-1,nothing,\u202e")
    assert [each["name"] for each in told["places"]] == ["东区第一小学", "西区第一小学"]
    _, told = await provider.get(url)
    assert "demo-museum" not in [each["id"] for each in told["places"]]
    assert (await provider.get(url, ids=",".join(["x"] * 201)))[0] == 400
    assert (await district["east-1-tutor"].get(url))[0] == 403
