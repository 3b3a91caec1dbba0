"""Accounts and offices: made, given, taken away; and what of it is on record."""

from __future__ import annotations

import csv
import io
from typing import Any

ACCOUNTS, APPOINTMENTS = "/api/v1/accounts", "/api/v1/appointments"
REASON = {"reason": "调离"}
DAY_MS = 86_400_000


async def add(person: Any, **fields: Any) -> tuple[int, Any]:
    return await person.post(ACCOUNTS, {"name": "新老师", "place": "demo-east-1"} | fields)


async def appoint(caller: Any, **fields: Any) -> tuple[int, Any]:
    return await caller.post(APPOINTMENTS, {"place": "demo-east-1"} | fields)


async def test_made_and_found(district: Any) -> None:
    organizer = district["east-1-organizer"]
    status, made = await add(organizer, name=" 新老师 ", login="Ｘin.Laoshi", email="x@example.org")
    assert status == 201 and made["name"] == "新老师" and made["login"] == "xin.laoshi"
    assert made["place"] == "demo-east-1" and not made["has_password"] and made["offices"] == []
    for words in ("新老", "XIN"):
        _, told = await organizer.get(ACCOUNTS, words=words)
        assert [each["person"] for each in told["accounts"]] == [made["person"]]
    assert (await organizer.get(f"{ACCOUNTS}/{made['person']}"))[1] == made
    assert (await add(organizer, login="xin.laoshi"))[1]["type"] == "/problems/login-taken"


async def test_by_office_and_class(district: Any) -> None:
    organizer = district["east-1-organizer"]
    _, told = await organizer.get(ACCOUNTS, office="student", class_id="demo-east-1-home")
    assert [each["person"] for each in told["accounts"]] == ["demo-east-1-student-home"]
    assert told["accounts"][0]["offices"][0]["class_name"] == "三年级居家班"
    _, told = await organizer.get(ACCOUNTS, words="_")
    assert told["accounts"] == []
    _, told = await district["museum-provider"].get(ACCOUNTS)
    assert {each["person"] for each in told["accounts"]} == {"demo-museum-provider", "demo-museum-master"}


async def test_page_by_page(district: Any) -> None:
    seen, after = [], ""
    while page := (await district.root.get(ACCOUNTS, limit=7, after=after))[1]["accounts"]:
        seen += [each["person"] for each in page]
        after = seen[-1]
    assert len(seen) == len(set(seen)) == len(district.everybody)


BAD_ACCOUNTS: list[tuple[dict[str, Any], str]] = [
    ({"name": "\u200b"}, "account-invalid"),
    ({"login": "two words"}, "account-invalid"),
    ({"login": "x" * 65}, "account-invalid"),
    ({"login": "a\u0001b"}, "account-invalid"),
    ({"email": "nobody"}, "account-invalid"),
    ({"email": "a@b c"}, "account-invalid"),
    ({"email": "a\n@example.org"}, "account-invalid"),
    ({"place": "demo-east-2"}, "not-found"),
    ({"place": "\u0001"}, "not-found"),
    ({"name": 3}, "bad-request"),
    ({"password": "x"}, "bad-request"),
]


async def test_accounts_that_cannot_be(district: Any) -> None:
    for fields, kind in BAD_ACCOUNTS:
        told = await add(district["east-1-organizer"], **fields)
        assert told[1]["type"] == f"/problems/{kind}", (fields, told)


async def test_changed_and_moved(district: Any) -> None:
    student = f"{ACCOUNTS}/demo-east-1-student"
    school, area = district["east-1-organizer"], district["east-organizer"]
    assert (await school.patch(student, {"place": "demo-east-2"}))[0] == 404
    status, told = await area.patch(student, {"name": "蒋大明", "place": "demo-east-2"})
    assert status == 200 and (told["name"], told["place"]) == ("蒋大明", "demo-east-2")
    assert (await school.get(student))[0] == 404
    taken = await area.patch(student, {"login": "DEMO-east-2-student"})
    assert taken[1]["type"] == "/problems/login-taken"
    assert (await district["east-1-student"].get("/api/v1/whoami"))[1]["name"] == "蒋大明"


async def test_who_is_disabled_is_out_at_once(district: Any) -> None:
    organizer, student = district["east-1-organizer"], district["east-1-student"]
    path = f"{ACCOUNTS}/{student.id}"
    assert (await student.get("/api/v1/whoami"))[0] == 200
    for _ in range(2):
        assert await organizer.post(f"{path}/disable", REASON) == (204, None)
    assert (await student.get("/api/v1/whoami"))[0] == 401
    assert (await organizer.get(path))[1]["disabled_ms"] > 0
    _, told = await organizer.get(ACCOUNTS)
    assert student.id not in [each["person"] for each in told["accounts"]]
    assert await organizer.post(f"{path}/enable") == (204, None)
    # Signed out is signed out.
    assert (await student.get("/api/v1/whoami"))[0] == 401
    assert (await (await district.sign_in(student.id)).get("/api/v1/whoami"))[0] == 200


async def test_nobody_locks_themselves_out(district: Any) -> None:
    organizer = district["east-1-organizer"]
    own = f"{ACCOUNTS}/{organizer.id}/disable"
    assert (await organizer.post(own, REASON))[1]["type"] == "/problems/account-own"
    told = await organizer.post(f"{APPOINTMENTS}/{organizer.id}-office/revoke", REASON)
    assert told[1]["type"] == "/problems/account-own"


async def test_an_office_is_given_and_revoked(district: Any) -> None:
    organizer, master = district["east-1-organizer"], district["east-1-master"]
    status, made = await appoint(organizer, person=master.id, office="tutor", class_id="demo-east-1-c1")
    assert status == 201 and made["office"]["class_name"] == "三年级1班" and made["made_by"] == organizer.id
    again = await appoint(organizer, person=master.id, office="tutor", class_id="demo-east-1-c1")
    assert again[1]["type"] == "/problems/appointment-refused"
    offices = (await master.get("/api/v1/whoami"))[1]["offices"]
    assert {each["office"] for each in offices} == {"master", "tutor"}
    revoke = f"{APPOINTMENTS}/{made['office']['id']}/revoke"
    for _ in range(2):
        assert await organizer.post(revoke, REASON) == (204, None)
    assert [each["office"] for each in (await master.get("/api/v1/whoami"))[1]["offices"]] == ["master"]
    _, told = await organizer.get(APPOINTMENTS, place="demo-east-1", person=master.id, over="true")
    assert sorted(each["revoked_by"] for each in told["appointments"]) == ["", organizer.id]


async def test_it_ends_by_itself(district: Any) -> None:
    now = district.now_ms
    organizer = district["east-organizer"]
    over = {"from_ms": now - 2 * DAY_MS, "until_ms": now - DAY_MS}
    coming = {"from_ms": now + DAY_MS, "until_ms": now + 2 * DAY_MS}
    for times in (over, coming):
        told = await appoint(
            organizer, person="demo-east-1-master", office="supervisor", place="demo-east", **times
        )
        assert told[0] == 201, told
    offices = (await district["east-1-master"].get("/api/v1/whoami"))[1]["offices"]
    assert [each["office"] for each in offices] == ["master"]


BAD_OFFICES: list[tuple[dict[str, Any], str]] = [
    ({"office": "student"}, "appointment-invalid"),
    ({"office": "student", "class_id": "demo-east-2-c1"}, "appointment-refused"),
    ({"office": "student", "class_id": "\u0001"}, "appointment-refused"),
    ({"office": "master", "class_id": "demo-east-1-c1"}, "appointment-invalid"),
    ({"office": "master", "course": "x"}, "appointment-invalid"),
    ({"office": "researcher", "subject": "科学"}, "appointment-invalid"),
    ({"office": "parent"}, "appointment-invalid"),
    ({"office": "parent", "about": "demo-east-1-tutor"}, "appointment-invalid"),
    ({"office": "parent", "about": "demo-east-2-student"}, "not-found"),
    ({"office": "tutor", "from_ms": 5, "until_ms": 5}, "appointment-invalid"),
    ({"office": "tutor", "person": "demo-east-2-tutor"}, "not-found"),
    ({"office": "supervisor"}, "appointment-not-yours"),
    ({"office": "organizer", "place": "demo-east"}, "not-found"),
    ({"office": "king"}, "bad-request"),
]


async def test_offices_that_cannot_be(district: Any) -> None:
    for fields, kind in BAD_OFFICES:
        told = await appoint(district["east-1-organizer"], **({"person": "demo-east-1-tutor"} | fields))
        assert told[1]["type"] == f"/problems/{kind}", (fields, told)


async def test_a_supervisor_comes_from_above_and_not_for_ever(district: Any) -> None:
    ends = {"until_ms": district.now_ms + DAY_MS}
    credential = {"person": "demo-east-1-master", "office": "supervisor"}
    assert (await appoint(district["east-1-organizer"], **credential, **ends))[0] == 403
    area = district["east-organizer"]
    assert (await appoint(area, **credential))[1]["type"] == "/problems/appointment-invalid"
    too_long = {"until_ms": district.now_ms + 401 * DAY_MS}
    assert (await appoint(area, **credential, **too_long))[1]["type"] == "/problems/appointment-invalid"
    assert (await appoint(area, **credential, **ends))[0] == 201
    # Of the museum the city's, and not its own.
    museum = {"person": "demo-museum-master", "office": "supervisor", "place": "demo-museum"}
    assert (await appoint(district["museum-provider"], **museum, **ends))[0] == 403
    assert (await appoint(district["city-organizer"], **museum, **ends))[0] == 201


async def test_a_providers_head_names_its_masters_alone(district: Any) -> None:
    head = district["museum-provider"]
    _, told = await district["city-organizer"].post(ACCOUNTS, {"name": "新老师", "place": "demo-museum"})
    at = {"person": told["person"], "place": "demo-museum"}
    assert (await appoint(head, **at, office="organizer"))[0] == 403
    status, made = await appoint(head, **at, office="master")
    assert status == 201
    _, seen = await head.get(APPOINTMENTS, place="demo-museum")
    assert {each["office"]["office"] for each in seen["appointments"]} == {"master"}
    assert (await head.get(APPOINTMENTS)) == (200, seen)
    assert (await head.get(APPOINTMENTS, place="demo-museum", office="provider"))[1] == {"appointments": []}
    assert (await head.post(f"{APPOINTMENTS}/{made['office']['id']}/revoke", REASON))[0] == 204
    assert (await head.post(f"{APPOINTMENTS}/demo-museum-provider-office/revoke", REASON))[0] == 404


async def test_what_was_done_is_on_record(district: Any) -> None:
    organizer = district["east-1-organizer"]
    _, made = await add(organizer, login="=1+1"[1:] + "x")
    await appoint(organizer, person=made["person"], office="master")
    await organizer.post(f"{ACCOUNTS}/{made['person']}/disable", REASON)
    _, told = await organizer.get("/api/v1/audit", person=organizer.id)
    mine = [each for each in told["deeds"] if each["deed"] != "signed-in"]
    assert [each["deed"] for each in mine] == ["account-disabled", "appointed", "account-added"]
    assert mine[0]["body"] == {"reason": REASON["reason"]}
    _, only = await organizer.get("/api/v1/audit", deed="appointed", person=organizer.id)
    assert [each["seq"] for each in only["deeds"]] == [mine[1]["seq"]]
    _, before = await organizer.get("/api/v1/audit", before=mine[1]["seq"], person=organizer.id, limit=1)
    assert before["deeds"] == [mine[2]]


async def test_the_record_as_a_table(district: Any) -> None:
    organizer = district["east-1-organizer"]
    await add(organizer, login="+x")
    await organizer.post(f"{ACCOUNTS}/demo-east-1-student/disable", {"reason": "=HYPERLINK(1)"})
    door = district.door
    headers = {"Authorization": f"Bearer {organizer.secret}"}
    async with door.http.get(door.url("/api/v1/audit.csv"), headers=headers) as response:
        assert response.status == 200 and "attachment" in response.headers["Content-Disposition"]
        text = (await response.read()).decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["seq", "at", "person", "deed", "place", "object", "body"]
    # Who takes it away is on it.
    assert [row[3] for row in rows][-3:] == ["account-added", "account-disabled", "audit-exported"]
    assert rows[-1][2] == organizer.id
    assert {row[4] for row in rows} == {"/demo-city/demo-east/demo-east-1/"}
    numbers = [int(row[0]) for row in rows]
    assert numbers == sorted(numbers)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
