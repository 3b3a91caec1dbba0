"""The whole door over a media plane of paper: real rooms, real database, real SDP; transports that only
remember.

`door` is the application; `door.join(role)` a participant at a real WebSocket.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from classroom.directory import MemoryDirectory
from classroom.store.demo import seed_demo
from classroom.store.store import Store
from sfu.engine.engine import Engine
from sfu.engine.snapshot import StatsSnapshot
from sfu.params import (
    Candidate,
    DtlsParameters,
    DtlsSetup,
    Fingerprint,
    IceParameters,
    LocalParameters,
    MediaParameters,
    RemoteParameters,
    TransportState,
)
from sfu.transport import TransportClosed
from signaling import keys
from signaling.app import Parts, make_app
from signaling.auth import Tokens
from signaling.background import Background
from signaling.config import Config
from signaling.metrics import DoorMetrics
from signaling.pointers import Pointers
from signaling.publications import PublicationRegistry
from signaling.recording import RecorderHand
from signaling.sdp import Direction, SessionDescription
from signaling.sdp_parser import parse
from signaling.speakers import Speakers

TIMEOUT_S = 30.0
"""A safety net: nothing here waits for time to pass."""
DATA = Path(__file__).parents[2] / "data"
FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
MASTER_TRACKS = {"0": "microphone", "1": "camera"}


@dataclass
class PaperPublication:
    id: int
    parameters: MediaParameters
    transport: PaperTransport
    closed: bool = False
    grouped: tuple[int, bool, int] | None = None
    """(group, always, loudest)"""
    party: int = 0
    on_layers: Callable[[frozenset[int]], None] | None = None

    def group(self, group: int, *, party: int, always: bool, loudest: int) -> None:
        self.grouped, self.party = (group, always, loudest), party

    def close(self) -> None:
        self.closed = True


@dataclass
class PaperSubscription:
    publication: PaperPublication
    parameters: MediaParameters
    closed: bool = False
    paused: bool = False

    wished_layer: int | None = None

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def want_layer(self, layer: int | None) -> None:
        self.wished_layer = layer

    def close(self) -> None:
        self.closed = True


@dataclass
class PaperSlot:
    group: int
    place: int
    parameters: MediaParameters
    party: int
    loudest: int
    closed: bool = False
    paused: bool = False

    def tune(self, group: int, *, loudest: int) -> None:
        self.group, self.loudest = group, loudest

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def close(self) -> None:
        self.closed = True


@dataclass
class PaperTransport:
    id: int
    on_state: Callable[[TransportState], None]
    stirred: Callable[[int], None]
    remote: RemoteParameters | None = None
    state: TransportState = TransportState.NEW
    failure: str = ""
    restarts: int = 0
    packets: int = 0
    """Received so far."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    """Of publications; one for all transports of an SFU."""
    publications: list[PaperPublication] = field(default_factory=list)
    subscriptions: list[PaperSubscription] = field(default_factory=list)
    slots: list[PaperSlot] = field(default_factory=list)

    @property
    def local(self) -> LocalParameters:
        candidate = Candidate("127.0.0.1", 7000, "udp", 1, "1")
        ice = IceParameters(f"ufrag{self.id}{'r' * self.restarts}", "p" * 24)
        return LocalParameters(ice, (FINGERPRINT,), (candidate,))

    def connect(self, remote: RemoteParameters) -> None:
        self._check()
        if self.remote is not None and self.remote.dtls.fingerprints != remote.dtls.fingerprints:
            raise ValueError("another DTLS identity")
        self.remote = remote

    def restart_ice(self) -> None:
        self._check()
        self.restarts += 1

    def stir(self) -> None:
        self.stirred(self.id)

    def publish(self, parameters: MediaParameters) -> PaperPublication:
        self._check()
        self.publications.append(PaperPublication(next(self.numbers), parameters, self))
        return self.publications[-1]

    def subscribe(
        self, publication: PaperPublication, parameters: MediaParameters, *, paused: bool = False
    ) -> PaperSubscription:
        self._check()
        self.subscriptions.append(PaperSubscription(publication, parameters, paused=paused))
        return self.subscriptions[-1]

    def listen(
        self, group: int, place: int, parameters: MediaParameters, *, party: int, loudest: int
    ) -> PaperSlot:
        self._check()
        self.slots.append(PaperSlot(group, place, parameters, party, loudest))
        return self.slots[-1]

    @property
    def live(self) -> list[PaperSubscription]:
        return [subscription for subscription in self.subscriptions if not subscription.closed]

    @property
    def kinds(self) -> list[str]:
        """What is on its way to this peer."""
        flowing = [subscription for subscription in self.live if not subscription.paused]
        return sorted(subscription.publication.parameters.kind.value for subscription in flowing)

    def become(self, state: TransportState) -> None:
        self.state = state
        self.on_state(state)

    async def close(self) -> None:
        self.state = TransportState.CLOSED

    def _check(self) -> None:
        if self.state in {TransportState.FAILED, TransportState.CLOSED}:
            raise TransportClosed


class PaperSfu:
    """A media plane that only remembers what it was told."""

    port = 7000

    def __init__(self) -> None:
        self.transports: list[PaperTransport] = []
        self.on_speakers: Callable[[int, frozenset[int]], None] | None = None
        self.on_places: Callable[[int, tuple[int | None, ...]], None] | None = None
        self.on_stir: Callable[[int], None] | None = None
        self.stirred: list[int] = []
        self._numbers = itertools.count(1)
        self._ssrc = 1000

    def create_transport(self, *, on_state: Callable[[TransportState], None]) -> PaperTransport:
        number = len(self.transports) + 1
        transport = PaperTransport(number, on_state, self.stirred.append, numbers=self._numbers)
        self.transports.append(transport)
        return self.transports[-1]

    def allocate_ssrc(self) -> int:
        self._ssrc += 1
        return self._ssrc

    def counters(self) -> dict[str, int]:
        return {"rtp_in": 5, "drop_srtp_replay": 2, "segmentation_off": 0, "handshakes_failed": 1}

    def census(self) -> dict[str, int]:
        return {"transports": len(self.open), "publications": 3, "subscriptions": 4}

    def stats(self, transport: PaperTransport) -> dict[str, Any]:
        return {"transport": {"packets_received": transport.packets}}

    def packets_received(self, transport: PaperTransport) -> int:
        return transport.packets

    def snapshot(self) -> StatsSnapshot:
        return StatsSnapshot(Engine(seed=1), 0.0)

    def cpu_seconds(self) -> float:
        return 1.5

    @property
    def open(self) -> list[PaperTransport]:
        return [transport for transport in self.transports if transport.state is not TransportState.CLOSED]


@dataclass
class PaperRecorder:
    """Remembers what it was told, in order."""

    told: list[tuple[str, ...]] = field(default_factory=list)

    def lesson_started(self, lesson_id: str, title: str, started_ms: int) -> str:
        self.told.append(("started", lesson_id))
        return "item"

    def lesson_ended(self, lesson_id: str) -> None:
        self.told.append(("ended", lesson_id))

    def publication_added(self, lesson_id: str, publication: Any, person_id: str, source: str) -> None:
        self.told.append(("added", person_id, source))

    def publication_removed(self, lesson_id: str, publication: Any, cause: str = "left") -> None:
        self.told.append(("removed", cause))

    def publication_muted(self, lesson_id: str, person_id: str, source: str, muted: bool) -> None:
        self.told.append(("muted", person_id, source, str(muted)))

    def counters(self) -> dict[str, int]:
        return {"restarts": 1, "gap_network": 2}

    def waiting_bytes(self) -> int:
        return 700


class Participant:
    """One WebSocket of a client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.last_seq = 0

    async def say(self, kind: str, /, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def next(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        async with asyncio.timeout(TIMEOUT_S):
            frame = await self.socket.receive()
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        message: dict[str, Any] = msgspec.json.decode(frame.data)
        self.last_seq = message.get("seq", self.last_seq)
        return message

    async def expect(self, kind: str) -> dict[str, Any]:
        """The next message of that type; others before it are passed over, but no refusal."""
        while (message := await self.next())["type"] != kind:
            assert message["type"] not in {"bye", "error"}, message
        return message

    async def refusal(self) -> dict[str, Any]:
        """The next `error`."""
        while (message := await self.next())["type"] != "error":
            assert message["type"] != "bye", message
        return message

    async def bye(self) -> dict[str, Any]:
        """The next `bye`, whatever comes before it."""
        while (message := await self.next())["type"] != "bye":
            pass
        return message

    async def closed(self) -> int | None:
        """The close code, after everything that was still said."""
        async with asyncio.timeout(TIMEOUT_S):
            while not (await self.socket.receive()).type.name.startswith("CLOS"):
                pass
        return self.socket.close_code

    async def settled(self) -> list[dict[str, Any]]:
        """Everything said so far has been dealt with, a ping has come back; what came before it."""
        await self.say("ping", id=99)
        messages = []
        while (message := await self.next())["type"] != "pong":
            messages.append(message)
        return messages

    async def offer(self, tracks: dict[str, str], file: str = "aiortc_publish.sdp") -> None:
        """Offers the captured description of a real client; tracks: mid -> source."""
        declared = [{"mid": mid, "source": source} for mid, source in tracks.items()]
        await self.say("publish.offer", sdp=(DATA / file).read_text(), tracks=declared)

    async def publish(self, tracks: dict[str, str] | None = None) -> dict[str, Any]:
        """The answer to that offer; by default microphone and camera."""
        await self.offer(MASTER_TRACKS if tracks is None else tracks)
        return await self.expect("publish.answer")

    async def answer(self, offer: dict[str, Any]) -> None:
        await self.say("subscribe.answer", version=offer["version"], sdp=str(answer_to(offer["sdp"])))


def answer_to(text: str) -> SessionDescription:
    """What a browser would answer: takes everything, with its own credentials."""
    offer = parse(text)
    dtls = DtlsParameters((FINGERPRINT,), DtlsSetup.ACTIVE)
    turned = {Direction.SENDONLY: Direction.RECVONLY, Direction.INACTIVE: Direction.INACTIVE}
    sections = tuple(
        replace(
            section,
            direction=turned[section.direction],
            dtls=dtls,
            ice=IceParameters("client", "c" * 24),
            candidates=(),
            encodings=(),
            msids=(),
        )
        for section in offer.sections
    )
    return replace(offer, ice_lite=False, sections=sections)


@dataclass
class Door:
    parts: Parts
    sfu: PaperSfu
    recorder: PaperRecorder
    app: web.Application
    server: TestServer
    http: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    def token(self, role: str = "master", *, ttl_s: float = 600, **claims: Any) -> str:
        values: dict[str, Any] = {"person": f"{role}-1", "lesson": "demo", "name": role} | claims
        return self.parts.tokens.issue(role=role, now=time.time(), ttl_s=ttl_s, **values)  # type: ignore[arg-type]

    async def socket(self, **options: Any) -> Participant:
        """A WebSocket that has said nothing yet."""
        return Participant(await self.http.ws_connect(self.url("/ws"), protocols=("tongke.v1",), **options))

    async def enter(
        self, role: str = "master", *, hello: dict[str, Any] | None = None, **claims: Any
    ) -> tuple[Participant, dict[str, Any]]:
        """A participant who has said hello, and the welcome."""
        if role in {"tutor", "room", "student"}:
            claims = {"class_id": "class-1"} | claims
        participant = await self.socket()
        await participant.say("hello", **({"token": self.token(role, **claims)} | (hello or {})))
        return participant, await participant.expect("welcome")

    async def join(self, role: str = "master", **claims: Any) -> Participant:
        participant, _ = await self.enter(role, **claims)
        return participant

    async def live(self) -> tuple[Participant, Participant, dict[str, Any]]:
        """A master who sends, a tutor, and the first offer that the tutor gets."""
        master, tutor = await self.join("master"), await self.join("tutor")
        await master.publish()
        await master.say("lesson.start")
        return master, tutor, await tutor.expect("subscribe.offer")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(data=tmp_path / "data", resume_s=60.0, webhook_allow=("127.0.0.0/8", "::1"))


@asynccontextmanager
async def opened(migrated_file: Path, config: Config) -> AsyncIterator[Door]:
    """What was there from before is opened again."""
    config.data.mkdir(parents=True, exist_ok=True)
    if not (config.data / "tongke.db").exists():
        shutil.copyfile(migrated_file, config.data / "tongke.db")
    async with AsyncExitStack() as stack:
        store = await Store.open(config.database_url)
        stack.push_async_callback(store.close)
        await seed_demo(store)
        sfu, recorder, publications = PaperSfu(), PaperRecorder(), PublicationRegistry()
        hand = RecorderHand(publications)
        directory = MemoryDirectory(store, observe=lambda _: hand)
        stack.push_async_callback(directory.close)
        hand.connect(recorder, directory)
        background = Background()
        stack.push_async_callback(background.finish, TIMEOUT_S)
        speakers = Speakers(sfu, publications, loudest=config.heard_microphones)
        paper: dict[str, Any] = {"sfu": sfu, "recorder": recorder, "speakers": speakers}
        paper["pointers"] = Pointers(publications)
        parts = Parts(
            config=config,
            tokens=Tokens.open(config.data),
            store=store,
            directory=directory,
            hand=hand,
            publications=publications,
            metrics=DoorMetrics(),
            background=background,
            **paper,
        )
        app = make_app(parts)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        server = await stack.enter_async_context(TestServer(app))
        yield Door(parts, sfu, recorder, app, server, http)
        app[keys.SESSIONS].close()


@pytest_asyncio.fixture
async def door(migrated_file: Path, config: Config) -> AsyncIterator[Door]:
    async with opened(migrated_file, config) as door:
        yield door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_door(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """One for all tests of a file to which it does not matter what the others left behind."""
    async with opened(migrated_file, Config(data=tmp_path_factory.mktemp("door"))) as door:
        yield door


@pytest.fixture
def answer_of() -> Callable[[str], str]:
    return lambda offer: str(answer_to(offer))


@pytest.fixture
def open_door(migrated_file: Path) -> Callable[[Config], AbstractAsyncContextManager[Door]]:
    """`async with open_door(config) as door`: a server with other settings."""
    return partial(opened, migrated_file)


@pytest_asyncio.fixture
async def other_door(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Door]:
    """A second server, for comparison."""
    async with opened(migrated_file, Config(data=tmp_path / "other")) as door:
        yield door
