"""/api/v1/sign-out/openid: out from the back (OpenID Connect Back-Channel Logout 1.0), and on to the issuer's
own sign-out (RP-Initiated Logout 1.0).

The issuer itself calls when somebody is signed out there: whoever came by that session of it, or by any, is
out here at their next request, and out of the lessons that they came into by it within seconds
(`supervision_watch`). Nothing but its signature says that it is the issuer."""

from __future__ import annotations

import logging
import time
from typing import Final

from aiohttp import web

from classroom.store import sign_ins
from classroom.store.sign_ins import SignIn
from signaling.keys import CONFIG, STORE
from signaling.network.openid import OpenIdAway, OpenIdRefused, with_query
from signaling.network.openid_http import IN_VAIN, ISSUER, PAGE, issuer_of
from signaling.network.openid_sessions import ID_TOKENS
from signaling.network.openid_tokens import MAX_TOKEN
from signaling.network.origin import caller_address, own_origin
from signaling.network.sign_in import take
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.rest import read

log = logging.getLogger(__name__)

FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM: Final = 2 * MAX_TOKEN
"""Bytes; a token has no letter that a form writes in three."""


async def openid_logged_out(request: web.Request) -> web.Response:
    """Called by the issuer. Of somebody who is not signed in it is done already."""
    issuer, store, address = issuer_of(request), request.app[STORE], caller_address(request)
    token = await _logout_token(request)
    vain = request.app[IN_VAIN]
    take(vain, f"logout {address}", time.monotonic())
    try:
        told = await issuer.logged_out(token)
    except (OpenIdRefused, OpenIdAway) as error:
        log.info("x logout by the issuer: %s", error)
        raise Problem("logout-token-refused") from error
    vain.forgive(f"logout {address}")
    ended = await read(
        store.network.change(
            sign_ins.end_issued,
            request.app[CONFIG].openid_issuer,
            store.clock.unix_ms(),
            subject=told.subject,
            session=told.session,
        )
    )
    log.info("- %d sign-ins ended by the issuer", ended)
    return web.Response(headers={"Cache-Control": "no-store"})


async def _logout_token(request: web.Request) -> str:
    """Problem: unsupported-media-type, too-large, bad-request."""
    if request.content_type != FORM:
        raise Problem("unsupported-media-type", expected=FORM)
    if (request.content_length or 0) > MAX_FORM:
        raise Problem("too-large", limit=MAX_FORM)
    told = (await request.post()).get("logout_token")
    if not isinstance(told, str) or not told:
        raise Problem("bad-request", reason="logout_token is missing")
    return told


async def onward(request: web.Request, ended: SignIn | None) -> str:
    """Where the browser of somebody goes who has just signed out here: to the issuer by which they came.
    Empty: nowhere."""
    issuer = request.app.get(ISSUER)
    if issuer is None or ended is None or ended.way != "openid":
        return ""
    hint = request.app[ID_TOKENS].open(ended.id_token)
    try:
        return await issuer.sign_out_url(own_origin(request) + PAGE, hint)
    except OpenIdAway as error:
        log.info("x sign-out at the issuer: %s", error)
        return with_query(PAGE, {"refused": "here"})


OPERATIONS: Final = (
    Operation(
        id="openid_logged_out",
        method="POST",
        path="/api/v1/sign-out/openid",
        tag="accounts",
        handler=openid_logged_out,
        request=FORM,
        problems=(
            *("bad-request", "unsupported-media-type", "too-large", "not-ready", "not-found"),
            *("logout-token-refused", "too-many-requests"),
        ),
    ),
)
