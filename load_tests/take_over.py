"""`python -m load_tests.take_over`: how long a class is left alone when its master's link breaks.

Real Chromium: a master behind a `Cable`, the tutor and a pupil of a class at home on good lines. Again and
again the cable is cut (HTTP, the WebSocket, the media) and mended. The pupil's page watches itself, frame by
frame:

- `words`: from the cut until the words of the take-over stand over the master's last picture;
- `tutor`: from the cut until the tutor's picture is the large one, and moves;
- `back`: from the mending until the master's picture moves again, and the held one is gone;
- `dark`: how long, from cut to back, there was neither a picture nor words: never, if all is well.

All run on this machine, so their clocks are one. Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from classroom.store import demo
from signaling.auth import Tokens

from .cable import Cable
from .report import Machine, machine, plain, where
from .server import ServerProcess
from .statistics import Percentiles
from .thin_link import CHROMIUM, FLAGS

PATIENCE_MS = 60_000
"""For one milestone."""
STEADY_S = 3.0
"""Before each cut: the picture runs, and nothing of the one before is left."""
AWAY_S = 5.0
"""How long the cable stays cut: longer than a class waits, shorter than anybody is forgotten."""
WATCH = """(() => {
  const of = (id) => document.querySelector(`[data-testid=${id}]`)
  const moving = (id) => {
    const video = of(id)
    return video && video.dataset.flow === 'flowing' && video.readyState >= 2 ? video.dataset.person : ''
  }
  let seen = {}
  let darkSince = 0
  window.watch = { begin: () => { seen = { dark: 0 }; darkSince = 0 }, seen: () => ({ ...seen }) }
  window.watch.begin()
  const reached = (name) => { seen[name] ??= performance.timeOrigin + performance.now() }
  function look() {
    const words = of('stage-words')?.dataset.words ?? ''
    const held = of('held-picture')
    const main = of('video-main')
    if (words.startsWith('takeOver') && held) reached('words')
    if (held && moving('video-main') && main.dataset.person !== 'MASTER') reached('tutor')
    if (!held && main?.dataset.person === 'MASTER' && moving('video-main')) reached('master')
    else delete seen.master
    const light = words || held || (main && main.readyState >= 2)
    const now = performance.now()
    if (light) darkSince = 0
    else if (!darkSince) darkSince = now
    else seen.dark = Math.max(seen.dark, now - darkSince)
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()""".replace("MASTER", str(demo.MASTER.id))


@dataclass(frozen=True, slots=True)
class TakeOver:
    """One cut; milliseconds."""

    words_ms: float
    tutor_ms: float
    back_ms: float
    dark_ms: float


@dataclass(frozen=True, slots=True)
class TakeOverReport:
    machine: Machine
    cuts: int
    words_ms: Percentiles
    tutor_ms: Percentiles
    back_ms: Percentiles
    dark_ms: Percentiles


def report_of(place: Machine, found: Sequence[TakeOver]) -> TakeOverReport:
    return TakeOverReport(
        machine=place,
        cuts=len(found),
        words_ms=Percentiles.of([each.words_ms for each in found]),
        tutor_ms=Percentiles.of([each.tutor_ms for each in found]),
        back_ms=Percentiles.of([each.back_ms for each in found]),
        dark_ms=Percentiles.of([each.dark_ms for each in found]),
    )


def table(report: TakeOverReport) -> str:
    """A line for each figure; median and worst."""
    rows = (
        ("words over the held picture, from the cut", report.words_ms),
        ("the tutor large and moving, from the cut", report.tutor_ms),
        ("the master's picture runs again, from the mending", report.back_ms),
        ("neither picture nor words", report.dark_ms),
    )
    lines = (f"{name:<52}{values.p50:>7.0f} / {values.most:.0f}" for name, values in rows)
    title = f"{report.cuts} cuts of the master's link; p50 / most, ms"
    return "\n".join([title, where(report.machine), "", *lines])


class Classroom:
    """The pages of one lesson."""

    def __init__(self, browser: Browser, server: ServerProcess, cable: Cable) -> None:
        self._browser, self._server, self._cable = browser, server, cable
        self._tokens = Tokens.open(server.data)

    async def enter(self, person: Any, script: str, url: str) -> Page:
        """Through the door, and online."""
        context = await self._browser.new_context(permissions=["camera", "microphone"])
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        await page.add_init_script(script)
        token = self._tokens.issue(
            person=person.id,
            name=person.name,
            role=person.role.value,
            lesson=demo.DEMO_LESSON,
            class_id=person.class_id or "",
            now=time.time(),
            ttl_s=3600,
        )
        await page.goto(f"{url}/join#token={token}")
        if person.role.value != "student":
            await page.get_by_test_id("join-check").click()
            await page.get_by_test_id("join-preview").wait_for()
        await page.get_by_test_id("join-start").click()
        await page.locator("[data-testid=connection-state][data-state=online]").first.wait_for(
            state="attached"
        )
        return page

    async def everybody(self) -> Page:
        """They are all in and the pupil sees the master: the pupil's page."""
        await self.enter(demo.MASTER, self._cable.media.script, self._cable.url)
        await self.enter(demo.TUTOR_HOME, "", self._server.url)
        pupil = await self.enter(demo.STUDENT_HOME, WATCH, self._server.url)
        await _reached(pupil, "master")
        return pupil


async def _reached(page: Page, name: str) -> float:
    """Unix time in ms of a milestone."""
    found = await page.wait_for_function("(name) => window.watch.seen()[name]", arg=name)
    value: float = await found.json_value()
    return value


async def cut_once(pupil: Page, cable: Cable) -> TakeOver:
    await _reached(pupil, "master")
    await asyncio.sleep(STEADY_S)
    await pupil.evaluate("() => window.watch.begin()")
    cut_ms = time.time() * 1000
    cable.cut()
    words_ms, tutor_ms = await _reached(pupil, "words"), await _reached(pupil, "tutor")
    await asyncio.sleep(max(0.0, AWAY_S - (time.time() - cut_ms / 1000)))
    mended_ms = time.time() * 1000
    cable.mend()
    master_ms = await _reached(pupil, "master")
    dark_ms: float = (await pupil.evaluate("() => window.watch.seen()"))["dark"]
    return TakeOver(words_ms - cut_ms, tutor_ms - cut_ms, master_ms - mended_ms, dark_ms)


async def measure(cuts: int) -> TakeOverReport:
    place = machine()
    async with (
        ServerProcess() as server,
        Cable(server.port, server.media_port) as cable,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        pupil = await Classroom(browser, server, cable).everybody()
        found = [await cut_once(pupil, cable) for _ in range(cuts)]
        await browser.close()
    return report_of(place, found)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.take_over", description=__doc__)
    parser.add_argument("--cuts", type=int, default=10, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    report = asyncio.run(measure(options.cuts))
    print(table(report))
    if options.json:
        options.json.write_text(json.dumps(plain(report), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
