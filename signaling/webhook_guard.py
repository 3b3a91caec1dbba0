"""Where webhooks may go: so that who may set one up cannot have this server knock at doors that only it
reaches (server-side request forgery).

Theory of operation
-------------------
An organizer names a URL; what its host means is known only when it is resolved, and may change from one look
to the next. So the check is made where the connection is: every address that is about to be connected to goes
through `Guard.socket`, whether it stood in the URL or came from a resolver, and is refused unless it may be
told. There is nothing between the check and the connection that could resolve anew. (Redirects are not
followed at all, and no proxy of the environment is used.)

An address may be told when it is public. What is not (this machine, private and link-local networks,
multicast, reserved blocks; IANA's registries of special-purpose addresses, RFC 6890) may be when a network of
`webhook_allow` holds it, and nothing may that a network of `webhook_deny` holds. An IPv6 address that only
wraps an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged as both.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address."""
_THIS_MACHINE: Final = ("localhost", "localhost.localdomain")


class AddressRefused(OSError):  # noqa: N818 - an answer, not a fault
    """Webhooks may not go to this address."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "webhooks may not go to this address (webhook_allow)")


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation, or single addresses. ValueError for what is none."""
    return tuple(ipaddress.ip_network(text) for text in texts)


class Guard:
    def __init__(self, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        """As in the settings. ValueError."""
        self._allow = networks(allow)
        self._deny = networks(deny)

    def admits(self, host: str) -> bool:
        """Whether webhooks may go to this address. What is no address is not admitted."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        meant = (address, *_wrapped(address))
        if any(_lies_in(each, self._deny) for each in meant):
            return False
        return all(_is_public(each) for each in meant) or any(_lies_in(each, self._allow) for each in meant)

    def may_be(self, url: str) -> bool:
        """Whether a URL that is being set up has a chance: its host is a name, to be resolved when events
        go there, or an address that is admitted. Not the check that counts."""
        host = (urlsplit(url).hostname or "").rstrip(".")
        if host in _THIS_MACHINE:
            return self.admits("127.0.0.1") or self.admits("::1")
        try:
            # As the C library reads it: 127.1 and 0x7f000001 are addresses, too.
            return self.admits(socket.inet_ntoa(socket.inet_aton(host)))
        except OSError:
            return ":" not in host or self.admits(host)

    def socket(self, address: tuple[Any, ...]) -> socket.socket:
        """A socket to connect to this address (as of getaddrinfo) with. Raises AddressRefused."""
        family, kind, protocol, _, (host, *_) = address
        if not self.admits(host):
            raise AddressRefused
        return socket.socket(family, kind, protocol)


def _wrapped(address: Address) -> Iterator[Address]:
    """The IPv4 addresses to which an IPv6 address leads."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        return True  # what it wraps is what counts
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special


def _lies_in(address: Address, found: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in found)
