"""Items that a server left open when it died: whose lesson goes on goes on with them, the others are closed.

An item continues on its own clock, which shows the time since its lesson began; the clock by which lessons go
tells how much of that the server was away. Should it have been set back meanwhile, the item's clock stands
where its media ends, and never goes back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from recorder import ledger, recovery
from recorder.chain import Signer
from recorder.control import ItemOpen
from recorder.item import header_path
from recorder.storage import Storage

logger = logging.getLogger(__name__)

STALE_S = 3600.0
"""A lesson whose recording stood still for an hour begins another item."""


def wall_clock_ms() -> int:
    """Unix time by the system's clock."""
    return time.time_ns() // 1_000_000


class Unfinished:
    """Calls read and write files: not for the event loop, but for `take`."""

    def __init__(self, storage: Storage, signer: Signer, unix_ms: Callable[[], int] = wall_clock_ms) -> None:
        """unix_ms: asked in the event loop only, whose time it may be."""
        self._unix_ms = unix_ms
        self._began_ms = unix_ms()
        self._storage = storage
        self._signer = signer
        self._by_lesson: dict[str, tuple[ledger.Header, int]] = {}
        """Lesson -> (its latest open item, item clock behind the last sample)."""

    def find(self) -> None:
        """Mends what an earlier server left open, and closes what no lesson can go on with. An item that
        cannot be read is left as it is, for an operator to look at."""
        for item in recovery.left_open(self._storage):
            try:
                header = ledger.decode_header(self._storage.read(header_path(item)))
                end_us = recovery.mend(self._storage, item).end_us
            except OSError as error:
                logger.error("x %s cannot be mended: %s", item, error)
                continue
            if header is None or header.version < ledger.VERSION or self._away_s(header, end_us) > STALE_S:
                self._close(item)
                continue
            earlier = self._by_lesson.pop(header.lesson, None)
            if earlier is not None and earlier[0].started_ms > header.started_ms:
                header, end_us, earlier = *earlier, (header, end_us)
            if earlier is not None:
                self._close(earlier[0].id)
            self._by_lesson[header.lesson] = header, end_us

    def take(self, lesson: str) -> ItemOpen | None:
        """The item with which the lesson goes on, if there is one. It is not ours any more."""
        header, end_us = self._by_lesson.pop(lesson, (None, 0))
        if header is None:
            return None
        now_us = time.monotonic_ns() // 1000
        since_us = (self._unix_ms() - header.started_ms) * 1000
        logger.info("- item %s goes on", header.id)
        return ItemOpen(
            item=header.id,
            lesson=header.lesson,
            title=header.title,
            started_ms=header.started_ms,
            started_us=now_us - max(since_us, end_us),
        )

    def close_all(self) -> None:
        """Nobody went on with them."""
        while self._by_lesson:
            _, (header, _) = self._by_lesson.popitem()
            self._close(header.id)

    def _away_s(self, header: ledger.Header, end_us: int) -> float:
        """Since its last sample."""
        return (self._began_ms - header.started_ms) / 1e3 - end_us / 1e6

    def _close(self, item: str) -> None:
        if recovery.try_close(self._storage, item, self._signer):
            logger.info("- item %s was left open, closed", item)
