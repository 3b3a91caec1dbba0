"""Webhooks set up over HTTP, and told by HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from signaling.webhook_signature import new_secret, verify

PATH = "/api/v1/webhooks/school"


class Receiver:
    """A school's platform."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.status = 204
        app = web.Application()
        app.router.add_post("/events", self._take)
        app.router.add_post("/elsewhere", self._move)
        self.server = TestServer(app)

    def url(self, path: str = "/events") -> str:
        return str(self.server.make_url(path))

    async def _take(self, request: web.Request) -> web.Response:
        await self.requests.put((dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    async def _move(self, _request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/events")

    async def heard(self) -> tuple[dict[str, str], bytes]:
        async with asyncio.timeout(30):
            return await self.requests.get()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.server.start_server()
    yield receiver
    await receiver.server.close()


async def ask(door: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {door.token('organizer')}", "Accept-Language": "en"}
    options = {} if body is None else {"json": body}
    async with door.http.request(method, door.url(path), headers=headers, **options) as response:
        return response.status, await response.json(content_type=None) if response.status != 204 else None


async def test_set_up_read_and_deleted(door: Any) -> None:
    status, made = await ask(door, "PUT", PATH, {"url": "https://school.example/e", "lesson": "demo"})
    assert status == 201
    assert made["secret"].startswith("whsec_")
    status, again = await ask(door, "PUT", PATH, {"url": "https://school.example/f"})
    assert (status, again["secret"], again["lesson"]) == (200, made["secret"], "")
    given = new_secret()
    _, third = await ask(door, "PUT", PATH, {"url": "http://x", "secret": given, "kinds": ["person.left"]})
    assert (third["secret"], third["kinds"]) == (given, ["person.left"])
    status, found = await ask(door, "GET", PATH)
    assert (status, found["url"], "secret" in found) == (200, "http://x", False)
    assert (await ask(door, "GET", "/api/v1/webhooks"))[1] == {"webhooks": [found]}
    assert (await ask(door, "DELETE", PATH))[0] == 204
    assert (await ask(door, "DELETE", PATH))[0] == 404
    assert (await ask(door, "GET", PATH))[0] == 404


@pytest.mark.parametrize(
    ("plan", "status"),
    [
        ({}, 400),
        ({"url": "ftp://x"}, 422),
        ({"url": "http://"}, 422),
        ({"url": "http://x:99999"}, 422),
        ({"url": "http://[x"}, 422),
        ({"url": "http://x/\n"}, 422),
        ({"url": "http://10.0.0.1/"}, 422),
        ({"url": "http://169.254.169.254/latest/meta-data"}, 422),
        ({"url": "http://[::ffff:10.0.0.1]/"}, 422),
        ({"url": "http://x", "kinds": ["person.sneezed"]}, 422),
        ({"url": "http://x", "secret": "whsec_short"}, 422),
        ({"url": "http://x", "color": 1}, 400),
    ],
)
async def test_what_cannot_be(door: Any, plan: Any, status: int) -> None:
    told, problem = await ask(door, "PUT", PATH, plan)
    assert told == status
    assert problem["detail"]
    assert (await ask(door, "GET", PATH))[0] == 404


async def test_there_are_not_too_many(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.webhook_http.MAX_WEBHOOKS", 1)
    assert (await ask(door, "PUT", PATH, {"url": "http://x"}))[0] == 201
    assert (await ask(door, "PUT", PATH + "2", {"url": "http://x"}))[0] == 422
    assert (await ask(door, "PUT", PATH, {"url": "http://y"}))[0] == 200


async def test_told_of_a_lesson_with_a_signature(door: Any, receiver: Receiver) -> None:
    _, made = await ask(door, "PUT", PATH, {"url": receiver.url()})
    master = await door.join("master")
    await master.say("lesson.start")
    kinds: list[str] = []
    while "lesson.state" not in kinds[2:]:
        headers, body = await receiver.heard()
        stamp = headers["webhook-timestamp"]
        assert verify(
            *(made["secret"], headers["webhook-id"], stamp, headers["webhook-signature"], body, int(stamp))
        )
        message = msgspec.json.decode(body)
        assert (message["webhook"], message["lesson"]) == ("school", "demo")
        kinds += [event["kind"] for event in message["events"]]
    assert kinds[:3] == ["person.joined", "lesson.state", "lesson.state"]


async def test_a_redirect_is_not_followed(door: Any, receiver: Receiver, until: Any) -> None:
    await ask(door, "PUT", PATH, {"url": receiver.url("/elsewhere")})
    await door.join("master")
    found: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while not found.get("error"):
            _, found = await ask(door, "GET", PATH)
    assert (found["error"], found["attempts"], found["waiting"]) == ("HTTP 307", 1, 2)
    assert receiver.requests.empty()


async def test_nobody_there(door: Any, free_port: Any) -> None:
    await ask(door, "PUT", PATH, {"url": f"http://127.0.0.1:{free_port()}/"})
    await door.join("master")
    found: dict[str, Any] = {}
    async with asyncio.timeout(30):
        while not found.get("error"):
            _, found = await ask(door, "GET", PATH)
    assert found["next_attempt_ms"] > 0
    async with door.http.get(door.url("/metrics")) as response:
        assert 'tongke_webhooks_total{result="failed"} 1.0' in await response.text()
