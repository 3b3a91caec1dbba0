"""Three ways for datagrams to the media port: UDP, TCP with RFC 4571 framing, and a TURN relay.

Each is opened, used and closed; what arrives goes to `on_datagram`. A way that cannot be opened raises
WayFailed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

from aioice import stun, turn

OPEN_TIMEOUT_S: Final = 5.0
"""A SYN that is dropped is repeated after 1 and 3 s."""
MAX_FRAME: Final = 65535
_TURN_URL: Final = re.compile(r"(turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?")

Receiver = Callable[[bytes], None]


class WayFailed(Exception):  # noqa: N818 - a finding, not a fault
    """`reason`: key of the catalogue's `doctor.reason.KEY`; str() is what the system said."""

    def __init__(self, reason: str, detail: object = "") -> None:
        super().__init__(str(detail))
        self.reason = reason


class DatagramWay(Protocol):
    """A connected way, whatever it is made of."""

    on_datagram: Receiver

    async def open(self) -> None:
        """Raises WayFailed."""

    def send(self, datagram: bytes) -> None: ...
    async def close(self) -> None:
        """Idempotent, also when `open` failed."""


def ignore(_datagram: bytes) -> None:
    pass


class UdpWay(asyncio.DatagramProtocol):
    """Straight."""

    def __init__(self, host: str, port: int) -> None:
        self.on_datagram: Receiver = ignore
        self._address = (host, port)
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=self._address)
        except OSError as error:
            raise WayFailed("unreachable", error.strerror or error) from error

    def send(self, datagram: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.on_datagram(data)

    def error_received(self, exc: Exception) -> None:
        """A refusal by ICMP: nobody answers, and that is how it is told."""


class TcpWay:
    """ICE-TCP, active (RFC 6544)."""

    def __init__(self, host: str, port: int) -> None:
        self.on_datagram: Receiver = ignore
        self._address = (host, port)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                reader, self._writer = await asyncio.open_connection(*self._address)
        except TimeoutError as error:
            raise WayFailed("silent") from error
        except OSError as error:
            raise WayFailed("unreachable", error.strerror or error) from error
        self._reading = asyncio.create_task(self._read(reader))

    def send(self, datagram: bytes) -> None:
        if self._writer is not None:
            self._writer.write(len(datagram).to_bytes(2) + datagram)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2))
                self.on_datagram(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return  # closed by the other side: silence tells it


@dataclass(frozen=True, slots=True)
class TurnServer:
    """One URL of RFC 7065 with its credentials."""

    url: str
    username: str
    credential: str


class TurnWay(asyncio.DatagramProtocol):
    """By a relay, which sends UDP to the media port."""

    def __init__(self, server: TurnServer, host: str, port: int) -> None:
        self.on_datagram: Receiver = ignore
        self._server = server
        self._address = (host, port)
        self._relay: turn.TurnTransport | None = None

    async def open(self) -> None:
        scheme, host, port, transport = _parts(self._server.url)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                self._relay, _ = await turn.create_turn_endpoint(
                    lambda: self,
                    server_addr=(host, port),
                    username=self._server.username,
                    password=self._server.credential,
                    transport=transport,
                    ssl=ssl.create_default_context() if scheme == "turns" else None,
                )
        except (TimeoutError, stun.TransactionTimeout) as error:
            raise WayFailed("turn-silent") from error
        except stun.TransactionError as error:
            raise WayFailed("turn-refused", error) from error
        except OSError as error:
            raise WayFailed("turn-unreachable", error.strerror or error) from error

    def send(self, datagram: bytes) -> None:
        if self._relay is not None:
            self._relay.sendto(datagram, self._address)

    async def close(self) -> None:
        if self._relay is not None:
            self._relay.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._relay = cast(turn.TurnTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.on_datagram(data)


def _parts(url: str) -> tuple[str, str, int, str]:
    match = _TURN_URL.fullmatch(url)
    if match is None:
        raise WayFailed("turn-refused", url)
    scheme, host, port, transport = match.groups()
    default = 5349 if scheme == "turns" else 3478  # RFC 7065, 3.2
    return (
        scheme,
        host.strip("[]"),
        int(port or default),
        transport or ("tcp" if scheme == "turns" else "udp"),
    )
