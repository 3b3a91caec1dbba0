"""Where a request comes from and where the server is, when a reverse proxy stands between: the caller's
address, and the origin under which browsers know the server."""

from __future__ import annotations

import ipaddress
from typing import Final

from aiohttp import web

from signaling.config import Config
from signaling.keys import CONFIG
from signaling.webhook_guard import networks

IPV6_PREFIX: Final = 64
"""What one household or school has (RFC 6177); its devices change their addresses within it."""


def caller_address(request: web.Request) -> str:
    """By which attempts are counted: an IPv4 address or an IPv6 network. What `X-Forwarded-For` says counts
    as far as it was said by a proxy of `trusted_proxies`."""
    trusted = networks(request.app[CONFIG].trusted_proxies)
    address = request.remote or ""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while forwarded and _lies_in(address, trusted):
        address = forwarded.pop().strip()
    return _network(address)


def own_origin(request: web.Request) -> str:
    """`https://class.example.org`: `public_url`, or what the request was sent to."""
    return request.app[CONFIG].public_url.rstrip("/") or f"{request.scheme}://{request.host}"


def is_secure(config: Config) -> bool:
    """Browsers come by HTTPS."""
    return config.tls or config.public_url.startswith("https:")


def _lies_in(address: str, found: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed.version == network.version and parsed in network for network in found)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed)
