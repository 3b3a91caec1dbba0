"""Ports: one number for both protocols, and errors that say which address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from sfu.engine.listen import open_sockets

OWN, OWN_TOO = "127.83.70.85", "127.83.70.86"
"""Where nothing else listens: a port that is taken on one is free on the other, and stays so."""


@contextmanager
def holder(host: str, kind: socket.SocketKind) -> Iterator[int]:
    """The number of a port that somebody has for this protocol alone."""
    with socket.socket(socket.AF_INET, kind) as held:
        held.bind((host, 0))
        if kind == socket.SOCK_STREAM:
            held.listen()
        yield held.getsockname()[1]


def close_all(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()


def test_one_port_for_both_protocols_on_every_host() -> None:
    port, udp, tcp = open_sockets(["127.0.0.1", "::1", "127.0.0.2"], 0)
    try:
        assert [s.getsockname()[:2] for s in udp] == [("127.0.0.1", port), ("::1", port), ("127.0.0.2", port)]
        assert [s.getsockname()[:2] for s in tcp] == [s.getsockname()[:2] for s in udp]
        assert not any(s.getblocking() for s in (*udp, *tcp))
    finally:
        close_all((*udp, *tcp))


def test_both_wildcards_together() -> None:
    port, udp, tcp = open_sockets(["0.0.0.0", "::"], 0)
    assert len({s.getsockname()[1] for s in (*udp, *tcp)} | {port}) == 1
    close_all((*udp, *tcp))


@pytest.mark.parametrize(
    ("kind", "protocol"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")], ids=["udp", "tcp"]
)
def test_port_in_use_is_named(kind: socket.SocketKind, protocol: str) -> None:
    with holder(OWN, kind) as port:
        with pytest.raises(OSError, match=f"{protocol} {OWN}:{port}: Address already in use") as error:
            open_sockets([OWN], port)
        assert error.value.errno == errno.EADDRINUSE


def test_nothing_stays_open_after_an_error() -> None:
    with holder(OWN, socket.SOCK_STREAM) as port, pytest.raises(OSError, match=f"TCP {OWN}:{port}"):
        open_sockets([OWN_TOO, OWN], port)
    close_all(s for group in open_sockets([OWN_TOO, OWN], port)[1:] for s in group)


@pytest.mark.parametrize(
    ("host", "shown"), [("192.0.2.1", r"192\.0\.2\.1"), ("2001:db8::1", r"\[2001:db8::1\]")]
)
def test_address_of_another_machine(host: str, shown: str) -> None:
    with pytest.raises(OSError, match=f"UDP {shown}:0"):
        open_sockets([host], 0)


def test_names_are_not_looked_up() -> None:
    with pytest.raises(ValueError, match="localhost"):
        open_sockets(["localhost"], 0)
