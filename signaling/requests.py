"""What a request carries, as checked values: JSON bodies and query strings; what does not fit is a
Problem."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from signaling import nul
from signaling.problems import Problem

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""RFC 7396."""

T = TypeVar("T", bound=msgspec.Struct)


async def body(request: web.Request, kind: type[T], content_type: str = JSON) -> T:
    """The request's JSON body. Problem: unsupported-media-type, too-large, bad-request."""
    if request.content_type not in {JSON, content_type}:
        raise Problem("unsupported-media-type", expected=content_type)
    raw = await request.read()
    if nul.in_json(raw):
        raise Problem("bad-request", reason=nul.REASON)
    try:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError:
            return msgspec.convert(_with_whole_numbers(msgspec.json.decode(raw)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("bad-request", reason=str(error)) from error


def _with_whole_numbers(value: Any) -> Any:
    """JSON has one kind of number: to a caller whose language writes 5 as 5.0 it is the same (JSON Schema,
    "integer"). Only asked where strictness has refused."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_with_whole_numbers(each) for each in value]
    if isinstance(value, dict):
        return {name: _with_whole_numbers(each) for name, each in value.items()}
    return value


def query(request: web.Request, kind: type[T]) -> T:
    """The query string; of a name that comes twice, the first. Problem bad-request."""
    names = {field.encode_name for field in msgspec.structs.fields(kind)}
    values = {name: request.query[name] for name in names if name in request.query}
    try:
        return msgspec.convert(values, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise Problem("bad-request", reason=str(error)) from error
