"""Credentials for an existing TURN server, by the REST scheme that coturn knows
(draft-uberti-behave-turn-rest-00).

The TURN server and we share a secret (coturn: `use-auth-secret`, `static-auth-secret`). A user name is
`EXPIRY:ID` with EXPIRY in Unix seconds, its password base64(HMAC-SHA1(secret, user name)): the TURN server
needs no list of users, and a credential that leaks is of no use after a while. ID is for the TURN server's
log only.

An allocation that stands outlives its credential; a new one needs a fresh one, so clients get them anew in
time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, Final

from signaling.duration import parse_duration
from signaling.messages import IceServer

if TYPE_CHECKING:
    from signaling.config import Config

REFRESH_AT: Final = 0.75
"""Part of their life after which credentials are handed out anew: a laptop that slept through the moment
still has some left."""
MIN_TTL_S: Final = 60.0
"""The clocks of two servers differ, and a browser takes a while to connect."""
MAX_TTL_S: Final = 7 * 86400.0
"""Longer, and the time limit means nothing."""

_URL: Final = re.compile(
    # RFC 7064, 7065: scheme:host[:port][?transport=udp|tcp]; host: name, IPv4 or [IPv6]
    r"(?:stuns?:(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?"
    r"|turns?:(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:\?transport=(?:udp|tcp))?)"
)


def is_ice_url(text: str) -> bool:
    """Whether it is a URL as browsers take them in `iceServers`."""
    return _URL.fullmatch(text) is not None


def needs_secret(urls: tuple[str, ...]) -> bool:
    """STUN servers ask for nothing, TURN servers always do."""
    return any(url.startswith("turn") for url in urls)


def ice_servers(config: Config, user: str, *, now: float | None = None) -> list[IceServer]:
    """What a client is to use beside our own candidates; empty when no server is configured.

    user: stands in the TURN server's log; an id, never a name. now: Unix seconds.
    """
    stun = [url for url in config.turn_urls if not url.startswith("turn")]
    turn = [url for url in config.turn_urls if url.startswith("turn")]
    servers = [IceServer(urls=stun)] if stun else []
    if turn:
        expiry = int((time.time() if now is None else now) + ttl_s(config))
        username = f"{expiry}:{user}"
        servers.append(
            IceServer(urls=turn, username=username, credential=password(config.turn_secret, username))
        )
    return servers


def password(secret: str, username: str) -> str:
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def ttl_s(config: Config) -> float:
    return parse_duration(config.turn_ttl)


def refresh_s(config: Config) -> float | None:
    """How long after one set of credentials the next is due; None when there are none."""
    return ttl_s(config) * REFRESH_AT if needs_secret(config.turn_urls) else None


def link_headers(servers: list[IceServer]) -> list[str]:
    """Values of `Link` header fields for WHIP and WHEP (RFC 9725, 4.6), one per URL."""
    return [_link(url, server) for server in servers for url in server.urls]


def _link(url: str, server: IceServer) -> str:
    parts = [f"<{url}>", 'rel="ice-server"']
    if server.username:
        parts.append(f'username="{_quoted(server.username)}"')
        parts.append(f'credential="{_quoted(server.credential)}"')
        parts.append('credential-type="password"')
    return "; ".join(parts)


def _quoted(text: str) -> str:
    """Inside a quoted-string (RFC 9110, 5.6.4)."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
