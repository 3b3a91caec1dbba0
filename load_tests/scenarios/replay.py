"""How soon a recorded lesson plays: its playlist, its one file, the first picture and a seek in Chromium.

The item is generated, eight hours long unless told otherwise. `cold` is the first request since the server
started.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from signaling.auth import Tokens

from ..figures import Figure, Report
from ..long_item import write_long_item
from ..report import machine
from ..server import ServerProcess
from ..target import ScenarioFailed

CHROMIUM = "/usr/bin/chromium"
ITEM, LESSON = "long-1", "demo"
PATIENCE_S = 120.0
"""For all that Chromium is asked to do."""
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
"""Seconds between what a person does and a picture that moves, by the browser's own clock."""
STARTED = """() => new Promise((resolve) => {
  const look = () => {
    const video = document.querySelector('[data-testid=player-video]')
    if (!video) return requestAnimationFrame(look)
    video.muted = true
    video.requestVideoFrameCallback((now) => resolve(now))
    void video.play().catch(() => undefined)
  }
  look()
})"""
SEEK = """(seconds) => new Promise((resolve) => {
  const video = document.querySelector('[data-testid=player-video]')
  const began = performance.now()
  const look = (now, meta) => {
    if (Math.abs(meta.mediaTime - seconds) < 2) resolve(performance.now() - began)
    else video.requestVideoFrameCallback(look)
  }
  video.requestVideoFrameCallback(look)
  video.currentTime = seconds
})"""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    hours: float = 8.0
    seeks: int = 7


async def replay(options: ReplayOptions) -> Report:
    """Raises ServerDidNotStart, ScenarioFailed, OSError."""
    seconds = int(options.hours * 3600)
    with tempfile.TemporaryDirectory(prefix="tongke-") as folder:
        data = Path(folder)
        await asyncio.to_thread(write_long_item, data, ITEM, LESSON, seconds)
        async with ServerProcess(data=data) as server:
            token = Tokens.open(data).issue(
                person="o", role="organizer", lesson=LESSON, now=time.time(), ttl_s=3600
            )
            figures = await _over_http(server.url, token)
            figures += await _in_time(_in_chromium(server.url, token, seconds, options.seeks))
            return Report(
                scenario="replay",
                title=f"a recorded lesson of {options.hours:g} hours",
                machine=machine(),
                figures=tuple(figures),
            )


async def _in_time(watching: Coroutine[Any, Any, list[Figure]]) -> list[Figure]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await watching
    except TimeoutError:
        raise ScenarioFailed(f"the page showed no picture within {PATIENCE_S:.0f} s") from None


async def _over_http(url: str, token: str) -> list[Figure]:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(headers=headers, auto_decompress=False) as http:

        async def timed(name: str, **more: str) -> tuple[float, int]:
            """(milliseconds, bytes in all)."""
            began = time.perf_counter()
            async with http.get(f"{url}/media/{ITEM}/{name}", headers=more) as answer:
                if answer.status not in (200, 206):
                    raise ScenarioFailed(f"{name} was answered with {answer.status}")
                size = len(await answer.read())
                told = answer.headers.get("Content-Range", "").rpartition("/")[2]
            return (time.perf_counter() - began) * 1000, int(told or size)

        first, _ = await timed("index.m3u8")
        playlist, size = await timed("t0.m3u8")
        again = [(await timed("t0.m3u8"))[0] for _ in range(20)]
        one_file, length = await timed("lesson.mp4", Range="bytes=0-1023")
        places = [length * tenth // 10 for tenth in (5, 8, 2)]
        middle = [(await timed("lesson.mp4", Range=f"bytes={at}-{at + 99_999}"))[0] for at in places]
    return [
        Figure("open_ms", "item opened, cold", first, "ms"),
        Figure("playlist_first_ms", "  its playlist then", playlist, "ms"),
        Figure("playlist_ms", "  its playlist, median of 20", statistics.median(again), "ms"),
        Figure("playlist_bytes", "  its size, packed", size, "B"),
        Figure("file_start_ms", "lesson.mp4, first kilobyte, cold", one_file, "ms"),
        Figure("file_range_ms", "  100 kB from the middle, median", statistics.median(middle), "ms"),
    ]


async def _in_chromium(url: str, token: str, seconds: int, seeks: int) -> list[Figure]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        await page.goto(f"{url}/join#token={token}")
        starts = []
        for _ in range(3):
            await page.goto(f"{url}/library/{ITEM}")
            starts.append(float(await page.evaluate(STARTED)))
        found = []
        for number in range(seeks):
            at = seconds * (number * 5 % seeks + 0.5) / seeks
            found.append(float(await page.evaluate(SEEK, at)))
        await browser.close()
    return [
        Figure(
            "start_ms", "first picture after the page is opened, median of 3", statistics.median(starts), "ms"
        ),
        Figure("seek_ms", "first picture after a seek, median", statistics.median(found), "ms"),
        Figure("seek_worst_ms", "  the slowest", max(found), "ms"),
    ]
