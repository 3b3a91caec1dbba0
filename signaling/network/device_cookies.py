"""Which browsers somebody has signed in from, by a cookie of the browser's own (OWASP: device cookies).

Guessing uses up what is free of an address and of a login. Whoever shows that they have been in from this
browser is counted by themselves: neither who sits beside them behind a school's one address, nor who guesses
their password from elsewhere, keeps them out. The cookie is a name by chance, and for each of the last logins
a digest under a key of ours: it names nobody, signs nobody in, and is good for no other login."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from aiohttp import web

from signaling.config import Config
from signaling.network.origin import is_secure

COOKIE: Final = "tongke_device"
KEPT_S: Final = 180 * 86_400
"""Over the summer holidays; anew at each sign-in."""
MAX_LOGINS: Final = 8
"""Of a family's tablet, or the latest at a computer of the school."""
NAME_BYTES: Final = 12
DIGEST_BYTES: Final = 16
_KEY_PURPOSE: Final = b"tongke device cookie 1"


class DeviceCookies:
    def __init__(self, signing_key: bytes) -> None:
        self._key = hmac.new(signing_key, _KEY_PURPOSE, hashlib.sha256).digest()

    def known(self, cookie: str, login: str) -> str:
        """What the browser is called, if the login has been in from it; else empty."""
        name, digests = _parts(cookie)
        own = self._digest(name, login).encode()
        # All are looked at: how long it takes tells nothing.
        found = [hmac.compare_digest(own, digest.encode()) for digest in digests]
        return name if name and login and any(found) else ""

    def with_login(self, cookie: str, login: str) -> str:
        """The cookie from now on: of one that is not ours, a new one."""
        name, digests = _parts(cookie)
        name = name or secrets.token_urlsafe(NAME_BYTES)
        own = self._digest(name, login)
        return ".".join([name, own, *(each for each in digests if each != own)][: MAX_LOGINS + 1])

    def _digest(self, name: str, login: str) -> str:
        made = hmac.new(self._key, f"{name} {login}".encode(), hashlib.sha256).digest()[:DIGEST_BYTES]
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def _parts(cookie: str) -> tuple[str, list[str]]:
    """Both empty: it is none."""
    name, *digests = cookie.split(".")
    ours = len(name) == NAME_BYTES * 4 // 3 and cookie.isascii() and 0 < len(digests) <= MAX_LOGINS
    return (name, digests) if ours else ("", [])


DEVICES: Final[web.AppKey[DeviceCookies]] = web.AppKey("device_cookies", DeviceCookies)


def shown_device(request: web.Request, config: Config) -> str:
    return request.cookies.get(_name(config), "")


def set_device(response: web.StreamResponse, config: Config, value: str) -> None:
    secure = is_secure(config)
    response.set_cookie(
        _name(config), value, path="/", max_age=KEPT_S, httponly=True, samesite="Lax", secure=secure
    )


def _name(config: Config) -> str:
    return f"__Host-{COOKIE}" if is_secure(config) else COOKIE
