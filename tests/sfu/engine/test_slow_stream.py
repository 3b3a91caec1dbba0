"""A TCP subscriber that reads far less than it is sent: all sound, whole pictures, and nobody else waits."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from sfu.engine.address import pack_address, unpack_address
from sfu.engine.engine import Engine, EventKind
from sfu.engine.loop import Loop

SAFETY_S = 30.0
FPS = 30
FRAMES = 20 * FPS
GROUP = 2 * FPS
"""A keyframe every 2 s."""
VIDEO, AUDIO = 0x1234, 0x5678
PACKET_BYTES = 1100
KEYFRAME_PACKETS, DELTA_PACKETS = 36, 5
"""40 kB, and what makes 1.5 Mbit/s together."""
READ_PART = 200 / 1500
RECEIVE_BUFFER = 4096


def picture(number: int, sequence: int) -> list[bytes]:
    """VP8 (RFC 7741); its number in every packet."""
    key = number % GROUP == 0
    count = KEYFRAME_PACKETS if key else DELTA_PACKETS
    found = []
    for i in range(count):
        marker = 0x80 if i == count - 1 else 0
        head = struct.pack("!BBHLL", 0x80, 96 | marker, (sequence + i) & 0xFFFF, 3000 * number, VIDEO)
        descriptor = (b"\x10" + bytes([not key])) if i == 0 else b"\x00\x00"
        found.append(head + descriptor + struct.pack("!HBB", number, i, count) + bytes(PACKET_BYTES))
    return found


def sound(number: int) -> bytes:
    head = struct.pack("!BBHLL", 0x80, 111, number & 0xFFFF, 960 * number, AUDIO)
    return head + struct.pack("!H", number) + bytes(120)


@dataclass
class Heard:
    """What a subscriber made of its datagrams."""

    sounds: list[int] = field(default_factory=list)
    packets: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(sequence, picture, place in it, packets of it)"""

    def datagram(self, data: bytes) -> None:
        if len(data) < 14 or not 128 <= data[0] <= 191 or 192 <= data[1] <= 223:
            return
        if data[1] & 127 == 111:
            self.sounds.append(struct.unpack_from("!H", data, 12)[0])
        else:
            self.packets.append((struct.unpack_from("!H", data, 2)[0], *struct.unpack_from("!HBB", data, 14)))

    @property
    def pictures(self) -> list[int]:
        """In order; fails when one is not whole, or the numbering has a gap."""
        found: list[int] = []
        expected = 0
        for place, (sequence, number, at, count) in enumerate(self.packets):
            if place:
                assert sequence == (self.packets[place - 1][0] + 1) & 0xFFFF
            assert at == expected, f"picture {number} is not whole"
            expected = (at + 1) % count
            if expected == 0:
                found.append(number)
        assert expected == 0
        return found


class TcpReader:
    """RFC 4571 frames, read when told."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.heard = Heard()
        self._data = b""

    def read(self, limit: int) -> int:
        """At most so many bytes of what is there."""
        try:
            part = self.client.recv(limit, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        assert part, "closed"
        self._data += part
        while len(self._data) >= 2 and len(self._data) >= 2 + int.from_bytes(self._data[:2]):
            end = 2 + int.from_bytes(self._data[:2])
            self.heard.datagram(self._data[2:end])
            self._data = self._data[end:]
        return len(part)


class Bed:
    """A publisher of picture and sound, and whom it reaches."""

    def __init__(self) -> None:
        self.engine = Engine(seed=1)
        self.loop = Loop(self.engine, ["127.0.0.1"], 0)
        self.loop.start()
        self.publisher = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.publisher.bind(("127.0.0.1", 0))
        self.publisher.connect(("127.0.0.1", self.loop.port))
        transport = self.plain(pack_address(*self.publisher.getsockname()))
        self.video = self.engine.add_publication(
            transport,
            kind="video",
            mid="0",
            clock_rate=90_000,
            formats=[("VP8", 96, -1, True)],
            encodings=[("", VIDEO, 0)],
        )
        self.audio = self.engine.add_publication(
            transport,
            kind="audio",
            mid="1",
            clock_rate=48_000,
            formats=[("opus", 111, -1, False)],
            encodings=[("", AUDIO, 0)],
        )
        self.sent = 0

    def plain(self, address: bytes) -> int:
        transport = self.engine.add_transport()
        self.engine.set_plain(transport)
        self.engine.set_address(transport, address)
        return transport

    def subscribe(self, address: bytes) -> tuple[int, int]:
        """(video, audio)"""
        transport = self.plain(address)
        add = self.engine.add_subscription
        return (
            add(transport, self.video, mid="0", ssrc=7, rtx_ssrc=0, formats=[(96, -1, True)]),
            add(transport, self.audio, mid="1", ssrc=8, rtx_ssrc=0, formats=[(111, -1, False)]),
        )

    def send(self, *packets: bytes) -> None:
        """Returns when the engine has them."""
        for packet in packets:
            self.publisher.send(packet)
        self.sent += len(packets)
        self.until(lambda: self.engine.counters()["rtp_in"] >= self.sent)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SAFETY_S
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            os.sched_yield()

    @contextmanager
    def tcp(self) -> Iterator[tuple[TcpReader, bytes]]:
        """A connection with a small receive buffer, known to the engine, and its address there."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            client.connect(("127.0.0.1", self.loop.port))
            self.engine.add_transport(ufrag="abcd")
            username = b"abcd:peer\0\0\0"
            request = (
                struct.pack("!HHL", 1, 4 + 12, 0x2112A442) + bytes(12) + struct.pack("!HH", 6, 9) + username
            )
            client.sendall(len(request).to_bytes(2) + request)
            found: list[bytes] = []
            self.until(
                lambda: bool(
                    found.extend(e.address for e in self.engine.events() if e.kind == EventKind.STUN) or found
                )
            )
            assert unpack_address(found[0])[2] >= 16
            yield TcpReader(client), found[0]


@pytest.fixture
def bed() -> Iterator[Bed]:
    bed = Bed()
    yield bed
    bed.publisher.close()
    bed.loop.stop()


def test_a_slow_reader_gets_all_sound_and_whole_pictures(bed: Bed) -> None:
    with bed.tcp() as (slow, address), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(SAFETY_S)
        video, audio = bed.subscribe(address)
        bed.subscribe(pack_address(*other.getsockname()))
        undisturbed, sequence, quota = Heard(), 0, 0.0
        for number in range(FRAMES):
            packets = picture(number, sequence)
            sequence += len(packets)
            bed.send(sound(number), *packets)
            while len(undisturbed.packets) < sequence or len(undisturbed.sounds) <= number:
                undisturbed.datagram(other.recv(2048))
            quota += READ_PART * sum(len(packet) for packet in packets)
            while quota >= 1 and (read := slow.read(int(quota))):
                quota -= read
        for subscription, heard in ((video, slow.heard.packets), (audio, slow.heard.sounds)):
            sent = bed.engine.subscription_stats(subscription)["packets_sent"]
            bed.until(lambda sent=sent, heard=heard: slow.read(65536) == 0 and len(heard) >= sent)

        assert undisturbed.pictures == undisturbed.sounds == list(range(FRAMES))
        assert slow.heard.sounds == list(range(FRAMES))
        pictures = slow.heard.pictures
        assert 2 * FRAMES // GROUP <= len(pictures) < FRAMES / 2
        for before, after in itertools.pairwise(pictures):
            assert after == before + 1 or after % GROUP == 0, "it refers to a picture that was left out"
        left_out = bed.engine.counters()["drop_frame_slow_stream"]
        assert bed.engine.subscription_stats(video)["frames_dropped"] == left_out == FRAMES - len(pictures)
        assert bed.loop.counters()["send_stream_full"] == 0


def test_who_catches_up_gets_every_picture_again(bed: Bed) -> None:
    with bed.tcp() as (reader, address):
        video, _ = bed.subscribe(address)
        stats: Callable[[], dict[str, int]] = lambda: bed.engine.subscription_stats(video)  # noqa: E731
        number = sequence = 0
        while stats()["frames_dropped"] == 0:
            packets = picture(number, sequence)
            bed.send(*packets)
            number, sequence = number + 1, sequence + len(packets)
        bed.until(lambda: reader.read(65536) == 0 and len(reader.heard.packets) >= stats()["packets_sent"])
        shed = stats()["frames_dropped"] + (GROUP - number % GROUP)
        end = number + (GROUP - number % GROUP) + GROUP
        while number < end:
            packets = picture(number, sequence)
            bed.send(*packets)
            number, sequence = number + 1, sequence + len(packets)
            bed.until(
                lambda: reader.read(65536) == 0 and len(reader.heard.packets) >= stats()["packets_sent"]
            )
        assert stats()["frames_dropped"] == shed
        assert reader.heard.pictures[-GROUP:] == list(range(end - GROUP, end))


def test_who_never_reads_costs_a_bounded_backlog_and_nobody_else_anything(bed: Bed) -> None:
    with bed.tcp() as (_, address), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(SAFETY_S)
        video, audio = bed.subscribe(address)
        bed.subscribe(pack_address(*other.getsockname()))
        undisturbed, sequence = Heard(), 0
        for number in range(2 * FRAMES):
            packets = picture(number, sequence)
            sequence += len(packets)
            bed.send(sound(number), *packets)
            while len(undisturbed.packets) < sequence or len(undisturbed.sounds) <= number:
                undisturbed.datagram(other.recv(2048))
        assert undisturbed.pictures == undisturbed.sounds == list(range(2 * FRAMES))
        # all pictures after the first few were left out before anything was copied for them
        video_bytes = bed.engine.subscription_stats(video)["bytes_sent"]
        assert video_bytes < 1 << 20
        left_out = bed.engine.subscription_stats(video)["frames_dropped"]
        assert left_out == bed.engine.counters()["drop_frame_slow_stream"] > FRAMES
        assert bed.engine.subscription_stats(audio)["packets_sent"] == 2 * FRAMES
        assert bed.loop.sockets()["tcp"] == 1  # patience ends with TCP_USER_TIMEOUT, or with consent
