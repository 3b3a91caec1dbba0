"""No media packet enters Python: packets are forwarded while this thread holds the GIL and never gives it up.

Everything between `hold` and the end runs in this one thread. `ctypes.PyDLL` calls C functions without
releasing the GIL, and the switch interval keeps the interpreter from handing it to another thread in between.
If the packet thread needed Python for a single packet, `recv` would wait until its own time limit, and fail.
"""

import ctypes
import socket
import struct
import sys

import pytest
from pylibsrtp import Policy, Session

from sfu.engine.address import pack_address
from sfu.engine.engine import Engine
from sfu.engine.loop import Loop

PACKETS = 200
LIBC = ctypes.PyDLL(None, use_errno=True)
GCM = Policy.SRTP_PROFILE_AEAD_AES_128_GCM


def session(key: bytes, direction: int) -> Session:
    return Session(Policy(key, direction, 0, GCM))


@pytest.fixture
def hold():
    """Keeps the GIL with this thread."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def engine():
    engine = Engine()
    loop = Loop(engine, ["127.0.0.1"], 0)
    loop.start()
    yield engine, loop.port
    loop.stop()


def udp_socket(port: int) -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.connect(("127.0.0.1", port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
    return s


def transport_for(engine: Engine, s: socket.socket, key_in: bytes, key_out: bytes) -> int:
    transport = engine.add_transport()
    engine.set_address(transport, pack_address("127.0.0.1", s.getsockname()[1]))
    engine.set_keys(
        transport,
        session(key_in, Policy.SSRC_ANY_INBOUND),
        session(key_out, Policy.SSRC_ANY_OUTBOUND),
        aead_key=key_out,
    )
    return transport


def rtp(sequence: int) -> bytes:
    return (
        struct.pack("!BBHII", 0x80, 0x80 | 111, sequence, 960 * sequence, 42) + bytes([sequence & 255]) * 100
    )


def test_forwarded_while_the_gil_is_held(engine, hold):
    engine, port = engine
    with udp_socket(port) as sender, udp_socket(port) as receiver:
        publisher = transport_for(engine, sender, b"a" * 28, b"b" * 28)
        subscriber = transport_for(engine, receiver, b"c" * 28, b"d" * 28)
        publication = engine.add_publication(
            publisher,
            kind="audio",
            mid="0",
            clock_rate=48000,
            formats=[("opus", 111, -1, False)],
            encodings=[],
        )
        engine.add_subscription(
            subscriber, publication, mid="0", ssrc=7, rtx_ssrc=0, formats=[(96, -1, False)]
        )
        protect, unprotect = (
            session(b"a" * 28, Policy.SSRC_ANY_OUTBOUND),
            session(b"d" * 28, Policy.SSRC_ANY_INBOUND),
        )
        buffer = ctypes.create_string_buffer(2000)
        got = []
        for n in range(PACKETS):
            datagram = protect.protect(rtp(n))
            assert LIBC.send(sender.fileno(), datagram, len(datagram), 0) == len(datagram)
            size = LIBC.recv(receiver.fileno(), buffer, len(buffer), 0)
            assert size > 0, "nothing was forwarded while Python was held"
            got.append(unprotect.unprotect(buffer.raw[:size]))
        assert [packet[-1] for packet in got] == [n & 255 for n in range(PACKETS)]
        assert {struct.unpack_from("!I", packet, 8)[0] for packet in got} == {7}
    assert [event.kind.name for event in engine.events()] == ["PUBLICATION_STARTED"]
