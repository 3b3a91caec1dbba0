"""A room's device from the code on its screen into the lesson of its class, and out again."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from classroom.model import Lesson, LessonId, LessonState
from classroom.store.demo import CLASS_1

PAIR = f"/api/v1/lessons/demo/classes/{CLASS_1}/devices"


async def call(
    door: Any, method: str, path: str, token: str = "", body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with door.http.request(method, door.url(path), headers=headers, json=body) as response:
        text = await response.read()
        return response.status, (await response.json(content_type=None)) if text else {}


async def begun(door: Any) -> dict[str, Any]:
    status, pairing = await call(door, "POST", "/api/v1/devices/pairing")
    assert status == 201
    return pairing


async def paired(door: Any, **claims: Any) -> tuple[str, dict[str, Any]]:
    """The device's credential, and what the tutor was told."""
    pairing = await begun(door)
    tutor = door.token("tutor", person="demo-tutor-1", class_id=CLASS_1, **claims)
    status, device = await call(door, "POST", PAIR, tutor, {"code": pairing["code"]})
    assert status == 201, device
    _, state = await call(door, "GET", "/api/v1/devices/pairing", pairing["secret"])
    return state["credential"], device


async def test_a_device_is_paired_once_and_finds_its_lesson(door: Any) -> None:
    credential, device = await paired(door)
    assert (device["name"], device["class_id"], device["paired_by"]) == ("1班", CLASS_1, "demo-tutor-1")
    assert device["lesson"] == "demo" and device["revoked_ms"] is None
    _, orders = await call(door, "GET", "/api/v1/device", credential)
    assert orders == {"name": "1班", "now": None, "next": None}, "nobody is in yet, and nothing is planned"
    master = await door.join("master")
    await master.settled()
    await door.parts.store.flush()
    _, orders = await call(door, "GET", "/api/v1/device", credential)
    assert (orders["now"]["lesson"], orders["next"]) == ("demo", None)
    room = await door.socket()
    await room.say("hello", token=orders["now"]["token"])
    me = (await room.expect("welcome"))["me"]
    assert (me["id"], me["role"], me["class_id"]) == (device["id"], "room", CLASS_1)


async def test_a_device_is_told_of_the_next_lesson_of_its_own_class(door: Any) -> None:
    credential, _ = await paired(door)
    store, soon = door.parts.store, time.time_ns() // 1_000_000 + 3_600_000
    demo: Lesson = await store.lesson(LessonId("demo"))
    (room,) = (room for room in demo.classes if room.id == CLASS_1)
    elsewhere = replace(room, school="另一所学校")
    for number, classes in enumerate(((room,), (elsewhere,), demo.classes[1:])):
        lesson = replace(demo, id=LessonId(f"l{number}"), classes=classes, starts_ms=soon - number)
        await store.save_lesson(replace(lesson, state=LessonState.SCHEDULED))
    _, orders = await call(door, "GET", "/api/v1/device", credential)
    assert orders["now"] is None
    assert (orders["next"]["lesson"], orders["next"]["token"]) == ("l0", "")


async def test_a_revoked_device_is_out_at_once_and_stays_out(door: Any) -> None:
    credential, device = await paired(door)
    master = await door.join("master")
    await master.settled()
    await door.parts.store.flush()
    _, orders = await call(door, "GET", "/api/v1/device", credential)
    token = orders["now"]["token"]
    room = await door.socket()
    await room.say("hello", token=token)
    await room.expect("welcome")
    organizer = door.token("organizer")
    for _ in range(2):
        assert (await call(door, "DELETE", f"/api/v1/devices/{device['id']}", organizer))[0] == 204
    assert (await room.bye())["reason"] == "removed"
    again = await door.socket()
    await again.say("hello", token=token)
    assert (await again.refusal())["kind"] == "token-invalid", "the token it still has"
    status, problem = await call(door, "GET", "/api/v1/device", credential)
    assert (status, problem["type"]) == (401, "/problems/device-unknown")
    _, listed = await call(door, "GET", "/api/v1/devices", organizer)
    (known,) = listed["devices"]
    assert known["revoked_by"] == "organizer-1" and known["revoked_ms"] >= known["paired_ms"]
    assert (await call(door, "DELETE", "/api/v1/devices/none", organizer))[0] == 404
    assert await door.parts.store.revoked_devices(known["revoked_ms"]) == {device["id"]}, "for a restart"


async def test_who_may_pair(door: Any) -> None:
    code = (await begun(door))["code"]
    other = door.token("tutor", person="t9", class_id="class-2")
    status, problem = await call(door, "POST", PAIR, other, {"code": code})
    assert (status, problem["type"]) == (403, "/problems/not-your-class")
    path = "/api/v1/lessons/demo/classes/none/devices"
    organizer = door.token("organizer")
    assert (await call(door, "POST", path, organizer, {"code": code}))[0] == 404
    status, device = await call(door, "POST", PAIR, organizer, {"code": code, "name": " 一楼 "})
    assert (status, device["name"]) == (201, "一楼")
    status, problem = await call(door, "POST", PAIR, organizer, {"code": code})
    assert (status, problem["type"]) == (404, "/problems/pairing-code-unknown")


async def test_nobody_gets_in_by_guessing(door: Any) -> None:
    credential, device = await paired(door)
    for wrong in ("", "x", device["id"], f"{device['id']}.x", f"{credential}x", f".{credential}"):
        status, _ = await call(door, "GET", "/api/v1/device", wrong)
        assert status == 401, wrong
    status, _ = await call(door, "GET", "/api/v1/devices/pairing", "x")
    assert status == 404
    assert (await call(door, "GET", "/api/v1/devices/pairing"))[0] == 401
