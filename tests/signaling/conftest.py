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
from recorder import index, ledger
from recorder.depacketize.frame import CodecConfig
from recorder.depacketize.opus import SILENCE
from recorder.fragments import FragmentMuxer, Sample
from recorder.item import header_path, index_path, ledger_path, part_path
from recorder.storage import Storage
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


class FakeStore:
    """What the database says of that lesson."""

    def __init__(self) -> None:
        self.reason = ""

    async def state_reason(self, _: LessonId) -> str:
        return self.reason


@dataclass
class Door:
    """The HTTP application of one lesson, and what stands behind it."""

    client: TestClient[web.Request, web.Application]
    sfu: FakeSfu
    directory: FakeDirectory
    store: FakeStore
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
        async with asyncio.timeout(30):
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
    directory, store = FakeDirectory(), FakeStore()
    publications, metrics = PublicationRegistry(), DoorMetrics()
    tokens = Tokens(b"k" * 32)
    app = web.Application(middlewares=[http.language, http.problems])
    app[keys.TOKENS] = tokens
    app[keys.CONFIG] = Config(turn_urls=TURN_URLS, turn_secret="shared")
    app[keys.SFU] = fake_sfu  # type: ignore[assignment]
    app[keys.DIRECTORY] = directory  # type: ignore[assignment]
    app[keys.STORE] = store  # type: ignore[assignment]
    app[keys.PUBLICATIONS] = publications
    app[keys.METRICS] = metrics
    whip, whep = Whip(), Whep()
    whip.add_routes(app)
    whep.add_routes(app)
    client = await aiohttp_client(app)
    yield Door(client, fake_sfu, directory, store, publications, metrics, tokens, whip, whep)
    await client.close()
    await directory.close()


@pytest.fixture
def offer() -> Callable[[str], str]:
    """`offer("chromium_publish")`: a captured offer of tests/data."""
    data = Path(__file__).parent.parent / "data"
    return lambda name: (data / f"{name}.sdp").read_text()


RECORDED_RATE = 48_000
FRAGMENT_TICKS = RECORDED_RATE // 2


class RecordedItem:
    """An item with one sound track, written as the recorder writes it: half a second at a time."""

    def __init__(self, root: Path, item: str, lesson: str) -> None:
        self.storage, self.item = Storage(root / "library"), item
        header = ledger.Header(id=item, lesson=lesson, title="光合作用", started_ms=1_760_000_000_000)
        self.storage.replace(header_path(item), ledger.encode(header))
        self.muxer = FragmentMuxer(CodecConfig("opus", "opus", RECORDED_RATE, channels=2), b"")
        self.data = self.muxer.init
        self.number = 0
        self._sizes: dict[str, int] = {}
        self.append(part_path(item, "t0", 0), self.data)
        part = index.Part(part=0, init=len(self.data), codec="opus", timescale=RECORDED_RATE)
        self.append(index_path(item, "t0"), index.encode(part))
        self.note(ledger.TrackAdded(track="t0", person="m", source="microphone", kind="audio", at_us=0))

    def append(self, path: str, data: bytes) -> None:
        size = self._sizes.get(path, 0)
        self.storage.write(path, size, data)
        self._sizes[path] = size + len(data)

    def note(self, entry: ledger.Entry) -> None:
        self.append(ledger_path(self.item), ledger.encode(entry))

    def skip(self, fragments: int) -> None:
        self.number += fragments

    def grow(self, fragments: int = 1) -> None:
        for _ in range(fragments):
            start = self.number * FRAGMENT_TICKS
            samples = [Sample(SILENCE, start + 960 * i, 960, True) for i in range(25)]
            fragment = self.muxer.fragment(samples, self.number + 1)
            line = index.Fragment(
                part=0,
                offset=len(self.data),
                length=len(fragment),
                time=start,
                duration=FRAGMENT_TICKS,
                keyframe=True,
            )
            self.append(part_path(self.item, "t0", 0), fragment)
            self.append(index_path(self.item, "t0"), index.encode(line))
            self.data += fragment
            self.number += 1

    def end(self) -> None:
        self.note(ledger.Ended(at_us=self.number * 500_000, cause="ended"))


@pytest.fixture
def record() -> Callable[..., RecordedItem]:
    """record(root, item, lesson, ended=, seconds=): with a hole from 4 s to 7 s when it is so long."""

    def write(root: Path, item: str, lesson: str, *, ended: bool, seconds: int = 10) -> RecordedItem:
        made = RecordedItem(root, item, lesson)
        made.grow(min(8, 2 * seconds))
        if seconds > 7:
            made.skip(6)
            made.grow(2 * seconds - 14)
        if ended:
            made.end()
        return made

    return write
