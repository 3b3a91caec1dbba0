"""A sign-in from beginning to end: the secret that a browser gets, how long it lasts, how often passwords may
be tried.

Theory of operation. Attempts are counted before the password is looked at, and given back when it was right.
Three counts hold: of a login from one address (a pupil who does not remember), of a login from all addresses
(guessing spread over many), of an address over all logins (one password tried on many). At eight o'clock a
school signs in from one address, and some mistype: so of an address as many are free as a school needs in
its worst minute, which is also more than wait at once. And who has been in from this browser is counted by
themselves (`device_cookies`): nobody next to them, or elsewhere, who guesses keeps them out. An unknown
login, one without a password, a disabled one and a wrong password are answered alike, after the same time.
A code that is asked for besides is of `second_step`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from classroom.model import PersonId
from classroom.network.accounts import MAX_PASSWORD
from classroom.network.model import Path
from classroom.store import sign_ins
from classroom.store.sign_ins import SignIn
from signaling.keys import CONFIG, STORE
from signaling.network.attempts import Attempts
from signaling.network.openid_sessions import Issued
from signaling.network.origin import is_secure
from signaling.network.passwords import Passwords
from signaling.network.principals import SIGN_IN_PREFIX, cookie_name, secret_hash
from signaling.network.second_factor import SecondFactors
from signaling.problems import Problem
from signaling.rest import read

TypedPassword = Annotated[str, Meta(max_length=8 * MAX_PASSWORD)]
"""Longer than any that is let in: that it is too long is to be said in words."""
SECRET_BYTES: Final = 32
DAY_MS: Final = 86_400_000
ENDS_MS: Final = DAY_MS // 2
"""A day of school, whatever is done meanwhile (OWASP ASVS 5.0, 7.3.2)."""
IDLE_MS: Final = 4 * 3_600_000
"""A morning's lessons: a computer of the staff room that was left alone (7.3.1)."""
KEPT_ENDS_MS: Final = 30 * DAY_MS
KEPT_IDLE_MS: Final = 7 * DAY_MS
"""On one's own phone or computer, who says so: over the holidays one signs in anew."""


SCHOOL: Final = 1_500
"""Attempts: a thousand pupils within a minute, half of whom mistype once. Less than MAX_WAITING: one address
alone does not fill the queue."""


@dataclass(frozen=True)
class Attempt:
    """One that has been counted."""

    counts: tuple[tuple[Attempts, str], ...]

    def forgive(self) -> None:
        """The password was right."""
        for attempts, key in self.counts:
            attempts.forgive(key)


@dataclass(frozen=True)
class SignInDoor:
    passwords: Passwords = field(default_factory=Passwords)
    by_both: Attempts = field(default_factory=lambda: Attempts(burst=10, per_second=1 / 30))
    """Login and address."""
    by_login: Attempts = field(default_factory=lambda: Attempts(burst=100, per_second=1 / 30))
    """3,000 guesses a day: of a password that 10^6 guesses find, a year."""
    by_address: Attempts = field(default_factory=lambda: Attempts(burst=SCHOOL, per_second=1 / 2))
    by_device: Attempts = field(default_factory=lambda: Attempts(burst=10, per_second=1 / 30))
    """Login and browser, from which it has been in."""
    by_person: Attempts = field(default_factory=lambda: Attempts(burst=10, per_second=1 / 30))
    """Who is signed in and gives the old password."""
    by_code: Attempts = field(default_factory=lambda: Attempts(burst=10, per_second=1 / 300))
    """Codes of somebody whose password is known: 300 a day of a million, three of which are good."""

    def attempt(self, login: str, address: str, now: float, device: str = "") -> Attempt:
        """To be forgiven when the password was right. device: a browser from which the login has been in;
        empty: it has not. Problem too-many-requests."""
        counts: tuple[tuple[Attempts, str], ...] = (
            (self.by_both, f"{address} {login}"),
            (self.by_login, login),
            (self.by_address, address),
        )
        if device:
            counts = ((self.by_device, f"{device} {login}"),)
        for attempts, key in counts:
            take(attempts, key, now)
        return Attempt(counts)


SIGN_IN: Final[web.AppKey[SignInDoor]] = web.AppKey("sign_in", SignInDoor)
SECOND_FACTORS: Final[web.AppKey[SecondFactors]] = web.AppKey("second_factors", SecondFactors)


def take(attempts: Attempts, key: str, now: float) -> None:
    """Problem too-many-requests."""
    if not attempts.take(key, now):
        wait = attempts.retry_after
        raise Problem("too-many-requests", headers={"Retry-After": str(wait)}, retry_after=wait)


async def begin_sign_in(
    request: web.Request,
    response: web.StreamResponse,
    person: PersonId,
    path: Path,
    way: str,
    *,
    keep: bool,
    issued: Issued | None = None,
) -> None:
    """Signs somebody in, who has shown that it is they; the browser is given the cookie with the response,
    and by the one that it had before nobody is signed in any more (OWASP ASVS 5.0, 7.2.4). path: where they
    belong; issued: of who comes by single sign-on; all others showed just now that it is they. Problem
    not-ready."""
    store = request.app[STORE]
    secret = SIGN_IN_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    now_ms = store.clock.unix_ms()
    ends_ms = now_ms + (KEPT_ENDS_MS if keep else ENDS_MS)
    made = SignIn(
        secret_hash=secret_hash(secret),
        person=person,
        way=way,
        made_ms=now_ms,
        seen_ms=now_ms,
        ends_ms=ends_ms,
        idle_ms=KEPT_IDLE_MS if keep else IDLE_MS,
        proved_ms=issued.shown_ms if issued else now_ms,
        issuer_session=issued.session if issued else "",
        id_token=issued.id_token if issued else "",
    )
    config = request.app[CONFIG]
    before = request.cookies.get(cookie_name(config), "")
    await read(
        store.network.change(sign_ins.begin, made, path, instead_of=secret_hash(before) if before else "")
    )
    response.set_cookie(
        cookie_name(config),
        secret,
        path="/",
        # Not kept: gone with the browser's window.
        max_age=(ends_ms - now_ms) // 1000 if keep else None,
        httponly=True,
        samesite="Lax",
        secure=is_secure(config),
    )


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    config = request.app[CONFIG]
    response.del_cookie(
        cookie_name(config), path="/", httponly=True, samesite="Lax", secure=is_secure(config)
    )
