"""/api/v1/audit: what was done by whom, for the organizers of where it was done; also as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.model import Office, Path
from classroom.store import audit
from classroom.store.audit import Deed, Recorded
from classroom.store.outbox import StoreUnavailable
from signaling.attendance_table import Cell, harmless
from signaling.keys import STORE
from signaling.message import Id
from signaling.network.appointments_http import Milliseconds
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import place_reached
from signaling.openapi import Operation
from signaling.requests import query
from signaling.rest import json_response, read

READERS: Final = frozenset({Office.ORGANIZER})
CSV: Final = "text/csv"
COLUMNS: Final = ("seq", "at", "person", "deed", "place", "object", "body")


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    """Later ones have greater numbers."""
    at_ms: int
    person: str
    """Empty: the server by itself."""
    deed: str
    path: str
    """Of the place, by ids from the city down."""
    object: str
    """Id of what it was done to."""
    body: dict[str, Any]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    deeds: list[AuditRow]
    """The latest first; earlier ones with `?before=` the last one's number."""


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """In this place and all within it; empty: wherever the caller is an organizer."""
    person: Id = ""
    """Who did it."""
    object: Id = ""
    """To what it was done."""
    deed: Annotated[str, Meta(max_length=32)] = ""
    from_ms: Milliseconds = 0
    until_ms: Milliseconds | None = None
    before: Milliseconds | None = None
    limit: Annotated[int, Meta(ge=1, le=audit.PAGE)] = audit.PAGE


class AuditFileQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    from_ms: Milliseconds = 0
    until_ms: Milliseconds | None = None


async def list_audit(request: web.Request) -> web.Response:
    asked = query(request, AuditQuery)
    paths = await _paths(request, asked.place)
    found = await read(
        request.app[STORE].network.read(
            audit.listed,
            paths,
            before=asked.before,
            person=asked.person,
            object_id=asked.object,
            deeds=(asked.deed,) if asked.deed else (),
            from_ms=asked.from_ms,
            until_ms=asked.until_ms,
            limit=asked.limit,
        )
    )
    return json_response(AuditPage(deeds=[_view(each) for each in found]))


async def audit_csv(request: web.Request) -> web.StreamResponse:
    """All of it, in order, page by page: of whatever size. Who takes it away is on record, too, before the
    first row leaves."""
    asked = query(request, AuditFileQuery)
    paths = await _paths(request, asked.place)
    network, now_ms = request.app[STORE].network, request.app[STORE].clock.unix_ms()
    person, range_ = request[PRINCIPAL].person, {"from_ms": asked.from_ms, "until_ms": asked.until_ms}
    taken = [Deed(now_ms, person, "audit-exported", path, person, range_) for path in paths]
    await read(network.change(audit.record, *taken))
    pages = _pages(request, paths, asked)
    first = await read(_first(pages))
    response = web.StreamResponse(
        headers={
            "Content-Type": f"{CSV}; charset=utf-8",
            "Content-Disposition": 'attachment; filename="audit.csv"',
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    # A spreadsheet reads UTF-8 as such by its mark.
    await response.write(b"\xef\xbb\xbf" + _lines([COLUMNS]) + _lines(map(_row, first)))
    try:
        async for page in pages:
            await response.write(_lines(map(_row, page)))
    except StoreUnavailable as error:
        # Cut off rather than closed: nobody takes half of it for all.
        raise ConnectionResetError from error
    await response.write_eof()
    return response


async def _first(pages: AsyncIterator[tuple[Recorded, ...]]) -> tuple[Recorded, ...]:
    """What is refused is refused before the answer begins."""
    async for page in pages:
        return page
    return ()


async def _pages(
    request: web.Request, paths: tuple[Path, ...], asked: AuditFileQuery
) -> AsyncIterator[tuple[Recorded, ...]]:
    after = 0
    network = request.app[STORE].network
    while page := await network.read(
        audit.listed, paths, after=after, from_ms=asked.from_ms, until_ms=asked.until_ms
    ):
        yield page
        after = page[-1].seq


async def _paths(request: web.Request, place: str) -> tuple[Path, ...]:
    if not place:
        return request[PRINCIPAL].paths(READERS)
    return ((await place_reached(request, place, READERS)).path,)


def _view(found: Recorded) -> AuditRow:
    deed = found.deed
    return AuditRow(
        seq=found.seq,
        at_ms=deed.at_ms,
        person=deed.person,
        deed=deed.deed,
        path=deed.path,
        object=deed.object,
        body=dict(deed.body),
    )


def _row(found: Recorded) -> list[Cell]:
    deed = found.deed
    at = datetime.fromtimestamp(deed.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    body = msgspec.json.encode(deed.body).decode()
    return [str(found.seq), at, *map(harmless, (deed.person, deed.deed, deed.path, deed.object, body))]


def _lines(rows: Iterable[Iterable[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


_PATH: Final = "/api/v1/audit"
_PROBLEMS: Final = ("bad-request", "not-found", "not-ready")

OPERATIONS: Final = (
    Operation(
        id="audit",
        method="GET",
        path=_PATH,
        tag="accounts",
        handler=list_audit,
        query=AuditQuery,
        response=AuditPage,
        problems=_PROBLEMS,
    ),
    Operation(
        id="audit_csv",
        method="GET",
        path="/api/v1/audit.csv",
        tag="accounts",
        handler=audit_csv,
        query=AuditFileQuery,
        response=CSV,
        problems=_PROBLEMS,
    ),
)
