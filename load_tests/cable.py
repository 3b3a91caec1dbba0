"""The way between browsers and a server, with a hand on it: HTTP and the WebSocket through `Line`, media by
UDP through `MediaLine`, both of one browser through `Cable`. What is cut is cut as a cable is: connections of
TCP break, datagrams vanish without a word. Media may be delayed and lost on the way (link.py, seeded).

A page that is to send its media this way runs `MediaLine.script` first: it leads the candidates of the
server's descriptions to the line and takes out those of TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from .link import Link

HOST = "127.0.0.1"
MAX_DATAGRAM = 2048
READS_PER_WAKE = 64
"""So many datagrams in a row, then somebody else has a turn."""
BUFFER_OCTETS = 1 << 20
"""A key picture comes as one burst."""
MAX_WAYS = 256
"""Sockets of the browsers: two for each connection of a page, and as many again with each ICE restart."""

SCRIPT = """(() => {
  const set = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    const led = sdp
      .replace(/^a=candidate:\\S+ \\d+ tcp .*\\r\\n/gim, '')
      .replace(/^(a=candidate:\\S+ \\d+ udp \\d+ \\S+) %d /gim, '$1 %d ')
    return set.call(this, { type, sdp: led })
  }
})()"""

Address = tuple[str, int]


class Line:
    """HTTP and the WebSocket. Media goes its own way."""

    def __init__(self, port: int) -> None:
        """port: the server's."""
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.broken = False

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Resets every connection, and refuses new ones until `mend`."""
        self.broken = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self.broken = False

    async def close(self) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.broken:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection(HOST, self._port)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}
            self._tasks.discard(task)

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()


class MediaLine:
    """Media by UDP; each socket of a browser has one towards the server, so the server tells them apart."""

    def __init__(self, port: int, down: Link | None = None, up: Link | None = None) -> None:
        """port: the server's media port; down, up: towards the browsers and away from them, None: at once."""
        self._port, self._down, self._up = port, down, up
        self._near = _bound()
        self._far: dict[Address, socket.socket] = {}
        self.port: int = self._near.getsockname()[1]
        self.broken = False
        self.lost = 0
        """Datagrams that were sent into it while it was cut."""
        self._closed = False

    @property
    def script(self) -> str:
        """For a page, before its own."""
        return SCRIPT % (self._port, self.port)

    def open(self) -> None:
        """Called where a loop runs."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._near, self._from_browsers)

    def close(self) -> None:
        self._closed = True
        for each in (self._near, *self._far.values()):
            self._loop.remove_reader(each)
            each.close()

    def _from_browsers(self) -> None:
        for _ in range(READS_PER_WAKE):
            try:
                data, address = self._near.recvfrom(MAX_DATAGRAM)
            except OSError:
                return
            far = self._way(address)
            if self.broken or far is None:
                self.lost += 1
            else:
                self._carry(self._up, len(data), partial(far.send, data))

    def _way(self, address: Address) -> socket.socket | None:
        if address not in self._far and len(self._far) < MAX_WAYS:
            far = self._far[address] = _bound()
            far.connect((HOST, self._port))
            self._loop.add_reader(far, partial(self._from_server, far, address))
        return self._far.get(address)

    def _from_server(self, far: socket.socket, address: Address) -> None:
        for _ in range(READS_PER_WAKE):
            try:
                data = far.recv(MAX_DATAGRAM)
            except OSError:
                return
            if self.broken:
                self.lost += 1
            else:
                self._carry(self._down, len(data), partial(self._near.sendto, data, address))

    def _carry(self, link: Link | None, octets: int, deliver: Callable[[], object]) -> None:
        """Over the link, and out of it."""
        if link is None:
            self._deliver(deliver)
        elif (comes_out := link.send(self._loop.time(), octets)) is not None:
            self._loop.call_at(comes_out, self._deliver, deliver)

    def _deliver(self, deliver: Callable[[], object]) -> None:
        if not self._closed:
            with contextlib.suppress(OSError):
                deliver()


def _bound() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setblocking(False)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
    found.bind((HOST, 0))
    return found


class Cable:
    """All that one browser has of the network: `async with Cable(http_port, media_port) as cable`."""

    def __init__(self, port: int, media_port: int) -> None:
        self.line = Line(port)
        self.media = MediaLine(media_port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.line.port}"

    async def __aenter__(self) -> Cable:
        await self.line.open()
        self.media.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.media.close()
        await self.line.close()

    def cut(self) -> None:
        """Nothing comes through in either direction."""
        self.media.broken = True
        self.line.cut()

    def mend(self) -> None:
        self.media.broken = False
        self.line.mend()
