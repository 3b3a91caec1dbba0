"""Invitations: to an account's password, to an office, to a class; used once, or as often as they say."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from signaling.network.invitations_http import CODES_TRIED

INVITATIONS = "/api/v1/invitations"
PASSWORD = "wolken über dem fluss"


async def invite(caller: Any, **fields: Any) -> tuple[int, Any]:
    return await caller.post(INVITATIONS, fields)


async def code_of(caller: Any, **fields: Any) -> str:
    status, made = await invite(caller, **fields)
    assert status == 201, made
    return made["code"]


async def look(district: Any, code: str) -> tuple[int, Any]:
    return await district.nobody.post(f"{INVITATIONS}/look", {"code": code})


async def accept(district: Any, code: str, password: str = PASSWORD, **fields: Any) -> tuple[int, Any]:
    return await district.nobody.post(f"{INVITATIONS}/accept", {"code": code, "password": password} | fields)


async def sign_in(district: Any, login: str) -> int:
    return (await district.nobody.post("/api/v1/sign-in", {"login": login, "password": PASSWORD}))[0]


async def test_to_an_account(district: Any) -> None:
    tutor = district["east-1-tutor"]
    code = await code_of(district["east-1-organizer"], person=tutor.id)
    status, told = await look(district, code)
    assert status == 200 and (told["name"], told["login"], told["office"]) == ("褚老师", tutor.id, None)
    assert await accept(district, code) == (204, None)
    assert await sign_in(district, tutor.id) == 204
    # Who was signed in before is not any more: the password was somebody else's to set.
    assert (await tutor.get("/api/v1/whoami"))[0] == 401
    again = await accept(district, code)
    assert (again[0], again[1]["type"]) == (404, "/problems/invitation-over")


async def test_to_an_office(district: Any) -> None:
    organizer = district["east-1-organizer"]
    code = await code_of(organizer, office="tutor", place="demo-east-1", class_id="demo-east-1-c1")
    _, told = await look(district, code)
    assert (told["place"], told["class_name"], told["office"]) == ("东区第一小学", "三年级1班", "tutor")
    assert await accept(district, code, name="新老师", login="Xin") == (204, None)
    _, found = await organizer.get("/api/v1/accounts", words="xin")
    (account,) = found["accounts"]
    assert account["name"] == "新老师" and account["has_password"]
    assert account["offices"][0]["class_id"] == "demo-east-1-c1"
    assert await sign_in(district, "xin") == 204


async def test_a_class_comes_in_by_one_link_as_often_as_it_says(district: Any) -> None:
    organizer = district["east-1-organizer"]
    code = await code_of(
        organizer, office="student", place="demo-east-1", class_id="demo-east-1-home", uses=2
    )
    answers = await asyncio.gather(
        *(accept(district, code, name=f"生{number}", login=f"pupil{number}") for number in range(4))
    )
    assert sorted(status for status, _ in answers) == [204, 204, 404, 404]
    _, found = await organizer.get("/api/v1/accounts", words="pupil")
    assert len(found["accounts"]) == 2


async def test_a_login_that_is_taken_uses_nothing_up(district: Any) -> None:
    code = await code_of(district["east-1-organizer"], office="master", place="demo-east-1")
    told = await accept(district, code, name="x", login="demo-east-1-tutor")
    assert (told[0], told[1]["type"]) == (409, "/problems/login-taken")
    for fields in ({"name": "x", "login": "a b"}, {"name": "", "login": "x"}):
        assert (await accept(district, code, **fields))[1]["type"] == "/problems/account-invalid"
    weak = await accept(district, code, "12345678", name="x", login="x")
    assert weak[1]["type"] == "/problems/account-invalid"
    assert (await accept(district, code, name="x", login="x"))[0] == 204


async def test_taken_back_it_holds_no_more(district: Any) -> None:
    organizer = district["east-1-organizer"]
    _, made = await invite(organizer, office="master", place="demo-east-1")
    _, listed = await organizer.get(INVITATIONS)
    assert [each["id"] for each in listed["invitations"]] == [made["id"]]
    assert made["code"] not in str(listed)
    for _ in range(2):
        assert await organizer.delete(f"{INVITATIONS}/{made['id']}") == (204, None)
    assert (await look(district, made["code"]))[0] == 404
    assert (await organizer.get(INVITATIONS))[1] == {"invitations": []}


async def test_what_it_is_for_may_be_gone(district: Any) -> None:
    organizer = district["east-1-organizer"]
    to_class = await code_of(
        organizer, office="student", place="demo-east-1", class_id="demo-east-1-c1", uses=9
    )
    to_account = await code_of(organizer, person="demo-east-1-student")
    reason = {"reason": "closed"}
    assert (await organizer.post("/api/v1/classes/demo-east-1-c1/close", reason))[0] == 204
    assert (await organizer.post("/api/v1/accounts/demo-east-1-student/disable", reason))[0] == 204
    assert (await accept(district, to_class, name="x", login="x"))[0] == 404
    assert (await accept(district, to_account))[0] == 404
    assert (await organizer.get("/api/v1/accounts", words="x"))[1] == {"accounts": []}


async def test_nobody_comes_to_more_power_than_they_have(district: Any) -> None:
    """A school's organizer cannot set the password of somebody who supervises, or organizes the district."""
    school, area = district["east-1-organizer"], district["east-organizer"]
    until = district.now_ms + 86_400_000
    for person, office in (("demo-east-1-master", "supervisor"), ("demo-east-1-tutor", "organizer")):
        given = {"person": person, "office": office, "place": "demo-east", "until_ms": until}
        assert (await area.post("/api/v1/appointments", given))[0] == 201
        told = await invite(school, person=person)
        assert (told[0], told[1]["type"]) == (403, "/problems/appointment-not-yours")
        assert (await invite(area, person=person))[0] == 201


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "invitation-invalid"),
        ({"person": "demo-east-1-tutor", "office": "master"}, "invitation-invalid"),
        ({"office": "master", "place": "demo-east-1", "uses": 2}, "invitation-invalid"),
        ({"office": "researcher", "place": "demo-east-1"}, "invitation-invalid"),
        ({"office": "supervisor", "place": "demo-east-1"}, "appointment-not-yours"),
        ({"office": "student", "place": "demo-east-1"}, "appointment-invalid"),
        ({"office": "student", "place": "demo-east-1", "class_id": "demo-east-2-c1"}, "not-found"),
        ({"office": "master", "place": "demo-east-2"}, "not-found"),
        ({"person": "demo-east-2-tutor"}, "not-found"),
        ({"office": "master", "place": "demo-east-1", "days": 61}, "bad-request"),
        ({"office": "student", "place": "demo-east-1", "uses": 501}, "bad-request"),
    ],
)
async def test_invitations_that_cannot_be(district: Any, fields: Any, kind: str) -> None:
    assert (await invite(district["east-1-organizer"], **fields))[1]["type"] == f"/problems/{kind}"


async def test_a_providers_head_invites_masters(district: Any) -> None:
    head = district["museum-provider"]
    status, made = await invite(head, office="master", place="demo-museum")
    assert status == 201
    assert (await invite(head, office="organizer", place="demo-museum"))[0] == 403
    assert (await head.delete(f"{INVITATIONS}/{made['id']}"))[0] == 204


async def test_codes_are_not_found_by_trying(district: Any) -> None:
    tried = district.door.app[CODES_TRIED]
    assert all(tried.take("127.0.0.1", time.monotonic()) for _ in range(195))
    for _ in range(5):
        assert (await look(district, "made-up"))[1]["type"] == "/problems/invitation-over"
    assert (await look(district, "made-up"))[0] == 429
    code = await code_of(district["east-1-organizer"], office="master", place="demo-east-1")
    assert (await accept(district, code, name="x", login="x"))[0] == 429


async def test_no_foreign_page_has_somebody_signed_in(district: Any) -> None:
    code = await code_of(district["east-1-organizer"], office="master", place="demo-east-1")
    body = {"code": code, "password": PASSWORD, "name": "x", "login": "x"}
    headers = {"Sec-Fetch-Site": "cross-site"}
    told = await district.nobody.ask("POST", f"{INVITATIONS}/accept", body, headers=headers)
    assert (told[0], told[1]["type"]) == (403, "/problems/foreign-page")


async def test_letters_for_everybody_who_cannot_sign_in(district: Any) -> None:
    school, above, city = (district[f"{name}-organizer"] for name in ("east-1", "east", "city"))
    letters = "/api/v1/places/{}/invitations".format
    people = []
    for name in ("甲", "乙"):
        made = {"name": name, "place": "demo-east-1", "login": f"new-{len(people)}"}
        _, told = await school.post("/api/v1/accounts", made)
        people.append(told["person"])
    office = {"person": people[0], "office": "tutor", "place": "demo-east-1"}
    assert (await school.post("/api/v1/appointments", office))[0] == 201
    ends = {"until_ms": district.now_ms + 86_400_000}
    office = {"person": people[1], "office": "supervisor", "place": "demo-east-1"} | ends
    assert (await above.post("/api/v1/appointments", office))[0] == 201
    # Nobody comes to more power than who invites has.
    status, told = await school.post(letters("demo-east-1"), {"days": 3})
    assert status == 200 and told["left_out"] == 1 and told["after"] == ""
    found = {each["login"]: each for each in told["letters"]}
    assert "new-0" in found and "new-1" not in found
    letter = found["new-0"]
    assert letter["offices"][0]["office"] == "tutor"
    _, told = await city.post(letters("demo-east-1"), {"office": "supervisor"})
    assert [each["person"] for each in told["letters"]] == people[1:]
    # Who has a letter gets another one only when that is asked for; then the first holds no more.
    assert (await city.post(letters("demo-east-1")))[1]["letters"] == []
    again = {"again": True, "office": "tutor"}
    _, told = await school.post(letters("demo-east-1"), again)
    found = {each["login"]: each for each in told["letters"]}
    used = {"password": "correct horse battery"}
    accept = "/api/v1/invitations/accept"
    assert (await district.nobody.post(accept, used | {"code": letter["code"]}))[0] == 404
    assert (await district.nobody.post(accept, used | {"code": found["new-0"]["code"]}))[0] == 204
    _, told = await school.post(letters("demo-east-1"), again)
    assert "new-0" not in {each["login"] for each in told["letters"]}
    assert (await school.post(letters("demo-east-2"), {}))[0] == 404
    _, record = await city.get("/api/v1/audit", deed="invited-all")
    assert len(record["deeds"]) == 4 and record["deeds"][-1]["object"] == "demo-east-1"
