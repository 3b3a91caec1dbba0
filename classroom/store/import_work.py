"""An import from the file's bytes to a report: read, compared with what is known, and taken where that is
asked. The same in the server, for a small file, and in a process of its own (`import_process`)."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import Final

import msgspec

from classroom.network.importing import MAX_FAULTS, Fault, Parsed, parse
from classroom.network.importing_files import read_table
from classroom.network.importing_plan import ImportPlan, Known, plan
from classroom.network.model import PlaceId
from classroom.store import imports, network_places
from classroom.store.imports import ImportRefused
from classroom.store.network import NetworkStore

ID_BYTES, ID_LETTERS = 9, 12
"""Of chance: 72 bits, which are as many letters of six bits."""
IDS_AT_ONCE: Final = 1000
NAMES_SHOWN: Final = 100
"""New schools by name: a slip of the pen in one is seen there. More is not read."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    """Id of the place into which is imported; it was there."""
    by: str
    now_ms: int
    from_above: bool
    """Who asks is an organizer of a place above, too."""
    digest: str = ""
    """Of the file that is to be taken, as the report of looking at it said; empty: look at it."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an import does, or would do."""

    digest: str
    read_as: str
    rows: int
    columns: list[str]
    ignored: list[str]
    schools: list[str]
    new_schools: int = 0
    new_classes: int = 0
    new_accounts: int = 0
    renamed: int = 0
    new_offices: int = 0
    moved: int = 0
    unchanged: int = 0
    faults: list[tuple[int, str, str]] = []
    """Row, kind, what stands there; the first two hundred."""
    fault_count: int = 0


class OtherFileError(Exception):
    """It is not the file that was looked at."""


class FaultyError(Exception):
    """It cannot be taken: so many rows are at fault."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class PlaceClosedError(Exception):
    """Nothing new happens there."""


async def carry(network: NetworkStore, task: Task, data: bytes) -> Found:
    """Raises BadTableError, OtherFileError, FaultyError, PlaceClosedError, StoreUnavailable."""
    digest = hashlib.sha256(data).hexdigest()
    if task.digest and digest != task.digest:
        raise OtherFileError
    read_as, parsed = await asyncio.to_thread(_read, data)
    if task.digest and parsed.faults:
        raise FaultyError(len(parsed.faults))
    logins = {login for each in parsed.entries for login in (each.login, each.child) if login}
    place = await network.read(network_places.find, PlaceId(task.place))
    if place is None or (task.digest and place.closed_ms is not None):
        raise PlaceClosedError

    async def think(known: Known) -> ImportPlan:
        return await asyncio.to_thread(plan, parsed.entries, known, task.now_ms, Ids())

    above = task.from_above
    if not task.digest:
        made = await think(await network.read(imports.known, place, logins, from_above=above))
        return _found(digest, read_as, parsed, made)
    try:
        made = await network.change(
            imports.carry_out, place, logins, think, task.now_ms, task.by, digest, from_above=above
        )
    except ImportRefused as refused:
        raise FaultyError(len(refused.plan.faults)) from refused
    return _found(digest, read_as, parsed, made)


class Ids:
    """Ids that nobody has. Chance is asked for many at a time: of a district's people there are half a
    million."""

    def __init__(self) -> None:
        self._left: list[str] = []

    def __call__(self, kind: str) -> str:
        if not self._left:
            many = secrets.token_urlsafe(IDS_AT_ONCE * ID_BYTES)
            self._left = [many[at : at + ID_LETTERS] for at in range(0, len(many), ID_LETTERS)]
        return f"{kind}-{self._left.pop()}"


def _read(data: bytes) -> tuple[str, Parsed]:
    read_as, table = read_table(data)
    return read_as, parse(table)


def _found(digest: str, read_as: str, parsed: Parsed, made: ImportPlan) -> Found:
    faults = sorted((*parsed.faults, *made.faults), key=_row)
    return Found(
        digest=digest,
        read_as=read_as,
        rows=parsed.rows,
        columns=[column.value for column in parsed.columns],
        ignored=parsed.ignored,
        schools=[school.name for school in made.schools[:NAMES_SHOWN]],
        new_schools=len(made.schools),
        new_classes=len(made.classes),
        new_accounts=len(made.accounts),
        renamed=len(made.renamed),
        new_offices=len(made.appointments),
        moved=len(made.revoked),
        unchanged=made.unchanged,
        faults=[(fault.row, fault.kind.value, fault.value) for fault in faults[:MAX_FAULTS]],
        fault_count=len(faults),
    )


def _row(fault: Fault) -> int:
    return fault.row
