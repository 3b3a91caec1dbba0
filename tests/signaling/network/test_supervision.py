"""Supervision over HTTP: who gets in, who is sent out, and how a form reaches the provider."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from classroom.network.model import Appointment, Office, Path, PlaceId
from classroom.network.supervision import ANSWER_MS, Criterion, Form, NewProblem, ProblemKind
from classroom.store import network_appointments, supervision_reviews
from classroom.store.supervision_reviews import Review
from signaling.network.supervision_overdue import OverdueWatch
from signaling.network.supervision_watch import LOOK_S

SCORES = {"content": 4, "teaching": 5, "order": 3, "safety": 5, "technique": 4}
TIMEOUT_S = 30.0


async def add_lesson(district: Any, lesson: str = "optics", school: str = "east-1", **more: Any) -> Lesson:
    """Of the museum's master, for a class of the school."""
    values: dict[str, Any] = {"title": "光的折射", "master_id": PersonId("demo-museum-master")}
    class_id = f"demo-{school}-c1"
    values["classes"] = (ClassRoom(ClassId(class_id), "三年级1班", PersonId(f"demo-{school}-tutor")),)
    made = Lesson(LessonId(lesson), **values | more)
    await district.store.save_lesson(made)
    return made


async def entry(person: Any, lesson: str = "optics") -> tuple[int, Any]:
    return await person.post(f"/api/v1/supervision/lessons/{lesson}/entry")


async def deliver(person: Any, lesson: str = "optics", **form: Any) -> tuple[int, Any]:
    return await person.post(f"/api/v1/supervision/lessons/{lesson}/reviews", {"scores": SCORES} | form)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("city-supervisor", True),
        ("east-supervisor", True),
        ("west-supervisor", False),
        ("east-1-organizer", False),
        ("museum-provider", False),
        ("east-1-student", False),
    ],
)
async def test_into_a_lesson_only_with_a_credential_that_reaches_it(
    district: Any, who: str, may: bool
) -> None:
    await add_lesson(district)
    status, told = await entry(district[who])
    assert (status == 200) is may
    if not may:
        assert (status, told["type"]) == (404, "/problems/not-found")


async def test_what_is_not_reached_is_as_what_is_not_there(district: Any) -> None:
    await add_lesson(district)
    assert await entry(district["west-supervisor"]) == await entry(district["west-supervisor"], "nothing")


async def test_an_attempt_without_a_credential_is_on_record_once_a_minute(district: Any) -> None:
    await add_lesson(district)
    for _ in range(3):
        await entry(district["east-1-student"])
    status, told = await district["east-organizer"].get("/api/v1/supervision/observations", lesson="optics")
    assert status == 200
    (one,) = told["observations"]
    assert (one["person"], one["refused"]) == ("demo-east-1-student", "no_credential")
    assert (await district["west-organizer"].get("/api/v1/supervision/observations", lesson="optics"))[
        0
    ] == 404


async def test_a_supervisor_is_let_in_and_is_on_record(district: Any) -> None:
    await add_lesson(district)
    _, told = await entry(district["east-supervisor"])
    socket = await district.door.socket()
    await socket.say("hello", token=told["token"])
    welcome = await socket.expect("welcome")
    assert welcome["lesson"]["id"] == "optics"
    _, seen = await district["city-organizer"].get("/api/v1/supervision/observations", lesson="optics")
    (one,) = seen["observations"]
    assert (one["person"], one["ended_ms"], one["refused"]) == ("demo-east-supervisor", None, "")


async def test_whose_credential_is_taken_back_is_out_and_on_record(district: Any) -> None:
    await add_lesson(district)
    _, told = await entry(district["east-supervisor"])
    socket = await district.door.socket()
    await socket.say("hello", token=told["token"])
    await socket.expect("welcome")
    network = district.store.network
    given = await network.read(network_appointments.find, "demo-east-supervisor-office")
    await network.change(network_appointments.revoke, given, district.now_ms, "demo-city-organizer", "x")
    assert (await socket.bye())["reason"] == "expired"
    again = await district.door.socket()
    await again.say("hello", token=told["token"])
    assert (await again.bye())["reason"] == "refused"
    # The same for the recording, and for a stream of pictures without the page.
    head = {"Authorization": f"Bearer {told['token']}"}
    for method, path in (("GET", "/api/v1/library"), ("POST", "/whep/optics")):
        async with district.door.http.request(method, district.door.url(path), headers=head) as answer:
            assert (answer.status, (await answer.json())["type"]) == (401, "/problems/token-invalid")
    assert (await entry(district["east-supervisor"]))[0] == 404
    reasons = set()
    async with asyncio.timeout(TIMEOUT_S):
        while "credential_ended" not in reasons:
            path = "/api/v1/supervision/observations"
            _, seen = await district["city-organizer"].get(path, lesson="optics")
            reasons = {each["refused"] for each in seen["observations"]}
            await asyncio.sleep(0.01)
    (watched,) = [each for each in seen["observations"] if not each["refused"]]
    assert watched["ended_ms"] is not None


def test_what_is_taken_back_is_looked_for_often_enough() -> None:
    """Out within five seconds: a look may have just begun, and takes its time."""
    assert 2 * LOOK_S < 5


async def test_an_entry_ends_with_the_credential(district: Any) -> None:
    await add_lesson(district)
    until_ms = district.now_ms + 90_000
    brief = Appointment(
        "brief", PersonId("demo-east-1-student"), Office.SUPERVISOR, Path("/demo-city/"), until_ms=until_ms
    )
    network = district.store.network
    await network.change(network_appointments.appoint, brief, PlaceId("demo-city"), district.now_ms, "")
    status, told = await entry(district["east-1-student"])
    assert (status, told["expires_at"]) == (200, until_ms // 1000)


async def test_the_token_of_an_entry_opens_no_other_recording(district: Any, record: Any) -> None:
    root = district.door.parts.config.data
    for lesson in ("optics", "music"):
        await add_lesson(district, lesson, state=LessonState.LIVE, started_ms=district.now_ms)
        record(root, f"{lesson}-1", lesson, ended=False)
    _, told = await entry(district["east-supervisor"])
    found = []
    for item in ("optics-1", "music-1"):
        url = district.door.url(f"/media/{item}/index.m3u8")
        head = {"Authorization": f"Bearer {told['token']}"}
        async with district.door.http.get(url, headers=head) as response:
            found.append(response.status)
    assert found == [200, 403]
    url = district.door.url("/api/v1/library")
    async with district.door.http.get(url, headers=head) as response:
        items = (await response.json())["items"]
    assert {each["lesson"] for each in items} <= {"optics"}


async def test_a_form_reaches_the_provider_at_once_and_only_them(district: Any) -> None:
    await add_lesson(district, state=LessonState.LIVE)
    problem = {"kind": "late", "text": "晚开始十分钟", "at_ms": 600_000}
    status, made = await deliver(district["east-supervisor"], text=" 总体良好 ", problems=[problem])
    assert (status, made["text"], made["provider"]) == (201, "总体良好", "同课科技馆")
    provider = district["museum-provider"]
    _, listed = await provider.get("/api/v1/supervision/reviews")
    assert ([each["id"] for each in listed["reviews"]], listed["unseen"]) == ([made["id"]], 1)
    _, seen = await provider.get(f"/api/v1/supervision/reviews/{made['id']}")
    assert [(each["kind"], each["at_ms"], each["state"]) for each in seen["problems"]] == [
        ("late", 600_000, "open")
    ]
    assert seen["problems"][0]["due_ms"] == made["at_ms"] + ANSWER_MS
    assert (await provider.get("/api/v1/supervision/reviews"))[1]["unseen"] == 0
    notices = (await provider.get("/api/v1/my/notices"))[1]["notices"]
    assert [(each["kind"], each["title"]) for each in notices] == [
        ("negative-listed", "光的折射"), ("review-delivered", "光的折射")
    ]  # fmt: skip
    _, mine = await district["east-supervisor"].get(f"/api/v1/supervision/reviews/{made['id']}")
    assert mine["seen_ms"] is not None
    for other in ("east-1-provider", "west-supervisor", "east-organizer"):
        assert (await district[other].get(f"/api/v1/supervision/reviews/{made['id']}"))[0] == 404
        assert (await district[other].get("/api/v1/supervision/reviews"))[1]["reviews"] == []


async def test_what_was_supervised_waits_for_its_form_after_the_lesson(district: Any) -> None:
    lesson = await add_lesson(district)
    path, supervisor = "/api/v1/supervision/unreviewed", district["east-supervisor"]
    _, told = await entry(supervisor)
    socket = await district.door.socket()
    await socket.say("hello", token=told["token"])
    await socket.expect("welcome")
    assert (await supervisor.get(path))[1] == {"lessons": []}  # it goes on
    await socket.say("leave")
    await district.store.save_lesson(replace(lesson, state=LessonState.ENDED, started_ms=5, ended_ms=9))
    _, told = await supervisor.get(path)
    (one,) = told["lessons"]
    assert (one["lesson"], one["provider"], one["ended_ms"], one["item"]) == ("optics", "同课科技馆", 9, "")
    assert (await district["city-supervisor"].get(path))[1] == {"lessons": []}
    assert (await district["museum-provider"].get(path))[0] == 403
    assert (await deliver(supervisor))[1]["mine"]
    assert (await supervisor.get(path))[1] == {"lessons": []}
    _, seen = await district["museum-provider"].get("/api/v1/supervision/reviews")
    assert not seen["reviews"][0]["mine"]


async def test_a_week_without_an_answer_is_noticed_by_the_server_itself(district: Any) -> None:
    await add_lesson(district, state=LessonState.ENDED)
    form = Form(dict.fromkeys(Criterion, 4), "", (NewProblem(ProblemKind.LATE, "晚"),))
    over_ms = district.store.clock.unix_ms() - ANSWER_MS
    who = PersonId("demo-east-supervisor")
    made = Review("r", "optics", Path("/demo-city/demo-museum/"), who, "c", "", form.scores, "", over_ms)
    assert await district.store.network.change(supervision_reviews.deliver, made, form, ["p"])
    news: list[bool] = []
    watch = OverdueWatch(district.store, lambda: news.append(True))
    assert [await watch.look() for _ in range(2)] == [1, 0]
    assert news == [True]
    for person in ("museum-provider", "east-supervisor"):
        notices = (await district[person].get("/api/v1/my/notices"))[1]["notices"]
        assert notices[0]["kind"] == "problem-overdue"


async def test_a_form_is_delivered_once_and_whole(district: Any) -> None:
    await add_lesson(district, state=LessonState.ENDED)
    supervisor = district["east-supervisor"]
    for bad in (
        {"scores": {"content": 4}},
        {"scores": SCORES | {"content": 6}},
        {"scores": SCORES | {"content": 1}},
        {"problems": [{"kind": "late", "text": "  "}]},
        {"problems": [{"kind": "late", "text": "x"}] * 21},
        {"text": "x" * 4001},
    ):
        assert (await deliver(supervisor, **bad))[0] in (400, 422), bad
    assert (await deliver(supervisor))[0] == 201
    status, told = await deliver(supervisor)
    assert (status, told["type"]) == (409, "/problems/review-delivered")
    await add_lesson(district, "later")
    assert (await deliver(supervisor, "later"))[1]["type"] == "/problems/review-too-early"


async def test_a_problem_goes_from_open_to_closed_and_leaves_the_negative_list(district: Any) -> None:
    await add_lesson(district, state=LessonState.ENDED)
    supervisor, provider = district["city-supervisor"], district["museum-provider"]
    _, made = await deliver(supervisor, problems=[{"kind": "order", "text": "无人点名"}])
    (problem,) = made["problems"]
    path = f"/api/v1/supervision/problems/{problem['id']}"

    async def negative() -> list[tuple[str, int, int]]:
        _, told = await district["city-organizer"].get("/api/v1/supervision/negative-list")
        return [(each["name"], each["open"], each["answered"]) for each in told["providers"]]

    assert await negative() == [("同课科技馆", 1, 0)]
    assert (await provider.post(f"{path}/close", {"text": "好了"}))[1][
        "type"
    ] == "/problems/problem-not-yours"
    assert (await supervisor.post(f"{path}/answer", {"text": "好了"}))[1][
        "type"
    ] == "/problems/problem-not-yours"
    assert (await district["west-supervisor"].post(f"{path}/close", {"text": "x"}))[0] == 404
    assert (await provider.post(f"{path}/answer", {"text": "已安排点名"}))[1]["state"] == "answered"
    assert await negative() == [("同课科技馆", 0, 1)]
    _, listed = await provider.get("/api/v1/supervision/problems", state="answered")
    assert [each["answer"] for each in listed["problems"]] == ["已安排点名"]
    assert (await supervisor.post(f"{path}/close", {"text": "复查属实"}))[1]["state"] == "closed"
    assert await negative() == []
    assert (await supervisor.post(f"{path}/close", {"text": "x"}))[1]["type"] == "/problems/problem-state"
    assert (await supervisor.post(f"{path}/reopen", {"text": "又发生"}))[1]["state"] == "open"
    assert (await supervisor.post(f"{path}/eat", {"text": "x"}))[0] == 404


async def test_the_recording_shows_a_problem_to_whom_it_concerns(district: Any, record: Any) -> None:
    root = district.door.parts.config.data
    live = {"state": LessonState.LIVE, "started_ms": district.now_ms}
    lesson = await add_lesson(district, **live)
    record(root, "optics-1", "optics", ended=True)
    form = Form(dict.fromkeys(Criterion, 4), "", (NewProblem(ProblemKind.LATE, "晚", 90_000),))
    author = PersonId("demo-city-supervisor")
    made = Review("r", "optics", Path("/demo-city/demo-museum/"), author, "c", "optics-1", form.scores, "", 1)
    assert await district.store.network.change(supervision_reviews.deliver, made, form, ["p"])
    path = "/api/v1/supervision/problems/p/recording"
    provider = district["museum-provider"]
    # As one of the lesson's people: not while there is somebody to meet in it.
    assert (await provider.post(path))[1]["type"] == "/problems/recording-not-shown"
    await district.store.save_lesson(replace(lesson, state=LessonState.ENDED))
    url = district.door.url("/media/optics-1/index.m3u8")
    for who, role in (
        ("museum-provider", "student"),
        ("city-organizer", "student"),
        (author[5:], "supervisor"),
    ):
        status, told = await district[who].post(path)
        assert (status, told["item"], told["at_ms"]) == (200, "optics-1", 90_000)
        head = {"Authorization": f"Bearer {told['token']}"}
        async with district.door.http.get(url, headers=head) as response:
            assert response.status == 200
        async with district.door.http.get(district.door.url("/api/v1/me"), headers=head) as response:
            assert (await response.json())["role"] == role
    for other in ("east-1-provider", "west-supervisor", "east-organizer"):
        assert (await district[other].post(path))[0] == 404


async def test_reviews_come_in_pages(district: Any) -> None:
    for number in range(5):
        await add_lesson(district, f"l{number}", state=LessonState.ENDED)
        await deliver(district["city-supervisor"], f"l{number}")
    seen: list[str] = []
    after = ""
    while True:
        path = "/api/v1/supervision/reviews"
        _, told = await district["museum-provider"].get(path, limit="2", after=after)
        seen += [each["lesson"] for each in told["reviews"]]
        if not (after := told["next"]):
            break
    assert sorted(seen) == [f"l{number}" for number in range(5)]
    assert (await district["museum-provider"].get("/api/v1/supervision/reviews", after="x"))[0] == 400
