"""Ratings over HTTP: who may, who reads what, and who changes nothing."""

from __future__ import annotations

from typing import Any

import pytest_asyncio

from classroom.model import ClassId, ClassRoom, Lesson, LessonId, PersonId

STARS = {"content": 5, "teaching": 4, "technique": 2}
RATINGS = "/api/v1/ratings/optics"


@pytest_asyncio.fixture
async def lesson(district: Any) -> Lesson:
    """Of the museum, for two schools; a student of one of them was there."""
    rooms = tuple(
        ClassRoom(ClassId(f"demo-{school}-c1"), "三年级1班", PersonId(f"demo-{school}-tutor"))
        for school in ("east-1", "west-1")
    )
    made = Lesson(LessonId("optics"), "光的折射", rooms, master_id=PersonId("demo-museum-master"))
    await district.store.save_lesson(made)
    claims = {"lesson": "optics", "class_id": "demo-east-1-c1", "person": "demo-east-1-student"}
    master = await district.door.join("master", lesson="optics", person="demo-museum-master")
    await master.say("lesson.start")
    await district.door.join("student", **claims)
    await master.settled()
    return made


async def end(district: Any) -> None:
    url = district.door.url("/api/v1/lessons/optics/end")
    head = {"Authorization": f"Bearer {district.door.token('organizer')}"}
    async with district.door.http.post(url, headers=head) as response:
        assert response.status == 200
    await district.store.flush()


async def test_a_student_who_was_there_rates_once_it_is_over(district: Any, lesson: Lesson) -> None:
    student = district["east-1-student"]
    await district.store.flush()
    assert (await student.get(f"{RATINGS}/mine"))[1] == {"may_rate": False, "rating": None}
    assert (await student.put(f"{RATINGS}/mine", {"stars": STARS}))[1]["type"] == "/problems/rating-closed"
    await end(district)
    assert (await student.get(f"{RATINGS}/mine"))[1]["may_rate"]
    status, told = await student.put(f"{RATINGS}/mine", {"stars": STARS, "text": " 好 "})
    assert (status, told["rating"]["stars"], told["rating"]["text"]) == (200, STARS, "好")
    assert (await district["east-2-student"].put(f"{RATINGS}/mine", {"stars": STARS}))[0] == 404
    # Of a class of the lesson, whose room was empty.
    for ask in ("GET", "PUT"):
        status, told = await district["west-1-student"].ask(ask, f"{RATINGS}/mine", {"stars": STARS})
        assert (status, told["type"]) == (409, "/problems/rating-not-there")
        assert "neither its tutor nor its room" in told["detail"]
    for bad in ({"content": 5}, STARS | {"content": 0}, STARS | {"other": 3}):
        assert (await student.put(f"{RATINGS}/mine", {"stars": bad}))[0] in (400, 422)


async def test_who_sat_in_the_room_rates_as_its_roll_call_says(district: Any, lesson: Lesson) -> None:
    tutor = {"lesson": "optics", "class_id": "demo-west-1-c1", "person": "demo-west-1-tutor"}
    tutor = await district.door.join("tutor", **tutor)
    student, mine = district["west-1-student"], f"{RATINGS}/mine"
    name = (await student.get("/api/v1/whoami"))[1]["name"]
    await tutor.say("roll.register", pupils=[{"seat": "1", "name": "别人"}, {"seat": "2", "name": name}])
    await tutor.say("roll.mark", mark="late", seats=["2"])
    await tutor.settled()
    assert (await student.get(mine))[1] == {"may_rate": False, "rating": None}  # it goes on
    await end(district)
    assert (await student.get(mine))[1] == {"may_rate": True, "rating": None}
    assert (await student.put(mine, {"stars": STARS}))[0] == 200


async def test_a_school_rates_by_its_own_organizer(district: Any, lesson: Lesson) -> None:
    await end(district)
    path, listed = f"{RATINGS}/schools/demo-west-1", "/api/v1/places/demo-west-1/ratings"
    organizer = district["west-1-organizer"]
    _, told = await organizer.get(listed)
    assert told["may_rate"] and [(each["lesson"], each["rating"]) for each in told["lessons"]] == [
        ("optics", None)
    ]
    assert (await organizer.put(path, {"stars": STARS}))[0] == 200
    # Who organizes the district reads what its schools said, and says nothing for them.
    _, told = await district["west-organizer"].get(listed)
    assert not told["may_rate"] and told["lessons"][0]["rating"]["stars"] == STARS
    assert (await district["west-1-organizer"].get("/api/v1/places/demo-west-2/ratings"))[0] == 404
    for other in ("west-organizer", "city-organizer", "east-1-organizer", "west-2-organizer"):
        assert (await district[other].put(path, {"stars": STARS}))[0] == 404
    path = f"{RATINGS}/schools/demo-west-2"
    assert (await district["west-2-organizer"].put(path, {"stars": STARS}))[0] == 404  # took no part


async def test_the_provider_reads_at_once_and_changes_nothing(district: Any, lesson: Lesson) -> None:
    await end(district)
    student, school = district["east-1-student"], district["west-1-organizer"]
    await student.put(f"{RATINGS}/mine", {"stars": STARS, "text": "听不清"})
    await school.put(f"{RATINGS}/schools/demo-west-1", {"stars": dict.fromkeys(STARS, 3)})
    await student.put(f"{RATINGS}/mine", {"stars": STARS | {"technique": 1}, "text": "听不清"})
    provider = district["museum-provider"]
    status, told = await provider.get(RATINGS)
    assert status == 200
    assert told["students"] == {"count": 1, "means": {"content": 5, "teaching": 4, "technique": 1}}
    assert told["schools"]["means"] == {"content": 3, "teaching": 3, "technique": 3}
    assert {(each["rater"], each["school"], each["text"]) for each in told["ratings"]} == {
        ("student", "", "听不清"),
        ("school", "西区第一小学", ""),
    }
    for who in ("museum-provider", "museum-master"):
        assert (await district[who].put(f"{RATINGS}/mine", {"stars": STARS}))[0] == 403
        assert (await district[who].put(f"{RATINGS}/schools/demo-museum", {"stars": STARS}))[0] == 403
    for other in ("east-2-provider", "west-2-organizer", "east-2-master"):
        assert (await district[other].get(RATINGS))[0] == 404
    assert (await district["east-supervisor"].get(RATINGS))[0] == 200
    await all_received(district)


async def all_received(district: Any) -> None:
    """Of all lessons in one list, page by page; a page's end names no student."""
    provider, found, after = district["museum-provider"], [], ""
    while True:
        status, told = await provider.get("/api/v1/ratings", limit="1", after=after)
        assert (status, bool(told["providers"])) == (200, not after)
        found += [(each["title"], each["rater"], each["school"]) for each in told["ratings"]]
        if not (after := told["next"]):
            break
        assert "student" not in after
    assert sorted(found) == [("光的折射", "school", "西区第一小学"), ("光的折射", "student", "")]
    _, told = await provider.get("/api/v1/ratings")
    (museum,) = told["providers"]
    assert (museum["provider"], museum["students"]["count"]) == ("同课科技馆", 1)
    assert (await district["east-2-provider"].get("/api/v1/ratings"))[1]["ratings"] == []
