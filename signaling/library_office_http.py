"""What organizers say of items: words, to whom they are shown, holds, deletion, and how long things are
kept."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.library.retention import ALL, MAX_DAYS, Kept
from classroom.library.rules import Grant, Party
from classroom.planning import MAX_TITLE
from classroom.rules.words import has_controls
from classroom.store.library_retention import Policy
from signaling.access import CLAIMS
from signaling.keys import KEEPER, MEDIA, STORE
from signaling.library_items_http import (
    ITEM_PATH,
    LIST_PATH,
    LibraryItem,
    library_item,
    seen_item,
)
from signaling.library_notes_http import deed, now_ms
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import MERGE_PATCH, body
from signaling.rest import json_response, read

MAX_REASON: Final = 500
MAX_WORD: Final = 80
Words = Annotated[str, Meta(max_length=20_000)]
"""Longer than any that is taken: what is too long is answered by name."""
PartyName = Literal["person", "class", "school", "district"]
KeptName = Literal["lesson", "clip", "draft"]


class ItemPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """RFC 7396: what is not named stays as it is."""

    title: Words | msgspec.UnsetType = msgspec.UNSET
    subject: Words | msgspec.UnsetType = msgspec.UNSET
    grade: Words | msgspec.UnsetType = msgspec.UNSET
    provider: Words | msgspec.UnsetType = msgspec.UNSET
    district: Words | msgspec.UnsetType = msgspec.UNSET
    visibility: Literal["lesson", "school", "district", "all"] | msgspec.UnsetType = msgspec.UNSET
    downloads: bool | msgspec.UnsetType = msgspec.UNSET


class GrantView(msgspec.Struct, frozen=True, kw_only=True):
    party: PartyName
    value: str
    allowed: bool


class GrantList(msgspec.Struct, frozen=True, kw_only=True):
    grants: list[GrantView]


class GrantPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    allowed: bool
    """false: shut out, whatever else would let them in."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Words


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    """`*`: all that have no word of their own."""
    kind: KeptName
    days: int
    """0: for ever."""
    by: str
    at_ms: int


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    policies: list[PolicyView]


class PolicyPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    days: Annotated[int, Meta(ge=0, le=MAX_DAYS)]


async def change_item(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    patch = await body(request, ItemPatch, MERGE_PATCH)
    given = {n: v for n, v in msgspec.structs.asdict(patch).items() if v is not msgspec.UNSET}
    values = {name: _checked(name, value) for name, value in given.items()}
    if values:
        store = request.app[STORE].library
        await read(store.change(item.id, values, now_ms()))
        await read(store.log(deed(claims, "item-changed", item=item.id, **values)))
        request.app[MEDIA].forget(item.id)
        await read(store.index_words(1))
    return await library_item(request)


async def grants(request: web.Request) -> web.Response:
    _, item = await seen_item(request)
    found = await read(request.app[STORE].library.grants(item.id))
    views = [GrantView(party=one.party.value, value=one.value, allowed=one.allowed) for one in found]
    return json_response(GrantList(grants=views))


async def put_grant(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    party, value = _party(request)
    plan = await body(request, GrantPlan)
    store = request.app[STORE].library
    grant = Grant(party, value, plan.allowed)
    await read(store.put_grant(item.id, grant, by=claims.person, at_ms=now_ms()))
    said: dict[str, Any] = {"party": party.value, "value": value, "allowed": plan.allowed}
    await read(store.log(deed(claims, "grant", item=item.id, **said)))
    request.app[MEDIA].forget(item.id)
    return web.Response(status=204)


async def delete_grant(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    party, value = _party(request)
    store = request.app[STORE].library
    if not await read(store.drop_grant(item.id, party, value, at_ms=now_ms())):
        raise Problem("not-found")
    await read(store.log(deed(claims, "grant-taken-back", item=item.id, party=party.value, value=value)))
    request.app[MEDIA].forget(item.id)
    return web.Response(status=204)


async def hold(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    reason = _reason((await body(request, Reason)).reason)
    store = request.app[STORE].library
    await read(store.hold(item.id, at_ms=now_ms(), by=claims.person, reason=reason))
    await read(store.log(deed(claims, "hold", item=item.id, reason=reason)))
    return web.Response(status=204)


async def release(request: web.Request) -> web.Response:
    claims, item = await seen_item(request)
    store = request.app[STORE].library
    await read(store.hold(item.id, at_ms=None, by=claims.person))
    await read(store.log(deed(claims, "release", item=item.id)))
    return web.Response(status=204)


async def delete_item(request: web.Request) -> web.Response:
    """On record: a signed statement stays where the files were."""
    claims, item = await seen_item(request)
    reason = _reason((await body(request, Reason)).reason)
    if item.hold_ms is not None:
        raise Problem("item-held")
    if item.state == "live":
        raise Problem("item-live")
    await read(request.app[KEEPER].delete(item, by=claims.person, role=claims.role, reason=reason))
    request.app[MEDIA].forget(item.id)
    return web.Response(status=204)


async def policies(request: web.Request) -> web.Response:
    found = await read(request.app[STORE].library.policies())
    views = [
        PolicyView(provider=one.provider, kind=one.kind.value, days=one.days, by=one.by, at_ms=one.at_ms)
        for one in found
    ]
    return json_response(PolicyList(policies=views))


async def put_policy(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    provider, kind = _policy(request)
    plan = await body(request, PolicyPlan)
    store = request.app[STORE].library
    await read(store.put_policy(Policy(provider, kind, plan.days, claims.person, now_ms())))
    said: dict[str, Any] = {"provider": provider, "kind": kind.value, "days": plan.days}
    await read(store.log(deed(claims, "retention", item="", **said)))
    return web.Response(status=204)


async def delete_policy(request: web.Request) -> web.Response:
    claims = request[CLAIMS]
    provider, kind = _policy(request)
    store = request.app[STORE].library
    if not await read(store.drop_policy(provider, kind)):
        raise Problem("not-found")
    await read(store.log(deed(claims, "retention-taken-back", item="", provider=provider, kind=kind.value)))
    return web.Response(status=204)


def _checked(name: str, value: Any) -> Any:
    if not isinstance(value, str) or name == "visibility":
        return value
    value = value.strip()
    limit = MAX_TITLE if name == "title" else MAX_WORD
    if len(value) > limit or has_controls(value) or (name == "title" and not value):
        raise Problem("item-words", limit=limit)
    return value


def _reason(text: str) -> str:
    text = text.strip()
    if not text or len(text) > MAX_REASON or has_controls(text):
        raise Problem("reason-needed", limit=MAX_REASON)
    return text


def _party(request: web.Request) -> tuple[Party, str]:
    value = request.match_info["value"]
    if request.match_info["party"] not in set(Party) or len(value) > MAX_WORD or has_controls(value):
        raise Problem("not-found")
    return Party(request.match_info["party"]), value


def _policy(request: web.Request) -> tuple[str, Kept]:
    provider, kind = request.match_info["provider"], request.match_info["kind"]
    if kind not in set(Kept) or not provider or len(provider) > 64 or has_controls(provider):
        raise Problem("not-found")
    return (ALL if provider == ALL else provider), Kept(kind)


_SEEN: Final = ("unknown-item", "not-ready")
_BODY: Final = ("bad-request", "unsupported-media-type")
_GRANT_PATH: Final = ITEM_PATH + "/grants/{party}/{value}"
_RETENTION: Final = LIST_PATH + "/retention"
_POLICY_PATH: Final = _RETENTION + "/{provider}/{kind}"


def _one(name: str, method: str, path: str, handler: Any, *problems: str, **more: Any) -> Operation:
    status = {} if "response" in more else {"status": 204}
    return Operation(
        id=name,
        method=method,
        path=path,
        tag="library",
        handler=handler,
        problems=problems,
        **{**status, **more},
    )


OPERATIONS: Final = (
    _one(
        *("change_item", "PATCH", ITEM_PATH, change_item, *_SEEN, *_BODY, "item-words"),
        request=ItemPatch,
        request_type=MERGE_PATCH,
        response=LibraryItem,
    ),
    _one("grants", "GET", ITEM_PATH + "/grants", grants, *_SEEN, response=GrantList),
    _one("put_grant", "PUT", _GRANT_PATH, put_grant, *_SEEN, *_BODY, "not-found", request=GrantPlan),
    _one("delete_grant", "DELETE", _GRANT_PATH, delete_grant, *_SEEN, "not-found"),
    _one("hold", "PUT", ITEM_PATH + "/hold", hold, *_SEEN, *_BODY, "reason-needed", request=Reason),
    _one("release", "DELETE", ITEM_PATH + "/hold", release, *_SEEN),
    _one(
        *("delete_item", "POST", ITEM_PATH + "/delete", delete_item, *_SEEN, *_BODY, "reason-needed"),
        *("item-held", "item-live"),
        request=Reason,
    ),
    _one("policies", "GET", _RETENTION, policies, "not-ready", response=PolicyList),
    _one("put_policy", "PUT", _POLICY_PATH, put_policy, *_BODY, "not-found", "not-ready", request=PolicyPlan),
    _one("delete_policy", "DELETE", _POLICY_PATH, delete_policy, "not-found", "not-ready"),
)
