"""Between the packets and the disk: a bounded queue of writes and one thread that performs them.

A disk may take seconds for an fsync, or be full for an hour; the packets come all the same. So nobody who
handles packets waits for the disk: a write is queued or, when SPOOL_BYTES are waiting, refused, and whoever
wanted it records a gap. A write that fails stays first in its queue and is tried again, because each names
its offset; so recording goes on by itself when there is room again, and nothing that was accepted is ever
left out.

Each item (the directory of a path) has a queue of its own, which keeps its order: what is wrong with one
item's files holds up no other's.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
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


@dataclass(frozen=True, slots=True)
class Sync:
    """All before of the path's item is on the disk before anything behind it is written."""

    path: str


Task = Write | Replace | Close | Sync


class Spool:
    def __init__(self, disk: Disk, limit_bytes: int = SPOOL_BYTES) -> None:
        self._disk = disk
        self._limit_bytes = limit_bytes
        self._queues: dict[str, deque[Task]] = {}
        """By item; none is empty."""
        self._failures: dict[str, Failure] = {}
        """Of items that are not written at the moment."""
        self._bytes = 0
        self._full = False
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.counters = dict.fromkeys(("writes", "bytes", "syncs", "failures", "refused"), 0)

    @property
    def failure(self) -> Failure:
        """Of any item."""
        return next(iter(self._failures.copy().values()), "")

    def failure_of(self, item: str) -> Failure:
        return self._failures.get(item, "")

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
                self._queues.setdefault(_item(task), deque()).append(task)
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
        return not self._thread.is_alive() and not self._queues

    def work(self) -> bool:
        """Performs what is queued, up to one batch of each item. False when some of it failed: try again.

        A write leaves the queue when it is on the disk, not before: after a failed fsync nobody knows what
        the system still has of it (it may have thrown the pages away), so all of it is written again.
        """
        with self._changed:
            items = list(self._queues)
        for item in items:
            self._work_on(item)
        return not self._failures

    def _work_on(self, item: str) -> None:
        try:
            while self._write_batch(item):
                self._pass_barrier(item)
        except OSError as error:
            self._fail(item, error)
            return
        if self._failures.pop(item, ""):
            logger.info("- %s: disk works again", item)

    def _write_batch(self, item: str) -> bool:
        """The writes at the head of the queue. True when a barrier stands behind them."""
        with self._changed:
            queue = self._queues.get(item, deque())
            batch: list[Write] = []
            for task in islice(queue, BATCH_WRITES):
                if not isinstance(task, Write):
                    break
                batch.append(task)
            following = queue[len(batch)] if len(batch) < len(queue) else None
        for write in batch:
            self._disk.write(write.path, write.offset, write.data)
        for path in dict.fromkeys(write.path for write in batch):
            self._sync(path)
        self._done(item, batch)
        return following is not None and not isinstance(following, Write)

    def _pass_barrier(self, item: str) -> None:
        """All writes before it are on the disk."""
        task = self._queues[item][0]
        match task:
            case Replace(path, data):
                self._disk.replace(path, data)
            case Close(path):
                self._disk.close(path)
        self._done(item, [task])
        if isinstance(task, Close) and task.done is not None:
            task.done()

    def _sync(self, path: str) -> None:
        try:
            self._disk.sync(path)
        except OSError:
            self._disk.close(path)  # it is opened anew: an old descriptor may keep its error to itself
            raise
        self.counters["syncs"] += 1

    def _done(self, item: str, tasks: Sequence[Task]) -> None:
        with self._changed:
            queue = self._queues.get(item, deque())
            for task in tasks:
                queue.popleft()
                self._bytes -= _size(task)
                if isinstance(task, Write):
                    self.counters["writes"] += 1
                    self.counters["bytes"] += len(task.data)
            if not queue:
                self._queues.pop(item, None)

    def _fail(self, item: str, error: OSError) -> None:
        failure: Failure = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "disk_error"
        self.counters["failures"] += 1
        if failure != self._failures.get(item):
            logger.error("x %s: %s: %s", item, failure, error.strerror)
        self._failures[item] = failure

    def _run(self) -> None:
        while True:
            works = self.work()
            with self._changed:
                if self._stopping and (not self._queues or not works):
                    return
                if not works:
                    self._changed.wait(RETRY_S)
                elif not self._queues:
                    self._changed.wait()


def _size(task: Task) -> int:
    return len(task.data) if isinstance(task, Write | Replace) else 0


def _item(task: Task) -> str:
    return task.path.partition("/")[0]
