"""Where an import is carried out: a small file here, a larger one in a process of its own, so that no lesson
waits for it (`classroom.store.import_process`)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from typing import Final

import msgspec

from classroom.store.import_process import Told, Work, told
from classroom.store.import_work import Task
from classroom.store.store import Store

log = logging.getLogger(__name__)

SMALL: Final = 64 * 1024
"""Bytes: some 600 rows, a school's year. They take 30 ms in threads; a process takes a second to begin."""
LONGEST_S: Final = 900.0
"""For 200,000 rows on a busy machine, with room to spare; then it is ended, and nothing was done."""
PIECE: Final = 64 * 1024
"""Bytes that a pipe takes at once."""


class ImportCutError(Exception):
    """The process did not get to its end; nothing was done."""


async def carried_out(store: Store, database: str, task: Task, data: bytes) -> Told:
    """Raises ImportCutError."""
    if len(data) <= SMALL:
        return await told(store.network, task, data)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "classroom.store.import_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            said = await _talked(process, Work(database=database, task=task), data)
        return msgspec.json.decode(said, type=Told)
    except (TimeoutError, OSError, msgspec.MsgspecError) as error:
        log.error("x import: its process did not get to its end (%s)", type(error).__name__)
        raise ImportCutError from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _talked(process: asyncio.subprocess.Process, work: Work, data: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(msgspec.json.encode(work) + b"\n")
    for begin in range(0, len(data), PIECE):
        process.stdin.write(data[begin : begin + PIECE])
        await process.stdin.drain()
    process.stdin.close()
    said = await process.stdout.read()
    await process.wait()
    return said
