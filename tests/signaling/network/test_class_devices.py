"""A room device of a school class: paired by its code, in by the class timetable, out when revoked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId

CLASS = "demo-east-1-c1"
PAIR = f"/api/v1/classes/{CLASS}/devices"


async def shown_code(district: Any) -> dict[str, Any]:
    status, begun = await district.nobody.post("/api/v1/devices/pairing")
    assert status == 201
    return begun


async def asked(district: Any, path: str, bearer: str) -> tuple[int, Any]:
    return await district.nobody.ask("GET", path, headers={"Authorization": f"Bearer {bearer}"})


async def test_from_the_code_into_the_lessons_of_the_class(district: Any) -> None:
    store, tutor = district.store, district["east-1-tutor"]
    begun = await shown_code(district)
    code = {"code": begun["code"]}
    # Who does not speak for the class gets nowhere, whatever the code.
    for other in ("east-2-tutor", "east-2-organizer", "west-organizer", "east-1-student"):
        assert (await district[other].post(PAIR, code))[0] in (403, 404)
    status, device = await tutor.post(PAIR, code)
    assert status == 201, device
    assert (device["name"], device["class_id"], device["lesson"]) == ("三年级1班", CLASS, "")
    assert (await tutor.post(PAIR, code))[1]["type"] == "/problems/pairing-code-unknown"
    _, state = await asked(district, "/api/v1/devices/pairing", begun["secret"])
    credential = state["credential"]
    _, orders = await asked(district, "/api/v1/device", credential)
    assert orders == {"name": "三年级1班", "now": None, "next": None}
    # Whatever the lesson calls the school; not where the class is at home.
    soon = district.now_ms + 60_000
    room = ClassRoom(ClassId(CLASS), "三年级1班", PersonId(tutor.id), "东区第一小学")
    lesson = Lesson(LessonId("light"), "光", (room,), LessonState.OPEN, starts_ms=soon)
    await store.save_lesson(lesson)
    at_home = replace(lesson, id=LessonId("mirror"), classes=(replace(room, at_home=True),), starts_ms=1)
    await store.save_lesson(at_home)
    _, orders = await asked(district, "/api/v1/device", credential)
    assert orders["now"]["lesson"] == "light" and orders["now"]["token"] and orders["next"] is None
    # Seen and revoked by who organizes the school, and on record.
    organizer, devices = district["east-organizer"], "/api/v1/places/demo-east/devices"
    _, told = await organizer.get(devices)
    assert [each["id"] for each in told["devices"]] == [device["id"]]
    assert (await district["west-organizer"].delete(f"{devices}/{device['id']}"))[0] == 404
    for _ in range(2):
        assert await organizer.delete(f"{devices}/{device['id']}") == (204, None)
    assert (await asked(district, "/api/v1/device", credential))[0] == 401
    _, told = await organizer.get(devices)
    assert told["devices"][0]["revoked_by"] == organizer.id
    _, record = await organizer.get("/api/v1/audit", object=device["id"])
    assert [each["deed"] for each in record["deeds"]] == ["device-revoked", "device-paired"]
    assert (await organizer.delete(f"{devices}/nothing"))[0] == 404
