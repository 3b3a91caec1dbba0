"""Between the packets and the disk: a bounded queue of writes and one thread that performs them.

A disk may take seconds for an fsync, or be full for an hour; the packets come all the same. So nobody who
handles packets waits for the disk: a write is queued or, when SPOOL_BYTES are waiting, refused, and whoever
wanted it records a gap. A write that fails stays first in the queue and is tried again, because each names
its offset; so recording goes on by itself when there is room again, and nothing that was accepted is ever
left out.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

logger = logging.getLogger(__name__)

SPOOL_BYTES = 64 * 1024 * 1024
"""Five minutes of one 720p lesson, or 10 s of thirty: what one waits for somebody to make room, in memory."""
RETRY_S = 1.0
"""Between two tries of a write that failed."""
BATCH_WRITES = 256
"""Writes between two syncs; a second of a hundred tracks."""

Failure = Literal["", "disk_full", "disk_error"]


class Disk(Protocol):
    """The part of `Storage` that the spool needs."""

    def write(self, path: str, offset: int, data: bytes) -> None: ...
    def sync(self, path: str) -> None: ...
    def replace(self, path: str, data: bytes) -> None: ...
    def close(self, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Write:
    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The file is complete. `done` is called, in the spool's thread, once all before is on the disk."""

    path: str
    done: Callable[[], None] | None = None


Task = Write | Replace | Close


class Spool:
    def __init__(self, disk: Disk, limit_bytes: int = SPOOL_BYTES) -> None:
        self._disk = disk
        self._limit_bytes = limit_bytes
        self._queue: deque[Task] = deque()
        self._bytes = 0
        self._full = False
        self._unsynced: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.failure: Failure = ""
        self.counters = dict.fromkeys(("writes", "bytes", "syncs", "failures", "refused"), 0)

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes are accepted; a refusal is counted. Once full, nothing is accepted
        until half is written: one long gap can be told, a hundred short ones make nothing playable."""
        if self._full and self._bytes <= self._limit_bytes // 2:
            self._full = False
        if self._full or self._bytes + size > self._limit_bytes:
            self._full = True
            self.counters["refused"] += 1
        return not self._full

    def put(self, *tasks: Task) -> None:
        """Queues them in order, together. Small bookkeeping is always accepted; ask `has_room` before
        media."""
        with self._changed:
            for task in tasks:
                self._queue.append(task)
                self._bytes += _size(task)
            self._changed.notify()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Writes what is queued, then ends the thread. False: the disk did not take all in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        assert self._thread is not None
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._queue

    def work(self) -> bool:
        """Performs what is queued, up to one batch. False when a write failed: try again later."""
        for _ in range(BATCH_WRITES):
            with self._changed:
                task = self._queue[0] if self._queue else None
            if task is None:
                break
            try:
                self._perform(task)
            except OSError as error:
                self._fail(error)
                return False
            with self._changed:
                self._queue.popleft()
                self._bytes -= _size(task)
        return self._sync()

    def _perform(self, task: Task) -> None:
        match task:
            case Write(path, offset, data):
                self._disk.write(path, offset, data)
                self._unsynced.add(path)
                self.counters["writes"] += 1
                self.counters["bytes"] += len(data)
            case Replace(path, data):
                self._sync_all()
                self._disk.replace(path, data)
            case Close(path, done):
                self._sync_all()
                self._disk.close(path)
                if done is not None:
                    done()

    def _sync(self) -> bool:
        try:
            self._sync_all()
        except OSError as error:
            self._fail(error)
            return False
        if self.failure and not self._queue:
            logger.info("- disk works again")
            self.failure = ""
        return True

    def _sync_all(self) -> None:
        for path in list(self._unsynced):
            self._disk.sync(path)
            self._unsynced.discard(path)
            self.counters["syncs"] += 1

    def _fail(self, error: OSError) -> None:
        failure: Failure = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disk_error"
        self.counters["failures"] += 1
        if failure != self.failure:
            logger.error("x %s: %s", failure, error.strerror)
        self.failure = failure

    def _run(self) -> None:
        while True:
            works = self.work()
            with self._changed:
                if self._stopping and (not self._queue or not works):
                    return
                if not works:
                    self._changed.wait(RETRY_S)
                elif not self._queue:
                    self._changed.wait()


def _size(task: Task) -> int:
    return 0 if isinstance(task, Close) else len(task.data)
