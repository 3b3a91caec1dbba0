"""/api/v1/places/{place}/invitations: for everybody of a place who cannot sign in yet, in one go, as after an
import. Their codes are told once, for letters that the school hands out."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection

from classroom.network.accounts import Account
from classroom.network.appointing import may_appoint
from classroom.network.invitations import LONGEST_MS, USUAL_MS, Invitation
from classroom.network.model import Office, Place
from classroom.network.scope import Principal
from classroom.store import invitations, network_appointments, network_places
from classroom.store.network_appointments import Given
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.accounts_http import place_id
from signaling.network.invitations_http import CODE_BYTES, DAY_MS, ID_BYTES
from signaling.network.office_views import OfficeName, OfficeView, office_views
from signaling.network.principals import PRINCIPAL, secret_hash
from signaling.network.reach import place_reached
from signaling.openapi import Operation
from signaling.requests import body
from signaling.rest import json_response, read

MAKERS: Final = frozenset({Office.ORGANIZER})


class NewLetters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    office: OfficeName | None = None
    """Who hold it; null: whatever they hold."""
    again: bool = False
    """Also who has an invitation that still holds: it is over then."""
    days: Annotated[int, Meta(ge=1, le=LONGEST_MS // DAY_MS)] = USUAL_MS // DAY_MS
    after: Id = ""
    """Person id of the last letter that was told."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    name: str
    login: str
    offices: list[OfficeView]
    code: str
    """For the link `/invite#code=...`; told this once."""
    ends_ms: int


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    letters: list[Letter]
    """By person id."""
    left_out: int
    """Of those who were looked at: who hold an office that the caller may not give."""
    after: str
    """To ask for the next ones by; empty: these were the last."""


async def invite_all(request: web.Request) -> web.Response:
    """To the accounts of the place and all within it that have neither a password nor a single sign-on."""
    place = await place_reached(request, request.match_info["place"], MAKERS)
    asked, store = await body(request, NewLetters), request.app[STORE]
    work = store.network.change(_invited, request[PRINCIPAL], place, asked, store.clock.unix_ms())
    response = json_response(await read(work))
    response.headers["Cache-Control"] = "no-store"
    return response


async def _invited(
    connection: AsyncConnection, principal: Principal, place: Place, asked: NewLetters, now_ms: int
) -> Letters:
    office = Office(asked.office) if asked.office else None
    found = await invitations.without_a_way(
        connection, place.path, office=office, again=asked.again, after=asked.after, now_ms=now_ms
    )
    held = await network_appointments.of_people(connection, [each.person for each in found], now_ms)
    places = await network_places.named(connection, {given.place for each in held.values() for given in each})

    def gives(given: Given) -> bool:
        return may_appoint(principal, given.appointment.office, places[given.place])

    those = [each for each in found if all(map(gives, held[each.person]))]
    codes = {each.person: secrets.token_urlsafe(CODE_BYTES) for each in those}
    ends_ms = now_ms + asked.days * DAY_MS
    made = [_invitation(each, codes[each.person], principal, now_ms, ends_ms) for each in those]
    await invitations.add_all(connection, made, place, now_ms, principal.person)
    views = await office_views(
        connection, [given.appointment for each in those for given in held[each.person]]
    )
    by_id = {view.id: view for view in views}
    letters = [
        Letter(
            person=each.person,
            name=each.name,
            login=each.login,
            offices=[by_id[given.appointment.id] for given in held[each.person]],
            code=codes[each.person],
            ends_ms=ends_ms,
        )
        for each in those
    ]
    more = found[-1].person if len(found) == invitations.LETTERS else ""
    return Letters(letters=letters, left_out=len(found) - len(those), after=more)


def _invitation(account: Account, code: str, principal: Principal, now_ms: int, ends_ms: int) -> Invitation:
    return Invitation(
        id=secrets.token_urlsafe(ID_BYTES),
        secret_hash=secret_hash(code),
        path=account.path,
        place=place_id(account.path),
        made_ms=now_ms,
        made_by=principal.person,
        ends_ms=ends_ms,
        person=account.person,
    )


OPERATIONS: Final = (
    Operation(
        id="invite_all",
        method="POST",
        path="/api/v1/places/{place}/invitations",
        tag="accounts",
        handler=invite_all,
        request=NewLetters,
        response=Letters,
        problems=(
            *("bad-request", "not-found", "not-ready"),
            *("unsupported-media-type", "too-large", "foreign-page"),
        ),
    ),
)
