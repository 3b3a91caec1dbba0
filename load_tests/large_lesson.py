"""A large lesson of bots: a master, classes with a tutor each, and pupils at home.

Everybody comes in by the WebSocket, as pages do. The master and the tutors send sound and a picture; the
pupils have a connection of their own, which the sink reads, or, of those who only attend, signaling alone
(they turn every m-line down)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial

from signaling import messages, messages_floor

from .bot import Subscriber
from .crowd import Crowd
from .door import Refused
from .media import Camera, Microphone
from .seed import LARGE, large_class
from .target import ScenarioFailed
from .websocket import WebSocketDoor

MASTER = "bot-master-0"
TUTORS_PER_SECOND = 20.0
MAX_AT_ONCE = 20
"""Bots that come in at the same time, of those who come before anything is measured."""


@dataclass(frozen=True, slots=True)
class LargeLesson:
    """Who takes part."""

    classes: int = 40
    pupils: int = 1_000
    attending: int = 0
    """Of the pupils: by signaling alone."""
    master: Camera = field(
        default_factory=lambda: Camera(bits_per_second=400_000, frames_per_second=15, key_octets=12_000)
    )
    """What one machine's bots can receive a thousand times."""
    tutor: Camera = field(
        default_factory=lambda: Camera(bits_per_second=100_000, frames_per_second=10, key_octets=5_000)
    )

    @property
    def words(self) -> str:
        with_media = self.pupils - self.attending
        return (
            f"{self.classes} classes with a tutor each, {self.pupils} pupils at home, {with_media} with media"
        )


@dataclass(slots=True)
class Pupil:
    token: str
    class_number: int
    bot: Subscriber


class LargeCrowd:
    """The people of a `LargeLesson` in a crowd whose door is the WebSocket."""

    def __init__(self, crowd: Crowd, lesson: LargeLesson) -> None:
        assert isinstance(crowd.door, WebSocketDoor)
        self.crowd, self.lesson = crowd, lesson
        self.door: WebSocketDoor = crowd.door
        self.pupils: list[Pupil] = []
        self.master_token = crowd.target.token("master", 0, LARGE)
        # A token stands for its bot at the door, and no two of them are alike: each is made once.

    async def lead(self) -> None:
        """The master comes, sends, and starts the lesson. Raises ScenarioFailed."""
        await self.crowd.publish(LARGE, self.master_token, self.lesson.master, Microphone(), self.door)
        await self.say(messages.LessonStart())

    async def tutors(self, *, send: bool = True) -> None:
        """Each comes, sends, and gets what the others do; else only attends. The master gets the wall. Raises
        ScenarioFailed."""
        for number in range(self.lesson.classes):
            token = self.token("tutor", number, number)
            if not send:
                await self.attend(token)
                continue
            await self.crowd.publish(LARGE, token, self.lesson.tutor, Microphone(), self.door)
            await self._join(token)
            await asyncio.sleep(1 / TUTORS_PER_SECOND)
        if send:
            await self._join(self.master_token)

    def pupils_coming(self) -> Iterator[Callable[[], Coroutine[None, None, None]]]:
        """What lets each of them in: those with media first. They raise ScenarioFailed."""
        for number in range(self.lesson.pupils):
            class_number = number % self.lesson.classes
            token = self.token("student", number, class_number)
            if number < self.lesson.pupils - self.lesson.attending:
                yield partial(self.enter, token, class_number)
            else:
                yield partial(self.attend, token)

    async def everybody(self) -> None:
        """All pupils, some at a time. Raises ScenarioFailed when one cannot get in."""
        gate = asyncio.Semaphore(MAX_AT_ONCE)

        async def come(coming: Callable[[], Coroutine[None, None, None]]) -> None:
            async with gate:
                await coming()

        try:
            async with asyncio.TaskGroup() as group:
                for coming in self.pupils_coming():
                    group.create_task(come(coming))
        except* ScenarioFailed as failed:
            raise failed.exceptions[0] from None

    async def enter(self, token: str, class_number: int) -> None:
        """With media. Raises ScenarioFailed."""
        self.pupils.append(Pupil(token, class_number, await self._join(token)))

    async def attend(self, token: str) -> None:
        """By signaling alone. Raises ScenarioFailed."""
        try:
            await self.door.attend(token)
        except Refused as error:
            raise ScenarioFailed(f"a pupil could not get in: {error}") from error

    async def say(self, message: messages.ClientMessage) -> None:
        """As the master. Raises ScenarioFailed."""
        try:
            await self.door.say(self.master_token, message)
        except Refused as error:
            raise ScenarioFailed(f"the master's connection broke: {error}") from error

    async def phase(self, phase: str) -> None:
        await self.say(messages_floor.PhaseSet(phase=phase))  # type: ignore[arg-type]

    def token(self, role: str, number: int, class_number: int) -> str:
        return self.crowd.target.token(role, number, LARGE, large_class(class_number))

    async def _join(self, token: str) -> Subscriber:
        bot = await self.crowd.join(LARGE, token)
        if bot is None:
            raise ScenarioFailed(f"somebody could not get in: {self.crowd.failures[-1]}")
        return bot
