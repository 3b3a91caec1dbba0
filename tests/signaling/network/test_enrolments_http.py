"""The catalogue and enrolling over HTTP: who sees what, who may speak for whom, what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.network.attempts import Attempts
from signaling.network.enrolments_http import ENROLMENTS, EnrolmentDoor

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
COURSE = {"provider": "demo-museum", "title": "光的折射", "visibility": "city", "state": "published"}
CLASS = "/api/v1/catalogue/l1/classes/demo-east-1-c1"
STUDENT = "/api/v1/catalogue/l1/people/demo-east-1-student"


@pytest.fixture
def offer(district: Any) -> Any:
    async def make(
        name: str = "l1", course: str = "light", about: Any = None, **change: Any
    ) -> dict[str, Any]:
        provider = district["museum-provider"]
        await provider.put(f"/api/v1/courses/{course}", COURSE | (about or {}))
        starts_ms = district.now_ms + DAY_MS
        body = {"starts_ms": starts_ms, "ends_ms": starts_ms + HOUR_MS, "capacity": 80} | change
        status, told = await provider.put(f"/api/v1/courses/{course}/lessons/{name}", body)
        assert status == 201, told
        return told  # type: ignore[no-any-return]

    return make


HOME = [{"tutor": "demo-west-2-tutor-home", "size": 20}]


async def test_the_catalogue_shows_what_may_be_seen(district: Any, offer: Any) -> None:
    lesson = await offer(home=HOME)
    await offer("l2", "hidden", {"visibility": "own"})
    for name in ("east-1-student", "west-2-parent", "east-1-tutor"):
        _, told = await district[name].get("/api/v1/catalogue")
        assert [each["lesson"] for each in told["lessons"]] == [lesson]
        assert told["lessons"][0]["alone"] is True
        assert told["total"] == 1
        assert told["facets"]["provider"] == [{"value": "同课科技馆", "count": 1}]
        assert (await district[name].get("/api/v1/catalogue/l2"))[0] == 404
        assert (await district[name].get("/api/v1/catalogue/l2/parallel"))[0] == 404
    _, told = await district["museum-master"].get("/api/v1/catalogue")
    assert told["total"] == 2
    assert (await district.nobody.get("/api/v1/catalogue"))[0] == 401


async def test_searching_and_paging(district: Any, offer: Any) -> None:
    for number in range(5):
        about = {"title": f"第{number}课 {'浮力' if number % 2 else '光'}", "subject": "物理", "topic": "力"}
        await offer(f"l{number}", f"course-{number}", about)
    tutor = district["east-1-tutor"]
    _, told = await tutor.get("/api/v1/catalogue", q="浮力")
    assert [each["lesson"]["lesson"] for each in told["lessons"]] == ["l1", "l3"]
    assert (await tutor.get("/api/v1/catalogue", q="!!"))[1]["lessons"] == []
    found, after = [], ""
    while True:
        _, told = await tutor.get("/api/v1/catalogue", limit=2, after=after, counts="false")
        found += [each["lesson"]["lesson"] for each in told["lessons"]]
        if not (after := told["after"]):
            break
    assert found == [f"l{number}" for number in range(5)]
    assert (await tutor.get("/api/v1/catalogue", after="x"))[0] == 400
    assert (await tutor.get("/api/v1/catalogue", grade=13))[0] == 400
    _, told = await tutor.get("/api/v1/catalogue/l1/parallel")
    assert [each["lesson"]["lesson"] for each in told["lessons"]] == ["l0", "l2", "l3", "l4"]


async def test_a_tutor_enrols_the_class(district: Any, offer: Any) -> None:
    await offer()
    tutor = district["east-1-tutor"]
    status, told = await tutor.put(CLASS, {})
    assert status == 201
    assert (told["state"], told["places"], told["tutor"]) == ("enrolled", 40, "demo-east-1-tutor")
    assert (told["name"], told["school"]) == ("三年级1班", "东区第一小学")
    assert (await tutor.put(CLASS, {}))[0] == 200
    # Half the places are taken: to everybody at once.
    _, page = await district["west-1-tutor"].get("/api/v1/catalogue")
    assert page["lessons"][0]["lesson"]["left"] == 40
    _, listed = await district["east-1-organizer"].get("/api/v1/catalogue/l1/enrolments")
    assert [each["party"] for each in listed["enrolments"]] == ["demo-east-1-c1"]
    assert (await tutor.delete(CLASS))[0] == 204
    status, told = await tutor.delete(CLASS)
    assert (status, told["type"]) == (409, "/problems/not-enrolled")


async def test_nobody_else_speaks_for_a_class(district: Any, offer: Any) -> None:
    await offer()
    may = {"east-1-tutor", "east-1-organizer", "east-organizer", "city-organizer"}
    for somebody in district.everybody:
        name = somebody.id.removeprefix("demo-")
        status, _ = await somebody.put(CLASS, {})
        assert (status in {200, 201}) is (name in may), name
        if name not in may:
            assert status in {403, 404}
            assert (await somebody.delete(CLASS))[0] == status
    # What is not there is told in the same way.
    foreign = await district["west-1-tutor"].put(CLASS, {})
    absent = await district["west-1-tutor"].put("/api/v1/catalogue/l1/classes/nothing", {})
    assert foreign == absent


async def test_a_tutor_is_one_of_the_school(district: Any, offer: Any) -> None:
    await offer()
    organizer = district["east-1-organizer"]
    for tutor in ("demo-west-1-tutor", "demo-east-1-master", "nobody"):
        status, told = await organizer.put(CLASS, {"tutor": tutor})
        assert (status, told["type"]) == (422, "/problems/enrolment-invalid")
    status, told = await organizer.put(CLASS, {"tutor": "demo-east-1-tutor-home", "places": 12})
    assert (status, told["places"], told["tutor"]) == (201, 12, "demo-east-1-tutor-home")
    home = "/api/v1/catalogue/l1/classes/demo-east-1-home"
    status, told = await organizer.put(home, {})
    assert (status, told["type"]) == (422, "/problems/enrolment-invalid"), "it has no pupils registered"


async def test_a_pupil_enrols_alone_and_so_does_a_parent_for_them(district: Any, offer: Any) -> None:
    await offer(home=HOME)
    status, told = await district["east-1-student"].put(STUDENT, {})
    assert (status, told["class_id"], told["name"]) == (201, "l1-home-1", "蒋小明")
    assert (await district["east-1-parent"].delete(STUDENT))[0] == 204
    assert (await district["east-1-parent"].put(STUDENT, {}))[0] == 201
    may = {"east-1-student", "east-1-parent", "east-1-organizer", "east-organizer", "city-organizer"}
    for somebody in district.everybody:
        name = somebody.id.removeprefix("demo-")
        assert ((await somebody.put(STUDENT, {}))[0] in {200, 201}) is (name in may), name


async def test_what_stands_in_the_way_is_named(district: Any, offer: Any) -> None:
    await offer(home=HOME)
    await offer("l2", "other", {"title": "浮力"}, home=[{"tutor": "demo-west-1-tutor-home", "size": 9}])
    tutor = district["east-1-tutor"]
    await tutor.put(CLASS, {})
    status, told = await tutor.put(CLASS.replace("l1", "l2"), {})
    assert (status, told["type"]) == (409, "/problems/timetable-conflict")
    assert "光的折射" in told["detail"] and "class" in told["detail"]
    _, told = await district["east-1-student"].put(STUDENT.replace("l1", "l2"), {})
    assert told["type"] == "/problems/timetable-conflict"


async def test_one_lesson_is_exchanged_for_another(district: Any, offer: Any) -> None:
    await offer(home=HOME)
    await offer("l2", "other", home=[{"tutor": "demo-west-1-tutor-home", "size": 1}], capacity=41)
    tutor, student = district["east-1-tutor"], district["east-1-student"]
    await tutor.put(CLASS, {})
    status, told = await tutor.put(CLASS.replace("l1", "l2"), {"instead_of": "l1"})
    assert (status, told["state"]) == (201, "enrolled")
    assert (await tutor.delete(CLASS))[0] == 409, "it is given up"
    await tutor.delete(CLASS.replace("l1", "l2"))
    await student.put(STUDENT, {})
    west = "/api/v1/catalogue/l2/classes/demo-west-1-c1"
    assert (await district["west-1-organizer"].put(west, {"places": 41}))[0] == 201
    status, told = await student.put(STUDENT.replace("l1", "l2"), {"instead_of": "l1"})
    assert (status, told["type"]) == (409, "/problems/offer-full")
    assert "kept" in told["detail"]
    assert (await student.put(STUDENT, {}))[0] == 200, "they have what they had"


async def test_a_nul_stays_at_the_door(district: Any) -> None:
    organizer = district["city-organizer"]
    assert (await organizer.get("/api/v1/catalogue/a%00b"))[0] == 404
    assert (await organizer.get("/api/v1/catalogue", q="a\0b"))[0] == 400
    body = COURSE | {"title": "a\0b"}
    status, told = await organizer.put("/api/v1/courses/light", body)
    assert (status, told["type"]) == (400, "/problems/bad-request")


async def test_only_whole_classes(district: Any, offer: Any) -> None:
    await offer()
    _, told = await district["east-1-student"].put(STUDENT, {})
    assert told["type"] == "/problems/no-home-class"


async def test_the_waiting_list(district: Any, offer: Any) -> None:
    await offer(capacity=50)
    await district["east-1-tutor"].put(CLASS, {})
    second = "/api/v1/catalogue/l1/classes/demo-east-2-c1"
    status, told = await district["east-2-tutor"].put(second, {"waits": False})
    assert (status, told["type"]) == (409, "/problems/offer-full")
    _, told = await district["east-2-tutor"].put(second, {})
    assert (told["state"], told["waits_for"], told["ahead"]) == ("waiting", "place", 0)
    third = "/api/v1/catalogue/l1/classes/demo-west-1-c1"
    _, told = await district["west-1-tutor"].put(third, {})
    assert told["ahead"] == 1
    await district["east-1-tutor"].delete(CLASS)
    _, listed = await district["museum-provider"].get("/api/v1/catalogue/l1/enrolments")
    assert [(each["party"], each["state"], each["ahead"]) for each in listed["enrolments"]] == [
        ("demo-east-2-c1", "enrolled", 0),
        ("demo-west-1-c1", "waiting", 0),
    ]
    _, listed = await district["west-1-organizer"].get("/api/v1/catalogue/l1/enrolments")
    assert [each["party"] for each in listed["enrolments"]] == ["demo-west-1-c1"]
    # Who has moved up is told, and nobody else.
    _, told = await district["east-2-tutor"].get("/api/v1/my/notices")
    [notice] = told["notices"]
    assert (notice["kind"], notice["lesson"], notice["read"]) == ("moved-up", "l1", False)
    assert (await district["west-1-tutor"].get("/api/v1/my/notices"))[1] == {"notices": []}
    up_to = {"up_to": notice["number"]}
    assert (await district["west-1-tutor"].post("/api/v1/my/notices", up_to))[0] == 204
    assert not (await district["east-2-tutor"].get("/api/v1/my/notices"))[1]["notices"][0]["read"]
    assert (await district["east-2-tutor"].post("/api/v1/my/notices", up_to))[0] == 204
    assert (await district["east-2-tutor"].get("/api/v1/my/notices"))[1]["notices"][0]["read"]
    assert (await district["east-2-tutor"].get("/api/v1/my/notices", before=1))[1] == {"notices": []}


async def test_a_lesson_that_is_not_shown_to_the_school_is_not_there(district: Any, offer: Any) -> None:
    await offer("l1", "own", {"visibility": "own"})
    for path in (CLASS, CLASS.replace("l1", "nothing")):
        status, told = await district["east-1-tutor"].put(path, {})
        assert (status, told["type"]) == (404, "/problems/not-found")


async def test_who_asks_without_end_is_held_up(district: Any, offer: Any) -> None:
    await offer()
    district.door.app._state[ENROLMENTS] = EnrolmentDoor(Attempts(burst=2, per_second=0.001))
    tutor = district["east-1-tutor"]
    told = [(await tutor.put(CLASS, {}))[0] for _ in range(3)]
    assert told == [201, 200, 429]
