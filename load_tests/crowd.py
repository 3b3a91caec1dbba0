"""Bots at one server: who sends, who watches, who failed; looked at as a whole.

`async with Crowd(...) as crowd`: whatever came in has left when the block ends, and every publisher's task is
over. A publisher that stops by itself ends the scenario (`beside`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from .bot import Publisher, Subscriber
from .door import Door, Refused
from .dtls import HandshakeFailed, Identity
from .ear import Ear
from .evidence import Look, parse_metrics, parse_recorder
from .media import Camera, Microphone
from .process import memory, usage
from .sdp import BadAnswer
from .sink import Sink
from .studio import Studio
from .target import ScenarioFailed, Target
from .transport import ConnectivityFailed

MEDIA_TIMEOUT_S = 15.0
"""For the last one who joined to get a first packet: a key picture comes at least every 2 s."""
LEAVES_AT_ONCE = 20
AT_ONCE = 1e6
"""Joins per second: all in the same moment."""
JOIN_ERRORS = (Refused, BadAnswer, ConnectivityFailed, HandshakeFailed)

T = TypeVar("T")


class Crowd:
    def __init__(self, target: Target, sink: Sink) -> None:
        self.target, self.sink = target, sink
        self.door = target.door(target.url)
        self._publishing = target.publishing(target.url) if target.publishing else self.door
        self.identity = Identity()
        self.publishers: list[Publisher] = []
        self.subscribers: list[Subscriber] = []
        self.ears: list[Ear] = []
        self.failures: list[str] = []
        self._studio: Studio | None = None
        """From the first one who sends on."""
        self._sending: list[asyncio.Future[None]] = []
        self._listening: list[asyncio.Task[None]] = []
        self._publisher_doors: dict[int, Door] = {}

    async def __aenter__(self) -> Crowd:
        for door in self._doors():
            await door.__aenter__()
        self.sink.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave(self.subscribers)
        for task in (*self._sending, *self._listening):
            task.cancel()
        if self._listening:
            await asyncio.wait(self._listening)
        if self._studio is not None:
            await self._studio.close()
        for ear in self.ears:
            with contextlib.suppress(Refused):
                await ear.leave(self.door)
        for publisher in self.publishers:
            with contextlib.suppress(Refused):
                await publisher.leave(self._publisher_doors[id(publisher)])
        for door in self._doors():
            await door.__aexit__(kind, error, trace)
        self.sink.stop()

    def _doors(self) -> list[Door]:
        return [self.door] if self._publishing is self.door else [self.door, self._publishing]

    # --- coming and going ---------------------------------------------------------------------------------

    async def publish(
        self,
        lesson: str,
        token: str,
        camera: Camera | None,
        microphone: Microphone,
        door: Door | None = None,
        layers: Mapping[str, Camera] | None = None,
    ) -> Publisher:
        """One more who sends from now on, through the publishers' door if no other is named. Raises
        ScenarioFailed."""
        publisher = Publisher(self.identity, camera, microphone, layers)
        door = door or self._publishing
        try:
            await publisher.join(door, lesson, token)
        except JOIN_ERRORS as error:
            with contextlib.suppress(Refused):
                await publisher.leave(door)
            raise ScenarioFailed(f"the publisher could not get in: {error}") from error
        self.publishers.append(publisher)
        self._publisher_doors[id(publisher)] = door
        self._studio = self._studio or Studio()
        self._sending.append(self._studio.begin(publisher.run()))
        return publisher

    async def join(self, lesson: str, token: str) -> Subscriber | None:
        """One more who watches; None: could not get in, and `failures` says why."""
        subscriber = Subscriber(self.identity, self.sink, token)
        try:
            await subscriber.join(self.door, lesson)
        except JOIN_ERRORS as error:
            self.failures.append(str(error))
            with contextlib.suppress(Refused):
                await subscriber.leave(self.door)
            return None
        self.subscribers.append(subscriber)
        return subscriber

    async def listen(self, lesson: str, token: str) -> Ear:
        """One more who watches, and listens to every packet of sound. Raises ScenarioFailed."""
        ear = Ear(self.identity, token)
        self.ears.append(ear)
        try:
            await ear.join(self.door, lesson)
        except JOIN_ERRORS as error:
            raise ScenarioFailed(f"a listener could not get in: {error}") from error
        self._listening.append(asyncio.create_task(ear.run()))
        return ear

    async def first(self, lesson: str, token: str) -> Subscriber:
        """The one who warms the server up (imports, caches), with media. Raises ScenarioFailed."""
        found = await self.join(lesson, token)
        if found is None:
            raise ScenarioFailed(f"the first subscriber could not get in: {self.failures[0]}")
        await self.media()
        return found

    async def join_all(self, comers: Iterable[tuple[str, str]], per_second: float) -> None:
        """(lesson, token) of each; one after the other at a steady rate, however long each takes."""
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for count, (lesson, token) in enumerate(comers):
                if (wait_s := start + count / per_second - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                group.create_task(self.join(lesson, token))

    async def media(self, streams: int = 2, timeout_s: float = MEDIA_TIMEOUT_S) -> int:
        """Waits until every subscriber has so many streams (audio and video); returns how many have not after
        a while."""
        deadline = time.monotonic() + timeout_s
        while True:
            missing = self.without_media(streams)
            if not missing or time.monotonic() > deadline:
                return missing
            await asyncio.sleep(0.05)

    def without_media(self, streams: int = 2) -> int:
        """How many subscribers have fewer streams than that by now."""
        counts: dict[int, int] = {}
        for stream in self.sink.streams():
            counts[stream.socket] = counts.get(stream.socket, 0) + 1
        return sum(counts.get(_number(bot), 0) < streams for bot in self.subscribers)

    async def leave(self, subscribers: Iterable[Subscriber]) -> None:
        """They go, some at a time."""
        gate = asyncio.Semaphore(LEAVES_AT_ONCE)

        async def leave(subscriber: Subscriber) -> None:
            async with gate:
                with contextlib.suppress(Refused):
                    await subscriber.leave(self.door)

        await asyncio.gather(*map(leave, tuple(subscribers)))

    # --- measuring ----------------------------------------------------------------------------------------

    async def beside(self, measuring: Awaitable[T]) -> T:
        """Measures while the publishers send; one that breaks ends the scenario. Raises ScenarioFailed."""
        task = asyncio.ensure_future(measuring)
        try:
            either: list[asyncio.Future[Any]] = [*self._sending, task]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            broken = next((sending for sending in self._sending if sending.done()), None)
            if not task.done() and broken is not None:
                error = broken.exception()
                raise ScenarioFailed(f"the publisher stopped: {error!r}") from error
            return task.result()
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def look(self) -> Look:
        """All counters now. Raises Refused, NoSuchProcess."""
        metrics = await self.door.metrics()
        pid = self.target.pid
        return Look(
            at=time.monotonic(),
            streams=self.sink.streams(),
            dropped_by_sink=sum(bot.drops() for bot in self.subscribers),
            usage=usage(pid) if pid else None,
            memory=memory(pid) if pid else None,
            metrics=parse_metrics(metrics),
            recorder=parse_recorder(metrics),
        )


def _number(bot: Subscriber) -> int:
    return -1 if bot.socket_number is None else bot.socket_number
