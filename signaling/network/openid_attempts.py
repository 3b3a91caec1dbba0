"""A sign-in on its way to the single sign-on and back: what ties the answer to the browser that asked.

Theory of operation. The browser keeps one secret in a signed cookie for ten minutes. `state`, `nonce` and the
PKCE verifier (RFC 7636) are three digests of it under a key of ours: so the cookie gives none of them away,
and nothing is kept here for whoever only begins. What comes back is taken once: a `state` that was used is
remembered until its cookie would have ended.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import jwt
import msgspec

from signaling.signed import ALGORITHM, InvalidSignature, payload_of

ATTEMPT_S: Final = 600
"""To type a password and a second factor there."""
MAX_USED: Final = 20_000
"""`state`s of ten minutes: 33 sign-ins a second; the oldest is forgotten, whose code the issuer refuses."""
SECRET_BYTES: Final = 32
MAX_COOKIE: Final = 2048
_KEY_PURPOSE: Final = b"tongke openid attempt 1"
_TYPE: Final = {"typ": "openid+jwt"}


class _Cookie(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    s: str
    """The secret."""
    exp: int
    to: str = ""
    keep: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    state: str
    nonce: str
    verifier: str
    to: str
    """Path of ours to go to afterwards."""
    keep: bool
    begun: int
    """Unix time in s."""
    again: bool = False
    """Also who is still signed in there shows that it is they."""

    @property
    def challenge(self) -> str:
        """RFC 7636, 4.2: S256."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Used:
    """What is good once, until it is over by itself."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def add(self, name: str, until: float, now: float) -> bool:
        """False: it was here before. Unix times in s."""
        if name in self._until:
            return False
        while self._until and (len(self._until) >= MAX_USED or next(iter(self._until.values())) <= now):
            self._until.popitem(last=False)
        self._until[name] = until
        return True


class OpenIdAttempts:
    def __init__(self, signing_key: bytes) -> None:
        self._key = hmac.new(signing_key, _KEY_PURPOSE, hashlib.sha256).digest()
        self._used = Used()

    def begin(self, *, to: str, keep: bool, now: float, again: bool = False) -> tuple[Attempt, str]:
        """With the cookie's value. now: Unix time in s."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        cookie = _Cookie(s=secret, exp=int(now) + ATTEMPT_S, to=to, keep=keep, again=again)
        return self._attempt(cookie), jwt.encode(msgspec.to_builtins(cookie), self._key, ALGORITHM, _TYPE)

    def take(self, cookie: str, state: str, now: float) -> Attempt | None:
        """Whose answer this is; None: of none that is under way, or it was taken before."""
        found = self._read(cookie)
        if found is None or found.exp <= now:
            return None
        attempt = self._attempt(found)
        if not hmac.compare_digest(attempt.state.encode(), state.encode()):
            return None
        return attempt if self._used.add(state, found.exp, now) else None

    def _read(self, cookie: str) -> _Cookie | None:
        if len(cookie) > MAX_COOKIE:
            return None
        try:
            return msgspec.json.decode(payload_of(cookie, self._key), type=_Cookie)
        except (InvalidSignature, msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def _attempt(self, cookie: _Cookie) -> Attempt:
        return Attempt(
            self._part(b"state", cookie),
            self._part(b"nonce", cookie),
            self._part(b"verifier", cookie),
            cookie.to,
            cookie.keep,
            cookie.exp - ATTEMPT_S,
            cookie.again,
        )

    def _part(self, name: bytes, cookie: _Cookie) -> str:
        return _text(hmac.new(self._key, name + b" " + cookie.s.encode(), hashlib.sha256).digest())


def _text(digest: bytes) -> str:
    """43 characters: as long as a verifier has to be (RFC 7636, 4.1)."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
