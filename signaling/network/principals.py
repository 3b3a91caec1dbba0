"""Who calls an operation of the course network: somebody who is signed in, or an organizer with a token.

A sign-in is a secret, in a cookie for pages and as a bearer for programs; the server knows its hash alone. It
is looked up at each request, so whoever was signed out, disabled or lost an office is out at their next
one. Tokens of lessons open nothing here, but an organizer's: they are handed out as links, for one lesson.

A cookie goes along with whatever a foreign page makes a browser send. So it is only believed for what
changes something when the browser says that the page was ours (Fetch metadata, or Origin; OWASP ASVS 5.0,
3.5), beside SameSite=Lax. Under HTTPS its name begins with `__Host-`, so that no other host of the domain can
set one (3.3.3).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Collection
from typing import Final

from aiohttp import web

from classroom.model import PersonId
from classroom.network.model import Office
from classroom.network.scope import Principal, everything
from classroom.store.outbox import StoreUnavailable
from classroom.store.sign_ins import NAMED
from signaling.auth import bearer
from signaling.config import Config
from signaling.keys import CONFIG, STORE, TOKENS
from signaling.network.origin import is_secure, own_origin
from signaling.problems import Problem

log = logging.getLogger(__name__)

SIGN_IN_COOKIE: Final = "tongke_session"
"""HttpOnly, SameSite=Lax, Secure under TLS, for all of the server."""
SIGN_IN_PREFIX: Final = "tks_"
"""Tells a sign-in's secret from a token, also to programs that look for leaked secrets."""
PROVED_MS: Final = 30 * 60_000
"""How long who has shown that it is they may do what gives others power or a way in (OWASP ASVS 5.0, 7.5.1):
half an hour of an organizer's work begins with one password, and a computer left alone gives nobody power."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

PRINCIPAL: Final[web.RequestKey[Principal]] = web.RequestKey("principal", Principal)
"""Who calls, for the handlers of guarded operations."""


def secret_hash(secret: str) -> str:
    """What the database knows of it: SHA-256, in hex. It has 256 bits of chance, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sign_in_of(request: web.Request) -> str:
    """Which sign-in the caller came by, for the token of a lesson; empty: by a token of their own."""
    secret = shown_secret(request)
    return secret_hash(secret)[:NAMED] if secret else ""


def cookie_name(config: Config) -> str:
    return f"__Host-{SIGN_IN_COOKIE}" if is_secure(config) else SIGN_IN_COOKIE


def shown_secret(request: web.Request) -> str:
    """By which the caller is signed in; empty: by none. Problem foreign-page."""
    shown = bearer(request)
    if shown:
        return shown if shown.startswith(SIGN_IN_PREFIX) else ""
    secret = request.cookies.get(cookie_name(request.app[CONFIG]), "")
    if secret and request.method not in _SAFE:
        check_page(request)
    return secret


def check_page(request: web.Request) -> None:
    """The request was made by a page of ours, by what a page cannot say for itself; a browser that says
    neither is none of today. Problem foreign-page."""
    if site := request.headers.get("Sec-Fetch-Site", ""):
        ours = site == "same-origin"
    else:
        ours = request.headers.get("Origin", "") == own_origin(request)
    if not ours:
        raise Problem("foreign-page")


async def admit_office(
    request: web.Request, offices: Collection[Office], *, before_factor: bool = False, proved: bool = False
) -> Principal:
    """Who calls, when they hold one of the offices, wherever; of no offices, whoever is signed in.

    before_factor: also who still has to set up a second factor; proved: only who showed a short while ago
    that it is they. Raises Problem: token-missing, token-invalid, token-expired, role-not-allowed,
    second-factor-required, proof-needed, foreign-page, not-ready."""
    found = await _caller(request, offices)
    if not before_factor and factor_due(request.app[CONFIG], found):
        raise Problem("second-factor-required")
    if offices and not found.has(offices):
        held = {each.office.value for each in found.appointments}
        log.info("x %s holds no office for %s %s", found.person, request.method, request.rel_url.raw_path)
        raise _refusal(", ".join(sorted(held)) or "-", offices)
    if proved and found.shown and found.shown.proved_ms + PROVED_MS < request.app[STORE].clock.unix_ms():
        raise Problem("proof-needed")
    return found


def factor_due(config: Config, principal: Principal) -> bool:
    """One of their offices asks for a second factor, and they signed in without. By single sign-on it is the
    issuer's to ask for one."""
    shown = principal.shown
    if shown is None or shown.way == "openid" or shown.second_factor:
        return False
    return principal.has(config.second_factor_offices)


async def _caller(request: web.Request, offices: Collection[Office]) -> Principal:
    secret = shown_secret(request)
    if not secret:
        claims = request.app[TOKENS].verify(bearer(request), time.time())
        if claims.role != "organizer":
            raise _refusal(claims.role, offices or (Office.ORGANIZER,))
        return everything(PersonId(claims.person), claims.name)
    try:
        store = request.app[STORE]
        found = await store.network.principal(secret_hash(secret), store.clock.unix_ms())
    except StoreUnavailable as error:
        raise Problem("not-ready", reason=str(error)) from error
    if found is None:
        raise Problem("token-invalid", headers={"WWW-Authenticate": 'Bearer realm="tongke"'})
    return found


def _refusal(role: str, offices: Collection[Office]) -> Problem:
    return Problem("role-not-allowed", role=role, roles=", ".join(sorted(offices)))
