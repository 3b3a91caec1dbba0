"""What every HTTP request goes through: language, errors as problem documents (RFC 9457), security
headers."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from html import escape
from typing import Final

import msgspec
from aiohttp import web

from signaling import catalogue, nul
from signaling.keys import CONFIG, LANGUAGE
from signaling.network.origin import is_secure
from signaling.problems import MEDIA_TYPE, STATUS, Problem

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY: Final = 1024 * 1024
"""Bytes of a request's body where its handler sets no limit of its own."""
INCIDENT_BYTES: Final = 4

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TRANSPORT_SECURITY: Final = "max-age=31536000"
"""A year (RFC 6797), where browsers come by HTTPS; of other hosts of the domain we know nothing."""
OWN_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code,pre{font-family:ui-monospace,monospace;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #bbb;padding:.3rem;"
    "text-align:left;vertical-align:top}"
)
"""Of the small pages that the server writes itself."""
_OWN_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(OWN_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{_OWN_STYLE_HASH}'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; "
    "connect-src 'self'{sockets}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For pages. Nothing stands inline but the one style above; what scripts set on an element is no inline
style. Recordings are played from blobs (MediaSource), without a worker."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_KIND_OF_STATUS: Final = {
    404: "not-found",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
}


@web.middleware
async def language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Chooses the catalogue for whoever reads the answer."""
    request[LANGUAGE] = catalogue.negotiate(request.headers.get("Accept-Language", ""))
    return await handler(request)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is answered by a problem document; a fault of ours is logged under a number."""
    try:
        _check_address(request)
        return await handler(request)
    except Problem as problem:
        return problem_response(problem, request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_response(_of_http(error, request), request)
    except ConnectionResetError:
        raise
    except Exception:
        incident = secrets.token_hex(INCIDENT_BYTES)
        log.exception("x fault of ours, number %s, in %s %s", incident, request.method, request.path)
        return problem_response(Problem("internal", detail_kind="incident", incident=incident), request)


def _check_address(request: web.Request) -> None:
    """There is nothing of a name with a NUL in it. Problem not-found, bad-request."""
    path, _, query = request.raw_path.partition("?")
    if nul.in_address(path):
        raise Problem("not-found")
    if nul.in_address(query):
        raise Problem("bad-request", reason=nul.REASON)


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal on_response_prepare."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    config = request.app.get(CONFIG)
    if config is not None and is_secure(config):
        response.headers.setdefault("Strict-Transport-Security", TRANSPORT_SECURITY)
    if response.content_type == "text/html":
        host = request.headers.get("Host", "")
        # Not every browser takes 'self' to mean the WebSocket of the same host.
        sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
        response.headers.setdefault(
            "Content-Security-Policy", CONTENT_SECURITY_POLICY.format(sockets=sockets)
        )


def problem_response(problem: Problem, request: web.Request) -> web.Response:
    reader = request.get(LANGUAGE, catalogue.DEFAULT)
    document = problem.document(reader)
    headers = {"Cache-Control": "no-store", "Content-Language": reader, "Vary": "Accept-Language"}
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(document),
        content_type=MEDIA_TYPE,
        headers=headers | problem.headers,
    )


def _of_http(error: web.HTTPException, request: web.Request) -> Problem:
    """aiohttp's own refusals."""
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem("method-not-allowed", headers={"Allow": allowed}, method=error.method, allowed=allowed)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem("too-large", limit=request.client_max_size)
    kind = _KIND_OF_STATUS.get(error.status, "bad-request")
    return Problem(kind, reason=error.reason, expected="another", limit=request.client_max_size)


async def problem_page(request: web.Request) -> web.Response:
    """GET /problems/{kind}: what a problem's type means, for those who look its URI up."""
    kind = request.match_info["kind"]
    if kind not in STATUS:
        raise Problem("not-found")
    rows = []
    for tag in catalogue.LANGUAGES:
        texts = catalogue.messages(tag)
        title, detail = (escape(texts[f"problem.{kind}.{part}"]) for part in ("title", "detail"))
        rows.append(f'<section lang="{tag}"><h2>{title}</h2><p>{detail}</p></section>')
    heading = f"{kind} ({STATUS[kind]})"
    return page(heading, f"<h1>{heading}</h1>{''.join(rows)}")


def page(title: str, body: str, language: str = catalogue.ENGLISH) -> web.Response:
    """A small page of the server's own, without scripts. title and body are HTML."""
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title} · Tongke</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{OWN_STYLE}</style>"
        f"<body><main>{body}</main></body></html>"
    )
    return web.Response(text=html, content_type="text/html")
