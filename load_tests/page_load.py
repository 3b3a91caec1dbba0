"""`python -m load_tests.page_load`: how soon the pages can be used on a slow machine.

A teacher's Chromium gives a lesson; in a second Chromium each page is opened again and again, with an empty
cache and a processor slowed down (Emulation.setCPUThrottlingRate of the DevTools protocol). Two ways in:

- `link`: by the link, as everybody comes the first time: until the door's button can be pressed, and, pressed
  at once, from there until the lesson's controls and its first picture are on the page.
- `return`: straight into the lesson, as after a reload, or as a room's device does after a power cut: until
  the controls, and the first picture.

The clock is the page's own, from navigation. "Can be pressed" is later than "is there": the frame with it is
painted and the main thread takes the next event. Script is counted as it came over the network, compressed.
Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from .report import Machine, machine, plain, where
from .server import ServerProcess
from .statistics import Percentiles
from .thin_link import CHROMIUM, FLAGS, LINK, enter, role_of

PATIENCE_MS = 60_000
"""For one milestone: eight times the slowdown of a machine that does other things as well."""
ROLES = ("student", "room", "tutor")
MILESTONES = {
    "door": "[data-testid=join-start]:not(:disabled), [data-testid=join-check]",
    "controls": "[data-testid=hand-raise]:not(:disabled), [data-testid=page-room]",
    "picture": "[data-testid=video-main][data-flow=flowing]",
}
WATCH = """(() => {
  const waiting = Object.entries(MILESTONES)
  const reached = (window.milestones = {})
  function look() {
    for (let i = waiting.length - 1; i >= 0; i -= 1) {
      const [name, selector] = waiting[i]
      if (!document.querySelector(selector)) continue
      waiting.splice(i, 1)
      // After this frame is painted, when the next event would be served.
      setTimeout(() => { reached[name] = performance.now() })
    }
    if (waiting.length > 0) requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()""".replace("MILESTONES", json.dumps(MILESTONES))
SCRIPTS = """() => performance.getEntriesByType('resource')
  .filter((each) => new URL(each.name).pathname.endsWith('.js'))
  .reduce((sum, each) => sum + each.encodedBodySize, 0)"""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page opened once; milliseconds."""

    door_ms: float | None
    """From navigation until the door's first button can be pressed; None: straight into the lesson."""
    controls_ms: float
    """Until the lesson's controls can be used: from navigation, or from the press of the door's button."""
    picture_ms: float
    """From the same moment until the teacher's picture moves."""
    script_bytes: int
    """Compressed, until then."""
    main_thread_ms: float
    """Processor time of the page's main thread until then, the slowdown in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """All visits of a role by one way."""

    role: str
    way: str
    door_ms: Percentiles | None
    controls_ms: Percentiles
    picture_ms: Percentiles
    script_bytes: int
    main_thread_ms: Percentiles


@dataclass(frozen=True, slots=True)
class PageLoadReport:
    machine: Machine
    slowdown: float
    visits: int
    rows: tuple[Row, ...]


class Visitor:
    """Opens pages of one server in a slowed-down Chromium."""

    def __init__(self, browser: Browser, server: ServerProcess, slowdown: float) -> None:
        self._browser = browser
        self._url = server.url
        self._slowdown = slowdown
        self._links: dict[str, str] = {}
        for match in LINK.finditer(server.log.read_text()):
            self._links.setdefault(role_of(match[2]), match[1])

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[BrowserContext]:
        context = await self._browser.new_context(permissions=["camera", "microphone"])
        context.set_default_timeout(PATIENCE_MS)
        yield context
        await context.close()

    async def _page(self, context: BrowserContext) -> tuple[Page, Any]:
        """A slowed-down page with nothing in its cache, and its DevTools session."""
        page = await context.new_page()
        await page.add_init_script(WATCH)
        tools = await context.new_cdp_session(page)
        await tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await tools.send("Emulation.setCPUThrottlingRate", {"rate": self._slowdown})
        await tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return page, tools

    def _address(self, role: str) -> str:
        path, _, fragment = self._links[role].partition("#")
        query = "?view=room" if role == "room" else ""
        return f"{self._url}{path}{query}#{fragment}"

    async def by_link(self, role: str) -> Visit:
        """Through the door, without a pause at it."""
        async with self._window() as context:
            page, tools = await self._page(context)
            await page.goto(self._address(role), wait_until="commit")
            door_ms = await self._reached(page, "door")
            await self._through(page)
            pressed_ms: float = await page.evaluate("() => window.pressed")
            return await self._found(page, tools, door_ms, pressed_ms)

    async def returning(self, role: str) -> Visit:
        """A tab that has been in the lesson is opened anew."""
        async with self._window() as context:
            before = await context.new_page()
            await before.goto(self._address(role))
            await self._through(before)
            await before.locator(MILESTONES["controls"]).first.wait_for()
            stored = await before.evaluate("() => JSON.stringify(sessionStorage)")
            address = before.url
            await before.close()
            page, tools = await self._page(context)
            await page.add_init_script(f"Object.assign(sessionStorage, {stored})")
            await page.goto(address, wait_until="commit")
            return await self._found(page, tools, None, 0.0)

    async def _through(self, page: Page) -> None:
        """Presses the door's buttons from within: the time it takes to ask for that is not the page's."""
        await page.wait_for_function(
            """() => {
              const start = document.querySelector('[data-testid=join-start]:not(:disabled)')
              const check = document.querySelector('[data-testid=join-check]')
              if (!start) { check?.click(); return false }
              window.pressed = performance.now()
              start.click()
              return true
            }"""
        )

    async def _reached(self, page: Page, milestone: str) -> float:
        handle = await page.wait_for_function("(name) => window.milestones?.[name]", arg=milestone)
        value: float = await handle.json_value()
        return value

    async def _found(self, page: Page, tools: Any, door_ms: float | None, since_ms: float) -> Visit:
        controls_ms = await self._reached(page, "controls")
        picture_ms = await self._reached(page, "picture")
        metrics = (await tools.send("Performance.getMetrics"))["metrics"]
        (busy_s,) = (each["value"] for each in metrics if each["name"] == "TaskDuration")
        return Visit(
            door_ms=door_ms,
            controls_ms=controls_ms - since_ms,
            picture_ms=picture_ms - since_ms,
            script_bytes=await page.evaluate(SCRIPTS),
            main_thread_ms=busy_s * 1e3,
        )


def row(role: str, way: str, visits: Sequence[Visit]) -> Row:
    doors = [each.door_ms for each in visits if each.door_ms is not None]
    return Row(
        role=role,
        way=way,
        door_ms=Percentiles.of(doors) if doors else None,
        controls_ms=Percentiles.of([each.controls_ms for each in visits]),
        picture_ms=Percentiles.of([each.picture_ms for each in visits]),
        script_bytes=max(each.script_bytes for each in visits),
        main_thread_ms=Percentiles.of([each.main_thread_ms for each in visits]),
    )


async def measure(roles: Iterable[str], slowdown: float, visits: int) -> PageLoadReport:
    """Ways and roles in turns, so that what else the machine does falls on all of them."""
    place = machine()
    found: dict[tuple[str, str], list[Visit]] = {}
    async with ServerProcess() as server, async_playwright() as playwright:
        teachers, others = [
            await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS]) for _ in range(2)
        ]
        await enter(teachers, server, "master", "")
        visitor = Visitor(others, server, slowdown)
        for _ in range(visits):
            for role in roles:
                found.setdefault((role, "link"), []).append(await visitor.by_link(role))
                found.setdefault((role, "return"), []).append(await visitor.returning(role))
        await asyncio.gather(teachers.close(), others.close())
    rows = tuple(row(role, way, each) for (role, way), each in found.items())
    return PageLoadReport(place, slowdown, visits, rows)


def table(report: PageLoadReport) -> str:
    """One line per page and way; median and worst."""
    head = ("page", "way", "door", "controls", "picture", "script", "main thread")
    lines = [
        (
            *(
                each.role,
                each.way,
                _spread(each.door_ms),
                _spread(each.controls_ms),
                _spread(each.picture_ms),
            ),
            *(f"{each.script_bytes / 1000:.0f} kB", _spread(each.main_thread_ms)),
        )
        for each in report.rows
    ]
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    title = f"{report.visits} visits each, processor {report.slowdown:g} times slower; p50 / most, ms"
    body = (
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True))
        for line in [head, *lines]
    )
    return "\n".join([title, where(report.machine), "", *(line.rstrip() for line in body)])


def _spread(values: Percentiles | None) -> str:
    return f"{values.p50:.0f} / {values.most:.0f}" if values else ""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.page_load", description=__doc__)
    parser.add_argument(
        "--role", action="append", choices=ROLES, help="student and room unless told otherwise"
    )
    parser.add_argument("--slowdown", type=float, default=4.0, metavar="TIMES", help="of the processor")
    parser.add_argument("--visits", type=int, default=5, metavar="N", help="to each page, by each way")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    report = asyncio.run(measure(options.role or ROLES[:2], options.slowdown, options.visits))
    print(table(report))
    if options.json:
        options.json.write_text(json.dumps(plain(report), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
