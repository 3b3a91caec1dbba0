"""A viewer with a whole receiving end: it reads its own socket, repairs, and tells the server of its link.

Some 30 times as dear as a socket of the sink, so there are tens of them, not hundreds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import pylibsrtp

from .door import Door, Resource
from .dtls import Identity
from .link import LinkEmulator
from .receiver import Receiver
from .sdp import offer
from .transport import CONSENT_INTERVAL_S, BotTransport

TICK_S = 0.02
MAX_RECEIVED_PER_WAKE = 64


class Viewer:
    """`await join(...)`, then `await run()` until cancelled; `leave` in any case."""

    def __init__(self, identity: Identity, token: str, link: LinkEmulator) -> None:
        self._transport = BotTransport(identity, transport_cc=True, through=link.through)
        self._token, self.link = token, link
        self._resource: Resource | None = None
        self.receiver: Receiver | None = None
        self.joined_at = 0.0

    async def join(self, door: Door, lesson: str) -> None:
        """Raises Refused, BadAnswer, ConnectivityFailed or HandshakeFailed."""
        self._resource = await door.subscribe(lesson, self._token, offer(self._transport.local, "recvonly"))
        answer = self._resource.answer
        await self._transport.connect(answer)
        self.joined_at = time.monotonic()
        taken = [media for media in answer.media if media.accepted]
        extensions = {uri: id for media in taken for uri, id in media.extensions.items()}
        rtt_s = self.link.down.conditions.delay_s + self.link.up.conditions.delay_s
        kinds = {media.payload_type: media.kind for media in taken}
        self.receiver = Receiver(kinds, extensions, rtt_s)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        socket = self._transport.socket
        assert socket is not None
        loop.add_reader(socket.fileno(), self._read)
        consent_at = time.monotonic()
        try:
            while True:
                now = time.monotonic()
                self._say(now)
                if now >= consent_at:
                    consent_at = now + CONSENT_INTERVAL_S
                    self._transport.consent_check()
                await asyncio.sleep(TICK_S)
        finally:
            loop.remove_reader(socket.fileno())

    async def leave(self, door: Door) -> None:
        """Raises Refused."""
        resource, self._resource = self._resource, None
        self._transport.close()
        self.link.close()
        if resource is not None:
            await door.leave(resource, self._token)

    def _read(self) -> None:
        assert self._transport.socket is not None
        assert self._transport.keys is not None
        assert self.receiver is not None
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            for _ in range(MAX_RECEIVED_PER_WAKE):
                datagram = self._transport.socket.recv(2048)
                if len(datagram) > 12 and datagram[0] >> 6 == 2 and not 192 <= datagram[1] <= 223:
                    with contextlib.suppress(pylibsrtp.Error):  # a packet that came twice
                        self.receiver.packet(self._transport.keys.inbound.unprotect(datagram), now)
        self._say(now)

    def _say(self, now: float) -> None:
        assert self._transport.keys is not None
        assert self.receiver is not None
        for packet in self.receiver.due(now):
            with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                self._transport.send(self._transport.keys.outbound.protect_rtcp(packet))
