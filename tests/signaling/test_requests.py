"""Bodies and query strings as checked values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from signaling import http
from signaling.requests import body, query


class Order(msgspec.Struct, frozen=True):
    count: int
    size: float = 1.5
    parts: list[int] = []


@pytest.fixture
async def client(aiohttp_client: Any) -> TestClient[Any, Any]:
    async def answer(request: web.Request) -> web.Response:
        order = await body(request, Order) if request.method == "POST" else query(request, Order)
        return web.json_response(msgspec.to_builtins(order))

    app = web.Application(middlewares=[http.language, http.problems], client_max_size=1000)
    app.router.add_route("*", "/", answer)
    client: TestClient[Any, Any] = await aiohttp_client(app)
    return client


async def post(client: TestClient[Any, Any], data: bytes, content_type: str = "application/json") -> Any:
    response = await client.post("/", data=data, headers={"Content-Type": content_type})
    return await response.json(content_type=None) if response.status == 200 else response.status


@pytest.mark.parametrize("number", [b"5", b"5.0", b"5e0", b"50.0e-1"])
async def test_a_whole_number_is_one_however_it_is_written(client: Any, number: bytes) -> None:
    sent = b'{"count": %b, "size": 2.5, "parts": [%b]}' % (number, number)
    assert await post(client, sent) == {"count": 5, "size": 2.5, "parts": [5]}


@pytest.mark.parametrize(
    "data",
    [
        b'{"count": 5.5}',
        b'{"count": "5"}',
        b'{"count": true}',
        b"[]",
        b"{",
        b"",
        b"\xff",
        b"[" * 900,
        b"1e999",
    ],
)
async def test_what_does_not_fit(client: Any, data: bytes) -> None:
    assert await post(client, data) == 400


async def test_what_is_no_json_or_too_large(client: Any) -> None:
    assert await post(client, b"{}", "text/plain") == 415
    assert await post(client, b'{"count": 1, "x": "' + b"x" * 1000 + b'"}') == 413


async def test_query_strings(client: Any) -> None:
    response = await client.get("/?count=5&size=2&other=x&count=6")
    assert await response.json() == {"count": 5, "size": 2.0, "parts": []}
    for odd in ("", "?count=x", "?count=5.5", "?count="):
        assert (await client.get(f"/{odd}")).status == 400
