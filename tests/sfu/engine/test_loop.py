"""The packet thread on real sockets of the loopback interface."""

from __future__ import annotations

import errno
import gc
import os
import random
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sfu.engine.address import pack_address, unpack_address
from sfu.engine.engine import Engine, Event, EventKind
from sfu.engine.loop import Loop

SAFETY_S = 30.0
"""Nothing here takes so long; a test that waits for it has failed."""
UFRAG = "abcd"
VIDEO_SSRC = 0x1234


class Bound:
    """An engine bound to 127.0.0.1 and ::1, with one transport to talk about."""

    def __init__(self, answer_limit_s: float = 10.0) -> None:
        self.engine = Engine(seed=1)
        self.loop = Loop(self.engine, ["127.0.0.1", "::1"], 0, answer_limit_s=answer_limit_s)
        self.loop.start()
        self.transport = self.engine.add_transport(ufrag=UFRAG)
        self._events: list[Event] = []

    def event(self, *kinds: EventKind) -> Event:
        """The next one, or the next of these kinds."""
        while True:
            while not self._events:
                readable, _, _ = select.select([self.engine.event_fd()], [], [], SAFETY_S)
                assert readable, "no event came"
                self._events = self.engine.events()
            event = self._events.pop(0)
            if not kinds or event.kind in kinds:
                return event

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SAFETY_S
        while not condition():
            assert time.monotonic() < deadline, "it never came true"
            os.sched_yield()

    def until_counted(self, name: str, value: int = 1) -> None:
        self.until(lambda: {**self.engine.counters(), **self.loop.counters()}[name] >= value)


@pytest.fixture
def bound() -> Iterator[Bound]:
    bound = Bound()
    yield bound
    bound.loop.stop()


@contextmanager
def udp_socket(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(SAFETY_S)
        client.bind((host, 0))
        yield client


@contextmanager
def tcp_connection(bound: Bound, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection((host, bound.loop.port), timeout=SAFETY_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def stun_request(transaction: int = 1) -> bytes:
    """A binding request with nothing but USERNAME (RFC 8489)."""
    username = f"{UFRAG}:peer".encode()
    attribute = struct.pack("!HH", 6, len(username)) + username + bytes(-len(username) % 4)
    return struct.pack("!HHL", 1, len(attribute), 0x2112A442) + transaction.to_bytes(12) + attribute


def dtls_datagram(number: int, length: int) -> bytes:
    return bytes([22, 0xFE, 0xFD]) + number.to_bytes(4) + bytes([number % 251]) * (length - 7)


def framed(datagram: bytes) -> bytes:
    """RFC 4571."""
    return len(datagram).to_bytes(2) + datagram


def read_exactly(client: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = client.recv(length - len(found))
        assert part, "closed in the middle"
        found += part
    return found


def read_frame(client: socket.socket) -> bytes:
    return read_exactly(client, int.from_bytes(read_exactly(client, 2)))


def address_of(client: socket.socket, channel: int = 0) -> bytes:
    host, port = client.getsockname()[:2]
    return pack_address(host, port, channel)


def greet(bound: Bound, client: socket.socket) -> bytes:
    """Makes a TCP connection known to the engine; returns its address."""
    client.sendall(framed(stun_request()))
    address = bound.event(EventKind.STUN).address
    bound.engine.add_address(bound.transport, address)
    bound.engine.send(address, b"answer")
    assert read_frame(client) == b"answer"
    return address


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


# --- UDP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "channel"), [("127.0.0.1", 0), ("::1", 1)])
def test_stun_surfaces_and_is_answered_over_udp(bound: Bound, host: str, channel: int) -> None:
    with udp_socket(host) as client:
        client.sendto(stun_request(), (host, bound.loop.port))
        event = bound.event()
        assert (event.kind, event.transport, event.data) == (EventKind.STUN, bound.transport, stun_request())
        assert unpack_address(event.address) == (host, client.getsockname()[1], channel)
        bound.engine.send(event.address, b"answer")
        data, source = client.recvfrom(2048)
        assert (data, source[:2]) == (b"answer", (host, bound.loop.port))


def test_ten_equal_datagrams_leave_in_order(bound: Bound) -> None:
    with udp_socket() as client:
        for i in range(10):
            bound.engine.send(address_of(client), bytes([i]) * 100)
        assert [client.recv(2048) for _ in range(10)] == [bytes([i]) * 100 for i in range(10)]


def test_refused_destination_does_not_hold_up_the_next(bound: Bound) -> None:
    with udp_socket() as client:
        bound.engine.send(pack_address("::1", 9, 0), b"not on this channel")
        bound.engine.send(pack_address("127.0.0.1", 0, 0), b"to no port")
        bound.engine.send(pack_address("127.0.0.1", 9, 7), b"by no socket")
        bound.engine.send(address_of(client), b"arrives")
        assert client.recv(2048) == b"arrives"
        assert bound.loop.counters()["send_refused"] == 3
        assert bound.engine.counters()["drop_send"] == 3


def test_datagrams_of_impossible_sizes_are_counted(bound: Bound) -> None:
    with udp_socket() as client:
        client.sendto(b"", ("127.0.0.1", bound.loop.port))
        client.sendto(bytes(2049), ("127.0.0.1", bound.loop.port))
        client.sendto(stun_request(), ("127.0.0.1", bound.loop.port))
        assert bound.event().kind == EventKind.STUN
        assert bound.loop.counters()["receive_truncated"] == 1


# --- bursts ----------------------------------------------------------------------------------------------


def publish_video(bound: Bound, publisher: socket.socket) -> int:
    transport = bound.engine.add_transport()
    bound.engine.set_plain(transport)
    bound.engine.set_address(transport, address_of(publisher))
    return bound.engine.add_publication(
        transport,
        kind="video",
        mid="0",
        clock_rate=90_000,
        formats=[("VP8", 96, -1, True)],
        encodings=[("", VIDEO_SSRC, 0)],
    )


def subscribe_video(bound: Bound, publication: int, subscriber: socket.socket) -> None:
    transport = bound.engine.add_transport()
    bound.engine.set_plain(transport)
    bound.engine.set_address(transport, address_of(subscriber))
    bound.engine.add_subscription(
        transport, publication, mid="0", ssrc=7, rtx_ssrc=0, formats=[(96, -1, True)]
    )


def keyframe(sequence: int, packets: int) -> list[bytes]:
    """VP8, one frame; every packet of the same size."""
    found = []
    for i in range(packets):
        marker = 0x80 if i == packets - 1 else 0
        header = struct.pack("!BBHLL", 0x80, 96 | marker, sequence + i, 3000, VIDEO_SSRC)
        found.append(header + (b"\x10\x00" if i == 0 else b"\x00\x00") + bytes([i]) * 1000)
    return found


def receive_media(subscriber: socket.socket, count: int) -> list[bytes]:
    """Payloads of the next RTP packets; RTCP is passed over."""
    found: list[bytes] = []
    while len(found) < count:
        datagram = subscriber.recv(2048)
        if not 192 <= datagram[1] <= 223:
            found.append(datagram[12:])
    return found


@pytest.mark.parametrize(
    ("error", "off_after"),
    [(0, 0), (errno.EIO, 1), (errno.EINVAL, 8)],
    ids=["UDP_SEGMENT", "refused for all", "refused for each"],
)
def test_frames_arrive_whole_and_in_order(bound: Bound, error: int, off_after: int) -> None:
    bound.loop.pretend_gso_refused(error)
    with udp_socket() as publisher, udp_socket() as first, udp_socket() as second:
        publication = publish_video(bound, publisher)
        subscribe_video(bound, publication, first)
        subscribe_video(bound, publication, second)
        for sequence in range(100, 160, 10):
            frame = keyframe(sequence, 10)
            for datagram in frame:
                publisher.sendto(datagram, ("127.0.0.1", bound.loop.port))
            for subscriber in (first, second):
                assert [p[-1000:] for p in receive_media(subscriber, 10)] == [d[-1000:] for d in frame]
        counters = bound.engine.counters()
        assert counters["segmentation_off"] == bool(error)
        assert counters["drop_send"] == 0
        assert bound.loop.counters()["gso_refused"] >= off_after
        assert (counters["send_bursts"] == counters["datagrams_out"]) is bool(error)


def test_control_call_wakes_the_thread_for_its_deadline(bound: Bound) -> None:
    """Nothing arrives any more when somebody subscribes; the keyframe is asked for all the same."""
    with udp_socket() as publisher, udp_socket() as subscriber:
        publication = publish_video(bound, publisher)
        for datagram in keyframe(100, 1):
            publisher.sendto(datagram, ("127.0.0.1", bound.loop.port))
        bound.until_counted("rtp_in")
        subscribe_video(bound, publication, subscriber)
        while True:
            datagram = publisher.recv(2048)
            if b"\x81\xce" in datagram:
                break


# --- TCP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_stun_surfaces_and_is_answered_over_tcp(bound: Bound, host: str) -> None:
    with tcp_connection(bound, host) as client:
        for octet in framed(stun_request()):
            client.sendall(bytes([octet]))
        event = bound.event()
        assert (event.kind, event.data) == (EventKind.STUN, stun_request())
        assert unpack_address(event.address)[:2] == (host, client.getsockname()[1])
        assert unpack_address(event.address)[2] >= 16
        bound.engine.send(event.address, b"answer")
        assert read_frame(client) == b"answer"


def test_frames_in_any_pieces(bound: Bound) -> None:
    rng = random.Random(5)
    datagrams = [dtls_datagram(i, rng.choice([13, 100, 1200, 2048])) for i in range(200)]
    stream = b"".join(map(framed, datagrams))
    with tcp_connection(bound) as client:
        greet(bound, client)
        while stream:
            size = rng.choice([1, 2, 3, 700, 5000])
            client.sendall(stream[:size])
            stream = stream[size:]
        assert [bound.event().data for _ in datagrams] == datagrams


def test_null_frames_are_nothing_and_oversized_ones_are_skipped(bound: Bound) -> None:
    with tcp_connection(bound) as client:
        client.sendall(framed(b""))
        greet(bound, client)
        client.sendall(framed(b"") + framed(bytes(65535)) + framed(dtls_datagram(1, 50)))
        assert bound.event().data == dtls_datagram(1, 50)
        assert bound.loop.counters()["receive_truncated"] == 1


@pytest.mark.parametrize(
    "beginning",
    [b"GET / HTTP/1.1\r\n", framed(dtls_datagram(1, 50))[:3], framed(b"\x80\x60" + bytes(50)), b"\x08\x01"],
    ids=["HTTP", "DTLS", "RTP", "too long"],
)
def test_connection_that_does_not_begin_with_stun_is_closed(bound: Bound, beginning: bytes) -> None:
    with tcp_connection(bound) as client:
        client.sendall(beginning)
        assert is_closed(client)
        assert bound.loop.counters()["tcp_closed_not_stun"] == 1
        assert bound.loop.sockets()["tcp"] == 0


def test_connection_not_worth_an_answer_is_closed() -> None:
    bound = Bound(answer_limit_s=0.02)
    with tcp_connection(bound) as silent, tcp_connection(bound) as stranger:
        stranger.sendall(framed(stun_request().replace(UFRAG.encode(), b"none")))
        assert is_closed(silent)
        assert is_closed(stranger)
    assert bound.loop.counters()["tcp_closed_silent"] == 2
    bound.loop.stop()


def test_answered_connection_outlives_the_limit() -> None:
    bound = Bound(answer_limit_s=1.0)
    with tcp_connection(bound) as client, tcp_connection(bound) as silent:
        address = greet(bound, client)
        assert is_closed(silent)
        bound.engine.send(address, b"still here")
        assert read_frame(client) == b"still here"
    bound.loop.stop()


def test_peer_that_closes_is_reported(bound: Bound) -> None:
    with tcp_connection(bound) as client:
        address = greet(bound, client)
    event = bound.event()
    assert (event.kind, event.transport, event.address) == (EventKind.ADDRESS_GONE, bound.transport, address)
    bound.engine.send(address, b"too late")
    assert bound.loop.counters()["send_stream_gone"] == 1
    assert bound.loop.sockets()["tcp"] == 0


def test_closing_an_address_closes_its_connection_silently(bound: Bound) -> None:
    with tcp_connection(bound) as client, tcp_connection(bound) as other:
        address = greet(bound, client)
        bound.engine.close_address(address)
        assert is_closed(client)
        bound.engine.close_address(address)
        greet(bound, other)
        assert bound.loop.sockets()["tcp"] == 1


def test_channel_of_a_closed_connection_is_not_the_next_one(bound: Bound) -> None:
    channels = set()
    for _ in range(5):
        with tcp_connection(bound) as client:
            address = greet(bound, client)
            bound.engine.close_address(address)
            assert is_closed(client)
            channels.add(unpack_address(address)[2])
    assert len(channels) == 5


def test_slow_reader_loses_whole_datagrams_and_only_its_own(bound: Bound) -> None:
    with tcp_connection(bound) as slow, tcp_connection(bound) as other:
        slow_address, other_address = greet(bound, slow), greet(bound, other)
        sent = read = 0
        lost = 0
        numbers: list[int] = []
        for _ in range(8):
            while bound.loop.counters()["send_stream_full"] < lost + 10:
                bound.engine.send(slow_address, dtls_datagram(sent, 1000 + sent % 500))
                sent += 1
                assert sent < 100_000
            lost = bound.loop.counters()["send_stream_full"]
            for _ in range((sent - lost - read) // 3):
                frame = read_frame(slow)
                numbers.append(int.from_bytes(frame[3:7]))
                assert frame == dtls_datagram(numbers[-1], 1000 + numbers[-1] % 500)
                read += 1
        bound.engine.send(other_address, b"undisturbed")
        assert read_frame(other) == b"undisturbed"
        numbers += [int.from_bytes(read_frame(slow)[3:7]) for _ in range(sent - lost - read)]
        assert numbers == sorted(set(numbers))
        assert bound.engine.counters()["drop_send"] == lost
        bound.engine.send(slow_address, b"well again")
        assert read_frame(slow) == b"well again"


def test_churn_leaves_nothing_behind(bound: Bound) -> None:
    """Connections that close while the engine is sending to them."""
    for i in range(100):
        with tcp_connection(bound) as client:
            address = greet(bound, client)
            if i % 3 == 0:
                bound.engine.close_address(address)
        for _ in range(5):
            bound.engine.send(address, bytes(1200))
    bound.until(lambda: bound.loop.sockets()["tcp"] == 0)
    assert bound.engine.census()["addresses"] == 0


@contextmanager
def file_limit(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_wait_while_there_are_no_file_descriptors(bound: Bound) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(SAFETY_S)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        with file_limit(lowest_free):
            client.connect(("127.0.0.1", bound.loop.port))
            bound.until_counted("tcp_refused_files")
        greet(bound, client)


def test_one_address_has_only_so_many_unanswered_connections(bound: Bound) -> None:
    with file_limit(max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 2048)):
        clients = [socket.create_connection(("127.0.0.1", bound.loop.port)) for _ in range(257)]
        bound.until_counted("tcp_refused_address")
        assert bound.loop.sockets()["tcp"] == 256
        with tcp_connection(bound, "::1") as elsewhere:
            greet(bound, elsewhere)
        for client in clients:
            client.close()
        bound.until(lambda: bound.loop.sockets()["tcp"] == 0)
        with tcp_connection(bound) as again:
            greet(bound, again)


# --- local sockets ---------------------------------------------------------------------------------------


@contextmanager
def local_socket(bound: Bound) -> Iterator[tuple[socket.socket, bytes]]:
    fd, address = bound.loop.open_local()
    with socket.socket(fileno=fd) as peer:
        peer.settimeout(SAFETY_S)
        bound.engine.add_address(bound.transport, address)
        yield peer, address


def test_local_socket_keeps_datagrams_apart_both_ways(bound: Bound) -> None:
    with local_socket(bound) as (peer, address):
        for text in (b"one", b"two", b"three"):
            bound.engine.send(address, text)
        assert [peer.recv(2048) for _ in range(3)] == [b"one", b"two", b"three"]
        for i in range(100):
            peer.send(dtls_datagram(i, 100))
        assert [bound.event().data for _ in range(100)] == [dtls_datagram(i, 100) for i in range(100)]
        peer.send(bytes(3000))
        bound.until_counted("receive_truncated")
        assert bound.loop.sockets()["local"] == 1


def test_local_reader_that_stalls_loses_datagrams_and_nothing_waits(bound: Bound) -> None:
    with local_socket(bound) as (peer, address):
        sent = 0
        while not bound.loop.counters()["send_stream_full"]:
            bound.engine.send(address, dtls_datagram(sent, 1200))
            sent += 1
            assert sent < 100_000
        assert peer.recv(2048) == dtls_datagram(0, 1200)


def test_local_peer_that_closes_is_reported(bound: Bound) -> None:
    with local_socket(bound) as (_, address):
        pass
    event = bound.event()
    assert (event.kind, event.address) == (EventKind.ADDRESS_GONE, address)
    assert bound.loop.sockets()["local"] == 0


def test_local_sockets_are_limited(bound: Bound) -> None:
    fds = [bound.loop.open_local()[0] for _ in range(256)]
    with pytest.raises(OSError, match="Too many open files") as error:
        bound.loop.open_local()
    assert error.value.errno == errno.EMFILE
    for fd in fds:
        os.close(fd)
    bound.until(lambda: bound.loop.sockets()["local"] == 0)
    os.close(bound.loop.open_local()[0])


# --- life ------------------------------------------------------------------------------------------------


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_census_is_the_same_after_it_stopped() -> None:
    Bound().loop.stop()
    gc.collect()  # what other tests have left behind is not closed in the middle of this one
    files, running = open_files(), threads()
    for _ in range(3):
        bound = Bound()
        with tcp_connection(bound) as client, tcp_connection(bound), local_socket(bound):
            greet(bound, client)
            assert threads() == running + 1
            bound.loop.stop()
            assert is_closed(client)
        assert bound.engine.census()["addresses"] == 0
        assert bound.loop.sockets() == {"udp": 0, "tcp_listening": 0, "tcp": 0, "local": 0}
        assert bound.loop.counters()["tcp_accepted"] == 2
        assert bound.loop.cpu_seconds() > 0
        del bound
    assert threads() == running
    assert open_files() == files


def test_life_is_start_once_and_stop_at_any_time(bound: Bound) -> None:
    with pytest.raises(RuntimeError, match="once"):
        bound.loop.start()
    bound.loop.stop()
    bound.loop.stop()
    with pytest.raises(RuntimeError, match="once"):
        bound.loop.start()
    with pytest.raises(RuntimeError, match="stopped"):
        bound.loop.open_local()


def test_never_started() -> None:
    loop = Loop(Engine(), ["127.0.0.1"], 0)
    assert loop.sockets() == {"udp": 1, "tcp_listening": 1, "tcp": 0, "local": 0}
    loop.stop()
    assert loop.cpu_seconds() == 0


def test_after_it_stopped_datagrams_wait_in_the_engine_again(bound: Bound) -> None:
    bound.loop.stop()
    address = pack_address("127.0.0.1", 9)
    bound.engine.send(address, b"later")
    assert bound.engine.drain() == [(b"later", address)]


def test_port_in_use_is_an_error_that_names_it(bound: Bound) -> None:
    with pytest.raises(OSError, match=f"UDP 127.0.0.1:{bound.loop.port}: Address already in use"):
        Loop(Engine(), ["127.0.0.1"], bound.loop.port)


def test_number_of_hosts() -> None:
    for hosts in ([], ["127.0.0.1"] * 17):
        with pytest.raises(ValueError, match="1 to 16 hosts"):
            Loop(Engine(), hosts, 0)


def test_clock_is_the_monotonic_one(bound: Bound) -> None:
    before = time.monotonic_ns() // 1000
    now = bound.loop.now_us()
    assert before <= now <= time.monotonic_ns() // 1000


def test_cpu_time_only_grows(bound: Bound) -> None:
    before = bound.loop.cpu_seconds()
    with udp_socket() as client:
        client.sendto(stun_request(), ("127.0.0.1", bound.loop.port))
        bound.event()
    assert bound.loop.cpu_seconds() > before >= 0
