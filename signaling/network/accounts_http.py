"""/api/v1/accounts: who can sign in, made and looked after by the organizers of where they belong.

An organizer sets nobody's password: an invitation does (`invitations_http`), and its bearer chooses it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import PersonId
from classroom.network.accounts import (
    MAX_EMAIL,
    Account,
    AccountFault,
    BadAccount,
    email_address,
    login_name,
)
from classroom.network.appointing import APPOINTERS
from classroom.network.model import Office, Path, PlaceId
from classroom.rules.words import person_name
from classroom.store import accounts, network_appointments, second_factors
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.office_views import OfficeName, OfficeView, office_views
from signaling.network.places_http import Closing, reason_of
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import CHANGED, SEEN, account_reached, place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body, query
from signaling.rest import json_response, read

MAKERS: Final = frozenset({Office.ORGANIZER})
ID_BYTES: Final = 9
Typed = Annotated[str, Meta(max_length=2 * MAX_EMAIL)]
"""Longer than any that is let in: what is too long is told in words."""


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    login: str
    """Empty: by single sign-on alone, or none yet."""
    email: str
    place: str
    """Id of where they belong: its organizers look after the account."""
    has_password: bool
    single_sign_on: bool
    second_factor: bool
    """An authenticator's code is asked for at each sign-in with the password."""
    disabled_ms: int | None
    """Since when they cannot sign in."""
    offices: list[OfficeView]
    """That they hold now."""


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    accounts: list[AccountView]
    """By person id; more with `?after=` the last one's."""


class AccountsQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """Who belong to this place or one within it; empty: to all that the caller reaches."""
    office: OfficeName | None = None
    class_id: Id = ""
    words: Annotated[str, Meta(max_length=200)] = ""
    """In the name or login."""
    disabled: bool = False
    """These, too."""
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=accounts.PAGE)] = accounts.PAGE


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Typed
    place: Id
    login: Typed = ""
    email: Typed = ""


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Typed | None = None
    login: Typed | None = None
    email: Typed | None = None
    place: Id | None = None
    """Where they belong from now on; their offices stay as they are."""


async def list_accounts(request: web.Request) -> web.Response:
    asked, principal = query(request, AccountsQuery), request[PRINCIPAL]
    paths = principal.paths(APPOINTERS)
    if asked.place:
        paths = ((await place_reached(request, asked.place, APPOINTERS)).path,)
    store = request.app[STORE]
    views = await read(store.network.read(_listed, asked, paths, store.clock.unix_ms()))
    return json_response(AccountList(accounts=views))


async def account(request: web.Request) -> web.Response:
    found = await account_reached(request, request.match_info["person"], APPOINTERS)
    return json_response(await _view(request, found))


async def add_account(request: web.Request) -> web.Response:
    asked, store = await body(request, NewAccount), request.app[STORE]
    place = await place_reached(request, asked.place, MAKERS)
    if place.closed_ms is not None:
        raise Problem("place-closed")
    made = Account(
        person=PersonId(f"p-{secrets.token_urlsafe(ID_BYTES)}"),
        name=shown_name(asked.name),
        path=place.path,
        login=_login(asked.login),
        email=_email(asked.email),
    )
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not await read(store.network.change(accounts.add, made, now_ms, by)):
        raise Problem("login-taken", login=made.login)
    return json_response(await _view(request, made), status=201)


async def change_account(request: web.Request) -> web.Response:
    found = await account_reached(request, request.match_info["person"], MAKERS)
    asked, store = await body(request, AccountChange, MERGE_PATCH), request.app[STORE]
    path = found.path
    if asked.place is not None:
        path = (await place_reached(request, asked.place, MAKERS)).path
    changed = replace(
        found,
        name=found.name if asked.name is None else shown_name(asked.name),
        login=found.login if asked.login is None else _login(asked.login),
        email=found.email if asked.email is None else _email(asked.email),
        path=path,
    )
    by, now_ms = request[PRINCIPAL].person, store.clock.unix_ms()
    if not await read(store.network.change(accounts.change, changed, now_ms, by)):
        raise Problem("login-taken", login=changed.login)
    return json_response(await _view(request, changed))


async def disable_account(request: web.Request) -> web.Response:
    """Signed out everywhere, at once. Asked again, it is done already."""
    found = await account_reached(request, request.match_info["person"], MAKERS)
    reason, store, by = await reason_of(request), request.app[STORE], request[PRINCIPAL].person
    if found.person == by:
        raise Problem("account-own")
    await read(store.network.change(accounts.disable, found, store.clock.unix_ms(), by, reason))
    return web.Response(status=204)


async def enable_account(request: web.Request) -> web.Response:
    found = await account_reached(request, request.match_info["person"], MAKERS)
    store, by = request.app[STORE], request[PRINCIPAL].person
    await read(store.network.change(accounts.enable, found, store.clock.unix_ms(), by))
    return web.Response(status=204)


def shown_name(text: str) -> str:
    """Problem account-invalid."""
    name = person_name(text)
    if not name:
        raise Problem("account-invalid", detail_kind=AccountFault.NAME.value)
    return name


def _login(text: str) -> str:
    """Empty: none."""
    try:
        return login_name(text) if text.strip() else ""
    except BadAccount as error:
        raise Problem("account-invalid", detail_kind=error.fault.value) from error


def _email(text: str) -> str:
    try:
        return email_address(text)
    except BadAccount as error:
        raise Problem("account-invalid", detail_kind=error.fault.value) from error


async def _view(request: web.Request, found: Account) -> AccountView:
    store = request.app[STORE]
    (view,) = await read(store.network.read(_views, (found,), store.clock.unix_ms()))
    return view


async def _listed(
    connection: AsyncConnection, asked: AccountsQuery, paths: tuple[Path, ...], now_ms: int
) -> list[AccountView]:
    found = await accounts.listed(
        connection,
        paths,
        office=Office(asked.office) if asked.office else None,
        class_id=asked.class_id,
        words=asked.words,
        disabled=asked.disabled,
        after=asked.after,
        limit=asked.limit,
    )
    return await _views(connection, found, now_ms)


async def _views(connection: AsyncConnection, found: tuple[Account, ...], now_ms: int) -> list[AccountView]:
    held = await network_appointments.of_people(connection, [each.person for each in found], now_ms)
    factors = await second_factors.confirmed_of(connection, [each.person for each in found])
    offices = await office_views(connection, [given.appointment for each in held.values() for given in each])
    by_id: dict[str, OfficeView] = {office.id: office for office in offices}
    return [
        AccountView(
            **_shown(each),
            second_factor=each.person in factors,
            offices=[by_id[given.appointment.id] for given in held[each.person]],
        )
        for each in found
    ]


def _shown(found: Account) -> dict[str, Any]:
    return {
        "person": found.person,
        "name": found.name,
        "login": found.login,
        "email": found.email,
        "place": place_id(found.path),
        "has_password": found.has_password,
        "single_sign_on": bool(found.subject),
        "disabled_ms": found.disabled_ms,
    }


def place_id(path: Path) -> PlaceId:
    """Of the place that has this path."""
    return PlaceId(path.split("/")[-2])


_PATH: Final = "/api/v1/accounts"
_ONE: Final = _PATH + "/{person}"

OPERATIONS: Final = (
    Operation(
        id="accounts",
        method="GET",
        path=_PATH,
        tag="accounts",
        handler=list_accounts,
        query=AccountsQuery,
        response=AccountList,
        problems=SEEN,
    ),
    Operation(
        id="add_account",
        method="POST",
        path=_PATH,
        tag="accounts",
        handler=add_account,
        request=NewAccount,
        response=AccountView,
        status=201,
        problems=(*CHANGED, "account-invalid", "login-taken", "place-closed"),
    ),
    Operation(
        id="account",
        method="GET",
        path=_ONE,
        tag="accounts",
        handler=account,
        response=AccountView,
        problems=SEEN,
    ),
    Operation(
        id="change_account",
        method="PATCH",
        path=_ONE,
        tag="accounts",
        handler=change_account,
        request=AccountChange,
        request_type=MERGE_PATCH,
        response=AccountView,
        problems=(*CHANGED, "account-invalid", "login-taken"),
    ),
    Operation(
        id="disable_account",
        method="POST",
        path=_ONE + "/disable",
        tag="accounts",
        handler=disable_account,
        request=Closing,
        status=204,
        problems=(*CHANGED, "reason-needed", "account-own"),
    ),
    Operation(
        id="enable_account",
        method="POST",
        path=_ONE + "/enable",
        tag="accounts",
        handler=enable_account,
        status=204,
        problems=(*SEEN, "foreign-page"),
    ),
)
