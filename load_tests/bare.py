"""What a lecture costs the kernel and the cipher alone, on this machine and at this moment.

Machines differ, and one machine differs from hour to hour: a server's cost per packet says more beside what
the same pictures and the same sound cost when nothing but AES-GCM and the kernel stands between the payloads
and the subscribers' sockets.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from .bursts import Bursts
from .media import AUDIO_CLOCK_HZ, AUDIO_FRAME_TICKS, Camera, Microphone
from .sink import Sink

HOST = "127.0.0.1"
HEADER_OCTETS = 20
"""RTP with the extensions that a subscriber of a lecture gets."""
BUFFER_OCTETS = 4 << 20
AUDIO_FRAME_US = AUDIO_FRAME_TICKS * 1_000_000 // AUDIO_CLOCK_HZ
SOUND_OFFSET_US = 7_000
"""Sound begins between two pictures: each by itself, as with a server that does not wait."""

Entry = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Bare:
    us_per_packet: float
    """Processor time of the sending thread."""
    datagrams_per_burst: float
    packets: int


async def bare(subscribers: int, seconds: float, camera: Camera, microphone: Microphone) -> Bare:
    """Over loopback, beside the event loop; takes `seconds`. Raises OSError, ValueError."""
    return await asyncio.to_thread(_bare, subscribers, seconds, camera, microphone)


def _bare(subscribers: int, seconds: float, camera: Camera, microphone: Microphone) -> Bare:
    schedule = sorted([*_pictures(camera, seconds), *_sound(microphone, seconds)])
    with ExitStack() as stack:
        sender = stack.enter_context(_udp())
        receivers = [stack.enter_context(_udp()) for _ in range(subscribers)]
        sink = Sink(subscribers)
        for receiver in receivers:
            receiver.connect(sender.getsockname())
            sink.add(receiver.fileno())
        sink.start()
        stack.callback(sink.stop)
        bursts = Bursts(sender.fileno(), HOST, [receiver.getsockname()[1] for receiver in receivers])
        used_s = bursts.send(schedule)
    packets = sum(count for _, count, _ in schedule)
    return Bare(used_s * 1e6 / (packets * subscribers), packets / len(schedule), packets * subscribers)


def _pictures(camera: Camera, seconds: float) -> Iterator[Entry]:
    for index in range(int(seconds * camera.frames_per_second)):
        payloads = camera.frame(index, index % camera.key_interval, camera.timestamp(index))
        due_us = index * 1_000_000 // camera.frames_per_second
        yield due_us, len(payloads), HEADER_OCTETS + max(map(len, payloads))


def _sound(microphone: Microphone, seconds: float) -> Iterator[Entry]:
    for due_us in range(SOUND_OFFSET_US, int(seconds * 1_000_000), AUDIO_FRAME_US):
        yield due_us, 1, HEADER_OCTETS + microphone.octets


def _udp() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_OCTETS)
    one.bind((HOST, 0))
    return one
