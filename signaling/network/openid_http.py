"""/api/v1/sign-in/openid: signing in by the single sign-on of the city, district or school.

A browser goes to these addresses itself, so what goes wrong is told by the page `/sign-in?refused=KIND`. It
goes away with a cookie and comes back with a code; whoever follows somebody else's answer has no such cookie
(RFC 9700, 4.7). Nobody is signed in, and nothing is written, before all that the issuer says is believed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

import aiohttp
import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.accounts import Account
from classroom.network.single_sign_on import Identity, match_of
from classroom.store import accounts
from signaling.keys import CONFIG, STORE
from signaling.network.attempts import Attempts
from signaling.network.openid import OpenIdAway, OpenIdIssuer, OpenIdRefused, with_query
from signaling.network.openid_attempts import ATTEMPT_S, Attempt, OpenIdAttempts
from signaling.network.openid_sessions import ID_TOKENS, IdTokens, Issued
from signaling.network.openid_tokens import LEEWAY_S
from signaling.network.origin import caller_address, is_secure, own_origin
from signaling.network.sign_in import SCHOOL, begin_sign_in
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

log = logging.getLogger(__name__)

ATTEMPT_COOKIE: Final = "tongke_openid"
CALLBACK: Final = "/api/v1/sign-in/openid/callback"
PAGE: Final = "/sign-in"
MAX_CODE: Final = 4096
"""Characters: some issuers put a signed token there."""

Refused = Literal["away", "refused", "unknown", "over", "often", "here"]
"""What the page tells: it does not answer; it let nobody in; nobody here is theirs; this answer belongs to no
sign-in that is under way; too many in vain; out here, but not there."""

ISSUER: Final[web.AppKey[OpenIdIssuer]] = web.AppKey("openid_issuer", OpenIdIssuer)
"""Only where there is one."""
ATTEMPTS: Final[web.AppKey[OpenIdAttempts]] = web.AppKey("openid_attempts", OpenIdAttempts)
IN_VAIN: Final[web.AppKey[Attempts]] = web.AppKey("openid_in_vain", Attempts)


def vain_attempts() -> Attempts:
    """By address: a school's first morning, when many are not linked yet, and the issuer is slow."""
    return Attempts(burst=SCHOOL, per_second=1 / 2)


class SignInWays(msgspec.Struct, frozen=True, kw_only=True):
    openid: str
    """What the single sign-on is called; empty: there is none."""


class OpenIdQuery(msgspec.Struct, frozen=True, kw_only=True):
    to: Annotated[str, Meta(max_length=400, pattern=r"^(/[\w.~%&=?/#:@!$'()*+,;-]*|)$")] = ""
    """Path of ours to go to afterwards."""
    keep: bool = False
    """On one's own device: for a month instead of a day of school."""
    again: bool = False
    """Also who is still signed in there shows that it is they."""


class OpenIdAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749, 4.1.2; RFC 9207."""

    code: Annotated[str, Meta(max_length=MAX_CODE)] = ""
    state: Annotated[str, Meta(max_length=128)] = ""
    iss: Annotated[str, Meta(max_length=2048)] = ""
    error: Annotated[str, Meta(max_length=200)] = ""


class NotLet(Exception):  # noqa: N818 - an answer, not a fault of ours
    def __init__(self, kind: Refused, why: str = "") -> None:
        super().__init__(why or kind)
        self.kind = kind


async def sign_in_ways(request: web.Request) -> web.Response:
    config = request.app[CONFIG]
    shown = config.openid_name or "OpenID" if config.openid_issuer else ""
    return json_response(SignInWays(openid=shown))


async def openid_sign_in(request: web.Request) -> web.Response:
    """The browser goes on to the issuer."""
    issuer, asked = issuer_of(request), query(request, OpenIdQuery)
    to = "" if asked.to.startswith("//") else asked.to
    attempt, cookie = request.app[ATTEMPTS].begin(to=to, keep=asked.keep, now=time.time(), again=asked.again)
    try:
        response = _sent_to(await issuer.sign_in_url(attempt, _redirect_uri(request)))
    except OpenIdAway as error:
        return _told(NotLet("away", str(error)))
    _set_cookie(request, response, cookie)
    return response


async def openid_callback(request: web.Request) -> web.Response:
    """The browser comes back from the issuer."""
    issuer_of(request)
    try:
        attempt = _taken(request)
        account, issued = await _account(request, attempt)
    except NotLet as refused:
        response = _told(refused)
    else:
        response = _sent_to(attempt.to or "/me")
        await begin_sign_in(
            request,
            response,
            account.person,
            account.path,
            "openid",
            keep=attempt.keep,
            issued=issued,
        )
    _drop_cookie(request, response)
    return response


def issuer_of(request: web.Request) -> OpenIdIssuer:
    """Problem not-found: there is none."""
    issuer = request.app.get(ISSUER)
    if issuer is None:
        raise Problem("not-found")
    return issuer


def _taken(request: web.Request) -> Attempt:
    """Raises NotLet."""
    answer = query(request, OpenIdAnswer)
    if not request.app[IN_VAIN].take(caller_address(request), time.monotonic()):
        raise NotLet("often")
    cookie = request.cookies.get(_cookie_name(request), "")
    attempt = request.app[ATTEMPTS].take(cookie, answer.state, time.time())
    if attempt is None:
        raise NotLet("over")
    return attempt


async def _account(request: web.Request, attempt: Attempt) -> tuple[Account, Issued]:
    """Whose it is, and by what they came. Raises NotLet."""
    claim, store = request.app[CONFIG].openid_claim, request.app[STORE]
    try:
        claims, id_token = await _claims(request, attempt, claim)
    except OpenIdAway as error:
        raise NotLet("away", str(error)) from error
    except OpenIdRefused as error:
        raise NotLet("refused", str(error)) from error
    issued = request.app[ID_TOKENS].issued(claims, id_token)
    # Core 1.0, 3.1.2.1: who asks with max_age is told.
    if attempt.again and issued.shown_ms < (attempt.begun - LEEWAY_S) * 1000:
        raise NotLet("refused", "nobody showed anew that it is they")
    identity = Identity(claims["iss"], claims["sub"], match_of(claims, claim))
    found = await read(store.network.change(accounts.of_identity, identity, store.clock.unix_ms()))
    if found is None:
        raise NotLet("unknown")
    request.app[IN_VAIN].forgive(caller_address(request))
    return found, issued


async def _claims(request: web.Request, attempt: Attempt, wanted: str) -> tuple[dict[str, Any], str]:
    """With the id token. Raises OpenIdAway, OpenIdRefused."""
    issuer, answer = issuer_of(request), query(request, OpenIdAnswer)
    metadata = await issuer.metadata()
    if (answer.iss or metadata.authorization_response_iss_parameter_supported) and (
        answer.iss != metadata.issuer
    ):
        raise OpenIdRefused("the answer of another issuer")
    if answer.error or not answer.code:
        raise OpenIdRefused(f"error {answer.error[:40]!r}")
    return await issuer.claims(attempt, answer.code, _redirect_uri(request), wanted)


def _redirect_uri(request: web.Request) -> str:
    return own_origin(request) + CALLBACK


def _sent_to(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})


def _told(refused: NotLet) -> web.Response:
    log.info("x single sign-on: %s", refused)
    return _sent_to(with_query(PAGE, {"refused": refused.kind}))


def _cookie_name(request: web.Request) -> str:
    return f"__Host-{ATTEMPT_COOKIE}" if is_secure(request.app[CONFIG]) else ATTEMPT_COOKIE


def _set_cookie(request: web.Request, response: web.Response, value: str) -> None:
    secure = is_secure(request.app[CONFIG])
    response.set_cookie(
        _cookie_name(request),
        value,
        path="/",
        max_age=ATTEMPT_S,
        httponly=True,
        # The issuer sends the browser back by a link: Strict would leave it out.
        samesite="Lax",
        secure=secure,
    )


def _drop_cookie(request: web.Request, response: web.Response) -> None:
    secure = is_secure(request.app[CONFIG])
    response.del_cookie(_cookie_name(request), path="/", httponly=True, samesite="Lax", secure=secure)


def add_single_sign_on(app: web.Application, signing_key: bytes) -> None:
    """With the issuer of the settings, if there is one."""
    config = app[CONFIG]
    app[ATTEMPTS] = OpenIdAttempts(signing_key)
    app[ID_TOKENS] = IdTokens(signing_key)
    app[IN_VAIN] = vain_attempts()
    if not config.openid_issuer:
        return

    async def running(_: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            app[ISSUER] = OpenIdIssuer(config, session)
            yield

    app.cleanup_ctx.append(running)


_WAY: Final = "/api/v1/sign-in/openid"

OPERATIONS: Final = (
    Operation(
        id="sign_in_ways",
        method="GET",
        path="/api/v1/sign-in/ways",
        tag="accounts",
        handler=sign_in_ways,
        response=SignInWays,
    ),
    Operation(
        id="openid_sign_in",
        method="GET",
        path=_WAY,
        tag="accounts",
        handler=openid_sign_in,
        query=OpenIdQuery,
        status=303,
        problems=("bad-request", "not-found"),
    ),
    Operation(
        id="openid_callback",
        method="GET",
        path=CALLBACK,
        tag="accounts",
        handler=openid_callback,
        query=OpenIdAnswer,
        status=303,
        problems=("bad-request", "not-found", "not-ready"),
    ),
)
