"""Importing people and classes: looked at first, then wholly or not at all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from classroom.network import importing_files
from signaling.network import import_runner, imports_http

IMPORTS = "/api/v1/imports"
FILE = """学校,年级,班级,姓名,账号,职务,邮箱
东区第三小学,三年级,1班,王小明,20260101,学生,
东区第三小学,三年级,1班,张小红,20260102,学生,
东区第三小学,三年级,1班,李华,lihua,辅导教师,lihua@example.org
东区第三小学,,,周主任,zhou,管理员,
东区第一小学,,三年级1班,蒋新,20260103,学生,
"""


async def preview(person: Any, file: str | bytes = FILE, place: str = "demo-east") -> tuple[int, Any]:
    data = file.encode() if isinstance(file, str) else file
    return await person.ask("POST", f"{IMPORTS}/preview", params={"place": place}, data=data)


async def take(
    person: Any, digest: str, file: str | bytes = FILE, place: str = "demo-east"
) -> tuple[int, Any]:
    data = file.encode() if isinstance(file, str) else file
    return await person.ask("POST", IMPORTS, params={"place": place, "digest": digest}, data=data)


async def everything(district: Any) -> list[Any]:
    root = district.root
    return [
        (await root.get("/api/v1/places"))[1],
        (await root.get("/api/v1/accounts"))[1],
        (await root.get("/api/v1/appointments"))[1],
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
async def test_looked_at_first(district: Any, encoding: str) -> None:
    before = await everything(district)
    status, told = await preview(district["east-organizer"], FILE.encode(encoding))
    assert status == 200, told
    assert (told["read_as"], told["rows"], told["done"]) == (encoding, 5, False)
    assert told["schools"] == ["东区第三小学"] and told["new_schools"] == 1
    assert (told["new_classes"], told["new_accounts"], told["new_offices"]) == (1, 5, 5)
    assert told["fault_count"] == 0 and told["ignored"] == []
    assert await everything(district) == before


async def test_then_taken(district: Any) -> None:
    organizer = district["east-organizer"]
    _, looked = await preview(organizer)
    status, told = await take(organizer, looked["digest"])
    assert status == 200 and told == looked | {"done": True}
    _, found = await organizer.get("/api/v1/places", words="第三")
    (school,) = found["places"]
    assert school["above"] == ["demo-city", "demo-east"]
    _, classes = await organizer.get(f"/api/v1/places/{school['id']}/classes")
    (room,) = classes["classes"]
    assert (room["name"], room["grade"], room["pupils"]) == ("1班", 3, 2)
    _, accounts = await organizer.get("/api/v1/accounts", class_id=room["id"], office="tutor")
    (tutor,) = accounts["accounts"]
    assert (tutor["name"], tutor["email"], tutor["person"]) == ("李华", "lihua@example.org", room["tutor"])
    _, record = await organizer.get("/api/v1/audit", deed="imported")
    (deed,) = record["deeds"]
    assert deed["body"]["accounts"] == 5 and deed["body"]["sha256"] == looked["digest"]


async def test_taken_twice_it_changes_nothing(district: Any) -> None:
    organizer = district["east-organizer"]
    _, looked = await preview(organizer)
    await take(organizer, looked["digest"])
    _, again = await preview(organizer)
    changes = ("new_schools", "new_classes", "new_accounts", "renamed", "new_offices", "moved")
    assert [again[each] for each in changes] == [0] * 6 and again["unchanged"] == 5
    before = await everything(district)
    assert (await take(organizer, again["digest"]))[0] == 200
    assert await everything(district) == before


async def test_the_next_school_year(district: Any) -> None:
    organizer = district["east-1-organizer"]
    file = "班级,姓名,账号,职务\n四年级1班,蒋小明,demo-east-1-student,学生\n"
    _, looked = await preview(organizer, file, "demo-east-1")
    assert (looked["moved"], looked["new_offices"], looked["new_accounts"]) == (1, 1, 0)
    assert (await take(organizer, looked["digest"], file, "demo-east-1"))[0] == 200
    (office,) = (await district["east-1-student"].get("/api/v1/whoami"))[1]["offices"]
    assert office["class_name"] == "四年级1班"


async def test_one_row_that_cannot_be_taken_and_none_is(district: Any) -> None:
    organizer = district["east-organizer"]
    bad = FILE + "东区第三小学,三年级,1班,王二,demo-west-1-tutor,学生,\n东区第三小学,,,x,a b,教师,\n"
    before = await everything(district)
    status, looked = await preview(organizer, bad)
    assert status == 200 and looked["fault_count"] == 2
    assert [(each["row"], each["kind"]) for each in looked["faults"]] == [(7, "login-taken"), (8, "login")]
    assert "another place" in looked["faults"][0]["text"]
    for file in (bad, bad.rsplit("东区", 1)[0]):
        _, looked = await preview(organizer, file)
        status, told = await take(organizer, looked["digest"], file)
        assert (status, told["type"]) == (422, "/problems/import-faulty")
    assert await everything(district) == before


async def test_only_what_was_looked_at(district: Any) -> None:
    organizer = district["east-organizer"]
    _, looked = await preview(organizer)
    told = await take(organizer, looked["digest"], FILE + "东区第三小学,,1班,x,x9,学生,\n")
    assert (told[0], told[1]["type"]) == (409, "/problems/import-other-file")


async def test_what_was_changed_in_between_counts(district: Any) -> None:
    organizer = district["east-organizer"]
    _, looked = await preview(organizer)
    made = {"name": "x", "place": "demo-west-1", "login": "zhou"}
    assert (await district.root.post("/api/v1/accounts", made))[0] == 201
    before = await everything(district)
    assert (await take(organizer, looked["digest"]))[1]["type"] == "/problems/import-faulty"
    assert await everything(district) == before


@pytest.mark.parametrize(
    ("file", "detail"),
    [
        (b"", "nothing in the table"),
        (b"\xff\xff", "none of the encodings"),
        ("姓名,电话\n".encode(), "账号、职务"),
        (b"PK\x03\x04", "neither a CSV nor an XLSX"),
    ],
)
async def test_what_is_no_table(district: Any, file: bytes, detail: str) -> None:
    status, told = await preview(district["east-organizer"], file)
    assert (status, told["type"]) == (422, "/problems/import-unreadable")
    assert detail in told["detail"]


async def test_a_file_that_is_too_large(district: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports_http, "MAX_BYTES", 1000)
    status, told = await preview(district["east-organizer"], FILE * 10)
    assert (status, told["type"]) == (413, "/problems/too-large")
    assert importing_files.MAX_BYTES > 1000


async def test_one_at_a_time(district: Any) -> None:
    lock = district.door.app[imports_http.IMPORTING]
    async with lock:
        assert (await preview(district["east-organizer"]))[1]["type"] == "/problems/busy"
    assert (await preview(district["east-organizer"]))[0] == 200


async def test_the_template_is_a_table_that_can_be_imported(district: Any) -> None:
    door, organizer = district.door, district["east-organizer"]
    for language in ("zh-CN", "en"):
        headers = {"Authorization": f"Bearer {organizer.secret}", "Accept-Language": language}
        async with door.http.get(door.url(f"{IMPORTS}/template.csv"), headers=headers) as response:
            assert response.status == 200
            template = await response.read()
        _, told = await preview(organizer, template)
        assert told["fault_count"] == 0 and told["rows"] == 3


async def test_parents_and_supervisors(district: Any) -> None:
    file = (
        "学校,班级,姓名,账号,职务,孩子账号,有效期至\n"
        "东区第一小学,,蒋父,jiangfu,家长,20260110,\n"
        "东区第一小学,,蒋父,jiangfu,家长,demo-east-1-student,\n"
        "东区第一小学,三年级1班,蒋新,20260110,学生,,\n"
        f",,督查甲,ducha,督查,,{date.today() + timedelta(days=200)}\n"
    )
    organizer = district["east-organizer"]
    _, looked = await preview(organizer, file)
    assert (looked["fault_count"], looked["new_accounts"], looked["new_offices"]) == (0, 3, 4)
    assert (await take(organizer, looked["digest"], file))[0] == 200
    _, found = await organizer.get("/api/v1/accounts", words="jiangfu")
    assert {office["about_name"] for office in found["accounts"][0]["offices"]} == {"蒋新", "蒋小明"}
    _, again = await preview(organizer, file)
    assert again["unchanged"] == 4
    # A school names none of its own supervisors.
    _, refused = await preview(
        district["east-1-organizer"], file.replace(",,督", "东区第一小学,,督"), "demo-east-1"
    )
    assert [each["kind"] for each in refused["faults"]] == ["login-taken"]
    other = "姓名,账号,职务,有效期至\n督查乙,ducha2,督查,2999-01-01\n"
    for place, who, kind in (("demo-east-1", "east-1", "credential"), ("demo-east", "east", "until")):
        _, refused = await preview(district[f"{who}-organizer"], other, place)
        assert [each["kind"] for each in refused["faults"]] == [kind]


async def test_a_large_file_goes_to_a_process_of_its_own(
    district: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is told, and the same is done."""
    organizer = district["east-organizer"]
    _, expected = await preview(organizer)
    monkeypatch.setattr(import_runner, "SMALL", 0)
    assert await preview(organizer) == (200, expected)
    status, told = await preview(organizer, b"\xff\xff")
    assert (status, told["type"]) == (422, "/problems/import-unreadable")
    assert (await take(organizer, "0" * 64))[1]["type"] == "/problems/import-other-file"
    assert await take(organizer, expected["digest"]) == (200, expected | {"done": True})
    _, found = await organizer.get("/api/v1/places", words="第三")
    assert len(found["places"]) == 1
