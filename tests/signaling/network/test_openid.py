"""Signing in by OpenID Connect: with a real provider in a process of its own, and with one that lies."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from yarl import URL

from signaling.config import Config
from signaling.network import openid, openid_http

CLIENT, SECRET = "tongke", "s3cret-of-the-tests"
WAY = "/api/v1/sign-in/openid"
TIMEOUT_S = 30.0


class Liar:
    """An issuer whose answers can be anything."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.metadata: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.token: Any = None
        self.status = 200
        self.nonce = ""
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        base = str(request.url.origin())
        if request.path == "/token":
            now = int(time.time())
            said = {"iss": base, "sub": "u-1", "aud": CLIENT, "iat": now, "exp": now + 300}
            token = jwt.encode(said | {"nonce": self.nonce} | self.claims, self.key, "RS256", {"kid": "k"})
            return web.json_response(self.token or {"id_token": token}, status=self.status)
        if request.path == "/keys":
            key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key())) | {"kid": "k"}
            return web.json_response({"keys": [key]})
        told = {"issuer": base, "authorization_endpoint": f"{base}/a", "token_endpoint": f"{base}/token"}
        return web.json_response(told | {"jwks_uri": f"{base}/keys"} | self.metadata)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Its issuer."""
    script = Path(__file__).with_name("openid_provider.py")
    process = subprocess.Popen(
        [sys.executable, str(script), CLIENT, SECRET], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    process.terminate()
    process.wait(TIMEOUT_S)
    process.stdout.close()


@pytest_asyncio.fixture
async def liar() -> AsyncIterator[Liar]:
    made, app = Liar(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        made.metadata["base"] = str(server.make_url("")).rstrip("/")
        yield made


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Config:
    """Of the provider; of the liar where a test asks for it."""
    if "liar" in request.fixturenames:
        issuer = request.getfixturevalue("liar").metadata["base"]
    else:
        issuer = request.getfixturevalue("provider")
    return Config(
        data=tmp_path / "data",
        openid_issuer=issuer,
        openid_client_id=CLIENT,
        openid_client_secret=SECRET,
        openid_name="东区统一身份",
    )


class Browser:
    """Goes where it is sent, one step at a time, with cookies of its own."""

    def __init__(self, door: Any, issuer: str) -> None:
        self.door, self.issuer = door, issuer
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def step(self, url: str) -> str:
        async with self.http.get(url, allow_redirects=False) as response:
            assert response.status in (302, 303), (response.status, await response.text())
            return response.headers["Location"]

    async def begin(self, **query: str) -> str:
        """The issuer's address."""
        return await self.step(self.door.url(WAY) + "?" + "&".join(f"{k}={v}" for k, v in query.items()))

    async def back(self, subject: str, **query: str) -> str:
        """The address by which the issuer sends it back."""
        return await self.step(f"{await self.begin(**query)}&as={subject}")

    async def sign_in(self, subject: str, **query: str) -> str:
        """Where it is in the end."""
        return await self.step(await self.back(subject, **query))

    async def lied_to(self, liar: Liar, **answer: str) -> str:
        asked = parse_qs(urlsplit(await self.begin()).query)
        liar.nonce = asked["nonce"][0]
        said = {"code": "c", "state": asked["state"][0]} | answer
        return await self.step(self.door.url(WAY + "/callback") + "?" + _query(said))

    async def is_there(self, subject: str, **said: Any) -> None:
        async with self.http.put(f"{self.issuer}/people/{subject}", json=said) as response:
            assert response.status == 204

    async def registers(self, **said: Any) -> None:
        """Where the issuer's logout tokens go; said: what they say besides."""
        told = {"backchannel_logout_uri": self.door.url("/api/v1/sign-out/openid"), "said": said}
        async with self.http.put(f"{self.issuer}/client", json=told) as response:
            assert response.status == 204

    async def out_there(self, subject: str) -> int:
        """What the issuer was answered."""
        async with self.http.post(f"{self.issuer}/people/{subject}/out") as response:
            return int(await response.json())

    async def out(self) -> str:
        """Where the browser goes on to."""
        sent = {"Sec-Fetch-Site": "same-origin"}
        async with self.http.post(self.door.url("/api/v1/sign-out"), headers=sent) as response:
            return str((await response.json())["then"])

    async def end(self, sign_in: str) -> int:
        """Asks for one more proof that it is they."""
        url, sent = self.door.url(f"/api/v1/sign-ins/{sign_in}"), {"Sec-Fetch-Site": "same-origin"}
        async with self.http.delete(url, headers=sent) as response:
            return response.status

    async def whoami(self) -> str:
        async with self.http.get(self.door.url("/api/v1/whoami")) as response:
            return (await response.json())["person"] if response.status == 200 else ""


def _query(said: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in said.items())


@pytest_asyncio.fixture
async def browser(district: Any, config: Config) -> AsyncIterator[Browser]:
    person = district.root
    for who, email in (("east-1-tutor", "tutor@example.org"), ("east-1-master", "both@example.org")):
        assert (await person.patch(f"/api/v1/accounts/demo-{who}", {"email": email}))[0] == 200
    assert (await person.patch("/api/v1/accounts/demo-east-1-student", {"email": "both@example.org"}))[
        0
    ] == 200
    made = Browser(district.door, config.openid_issuer)
    yield made
    await made.http.close()


async def test_the_first_time_and_then_again(district: Any, browser: Browser) -> None:
    async with browser.http.get(browser.door.url("/api/v1/sign-in/ways")) as response:
        assert await response.json() == {"openid": "东区统一身份"}
    verified = {"email": "Tutor@Example.org", "email_verified": True}
    await browser.is_there("u-1", claims=verified)
    assert await browser.sign_in("u-1", to="/timetable") == "/timetable"
    assert await browser.whoami() == "demo-east-1-tutor"
    _, record = await district["east-1-organizer"].get("/api/v1/audit", person="demo-east-1-tutor")
    assert [each["deed"] for each in record["deeds"][:2]] == ["signed-in", "account-linked"]
    assert record["deeds"][0]["body"]["way"] == "openid"
    # Another address there; the subject is the same.
    await browser.is_there("u-1", claims={"email": "other@example.org", "email_verified": True})
    assert await browser.sign_in("u-1") == "/me"
    # Somebody else with that address is not let in.
    await browser.is_there("u-2", claims=verified)
    assert await browser.sign_in("u-2") == "/sign-in?refused=unknown"


async def test_who_shows_it_anew_there(district: Any, browser: Browser) -> None:
    """What gives power or a way in asks for it, however long ago the issuer was shown a password."""
    await browser.is_there("u-1", claims={"email": "tutor@example.org", "email_verified": True})
    assert await browser.sign_in("u-1") == "/me"
    (other,) = [
        each["id"]
        for each in (await district["east-1-tutor"].get("/api/v1/sign-ins"))[1]["sign_ins"]
        if each["this"]
    ]
    assert await browser.end(other) == 403
    asked = parse_qs(urlsplit(await browser.begin(again="true")).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert await browser.sign_in("u-1", again="true", to="/places") == "/places"
    assert await browser.end(other) == 204
    # An issuer that lets them pass without is not believed.
    silent = (await browser.begin(again="true")).replace("prompt=login&", "")
    assert await browser.step(await browser.step(f"{silent}&as=u-1")) == "/sign-in?refused=refused"


async def test_out_here_and_there(district: Any, browser: Browser) -> None:
    """Signing out here goes on to the issuer, which is shown the id token and signs out by the back."""
    other = Browser(browser.door, browser.issuer)
    await browser.registers()
    await browser.is_there("u-1", claims={"email": "tutor@example.org", "email_verified": True})
    assert await browser.sign_in("u-1") == await other.sign_in("u-1") == "/me"
    then = await browser.out()
    assert then.startswith(f"{browser.issuer}/out?") and await browser.whoami() == ""
    assert (await browser.step(then)).endswith("/sign-in")
    # It named that session alone; signed out there, all are, and who came by password is not.
    assert await other.whoami() == "demo-east-1-tutor"
    assert await other.out_there("u-1") == 200 and await other.whoami() == ""
    assert (await district["east-1-tutor"].get("/api/v1/whoami"))[0] == 200
    _, record = await district["east-1-organizer"].get("/api/v1/audit", person="demo-east-1-tutor")
    assert record["deeds"][0]["deed"] == "signed-out-by-issuer"
    # Nobody is signed in: done already. And one that is gone is told of.
    assert await other.out_there("u-1") == await other.out_there("u-nobody") == 200
    assert await other.sign_in("u-1") == "/me"
    issuer = browser.door.app[openid_http.ISSUER]
    issuer._config = msgspec.structs.replace(issuer._config, openid_issuer="http://127.0.0.1:1")
    issuer._kept = None
    assert await other.out() == "/sign-in?refused=here" and await other.whoami() == ""
    await other.http.close()


async def test_logout_tokens_that_are_not_believed(browser: Browser) -> None:
    await browser.registers()
    await browser.is_there("u-1", claims={"email": "tutor@example.org", "email_verified": True})
    assert await browser.sign_in("u-1") == "/me"
    for lie in ({"aud": "other"}, {"nonce": "n"}, {"events": {}}, {"iss": "https://id.example.org"}):
        await browser.registers(**lie)
        assert await browser.out_there("u-1") == 400, lie
    url = browser.door.url("/api/v1/sign-out/openid")
    for sent, status in (
        ({"data": {"logout_token": "a.b.c"}}, 400),
        ({"data": {"token": "x"}}, 400),
        ({"json": {"logout_token": "a.b.c"}}, 415),
        ({"data": {"logout_token": "x" * 40_000}}, 413),
    ):
        async with browser.http.post(url, **sent) as response:
            assert response.status == status, sent
    assert await browser.whoami() == "demo-east-1-tutor"
    # Each counts once.
    await browser.registers(jti="the same")
    assert (await browser.out_there("u-1"), await browser.out_there("u-1")) == (200, 400)


async def test_who_is_nobody_here(browser: Browser) -> None:
    for subject, claims in (
        ("u-3", {"email": "tutor@example.org"}),
        ("u-4", {"email": "tutor@example.org", "email_verified": False}),
        ("u-5", {"email": "both@example.org", "email_verified": True}),
        ("u-6", {"email": "nobody@example.org", "email_verified": True}),
        ("u-7", {}),
    ):
        await browser.is_there(subject, claims=claims)
        assert await browser.sign_in(subject) == "/sign-in?refused=unknown", subject
    assert await browser.whoami() == ""
    assert await browser.sign_in("nobody-there") == "/sign-in?refused=refused"


async def test_told_by_the_user_info_alone_and_with_new_keys(browser: Browser) -> None:
    loop = asyncio.get_running_loop()
    browser.door.app[openid_http.ISSUER]._kept = None
    await browser.is_there("u-8", shown_late={"email": "tutor@example.org", "email_verified": True})
    assert await browser.sign_in("u-8") == "/me"
    async with browser.http.post(f"{browser.issuer}/rotate") as response:
        assert response.status == 204
    # The keys are asked for anew, but not by everybody who makes a name up.
    assert await browser.sign_in("u-8") == "/sign-in?refused=refused"
    issuer = browser.door.app[openid_http.ISSUER]
    issuer._kept = openid._Kept(
        issuer._kept.metadata, issuer._kept.keys, loop.time() - openid.KEYS_AGAIN_S - 1
    )
    assert await browser.sign_in("u-8") == "/me"
    assert await browser.whoami() == "demo-east-1-tutor"


async def test_an_answer_counts_once_and_for_who_asked(browser: Browser, district: Any) -> None:
    await browser.is_there("u-9", claims={"email": "tutor@example.org", "email_verified": True})
    answer = await browser.back("u-9")
    other = Browser(browser.door, browser.issuer)
    # Sent to somebody else, it signs nobody in (and is not used up by it).
    assert await other.step(answer) == "/sign-in?refused=over"
    forged = answer.replace("state=", "state=x")
    kept = {each.key: each.value for each in browser.http.cookie_jar}
    assert await browser.step(forged) == "/sign-in?refused=over"
    browser.http.cookie_jar.update_cookies(kept, response_url=URL(browser.door.url("/")))
    assert await browser.step(answer) == "/me"
    browser.http.cookie_jar.update_cookies(kept, response_url=URL(browser.door.url("/")))
    assert await browser.step(answer) == "/sign-in?refused=over"
    # The code of one sign-in under the state of another: PKCE and nonce hold them apart.
    stolen = parse_qs(urlsplit(await other.back("u-9")).query)["code"][0]
    own = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    mixed = browser.door.url(WAY + "/callback") + f"?code={stolen}&state={own}"
    assert await browser.step(mixed) == "/sign-in?refused=refused"
    await other.http.close()


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
async def test_only_to_pages_of_ours(browser: Browser, to: str) -> None:
    async with browser.http.get(browser.door.url(WAY), params={"to": to}, allow_redirects=False) as response:
        assert response.status == (303 if to == "//evil.example" else 400)


async def test_an_issuer_that_lies(browser: Browser, liar: Liar) -> None:
    """Each answer is one that a real one never gives; nobody is signed in, and nothing is written."""
    issuer = browser.door.app[openid_http.ISSUER]
    good = {"email": "tutor@example.org", "email_verified": True}
    now = int(time.time())
    for lie, kind in (
        ({"aud": "other"}, "refused"),
        ({"iss": "https://id.example.org"}, "refused"),
        ({"nonce": "another"}, "refused"),
        ({"exp": now - 600, "iat": now - 900}, "refused"),
        ({"sub": ""}, "refused"),
        ({"azp": "other"}, "refused"),
    ):
        liar.claims = good | lie
        assert await browser.lied_to(liar) == f"/sign-in?refused={kind}", lie
    liar.claims = good
    assert await browser.lied_to(liar, iss="https://id.example.org") == "/sign-in?refused=refused"
    assert await browser.lied_to(liar, error="access_denied", code="") == "/sign-in?refused=refused"
    for token, status, kind in (
        ({"access_token": "a"}, 200, "away"),
        ("text", 200, "away"),
        ({"id_token": "x" * 300_000}, 200, "away"),
        ({"id_token": "a.b.c"}, 200, "refused"),
        ({"error": "invalid_grant"}, 400, "refused"),
        ({"error": "sorry"}, 503, "away"),
        ({"id_token": "a.b.c"}, 302, "away"),
    ):
        liar.token, liar.status = token, status
        assert await browser.lied_to(liar) == f"/sign-in?refused={kind}", token
    liar.token, liar.status = None, 200
    for lie in (
        {"issuer": "https://id.example.org"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"code_challenge_methods_supported": ["plain"]},
        {"jwks_uri": 5},
    ):
        liar.metadata, issuer._kept, issuer._failed = lie, None, None
        assert await browser.begin() == "/sign-in?refused=away", lie
    # Who comes right after is told at once, and it is not asked.
    asked = len(liar.asked)
    assert await browser.begin() == "/sign-in?refused=away" and len(liar.asked) == asked
    assert await browser.whoami() == ""
    liar.metadata, issuer._failed = {}, None
    assert await browser.lied_to(liar) == "/me"
    assert await browser.whoami() == "demo-east-1-tutor"
    # Gone altogether.
    issuer._kept = issuer._failed = None
    issuer._config = msgspec.structs.replace(issuer._config, openid_issuer="http://127.0.0.1:1")
    assert await browser.begin() == "/sign-in?refused=away"
