"""The stream of events and the snapshot over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from classroom.events import HandLowered
from classroom.model import HandId, LessonId

EVENTS = "/api/v1/lessons/demo/events"


async def get(door: Any, path: str, role: str = "organizer") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {door.token(role)}"}
    async with door.http.get(door.url(path), headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def started(door: Any) -> Any:
    """A live lesson with a master and a tutor, everything written."""
    master = await door.join("master")
    await door.join("tutor")
    await master.say("lesson.start")
    while (await master.expect("lesson"))["state"] != "live":
        pass
    await door.parts.store.flush()
    return master


async def test_the_stream_in_order_with_the_clock(door: Any) -> None:
    await started(door)
    status, body = await get(door, EVENTS)
    assert status == 200
    kinds = [event["kind"] for event in body["events"]]
    assert kinds == [
        *("person.joined", "lesson.state", "person.joined", "class.tutor", "lesson.state"),
        *("class.tutor_absent", "class.tutor_absent"),
    ]
    assert [event["id"] for event in body["events"]] == [1, 2, 3, 4, 5, 6, 7]
    assert body["last_event"] == 7
    assert body["events"][0]["person"] == "master-1"
    assert body["events"][4]["body"] == {"state": "live"}
    assert body["events"][4]["elapsed_ms"] == 0
    assert body["events"][5]["body"] == {"class_id": "class-2", "absent": True}


async def test_by_cursor_kind_and_page(door: Any) -> None:
    await started(door)
    _, body = await get(door, f"{EVENTS}?since=2&limit=2")
    assert ([event["id"] for event in body["events"]], body["last_event"]) == ([3, 4], 7)
    _, body = await get(door, f"{EVENTS}?kinds=person.joined,person.left")
    assert [event["id"] for event in body["events"]] == [1, 3]
    _, body = await get(door, f"{EVENTS}?since=7")
    assert body == {"events": [], "last_event": 7}


@pytest.mark.parametrize(
    "odd",
    [
        "since=-1",
        "since=x",
        "since=1.5",
        f"since={2**53 + 1}",
        "limit=0",
        "limit=1001",
        "kinds=" + "x" * 1001,
    ],
)
async def test_odd_questions(door: Any, odd: str) -> None:
    status, body = await get(door, f"{EVENTS}?{odd}")
    assert (status, body["type"]) == (400, "/problems/bad-request")


async def test_of_a_lesson_that_is_not_there(door: Any) -> None:
    assert (await get(door, "/api/v1/lessons/none/events"))[0] == 404
    assert (await get(door, "/api/v1/lessons/none/snapshot"))[0] == 404


async def test_a_lesson_without_events_has_none(door: Any) -> None:
    assert await get(door, EVENTS) == (200, {"events": [], "last_event": 0})
    status, body = await get(door, "/api/v1/lessons/demo/snapshot")
    assert (status, body["last_event"], body["people"]) == (200, 0, [])


async def test_the_snapshot_is_the_state_after_its_last_event(door: Any) -> None:
    await started(door)
    tutor = await door.join("tutor", person="tutor-2", class_id="class-2")
    await tutor.say("hand.raise", seat="12")
    await tutor.settled()
    _, body = await get(door, "/api/v1/lessons/demo/snapshot", role="master")
    assert body["lesson"]["state"] == "live"
    assert (body["floor"]["situation"], body["stage"], body["conduct"]["allow"]["chat"]) == (
        "lecture",
        {},
        True,
    )
    assert [person["id"] for person in body["people"]] == ["master-1", "tutor-1", "tutor-2"]
    assert [hand["seat"] for hand in body["hands"]] == ["12"]
    assert {room["id"]: room.get("tutor_online") for room in body["classes"]}["class-2"]
    await door.parts.store.flush()
    _, stream = await get(door, EVENTS)
    assert stream["events"][-1]["id"] == body["last_event"]
    assert stream["events"][-1]["kind"] == "hand.raised"
    await tutor.say("hand.lower")
    await tutor.settled()
    await door.parts.store.flush()
    _, more = await get(door, f"{EVENTS}?since={body['last_event']}")
    assert [event["kind"] for event in more["events"]] == ["hand.lowered"]


async def test_the_snapshot_counts_what_is_not_yet_written(door: Any) -> None:
    await started(door)
    lowered = HandLowered(lesson_id=LessonId("demo"), at_ms=1, hand=HandId("h"), actor=None)
    door.parts.store.observe(lowered)
    assert door.parts.store.last_event_now(LessonId("demo")) == 8


async def test_no_supervisor_is_in_either(door: Any) -> None:
    await started(door)
    await door.join("supervisor")
    await door.parts.store.flush()
    for path in (EVENTS, "/api/v1/lessons/demo/snapshot"):
        assert "supervisor-1" not in str(await get(door, path))
