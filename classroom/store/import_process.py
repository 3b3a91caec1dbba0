"""`python -m classroom.store.import_process`: one import in a process of its own.

Theory of operation. A table of 200,000 rows becomes millions of objects. Made in the server, even in a
thread, they have its collector walk over all of them while nothing else runs, and whoever shares the
interpreter waits; here nobody does, and the memory goes with the process. It has its own connection to the
database and a low priority. On standard input: a line with the database's URL and the task, then the
file. On standard output: one line, what was found or why not.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from classroom.network.importing import BadTableError
from classroom.store.engine import make_engine, reason
from classroom.store.import_work import FaultyError, Found, OtherFileError, PlaceClosedError, Task, carry
from classroom.store.network import NetworkStore
from classroom.store.outbox import StoreUnavailable

T = TypeVar("T")

NICENESS: Final = 10
"""A tenth of what a lesson gets where both want a processor; with less, a busy morning never lets it end."""
BUSY_TIMEOUT_S: Final = 20.0
"""For the lock of a database that others write to as well: nobody's lesson waits for this process."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    database: str
    """URL, as the server's own."""
    task: Task


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    found: Found | None = None
    refused: str = ""
    """`table`, `other-file`, `faulty`, `closed`, `unavailable`."""
    kind: str = ""
    text: str = ""
    count: int = 0


async def told(network: NetworkStore, task: Task, data: bytes) -> Told:
    """What `carry` says, so that it can be written down."""
    try:
        return Told(found=await carry(network, task, data))
    except BadTableError as error:
        return Told(refused="table", kind=error.kind, text=error.text)
    except OtherFileError:
        return Told(refused="other-file")
    except FaultyError as error:
        return Told(refused="faulty", count=error.count)
    except PlaceClosedError:
        return Told(refused="closed")
    except StoreUnavailable as error:
        return Told(refused="unavailable", text=str(error))


class _Transactions:
    """Of one connection after the other."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __call__(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await work(connection)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(reason(error)) from error

    async def look(self, query: Callable[[Connection], T]) -> T:
        return await self(lambda connection: connection.run_sync(query))


async def _run(work: Work, data: bytes) -> Told:
    engine = make_engine(work.database, BUSY_TIMEOUT_S)
    try:
        transact = _Transactions(engine)
        return await told(NetworkStore(transact, transact, transact.look), work.task, data)
    finally:
        await engine.dispose()


def main() -> None:
    os.nice(NICENESS)
    # It ends before there would be much to collect; walking over millions of rows takes a fifth of its time.
    gc.disable()
    work = msgspec.json.decode(sys.stdin.buffer.readline(), type=Work)
    said = asyncio.run(_run(work, sys.stdin.buffer.read()))
    sys.stdout.buffer.write(msgspec.json.encode(said))


if __name__ == "__main__":
    main()
