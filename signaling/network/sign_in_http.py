"""/api/v1/sign-in, sign-out, whoami, password, sign-ins: what everybody who has an account does with it."""

from __future__ import annotations

import logging
import time
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.accounts import MAX_EMAIL, Account, BadAccount, login_name
from classroom.network.scope import Principal
from classroom.store import accounts, second_factors, sign_ins
from classroom.store.second_factors import SecondFactor
from signaling.keys import CONFIG, STORE
from signaling.network.device_cookies import DEVICES, set_device, shown_device
from signaling.network.office_views import OfficeView, office_views
from signaling.network.openid_logout_http import onward
from signaling.network.origin import caller_address
from signaling.network.principals import PRINCIPAL, check_page, factor_due, secret_hash, shown_secret
from signaling.network.second_step import check_second_factor
from signaling.network.sign_in import (
    SIGN_IN,
    TypedPassword,
    begin_sign_in,
    drop_cookie,
    take,
)
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, read

log = logging.getLogger(__name__)

Typed = Annotated[str, Meta(max_length=MAX_EMAIL)]
"""Longer than any that is let in: that it is too long is to be said in words."""


class SignInRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    login: Typed
    password: TypedPassword
    keep: bool = False
    """On one's own device: for a month instead of a day of school."""
    code: Annotated[str, Meta(max_length=16)] = ""
    """Of an authenticator, or a recovery code, where the account has one: asked for when the password was
    right."""


class PasswordRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    old: TypedPassword
    new: TypedPassword


class WhoAmI(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    login: str
    """Empty: by single sign-on, or with a token."""
    has_password: bool
    second_factor: bool
    """An authenticator's code is asked for at each sign-in with the password."""
    second_factor_due: bool
    """One of their offices asks for an authenticator; until there is one they reach nothing else."""
    recovery_codes: int
    """How many are left."""
    offices: list[OfficeView]
    """That they hold now."""


class SignedOut(msgspec.Struct, frozen=True, kw_only=True):
    then: str
    """Where the browser goes on to: the single sign-on by which they came. Empty: nowhere."""


class SignInView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    way: Literal["password", "openid", "invitation"]
    since_ms: int
    seen_ms: int
    """When something was last asked by it, to a minute; Unix times in ms."""
    ends_ms: int
    this: bool
    """The one by which this is asked."""


class SignInList(msgspec.Struct, frozen=True, kw_only=True):
    sign_ins: list[SignInView]
    """The latest first."""


async def sign_in(request: web.Request) -> web.Response:
    """The cookie comes with the answer."""
    if {"Sec-Fetch-Site", "Origin"} & request.headers.keys():
        check_page(request)
    asked = await body(request, SignInRequest)
    door, network = request.app[SIGN_IN], request.app[STORE].network
    login, address = _login(asked.login), caller_address(request)
    config, devices = request.app[CONFIG], request.app[DEVICES]
    shown = shown_device(request, config)
    attempt = door.attempt(login, address, time.monotonic(), devices.known(shown, login))
    found = await read(network.read(accounts.credentials, login)) if login else None
    known = "" if found is None or found.disabled else found.password_hash
    if not await door.passwords.verify(asked.password, known) or found is None:
        log.info("x sign-in of %s refused", found.person if found else "nobody")
        raise Problem("sign-in-refused")
    attempt.forgive()
    await check_second_factor(request, found.person, found.path, asked.code)
    if renewed := await door.passwords.renewed(asked.password, known):
        await read(network.change(accounts.rehash, found, renewed))
    response = web.Response(status=204, headers={"Cache-Control": "no-store"})
    await begin_sign_in(request, response, found.person, found.path, "password", keep=asked.keep)
    set_device(response, config, devices.with_login(shown, login))
    return response


async def sign_out(request: web.Request) -> web.Response:
    """Of who is signed in by this; also answers who is not any more. The browser forgets what it kept."""
    ended = None
    if secret := shown_secret(request):
        store = request.app[STORE]
        ended = await read(store.network.change(sign_ins.end, secret_hash(secret), store.clock.unix_ms()))
    response = json_response(SignedOut(then=await onward(request, ended)))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    drop_cookie(request, response)
    return response


async def whoami(request: web.Request) -> web.Response:
    principal = request[PRINCIPAL]
    account, factor, codes, offices = await read(request.app[STORE].network.read(_own, principal))
    return json_response(
        WhoAmI(
            person=principal.person,
            name=principal.name,
            login=account.login if account else "",
            has_password=account.has_password if account else False,
            second_factor=factor is not None and factor.confirmed,
            second_factor_due=factor_due(request.app[CONFIG], principal),
            recovery_codes=codes,
            offices=offices,
        )
    )


async def change_password(request: web.Request) -> web.Response:
    """All other sign-ins of theirs end."""
    asked = await body(request, PasswordRequest)
    door, store, person = request.app[SIGN_IN], request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(accounts.credentials_of, person))
    account = await read(store.network.read(accounts.find, person))
    if found is None or account is None or not found.password_hash:
        raise Problem("no-password")
    take(door.by_person, person, time.monotonic())
    if not await door.passwords.verify(asked.old, found.password_hash):
        raise Problem("password-wrong")
    door.by_person.forgive(person)
    try:
        hashed = await door.passwords.hash(asked.new, (account.login, account.name, account.email))
    except BadAccount as error:
        raise Problem("account-invalid", detail_kind=error.fault.value) from error
    now_ms, keep = store.clock.unix_ms(), secret_hash(shown_secret(request))
    if not await read(store.network.change(accounts.set_password, found, hashed, now_ms, person, keep=keep)):
        raise Problem("password-wrong")
    return web.Response(status=204)


async def list_sign_ins(request: web.Request) -> web.Response:
    store, person = request.app[STORE], request[PRINCIPAL].person
    found = await read(store.network.read(sign_ins.listed, person, store.clock.unix_ms()))
    this = secret_hash(shown_secret(request))
    return json_response(
        SignInList(
            sign_ins=[
                SignInView(
                    id=each.secret_hash[: sign_ins.SHOWN],
                    way=each.way,  # type: ignore[arg-type]
                    since_ms=each.made_ms,
                    seen_ms=each.seen_ms,
                    ends_ms=min(each.ends_ms, each.seen_ms + each.idle_ms),
                    this=each.secret_hash == this,
                )
                for each in found
            ]
        )
    )


async def end_sign_in(request: web.Request) -> web.Response:
    """On a device that one has no longer in one's hands."""
    store, person, shown = request.app[STORE], request[PRINCIPAL].person, request.match_info["sign_in"]
    if len(shown) != sign_ins.SHOWN or not await read(
        store.network.change(sign_ins.end_shown, person, shown, store.clock.unix_ms())
    ):
        raise Problem("not-found")
    return web.Response(status=204)


def _login(typed: str) -> str:
    """Empty: nobody has such a one."""
    try:
        return login_name(typed)
    except BadAccount:
        return ""


async def _own(
    connection: AsyncConnection, principal: Principal
) -> tuple[Account | None, SecondFactor | None, int, list[OfficeView]]:
    account = await accounts.find(connection, principal.person)
    factor = await second_factors.find(connection, principal.person)
    codes = await second_factors.recovery_codes_left(connection, principal.person)
    return account, factor, codes, await office_views(connection, principal.appointments)


_BODY: Final = ("bad-request", "unsupported-media-type", "too-large", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="sign_in",
        method="POST",
        path="/api/v1/sign-in",
        tag="accounts",
        handler=sign_in,
        request=SignInRequest,
        status=204,
        problems=(
            *_BODY,
            "sign-in-refused",
            "second-factor-needed",
            "too-many-requests",
            "busy",
            "foreign-page",
        ),
    ),
    Operation(
        id="sign_out",
        method="POST",
        path="/api/v1/sign-out",
        tag="accounts",
        handler=sign_out,
        response=SignedOut,
        problems=("not-ready", "foreign-page"),
    ),
    Operation(
        id="whoami",
        method="GET",
        path="/api/v1/whoami",
        tag="accounts",
        handler=whoami,
        response=WhoAmI,
        problems=("not-ready",),
    ),
    Operation(
        id="change_password",
        method="POST",
        path="/api/v1/password",
        tag="accounts",
        handler=change_password,
        request=PasswordRequest,
        status=204,
        problems=(
            *_BODY,
            "no-password",
            "password-wrong",
            "account-invalid",
            "too-many-requests",
            "busy",
            "foreign-page",
        ),
    ),
    Operation(
        id="sign_ins",
        method="GET",
        path="/api/v1/sign-ins",
        tag="accounts",
        handler=list_sign_ins,
        response=SignInList,
        problems=("not-ready",),
    ),
    Operation(
        id="end_sign_in",
        method="DELETE",
        path="/api/v1/sign-ins/{sign_in}",
        tag="accounts",
        handler=end_sign_in,
        status=204,
        problems=("not-found", "not-ready", "foreign-page"),
    ),
)
