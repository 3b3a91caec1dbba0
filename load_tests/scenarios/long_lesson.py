"""What a lesson of many hours costs in memory and in playlists while it goes on: the recorder's process and
the server's side of one live item, looked at after the first hour and after the last.

The recorder's parts run on a clock of their own (`long_feed`), so eight hours take minutes. The server's side
is the real one (`media_http` over `recorder.live`), following the item's files as they grow; only who may see
it is not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from classroom.library.rules import Right, Viewer
from classroom.model import Role
from recorder.library import Library
from signaling.keys import OPEN_ITEMS
from signaling.media_access import MediaGrant
from signaling.media_http import add_media_routes
from signaling.media_token import Purpose

from ..figures import Figure, Report
from ..process import memory
from ..report import machine
from ..target import ScenarioFailed

ITEM, LESSON = "long-1", "demo"
REQUESTS = 20
FOLLOWED_S = 120
"""For the server's side to have read what was recorded in an hour."""
SLACK_US = 15_000_000
"""What of an hour is still held back, and what the one file of a live item leaves out at its end."""


@dataclass(frozen=True, slots=True)
class LongOptions:
    hours: int = 8


@dataclass(frozen=True, slots=True)
class _Hour:
    recorder_octets: int
    server_octets: int
    playlist_ms: float
    """Median, as it is now, whole."""
    first_ms: float
    """Of the first request after the hour."""
    update_ms: float
    """Median of a delta update."""
    playlist_octets: int


async def long_lesson(options: LongOptions) -> Report:
    """Raises ScenarioFailed, OSError."""
    with tempfile.TemporaryDirectory(prefix="tongke-") as folder:
        data = Path(folder)
        (data / "library").mkdir()
        async with _server(data) as url, _recorder(data, options.hours) as recorder:
            hours = [await _hour(url, recorder) for _ in range(options.hours)]
        async with _server(data) as url:
            opened, playlist = await _cold(url)
    first, last = hours[0], hours[-1]
    return Report(
        scenario="long-lesson",
        title=f"a live lesson of {options.hours} hours, on a clock of its own",
        machine=machine(),
        figures=(
            *_both("recorder_mb", "recorder's process", first.recorder_octets, last.recorder_octets),
            *_both("server_mb", "server's side of the item", first.server_octets, last.server_octets),
            Figure("playlist_1h_ms", "live playlist that has grown, after 1 h", first.first_ms, "ms"),
            Figure("playlist_first_ms", "  at the end", last.first_ms, "ms"),
            Figure("playlist_worst_ms", "  the slowest of all hours", max(h.first_ms for h in hours), "ms"),
            Figure("playlist_ms", "  again, at the end, median of 20", last.playlist_ms, "ms"),
            Figure("update_ms", "  its delta update, median of 20", last.update_ms, "ms"),
            Figure("playlist_kb", "  its size, packed", last.playlist_octets / 1e3, "kB"),
            Figure("open_ms", "item opened, cold", opened, "ms"),
            Figure("cold_playlist_ms", "  its playlist then", playlist, "ms"),
        ),
    )


def _both(name: str, words: str, first: int, last: int) -> tuple[Figure, Figure]:
    return (
        Figure(f"{name}_1h", f"{words}, memory after 1 h", first / 1e6, "MB"),
        Figure(name, "  at the end", last / 1e6, "MB"),
    )


@contextlib.asynccontextmanager
async def _server(data: Path) -> AsyncIterator[str]:
    async def everybody(_request: web.Request, item: str, _purpose: Purpose) -> MediaGrant:
        return MediaGrant(item, Viewer("o", Role.ORGANIZER, LESSON), Right.ORGANIZER, until=1 << 40)

    app = web.Application()
    add_media_routes(app, Library(data), everybody)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await app[OPEN_ITEMS].close()
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _recorder(data: Path, hours: int) -> AsyncIterator[asyncio.subprocess.Process]:
    words = ("-m", "load_tests.long_feed", str(data), ITEM, LESSON, str(hours))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
        await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _hour(url: str, recorder: asyncio.subprocess.Process) -> _Hour:
    assert recorder.stdin is not None and recorder.stdout is not None
    line = await recorder.stdout.readline()
    if not line:
        raise ScenarioFailed("the recorder ended")
    told = json.loads(line)
    if told["refused"]:
        raise ScenarioFailed(f"the spool refused {told['refused']} fragments")
    found = await _look(url, told["hour"], told["rss_octets"])
    recorder.stdin.write(b"\n")
    return found


async def _look(url: str, hour: int, recorder_octets: int) -> _Hour:
    headers = {"Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(url, headers=headers, auto_decompress=False) as http:
        async with asyncio.timeout(FOLLOWED_S):
            while await _recorded_us(http) < hour * 3_600_000_000 - SLACK_US:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        first, size = await _timed(http, "t0.m3u8")
        whole = [(await _timed(http, "t0.m3u8"))[0] for _ in range(REQUESTS)]
        updates = [(await _timed(http, "t0.m3u8?_HLS_skip=YES"))[0] for _ in range(REQUESTS)]
    return _Hour(
        recorder_octets,
        memory(os.getpid()).rss_octets,
        statistics.median(whole),
        first,
        statistics.median(updates),
        size,
    )


async def _recorded_us(http: aiohttp.ClientSession) -> int:
    """How far the server's side has come: the download of a live item says it in its address."""
    async with http.get(f"/media/{ITEM}/lesson.mp4", allow_redirects=False) as answer:
        _, _, until_us = answer.headers.get("Location", "").partition("until=")
    return int(until_us or 0)


async def _timed(http: aiohttp.ClientSession, name: str) -> tuple[float, int]:
    """(milliseconds, bytes)"""
    began = time.perf_counter()
    async with http.get(f"/media/{ITEM}/{name}") as answer:
        size = len(await answer.read())
        if answer.status != 200:
            raise ScenarioFailed(f"{name} was answered with {answer.status}")
    return (time.perf_counter() - began) * 1000, size


async def _cold(url: str) -> tuple[float, float]:
    headers = {"Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(url, headers=headers, auto_decompress=False) as http:
        opened, _ = await _timed(http, "index.m3u8")
        playlist, _ = await _timed(http, "t0.m3u8")
    return opened, playlist
