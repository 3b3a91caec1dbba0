"""`python -m load_tests.layer_switch`: how long a layer that was switched off takes to come back.

The server runs in this process, a teacher's page in a real Chromium sends its camera in three layers, a bot
watches. While the bot wants the lowest layer, the page is told by `publish.layers` to stop the others. Then
the highest is wanted, and the clock runs until the first packet of its key picture has gone to the bot:
WebSocket, the page, its encoder, and the way back. Needs Chromium.

A layer is left on for 5 s after its last subscriber; here that is shorter, as it is not what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.async_api import async_playwright

from classroom.model import Lesson, LessonId
from sfu import layer_demand
from signaling import keys
from signaling.app import Server, running
from signaling.auth import Tokens
from signaling.config import Config

from .bot import Subscriber
from .dtls import Identity
from .seed import seed
from .sink import Sink
from .statistics import Percentiles
from .thin_link import CHROMIUM, FLAGS
from .tokens import issuer
from .whip import WhipClient

if TYPE_CHECKING:
    from sfu.sfu import Sfu
    from sfu.transport import Subscription

LESSON = LessonId("switching")
PATIENCE_S = 20.0
LOOK_S = 0.001
OFF_AFTER_S = 0.5
TOP = 2


@asynccontextmanager
async def watched(directory: Path) -> AsyncIterator[tuple[Sfu, Subscription]]:
    """A page that sends, a bot that watches: the bot's picture."""
    await seed(directory, [Lesson(LESSON, LESSON, recorded=False)])
    async with running(Config(port=0, media_port=0, data=directory)) as server:
        url = f"http://127.0.0.1:{server.port}"
        token = issuer(Tokens.open(directory), LESSON)
        async with async_playwright() as playwright, WhipClient(url) as door:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
            page = await (await browser.new_context(permissions=["camera", "microphone"])).new_page()
            await page.goto(f"{url}/join#token={token('master', 0, LESSON)}")
            await page.get_by_test_id("join-check").click()
            await page.get_by_test_id("join-start").click()
            bot = Subscriber(Identity(), Sink(1), token("supervisor", 1, LESSON))
            await _until(lambda: _camera(server))
            await bot.join(door, LESSON)
            yield server.app[keys.SFU], _picture(server)
            await bot.leave(door)
            await browser.close()


def _camera(server: Server) -> bool:
    """Whether it is on the air."""
    lives = server.app[keys.PUBLICATIONS].of_lesson(LESSON)
    return any(live.source == "camera" and live.publication.started for live in lives)


def _picture(server: Server) -> Subscription:
    lives = server.app[keys.PUBLICATIONS].of_lesson(LESSON)
    (camera,) = (live.publication for live in lives if live.source == "camera")
    return next(iter(camera.subscriptions.values()))


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if holds():
                return
            await asyncio.sleep(LOOK_S)


async def switches(sfu: Sfu, picture: Subscription, count: int) -> list[float]:
    """Milliseconds from the wish to the first packet of the highest layer."""

    def layer() -> int:
        found: int = sfu.engine.subscription_stats(picture.id)["layer"]
        return found

    def silent() -> bool:
        layers = sfu.engine.publication_stats(picture.publication.id)["layers"]
        return not any(each["active"] for each in layers[1:])

    took = []
    await _until(lambda: layer() == TOP)
    for _ in range(count):
        picture.want_layer(0)
        await _until(lambda: layer() == 0 and silent())
        begin = time.perf_counter()
        picture.want_layer(None)
        await _until(lambda: layer() == TOP)
        took.append((time.perf_counter() - begin) * 1e3)
    return took


async def measure(count: int) -> None:
    layer_demand.OFF_AFTER_S = OFF_AFTER_S
    with tempfile.TemporaryDirectory(prefix="tongke-switch-") as directory:
        async with watched(Path(directory)) as (sfu, picture):
            took = await switches(sfu, picture, count)
    found = Percentiles.of(np.array(took))
    words = f"p50 {found.p50:.0f}, p95 {found.p95:.0f}, p99 {found.p99:.0f}, most {found.most:.0f} ms"
    print(f"{found.count} switches: {words}")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.layer_switch", description=__doc__)
    parser.add_argument("--switches", type=int, default=20, metavar="N")
    asyncio.run(measure(parser.parse_args(arguments).switches))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
