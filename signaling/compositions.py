"""Films of items (recorder.compose), made in the background: one at a time, each by a process of its own.

What is asked for stands in the item's directory (`.composed/job.json`) beside the pieces made so far, so a
film goes on after a restart of the server, where it was stopped. Cancelling deletes both. The film is part of
the item and goes with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import sys
from collections import deque
from pathlib import Path
from typing import Final, Literal

import msgspec

from recorder.compose import FILM
from recorder.library import ITEM_ID, Library

log = logging.getLogger(__name__)

MAX_QUEUE: Final = 100
"""A night's work for one core."""
STOP_S: Final = 5.0
"""For a process that is told to stop; it loses a few seconds of work at most."""
MAX_LINE: Final = 4096
FOLDER: Final = ".composed"

State = Literal["queued", "running", "ready", "failed"]


class Job(msgspec.Struct, kw_only=True):
    state: State = "queued"
    done: float = 0.0
    """0 to 1."""
    reason: str = ""
    """Why it failed."""


class QueueFullError(Exception):
    """So many films are waiting that this one would not be made today."""


class Compositions:
    """Belongs to the event loop."""

    def __init__(self, library: Library, data: Path) -> None:
        self._library, self._data = library, data
        self._jobs: dict[str, Job] = {}
        self._queue: deque[str] = deque()
        self._process: asyncio.subprocess.Process | None = None
        self._making = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes up what an earlier server did not finish."""
        self._jobs = await asyncio.to_thread(self._read_all)
        for item, job in self._jobs.items():
            if job.state in ("queued", "running"):
                job.state = "queued"
                self._queue.append(item)
        self._work()

    async def close(self) -> None:
        """What is being made goes on with the next server."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def idle(self) -> None:
        """Until nothing is left to be made."""
        while self._task is not None and not self._task.done():
            await asyncio.shield(self._task)

    def job(self, item: str) -> Job | None:
        return self._jobs.get(item)

    def film(self, item: str) -> Path:
        return self._library.path(item, f"{FOLDER}/{FILM}")

    async def ask(self, item: str) -> Job:
        """Again for one that is waiting, being made, or made: that one. Raises QueueFullError, OSError."""
        job = self._jobs.get(item)
        if job is not None and job.state != "failed":
            return job
        if len(self._queue) >= MAX_QUEUE:
            raise QueueFullError
        job = self._jobs[item] = Job()
        await self._note(item, job)
        self._queue.append(item)
        self._work()
        return job

    async def cancel(self, item: str) -> None:
        """Deletes the film and what was made of it. Raises KeyError."""
        del self._jobs[item]
        with contextlib.suppress(ValueError):
            self._queue.remove(item)
        if self._making == item and self._process is not None:
            await _stop(self._process)
        await asyncio.to_thread(shutil.rmtree, self._library.path(item, FOLDER), ignore_errors=True)

    def _work(self) -> None:
        if self._queue and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._make_all(), name="compositions")

    async def _make_all(self) -> None:
        while self._queue:
            item = self._queue.popleft()
            job = self._jobs[item]
            self._making = item
            try:
                await self._make(item, job)
            except OSError as error:
                log.error("x film of %s: %s", item, error)
                job.state, job.reason = "failed", "disk"
            finally:
                self._making, self._process = "", None

    async def _make(self, item: str, job: Job) -> None:
        job.state = "running"
        log.info("- film of %s begins", item)
        directory = self._library.path(item, FOLDER)
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder.compose", str(self._data), item, str(directory)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                _hear(job, line)
            code = await process.wait()
        finally:
            await _stop(process)
        if self._jobs.get(item) is not job:
            return  # cancelled
        job.state = "ready" if code == 0 else "failed"
        log.info("- film of %s: %s", item, job.state)
        await self._note(item, job)

    async def _note(self, item: str, job: Job) -> None:
        data = msgspec.json.encode(job)
        await asyncio.to_thread(self._library.storage.replace, f"{item}/{FOLDER}/job.json", data)

    def _read_all(self) -> dict[str, Job]:
        found: dict[str, Job] = {}
        for name in self._library.storage.names():
            if ITEM_ID.fullmatch(name):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    data = self._library.storage.read(f"{name}/{FOLDER}/job.json")
                    found[name] = msgspec.json.decode(data, type=Job)
        return found


def _hear(job: Job, line: bytes) -> None:
    """A line of the process: {"done": 0.5} or {"failed": "..."}."""
    with contextlib.suppress(msgspec.MsgspecError):
        said = msgspec.json.decode(line, type=dict[str, float | str])
        if isinstance(done := said.get("done"), float | int):
            job.done = float(done)
        job.reason = str(said.get("failed", ""))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
