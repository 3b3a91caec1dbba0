"""What a request carries, as checked values: JSON bodies and query strings; what does not fit is a
Problem."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from aiohttp import web

from signaling.problems import Problem

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""RFC 7396."""

T = TypeVar("T", bound=msgspec.Struct)


async def body(request: web.Request, kind: type[T], content_type: str = JSON) -> T:
    """The request's JSON body. Problem: unsupported-media-type, too-large, bad-request."""
    if request.content_type not in {JSON, content_type}:
        raise Problem("unsupported-media-type", expected=content_type)
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("bad-request", reason=str(error)) from error


def query(request: web.Request, kind: type[T]) -> T:
    """The query string; of a name that comes twice, the first. Problem bad-request."""
    names = {field.encode_name for field in msgspec.structs.fields(kind)}
    values = {name: request.query[name] for name in names if name in request.query}
    try:
        return msgspec.convert(values, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise Problem("bad-request", reason=str(error)) from error
