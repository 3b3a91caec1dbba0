"""Links between bots and a server, emulated in this process: each with its own limit, delay and loss, seeded.

`Link` is one direction, pure: when a datagram that enters now comes out, or that it does not. `LinkEmulator`
puts two of them between a bot's socket and the media port. Its server-facing socket is the bot's address as
the server sees it.

Delivery is by timers of the event loop, so it is late by up to a millisecond, and by whatever else this
process does; it is never early.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

Address = tuple[str, int]
MAX_DATAGRAM = 2048
MAX_READ_PER_WAKE = 64
BUFFER_OCTETS = 1 << 20


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one direction."""

    bits_per_second: float = 100e6
    delay_s: float = 0.0
    loss: float = 0.0
    """Share of datagrams, each by itself."""
    queue_s: float = 0.3
    """So much waits in front of the link, then it drops: a home router's buffer."""


@dataclass(slots=True)
class Link:
    """Time is an argument, in seconds."""

    conditions: Conditions
    seed: int = 0
    lost: int = 0
    """By chance."""
    overflowed: int = 0
    """Because too much waited."""
    _free_at: float = 0.0
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def send(self, now: float, octets: int) -> float | None:
        """When a datagram that enters now comes out; None: never."""
        conditions = self.conditions
        begins = max(now, self._free_at)
        if begins - now > conditions.queue_s:
            self.overflowed += 1
            return None
        self._free_at = begins + octets * 8 / conditions.bits_per_second
        if self._chance.random() < conditions.loss:
            self.lost += 1
            return None
        return self._free_at + conditions.delay_s


class LinkEmulator:
    """`through` is what a BotTransport is given. Everything is closed by `close`."""

    def __init__(self, down: Link, up: Link) -> None:
        self.down, self.up = down, up
        self._near: socket.socket | None = None
        self._far: socket.socket | None = None
        self._bot: Address | None = None

    async def through(self, server: Address) -> Address:
        """The near end of the way to this address."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._near, self._far = _open(family), _open(family)
        self._near.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
        self._far.connect(server)
        loop.add_reader(self._near, self._read, self._near, self.up, self._to_server)
        loop.add_reader(self._far, self._read, self._far, self.down, self._to_bot)
        near: Address = self._near.getsockname()[:2]
        return near

    def close(self) -> None:
        for end in (self._near, self._far):
            if end is not None:
                asyncio.get_running_loop().remove_reader(end)
                end.close()
        self._near = self._far = None

    def _read(self, end: socket.socket, link: Link, deliver: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            for _ in range(MAX_READ_PER_WAKE):
                datagram, sender = end.recvfrom(MAX_DATAGRAM)
                if end is self._near:
                    self._bot = sender
                comes_out = link.send(loop.time(), len(datagram))
                if comes_out is not None:
                    loop.call_at(comes_out, deliver, datagram)

    def _to_server(self, datagram: bytes) -> None:
        if self._far is not None:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._far.send(datagram)

    def _to_bot(self, datagram: bytes) -> None:
        if self._near is not None and self._bot is not None:
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._near.sendto(datagram, self._bot)


def _open(family: socket.AddressFamily) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
    opened.setblocking(False)
    return opened
