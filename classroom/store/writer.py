"""The writer: takes facts from the rooms at once, and writes them in batches behind their backs.

Theory of operation
-------------------
`add` never waits: it turns a fact into rows and queues them. One task takes what is queued, writes it in one
transaction and begins again; between two commits it lets `COMMIT_INTERVAL_S` pass, so that a fact that comes
alone is on the disk at once and a storm of them costs a few commits a second.

When the database refuses (locked, full, away), the batch stays and is tried again, ever more slowly up to
`MAX_BACKOFF_S`; lessons go on, the queue grows up to `CAPACITY`, and what finds no place is counted as
dropped. A row that the database will never take (a fault of ours) must not stop the others: the batch is then
written fact by fact, and that one is logged and counted as refused.

So that a crash is found out afterwards, every commit notes the time, and so does an idle writer every
`ALIVE_INTERVAL_S` as long as anybody is in a lesson (see `recovery`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from classroom.clock import Clock, Uptime, unknown_uptime
from classroom.events import Fact, ObservationEnded, PersonLeft, QualityMeasured, QualityNoted, StateChanged
from classroom.store.engine import may_pass, reason
from classroom.store.ledger import Ledger
from classroom.store.rows import Entry, entry
from classroom.store.statements import NOTE_ALIVE, ORDER
from classroom.store.talk_rows import Write
from classroom.store.transactions import Transactions, Work

log = logging.getLogger(__name__)

CAPACITY = 20_000
"""Facts that wait: some 1 KB each, so 20 MB; ten minutes of a lesson of 3,000 in which the database is
away."""
QUALITY_CAPACITY = 4_000
"""Facts that wait when those of quality find no place any more: a database that is away must not cost who was
there for how well they were reached. Two minutes of 1,000 people, some 3 MB."""
BATCH = 500
"""Facts in one transaction: some 20 ms of writing, so that others who use the database need not wait
longer."""
COMMIT_INTERVAL_S = 0.5
"""Between two commits. The promise is that a crash of the machine costs at most the last second: the rest of
it is for a disk that takes its time. While a school comes in, each commit is a waking up of two threads."""
ALIVE_INTERVAL_S = 5.0
"""How exactly the end of a presence is known after a crash in which nothing else happened."""
MIN_BACKOFF_S = 0.25
MAX_BACKOFF_S = 5.0
"""A disk that has room again, or a lock that is gone, is noticed soon enough."""

_NEVER_DROPPED = (PersonLeft, ObservationEnded, StateChanged)
"""At most one for each thing that was let in before."""


@dataclass(frozen=True, slots=True)
class StoreHealth:
    ok: bool
    """False: the last write failed and is being tried again; lessons go on."""
    queued: int
    """Facts that wait to be written."""
    written: int
    dropped: int
    """Facts lost because the queue was full."""
    retries: int
    refused: int
    """Facts that the database would not take, whatever we do (a fault of ours; logged)."""
    error: str
    """Of the last failed write; empty when ok."""
    dropped_quality: int = 0
    """Rows and notes of the quality record, lost because too much else was waiting."""


class Writer:
    def __init__(
        self,
        transact: Transactions,
        ledger: Ledger,
        clock: Clock,
        on_health: Callable[[StoreHealth], None],
        on_written: Callable[[], None] = lambda: None,
        uptime: Callable[[], Uptime] = unknown_uptime,
    ) -> None:
        """on_health: called when `ok` changes. on_written: after each transaction. uptime: the machine's."""
        self._transact = transact
        self._ledger = ledger
        self._clock = clock
        self._uptime = uptime
        self._on_health = on_health
        self._on_written = on_written
        self._queue: deque[Entry] = deque()
        self._added = 0
        self._finished = 0
        """Of those added: written, or given up."""
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._wake = asyncio.Event()
        self._written = self._dropped = self._retries = self._refused = 0
        self._dropped_quality = 0
        self._error = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def health(self) -> StoreHealth:
        return StoreHealth(
            ok=not self._error,
            queued=len(self._queue),
            written=self._written,
            dropped=self._dropped,
            retries=self._retries,
            refused=self._refused,
            error=self._error,
            dropped_quality=self._dropped_quality,
        )

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store writer")

    def add(self, fact: Fact) -> None:
        """Queues a fact. The numbers of the lesson's events go on even when there is no room."""
        if isinstance(fact, QualityMeasured | QualityNoted) and len(self._queue) >= QUALITY_CAPACITY:
            self._dropped_quality += 1
            return
        made = entry(fact, self._ledger)
        if len(self._queue) >= CAPACITY and not isinstance(fact, _NEVER_DROPPED):
            self._dropped += 1
            return
        self._queue.append(made)
        self._added += 1
        self._wake.set()

    async def flush(self) -> None:
        """Waits until all that was added so far is written."""
        if self._finished >= self._added:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._added, done))
        self._wake.set()
        await done

    async def stop(self) -> None:
        """Ends the task; what is queued and not being written is lost."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._transact.close()

    # --- the task
    # ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        next_commit = self._clock.now()
        while True:
            if not self._queue:
                await self._sleep_until(self._clock.now() + ALIVE_INTERVAL_S, wakes=lambda: bool(self._queue))
            await self._sleep_until(next_commit, wakes=lambda: bool(self._waiters))
            if self._queue or self._ledger.has_open:
                await self._write_next()
                next_commit = self._clock.now() + COMMIT_INTERVAL_S

    async def _write_next(self) -> None:
        batch = [self._queue[i] for i in range(min(BATCH, len(self._queue)))]
        backoff_s = MIN_BACKOFF_S
        while True:
            try:
                await self._write(batch)
                break
            except (DBAPIError, PoolTimeoutError, OSError) as error:
                self._failed(error)
            await self._sleep_until(self._clock.now() + backoff_s, wakes=lambda: False)
            backoff_s = min(MAX_BACKOFF_S, backoff_s * 2)
        self._succeeded(len(batch))

    async def _write(self, batch: Sequence[Entry]) -> None:
        try:
            await self._transact(self._work(batch))
            self._written += len(batch)
        except Exception as error:
            if may_pass(error):
                raise
            for one in batch:
                await self._write_alone(one)

    async def _write_alone(self, one: Entry) -> None:
        try:
            await self._transact(self._work([one]))
            self._written += 1
        except Exception as error:
            if may_pass(error):
                raise
            # Also what was written although the commit's answer was lost; then it is only counted twice.
            self._refused += 1
            log.exception("x store refused a fact")

    def _work(self, batch: Sequence[Entry]) -> Work:
        """What is to be done in one transaction, maybe in another thread: nothing here changes meanwhile."""
        uptime = self._uptime()
        alive = {"to_alive_ms": self._clock.unix_ms(), "to_boot": uptime.boot, "to_uptime_ms": uptime.ms}
        return partial(_write_rows, [write for made in batch for write in made.writes], alive)

    def _failed(self, error: Exception) -> None:
        self._retries += 1
        first = not self._error
        self._error = reason(error)
        if first:
            log.warning("x store: %s; trying again, lessons go on", self._error)
            self._on_health(self.health)

    def _succeeded(self, count: int) -> None:
        for _ in range(count):
            self._queue.popleft()
        self._finished += count
        while self._waiters and self._waiters[0][0] <= self._finished:
            _, done = self._waiters.popleft()
            if not done.done():
                done.set_result(None)
        if self._error:
            self._error = ""
            log.info("- store: writing again")
            self._on_health(self.health)
        self._on_written()

    async def _sleep_until(self, when: float, wakes: Callable[[], bool]) -> None:
        """Until the clock reaches `when`, or something happened after which `wakes` holds."""
        timer = self._clock.call_at(when, self._wake.set)
        try:
            while self._clock.now() < when and not wakes():
                self._wake.clear()
                await self._wake.wait()
        finally:
            timer.cancel()


def _write_rows(writes: Sequence[Write], alive: dict[str, object], connection: Connection) -> None:
    rows: dict[int, list[dict[str, object]]] = {}
    for write in writes:
        rows.setdefault(id(write.statement), []).append(write.row)
    for statement in ORDER:
        if id(statement) in rows:
            connection.execute(statement, rows[id(statement)])
    connection.execute(NOTE_ALIVE, alive)
