"""What a subscribed but silent participant costs: everybody is connected and subscribed, and nobody sends.

The publisher sends until all have media, then nothing but consent checks. The server's processor time in that
window, less that of the same silence once all but one have left, divided by those who left: consent checks,
timers, books. Processor time is the scheduler's, in nanoseconds. Between the two the publisher sends for
moments of 0.1 s: a server that sleeps the more soundly the less there is must not be late for them. Their
pictures are timed, not their sound: a lesson whose master fell silent has gone over to the tutors.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ..crowd import Crowd
from ..evidence import Look, delays, threads_s
from ..figures import Figure, Report
from ..media import Camera, Microphone
from ..report import machine
from ..sink import Sink
from ..statistics import Percentiles
from ..target import ScenarioFailed, Target

MOMENT_S = 0.1
STAMPS_KEPT = 1000
"""RTP timestamps of each stream, the latest ones."""


@dataclass(frozen=True, slots=True)
class IdleOptions:
    subscribers: int = 200
    duration_s: float = 20.0
    joins_per_second: float = 20.0
    settle_s: float = 2.0
    """Before each look, and of silence before each moment."""
    moments: int = 10
    lesson: str = "demo"
    camera: Camera = field(default_factory=Camera)
    microphone: Microphone = field(default_factory=Microphone)


@dataclass(frozen=True, slots=True)
class _Spent:
    """Processor seconds per second."""

    main_thread: int
    threads: dict[int, float]
    """By thread id."""

    @property
    def all(self) -> float:
        return sum(self.threads.values())

    @property
    def packet_thread(self) -> int:
        """The busiest beside the main one, as long as there are many."""
        others = {tid: s for tid, s in self.threads.items() if tid != self.main_thread}
        return max(others, key=lambda tid: others[tid], default=self.main_thread)

    @classmethod
    def between(cls, start: Look, end: Look) -> _Spent:
        if start.usage is None or end.usage is None:
            raise ScenarioFailed("only a server on this machine tells its processor time: --pid is missing")
        spent = threads_s(start.usage, end.usage)
        passed_s = end.at - start.at
        return cls(end.usage.main_thread, {tid: s / passed_s for tid, s in spent.items()})


async def idle(options: IdleOptions, target: Target) -> Report:
    """Raises ScenarioFailed, Refused, NoSuchProcess."""
    if options.subscribers < 2:
        raise ScenarioFailed("at least 2 subscribers are needed: one is what the others are compared with")
    async with Crowd(target, Sink(options.subscribers, STAMPS_KEPT)) as crowd:
        token = target.token("encoder", 0)
        await crowd.publish(options.lesson, token, options.camera, options.microphone)
        return await crowd.beside(_measure(crowd, options))


async def _measure(crowd: Crowd, options: IdleOptions) -> Report:
    place, token = machine(), crowd.target.token
    publisher = crowd.publishers[0]
    await crowd.first(options.lesson, token("student", 0))
    others = ((options.lesson, token("student", number)) for number in range(1, options.subscribers))
    await crowd.join_all(others, options.joins_per_second)
    without_media = await crowd.media()
    publisher.silent = True
    many = await _silence(crowd, options)
    moments_ms = await _moments(crowd, options)
    more = max(1, len(crowd.subscribers) - 1)
    await crowd.leave(crowd.subscribers[1:])
    alone = await _silence(crowd, options)
    thread = many.packet_thread
    return Report(
        scenario="idle",
        title=f"{more + 1} subscribed to a publisher who sends nothing",
        machine=place,
        figures=(
            Figure("cpu_us_per_s", "CPU per silent participant", (many.all - alone.all) / more * 1e6, "µs/s"),
            Figure(
                "packet_thread_us_per_s",
                "  of it the packet thread",
                (many.threads[thread] - alone.threads.get(thread, 0.0)) / more * 1e6,
                "µs/s",
            ),
            Figure("server_us_per_s", "server with all of them", many.all * 1e6, "µs/s"),
            Figure("server_alone_us_per_s", "server with one", alone.all * 1e6, "µs/s"),
            Figure("at_most_us_per_s", "  at most: all of it divided", many.all / (more + 1) * 1e6, "µs/s"),
            Figure("moments_ms", "picture after a silence", moments_ms, "ms"),
            Figure("without_media", "without media before", without_media),
            Figure("failed", "failed to join", len(crowd.failures)),
        ),
    )


async def _silence(crowd: Crowd, options: IdleOptions) -> _Spent:
    await asyncio.sleep(options.settle_s)
    start = await crowd.look()
    await asyncio.sleep(options.duration_s)
    return _Spent.between(start, await crowd.look())


async def _moments(crowd: Crowd, options: IdleOptions) -> Percentiles:
    """How late their pictures are, milliseconds."""
    since_us = time.monotonic_ns() // 1000
    publisher = crowd.publishers[0]
    for _ in range(options.moments):
        await asyncio.sleep(options.settle_s)
        publisher.silent = False
        await asyncio.sleep(MOMENT_S)
        publisher.silent = True
    await asyncio.sleep(options.settle_s)
    return delays(crowd.sink, crowd.publishers, crowd.subscribers, since_us).video_ms
