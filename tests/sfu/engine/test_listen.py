"""Ports: one number for both protocols, and errors that say which address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

import pytest

from sfu.engine.listen import open_sockets


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
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match=f"{protocol} 127.0.0.1:{port}: Address already in use") as error:
            open_sockets(["127.0.0.1"], port)
        assert error.value.errno == errno.EADDRINUSE


def test_nothing_stays_open_after_an_error() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as holder:
        holder.bind(("::1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match=rf"TCP \[::1\]:{port}"):
            open_sockets(["127.0.0.1", "::1"], port)
    close_all(s for group in open_sockets(["127.0.0.1", "::1"], port)[1:] for s in group)


def test_address_of_another_machine() -> None:
    with pytest.raises(OSError, match=r"UDP 192\.0\.2\.1:0"):
        open_sockets(["192.0.2.1"], 0)


def test_names_are_not_looked_up() -> None:
    with pytest.raises(ValueError, match="localhost"):
        open_sockets(["localhost"], 0)
