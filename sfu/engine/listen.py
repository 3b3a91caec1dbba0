"""Sockets of the packet thread: UDP and TCP on every host, all with one port number."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import ExitStack, closing

PORT_TRIES = 64
"""A port that is free for UDP is hardly ever taken for TCP; so many in a row mean something else is wrong."""
LISTEN_BACKLOG = 512
"""A school's classes opening their pages in the same second."""


def open_sockets(hosts: list[str], port: int) -> tuple[int, list[socket.socket], list[socket.socket]]:
    """Port, UDP sockets and listening TCP sockets, one of each per host, in order; non-blocking.

    hosts: IPv4 or IPv6 literals (ValueError for others). port 0: one that is free for both everywhere.
    Raises OSError, with the address in its text, when one cannot be bound.
    """
    families = [_family(host) for host in hosts]
    for tries_left in reversed(range(PORT_TRIES if port == 0 else 1)):
        try:
            return _open_all(hosts, families, port)
        except OSError:
            if tries_left == 0:
                raise
    raise AssertionError("unreachable")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET


def _open_all(
    hosts: list[str], families: list[socket.AddressFamily], port: int
) -> tuple[int, list[socket.socket], list[socket.socket]]:
    with ExitStack() as undo:
        udp = []
        for host, family in zip(hosts, families, strict=True):
            udp.append(undo.enter_context(closing(_bind(family, socket.SOCK_DGRAM, host, port))))
            port = port or udp[0].getsockname()[1]
        tcp = [
            undo.enter_context(closing(_bind(family, socket.SOCK_STREAM, host, port)))
            for host, family in zip(hosts, families, strict=True)
        ]
        undo.pop_all()
        return port, udp, tcp


def _bind(family: socket.AddressFamily, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            # so that a restarted server need not wait for its old connections to time out
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        if kind == socket.SOCK_STREAM:
            bound.listen(LISTEN_BACKLOG)
    except OSError as error:
        bound.close()
        protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        where = f"[{host}]" if family == socket.AF_INET6 else host
        raise OSError(error.errno, f"{protocol} {where}:{port}: {error.strerror}") from None
    return bound
