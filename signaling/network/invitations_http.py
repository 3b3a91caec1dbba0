"""/api/v1/invitations: made by organizers, used by whoever has the code.

The code stands in the fragment of a link (`/invite#code=...`), which browsers send to nobody; the page sends
it in a body. Who asks for a code that holds no more learns no more than who makes one up.

Nobody comes to an account with more power than who invites has: an invitation to an account is made by who
may give every office that it holds."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.model import ClassId, PersonId
from classroom.network.accounts import Account, BadAccount, login_name
from classroom.network.appointing import APPOINTERS, BadAppointment, check, may_appoint
from classroom.network.invitations import INVITED, LONGEST_MS, MAX_USES, USUAL_MS, Invitation
from classroom.network.model import Appointment, Office, Path, Place, PlaceId
from classroom.network.scope import Principal
from classroom.store import (
    accounts,
    invitations,
    network_appointments,
    network_classes,
    network_places,
    second_factors,
)
from classroom.store.invitations import InvitationOver, LoginTaken
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.accounts_http import place_id, shown_name
from signaling.network.attempts import Attempts
from signaling.network.office_views import OfficeName
from signaling.network.origin import caller_address
from signaling.network.principals import PRINCIPAL, check_page, secret_hash
from signaling.network.reach import account_reached, is_id, place_reached
from signaling.network.sign_in import SIGN_IN, TypedPassword, begin_sign_in, take
from signaling.network.sign_in_http import Typed
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body, query
from signaling.rest import json_response, read

CODE_BYTES: Final = 16
ID_BYTES: Final = 9
DAY_MS: Final = 86_400_000
Code = Annotated[str, Meta(min_length=1, max_length=64)]

CODES_TRIED: Final[web.AppKey[Attempts]] = web.AppKey("codes_tried", Attempts)


def code_attempts() -> Attempts:
    """By address: four classes open their links at once in one school; nobody has so many wrong codes."""
    return Attempts(burst=200, per_second=1 / 10)


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: Id = ""
    """To this account: its bearer sets a password."""
    office: OfficeName | None = None
    """Else: to this office, for somebody new."""
    place: Id = ""
    class_id: Id = ""
    uses: Annotated[int, Meta(ge=1, le=MAX_USES)] = 1
    """Of a class's link for its students; else 1."""
    days: Annotated[int, Meta(ge=1, le=LONGEST_MS // DAY_MS)] = USUAL_MS // DAY_MS
    """How long it holds."""


class MadeInvitation(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    code: str
    """For the link `/invite#code=...`; told this once."""
    ends_ms: int


class InvitationRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    place: str
    person: str
    """Empty: of somebody new."""
    office: str
    class_id: str
    uses: int
    """That are left."""
    made_ms: int
    made_by: str
    ends_ms: int


class InvitationList(msgspec.Struct, frozen=True, kw_only=True):
    invitations: list[InvitationRow]
    """That hold, by id; more with `?after=` the last one's."""


class InvitationsQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """To this place and all within it; empty: to all that the caller reaches."""
    after: Id = ""
    limit: Annotated[int, Meta(ge=1, le=invitations.PAGE)] = invitations.PAGE


class CodeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code


class InvitedTo(msgspec.Struct, frozen=True, kw_only=True):
    """What its bearer is told."""

    place: str
    """Name."""
    class_name: str
    office: OfficeName | None
    """null: to an account that is there."""
    name: str
    login: str
    """Of that account; empty: its bearer says so."""
    ends_ms: int


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code
    password: TypedPassword
    name: Typed = ""
    login: Typed = ""
    """Of somebody new."""
    keep: bool = False
    """On one's own device: signed in for a month instead of a day of school."""


async def invite(request: web.Request) -> web.Response:
    asked, principal, store = await body(request, NewInvitation), request[PRINCIPAL], request.app[STORE]
    now_ms, code = store.clock.unix_ms(), secrets.token_urlsafe(CODE_BYTES)
    if bool(asked.person) is bool(asked.office):
        raise Problem("invitation-invalid", detail_kind="either")
    if asked.uses > 1 and asked.office != "student":
        raise Problem("invitation-invalid", detail_kind="uses")
    made = Invitation(
        id=secrets.token_urlsafe(ID_BYTES),
        secret_hash=secret_hash(code),
        made_ms=now_ms,
        made_by=principal.person,
        ends_ms=now_ms + asked.days * DAY_MS,
        uses=asked.uses,
        **(await _to_account(request, asked) if asked.person else await _to_office(request, asked)),
    )
    await read(store.network.change(invitations.add, made))
    return json_response(MadeInvitation(id=made.id, code=code, ends_ms=made.ends_ms), status=201)


async def list_invitations(request: web.Request) -> web.Response:
    asked, store = query(request, InvitationsQuery), request.app[STORE]
    paths = request[PRINCIPAL].paths({Office.ORGANIZER})
    if asked.place:
        paths = ((await place_reached(request, asked.place, {Office.ORGANIZER})).path,)
    found = await read(
        store.network.read(
            invitations.listed,
            paths,
            now_ms=store.clock.unix_ms(),
            after=asked.after,
            limit=asked.limit,
        )
    )
    return json_response(InvitationList(invitations=[_row(each) for each in found]))


async def revoke_invitation(request: web.Request) -> web.Response:
    """Asked again, it is done already."""
    store, principal, asked = request.app[STORE], request[PRINCIPAL], request.match_info["invitation"]
    found = await read(store.network.read(invitations.find, asked)) if is_id(asked) else None
    if found is None or not (
        principal.reaches({Office.ORGANIZER}, found.path) or found.made_by == principal.person
    ):
        raise Problem("not-found")
    now_ms = store.clock.unix_ms()
    await read(store.network.change(invitations.revoke, found, now_ms, principal.person))
    return web.Response(status=204)


async def look_at_invitation(request: web.Request) -> web.Response:
    """What it is an invitation to, for who has the code."""
    asked = await body(request, CodeBody)
    found = await _holding(request, asked.code)
    return json_response(await read(request.app[STORE].network.read(_view, found)))


async def accept_invitation(request: web.Request) -> web.Response:
    """Its bearer is signed in; the cookie comes with the answer, but for whom a second factor is asked: who
    invites cannot take it away unseen."""
    if {"Sec-Fetch-Site", "Origin"} & request.headers.keys():
        check_page(request)
    asked = await body(request, Acceptance)
    found = await _holding(request, asked.code)
    try:
        account = await (_come_back if found.person else _come_in)(request, found, asked)
    except BadAccount as error:
        raise Problem("account-invalid", detail_kind=error.fault.value) from error
    except InvitationOver as error:
        raise Problem("invitation-over") from error
    except LoginTaken as error:
        raise Problem("login-taken", login=asked.login.strip()) from error
    response = web.Response(status=204, headers={"Cache-Control": "no-store"})
    factor = await read(request.app[STORE].network.read(second_factors.find, account.person))
    if factor is None or not factor.confirmed:
        await begin_sign_in(request, response, account.person, account.path, "invitation", keep=asked.keep)
    return response


async def _come_back(request: web.Request, used: Invitation, asked: Acceptance) -> Account:
    """To the account that it names, with a new password."""
    network, now_ms = request.app[STORE].network, request.app[STORE].clock.unix_ms()
    known = await read(network.read(accounts.find, used.person or PersonId("")))
    if known is None:
        raise InvitationOver
    words = (known.login, known.name, known.email)
    hashed = await request.app[SIGN_IN].passwords.hash(asked.password, words)
    return await read(network.change(invitations.set_password, used, hashed, now_ms))


async def _come_in(request: web.Request, used: Invitation, asked: Acceptance) -> Account:
    """Somebody new."""
    network, now_ms = request.app[STORE].network, request.app[STORE].clock.unix_ms()
    person = PersonId(f"p-{secrets.token_urlsafe(ID_BYTES)}")
    account = Account(person, shown_name(asked.name), used.path, login_name(asked.login))
    hashed = await request.app[SIGN_IN].passwords.hash(asked.password, (account.login, account.name))
    assert used.office is not None
    office = Appointment(
        id=secrets.token_urlsafe(ID_BYTES),
        person=person,
        office=used.office,
        path=used.path,
        from_ms=now_ms,
        class_id=used.class_id,
    )
    await read(network.change(invitations.come_in, used, account, office, hashed, now_ms))
    return account


async def _to_account(request: web.Request, asked: NewInvitation) -> dict[str, Path | PlaceId | PersonId]:
    principal, store = request[PRINCIPAL], request.app[STORE]
    account = await account_reached(request, asked.person, {Office.ORGANIZER})
    if account.disabled_ms is not None:
        raise Problem("appointment-refused")
    if not await read(store.network.read(may_give_all, principal, account.person, store.clock.unix_ms())):
        raise Problem("appointment-not-yours")
    return {"path": account.path, "place": place_id(account.path), "person": account.person}


async def _to_office(request: web.Request, asked: NewInvitation) -> dict[str, Path | PlaceId | Office | str]:
    principal, office = request[PRINCIPAL], Office(asked.office or "")
    place = await place_reached(request, asked.place, APPOINTERS)
    if not may_appoint(principal, office, place):
        raise Problem("appointment-not-yours")
    if office not in INVITED:
        raise Problem("invitation-invalid", detail_kind="office")
    await _check_class(request, asked, place)
    wished = Appointment("", PersonId(""), office, place.path, class_id=asked.class_id)
    try:
        check(wished, place.kind)
    except BadAppointment as error:
        raise Problem("appointment-invalid", detail_kind=error.fault.value) from error
    if place.closed_ms is not None:
        raise Problem("place-closed")
    return {"path": place.path, "place": place.id, "office": office, "class_id": asked.class_id}


async def _check_class(request: web.Request, asked: NewInvitation, place: Place) -> None:
    """It is one of the place's, and open. Problem not-found."""
    if not asked.class_id:
        return
    network = request.app[STORE].network
    found = None
    if is_id(asked.class_id):
        found = await read(network.read(network_classes.find, ClassId(asked.class_id)))
    if found is None or found.path != place.path or found.closed_ms is not None:
        raise Problem("not-found")


async def may_give_all(
    connection: AsyncConnection, principal: Principal, person: PersonId, now_ms: int
) -> bool:
    """Every office that somebody holds: only they open that one's account to anybody."""
    held = (await network_appointments.of_people(connection, (person,), now_ms))[person]
    places = await network_places.named(connection, {given.place for given in held})
    return all(may_appoint(principal, given.appointment.office, places[given.place]) for given in held)


async def _holding(request: web.Request, code: str) -> Invitation:
    """Problem: invitation-over, too-many-requests."""
    attempts, address = request.app[CODES_TRIED], caller_address(request)
    take(attempts, address, time.monotonic())
    store = request.app[STORE]
    found = await read(store.network.read(invitations.of_hash, secret_hash(code)))
    if found is None or not found.holds(store.clock.unix_ms()):
        raise Problem("invitation-over")
    attempts.forgive(address)
    return found


async def _view(connection: AsyncConnection, found: Invitation) -> InvitedTo:
    place = await network_places.find(connection, found.place)
    in_class = await network_classes.find(connection, ClassId(found.class_id)) if found.class_id else None
    account = await accounts.find(connection, found.person) if found.person else None
    return InvitedTo(
        place=place.name if place else "",
        class_name=in_class.name if in_class else "",
        office=found.office.value if found.office else None,
        name=account.name if account else "",
        login=account.login if account else "",
        ends_ms=found.ends_ms,
    )


def _row(found: Invitation) -> InvitationRow:
    return InvitationRow(
        id=found.id,
        place=found.place,
        person=found.person or "",
        office=found.office or "",
        class_id=found.class_id,
        uses=found.uses,
        made_ms=found.made_ms,
        made_by=found.made_by,
        ends_ms=found.ends_ms,
    )


_PATH: Final = "/api/v1/invitations"
_SEEN: Final = ("bad-request", "not-found", "not-ready")
_BODY: Final = ("bad-request", "unsupported-media-type", "too-large", "not-ready", "foreign-page")

OPERATIONS: Final = (
    Operation(
        id="invite",
        method="POST",
        path=_PATH,
        tag="accounts",
        handler=invite,
        request=NewInvitation,
        response=MadeInvitation,
        status=201,
        problems=(
            *_BODY,
            *("not-found", "invitation-invalid", "place-closed"),
            *("appointment-invalid", "appointment-refused", "appointment-not-yours"),
        ),
    ),
    Operation(
        id="invitations",
        method="GET",
        path=_PATH,
        tag="accounts",
        handler=list_invitations,
        query=InvitationsQuery,
        response=InvitationList,
        problems=_SEEN,
    ),
    Operation(
        id="revoke_invitation",
        method="DELETE",
        path=_PATH + "/{invitation}",
        tag="accounts",
        handler=revoke_invitation,
        status=204,
        problems=(*_SEEN, "foreign-page"),
    ),
    Operation(
        id="look_at_invitation",
        method="POST",
        path=_PATH + "/look",
        tag="accounts",
        handler=look_at_invitation,
        request=CodeBody,
        response=InvitedTo,
        problems=(*_BODY, "invitation-over", "too-many-requests"),
    ),
    Operation(
        id="accept_invitation",
        method="POST",
        path=_PATH + "/accept",
        tag="accounts",
        handler=accept_invitation,
        request=Acceptance,
        status=204,
        problems=(
            *_BODY,
            *("invitation-over", "too-many-requests", "account-invalid", "login-taken", "busy"),
        ),
    ),
)
