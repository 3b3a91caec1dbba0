"""The real nginx in front of a live lesson, with the configuration of docs/nginx: many viewers are one
request at the server, and each of them is asked for their right."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import aiohttp
import m3u8
import pytest
from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from load_tests.scenarios.audience import CONFIGURATION, NGINX, configuration
from load_tests.server import free_port
from recorder.library import Library
from signaling import http
from signaling.media_access import MediaGrant
from signaling.media_http import add_media_routes
from signaling.problems import Problem

VIEWERS = 40
PATIENCE_S = 30


class Origin:
    """The server behind nginx: what it was asked, and who is let in."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.denied: set[str] = set()
        self.changed = asyncio.Condition()

    async def until_asked(self, name: str, times: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.asked[name] >= times)

    async def authorise(self, request, item, purpose="play"):
        async with self.changed:
            self.asked[request.path.rpartition("/")[2]] += 1
            self.changed.notify_all()
        token = request.query.get("t", "")
        who = token or request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not who or who in self.denied:
            raise Problem("item-not-allowed", item=item)
        return MediaGrant(item, Viewer(who, Role.STUDENT, "demo"), Right.LESSON, until=0, token=token)


@pytest.fixture
async def origin(aiohttp_server, tmp_path):
    made = Origin()
    app = web.Application(middlewares=[http.language, http.problems])
    add_media_routes(app, Library(tmp_path), made.authorise)
    made.port = (await aiohttp_server(app)).port
    return made


@pytest.fixture
async def front(origin, tmp_path):
    (tmp_path / "cache").mkdir()
    port = free_port()
    path = tmp_path / "nginx.conf"
    path.write_text(configuration(CONFIGURATION.read_text(), tmp_path, origin.port, port))
    process = await asyncio.create_subprocess_exec(NGINX, "-p", str(tmp_path), "-c", str(path))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await listening(port):
                assert process.returncode is None, (tmp_path / "error.log").read_text()
        yield f"http://127.0.0.1:{port}/media"
    finally:
        process.terminate()
        await process.wait()


async def listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


def bearer(number: object) -> dict[str, str]:
    return {"Authorization": f"Bearer viewer-{number}"}


async def text_of(session, url, **options) -> str:
    async with session.get(url, **options) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def test_many_viewers_of_one_lesson_are_one_request_each_time(origin, front, tmp_path, record):
    lesson = record(tmp_path, "live-1", "live", ended=False, seconds=3)
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        found = m3u8.loads(await text_of(session, f"{front}/live-1/t0.m3u8", headers=bearer(0)))
        segment, part = len([s for s in found.segments if s.uri]), len(found.segments[-1].parts)
        waited = f"{front}/live-1/t0.m3u8?_HLS_msn={segment}&_HLS_part={part}"
        hinted = f"{front}/live-1/{found.preload_hint.uri}"
        asking = [
            asyncio.ensure_future(text_of(session, waited, headers=bearer(number)))
            for number in range(VIEWERS)
        ]
        fetching = [
            asyncio.ensure_future(session.get(hinted, headers=bearer(number))) for number in range(VIEWERS)
        ]
        await origin.until_asked("access", VIEWERS)
        lesson.grow()
        texts = set(await asyncio.gather(*asking))
        parts = {await answer.read() for answer in await asyncio.gather(*fetching)}
    assert len(texts) == 1 and found.preload_hint.uri in texts.pop()
    assert len(parts) == 1 and lesson.data.endswith(parts.pop())
    assert origin.asked["t0.m3u8"] == 2  # the first look, and one that waited for all
    assert origin.asked[found.preload_hint.uri] == 1
    assert origin.asked["access"] == VIEWERS  # each asked once; believed for a while


async def test_what_is_in_the_cache_is_for_those_only_who_may(origin, front, tmp_path, record):
    record(tmp_path, "demo-1", "demo", ended=True)
    origin.denied = {"viewer-2"}
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        found = m3u8.loads(await text_of(session, f"{front}/demo-1/t0.m3u8", headers=bearer(1)))
        address = f"{front}/demo-1/{found.segments[0].uri}"
        for _ in range(2):
            async with session.get(address, headers=bearer(1)) as answer:
                assert answer.status == 200
                state, part = answer.headers["X-Cache"], {**bearer(1), "Range": "bytes=4-7"}
        assert state == "HIT"
        async with session.get(address, headers=part) as answer:
            assert (answer.status, await answer.read()) == (206, b"moof")
        for refused in (bearer(2), {}):
            async with session.get(address, headers=refused) as answer:
                assert answer.status == 403
        async with session.get(f"{address}?t=viewer-3") as answer:
            assert (answer.status, answer.headers["X-Cache"]) == (200, "HIT")


async def test_a_playlist_with_somebodys_token_is_theirs_alone(origin, front, tmp_path, record):
    record(tmp_path, "demo-1", "demo", ended=True)
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        for who in ("a.b", "c.d"):
            for name in ("index.m3u8", "t0.m3u8"):
                text = await text_of(session, f"{front}/demo-1/{name}?t={who}")
                assert set(re.findall(r"t=(\w\.\w)", text)) == {who}
        assert "t=" not in await text_of(session, f"{front}/demo-1/t0.m3u8", headers=bearer(1))
