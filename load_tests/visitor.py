"""A bot that comes, waits for its first media (or sends some), and goes: one cycle of a soak."""

from __future__ import annotations

import asyncio
import contextlib

from .bot import Publisher
from .door import Door, Resource
from .dtls import Identity
from .media import Camera, Microphone
from .sdp import offer
from .transport import BotTransport, TcpBotTransport
from .websocket import WebSocketDoor

MEDIA_TIMEOUT_S = 15.0
WAYS = ("udp", "tcp", "websocket", "whip")
"""WHEP over UDP, WHEP over TCP, the WebSocket, WHIP."""
SENDS_FOR_S = 0.2
SMALL = Camera(bits_per_second=400_000, frames_per_second=15, key_octets=8_000)


class NoMedia(Exception):  # noqa: N818
    """Nothing came in time."""


async def watch(
    way: str, identity: Identity, door: Door, lesson: str, token: str, *, vanishes: bool = False
) -> None:
    """In, one packet of sound and one of a picture, and out again. vanishes: without a word, as when a
    device loses power; the server finds out by itself. Raises what joins raise, and NoMedia."""
    transport = TcpBotTransport(identity) if way == "tcp" else BotTransport(identity)
    resource: Resource | None = None
    try:
        resource = await door.subscribe(lesson, token, offer(transport.local, "recvonly"))
        await transport.connect(resource.answer)
        await _two_streams(transport)
    finally:
        transport.close()
        if resource is not None:
            await _go(door, resource, token, vanishes=vanishes)


async def _go(door: Door, resource: Resource, token: str, *, vanishes: bool) -> None:
    if not vanishes:
        await door.leave(resource, token)
    elif isinstance(door, WebSocketDoor):
        await door.lose(token)


async def _two_streams(transport: BotTransport) -> None:
    ssrcs: set[bytes] = set()
    try:
        async with asyncio.timeout(MEDIA_TIMEOUT_S):
            while len(ssrcs) < 2:
                datagram = await transport.receive_any()
                if len(datagram) >= 12 and datagram[0] >> 6 == 2 and not 192 <= datagram[1] <= 223:
                    ssrcs.add(datagram[8:12])
    except TimeoutError:
        raise NoMedia(f"{len(ssrcs)} of 2 streams within {MEDIA_TIMEOUT_S:.0f} s") from None


async def send(identity: Identity, door: Door, lesson: str, token: str, *, vanishes: bool = False) -> None:
    """On air for a moment. vanishes: as in `watch`. Raises what joins raise."""
    publisher = Publisher(identity, SMALL, Microphone())
    try:
        await publisher.join(door, lesson, token)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SENDS_FOR_S):
                await publisher.run()
    finally:
        if vanishes:
            publisher.vanish()
        else:
            await publisher.leave(door)
