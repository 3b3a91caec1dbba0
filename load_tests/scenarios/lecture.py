"""A lecture: one publisher, many who watch. The first figures of any server: processor per packet, joins,
memory.

Order of things: the publisher starts; one subscriber warms the server up (imports, caches); memory is read;
the others join at a steady rate; once everybody has media, a window of `duration_s` is measured in which
nobody comes or goes; then everybody leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..bot import Publisher, Subscriber
from ..dtls import HandshakeFailed, Identity
from ..evidence import Look, delays, joins, parse_metrics, publisher_report, window
from ..media import Camera, Microphone
from ..process import memory, usage
from ..report import LectureReport, machine
from ..sdp import BadAnswer
from ..sink import Sink
from ..transport import ConnectivityFailed
from ..whip import Refused, WhipClient

MEDIA_TIMEOUT_S = 15.0
"""For the last one who joined to get a first packet: a key picture comes at least every 2 s."""
LEAVES_AT_ONCE = 20
STAMPS_PER_SECOND = 55
"""RTP timestamps of the busiest stream (audio, 50/s), with some room."""

JOIN_ERRORS = (Refused, BadAnswer, ConnectivityFailed, HandshakeFailed)


class ScenarioFailed(Exception):  # noqa: N818
    """There is nothing to measure; the text says why, in the user's words."""


@dataclass(frozen=True, slots=True)
class LectureOptions:
    subscribers: int = 200
    duration_s: float = 20.0
    joins_per_second: float = 20.0
    settle_s: float = 1.0
    """Before each look: what joins leave to do is done by then."""
    lesson: str = "demo"
    camera: Camera = field(default_factory=Camera)
    microphone: Microphone = field(default_factory=Microphone)


@dataclass(frozen=True, slots=True)
class Target:
    """The server under load."""

    url: str
    pid: int | None
    """None: on another machine; then nothing is known of its processor and memory."""
    token: Callable[[str, int], str]
    """A token for (role, number of the bot)."""


async def lecture(options: LectureOptions, target: Target) -> LectureReport:
    """Runs it. Raises ScenarioFailed, NoSuchProcess; stops by itself in any case."""
    history = int((options.duration_s + options.settle_s) * STAMPS_PER_SECOND)
    sink = Sink(options.subscribers, history)
    sink.start()
    try:
        async with WhipClient(target.url) as door:
            return await _Lecture(options, target, door, sink).run()
    finally:
        sink.stop()


class _Lecture:
    def __init__(self, options: LectureOptions, target: Target, door: WhipClient, sink: Sink) -> None:
        self._options, self._target, self._door, self._sink = options, target, door, sink
        self._identity = Identity()
        self._publisher = Publisher(self._identity, options.camera, options.microphone)
        self._subscribers: list[Subscriber] = []
        self._failures: list[str] = []

    async def run(self) -> LectureReport:
        await self._publish()
        sending = asyncio.create_task(self._publisher.run())
        try:
            return await self._beside(sending, self._measure())
        finally:
            await self._leave()
            sending.cancel()
            await asyncio.wait([sending])
            with contextlib.suppress(Refused):
                await self._publisher.leave(self._door)

    @staticmethod
    async def _beside(sending: asyncio.Task[None], measuring: Awaitable[LectureReport]) -> LectureReport:
        """Measures while the publisher sends; a publisher that breaks ends the scenario."""
        task = asyncio.ensure_future(measuring)
        try:
            await asyncio.wait([sending, task], return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ScenarioFailed("the publisher stopped") from sending.exception()
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _publish(self) -> None:
        try:
            token = self._target.token("encoder", 0)
            await self._publisher.join(self._door, self._options.lesson, token)
        except JOIN_ERRORS as error:
            raise ScenarioFailed(f"the publisher could not get in: {error}") from error

    async def _measure(self) -> LectureReport:
        await self._join(0)
        if not self._subscribers:
            raise ScenarioFailed(f"the first subscriber could not get in: {self._failures[0]}")
        await self._media()
        await asyncio.sleep(self._options.settle_s)
        before = await self._look()
        await self._join_all(range(1, self._options.subscribers))
        without_media = await self._media()
        await asyncio.sleep(self._options.settle_s)
        start = await self._look()
        await asyncio.sleep(self._options.duration_s)
        end = await self._look()
        camera = self._options.camera
        return LectureReport(
            scenario="lecture",
            subscribers=len(self._subscribers),
            camera=f"720p, {camera.frames_per_second}/s, {camera.bits_per_second / 1e6:.1f} Mbit/s, Opus",
            machine=machine(),
            srtp_profile=self._subscribers[0].srtp_profile(),
            window=window(start, end),
            joins=joins(self._subscribers, self._failures, without_media, before, start),
            delays=delays(self._sink, self._publisher, self._subscribers, round(start.at * 1e6)),
            publisher=publisher_report(self._publisher),
        )

    # --- joining and leaving ------------------------------------------------------------------------------

    async def _join(self, number: int) -> None:
        subscriber = Subscriber(self._identity, self._sink, self._target.token("student", number))
        try:
            await subscriber.join(self._door, self._options.lesson)
        except JOIN_ERRORS as error:
            self._failures.append(str(error))
            with contextlib.suppress(Refused):
                await subscriber.leave(self._door)
        else:
            self._subscribers.append(subscriber)

    async def _join_all(self, numbers: range) -> None:
        """One after the other at a steady rate, however long each takes."""
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for count, number in enumerate(numbers):
                due = start + count / self._options.joins_per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._join(number))

    async def _media(self) -> int:
        """Waits until every subscriber has audio and video; returns how many have not after a while."""
        deadline = time.monotonic() + MEDIA_TIMEOUT_S
        while True:
            kinds: dict[int, int] = {}
            for stream in self._sink.streams():
                kinds[stream.socket] = kinds.get(stream.socket, 0) + 1
            missing = sum(kinds.get(bot.socket_number or 0, 0) < 2 for bot in self._subscribers)
            if not missing or time.monotonic() > deadline:
                return missing
            await asyncio.sleep(0.05)

    async def _leave(self) -> None:
        gate = asyncio.Semaphore(LEAVES_AT_ONCE)

        async def leave(subscriber: Subscriber) -> None:
            async with gate:
                with contextlib.suppress(Refused):
                    await subscriber.leave(self._door)

        await asyncio.gather(*map(leave, self._subscribers))

    # --- looking ------------------------------------------------------------------------------------------

    async def _look(self) -> Look:
        metrics = parse_metrics(await self._door.metrics())
        pid = self._target.pid
        return Look(
            at=time.monotonic(),
            streams=self._sink.streams(),
            dropped_by_sink=sum(bot.drops() for bot in self._subscribers),
            usage=usage(pid) if pid else None,
            memory=memory(pid) if pid else None,
            metrics=metrics,
        )
