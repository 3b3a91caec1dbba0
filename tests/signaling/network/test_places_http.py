"""Places and classes: made, seen, changed and closed by organizers."""

from __future__ import annotations

from typing import Any

import pytest

PLACES = "/api/v1/places"
REASON = {"reason": "并入第二小学"}


def ids(told: tuple[int, Any], of: str = "places") -> list[str]:
    assert told[0] == 200, told
    return [each["id"] for each in told[1][of]]


async def test_a_city_from_nothing(district: Any) -> None:
    root = district.root
    status, city = await root.post(PLACES, {"kind": "city", "name": " 新市 ", "id": "new"})
    assert status == 201 and city["name"] == "新市" and city["above"] == []
    status, area = await root.post(PLACES, {"kind": "district", "name": "新区", "parent": "new"})
    assert status == 201 and area["parent"] == "new" and area["above"] == ["new"]
    status, school = await root.post(PLACES, {"kind": "school", "name": "未来小学", "parent": area["id"]})
    assert status == 201 and school["above"] == ["new", area["id"]]
    assert ids(await root.get(PLACES, parent="new")) == [area["id"]]
    assert ids(await root.get(PLACES, words="未来")) == [school["id"]]


async def test_only_who_holds_the_key_makes_cities(district: Any) -> None:
    told = await district["city-organizer"].post(PLACES, {"kind": "city", "name": "x"})
    assert told[0] == 404


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"kind": "school", "name": "x", "parent": "demo-city"}, "place-refused"),
        ({"kind": "district", "name": "x", "parent": "demo-east-1"}, "place-refused"),
        ({"kind": "provider", "name": "x", "parent": "demo-east-1"}, "place-refused"),
        ({"kind": "school", "name": "x", "parent": "demo-east", "id": "demo-west-1"}, "place-refused"),
        ({"kind": "city", "name": "x", "parent": "demo-city"}, "place-refused"),
        ({"kind": "school", "name": "  ", "parent": "demo-east"}, "place-invalid"),
        ({"kind": "school", "name": "x" * 81, "parent": "demo-east"}, "place-invalid"),
        ({"kind": "school", "name": "a\u202eb", "parent": "demo-east"}, "place-invalid"),
        ({"kind": "school", "name": "x", "parent": "demo-east", "id": "a/b"}, "place-invalid"),
        ({"kind": "school", "name": "x", "parent": "demo-east", "timezone": "Mars/Base"}, "place-invalid"),
        ({"kind": "school", "name": "x", "parent": "demo-east", "timezone": "../x"}, "place-invalid"),
        ({"kind": "village", "name": "x", "parent": "demo-east"}, "bad-request"),
        ({"kind": "school", "name": "x", "parent": "demo-nowhere"}, "not-found"),
        ({"kind": "school", "name": "x", "parent": "a\u0001b"}, "not-found"),
    ],
)
async def test_what_cannot_be(district: Any, body: Any, kind: str) -> None:
    before = await district.root.get(PLACES)
    assert (await district.root.post(PLACES, body))[1]["type"] == f"/problems/{kind}"
    assert await district.root.get(PLACES) == before


async def test_everybody_sees_what_is_within_theirs(district: Any) -> None:
    assert ids(await district["east-1-organizer"].get(PLACES)) == ["demo-east-1"]
    assert ids(await district["east-supervisor"].get(PLACES)) == [
        "demo-east",
        "demo-east-1",
        "demo-east-2",
    ]
    assert len(ids(await district["city-organizer"].get(PLACES))) == 8
    assert (await district["east-1-student"].get(PLACES))[0] == 403


async def test_page_by_page(district: Any) -> None:
    first = ids(await district.root.get(PLACES, limit=5))
    second = ids(await district.root.get(PLACES, limit=5, after=first[-1]))
    assert len(first) == 5 and [*first, *second] == ids(await district.root.get(PLACES))
    assert (await district.root.get(PLACES, limit=501))[0] == 400


async def test_names_and_zones_are_changed(district: Any) -> None:
    organizer = district["east-1-organizer"]
    path = f"{PLACES}/demo-east-1"
    assert (await organizer.patch(path, {"name": "实验小学"}))[1]["name"] == "实验小学"
    told = await organizer.patch(path, {"timezone": "Asia/Urumqi"})
    assert told[0] == 200 and told[1]["name"] == "实验小学" and told[1]["timezone"] == "Asia/Urumqi"
    assert (await organizer.patch(path, {"timezone": ""}))[0] == 422


async def test_closing_takes_classes_and_offices_along(district: Any) -> None:
    tutor = district["east-1-tutor"]
    assert (await district["east-organizer"].post(f"{PLACES}/demo-east/close", REASON))[1][
        "type"
    ] == "/problems/place-in-use"
    path = f"{PLACES}/demo-east-1"
    assert (await district["east-organizer"].post(f"{path}/close", {"reason": " "}))[0] == 422
    assert (await district["east-organizer"].post(f"{path}/close", REASON)) == (204, None)
    assert (await tutor.get("/api/v1/whoami"))[1]["offices"] == []
    organizer = district["east-organizer"]
    assert (await organizer.get(path))[1]["closed_ms"] > 0
    assert ids(await organizer.get(f"{path}/classes"), "classes") == []
    assert len(ids(await organizer.get(f"{path}/classes", closed="true"), "classes")) == 2
    assert ids(await organizer.get(PLACES)) == ["demo-east", "demo-east-2"]
    for again in (
        await organizer.post(f"{path}/close", REASON),
        await organizer.patch(path, {"name": "x"}),
    ):
        assert again[0] == 409 and again[1]["type"] == "/problems/place-closed"
    assert (await organizer.post(f"{path}/classes", {"name": "x"}))[0] == 409


async def test_closing_is_on_record(district: Any) -> None:
    await district["east-organizer"].post(f"{PLACES}/demo-east-1/close", REASON)
    told = await district["east-organizer"].get("/api/v1/audit", object="demo-east-1")
    assert told[0] == 200
    assert told[1]["deeds"][0]["deed"] == "place-closed"
    assert told[1]["deeds"][0]["person"] == "demo-east-organizer"
    assert told[1]["deeds"][0]["body"]["reason"] == REASON["reason"]


async def test_classes(district: Any) -> None:
    organizer = district["east-1-organizer"]
    path = f"{PLACES}/demo-east-1/classes"
    body = {"name": "四年级2班", "grade": 4, "pupils": 41, "tutor": "demo-east-1-tutor"}
    status, made = await organizer.post(path, body)
    assert status == 201 and made["school"] == "demo-east-1" and made["tutor"] == "demo-east-1-tutor"
    one = f"/api/v1/classes/{made['id']}"
    assert (await organizer.get(one)) == (200, made)
    assert (await organizer.patch(one, {"tutor": "", "pupils": 40}))[1] == made | {
        "tutor": "",
        "pupils": 40,
    }
    assert made["id"] in ids(await organizer.get(path), "classes")
    assert (await organizer.post(f"{one}/close", REASON))[0] == 204
    assert (await organizer.patch(one, {"pupils": 39}))[0] == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 422),
        ({"name": "x", "grade": 13}, 400),
        ({"name": "x", "pupils": 501}, 400),
        ({"name": "x", "tutor": "demo-east-2-tutor"}, 422),
        ({"name": "x", "tutor": "demo-east-1-student"}, 422),
        ({"name": "x", "tutor": "\u0001"}, 422),
        ({"name": "x", "id": "demo-east-1-c1"}, 409),
        ({"name": "x", "id": "a b"}, 422),
    ],
)
async def test_classes_that_cannot_be(district: Any, body: Any, status: int) -> None:
    organizer, path = district["east-1-organizer"], f"{PLACES}/demo-east-1/classes"
    assert (await organizer.post(path, body))[0] == status


async def test_only_schools_have_classes(district: Any) -> None:
    told = await district["city-organizer"].post(f"{PLACES}/demo-museum/classes", {"name": "x"})
    assert told[0] == 409


async def test_who_was_refused_is_in_the_log(district: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "signaling.network")
    await district["east-1-organizer"].get(f"{PLACES}/demo-east-2")
    await district["east-1-student"].get(f"{PLACES}/demo%0aeast-2")
    assert "demo-east-1-organizer does not reach /demo-city/demo-east/demo-east-2/" in caplog.text
    assert f"demo-east-1-student holds no office for GET {PLACES}/demo%0Aeast-2" in caplog.text
