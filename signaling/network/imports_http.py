"""/api/v1/imports: people and classes from a CSV or XLSX file, looked at first, then taken wholly or not at
all.

The server keeps nothing of a file between the two: the page sends it again, with the digest of what was
looked at, and everything is compared anew within the transaction that writes it. One file at a time: a large
one takes a processor for seconds and some 200 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.appointing import may_appoint
from classroom.network.importing import MAX_ROWS
from classroom.network.importing_files import MAX_BYTES
from classroom.network.model import Office, Place
from classroom.store.import_process import Told
from classroom.store.import_work import Found, Task
from signaling import catalogue
from signaling.attendance_table import BOM
from signaling.keys import CONFIG, LANGUAGE, STORE
from signaling.message import Id
from signaling.network.import_runner import ImportCutError, carried_out
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response

MAKERS: Final = frozenset({Office.ORGANIZER})
BINARY: Final = "application/octet-stream"
CSV: Final = "text/csv"

IMPORTING: Final[web.AppKey[asyncio.Lock]] = web.AppKey("importing", asyncio.Lock)
"""Held by who has a file looked at or taken."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


ColumnName = Literal[
    "school", "grade", "class", "name", "login", "office", "subject", "email", "child", "until"
]


class FaultView(msgspec.Struct, frozen=True, kw_only=True):
    row: int
    """As a spreadsheet counts, from 1."""
    kind: str
    """Stable: `login-taken`."""
    value: str
    """What stands there."""
    text: str
    """What is wrong with it, for people."""


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    """Of the file, to have it taken."""
    done: bool
    read_as: str
    """`xlsx`, or the encoding of a CSV: `utf-8`, `utf-16`, `gb18030`."""
    rows: int
    columns: list[ColumnName]
    ignored: list[str]
    """Heads of columns that were not understood."""
    schools: list[str]
    """New ones by name, the first hundred."""
    new_schools: int
    new_classes: int
    new_accounts: int
    renamed: int
    """Known people with another name or e-mail now."""
    new_offices: int
    moved: int
    """Offices of students who are in another class now, which end."""
    unchanged: int
    """Rows that say what is known."""
    faults: list[FaultView]
    """By row, the first two hundred; with one of them nothing is taken."""
    fault_count: int


class PreviewQuery(msgspec.Struct, frozen=True, kw_only=True):
    place: Id = ""
    """Into which is imported: a district, school or provider."""


class ImportQuery(PreviewQuery, frozen=True, kw_only=True):
    digest: Digest = "0" * 64
    """Of the report that was looked at."""


async def preview_import(request: web.Request) -> web.Response:
    """What an import would do; nothing is done."""
    place = await place_reached(request, query(request, PreviewQuery).place, MAKERS)
    async with _turn(request):
        found = await _found(request, place, "")
    return json_response(_report(request, found, done=False))


async def apply_import(request: web.Request) -> web.Response:
    """Wholly, or not at all."""
    asked = query(request, ImportQuery)
    place = await place_reached(request, asked.place, MAKERS)
    async with _turn(request):
        found = await _found(request, place, asked.digest)
    return json_response(_report(request, found, done=True))


@asynccontextmanager
async def _turn(request: web.Request) -> AsyncIterator[None]:
    """Problem busy: somebody else's file is in work."""
    lock = request.app[IMPORTING]
    if lock.locked():
        raise Problem("busy")
    async with lock:
        yield


async def import_template(request: web.Request) -> web.Response:
    """A CSV with the heads and an example, to be filled in."""
    rows = catalogue.text("import.template", request[LANGUAGE])
    return web.Response(
        body=(BOM + rows).encode(),
        headers={
            "Content-Type": f"{CSV}; charset=utf-8",
            "Content-Disposition": 'attachment; filename="import.csv"',
        },
    )


async def _found(request: web.Request, place: Place, digest: str) -> Found:
    """Problem: too-large, import-unreadable, import-other-file, import-faulty, place-closed, not-ready."""
    store, principal = request.app[STORE], request[PRINCIPAL]
    task = Task(
        place=place.id,
        by=principal.person,
        now_ms=store.clock.unix_ms(),
        from_above=may_appoint(principal, Office.SUPERVISOR, place),
        digest=digest,
    )
    data = await _file(request)
    try:
        told = await carried_out(store, request.app[CONFIG].database_url, task, data)
    except ImportCutError as error:
        raise Problem("not-ready", reason="import") from error
    if told.found is None:
        raise _refusal(told)
    return told.found


def _refusal(told: Told) -> Problem:
    if told.refused == "table":
        return Problem("import-unreadable", detail_kind=told.kind, columns=told.text, limit=MAX_ROWS)
    if told.refused == "faulty":
        return Problem("import-faulty", detail_kind="one" if told.count == 1 else "", count=told.count)
    kinds = {"other-file": "import-other-file", "closed": "place-closed"}
    return Problem(kinds.get(told.refused, "not-ready"), reason=told.text)


async def _file(request: web.Request) -> bytes:
    """Problem too-large."""
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > MAX_BYTES:
            raise Problem("too-large", limit=MAX_BYTES)
    return bytes(data)


def _report(request: web.Request, found: Found, *, done: bool) -> ImportReport:
    told = msgspec.structs.asdict(found)
    told["faults"] = [_fault(*fault, request[LANGUAGE]) for fault in found.faults]
    return ImportReport(done=done, **told)


def _fault(row: int, kind: str, value: str, language: str) -> FaultView:
    return FaultView(row=row, kind=kind, value=value, text=catalogue.text(f"import.{kind}", language))


_PATH: Final = "/api/v1/imports"
_PROBLEMS: Final = (
    *("bad-request", "not-found", "not-ready", "foreign-page"),
    *("too-large", "import-unreadable", "busy"),
)

OPERATIONS: Final = (
    Operation(
        id="import_template",
        method="GET",
        path=f"{_PATH}/template.csv",
        tag="places",
        handler=import_template,
        response=CSV,
    ),
    Operation(
        id="preview_import",
        method="POST",
        path=f"{_PATH}/preview",
        tag="places",
        handler=preview_import,
        query=PreviewQuery,
        request=BINARY,
        response=ImportReport,
        problems=_PROBLEMS,
    ),
    Operation(
        id="apply_import",
        method="POST",
        path=_PATH,
        tag="places",
        handler=apply_import,
        query=ImportQuery,
        request=BINARY,
        response=ImportReport,
        problems=(*_PROBLEMS, "import-other-file", "import-faulty", "place-closed"),
    ),
)
