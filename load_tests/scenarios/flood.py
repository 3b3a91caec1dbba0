"""A flood from strangers: datagrams of unknown addresses at a steady rate, while somebody's media goes on.

    python -m load_tests.scenarios.flood --kind stun --rate 50000 --seconds 10

Two windows are measured, without and with the flood; in both a test connection (signaling/diagnosis.py)
sends packets at 3 Mbit/s and gets them back. The flood comes from a process of its own with many sockets.
What it costs is the difference of the server's processor time, which does not depend on who else uses the
machine; how many datagrams there were is what the server counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import secrets
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from sfu.dtls import generate_certificate
from signaling.auth import Tokens
from signaling.doctor.http_probe import HttpProbe
from signaling.doctor.media_probe import Echo, MediaProbe
from signaling.doctor.ways import UdpWay

from ..evidence import parse_metrics
from ..process import usage
from ..server import ServerProcess
from ..whip import WhipClient

SOCKETS: Final = 256
"""Addresses that the flood comes from."""
TICK_S: Final = 0.002
MAX_RATE: Final = 500_000
TOKEN_TTL_S: Final = 600
PACKET_THREAD: Final = "packets"


def stun() -> bytes:
    """A binding request for a ufrag that nobody has (RFC 8489)."""
    username = secrets.token_hex(4).encode() + b":stranger"
    attribute = struct.pack("!HH", 6, len(username)) + username + bytes(-len(username) % 4)
    return struct.pack("!HHL", 1, len(attribute), 0x2112A442) + secrets.token_bytes(12) + attribute


def dtls() -> bytes:
    """The head of a ClientHello record (RFC 6347, 4.1), and noise."""
    return bytes([22, 0xFE, 0xFD]) + bytes(8) + (180).to_bytes(2) + secrets.token_bytes(180)


def media() -> bytes:
    """RTP of nobody."""
    return struct.pack("!BBHLL", 0x80, 96, 1, 1, 1) + secrets.token_bytes(1000)


KINDS: Final[dict[str, Callable[[], bytes]]] = {"stun": stun, "dtls": dtls, "media": media}


@dataclass(frozen=True, slots=True)
class Window:
    """One measurement."""

    seconds: float
    datagrams: int
    """That arrived at the server, of all kinds."""
    packet_thread_s: float
    process_s: float
    echo: Echo


@dataclass(frozen=True, slots=True)
class FloodReport:
    kind: str
    quiet: Window
    flood: Window

    @property
    def rate(self) -> float:
        """Datagrams/s of the flood that arrived."""
        return (self.flood.datagrams - self.quiet.datagrams) / self.flood.seconds

    @property
    def core_percent(self) -> float:
        """What the flood costs, of one core: the whole server, less what it used without."""
        quiet = self.quiet.process_s / self.quiet.seconds
        return 100 * (self.flood.process_s / self.flood.seconds - quiet)

    @property
    def lost(self) -> int:
        """Media packets that did not come back during the flood."""
        return self.flood.echo.sent - self.flood.echo.returned


def send(port: int, kind: str, rate: int, told: Connection) -> None:
    """The other process: says that it begins, and floods until told to end."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    datagrams = [KINDS[kind]() for _ in range(SOCKETS)]
    for each in sockets:
        each.connect(("127.0.0.1", port))
        each.setblocking(False)
    told.send(None)
    sent, begin = 0, time.monotonic()
    while not told.poll():
        due = int((time.monotonic() - begin) * rate)
        while sent < due:
            with contextlib.suppress(OSError):  # a line that is full loses it
                sockets[sent % SOCKETS].send(datagrams[sent % SOCKETS])
            sent += 1
        time.sleep(TICK_S)
    told.send(None)


class Flood:
    """`async with Flood(...)`: from the beginning of the block to its end."""

    def __init__(self, port: int, kind: str, rate: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=send, args=(port, kind, rate, theirs), daemon=True)

    async def __aenter__(self) -> Flood:
        self._process.start()
        await asyncio.to_thread(self._ours.recv)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ours.send(None)
        await asyncio.to_thread(self._ours.recv)
        self._process.join()


async def flood(kind: str, rate: int, seconds: float, arguments: Sequence[str] = ()) -> FloodReport:
    """Runs it against a server of its own. Raises ServerDidNotStart, WayFailed."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ServerProcess(arguments=arguments))
        token = Tokens.open(server.data).issue(
            person="flood", role="student", lesson="demo", name="", now=time.time(), ttl_s=TOKEN_TTL_S
        )
        http = HttpProbe(server.url, token, "en")
        stack.push_async_callback(http.close)
        probe = MediaProbe(generate_certificate())
        stack.push_async_callback(probe.close)
        probe.answered((await http.connect(probe.offer)).sdp)
        way = UdpWay("127.0.0.1", server.media_port)
        await way.open()
        await probe.connect(way)
        await probe.secure()
        door = await stack.enter_async_context(WhipClient(server.url))
        quiet = await _window(server.pid, door, probe, seconds)
        async with Flood(server.media_port, kind, rate):
            during = await _window(server.pid, door, probe, seconds)
        return FloodReport(kind, quiet, during)


async def _window(pid: int, door: WhipClient, probe: MediaProbe, seconds: float) -> Window:
    datagrams = await _datagrams(door)
    before, begin = usage(pid), time.monotonic()
    echo = await probe.measure(seconds)
    after, elapsed = usage(pid), time.monotonic() - begin
    datagrams = await _datagrams(door) - datagrams
    thread = _packet_thread(pid)
    used = after.threads_s.get(thread, 0.0) - before.threads_s.get(thread, 0.0)
    return Window(elapsed, datagrams, used, after.process_s - before.process_s, echo)


async def _datagrams(door: WhipClient) -> int:
    return int(parse_metrics(await door.metrics())["tongke_datagrams_in_total"])


def _packet_thread(pid: int) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == PACKET_THREAD:
            return int(task.name)
    return 0


def table(report: FloodReport) -> str:
    """As people read it."""
    lines = [f"flood of {report.kind}: {report.rate:,.0f} datagrams/s from {SOCKETS} addresses"]
    for name, window in (("without", report.quiet), ("with", report.flood)):
        thread = 100 * window.packet_thread_s / window.seconds
        process = 100 * window.process_s / window.seconds
        lines.append(
            f"  {name:8} packet thread {thread:5.1f} % of a core, server {process:5.1f} %,"
            f" media {window.echo.returned} of {window.echo.sent} packets"
        )
    lines.append(f"  costs {report.core_percent:.1f} % of a core, {report.lost} media packets lost")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.scenarios.flood", description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), default="stun")
    parser.add_argument("--rate", type=int, default=50_000, metavar="DATAGRAMS", help="per second")
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args(sys.argv[1:] if words is None else words)
    if not 0 < options.rate <= MAX_RATE or not 0 < options.seconds <= 12:
        parser.error(f"--rate up to {MAX_RATE}, --seconds up to 12 (a test connection lives 30 s)")
    print(table(asyncio.run(flood(options.kind, options.rate, options.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
