"""RFC 4571 framing on real connections: streams of frames that are mutated, cut anywhere, and torn off.

Beside the hostile connection stands an honest one, which must get every answer.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from sfu.engine.engine import Engine
from sfu.engine.loop import Loop

from .mutator import Mutator

HONEST, HOSTILE = "nice", "evil"
"""Local user fragments."""
DTLS = 22
TIMEOUT_S = 10.0
"""Nothing on the loopback interface takes so long."""
IN_ONE_CONNECTION = 4
"""Pieces; the next are sent on a new connection."""


def binding_request(number: int, ufrag: str = HOSTILE) -> bytes:
    username = f"{ufrag}:peer".encode()
    attribute = struct.pack("!HH", 6, len(username)) + username + bytes(-len(username) % 4)
    return struct.pack("!HHI", 1, len(attribute), 0x2112A442) + number.to_bytes(12, "big") + attribute


def framed(datagram: bytes) -> bytes:
    return len(datagram).to_bytes(2, "big") + datagram


STREAMS = (
    b"".join(framed(binding_request(n)) for n in range(5)),
    framed(binding_request(1)) + framed(bytes([0x80, 96]) + bytes(1200)) * 3,
    framed(binding_request(1)) + bytes(20) + framed(bytes([22]) + bytes(300)),
    framed(binding_request(1)) + framed(bytes([0x80, 96]) + bytes(3000)) + framed(binding_request(2)),
)


@contextmanager
def listening() -> Iterator[tuple[Engine, Loop]]:
    engine = Engine(seed=1)
    loop = Loop(engine, ["127.0.0.1"], 0)
    loop.start()
    try:
        yield engine, loop
    finally:
        loop.stop()


class Honest:
    """One connection that asks, and waits for its answer."""

    def __init__(self, engine: Engine, port: int) -> None:
        self.engine = engine
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.asked = 0
        transport = engine.add_transport(ufrag=HONEST)
        greeting = binding_request(0, HONEST)
        self.socket.sendall(framed(greeting))
        engine.add_address(transport, self._arrived(greeting))

    def ask(self) -> None:
        """Raises TimeoutError when no answer comes."""
        self.asked += 1
        question = bytes([DTLS]) + self.asked.to_bytes(8, "big")
        self.socket.sendall(framed(question))
        self.engine.send(self._arrived(question), b"answer")
        assert self.socket.recv(8) == framed(b"answer")

    def _arrived(self, datagram: bytes) -> bytes:
        """From which address the engine says that it came."""
        while select.select([self.engine.event_fd()], [], [], TIMEOUT_S)[0]:
            for event in self.engine.events():
                if event.data == datagram:
                    return event.address
        raise TimeoutError("it never arrived")


def fuzz_framing(runs: int, seed: int) -> dict[str, int]:
    """The loop's counters after so many pieces of hostile streams."""
    mutator = Mutator(seed)
    with listening() as (engine, loop):
        engine.add_transport(ufrag=HOSTILE)
        honest = Honest(engine, loop.port)
        for _ in range(0, runs, IN_ONE_CONNECTION):
            with socket.create_connection(("127.0.0.1", loop.port), timeout=TIMEOUT_S) as hostile:
                hostile.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                send_pieces(hostile, mutator)
            honest.ask()
        honest.socket.close()
        return loop.counters()


def send_pieces(hostile: socket.socket, mutator: Mutator) -> None:
    try:
        for _ in range(IN_ONE_CONNECTION):
            stream = mutator.bytes(STREAMS) if mutator.random.random() < 0.9 else STREAMS[0]
            cut = mutator.random.randrange(len(stream) + 1)
            hostile.sendall(stream[:cut])
            hostile.sendall(stream[cut:])
    except ConnectionError:
        return  # the server has hung up
