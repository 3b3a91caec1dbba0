"""Whom the server knows by name, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

PATH = "/api/v1/people"


async def ask(door: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {door.token('organizer')}"}
    options = {} if body is None else {"json": body}
    async with door.http.request(method, door.url(path), headers=headers, **options) as response:
        return response.status, await response.json(content_type=None)


async def test_named_ahead(door: Any) -> None:
    status, made = await ask(door, "PUT", f"{PATH}/t-7", {"name": " 王老师 "})
    assert (status, made) == (201, {"id": "t-7", "name": "王老师", "seen_ms": 0})
    assert (await ask(door, "PUT", f"{PATH}/t-7", {"name": "王小明 👩‍🏫"}))[0] == 200
    assert (await ask(door, "GET", f"{PATH}/t-7"))[1]["name"] == "王小明 👩‍🏫"
    assert (await ask(door, "GET", f"{PATH}/t-8"))[0] == 404


async def test_who_comes_is_known_by_the_name_of_the_token(door: Any) -> None:
    await ask(door, "PUT", f"{PATH}/master-1", {"name": "x"})
    await door.join("master")
    await door.parts.store.flush()
    _, found = await ask(door, "GET", f"{PATH}/master-1")
    assert found["name"] == "master" and found["seen_ms"] > 0


async def test_an_absent_tutor_is_named(door: Any) -> None:
    await ask(door, "PUT", f"{PATH}/demo-tutor-2", {"name": "陈老师"})
    _, report = await ask(door, "GET", "/api/v1/lessons/demo/attendance")
    assert {one["person"]: one["name"] for one in report["people"]}["demo-tutor-2"] == "陈老师"


async def test_page_by_page(door: Any) -> None:
    for name in "cab":
        await ask(door, "PUT", f"{PATH}/{name}", {"name": name})
    _, first = await ask(door, "GET", f"{PATH}?limit=2")
    _, second = await ask(door, "GET", f"{PATH}?limit=1&after={first['people'][-1]['id']}")
    assert [one["id"] for one in (*first["people"], *second["people"])] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{PATH}/a", {}, 400),
        (f"{PATH}/a", {"name": ""}, 400),
        (f"{PATH}/a", {"name": "x" * 81}, 400),
        (f"{PATH}/a", {"name": "\x07 "}, 422),
        (f"{PATH}/{'x' * 65}", {"name": "x"}, 422),
        (f"{PATH}/a%01b", {"name": "x"}, 422),
    ],
)
async def test_what_cannot_be(door: Any, path: str, body: Any, status: int) -> None:
    before = (await ask(door, "GET", PATH))[1]
    assert (await ask(door, "PUT", path, body))[0] == status
    assert (await ask(door, "GET", PATH))[1] == before
