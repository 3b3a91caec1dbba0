"""Lessons and classes made, changed and run over HTTP."""

from __future__ import annotations

import io
from typing import Any

import pytest

from classroom.model import LessonId

NEW = "/api/v1/lessons/optics-2"
PLAN = {
    "title": "光的折射",
    "starts_ms": 1_800_000_000_000,
    "ends_ms": 1_800_002_700_000,
    "classes": [{"id": "c1", "name": "1班", "tutor": "t1", "school": "同课示范学校"}],
}


class Office:
    """An organizer at their desk."""

    def __init__(self, door: Any) -> None:
        self._door = door
        self.etag = ""

    async def ask(
        self, method: str, path: str, body: Any = None, *, role: str = "organizer", **headers: str
    ) -> tuple[int, Any]:
        """Status and body; the problem's kind where there is one. Keeps the ETag."""
        sent = {"Authorization": f"Bearer {self._door.token(role)}", "Accept-Language": "en"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        options = {} if body is None else {"json": body}
        async with self._door.http.request(method, self._door.url(path), headers=sent, **options) as response:
            self.etag = response.headers.get("ETag", self.etag)
            if response.content_type == "application/problem+json":
                problem = await response.json(content_type=None)
                return response.status, problem["type"].removeprefix("/problems/")
            return response.status, await response.json() if response.status != 204 else None


@pytest.fixture
def office(door: Any) -> Office:
    return Office(door)


async def test_a_lesson_is_made_and_read(office: Office) -> None:
    status, made = await office.ask("PUT", NEW, PLAN)
    assert status == 201
    assert (made["id"], made["state"], made["starts_ms"]) == ("optics-2", "scheduled", PLAN["starts_ms"])
    assert made["classes"] == [{**PLAN["classes"][0], "at_home": False, "pupils": 0}]  # type: ignore[index]
    given = office.etag
    assert await office.ask("GET", NEW) == (200, made)
    assert office.etag == given
    _, listed = await office.ask("GET", "/api/v1/lessons")
    assert [lesson["id"] for lesson in listed["lessons"]] == ["demo", "optics-2"]


async def test_sent_again_after_a_lost_answer_it_is_one_lesson(office: Office, door: Any) -> None:
    _, first = await office.ask("PUT", NEW, PLAN)
    assert await office.ask("PUT", NEW, PLAN) == (200, first)
    assert await office.ask("PUT", NEW, PLAN, If_None_Match="*") == (412, "precondition-failed")


async def test_another_plan_needs_the_etag_of_the_one_that_was_seen(office: Office) -> None:
    await office.ask("PUT", NEW, PLAN)
    first = office.etag
    assert await office.ask("PUT", NEW, {**PLAN, "title": "b"}) == (428, "precondition-required")
    status, body = await office.ask("PUT", NEW, {**PLAN, "title": "b"}, If_Match=first)
    assert (status, body["title"]) == (200, "b")
    assert office.etag != first
    assert await office.ask("PUT", NEW, {**PLAN, "title": "c"}, If_Match=first) == (412, "changed-meanwhile")
    status, body = await office.ask("PUT", NEW, {**PLAN, "title": "c"}, If_Match="*")
    assert (status, body["title"]) == (200, "c")
    assert await office.ask("PUT", "/api/v1/lessons/none", PLAN, If_Match="*") == (404, "unknown-lesson")


async def test_parts_of_a_plan(office: Office, door: Any) -> None:
    await office.ask("PUT", NEW, PLAN)
    assert await office.ask("PATCH", NEW, {"title": "b"}) == (428, "precondition-required")
    status, body = await office.ask("PATCH", NEW, {"title": "b"}, If_Match=office.etag)
    assert (status, body["title"], body["ends_ms"], len(body["classes"])) == (200, "b", PLAN["ends_ms"], 1)
    assert await office.ask("PATCH", NEW, {"recorded": False}, If_Match="*") == (422, "plan-invalid")
    change = {"recorded": False, "reason": "the guests asked for it"}
    assert (await office.ask("PATCH", NEW, change, If_Match="*"))[1]["recorded"] is False
    assert (await office.ask("PATCH", NEW, {"title": "c"}, If_Match="*"))[0] == 200
    assert body["record_classes"] == "nothing"
    assert (await office.ask("PATCH", NEW, {"record_classes": "some"}, If_Match="*"))[0] == 400
    _, body = await office.ask("PATCH", NEW, {"record_classes": "sound"}, If_Match="*")
    assert body["record_classes"] == "sound"
    await door.parts.store.flush()
    _, stream = await office.ask("GET", f"{NEW}/events")
    assert [event["kind"] for event in stream["events"]] == ["lesson.revised"] * 4
    assert stream["events"][1]["body"]["reason"] == "the guests asked for it"
    assert stream["events"][1]["person"] == "organizer-1"


async def test_a_change_is_on_the_disk_when_it_is_answered(office: Office, door: Any) -> None:
    await office.ask("PUT", NEW, PLAN)
    await office.ask("PATCH", NEW, {"title": "b", "classes": []}, If_Match="*")
    kept = await door.parts.store.lesson(LessonId("optics-2"))
    assert (kept.title, kept.classes) == ("b", ())


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({}, "bad-request"),
        ({"title": 7}, "bad-request"),
        ({"title": "x", "colour": "red"}, "bad-request"),
        ({"title": "x", "starts_ms": -1}, "bad-request"),
        ({"title": "x", "starts_ms": 1.5}, "bad-request"),
        ({"title": "x", "classes": [{"name": "1"}]}, "bad-request"),
        ({"title": ""}, "plan-invalid"),
        ({"title": "x", "ends_ms": 5}, "plan-invalid"),
        ({"title": "x", "recorded": False}, "plan-invalid"),
        ({"title": "x", "classes": [{"id": "a b", "name": "1"}]}, "plan-invalid"),
        ({"title": "x", "classes": [{"id": "1", "name": "1"}, {"id": "1", "name": "2"}]}, "plan-invalid"),
    ],
)
async def test_plans_that_cannot_be(office: Office, plan: Any, told: str) -> None:
    assert (await office.ask("PUT", NEW, plan))[1] == told
    assert (await office.ask("GET", NEW))[0] == 404


async def test_bodies_that_are_none(office: Office, door: Any) -> None:
    headers = {"Authorization": f"Bearer {door.token('organizer')}"}
    for data, content_type, status in (
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"title": "' + b"x" * 2**20 + b'"}', "application/json", 413),
    ):
        sent = headers | {"Content-Type": content_type}
        async with door.http.put(door.url(NEW), data=io.BytesIO(data), headers=sent) as response:
            assert response.status == status, data[:20]


@pytest.mark.parametrize("odd", ["-a", "x" * 65, "a%20b", "%E8%AF%BE", "..."])
async def test_ids_that_cannot_be_made(office: Office, odd: str) -> None:
    assert await office.ask("PUT", f"/api/v1/lessons/{odd}", PLAN) == (422, "plan-invalid")


async def test_classes_one_by_one(office: Office) -> None:
    await office.ask("PUT", NEW, PLAN)
    status, room = await office.ask(
        "PUT", f"{NEW}/classes/c2", {"name": "2班", "at_home": True, "pupils": 42}
    )
    made = {"id": "c2", "name": "2班", "school": "", "tutor": "", "at_home": True, "pupils": 42}
    assert (status, room) == (201, made)
    assert await office.ask("GET", f"{NEW}/classes/c2") == (200, room)
    status, room = await office.ask("PUT", f"{NEW}/classes/c2", {"name": "2班", "tutor": "t2"})
    assert (status, room["tutor"]) == (200, "t2")
    assert (await office.ask("PUT", f"{NEW}/classes/c2", {"name": "2班", "tutor": "t2"}))[0] == 200
    assert await office.ask("PUT", f"{NEW}/classes/c2", {"name": ""}) == (422, "plan-invalid")
    stale = '"0123456789abcdef"'
    assert await office.ask("PUT", f"{NEW}/classes/c2", {"name": "x"}, If_Match=stale) == (
        412,
        "changed-meanwhile",
    )
    assert await office.ask("DELETE", f"{NEW}/classes/c1") == (204, None)
    assert await office.ask("DELETE", f"{NEW}/classes/c1") == (404, "unknown-class")
    assert await office.ask("GET", f"{NEW}/classes/c1") == (404, "unknown-class")
    _, listed = await office.ask("GET", f"{NEW}/classes")
    assert [room["id"] for room in listed["classes"]] == ["c2"]


async def test_a_lesson_is_opened_started_and_ended(office: Office) -> None:
    demo = "/api/v1/lessons/demo"
    assert (await office.ask("POST", f"{demo}/open"))[1]["state"] == "open"
    assert (await office.ask("POST", f"{demo}/open"))[1]["state"] == "open"
    assert (await office.ask("POST", f"{demo}/end")) == (409, "lesson-not-live")
    assert (await office.ask("POST", f"{demo}/start", role="master"))[1]["state"] == "live"
    assert (await office.ask("POST", f"{demo}/start", role="master"))[1]["state"] == "live"
    assert await office.ask("POST", f"{demo}/cancel") == (409, "lesson-already-live")
    assert (await office.ask("POST", f"{demo}/end"))[1]["state"] == "ended"
    assert (await office.ask("POST", f"{demo}/end"))[1]["state"] == "ended"
    assert await office.ask("POST", f"{demo}/start", role="master") == (410, "lesson-ended")
    _, stream = await office.ask("GET", f"{demo}/events?kinds=lesson.state")
    assert [event["body"]["state"] for event in stream["events"]] == ["open", "live", "ended"]
    assert await office.ask("PATCH", demo, {"title": "x"}, If_Match="*") == (410, "lesson-ended")


async def test_tutors_who_stand_by_are_planned(office: Office) -> None:
    tutors = [{"person": "t8", "school": "同课示范学校"}, {"person": "t9", "school": ""}]
    status, made = await office.ask("PUT", NEW, {**PLAN, "tutors": tutors})
    assert (status, made["tutors"], made["without_tutor"]) == (201, tutors, [])
    assert (await office.ask("PUT", NEW, {**PLAN, "tutors": tutors}))[0] == 200
    _, changed = await office.ask("PATCH", NEW, {"tutors": tutors[:1]}, If_Match="*")
    assert changed["tutors"] == tutors[:1]
    odd = {"tutors": [{"person": "t8", "school": "a\u0001"}]}
    assert await office.ask("PATCH", NEW, odd, If_Match="*") == (422, "plan-invalid")


async def test_a_lesson_is_cancelled(office: Office, door: Any) -> None:
    await office.ask("PUT", NEW, PLAN)
    for _ in range(2):
        assert (await office.ask("POST", f"{NEW}/cancel"))[1]["state"] == "cancelled"
    assert await office.ask("POST", f"{NEW}/open") == (410, "lesson-cancelled")
    tutor = await door.socket()
    await tutor.say("hello", token=door.token("tutor", lesson="optics-2", class_id="c1"))
    assert (await tutor.next())["kind"] == "lesson-cancelled"


async def test_who_is_in_hears_of_it(office: Office, door: Any) -> None:
    tutor = await door.join("tutor")
    await tutor.settled()
    await office.ask("POST", "/api/v1/lessons/demo/start", role="master")
    assert (await tutor.expect("lesson"))["state"] == "live"
    assert await office.ask("DELETE", "/api/v1/lessons/demo/classes/class-1") == (409, "class-in-use")
    assert (await office.ask("PUT", "/api/v1/lessons/demo/classes/new", {"name": "新班"}))[0] == 201
    told = await tutor.expect("roster")
    while not any(shown["id"] == "new" for shown in told.get("classes", ())):
        told = await tutor.expect("roster")
    assert await office.ask("DELETE", "/api/v1/lessons/demo/classes/class-2") == (204, None)
    while "class-2" not in told.get("classes_gone", ()):
        told = await tutor.expect("roster")
    _, shown = await office.ask("GET", "/api/v1/lessons/demo")
    ids = [room["id"] for room in shown["classes"]]
    assert shown["without_tutor"] == [each for each in ids if each != "class-1"]
    await office.ask("POST", "/api/v1/lessons/demo/end")
    assert (await tutor.bye())["reason"] == "ended"


async def test_a_class_goes_online_in_one_action(office: Office, door: Any) -> None:
    master = await door.join("master")
    path = "/api/v1/lessons/demo/classes/class-1/online"
    status, room = await office.ask("POST", path)
    assert (status, room["id"], room["at_home"]) == (200, "class-1", True)
    assert (await master.expect("class.links"))["class_id"] == "class-1"
    again = (await office.ask("POST", path))[1]
    for token in (room["join_token"], again["join_token"]):
        headers = {"Authorization": f"Bearer {token}"}
        async with door.http.post(
            door.url("/api/v1/join"), json={"name": "小明"}, headers=headers
        ) as response:
            assert response.status == 200
    assert await office.ask("POST", "/api/v1/lessons/demo/classes/none/online") == (404, "unknown-class")
