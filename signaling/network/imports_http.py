"""/api/v1/imports: people and classes from a CSV or XLSX file, looked at first, then taken wholly or not at
all.

The server keeps nothing of a file between the two: the page sends it again, with the digest of what was
looked at, and everything is compared anew within the transaction that writes it. One file at a time: a large
one takes a processor for seconds and some 200 MB.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from classroom.network.importing import (
    MAX_FAULTS,
    MAX_ROWS,
    BadTableError,
    Fault,
    Parsed,
    parse,
)
from classroom.network.importing_files import MAX_BYTES, read_table
from classroom.network.importing_plan import ImportPlan, Known, plan
from classroom.network.model import Office, Place
from classroom.store import imports
from classroom.store.imports import ImportRefused
from signaling import catalogue
from signaling.attendance_table import BOM
from signaling.keys import LANGUAGE, STORE
from signaling.message import Id
from signaling.network.principals import PRINCIPAL
from signaling.network.reach import place_reached
from signaling.openapi import Operation
from signaling.problems import Problem
from signaling.requests import query
from signaling.rest import json_response, read

MAKERS: Final = frozenset({Office.ORGANIZER})
ID_BYTES: Final = 9
NAMES_SHOWN: Final = 100
"""New schools by name: a slip of the pen in one is seen there. More is not read."""
BINARY: Final = "application/octet-stream"
CSV: Final = "text/csv"

IMPORTING: Final[web.AppKey[asyncio.Lock]] = web.AppKey("importing", asyncio.Lock)
"""Held by who has a file looked at or taken."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


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
    columns: list[Literal["school", "grade", "class", "name", "login", "office", "subject", "email"]]
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


@dataclass(frozen=True, slots=True)
class _File:
    digest: str
    read_as: str
    parsed: Parsed
    logins: frozenset[str]


async def preview_import(request: web.Request) -> web.Response:
    """What an import would do; nothing is done."""
    place = await place_reached(request, query(request, PreviewQuery).place, MAKERS)
    async with _turn(request):
        file, store = await _file(request), request.app[STORE]
        found = await read(store.network.read(imports.known, place, file.logins))
        made = await _plan(file.parsed, found, store.clock.unix_ms())
    return json_response(_report(request, file, made, done=False))


async def apply_import(request: web.Request) -> web.Response:
    """Wholly, or not at all."""
    asked = query(request, ImportQuery)
    place = await place_reached(request, asked.place, MAKERS)
    async with _turn(request):
        file = await _file(request)
        if file.digest != asked.digest:
            raise Problem("import-other-file")
        if file.parsed.faults:
            raise Problem("import-faulty", count=len(file.parsed.faults))
        if place.closed_ms is not None:
            raise Problem("place-closed")
        try:
            made = await read(_carried_out(request, place, file))
        except ImportRefused as refused:
            raise Problem("import-faulty", count=len(refused.plan.faults)) from refused
    return json_response(_report(request, file, made, done=True))


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


async def _carried_out(request: web.Request, place: Place, file: _File) -> ImportPlan:
    store, by = request.app[STORE], request[PRINCIPAL].person
    now_ms = store.clock.unix_ms()

    async def think(known: Known) -> ImportPlan:
        return await _plan(file.parsed, known, now_ms)

    return await store.network.change(imports.carry_out, place, file.logins, think, now_ms, by, file.digest)


async def _file(request: web.Request) -> _File:
    """Problem: too-large, import-unreadable."""
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > MAX_BYTES:
            raise Problem("too-large", limit=MAX_BYTES)
    try:
        return await asyncio.to_thread(_read, bytes(data))
    except BadTableError as error:
        raise Problem(
            "import-unreadable", detail_kind=error.kind, columns=error.text, limit=MAX_ROWS
        ) from error


def _read(data: bytes) -> _File:
    read_as, table = read_table(data)
    parsed = parse(table)
    logins = frozenset(entry.login for entry in parsed.entries)
    return _File(hashlib.sha256(data).hexdigest(), read_as, parsed, logins)


async def _plan(parsed: Parsed, known: Known, now_ms: int) -> ImportPlan:
    return await asyncio.to_thread(plan, parsed.entries, known, now_ms, _new_id)


def _new_id(kind: str) -> str:
    return f"{kind}-{secrets.token_urlsafe(ID_BYTES)}"


def _report(request: web.Request, file: _File, made: ImportPlan, *, done: bool) -> ImportReport:
    faults = sorted((*file.parsed.faults, *made.faults), key=lambda fault: fault.row)
    return ImportReport(
        digest=file.digest,
        done=done,
        read_as=file.read_as,
        rows=file.parsed.rows,
        columns=[column.value for column in file.parsed.columns],
        ignored=file.parsed.ignored,
        schools=[school.name for school in made.schools[:NAMES_SHOWN]],
        new_schools=len(made.schools),
        new_classes=len(made.classes),
        new_accounts=len(made.accounts),
        renamed=len(made.renamed),
        new_offices=len(made.appointments),
        moved=len(made.revoked),
        unchanged=made.unchanged,
        faults=[_fault(fault, request[LANGUAGE]) for fault in faults[:MAX_FAULTS]],
        fault_count=len(faults),
    )


def _fault(fault: Fault, language: str) -> FaultView:
    text = catalogue.text(f"import.{fault.kind.value}", language)
    return FaultView(row=fault.row, kind=fault.kind.value, value=fault.value, text=text)


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
