"""The HTTP interface as a table, and the OpenAPI 3.1 document and the readable page made from it.

A module that answers HTTP describes itself by `Operation`s; schemas come from the msgspec types, texts from
the catalogue (`api.OPERATION`). A test compares the table with the routes that the application really has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib import metadata
from typing import Any, Final

import msgspec
from aiohttp import web

from signaling import catalogue
from signaling.access import ACCESS, BEFORE_FACTOR, PROVED, Offices, Rule, guarded
from signaling.http import page
from signaling.keys import LANGUAGE, OPERATIONS
from signaling.network.principals import SIGN_IN_COOKIE
from signaling.problems import MEDIA_TYPE, STATUS, ProblemDocument
from signaling.requests import JSON

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REF: Final = "#/components/schemas/{name}"
_PATH_PARAMETER: Final = re.compile(r"{(\w+)(?::[^{}]*)?}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    id: str
    """Name of the operation; its text is the catalogue's `api.ID`."""
    method: str
    path: str
    tag: str
    handler: Handler | None = None
    """None: its module registers the route by itself."""
    query: tuple[str, ...] | type[msgspec.Struct] = ()
    """Query parameters, as names or as the fields of a type; their text is `api.ID.NAME`."""
    headers: tuple[str, ...] = ()
    """Request headers that it understands; their text is `api.header.NAME`."""
    request: Any = None
    """msgspec type of the body, or a media type for a body that is not JSON."""
    response: Any = None
    """The same of the answer; None: no body."""
    request_type: str = JSON
    """Media type of a JSON body."""
    status: int = 200
    also: tuple[int, ...] = ()
    """Other ways in which it succeeds, with the same answer."""
    problems: tuple[str, ...] = ()
    """Kinds that are special to it; those of the token are understood."""

    @property
    def public(self) -> bool:
        """Needs no token."""
        return ACCESS[self.id] is None


TOKEN_PROBLEMS: Final = (
    "token-missing",
    "token-invalid",
    "token-expired",
    "wrong-lesson",
    "role-not-allowed",
)


def add_operations(app: web.Application, operations: Iterable[Operation]) -> None:
    """Registers those that have a handler."""
    for operation in operations:
        if operation.handler is not None:
            handler = guarded(operation.id, operation.handler)
            app.router.add_route(operation.method, operation.path, handler)
            if operation.method == "GET":
                app.router.add_route("HEAD", operation.path, handler)


def document(operations: Sequence[Operation], *, version: str, language: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    types = [t for o in operations for t in (o.request, o.response) if _is_type(t)]
    _, schemas = msgspec.json.schema_components([*types, ProblemDocument], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, language)
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    session = {"type": "apiKey", "in": "cookie", "name": SIGN_IN_COOKIE}
    return {
        "openapi": "3.1.0",
        "info": {"title": catalogue.text("api", language), "version": version},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"bearer": bearer, "session": session}},
        "security": [{"bearer": []}],
    }


def _operation(operation: Operation, language: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": catalogue.text(f"api.{operation.id}", language),
        "tags": [operation.tag],
        "parameters": _parameters(operation, language),
        "responses": _responses(operation, language),
    }
    if operation.request is not None:
        described["requestBody"] = {
            "required": True,
            "content": _content(operation.request, operation.request_type),
        }
    if operation.public:
        described["security"] = []
    else:
        described |= _who_may(ACCESS[operation.id])
    return described


def _who_may(rule: Rule | Offices | None) -> dict[str, Any]:
    if isinstance(rule, frozenset):
        return {"x-tongke-offices": sorted(rule), "security": [{"session": []}, {"bearer": []}]}
    return {"x-tongke-roles": dict(rule or {})}


def _parameters(operation: Operation, language: str) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(operation.path)
    ]
    query = [
        {
            "name": name,
            "in": "query",
            "required": required,
            "schema": schema,
            "description": catalogue.text(f"api.{operation.id}.{name}", language),
        }
        for name, schema, required in _query(operation.query)
    ]
    headers = [
        {
            "name": name,
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": catalogue.text(f"api.header.{name}", language),
        }
        for name in operation.headers
    ]
    return path + query + headers


def _query(query: tuple[str, ...] | type[msgspec.Struct]) -> list[tuple[str, dict[str, Any], bool]]:
    """Name and schema of each parameter, and whether it must be there."""
    if isinstance(query, tuple):
        return [(name, {"type": "string"}, False) for name in query]
    _, schemas = msgspec.json.schema_components([query], ref_template=_REF)
    described = schemas[query.__name__]
    return [
        (name, schema, name in described.get("required", ()))
        for name, schema in described["properties"].items()
    ]


def _responses(operation: Operation, language: str) -> dict[str, Any]:
    success: dict[str, Any] = {"description": catalogue.text(f"api.{operation.id}", language)}
    if operation.response is not None:
        success["content"] = _content(operation.response)
    responses = {str(status): success for status in (operation.status, *operation.also)}
    problem = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name=ProblemDocument.__name__)}}}
    for kind in _problems(operation):
        title = catalogue.text(f"problem.{kind}.title", language)
        known = responses.setdefault(str(STATUS[kind]), {"description": "", "content": problem})
        known["description"] = f"{known['description']}; {kind}: {title}".removeprefix("; ")
    return responses


def _problems(operation: Operation) -> tuple[str, ...]:
    if operation.public:
        return operation.problems
    asked = []
    if isinstance(ACCESS[operation.id], frozenset) and operation.id not in BEFORE_FACTOR:
        asked.append("second-factor-required")
    if operation.id in PROVED:
        asked.append("proof-needed")
    return (*TOKEN_PROBLEMS, *asked, *operation.problems)


def _content(body: Any, media_type: str = JSON) -> dict[str, Any]:
    if not _is_type(body):
        return {body: {}}
    (schema,), _ = msgspec.json.schema_components([body], ref_template=_REF)
    return {media_type: {"schema": schema}}


def _is_type(body: Any) -> bool:
    return body is not None and not isinstance(body, str)


async def openapi_json(request: web.Request) -> web.Response:
    """GET /api/openapi.json."""
    operations = request.app[OPERATIONS]
    described = document(operations, version=_version(), language=request[LANGUAGE])
    return web.Response(body=msgspec.json.encode(described), content_type=JSON)


async def docs(request: web.Request) -> web.Response:
    """GET /api/docs: the same for people, without scripts or anything from elsewhere."""
    language = request[LANGUAGE]
    operations = request.app[OPERATIONS]
    described = document(operations, version=_version(), language=language)
    rows = [
        _row(method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = json.dumps(described["components"]["schemas"], indent=2, ensure_ascii=False)
    title = escape(described["info"]["title"])
    body = (
        f"<h1>{title} {escape(described['info']['version'])}</h1>"
        f'<p><a href="openapi.json">openapi.json</a></p><table>{"".join(rows)}</table>'
        f"<pre>{escape(schemas)}</pre>"
    )
    return page(title, body, language)


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    answers = "".join(
        f"<li><b>{status}</b> {escape(answer['description'])}</li>"
        for status, answer in operation["responses"].items()
    )
    query = ", ".join(p["name"] for p in operation["parameters"] if p["in"] == "query")
    call = f"{method.upper()} {path}" + (f" ? {query}" if query else "")
    return f"<tr><td><code>{escape(call)}</code><td>{escape(operation['summary'])}<ul>{answers}</ul>"


def _version() -> str:
    return metadata.version("tongke")
