"""What an organizer sets up before anybody is in: settings, registers, links, the registered master."""

from __future__ import annotations

import time
from typing import Any

LESSON = "/api/v1/lessons/demo"


async def call(
    door: Any,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    role: str = "organizer",
    **claims: Any,
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {door.token(role, **claims)}"}
    async with door.http.request(method, door.url(path), headers=headers, json=body) as response:
        return response.status, await response.json(content_type=None)


async def test_settings_are_changed_one_by_one_before_anybody_is_in(door: Any) -> None:
    status, settings = await call(door, "GET", f"{LESSON}/settings")
    assert (status, settings["stage_limit"], settings["screen"], settings["recorded"]) == (
        200,
        4,
        False,
        True,
    )
    change = {"stage_limit": 2, "screen": True, "locked": True}
    status, changed = await call(door, "PATCH", f"{LESSON}/settings", change)
    assert (status, changed) == (200, settings | change)
    master, welcome = await door.enter("master")
    assert welcome["lesson"]["floor"]["settings"]["stage_limit"] == 2
    assert welcome["lesson"]["conduct"]["locked"]
    await call(door, "PATCH", f"{LESSON}/settings", {"duck": True}, role="master")
    while not (await master.expect("lesson"))["floor"]["settings"]["duck"]:
        pass


async def test_a_master_sets_nothing_before_the_doors_are_open(door: Any) -> None:
    status, problem = await call(door, "PATCH", f"{LESSON}/settings", {"duck": True}, role="master")
    assert (status, problem["type"]) == (409, "/problems/lesson-not-live")
    assert (await call(door, "PATCH", f"{LESSON}/settings", {"stage_limit": 0}))[0] == 400
    assert (await call(door, "PATCH", f"{LESSON}/settings", {"recorded": False}))[0] == 400


async def test_a_register_is_entered_and_the_tutor_has_it(door: Any) -> None:
    path = f"{LESSON}/classes/class-1/register"
    pupils = {"pupils": [{"seat": "1", "name": "张三"}, {"seat": "2"}]}
    assert await call(door, "PUT", path, pupils) == (200, pupils)
    assert await call(door, "GET", path) == (200, pupils)
    _, welcome = await door.enter("tutor", person="demo-tutor-1")
    (roll,) = welcome["lesson"]["rolls"]
    assert roll["register"] == pupils["pupils"]
    status, problem = await call(door, "PUT", path, {"pupils": [{"seat": ""}]})
    assert (status, problem["type"]) == (422, "/problems/register-invalid")
    assert (await call(door, "GET", f"{LESSON}/classes/none/register"))[0] == 404


async def test_the_registered_master_gets_the_masters_link(door: Any) -> None:
    _, lesson = await call(door, "GET", LESSON)
    assert lesson["master"] == "demo-master"
    await call(door, "PUT", "/api/v1/people/li", {"name": "李老师"})
    headers = {"Authorization": f"Bearer {door.token('organizer')}", "If-Match": "*"}
    async with door.http.patch(door.url(LESSON), headers=headers, json={"master": "li"}) as response:
        assert (await response.json())["master"] == "li"
    status, link = await call(door, "POST", f"{LESSON}/links", {"role": "master"})
    assert (status, link["person"], link["name"]) == (201, "li", "李老师")
    claims = door.parts.tokens.verify(link["token"], time.time())
    assert (claims.role, claims.lesson, claims.person) == ("master", "demo", "li")


async def test_links_for_each_role(door: Any) -> None:
    async def link(**asked: Any) -> tuple[int, dict[str, Any]]:
        return await call(door, "POST", f"{LESSON}/links", asked)

    status, tutor = await link(role="tutor", class_id="class-1")
    assert (status, tutor["person"]) == (201, "demo-tutor-1")
    (_, one), (_, other) = [await link(role="student", class_id="class-home", name="小明") for _ in range(2)]
    assert one["person"] != other["person"]
    assert (await link(role="supervisor"))[0] == 201
    assert (await link(role="encoder"))[0] == 201
    for wrong in (
        {"role": "tutor"},
        {"role": "room", "class_id": "none"},
        {"role": "master", "class_id": "class-1"},
    ):
        assert (await link(**wrong))[0] == 404, wrong
    assert (await link(role="organizer"))[0] == 400


async def test_who_stands_by_gets_a_link_without_a_class_and_takes_one_over(door: Any) -> None:
    master = await door.join("master")
    await master.say("lesson.start")
    await call(door, "PUT", "/api/v1/people/zhou", {"name": "周老师"})
    asked = {"role": "tutor", "person": "zhou"}
    assert (await call(door, "POST", f"{LESSON}/links", asked))[0] == 404, "not before they are named"
    headers = {"Authorization": f"Bearer {door.token('organizer')}", "If-Match": "*"}
    named = {"tutors": [{"person": "zhou", "school": ""}]}
    async with door.http.patch(door.url(LESSON), headers=headers, json=named) as response:
        assert response.status == 200, "also while the lesson is live"
    status, link = await call(door, "POST", f"{LESSON}/links", asked)
    assert (status, link["person"], link["name"]) == (201, "zhou", "周老师")
    hello = {"token": link["token"], "language": "en"}
    tutor, welcome = await door.enter("tutor", hello=hello)
    assert "class_id" not in welcome["me"]
    assert [each["id"] for each in welcome["lesson"]["classes"] if not each.get("tutor_online")]
    await tutor.say("class.tutor", class_id="class-2")
    assert (await tutor.bye())["reason"] == "moved"
    _, again = await door.enter("tutor", hello=hello)
    assert again["me"]["class_id"] == "class-2"
    while (notice := await master.expect("notice"))["kind"] != "tutor_changed":
        pass
    assert notice["text"] == "2班的辅导教师现在是周老师。"


async def test_one_link_for_the_pupils_of_a_class_at_home(door: Any) -> None:
    asked = {"role": "student", "class_id": "class-home", "all": True}
    status, link = await call(door, "POST", f"{LESSON}/links", asked)
    assert status == 201
    headers = {"Authorization": f"Bearer {link['token']}"}
    async with door.http.post(door.url("/api/v1/join"), headers=headers, json={"name": "小明"}) as response:
        assert response.status == 200
    asked = {"role": "student", "class_id": "class-1", "all": True}
    assert (await call(door, "POST", f"{LESSON}/links", asked))[0] == 404, "they sit in a room"
