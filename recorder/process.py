"""The recorder process: two sockets, a clock, and the feed between them.

It ends by itself when the server does: the control socket then reads end of file. All that has come is
written before it exits, and the items stay open, so that the next server finds and closes them.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from recorder import recovery
from recorder.chain import Signer
from recorder.control import (
    LINE_LIMIT_BYTES,
    Control,
    ControlError,
    ItemClosed,
    ItemState,
    Ready,
    Shutdown,
    Status,
    decode_to_recorder,
    encode,
)
from recorder.feed import Feed
from recorder.item import KnownItem
from recorder.library import write_summary
from recorder.spool import Failure, Spool
from recorder.storage import Storage

logger = logging.getLogger(__name__)

TICK_S = 0.04
"""NACKs and cuts are decided so often."""
IDLE_TICK_S = 0.2
"""The same while nothing comes that could be cut."""
GATHER_S = 0.06
"""What comes within so long is read at once: waking up costs more than reading a dozen packets. All arrivals
are late by as much, which moves nothing against anything else."""
BUSY_GATHER_S = 0.005
"""After a read of many the next one comes so soon: where much comes, waking up is a small part of it, and the
socket must not fill up."""
BUSY_DATAGRAMS = 64
"""So many are many: more than one key picture has."""
STATUS_S = 1.0
DATAGRAM_BYTES = 65_536
DATAGRAMS_PER_TURN = 512
"""Read at once before the clock is looked at again: 50 ms of fifty cameras."""
FINISH_S = 8.0
"""To write what is queued at the end: less than the 10 s the server waits."""


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class RecorderProcess:
    def __init__(
        self,
        library: Path,
        media: socket.socket,
        control: socket.socket,
        signer: Signer,
        clock: Callable[[], int] = monotonic_us,
    ) -> None:
        self._media = media
        self._control = control
        self._clock = clock
        self._storage = Storage(library)
        self._spool = Spool(Storage(library))
        self._closed: SimpleQueue[str] = SimpleQueue()
        self._feed = Feed(self._spool, self._mend, self._item_written, signer)
        self._unread = b""
        self._told: dict[str, Failure] = {}
        """Item -> what was last said of it."""
        self._gather_s = BUSY_GATHER_S
        self._stopping = False

    def run(self) -> int:
        """Until the server says so or is gone; returns the exit code."""
        self._media.setblocking(False)
        self._spool.start()
        self._send(Ready(pid=os.getpid()))
        next_tick = next_status = time.monotonic()
        while not self._stopping:
            self._wait(max(0.0, next_tick - time.monotonic()))
            if (now := time.monotonic()) >= next_tick:
                next_tick = now + (TICK_S if self._feed.busy else IDLE_TICK_S)
                self._tick()
            if now >= next_status:
                next_status = now + STATUS_S
                self._feed.retry(self._clock())
                self._send(self._status())
        return self._finish()

    def _wait(self, timeout_s: float) -> None:
        if self._feed.busy:
            time.sleep(self._gather_s)
            timeout_s = 0
        ready, _, _ = select.select([self._media, self._control], [], [], timeout_s)
        if self._control in ready:
            self._read_control()
        if self._media in ready:
            many = self._read_media() >= BUSY_DATAGRAMS
            self._gather_s = BUSY_GATHER_S if many else GATHER_S

    def _read_control(self) -> None:
        try:
            data = self._control.recv(LINE_LIMIT_BYTES)
        except ConnectionError:  # it went with messages of ours unread
            data = b""
        if not data:
            logger.info("- the server is gone")
            self._stopping = True
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        if len(self._unread) > LINE_LIMIT_BYTES:
            raise ControlError("line too long")
        for line in lines:
            message = decode_to_recorder(line)
            if isinstance(message, Shutdown):
                self._stopping = True
            else:
                self._feed.message(message, self._clock())

    def _read_media(self) -> int:
        """How many datagrams there were."""
        now_us = self._clock()
        for count in range(DATAGRAMS_PER_TURN):
            try:
                datagram = self._media.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return count
            except ConnectionError:
                datagram = b""
            if not datagram:
                self._stopping = True
                return count
            self._feed.datagram(datagram, now_us)
        return DATAGRAMS_PER_TURN

    def _tick(self) -> None:
        self._feed.tick(self._clock())
        for datagram in self._feed.drain():
            with suppress(BlockingIOError, ConnectionError):  # asked for again in a moment, or never
                self._media.send(datagram)
        self._tell_failure()
        while not self._closed.empty():
            self._send(ItemClosed(item=self._closed.get_nowait()))

    def _tell_failure(self) -> None:
        failures = {item: self._spool.failure_of(item) for item in self._feed.items}
        failures |= dict.fromkeys(self._feed.unopened, "disk_error")
        for item, failure in failures.items():
            if failure != self._told.get(item, ""):
                self._send(ItemState(item=item, state="failing" if failure else "on", reason=failure))
        self._told = failures

    def _send(self, message: Control) -> None:
        try:
            self._control.sendall(encode(message))
        except (BrokenPipeError, ConnectionResetError):
            self._stopping = True

    def _finish(self) -> int:
        self._feed.close(self._clock())
        complete = self._spool.stop(FINISH_S)
        self._tell_closed()
        return 0 if complete else 1

    def _tell_closed(self) -> None:
        with suppress(Empty, OSError):
            while True:
                self._control.sendall(encode(ItemClosed(item=self._closed.get_nowait())))

    def _item_written(self, item: str) -> None:
        """In the spool's thread: the item's last line is on the disk."""
        write_summary(self._storage, item)
        self._closed.put(item)

    def _mend(self, item: str) -> KnownItem:
        return recovery.mend(self._storage, item)

    def _status(self) -> Status:
        spool = {f"spool_{name}": count for name, count in self._spool.counters.items()}
        return Status(counters={**self._feed.counters(), **spool}, waiting_bytes=self._spool.waiting_bytes)
