"""A file on its way is cut off when whoever gets it may not have it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from signaling import partial_content
from signaling.partial_content import AllowedFile, while_allowed

SAFETY_S = 30
BYTES = 64 * 1024 * 1024
"""More than sockets hold for a reader who waits."""

ALLOWED: web.AppKey[asyncio.Event] = web.AppKey("allowed", asyncio.Event)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> web.Application:
    monkeypatch.setattr(partial_content, "LOOK_S", 0.01)
    allowed = asyncio.Event()
    allowed.set()

    async def stands() -> bool:
        return allowed.is_set()

    async def laid_out(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = BYTES
        async with while_allowed(request, stands):
            await response.prepare(request)
            while True:
                await response.write(bytes(65_536))

    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(BYTES)

    async def written(_: web.Request) -> web.StreamResponse:
        return AllowedFile(path, stands, {})

    made = web.Application()
    made[ALLOWED] = allowed
    made.router.add_get("/laid-out", laid_out)
    made.router.add_get("/written", written)
    return made


@pytest.mark.parametrize("path", ["/laid-out", "/written"])
async def test_it_is_cut_off(aiohttp_client: Callable[..., Any], app: web.Application, path: str) -> None:
    client = await aiohttp_client(app)
    answer = await client.get(path)
    assert answer.status == 200
    await answer.content.readexactly(1000)
    app[ALLOWED].clear()
    async with asyncio.timeout(SAFETY_S):
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_file_that_stays_allowed_comes_whole(
    aiohttp_client: Callable[..., Any], app: web.Application
) -> None:
    client = await aiohttp_client(app)
    answer = await client.get("/written", headers={"Range": "bytes=5-1004"})
    assert (answer.status, len(await answer.read())) == (206, 1000)
