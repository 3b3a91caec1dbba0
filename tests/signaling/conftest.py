"""A media plane without media, and the door's HTTP application over it with a real lesson room."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient

from classroom.clock import SystemClock
from classroom.directory import UnknownLesson
from classroom.lesson import LessonRoom
from classroom.model import ClassId, ClassRoom, Lesson, LessonId, LessonState, PersonId
from sfu.params import (
    Candidate,
    Fingerprint,
    IceParameters,
    LocalParameters,
    MediaParameters,
    RemoteParameters,
    TransportState,
)
from signaling import http, keys
from signaling.auth import Tokens
from signaling.config import Config
from signaling.metrics import DoorMetrics
from signaling.publications import PublicationRegistry
from signaling.whep import Whep
from signaling.whip import Whip

LESSON = "optics"
TURN_URLS = ("stun:stun.example.org", "turn:turn.example.org?transport=udp", "turns:turn.example.org:443")


@dataclass
class FakePublication:
    id: int
    parameters: MediaParameters
    transport: FakeTransport
    closed: bool = False
    keyframes: int = 0

    def request_keyframe(self) -> None:
        self.keyframes += 1

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeSubscription:
    id: int
    publication: FakePublication
    parameters: MediaParameters
    closed: bool = False
    paused: bool = False

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def want_layer(self, layer: int) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeTransport:
    """Remembers what it was told; `turn` plays a state of the real one."""

    id: int
    numbers: itertools.count[int]
    on_state: Callable[[TransportState], None] | None
    state: TransportState = TransportState.NEW
    failure: str = ""
    remote: RemoteParameters | None = None
    restarts: int = 0
    publications: list[FakePublication] = field(default_factory=list)
    subscriptions: list[FakeSubscription] = field(default_factory=list)

    @property
    def local(self) -> LocalParameters:
        ice = IceParameters(f"local{self.restarts}", "p" * 24 + str(self.restarts))
        candidates = (
            Candidate("127.0.0.1", 7000, "udp", 2130706431, "1"),
            Candidate("127.0.0.1", 7000, "tcp", 1671430143, "2"),
        )
        return LocalParameters(ice, (Fingerprint("sha-256", ":".join(["AB"] * 32)),), candidates)

    def connect(self, remote: RemoteParameters) -> None:
        if self.remote is not None and remote.ice != self.remote.ice:
            self.restarts += 1
        self.remote = remote

    def publish(self, parameters: MediaParameters) -> FakePublication:
        self.publications.append(FakePublication(next(self.numbers), parameters, self))
        return self.publications[-1]

    def subscribe(self, publication: FakePublication, parameters: MediaParameters) -> FakeSubscription:
        self.subscriptions.append(FakeSubscription(next(self.numbers), publication, parameters))
        return self.subscriptions[-1]

    def turn(self, state: TransportState, failure: str = "") -> None:
        self.state, self.failure = state, failure
        if self.on_state is not None:
            self.on_state(state)

    async def close(self) -> None:
        self.state = TransportState.CLOSED


class FakeSfu:
    def __init__(self) -> None:
        self.transports: list[FakeTransport] = []
        self._numbers = itertools.count(1)

    def create_transport(self, *, on_state: Callable[[TransportState], None] | None = None) -> FakeTransport:
        self.transports.append(FakeTransport(next(self._numbers), self._numbers, on_state))
        return self.transports[-1]

    def allocate_ssrc(self) -> int:
        return 1000 + next(self._numbers)

    def open(self) -> list[FakeTransport]:
        """Those that were not closed."""
        return [transport for transport in self.transports if transport.state is not TransportState.CLOSED]


class FakeDirectory:
    """One lesson, two classes, in a real room without a database."""

    def __init__(self, state: LessonState = LessonState.SCHEDULED) -> None:
        classes = (ClassRoom(ClassId("1"), "1", PersonId("tutor-1")), ClassRoom(ClassId("2"), "2"))
        lesson = Lesson(LessonId(LESSON), "Optics", classes, state=state)
        self.lesson_id = LESSON
        self.room = LessonRoom(lesson, clock=SystemClock())
        self.room.start()

    async def open_room(self, lesson_id: LessonId) -> LessonRoom:
        if lesson_id != self.lesson_id:
            raise UnknownLesson
        return self.room

    def rooms(self) -> tuple[LessonRoom, ...]:
        return (self.room,)

    async def close(self) -> None:
        await self.room.close()


@dataclass
class Door:
    """The HTTP application of one lesson, and what stands behind it."""

    client: TestClient[web.Request, web.Application]
    sfu: FakeSfu
    directory: FakeDirectory
    publications: PublicationRegistry
    metrics: DoorMetrics
    tokens: Tokens
    whip: Whip
    whep: Whep

    @property
    def room(self) -> LessonRoom:
        return self.directory.room

    def token(
        self, role: str, person: str = "", *, ttl_s: float = 60, lesson: str = LESSON, **more: str
    ) -> str:
        return self.tokens.issue(
            person=person or role, role=role, lesson=lesson, now=time.time(), ttl_s=ttl_s, **more
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Lets everything run that can, until the condition holds."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)

    def headers(self, role: str, person: str = "", **more: str) -> dict[str, str]:
        """What a WHIP or WHEP client sends with an offer."""
        bearer = f"Bearer {self.token(role, person, **more)}"
        return {"Authorization": bearer, "Content-Type": "application/sdp", "Accept-Language": "en"}


@pytest.fixture
def fake_sfu() -> FakeSfu:
    return FakeSfu()


@pytest_asyncio.fixture
async def door(
    aiohttp_client: Callable[..., Awaitable[TestClient[web.Request, web.Application]]], fake_sfu: FakeSfu
) -> AsyncIterator[Door]:
    """WHIP and WHEP of lesson `optics` (LESSON), before it is live."""
    directory, publications, metrics = FakeDirectory(), PublicationRegistry(), DoorMetrics()
    tokens = Tokens(b"k" * 32)
    app = web.Application(middlewares=[http.language, http.problems])
    app[keys.TOKENS] = tokens
    app[keys.CONFIG] = Config(turn_urls=TURN_URLS, turn_secret="shared")
    app[keys.SFU] = fake_sfu  # type: ignore[assignment]
    app[keys.DIRECTORY] = directory  # type: ignore[assignment]
    app[keys.PUBLICATIONS] = publications
    app[keys.METRICS] = metrics
    whip, whep = Whip(), Whep()
    whip.add_routes(app)
    whep.add_routes(app)
    client = await aiohttp_client(app)
    yield Door(client, fake_sfu, directory, publications, metrics, tokens, whip, whep)
    await client.close()
    await directory.close()


@pytest.fixture
def offer() -> Callable[[str], str]:
    """`offer("chromium_publish")`: a captured offer of tests/data."""
    data = Path(__file__).parent.parent / "data"
    return lambda name: (data / f"{name}.sdp").read_text()
