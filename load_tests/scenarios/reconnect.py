"""A whole lesson comes back after its server was restarted.

A lesson is live with everybody in it; then the server is told to end (`--crash`: is killed) and started again
on the same ports and data. Each bot does what a page does: waits as `web/src/client/backoff.ts` says, within
the time that the server's good-bye names, tries, and waits longer each time. Whoever is back with media goes
on listening, so the sink tells what the later ones cost those who came first: the longest gap in their sound
from their first packet on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..crowd import Crowd
from ..door import Refused
from ..evidence import percentiles_ms
from ..figures import Chart, Figure, Report, cumulative
from ..large_lesson import LargeCrowd, LargeLesson
from ..media import Microphone
from ..process import Usage, usage
from ..report import machine
from ..seed import LARGE
from ..server import ServerProcess
from ..sink import Sink
from ..target import ScenarioFailed, Target

FIRST_MS, LONGEST_MS = 300, 8_000
"""As in backoff.ts."""
BACK_TIMEOUT_S = 60.0
MEDIA_TIMEOUT_S = 30.0
STAMPS_PER_SECOND = 55


@dataclass(frozen=True, slots=True)
class ReconnectOptions:
    lesson: LargeLesson = field(default_factory=lambda: LargeLesson(attending=500))
    crash: bool = False
    """Without a good-bye."""
    settle_s: float = 3.0
    seed: int = 1


def wait_before_s(attempt: int, chance: float) -> float:
    """What a page waits before attempt 0, 1, 2 and so on; chance: in [0, 1)."""
    full: int = min(LONGEST_MS, FIRST_MS * 2**attempt)
    return (full / 2 + full / 2 * chance) / 1000


async def reconnect(options: ReconnectOptions, target: Target, server: ServerProcess) -> Report:
    """On a server that has `seed.large(classes)`. Raises ScenarioFailed, ServerDidNotStart, NoSuchProcess."""
    people = 2 * (options.lesson.pupils + options.lesson.classes + 1)
    sink = Sink(people, int(MEDIA_TIMEOUT_S * STAMPS_PER_SECOND), kernel_times=True)
    async with Crowd(target, sink) as crowd:
        large = LargeCrowd(crowd, options.lesson)
        await large.lead()
        await large.tutors(send=False)
        await large.everybody()
        return await _Storm(large, options, server).run()


class _Storm:
    def __init__(self, large: LargeCrowd, options: ReconnectOptions, server: ServerProcess) -> None:
        self._large, self._options, self._server = large, options, server
        self._chance = random.Random(options.seed)
        self._back_s: list[float] = []
        """Since the server was told to end."""
        self._attempts = 0

    async def run(self) -> Report:
        place = machine()
        await asyncio.sleep(self._options.settle_s)
        said = time.monotonic()
        spread_s = 0.0
        if self._options.crash:
            self._server.kill()
        restarting = asyncio.create_task(self._server.restart())
        if not self._options.crash:
            spread_s = await self._good_bye_s()
        for bot in self._large.crowd.subscribers:
            bot.vanish()
        self._large.crowd.subscribers.clear()
        comers = self._everybody()
        coming = [asyncio.create_task(self._come_back(each, said, spread_s)) for each in comers]
        try:
            await restarting
            ready_s = time.monotonic() - said
            start = usage(self._server.pid)
            await asyncio.wait(coming, timeout=BACK_TIMEOUT_S)
        finally:
            for task in (restarting, *coming):
                task.cancel()
            await asyncio.wait([restarting, *coming])
        cpu_s = _python_s(start, usage(self._server.pid))
        missing = await self._large.crowd.media(timeout_s=MEDIA_TIMEOUT_S)
        await asyncio.sleep(self._options.settle_s)
        ending = "is killed" if self._options.crash else "ends"
        back = np.sort(np.array(self._back_s))
        return Report(
            scenario="reconnect-storm",
            title=f"{self._options.lesson.words}; the server {ending} and starts again",
            machine=place,
            figures=tuple(self._figures(ready_s, len(coming), missing, cpu_s)),
            charts=(Chart("back", "s since the server ended", "share", (cumulative("people", back),)),),
        )

    def _figures(self, ready_s: float, wanted: int, missing: int, cpu_s: float) -> Iterator[Figure]:
        last_s = max(self._back_s) if len(self._back_s) == wanted else None
        yield Figure("all_back_s", "all back after", last_s, "s")
        yield Figure("ready_s", "  the server ready after", ready_s, "s")
        yield Figure("back", "back", f"{len(self._back_s)} of {wanted}")
        yield Figure("without_media", "  without sound and picture", missing)
        yield Figure("attempts", "  attempts", self._attempts)
        yield Figure("cpu_ms_each", "Python thread, each", 1000 * cpu_s / max(1, len(self._back_s)), "ms")
        yield Figure("gap_ms", "longest gap in sound of who is back", percentiles_ms(self._gaps_us()), "ms")

    async def _good_bye_s(self) -> float:
        """Within what time everybody is asked to come back."""
        door = self._large.door
        async with asyncio.timeout(BACK_TIMEOUT_S):
            await door.good_bye.wait()
        return door.retry_after_ms / 1000

    def _everybody(self) -> list[Callable[[], Coroutine[None, None, None]]]:
        return [self._lead, *self._large.pupils_coming()]

    async def _lead(self) -> None:
        crowd, lesson = self._large.crowd, self._large.lesson
        await crowd.publish(LARGE, self._large.master_token, lesson.master, Microphone(), self._large.door)

    async def _come_back(
        self, come: Callable[[], Coroutine[None, None, None]], said: float, spread_s: float
    ) -> None:
        """As a page does."""
        wait_s, attempt = wait_before_s(0, self._chance.random()) + spread_s * self._chance.random(), 0
        while True:
            await asyncio.sleep(wait_s)
            self._attempts += 1
            attempt += 1
            with contextlib.suppress(ScenarioFailed, Refused):
                await come()
                self._back_s.append(time.monotonic() - said)
                return
            wait_s = wait_before_s(attempt, self._chance.random())

    def _gaps_us(self) -> list[int]:
        """Of each who is back, the longest time between two packets of sound."""
        sink, gaps = self._large.crowd.sink, []
        by_socket = {bot.socket_number: bot for bot in self._large.crowd.subscribers}
        for stream in sink.streams():
            bot = by_socket.get(stream.socket)
            if bot is not None and bot.payload_types().get(stream.payload_type) == "audio":
                came = np.sort(sink.arrivals(stream.socket, stream.ssrc)[1])
                gaps += [int(np.diff(came).max())] if len(came) > 1 else []
        return gaps


def _python_s(start: Usage, end: Usage) -> float:
    """Processor time of the thread that runs Python."""
    return end.threads_s[end.main_thread] - start.threads_s.get(end.main_thread, 0.0)
