"""The real engine and control plane without sockets: datagrams are handed over in memory, time is an
argument."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aioice import stun

from sfu.dtls import Certificate, DtlsSession, SrtpKeys, generate_certificate
from sfu.engine.address import pack_address
from sfu.engine.engine import Engine
from sfu.params import DtlsParameters, DtlsSetup, RemoteParameters, SfuConfig, TransportState
from sfu.sfu import Sfu
from sfu.transport import Transport

FIRST_TCP_CHANNEL = 16


def make_check(
    username: str,
    password: str,
    *,
    nominate: bool = True,
    priority: int = 100,
    role: str = "ICE-CONTROLLING",
    integrity: bool = True,
) -> bytes:
    """A binding request as a full ICE agent sends it (RFC 8445, 7.2.5)."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = priority
    message.attributes[role] = 1
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    if integrity:
        message.add_message_integrity(password.encode())
    else:
        message.add_fingerprint()
    return bytes(message)


class WiredEngine(Engine):
    """Tells when it has sent something."""

    on_send: Callable[[], None] = staticmethod(lambda: None)

    def send(self, address: bytes, datagram: bytes) -> None:
        super().send(address, datagram)
        self.on_send()


class NoSockets:
    """What stands for engine.loop.Loop."""

    port = 7000

    def __init__(self) -> None:
        self.running = False
        self.locals = 0

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def open_local(self) -> tuple[int, bytes]:
        self.locals += 1
        return -1, pack_address("", 0, 1000 + self.locals)

    def cpu_seconds(self) -> float:
        return 0.0

    def sockets(self) -> dict[str, int]:
        return {"udp": 1, "tcp_listening": 1}

    def counters(self) -> dict[str, int]:
        return {"send_blocked": 3, "tcp_accepted": 2}


class Plane:
    """A media plane in memory, and the peers around it."""

    def __init__(self, clock: Any, certificate: Certificate, config: SfuConfig) -> None:
        self.clock = clock
        self.engine = WiredEngine()
        self.packets = NoSockets()
        self.sfu = Sfu(config, engine=self.engine, packets=self.packets, certificate=certificate, clock=clock)
        self.receivers: dict[bytes, Callable[[bytes], None]] = {}
        self.unclaimed: list[tuple[bytes, bytes]] = []
        self.engine.on_send = lambda: asyncio.get_running_loop().call_soon(self.flush)

    def deliver(self, datagram: bytes, address: bytes) -> None:
        """From `address` to the media port."""
        self.engine.input(datagram, address, self.clock.now_us)
        self.sfu.drain()
        self.flush()

    def flush(self) -> None:
        for datagram, address in self.engine.drain():
            receiver = self.receivers.get(address)
            if receiver is None:
                self.unclaimed.append((datagram, address))
            else:
                receiver(datagram)


class Peer:
    """A WebRTC client in memory."""

    def __init__(
        self,
        plane: Plane,
        transport: Transport,
        host: str = "192.0.2.1",
        port: int = 5000,
        certificate: Certificate | None = None,
    ) -> None:
        self.plane = plane
        self.transport = transport
        self.certificate = certificate or generate_certificate()
        self.address = pack_address(host, port)
        self.stun: list[stun.Message] = []
        self.inbound: list[bytes] = []
        """SRTP and SRTCP."""
        self.keys: asyncio.Future[SrtpKeys] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.dtls = DtlsSession(
            self.certificate,
            name="peer",
            send=lambda datagram: plane.deliver(datagram, self.address),
            on_keys=self.keys.set_result,
            on_end=self.ended.set_result,
        )
        plane.receivers[self.address] = self.received

    def received(self, datagram: bytes) -> None:
        if datagram[0] < 4:
            self.stun.append(stun.parse_message(datagram))
        elif datagram[0] < 64:
            self.dtls.receive(datagram)
        else:
            self.inbound.append(datagram)

    def check(self, **arguments: Any) -> None:
        local = self.transport.local.ice
        self.plane.deliver(make_check(f"{local.ufrag}:peer", local.pwd, **arguments), self.address)

    def remote(self, setup: DtlsSetup = DtlsSetup.ACTPASS) -> RemoteParameters:
        return RemoteParameters(DtlsParameters(self.certificate.fingerprints, setup))

    def start_dtls(self, setup: DtlsSetup = DtlsSetup.PASSIVE) -> None:
        """setup: of the server."""
        self.dtls.start(DtlsParameters(self.transport.local.fingerprints, setup))

    async def join(self) -> SrtpKeys:
        """All the way, as DTLS client."""
        self.transport.connect(self.remote())
        self.check()
        self.start_dtls()
        async with asyncio.timeout(30):
            return await self.keys

    def send(self, datagram: bytes) -> None:
        self.plane.deliver(datagram, self.address)


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    return generate_certificate()


@pytest_asyncio.fixture
async def plane(clock: Any, certificate: Certificate) -> AsyncIterator[Plane]:
    plane = Plane(clock, certificate, SfuConfig(media_ips=("127.0.0.1", "::1")))
    yield plane
    await plane.sfu.close()
    assert plane.sfu.census()["transports"] == 0
    assert not any(plane.engine.census().values())


@pytest_asyncio.fixture
async def peer_of(plane: Plane) -> AsyncIterator[Callable[..., Peer]]:
    """`peer_of(transport, host=..., port=...)`; closed afterwards."""
    peers: list[Peer] = []

    def make(transport: Transport, **arguments: Any) -> Peer:
        peers.append(Peer(plane, transport, **arguments))
        return peers[-1]

    yield make
    for peer in peers:
        peer.dtls.close()


class Watch:
    """An `on_state` that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.states: list[TransportState] = []
        self._changed = asyncio.Event()

    def __call__(self, state: TransportState) -> None:
        self.states.append(state)
        self._changed.set()

    async def reached(self, state: TransportState) -> None:
        async with asyncio.timeout(30):
            while state not in self.states:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def stun_check() -> Callable[..., bytes]:
    return make_check


@pytest.fixture
def address_of() -> Callable[..., bytes]:
    return pack_address


@pytest.fixture
def tcp_address() -> Callable[..., bytes]:
    """`tcp_address(n)`: of the n-th TCP connection."""
    return lambda number=0: pack_address("192.0.2.9", 6000, FIRST_TCP_CHANNEL + number)


@pytest.fixture
def rtp() -> Callable[..., bytes]:
    """`rtp(ssrc, sequence_number, payload_type=111, payload=b"...")`."""

    def make(ssrc: int, sequence_number: int, payload_type: int = 111, payload: bytes = b"\x08opus") -> bytes:
        head = bytes([0x80, payload_type]) + sequence_number.to_bytes(2, "big")
        return head + (sequence_number * 960).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload

    return make
