"""From an enrolment to the lesson's door: plans made by enrolments, timetables, entry, calendars."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from icalendar import Calendar

from classroom.model import LessonId
from classroom.store.sign_ins import SHOWN
from signaling.network.principals import secret_hash
from signaling.network.timetable_http import PLANNER

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CLASS = "/api/v1/catalogue/l1/classes/demo-east-1-c1"
STUDENT = "/api/v1/catalogue/l1/people/demo-west-1-student"
COURSE = {
    "provider": "demo-museum",
    "title": "光的折射",
    "master": "demo-museum-master",
    "visibility": "city",
    "state": "published",
}


@pytest.fixture
def offer(district: Any) -> Any:
    async def make(name: str = "l1", in_ms: int = HOUR_MS // 4, **change: Any) -> dict[str, Any]:
        provider = district["museum-provider"]
        await provider.put("/api/v1/courses/light", COURSE)
        starts_ms = district.now_ms + in_ms
        home = [{"tutor": "demo-west-2-tutor-home", "size": 20}]
        body = {"starts_ms": starts_ms, "ends_ms": starts_ms + HOUR_MS, "capacity": 80, "home": home}
        status, told = await provider.put(f"/api/v1/courses/light/lessons/{name}", body | change)
        assert status == 201, told
        return told  # type: ignore[no-any-return]

    return make


async def plan(district: Any, lesson: str = "l1") -> Any:
    """Of the lesson, once the enrolments are in it."""
    await district.door.app[PLANNER].now(LessonId(lesson))
    _, told = await district.root.get(f"/api/v1/lessons/{lesson}")
    return told


async def titles(person: Any, **query: Any) -> list[tuple[str, str, str]]:
    status, told = await person.get("/api/v1/my/timetable", **query)
    assert status == 200, told
    return [(each["lesson"], each["role"], each["state"]) for each in told["entries"]]


async def test_enrolled_classes_are_classes_of_the_lesson(district: Any, offer: Any) -> None:
    await offer()
    await district["east-1-tutor"].put(CLASS, {})
    await district["west-1-student"].put(STUDENT, {})
    told = await plan(district)
    assert told["classes"] == [
        {
            "id": "demo-east-1-c1",
            "name": "三年级1班",
            "school": "东区第一小学",
            "tutor": "demo-east-1-tutor",
            "at_home": False,
            "pupils": 40,
        },
        {
            "id": "l1-home-1",
            "name": "居家1班",
            "school": "",
            "tutor": "demo-west-2-tutor-home",
            "at_home": True,
            "pupils": 1,
        },
    ]
    assert told["master"] == "demo-museum-master"
    await district["east-1-tutor"].delete(CLASS)
    assert [each["id"] for each in (await plan(district))["classes"]] == ["l1-home-1"]


async def test_the_plan_follows_by_itself(district: Any, offer: Any) -> None:
    await offer()
    await district["east-1-tutor"].put(CLASS, {})
    async with asyncio.timeout(30):
        while True:
            _, told = await district.root.get("/api/v1/lessons/l1")
            if told["classes"]:
                break
            await asyncio.sleep(0.05)


async def test_classes_that_others_planned_stay(district: Any, offer: Any) -> None:
    await offer()
    path = "/api/v1/lessons/l1/classes/guests"
    status, _ = await district.root.ask("PUT", path, {"name": "Guests"}, headers={"If-Match": "*"})
    assert status == 201
    await district["east-1-tutor"].put(CLASS, {})
    assert [each["id"] for each in (await plan(district))["classes"]] == ["guests", "demo-east-1-c1"]
    await district["east-1-tutor"].delete(CLASS)
    assert [each["id"] for each in (await plan(district))["classes"]] == ["guests"]


async def test_timetables(district: Any, offer: Any) -> None:
    await offer()
    await district["east-1-tutor"].put(CLASS, {})
    await district["west-1-student"].put(STUDENT, {})
    for name, role in (
        ("museum-master", "master"),
        ("east-1-tutor", "tutor"),
        ("west-2-tutor-home", "tutor"),
        ("east-1-student", "student"),
        ("west-1-student", "student"),
        ("west-1-parent", "student"),
    ):
        assert await titles(district[name]) == [("l1", role, "enrolled")], name
    for name in ("east-1-student-home", "west-2-student", "museum-provider", "west-2-tutor"):
        assert await titles(district[name]) == [], name
    assert await titles(district["east-1-tutor"], starts_from=district.now_ms + DAY_MS) == []
    _, told = await district["west-1-parent"].get("/api/v1/my/timetable")
    [entry] = told["entries"]
    assert (entry["name"], entry["mine"], entry["open"]) == ("蒋小明", False, False)


async def test_who_waits_sees_it(district: Any, offer: Any) -> None:
    await offer(capacity=40)
    await district["east-1-tutor"].put(CLASS, {})
    second = "/api/v1/catalogue/l1/classes/demo-east-2-c1"
    await district["east-2-tutor"].put(second, {})
    pupil = district["east-2-student"]
    assert await titles(pupil) == [("l1", "student", "waiting")]
    status, told = await pupil.post("/api/v1/my/lessons/l1/entry")
    assert (status, told["type"]) == (409, "/problems/still-waiting")


async def test_everybody_comes_in_as_who_they_are(district: Any, offer: Any) -> None:
    await offer()
    await district["east-1-tutor"].put(CLASS, {})
    await district["west-1-student"].put(STUDENT, {})
    for name, role, class_id in (
        ("museum-master", "master", ""),
        ("east-1-tutor", "tutor", "demo-east-1-c1"),
        ("west-2-tutor-home", "tutor", "l1-home-1"),
        ("east-1-student", "student", "demo-east-1-c1"),
        ("west-1-student", "student", "l1-home-1"),
    ):
        person = district[name]
        status, told = await person.post("/api/v1/my/lessons/l1/entry")
        assert (status, told["role"], told["class_id"]) == (201, role, class_id)
        me = type(person)(district.door, "", told["token"])
        _, claims = await me.get("/api/v1/me")
        assert (claims["person"], claims["role"], claims["lesson"]) == (person.id, role, "l1")
    # The plan was made before anybody came in.
    _, planned = await district.root.get("/api/v1/lessons/l1")
    assert len(planned["classes"]) == 2


async def test_nobody_else_comes_in(district: Any, offer: Any) -> None:
    await offer()
    await district["east-1-tutor"].put(CLASS, {})
    await district["west-1-student"].put(STUDENT, {})
    absent = await district["west-1-parent"].post("/api/v1/my/lessons/nothing/entry")
    for name in ("west-1-parent", "west-1-tutor", "east-1-student-home", "city-organizer"):
        assert await district[name].post("/api/v1/my/lessons/l1/entry") == absent
    assert absent[0] == 404


async def test_too_early(district: Any, offer: Any) -> None:
    await offer(in_ms=DAY_MS)
    await district["east-1-tutor"].put(CLASS, {})
    for name in ("east-1-tutor", "east-1-student"):
        status, told = await district[name].post("/api/v1/my/lessons/l1/entry")
        assert (status, told["type"]) == (409, "/problems/door-closed")


async def read_calendar(district: Any, path: str) -> tuple[int, str]:
    async with district.door.http.get(district.door.url(path)) as response:
        return response.status, await response.text()


async def test_a_calendar_by_its_secret_address(district: Any, offer: Any) -> None:
    made = await offer(in_ms=DAY_MS)
    await district["west-1-student"].put(STUDENT, {})
    parent = district["west-1-parent"]
    assert (await parent.get("/api/v1/my/calendar"))[1] == {"since_ms": 0}
    _, told = await parent.post("/api/v1/my/calendar")
    status, text = await read_calendar(district, told["path"])
    assert status == 200
    [event] = Calendar.from_ical(text).walk("VEVENT")
    assert event["SUMMARY"] == "光的折射 (蒋小明)"
    assert round(event["DTSTART"].dt.timestamp()) == made["starts_ms"] // 1000
    assert event["DTSTART"].dt.utcoffset().total_seconds() == 8 * 3600
    assert (event["STATUS"], event["SEQUENCE"]) == ("CONFIRMED", 0)
    assert event["UID"] == "l1.demo-west-1-student@tongke"
    span = {"action": "cancel", "place": "demo-museum", "from_ms": district.now_ms}
    body = {"reason": "雪", "span": span | {"until_ms": district.now_ms + 2 * DAY_MS}}
    museum = district["museum-provider"]
    assert (await museum.put("/api/v1/operations/snow", body))[0] == 200
    [cancelled] = Calendar.from_ical((await read_calendar(district, told["path"]))[1]).walk("VEVENT")
    assert (cancelled["UID"], cancelled["SEQUENCE"]) == (event["UID"], 1)
    assert (cancelled["STATUS"], cancelled["DESCRIPTION"].split("\n")[-1]) == ("CANCELLED", "雪")
    assert (await museum.post("/api/v1/operations/snow/undo"))[0] == 200
    [restored] = Calendar.from_ical((await read_calendar(district, told["path"]))[1]).walk("VEVENT")
    assert (restored["STATUS"], restored["SEQUENCE"]) == ("CONFIRMED", 2)
    assert (await parent.get("/api/v1/my/calendar"))[1]["since_ms"] > 0
    # A new address ends the old one; taken back there is none.
    _, other = await parent.post("/api/v1/my/calendar")
    assert (await read_calendar(district, told["path"]))[0] == 404
    assert (await read_calendar(district, other["path"]))[0] == 200
    assert (await parent.delete("/api/v1/my/calendar"))[0] == 204
    assert (await read_calendar(district, other["path"]))[0] == 404


async def test_who_is_signed_out_from_elsewhere_is_out_of_the_lesson(district: Any, offer: Any) -> None:
    await offer(in_ms=60_000)
    lost, own = [await district.sign_in("demo-west-1-student") for _ in range(2)]
    await own.put(STUDENT, {})

    async def come(person: Any) -> tuple[Any, Any]:
        status, told = await person.post("/api/v1/my/lessons/l1/entry")
        assert status == 201, told
        socket = await district.door.socket()
        await socket.say("hello", token=told["token"])
        await socket.expect("welcome")
        return socket, told["token"]

    socket, token = await come(lost)
    assert (await own.delete(f"/api/v1/sign-ins/{secret_hash(lost.secret)[:SHOWN]}"))[0] == 204
    assert (await socket.bye())["reason"] == "expired"
    again = await district.door.socket()
    await again.say("hello", token=token)
    assert (await again.expect("error"))["kind"] == "token-invalid"
    # By what still stands they come in; and who signs out by themselves goes on in the lesson.
    socket, _ = await come(own)
    assert (await own.post("/api/v1/sign-out"))[0] == 200
    await socket.settled()
