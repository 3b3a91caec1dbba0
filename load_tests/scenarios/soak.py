"""Coming and going for a while, by every way, during a lesson: what is left of it?

A teacher sends and one viewer stays. After a first round (which fills caches that stay), the census is taken:
connections, tracks, people, open files, threads, memory. Then visitors come and go, some at a time, by UDP,
TCP, the WebSocket and WHIP in turn, until so many cycles are done or the time is over; then the census must
be what it was.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..census import Census
from ..crowd import JOIN_ERRORS, Crowd
from ..door import Door
from ..evidence import window
from ..figures import Chart, Figure, Report, curve
from ..media import Camera, Microphone
from ..report import machine
from ..sink import Sink
from ..target import ScenarioFailed, Target
from ..visitor import WAYS, NoMedia, send, watch
from ..websocket import WebSocketDoor
from ..whip import WhipClient

SETTLE_TIMEOUT_S = 45.0
"""What visitors leave behind is gone by then: an encoder's place in the lesson is kept for half a minute."""
LOOK_INTERVAL_S = 1.0


@dataclass(frozen=True, slots=True)
class SoakOptions:
    cycles: int = 400
    duration_s: float = 120.0
    at_once: int = 8
    vanish_every: int = 0
    """Each so many-th visitor goes without a word; 0: nobody. The server finds out by its time-outs."""
    warm_up: int = 40
    """Cycles before the first census."""
    lesson: str = "demo"
    camera: Camera = field(default_factory=Camera)


async def soak(options: SoakOptions, target: Target) -> Report:
    """Raises ScenarioFailed, Refused, NoSuchProcess."""
    async with (
        Crowd(target, Sink(1)) as crowd,
        WebSocketDoor(target.url) as pages,
        WhipClient(target.url) as http,
    ):
        token = target.token("encoder", 0)
        await crowd.publish(options.lesson, token, options.camera, Microphone())
        doors: dict[str, Door] = {"udp": http, "tcp": http, "websocket": pages, "whip": http}
        return await crowd.beside(_Soak(crowd, options, doors).run())


class _Soak:
    def __init__(self, crowd: Crowd, options: SoakOptions, doors: dict[str, Door]) -> None:
        self._crowd, self._options, self._doors = crowd, options, doors
        self._number = 0
        self._done: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._resident: list[tuple[float, float]] = []

    async def run(self) -> Report:
        place, options = machine(), self._options
        await self._crowd.first(options.lesson, self._crowd.target.token("student", 0))
        await self._cycles(options.warm_up, options.duration_s)
        before = await self._settled(None)
        self._done.clear()
        self._failures.clear()
        start, began = await self._crowd.look(), time.monotonic()
        watching = asyncio.create_task(self._watch_memory(began))
        try:
            await self._cycles(options.cycles, options.duration_s)
            took_s = time.monotonic() - began
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        end = await self._crowd.look()
        after = await self._settled(before)
        seen = window(start, end)
        return Report(
            scenario="soak",
            title=f"{sum(self._done.values())} cycles of join and leave, {options.at_once} at a time",
            machine=place,
            figures=(
                *self._cycle_figures(took_s),
                *self._census_figures(before, after),
                Figure("viewer_lost", "lost by the viewer who stayed", f"{seen.lost} of {seen.packets_sent}"),
            ),
            charts=(Chart("memory of the server", "s", "RSS, MB", (curve("RSS", self._resident),)),),
        )

    async def _cycles(self, cycles: int, duration_s: float) -> None:
        """So many, fewer if the time is over before."""
        deadline, end = time.monotonic() + duration_s, self._number + cycles

        async def visitor() -> None:
            while self._number < end and time.monotonic() < deadline:
                self._number += 1
                await self._cycle(self._number)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._options.at_once):
                group.create_task(visitor())

    async def _cycle(self, number: int) -> None:
        way = WAYS[number % len(WAYS)]
        lesson, door, identity = self._options.lesson, self._doors[way], self._crowd.identity
        token = self._crowd.target.token("encoder" if way == "whip" else "student", number)
        # Of every way: the ways take turns, too.
        every = self._options.vanish_every
        vanishes = every > 0 and number // len(WAYS) % every == 0
        try:
            if way == "whip":
                await send(identity, door, lesson, token, vanishes=vanishes)
            else:
                await watch(way, identity, door, lesson, token, vanishes=vanishes)
        except (*JOIN_ERRORS, NoMedia) as error:
            self._failures[f"{way}: {error}"] += 1
        else:
            self._done[way] += 1

    async def _settled(self, wanted: Census | None) -> Census:
        """The census once it is as wanted, or (wanted is None) once it stays the same; else after a while."""
        pid, door = self._crowd.target.pid, self._crowd.door
        deadline, last = time.monotonic() + SETTLE_TIMEOUT_S, await Census.take(door, pid)
        while time.monotonic() < deadline:
            await asyncio.sleep(LOOK_INTERVAL_S)
            now = await Census.take(door, pid)
            if not (wanted or last).differs(now) and (wanted or self._alone(now)):
                return now
            last = now
        return last

    @staticmethod
    def _alone(census: Census) -> bool:
        """Whether only the teacher, the viewer and the recorder are left: two connections and its own."""
        return census.gauges["transports"] <= 3

    async def _watch_memory(self, began: float) -> None:
        while True:
            census = await Census.take(self._crowd.door, self._crowd.target.pid)
            if census.rss_octets is not None:
                self._resident.append((time.monotonic() - began, census.rss_octets / 1e6))
            await asyncio.sleep(LOOK_INTERVAL_S)

    # --- figures ------------------------------------------------------------------------------------------

    def _cycle_figures(self, took_s: float) -> Iterator[Figure]:
        done = sum(self._done.values())
        if not done:
            raise ScenarioFailed(f"nobody got in: {next(iter(self._failures), 'no time')}")
        yield Figure("cycles", "cycles", done)
        for way in WAYS:
            yield Figure(f"cycles_{way}", f"  by {way}", self._done[way])
        yield Figure("cycles_per_s", "cycles per second", done / took_s)
        yield Figure("failed", "failed", sum(self._failures.values()))
        for reason, count in self._failures.most_common(3):
            yield Figure("failure", "  failure", f"{count} x {reason}")

    def _census_figures(self, before: Census, after: Census) -> Iterator[Figure]:
        changed = before.differs(after)
        yield Figure("census", "census", "; ".join(changed) or "as before")
        for name, value in after.gauges.items():
            yield Figure(name, f"  {name.replace('_', ' ')}", round(value))
        yield Figure("open_files", "  open files", after.descriptors)
        yield Figure("threads", "  threads", after.threads)
        if before.rss_octets is not None and after.rss_octets is not None:
            grown = after.rss_octets - before.rss_octets
            yield Figure("rss_kb_before", "memory before", before.rss_octets / 1e3, "kB")
            yield Figure("rss_kb_grown", "  grown by", grown / 1e3, "kB")
            yield Figure("rss_octets_per_cycle", "  per cycle", grown / sum(self._done.values()), "octets")
