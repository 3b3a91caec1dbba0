"""/api/v1/second-factor: an authenticator beside one's password; who has one shows its code at each sign-in.

It is set up with the password and confirmed by a first code, so nobody is locked out by a slip. Recovery
codes come with it. Who has lost both asks an organizer who may give every office that they hold: that one
drops it, on record."""

from __future__ import annotations

import time
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.model import Office
from classroom.store import accounts, second_factors
from classroom.store.accounts import Credentials
from signaling.keys import STORE
from signaling.network.invitations_http import may_give_all
from signaling.network.places_http import Closing, reason_of
from signaling.network.principals import PRINCIPAL, secret_hash, shown_secret
from signaling.network.reach import account_reached
from signaling.network.second_factor import provisioning_uri, qr_picture
from signaling.network.second_step import code_taken, made_codes, with_password
from signaling.network.sign_in import SECOND_FACTORS, SIGN_IN, TypedPassword, take
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, read

Code = Annotated[str, Meta(max_length=16)]


class SetUpFactor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    password: TypedPassword


class FactorBegun(msgspec.Struct, frozen=True, kw_only=True):
    secret: str
    """Base32, to type into an authenticator; told this once."""
    uri: str
    """The same as a link that an authenticator opens."""
    qr: str
    """The link as a picture that a phone's camera reads: `data:image/svg+xml,...`."""


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    codes: list[str]
    """`ABCDE-FGHJK`, each good once in place of the authenticator's code; told this once."""


class ShownCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code
    """Six digits, as the authenticator shows them."""


class PasswordAndCode(ShownCode, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code: of the authenticator, or a recovery code."""

    password: TypedPassword


async def set_up_factor(request: web.Request) -> web.Response:
    """It is asked for once it is confirmed."""
    asked, store = await body(request, SetUpFactor), request.app[STORE]
    found = await with_password(request, asked.password)
    account = await read(store.network.read(accounts.find, found.person))
    secret, sealed = request.app[SECOND_FACTORS].new()
    if not await read(
        store.network.change(second_factors.begin, found.person, sealed, store.clock.unix_ms())
    ):
        raise Problem("second-factor-there")
    uri = provisioning_uri(secret, account.login if account else "")
    return _told_once(FactorBegun(secret=secret, uri=uri, qr=qr_picture(uri)))


async def confirm_factor(request: web.Request) -> web.Response:
    """All other sign-ins of theirs end."""
    asked, store, person = await body(request, ShownCode), request.app[STORE], request[PRINCIPAL].person
    take(request.app[SIGN_IN].by_code, person, time.monotonic())
    kept = await read(store.network.read(second_factors.find, person))
    account = await read(store.network.read(accounts.find, person))
    step = 0
    if kept is not None and account is not None and not kept.confirmed:
        step = request.app[SECOND_FACTORS].step_of(kept.sealed, asked.code, time.time())
    if not step or account is None:
        raise Problem("second-factor-wrong")
    codes, hashes = await made_codes(request)
    change = store.network.change(
        second_factors.confirm,
        person,
        account.path,
        step,
        store.clock.unix_ms(),
        codes=hashes,
        keep=secret_hash(shown_secret(request)),
    )
    if not await read(change):
        raise Problem("second-factor-wrong")
    request.app[SIGN_IN].by_code.forgive(person)
    return _told_once(RecoveryCodes(codes=list(codes)))


async def renew_recovery_codes(request: web.Request) -> web.Response:
    """Those that were there are good no longer."""
    asked, store = await body(request, PasswordAndCode), request.app[STORE]
    found = await _with_both(request, asked)
    codes, hashes = await made_codes(request)
    now_ms = store.clock.unix_ms()
    await read(store.network.change(second_factors.renew_codes, found.person, found.path, hashes, now_ms))
    return _told_once(RecoveryCodes(codes=list(codes)))


async def drop_factor(request: web.Request) -> web.Response:
    """One's own, with password and code."""
    asked, store = await body(request, PasswordAndCode), request.app[STORE]
    found = await _with_both(request, asked)
    now_ms = store.clock.unix_ms()
    await read(store.network.change(second_factors.drop, found.person, found.path, now_ms, found.person, ""))
    return web.Response(status=204)


async def drop_lost_factor(request: web.Request) -> web.Response:
    """Of somebody who has lost it. Asked again, it is done already."""
    found = await account_reached(request, request.match_info["person"], {Office.ORGANIZER})
    reason, store, principal = await reason_of(request), request.app[STORE], request[PRINCIPAL]
    now_ms = store.clock.unix_ms()
    if found.person == principal.person:
        raise Problem("account-own")
    if not await read(store.network.read(may_give_all, principal, found.person, now_ms)):
        raise Problem("appointment-not-yours")
    await read(
        store.network.change(second_factors.drop, found.person, found.path, now_ms, principal.person, reason)
    )
    return web.Response(status=204)


async def _with_both(request: web.Request, shown: PasswordAndCode) -> Credentials:
    """Whose both are. Problem: no-password, password-wrong, second-factor-wrong, too-many-requests, busy."""
    found = await with_password(request, shown.password)
    kept = await read(request.app[STORE].network.read(second_factors.find, found.person))
    if kept is None or not kept.confirmed or not await code_taken(request, kept, found.path, shown.code):
        raise Problem("second-factor-wrong")
    return found


def _told_once(answer: FactorBegun | RecoveryCodes) -> web.Response:
    response = json_response(answer)
    response.headers["Cache-Control"] = "no-store"
    return response


_PATH: Final = "/api/v1/second-factor"
_BODY: Final = ("bad-request", "unsupported-media-type", "too-large", "not-ready", "foreign-page")
_PASSWORD: Final = (*_BODY, "no-password", "password-wrong", "too-many-requests", "busy")

OPERATIONS: Final = (
    Operation(
        id="set_up_factor",
        method="POST",
        path=_PATH,
        tag="accounts",
        handler=set_up_factor,
        request=SetUpFactor,
        response=FactorBegun,
        problems=(*_PASSWORD, "second-factor-there"),
    ),
    Operation(
        id="confirm_factor",
        method="POST",
        path=f"{_PATH}/confirm",
        tag="accounts",
        handler=confirm_factor,
        request=ShownCode,
        response=RecoveryCodes,
        problems=(*_BODY, "second-factor-wrong", "too-many-requests", "busy"),
    ),
    Operation(
        id="renew_recovery_codes",
        method="POST",
        path=f"{_PATH}/recovery-codes",
        tag="accounts",
        handler=renew_recovery_codes,
        request=PasswordAndCode,
        response=RecoveryCodes,
        problems=(*_PASSWORD, "second-factor-wrong"),
    ),
    Operation(
        id="drop_factor",
        method="POST",
        path=f"{_PATH}/drop",
        tag="accounts",
        handler=drop_factor,
        request=PasswordAndCode,
        status=204,
        problems=(*_PASSWORD, "second-factor-wrong"),
    ),
    Operation(
        id="drop_lost_factor",
        method="POST",
        path="/api/v1/accounts/{person}/second-factor/drop",
        tag="accounts",
        handler=drop_lost_factor,
        request=Closing,
        status=204,
        problems=(*_BODY, "not-found", "reason-needed", "account-own", "appointment-not-yours"),
    ),
)
