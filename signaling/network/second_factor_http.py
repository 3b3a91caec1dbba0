"""/api/v1/second-factor: an authenticator beside one's password; who has one shows its code at each sign-in.

It is set up with the password and confirmed by a first code, so nobody is locked out by a slip. Who has lost
it asks an organizer who may give every office that they hold: that one drops it, on record."""

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
from signaling.network.second_factor import provisioning_uri
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


class ShownCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code
    """Six digits, as the authenticator shows them."""


class DroppedFactor(ShownCode, frozen=True, kw_only=True, forbid_unknown_fields=True):
    password: TypedPassword


async def set_up_factor(request: web.Request) -> web.Response:
    """It is asked for once it is confirmed."""
    asked, store = await body(request, SetUpFactor), request.app[STORE]
    found = await _with_password(request, asked.password)
    account = await read(store.network.read(accounts.find, found.person))
    secret, sealed = request.app[SECOND_FACTORS].new()
    if not await read(
        store.network.change(second_factors.begin, found.person, sealed, store.clock.unix_ms())
    ):
        raise Problem("second-factor-there")
    response = json_response(
        FactorBegun(secret=secret, uri=provisioning_uri(secret, account.login if account else ""))
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def confirm_factor(request: web.Request) -> web.Response:
    """All other sign-ins of theirs end."""
    asked, store, person = await body(request, ShownCode), request.app[STORE], request[PRINCIPAL].person
    take(request.app[SIGN_IN].by_code, person, time.monotonic())
    kept = await read(store.network.read(second_factors.find, person))
    account = await read(store.network.read(accounts.find, person))
    step = 0
    if kept is not None and account is not None and not kept.confirmed:
        step = request.app[SECOND_FACTORS].step_of(kept.sealed, asked.code, time.time())
    if (
        not step
        or account is None
        or not await read(
            store.network.change(
                second_factors.confirm,
                person,
                account.path,
                step,
                store.clock.unix_ms(),
                keep=secret_hash(shown_secret(request)),
            )
        )
    ):
        raise Problem("second-factor-wrong")
    request.app[SIGN_IN].by_code.forgive(person)
    return web.Response(status=204)


async def drop_factor(request: web.Request) -> web.Response:
    """One's own, with password and code."""
    asked, store = await body(request, DroppedFactor), request.app[STORE]
    found = await _with_password(request, asked.password)
    take(request.app[SIGN_IN].by_code, found.person, time.monotonic())
    kept = await read(store.network.read(second_factors.find, found.person))
    if kept is None or not request.app[SECOND_FACTORS].step_of(kept.sealed, asked.code, time.time()):
        raise Problem("second-factor-wrong")
    request.app[SIGN_IN].by_code.forgive(found.person)
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


async def _with_password(request: web.Request, password: str) -> Credentials:
    """Whose it is, who knows it. Problem: no-password, password-wrong, too-many-requests, busy."""
    door, store, person = request.app[SIGN_IN], request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(accounts.credentials_of, person))
    if found is None or not found.password_hash:
        raise Problem("no-password")
    take(door.by_person, person, time.monotonic())
    if not await door.passwords.verify(password, found.password_hash):
        raise Problem("password-wrong")
    door.by_person.forgive(person)
    return found


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
        status=204,
        problems=(*_BODY, "second-factor-wrong", "too-many-requests"),
    ),
    Operation(
        id="drop_factor",
        method="POST",
        path=f"{_PATH}/drop",
        tag="accounts",
        handler=drop_factor,
        request=DroppedFactor,
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
