"""Signing in with login and password, out again, and what is told of oneself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from classroom.model import PersonId
from classroom.store import accounts, audit
from classroom.store.demo_network import seed_demo_network
from signaling.keys import CONFIG
from signaling.network.device_cookies import COOKIE
from signaling.network.origin import caller_address
from signaling.network.passwords import HASHER
from signaling.network.principals import SIGN_IN_COOKIE
from signaling.network.sign_in import SCHOOL
from signaling.network.sign_in import SIGN_IN as SIGN_INS
from signaling.problems import Problem

SIGN_IN = "/api/v1/sign-in"
PASSWORD = "wolken über dem fluss"
TUTOR = "demo-east-1-tutor"


@pytest.fixture(scope="session")
def hashed() -> str:
    return HASHER.hash(PASSWORD)


@pytest_asyncio.fixture
async def pupils_page(district: Any, hashed: str) -> AsyncIterator[Any]:
    """Somebody with a browser; the tutor of east-1 has a password."""
    await set_password(district, TUTOR, hashed)
    yield district


async def set_password(district: Any, person: str, hashed: str) -> None:
    network = district.store.network
    found = await network.read(accounts.credentials_of, PersonId(person))
    assert await network.change(accounts.set_password, found, hashed, district.now_ms, "")


async def sign_in(
    district: Any, login: str = TUTOR, password: str = PASSWORD, **more: Any
) -> tuple[int, Any]:
    return await district.nobody.post(SIGN_IN, {"login": login, "password": password, **more})


async def by_cookie(district: Any, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """As a page of ours asks, with whatever cookie the browser has."""
    sent = {"Sec-Fetch-Site": "same-origin"} | headers
    return await district.nobody.ask(method, path, headers=sent)


@pytest_asyncio.fixture(autouse=True)
async def browser(door: Any) -> AsyncIterator[None]:
    """Keeps cookies, of an address as well as of a name."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        door.http = session
        yield


async def test_in_and_out(pupils_page: Any) -> None:
    assert (await by_cookie(pupils_page, "GET", "/api/v1/whoami"))[0] == 401
    assert await sign_in(pupils_page) == (204, None)
    status, told = await by_cookie(pupils_page, "GET", "/api/v1/whoami")
    assert status == 200 and told["person"] == TUTOR and told["has_password"]
    assert await by_cookie(pupils_page, "POST", "/api/v1/sign-out") == (200, {"then": ""})
    assert (await by_cookie(pupils_page, "GET", "/api/v1/whoami"))[0] == 401
    # Once more: done already.
    assert await by_cookie(pupils_page, "POST", "/api/v1/sign-out") == (200, {"then": ""})


async def test_the_cookie_is_for_the_browser_alone(pupils_page: Any) -> None:
    door = pupils_page.door
    for keep, kept in ((False, None), (True, 30 * 86_400)):
        body = {"login": TUTOR, "password": PASSWORD, "keep": keep}
        async with door.http.post(door.url(SIGN_IN), json=body) as response:
            cookie = response.cookies[SIGN_IN_COOKIE]
            assert response.headers["Cache-Control"] == "no-store"
        assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
        assert not cookie["secure"] and not cookie["domain"]
        assert (int(cookie["max-age"]) if cookie["max-age"] else None) == kept


@pytest.mark.parametrize("login", [TUTOR.upper(), f"  {TUTOR} ", "ｄｅｍｏ-east-1-tutor"])
async def test_a_login_is_compared_as_people_type_it(pupils_page: Any, login: str) -> None:
    assert (await sign_in(pupils_page, login))[0] == 204


async def test_whatever_is_wrong_is_told_alike(pupils_page: Any, hashed: str) -> None:
    """Nobody learns which logins there are."""
    store, disabled = pupils_page.store, PersonId("demo-west-1-tutor")
    await set_password(pupils_page, disabled, hashed)
    account = await store.network.read(accounts.find, disabled)
    await store.network.change(accounts.disable, account, pupils_page.now_ms, "", "gone")
    told = [
        await sign_in(pupils_page, login, password)
        for login, password in (
            (TUTOR, "wrong wrong"),
            (TUTOR, ""),
            (TUTOR, PASSWORD[:7]),
            ("nobody", PASSWORD),
            ("no login at all!", PASSWORD),
            (disabled, PASSWORD),
            ("demo-east-2-tutor", PASSWORD),
            ("demo-east-2-tutor", ""),
        )
    ]
    assert all(each == told[0] for each in told)
    assert told[0][0] == 401 and told[0][1]["type"] == "/problems/sign-in-refused"


async def test_every_refusal_costs_a_hash(pupils_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as a wrong password takes: counted, since a clock tells nothing here."""
    from signaling.network import passwords

    checked: list[bool] = []
    real = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda *given: checked.append(True) or real(*given))
    for login, password in ((TUTOR, "wrong wrong"), ("nobody", "wrong wrong"), ("nobody", "x"), ("!", "x")):
        checked.clear()
        await sign_in(pupils_page, login, password)
        assert len(checked) == 1, (login, password)


async def test_guessing_ends(pupils_page: Any) -> None:
    for _ in range(10):
        assert (await sign_in(pupils_page, password="wrong wrong"))[0] == 401
    status, told = await sign_in(pupils_page)
    assert status == 429 and told["type"] == "/problems/too-many-requests"
    # Others of the same school come in.
    assert (await sign_in(pupils_page, "demo-east-2-tutor", "wrong wrong"))[0] == 401


async def test_who_guesses_beside_them_keeps_nobody_out(pupils_page: Any) -> None:
    """Who has been in from their browser is counted by themselves."""
    door = pupils_page.door.app[SIGN_INS]
    assert (await sign_in(pupils_page))[0] == 204
    now = time.monotonic()
    for number in range(SCHOOL):
        with contextlib.suppress(Problem):
            door.attempt(f"made-up-{number}", "127.0.0.1", now)
            door.attempt(TUTOR, f"192.0.2.{number % 200}", now)
    assert (await sign_in(pupils_page))[0] == 204
    pupils_page.door.http.cookie_jar.clear(lambda cookie: cookie.key == COOKIE)
    told = await sign_in(pupils_page)
    assert told[0] == (await sign_in(pupils_page, "nobody"))[0] == 429


async def test_who_is_right_is_never_held_up(pupils_page: Any) -> None:
    assert {(await sign_in(pupils_page))[0] for _ in range(15)} == {204}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example.org"},
        {"Origin": "null"},
    ],
)
async def test_no_foreign_page_signs_anybody_in_or_out(pupils_page: Any, headers: dict[str, str]) -> None:
    body = {"login": TUTOR, "password": PASSWORD}
    refused = await pupils_page.nobody.ask("POST", SIGN_IN, body, headers=headers)
    assert refused[0] == 403 and refused[1]["type"] == "/problems/foreign-page"
    await sign_in(pupils_page)
    assert (await pupils_page.nobody.ask("POST", "/api/v1/sign-out", headers=headers))[0] == 403
    assert (await by_cookie(pupils_page, "GET", "/api/v1/whoami"))[0] == 200


async def test_a_form_of_a_foreign_page_is_no_request(pupils_page: Any) -> None:
    """What a page may send to anywhere without asking first (Fetch, 4.8) is not taken for JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = {"Content-Type": kind}
        data = f'{{"login": "{TUTOR}", "password": "{PASSWORD}"}}'.encode()
        assert (await pupils_page.nobody.ask("POST", SIGN_IN, headers=sent, data=data))[0] == 415


async def test_every_sign_in_has_a_secret_of_its_own(pupils_page: Any) -> None:
    """Nobody can have somebody sign in by a secret that they know (session fixation)."""
    door = pupils_page.door
    seen = set()
    for _ in range(2):
        body = {"login": TUTOR, "password": PASSWORD}
        async with door.http.post(
            door.url(SIGN_IN), json=body, cookies={SIGN_IN_COOKIE: "tks_known"}
        ) as response:
            seen.add(response.cookies[SIGN_IN_COOKIE].value)
    assert len(seen) == 2 and "tks_known" not in seen
    rows = str(await pupils_page.store.network.read(audit.listed, ["/"]))
    assert not any(secret in rows for secret in seen)


async def test_whoami_names_offices(district: Any) -> None:
    status, told = await district["east-1-parent"].get("/api/v1/whoami")
    assert status == 200
    (office,) = told["offices"]
    assert office["office"] == "parent" and office["about_name"] == "蒋小明"
    assert office["place"] == {
        "id": "demo-east-1",
        "kind": "school",
        "name": "东区第一小学",
        "timezone": "Asia/Shanghai",
    }
    (office,) = (await district["east-1-student"].get("/api/v1/whoami"))[1]["offices"]
    assert (office["class_id"], office["class_name"]) == ("demo-east-1-c1", "三年级1班")


async def test_whoami_with_an_organizers_token(district: Any) -> None:
    status, told = await district.root.get("/api/v1/whoami")
    assert status == 200 and told["login"] == "" and told["offices"][0]["place"] is None


async def test_where_one_is_signed_in(district: Any) -> None:
    first = district["east-1-tutor"]
    second = await district.sign_in(first.id)
    _, told = await first.get("/api/v1/sign-ins")
    assert [each["this"] for each in told["sign_ins"]].count(True) == 1
    (other,) = (each["id"] for each in told["sign_ins"] if not each["this"])
    # Nobody ends somebody else's.
    assert (await district["east-1-organizer"].delete(f"/api/v1/sign-ins/{other}"))[0] == 404
    assert (await second.get("/api/v1/whoami"))[0] == 200
    assert (await first.delete(f"/api/v1/sign-ins/{other}"))[0] == 204
    assert (await second.get("/api/v1/whoami"))[0] == 401
    assert (await first.delete(f"/api/v1/sign-ins/{other}"))[0] == 404
    assert (await first.delete("/api/v1/sign-ins/%25"))[0] == 404


async def test_a_new_password_ends_the_other_sign_ins(pupils_page: Any) -> None:
    this, other = await pupils_page.sign_in(TUTOR), await pupils_page.sign_in(TUTOR)
    wrong = await this.post("/api/v1/password", {"old": "wrong wrong", "new": "berge hinter dem see"})
    assert wrong[0] == 403 and wrong[1]["type"] == "/problems/password-wrong"
    told = await this.post("/api/v1/password", {"old": PASSWORD, "new": "berge hinter dem see"})
    assert told == (204, None)
    assert (await this.get("/api/v1/whoami"))[0] == 200
    assert (await other.get("/api/v1/whoami"))[0] == 401
    assert (await sign_in(pupils_page))[0] == 401
    assert (await sign_in(pupils_page, password="berge hinter dem see"))[0] == 204


@pytest.mark.parametrize(
    "password", ["short", "password123", TUTOR, "qwertyuiop", "12345678", "x" * 129, "woaini1314"]
)
async def test_passwords_that_are_guessed(pupils_page: Any, password: str) -> None:
    this = await pupils_page.sign_in(TUTOR)
    told = await this.post("/api/v1/password", {"old": PASSWORD, "new": password})
    assert told[0] == 422 and told[1]["type"] == "/problems/account-invalid", told


async def test_who_has_no_password_changes_none(district: Any) -> None:
    told = await district["east-2-tutor"].post("/api/v1/password", {"old": "", "new": PASSWORD})
    assert told[0] == 409 and told[1]["type"] == "/problems/no-password"


async def test_under_https_the_cookie_is_the_hosts_own(
    open_door: Any, config: Any, hashed: str, browser: None
) -> None:
    secure = msgspec.structs.replace(config, public_url="https://class.example.org")
    async with open_door(secure) as door:
        await seed_demo_network(door.parts.store)
        network = door.parts.store.network
        found = await network.read(accounts.credentials_of, PersonId(TUTOR))
        await network.change(accounts.set_password, found, hashed, 1, "")
        body = {"login": TUTOR, "password": PASSWORD}
        headers = {"Origin": "https://class.example.org"}
        async with door.http.post(door.url(SIGN_IN), json=body, headers=headers) as response:
            assert response.status == 204
            assert response.headers["Strict-Transport-Security"].startswith("max-age=")
            cookie = response.cookies[f"__Host-{SIGN_IN_COOKIE}"]
        assert cookie["secure"] and cookie["path"] == "/" and not cookie["domain"]
        whoami = door.url("/api/v1/whoami")
        for name, status in ((f"__Host-{SIGN_IN_COOKIE}", 200), (SIGN_IN_COOKIE, 401)):
            sent = {"Cookie": f"{name}={cookie.value}"}
            async with door.http.get(whoami, headers=sent) as response:
                assert response.status == status, name


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("nonsense", ""),
    ],
)
def test_whose_address_counts_behind_a_proxy(config: Any, forwarded: str, counted: str) -> None:
    """What a proxy that is trusted said, and nothing that its client made up."""
    for trusted, expected in ((("127.0.0.0/8",), counted), ((), "127.0.0.1")):
        app = web.Application()
        app[CONFIG] = msgspec.structs.replace(config, trusted_proxies=trusted)
        request = make_mocked_request("GET", "/", {"X-Forwarded-For": forwarded}, app=app)
        assert caller_address(request.clone(remote="127.0.0.1")) == expected
