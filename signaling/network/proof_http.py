"""/api/v1/sign-ins/prove: showing once more that it is they, for what gives others power or a way in
(`signaling.access.PROVED`). Who came by single sign-on goes there anew instead
(`GET /api/v1/sign-in/openid?again=true`)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.store import sign_ins
from signaling.keys import STORE
from signaling.network.openid_sessions import Issued
from signaling.network.principals import secret_hash, shown_secret
from signaling.network.second_step import check_second_factor, with_password
from signaling.network.sign_in import KEPT_IDLE_MS, TypedPassword, begin_sign_in
from signaling.openapi import Operation
from signaling.requests import body
from signaling.rest import read


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    password: TypedPassword
    code: Annotated[str, Meta(max_length=16)] = ""
    """Of an authenticator, or a recovery code, where the account has one."""


async def prove(request: web.Request) -> web.Response:
    """They are signed in anew, by a cookie that comes with the answer; the old one is good no longer."""
    asked, store, this = await body(request, Proof), request.app[STORE], secret_hash(shown_secret(request))
    found = await with_password(request, asked.password)
    await check_second_factor(request, found.person, found.path, asked.code)
    now_ms = store.clock.unix_ms()
    listed = await read(store.network.read(sign_ins.listed, found.person, now_ms))
    before = next((each for each in listed if each.secret_hash == this), None)
    keep, way, issued = before is not None and before.idle_ms == KEPT_IDLE_MS, "password", None
    if before is not None and before.way == "openid":
        # Still of the issuer's session: who is signed out there is out here.
        way, issued = before.way, Issued(now_ms, before.issuer_session, before.id_token)
    response = web.Response(status=204, headers={"Cache-Control": "no-store"})
    await begin_sign_in(request, response, found.person, found.path, way, keep=keep, issued=issued)
    await read(store.network.change(sign_ins.end, this, now_ms))
    return response


OPERATIONS: Final = (
    Operation(
        id="prove",
        method="POST",
        path="/api/v1/sign-ins/prove",
        tag="accounts",
        handler=prove,
        request=Proof,
        status=204,
        problems=(
            *("bad-request", "unsupported-media-type", "too-large", "not-ready", "foreign-page"),
            *("no-password", "password-wrong", "second-factor-needed", "too-many-requests", "busy"),
        ),
    ),
)
