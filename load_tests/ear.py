"""A listener that decrypts every packet of sound: which microphone it is of, and how late it came.

One stream carries one voice after the other, and the server's timestamps move with each change, so the clear
headers that the sink reads say nothing of delays there. The payload says which frame it is (media.py), the
kernel when its datagram came (SO_TIMESTAMPNS).

A voice begins with a few packets from the server's memory, sent in one go, so that no first syllable is cut:
they are late by as much as the listener would have missed. They are told apart (`Heard.opening`): the packets
behind a marker that came in one burst, but for the last of it, which is the live one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pylibsrtp

from .bot import Publisher
from .door import Door, Resource
from .dtls import Identity
from .media import stamped_timestamp
from .sdp import offer
from .transport import CONSENT_INTERVAL_S, BotTransport

SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; the control message has the same number (socket(7))."""
TIMESPEC = struct.Struct("@qq")
MAX_RECEIVED_PER_WAKE = 64
BURST_US = 3_000
"""Between two packets of one burst, at most; frames of sound are 20,000 apart."""


@dataclass(frozen=True, slots=True)
class Packet:
    ssrc: int
    sequence: int
    marker: bool
    stamp: int
    """The publisher's timestamp."""
    arrival_us: int
    """CLOCK_MONOTONIC."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One packet of sound, put beside the moment of its sending."""

    delay_us: int
    opening: bool


class Ear:
    """`await join(...)`, then `await run()` until cancelled; `leave` in any case."""

    def __init__(self, identity: Identity, token: str) -> None:
        self._transport = BotTransport(identity)
        self._token = token
        self._resource: Resource | None = None
        self.packets: list[Packet] = []

    @property
    def tracks(self) -> tuple[int, int]:
        """M-lines of sound and of pictures that the server offers now."""
        media = self._resource.answer.media if self._resource else ()
        accepted = [each.kind for each in media if each.accepted]
        return accepted.count("audio"), accepted.count("video")

    async def join(self, door: Door, lesson: str) -> None:
        """Raises Refused, BadAnswer, ConnectivityFailed or HandshakeFailed."""
        self._resource = await door.subscribe(lesson, self._token, offer(self._transport.local, "recvonly"))
        await self._transport.connect(self._resource.answer)
        assert self._transport.socket is not None
        self._transport.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    async def run(self) -> None:
        loop, reading = asyncio.get_running_loop(), self._transport.socket
        assert reading is not None
        loop.add_reader(reading.fileno(), self._read)
        try:
            while True:
                await asyncio.sleep(CONSENT_INTERVAL_S)
                self._transport.consent_check()
        finally:
            loop.remove_reader(reading.fileno())

    async def leave(self, door: Door) -> None:
        """Raises Refused."""
        resource, self._resource = self._resource, None
        self._transport.close()
        if resource is not None:
            await door.leave(resource, self._token)

    def _read(self) -> None:
        assert self._transport.socket is not None
        kinds = (
            {media.payload_type: media.kind for media in self._resource.answer.media}
            if self._resource
            else {}
        )
        behind_ns = time.time_ns() - time.monotonic_ns()
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            for _ in range(MAX_RECEIVED_PER_WAKE):
                datagram, control, _, _ = self._transport.socket.recvmsg(2048, 64)
                if len(datagram) > 12 and datagram[0] >> 6 == 2 and kinds.get(datagram[1] & 0x7F) == "audio":
                    self._note(datagram, (_arrival_ns(control) - behind_ns) // 1000)

    def _note(self, datagram: bytes, arrival_us: int) -> None:
        assert self._transport.keys is not None
        with contextlib.suppress(pylibsrtp.Error):  # a packet that came twice
            stamp = stamped_timestamp(self._transport.keys.inbound.unprotect(datagram))
            if stamp is not None:
                sequence, ssrc = (
                    struct.unpack_from("!H", datagram, 2)[0],
                    struct.unpack_from("!I", datagram, 8)[0],
                )
                self.packets.append(Packet(ssrc, sequence, bool(datagram[1] >> 7), stamp, arrival_us))


def _arrival_ns(control: list[tuple[int, int, bytes]]) -> int:
    """CLOCK_REALTIME."""
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESPEC.unpack(data[: TIMESPEC.size])
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()


def heard(packets: Iterable[Packet], publishers: Iterable[Publisher], since_us: int) -> list[Heard]:
    """Of the packets that came since then."""
    sent = {stamp: at for each in publishers for stamp, at in each.sent["audio"].so_far()}
    found = []
    for stream in by_stream(packets).values():
        fresh = [packet for packet in stream if packet.arrival_us >= since_us]
        openings = _openings(fresh)
        found += [
            Heard(packet.arrival_us - sent[packet.stamp], opening)
            for packet, opening in zip(fresh, openings, strict=True)
            if packet.stamp in sent
        ]
    return found


def _openings(stream: list[Packet]) -> list[bool]:
    """Which of them came from the server's memory: each packet of a burst behind a marker but its last."""
    found, burst = [], False
    for packet, following in pairwise([*stream, None]):
        assert packet is not None
        burst = burst or packet.marker
        goes_on = following is not None and following.arrival_us - packet.arrival_us < BURST_US
        found.append(burst and goes_on)
        burst = burst and goes_on
    return found


def by_stream(packets: Iterable[Packet]) -> dict[int, list[Packet]]:
    """In the order of their arrival."""
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        found.setdefault(packet.ssrc, []).append(packet)
    return found


def lost(packets: Iterable[Packet]) -> int:
    """Numbers missing within the streams."""
    return sum(
        max(0, ((later.sequence - packet.sequence) & 0xFFFF) - 1)
        for stream in by_stream(packets).values()
        for packet, later in pairwise(sorted(stream, key=lambda each: each.arrival_us))
        if (later.sequence - packet.sequence) & 0xFFFF < 0x8000
    )
