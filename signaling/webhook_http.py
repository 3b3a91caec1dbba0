"""/api/v1/webhooks: who is told of events, set up by organizers."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.model import LessonId
from classroom.store.kinds import names
from classroom.store.webhooks import Webhook
from signaling.keys import STORE, WEBHOOK_GUARD
from signaling.lessons_http import new_id
from signaling.message import Id
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import body
from signaling.rest import json_response, read
from signaling.webhook_guard import Guard
from signaling.webhook_signature import key_of, new_secret

MAX_URL: Final = 2000
"""Characters; what servers commonly take."""
MAX_WEBHOOKS: Final = 50
"""Each is asked for at every event, and may be told at the same time as all others."""


class WebhookPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[str, Meta(max_length=MAX_URL)]
    """http or https, at a public address or one that the server's settings allow; events go there as POST."""
    lesson: Id = ""
    """Events of this lesson; empty: of all."""
    kinds: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=100)] = []
    """Events of these kinds; empty: of all."""
    secret: Annotated[str, Meta(max_length=200)] = ""
    """`whsec_` and 24 to 64 bytes in base64; empty: the one it has, or a new one."""


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    lesson: str
    kinds: list[str]
    waiting: int
    """Events that it is still to be told of."""
    attempts: int
    """In vain, since the last that came through."""
    next_attempt_ms: int
    """Unix time in ms; 0: at once."""
    suspended_ms: int | None
    """Since when it is told nothing any more; null: it is. PUT it again to go on."""
    error: str
    """Of the last attempt in vain."""


class WebhookWithSecret(WebhookView, frozen=True, kw_only=True):
    secret: str
    """To verify signatures with; told only here."""


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    webhooks: list[WebhookView]


async def webhooks(request: web.Request) -> web.Response:
    found = await read(request.app[STORE].webhooks.listed())
    return json_response(WebhookList(webhooks=[_view(webhook) for webhook in found]))


async def webhook(request: web.Request) -> web.Response:
    return json_response(_view(await _found(request)))


async def put_webhook(request: web.Request) -> web.Response:
    """Makes one, or changes it; then it is tried at once."""
    asked = await body(request, WebhookPlan)
    webhook_id = new_id(request.match_info["webhook"])
    door = request.app[STORE].webhooks
    _check(asked, request.app[WEBHOOK_GUARD])
    known = await read(door.find(webhook_id))
    if known is None and len(await read(door.listed())) >= MAX_WEBHOOKS:
        raise Problem("webhook-invalid", detail_kind="too-many")
    made = await read(
        door.put(
            Webhook(
                id=webhook_id,
                url=asked.url,
                secret=asked.secret or (known.secret if known else new_secret()),
                lesson_id=LessonId(asked.lesson) if asked.lesson else None,
                kinds=tuple(sorted(set(asked.kinds))),
            )
        )
    )
    found = await _found(request)
    view = WebhookWithSecret(**msgspec.structs.asdict(_view(found)), secret=found.secret)
    headers = {"Location": f"/api/v1/webhooks/{webhook_id}"} if made else {}
    return json_response(view, status=201 if made else 200, headers=headers)


async def delete_webhook(request: web.Request) -> web.Response:
    """With all that waits for it."""
    if not await read(request.app[STORE].webhooks.drop(request.match_info["webhook"])):
        raise Problem("not-found")
    return web.Response(status=204)


async def _found(request: web.Request) -> Webhook:
    found = await read(request.app[STORE].webhooks.find(request.match_info["webhook"]))
    if found is None:
        raise Problem("not-found")
    return found


def _check(asked: WebhookPlan, guard: Guard) -> None:
    if not _is_http(asked.url):
        raise Problem("webhook-invalid", detail_kind="url")
    if not guard.may_be(asked.url):
        raise Problem("webhook-invalid", detail_kind="address")
    if unknown := sorted(set(asked.kinds) - set(names())):
        raise Problem("webhook-invalid", detail_kind="kind", name=unknown[0])
    if asked.secret:
        try:
            key_of(asked.secret)
        except ValueError as error:
            raise Problem("webhook-invalid", detail_kind="secret") from error


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is none
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isascii() and url.isprintable()


def _view(found: Webhook) -> WebhookView:
    return WebhookView(
        id=found.id,
        url=found.url,
        lesson=found.lesson_id or "",
        kinds=list(found.kinds),
        waiting=found.waiting,
        attempts=found.attempts,
        next_attempt_ms=found.due_ms,
        suspended_ms=found.suspended_ms,
        error=found.error,
    )


_PATH: Final = "/api/v1/webhooks"
_ONE: Final = _PATH + "/{webhook}"

OPERATIONS: Final = (
    Operation(
        id="webhooks",
        method="GET",
        path=_PATH,
        tag="webhooks",
        handler=webhooks,
        response=WebhookList,
        problems=("not-ready",),
    ),
    Operation(
        id="webhook",
        method="GET",
        path=_ONE,
        tag="webhooks",
        handler=webhook,
        response=WebhookView,
        problems=("not-found", "not-ready"),
    ),
    Operation(
        id="put_webhook",
        method="PUT",
        path=_ONE,
        tag="webhooks",
        handler=put_webhook,
        request=WebhookPlan,
        response=WebhookWithSecret,
        also=(201,),
        problems=(
            *("bad-request", "unsupported-media-type", "plan-invalid", "webhook-invalid"),
            *("not-ready", "not-found"),
        ),
    ),
    Operation(
        id="delete_webhook",
        method="DELETE",
        path=_ONE,
        tag="webhooks",
        handler=delete_webhook,
        status=204,
        problems=("not-found", "not-ready"),
    ),
)
